/** The sensors that were heard, and how they are. */

import { count, counts, fields, text, total } from "../values.ts";
import type { Message } from "../frames.ts";

export type Health = "ok" | "silent" | "losing" | "errors";

export interface Sensor {
  name: string;
  /** When the last message came, in seconds since 1970, by this machine's clock. */
  heardAt: number;
  messages: number;
  /** How long it may take until it says something, in seconds. */
  interval: number;
  /** Its clock minus ours, when the last message came, in seconds. */
  clockAhead: number;
  /** Packets that its kernel lost since the page is open; null when it cannot tell. */
  kernelDropped: number | null;
  /** Packets that it left out, by reason, since the page is open; null while it has told none of it. */
  skipped: Map<string, number> | null;
  status: Status | null;
  /** When something was lost, or went wrong, last. */
  lossAt: number;
  errorAt: number;
}

/** What it tells of itself since its start. */
export interface Status {
  source: string | null;
  uptime: number | null;
  refused: number;
  spooledMessages: number | null;
  lost: Map<string, number>;
  errors: number;
  lastError: string | null;
}

export class Sensors {
  readonly #sensors = new Map<string, Sensor>();
  /** Messages of sensors beyond those that are told apart. */
  beyond = 0;

  all(): Sensor[] {
    return [...this.#sensors.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Notes that this sensor says something, and gives it; null when there are too many. */
  hear(message: Message, now: number): Sensor | null {
    const name = message.sensor ?? "";
    let sensor = this.#sensors.get(name);
    if (sensor === undefined) {
      if (this.#sensors.size >= MOST) {
        this.beyond += 1;
        return null;
      }
      sensor = fresh(name);
      this.#sensors.set(name, sensor);
    }
    sensor.heardAt = now;
    sensor.messages += 1;
    sensor.clockAhead = message.time - now;
    return sensor;
  }
}

/** Takes a `packets.count`; gives whether it is one. */
export function takeCount(sensor: Sensor, payload: Record<string, unknown>, now: number): boolean {
  const interval = count(payload["interval"]);
  if (interval === null || count(payload["packets"]) === null || count(payload["bytes"]) === null) return false;
  sensor.interval = clamped(interval);
  const dropped = count(payload["dropped"]);
  if (dropped !== null) sensor.kernelDropped = (sensor.kernelDropped ?? 0) + dropped;
  if (dropped !== null && dropped > 0) sensor.lossAt = now;
  sensor.skipped ??= new Map();
  for (const [reason, packets] of counts(payload["skipped"])) {
    if (sensor.skipped.has(reason) || sensor.skipped.size < MOST) {
      sensor.skipped.set(reason, (sensor.skipped.get(reason) ?? 0) + packets);
    }
  }
  return true;
}

/** Takes a `sensor.status`; gives whether it is one. */
export function takeStatus(sensor: Sensor, payload: Record<string, unknown>, now: number): boolean {
  if (count(payload["made"]) === null && count(payload["uptime"]) === null) return false;
  const processors = Array.isArray(payload["processors"]) ? payload["processors"].slice(0, 64).map(fields) : [];
  const status: Status = {
    source: text(payload["source"]),
    uptime: count(payload["uptime"]),
    refused: count(payload["refused"]) ?? 0,
    spooledMessages: count(payload["spooled_messages"]),
    lost: counts(payload["lost"]),
    errors: total(processors.map((one) => count(one?.["errors"]) ?? 0)),
    lastError: processors.map((one) => text(one?.["last_error"])).find((one) => one) ?? null,
  };
  const before = sensor.status;
  // A sensor that was started again counts from nothing.
  const more = (then: number | undefined, present: number): boolean => present > (then !== undefined && then <= present ? then : 0);
  const lost = total(status.lost.values()) + status.refused;
  if (more(before ? total(before.lost.values()) + before.refused : undefined, lost)) sensor.lossAt = now;
  if (more(before?.errors, status.errors)) sensor.errorAt = now;
  sensor.status = status;
  return true;
}

/** How it is: silent for three intervals, losing or with errors in the last minute, or well. */
export function health(sensor: Sensor, now: number): Health {
  if (now - sensor.heardAt > 3 * sensor.interval) return "silent";
  if (now - sensor.lossAt < RECENT) return "losing";
  if (now - sensor.errorAt < RECENT) return "errors";
  return "ok";
}

function fresh(name: string): Sensor {
  return {
    name,
    heardAt: 0,
    messages: 0,
    interval: 5,
    clockAhead: 0,
    kernelDropped: null,
    skipped: null,
    status: null,
    lossAt: Number.NEGATIVE_INFINITY,
    errorAt: Number.NEGATIVE_INFINITY,
  };
}

function clamped(interval: number): number {
  return Math.min(Math.max(interval, 1), 600);
}

/** Sensors, and reasons of one, that are told apart. */
const MOST = 256;
/** How long something that was lost is news, in seconds. */
const RECENT = 60;
