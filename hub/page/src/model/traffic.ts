/**
 * Packets, bits and flows of each second, by sensor.
 *
 * Packets and bits are what sensors count of an interval, spread over it; flows are the records that came. A second is told
 * when all sensors that are on time have told it, and is null when none has.
 */

import { Seconds } from "./seconds.ts";

export interface Curves {
  /** Seconds since 1970, one after the other. */
  times: number[];
  packets: (number | null)[];
  bits: (number | null)[];
  flows: (number | null)[];
}

interface Sensor {
  packets: Seconds;
  bits: Seconds;
  flows: Seconds;
  /** To where its packets are told, and how long its intervals are. */
  until: number;
  interval: number;
}

export class Traffic {
  readonly span: number;
  readonly #sensors = new Map<string, Sensor>();
  /** The seconds in which flows could come. */
  readonly #covered: Seconds;

  constructor(span = 300) {
    this.span = span;
    this.#covered = new Seconds(span);
  }

  get sensors(): string[] {
    return [...this.#sensors.keys()];
  }

  count(sensor: string, time: number, interval: number, packets: number, bytes: number, now: number): void {
    const found = this.#sensor(sensor, time, now);
    if (found === null) return;
    const begin = time - interval;
    // Behind a gap, a second of which only the end is known is not told: it would look like a dip.
    const from = begin - found.until < 1 ? begin : Math.ceil(begin);
    const part = (time - from) / interval;
    found.packets.spread(from, time, packets * part);
    found.bits.spread(from, time, bytes * 8 * part);
    found.until = Math.max(found.until, time);
    found.interval = interval;
  }

  flow(sensor: string, time: number, now: number): void {
    this.#sensor(sensor, time, now)?.flows.add(Math.floor(time), 1);
  }

  /** Flows could come from then until then. */
  cover(from: number, until: number): void {
    for (let second = Math.floor(Math.max(from, until - this.span + 1)); second <= until; second += 1) {
      if (this.#covered.at(second) === null) this.#covered.add(second, 1);
    }
  }

  /** The last seconds, of one sensor or of all. */
  curves(now: number, only: string | null): Curves {
    const chosen = [...this.#sensors].filter(([name]) => only === null || name === only).map(([, sensor]) => sensor);
    const newest = Math.max(...chosen.map((sensor) => sensor.until));
    const onTime = chosen.filter((sensor) => sensor.until > newest - 3 * sensor.interval);
    const told = Math.floor(Math.min(...onTime.map((sensor) => sensor.until)));
    const curves: Curves = { times: [], packets: [], bits: [], flows: [] };
    const last = Math.floor(now);
    for (let second = last - this.span + 2; second <= last; second += 1) {
      curves.times.push(second);
      curves.packets.push(second < told ? sum(chosen, (sensor) => sensor.packets.at(second)) : null);
      curves.bits.push(second < told ? sum(chosen, (sensor) => sensor.bits.at(second)) : null);
      const flows = sum(chosen, (sensor) => sensor.flows.at(second));
      const known = this.#covered.at(second) !== null && second < last;
      curves.flows.push(known ? (flows ?? 0) : null);
    }
    return curves;
  }

  /** The sensor, unless its time lies outside of what is shown, or there are too many to tell apart. */
  #sensor(name: string, time: number, now: number): Sensor | null {
    if (time <= now - this.span || time > now + 5) return null;
    const known = this.#sensors.get(name) ?? (this.#sensors.size < MOST_SENSORS ? undefined : this.#sensors.get(OTHERS));
    if (known !== undefined) return known;
    const made = {
      packets: new Seconds(this.span),
      bits: new Seconds(this.span),
      flows: new Seconds(this.span),
      until: 0,
      interval: 5,
    };
    this.#sensors.set(this.#sensors.size < MOST_SENSORS ? name : OTHERS, made);
    return made;
  }
}

function sum(sensors: Sensor[], amount: (sensor: Sensor) => number | null): number | null {
  let all: number | null = null;
  for (const sensor of sensors) {
    const one = amount(sensor);
    if (one !== null) all = (all ?? 0) + one;
  }
  return all;
}

const MOST_SENSORS = 64;
const OTHERS = "(others)";
