/** What the hub says: docs/hub.md. */

import { count, fields, text } from "./values.ts";

/** How a subscription goes on behind `since`. */
export type Resume = "fresh" | "whole" | "gap";

export interface Message {
  /** `boot:number` of the sensor. */
  id: string;
  /** Seconds since 1970, by the sensor's clock. */
  time: number;
  sensor: string | null;
  topic: string;
  payload: unknown;
}

export type Frame =
  | { kind: "welcome"; hub: string; boot: string; sequence: number; resume: Resume }
  | { kind: "message"; sequence: number; message: Message }
  | { kind: "lost"; messages: number };

/** A frame, or null when it is none. */
export function readFrame(data: unknown): Frame | null {
  const frame = parsed(data);
  switch (frame?.["kind"]) {
    case "welcome":
      return readWelcome(frame);
    case "message":
      return readMessage(frame);
    case "lost": {
      const messages = count(frame["messages"]);
      return messages === null ? null : { kind: "lost", messages };
    }
    default:
      return null;
  }
}

function readWelcome(frame: Record<string, unknown>): Frame | null {
  const [hub, boot, sequence, resume] = [text(frame["hub"]), text(frame["boot"]), count(frame["sequence"]), frame["resume"]];
  if (hub === null || boot === null || sequence === null) return null;
  if (resume !== "fresh" && resume !== "whole" && resume !== "gap") return null;
  return { kind: "welcome", hub, boot, sequence, resume };
}

function readMessage(frame: Record<string, unknown>): Frame | null {
  const [sequence, found] = [count(frame["sequence"]), fields(frame["message"])];
  if (sequence === null || found === null) return null;
  const [id, time, topic] = [text(found["id"]), count(found["time"]), text(found["topic"])];
  if (id === null || time === null || topic === null) return null;
  return { kind: "message", sequence, message: { id, time, topic, sensor: text(found["sensor"]), payload: found["payload"] } };
}

function parsed(data: unknown): Record<string, unknown> | null {
  if (typeof data !== "string") return null;
  try {
    return fields(JSON.parse(data));
  } catch {
    return null;
  }
}
