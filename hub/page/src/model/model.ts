/** Everything that the page knows: frames go in, the views read. All of it is bounded. */

import type { Frame, Message, Resume } from "../frames.ts";
import { count, counts, fields } from "../values.ts";
import { Ring } from "./ring.ts";
import { readFlow, readOther, type Row } from "./rows.ts";
import { Sensors, takeCount, takeStatus } from "./sensors.ts";
import { Sums } from "./sums.ts";
import { Traffic } from "./traffic.ts";

/** What the hub tells of itself since its start. */
export interface HubStatus {
  accepted: number;
  refused: Map<string, number>;
  dropped: Map<string, number>;
}

export class Model {
  readonly traffic = new Traffic();
  readonly sensors = new Sensors();
  /** Bytes sent and received together, sent, received, flows. */
  readonly talkers = new Sums();
  /** Bytes, flows. */
  readonly applications = new Sums();
  readonly flows = new Ring<Row>(5000);
  readonly others = new Ring<Row>(1000);
  hub: HubStatus | null = null;
  messages = 0;
  /** Messages that the hub dropped because this page was too slow. */
  lost = 0;
  /** Connections that could not go on where the last one ended. */
  gaps = 0;
  /** Frames that are none. */
  unreadable = 0;
  /** Payloads that are not what their topic says. */
  malformed = 0;
  /** Since when flows come, in seconds since 1970; null while there is no connection. */
  #liveSince: number | null = null;

  /** `now` is in seconds since 1970. */
  take(frame: Frame, now: number): void {
    if (frame.kind === "lost") this.lost += frame.messages;
    if (frame.kind !== "message") return;
    this.messages += 1;
    this.#message(frame.message, now);
  }

  /** The connection is there, or there again after so many seconds. */
  welcome(resume: Resume, awaySeconds: number | null, now: number): void {
    if (resume === "gap") this.gaps += 1;
    this.#liveSince = now - (resume === "whole" ? (awaySeconds ?? 0) : 0);
  }

  /** The connection is gone. */
  leave(now: number): void {
    this.tick(now);
    this.#liveSince = null;
  }

  /** Time goes by. */
  tick(now: number): void {
    if (this.#liveSince === null) return;
    this.traffic.cover(this.#liveSince, now);
    this.#liveSince = now;
  }

  #message(message: Message, now: number): void {
    if (message.topic === "system" || message.topic === "SystemStatusChef" || message.topic.startsWith("system.")) {
      if (message.topic === "system.status") this.#status(message);
      return;
    }
    const sensor = this.sensors.hear(message, now);
    const payload = fields(message.payload);
    switch (message.topic) {
      case "flow.record":
        return this.#flow(message, now);
      case "packets.count":
        if (sensor !== null && (payload === null || !takeCount(sensor, payload, now))) this.malformed += 1;
        if (payload !== null) this.#count(message, payload, now);
        return;
      case "sensor.status":
        if (sensor !== null && (payload === null || !takeStatus(sensor, payload, now))) this.malformed += 1;
        return;
      default:
        this.others.push({ number: this.others.pushed, values: readOther(message) });
    }
  }

  #flow(message: Message, now: number): void {
    const flow = readFlow(message);
    if (flow === null) {
      this.malformed += 1;
      return;
    }
    this.flows.push({ number: this.flows.pushed, values: flow.values });
    this.traffic.flow(message.sensor ?? "", message.time, now);
    const both = flow.sent + flow.received;
    this.talkers.add(now, flow.source, [both, flow.sent, flow.received, 1]);
    if (flow.destination !== flow.source) this.talkers.add(now, flow.destination, [both, flow.received, flow.sent, 1]);
    this.applications.add(now, flow.application, [both, 1]);
  }

  #count(message: Message, payload: Record<string, unknown>, now: number): void {
    const [interval, packets, bytes] = [count(payload["interval"]), count(payload["packets"]), count(payload["bytes"])];
    if (interval === null || packets === null || bytes === null) return;
    this.traffic.count(message.sensor ?? "", message.time, interval, packets, bytes, now);
  }

  #status({ payload }: Message): void {
    const found = fields(payload);
    const accepted = count(found?.["accepted"]);
    if (found === null || accepted === null) {
      this.malformed += 1;
      return;
    }
    this.hub = { accepted, refused: counts(found["refused"]), dropped: counts(found["dropped"]) };
  }
}
