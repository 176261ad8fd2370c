/** The rows of the tables of flows and of other messages: their columns, and how a message becomes one. */

import type { Value } from "../filter.ts";
import { count, fields, stamp, text } from "../values.ts";
import type { Message } from "../frames.ts";
import { clock, span, visible, whole } from "../text.ts";

export interface Row {
  number: number;
  values: Value[];
}

export interface Column {
  title: string;
  /** What a filter may call it: as on the page, and as docs/columns.md. */
  names: string[];
  kind: "text" | "number" | "code";
  show(value: Value): string;
}

export const FLOW_COLUMNS: Column[] = [
  column("Time", "number", ["time"], (value) => (typeof value === "number" ? clock(value) : "")),
  column("Sensor", "text", ["sensor"]),
  column("Source", "code", ["source", "src", "ip_src", "ip"]),
  column("Src port", "number", ["src_port", "port"], plain),
  column("Destination", "code", ["destination", "dst", "ip_dst", "ip"]),
  column("Dst port", "number", ["dst_port", "port"], plain),
  column("Protocol", "text", ["protocol", "ip_protocol"]),
  column("Application", "text", ["application", "app", "application_name"]),
  column("Server name", "text", ["server", "name", "requested_server_name"]),
  column("Packets", "number", ["packets", "pkts"]),
  column("Bytes", "number", ["bytes"]),
  column("Duration", "number", ["duration"], (value) => (typeof value === "number" ? span(value) : "")),
];

export const MESSAGE_COLUMNS: Column[] = [
  column("Time", "number", ["time"], (value) => (typeof value === "number" ? clock(value) : "")),
  column("Sensor", "text", ["sensor"]),
  column("Topic", "text", ["topic"]),
  column("Message", "text", ["message"]),
];

/** A flow, as far as the page needs it. */
export interface Flow {
  source: string;
  destination: string;
  sent: number;
  received: number;
  application: string;
  values: Value[];
}

/** A `flow.record`: a line of JSON of flowgauge's; null when it is none. */
export function readFlow(message: Message): Flow | null {
  const record = fields(message.payload);
  const [source, destination] = [text(record?.["ip_src"], 64), text(record?.["ip_dst"], 64)];
  if (record === null || source === null || destination === null) return null;
  const number = (name: string): number | null => count(record[name]);
  const [sent, received] = [number("src_to_dst_bytes") ?? 0, number("dst_to_src_bytes") ?? 0];
  const [start, end] = [stamp(record["start_time"]), stamp(record["end_time"])];
  const protocol = number("ip_protocol");
  const application = text(record["application_name"], 64) ?? "(unknown)";
  return {
    source,
    destination,
    sent,
    received,
    application,
    values: [
      message.time,
      message.sensor,
      source,
      number("src_port"),
      destination,
      number("dst_port"),
      protocol === null ? null : (PROTOCOLS.get(protocol) ?? String(protocol)),
      application,
      text(record["requested_server_name"]) ?? text(record["dns_query"]),
      (number("src_to_dst_pkts") ?? 0) + (number("dst_to_src_pkts") ?? 0),
      sent + received,
      start === null || end === null || end < start ? null : (end - start) / 1e3,
    ],
  };
}

/** Any other message, in one line. */
export function readOther(message: Message): Value[] {
  return [message.time, message.sensor, message.topic, sentence(message)];
}

function sentence({ topic, payload }: Message): string {
  const found = fields(payload) ?? {};
  const word = (name: string): string => text(found[name]) ?? "?";
  if (topic === "dns.lookup" && text(found["name"]) !== null) {
    return `${word("client")} asks ${word("resolver")} for ${word("type")} ${word("name")}`;
  }
  if (topic === "arp.change" && found["kind"] === "new") return `${word("ip")} is at ${word("mac")}`;
  if (topic === "arp.change" && found["kind"] === "moved") {
    return `${word("ip")} moved from ${word("previous_mac")} to ${word("mac")}`;
  }
  return text(JSON.stringify(payload ?? null), 300) ?? "";
}

function column(title: string, kind: Column["kind"], names: string[], show = shown): Column {
  return { title, kind, names, show };
}

function shown(value: Value): string {
  if (value === null) return "";
  return typeof value === "number" ? whole(value) : visible(value);
}

function plain(value: Value): string {
  return value === null ? "" : String(value);
}

/** Numbers of IANA that are seen every day. */
const PROTOCOLS = new Map([
  [1, "ICMP"],
  [2, "IGMP"],
  [6, "TCP"],
  [17, "UDP"],
  [47, "GRE"],
  [50, "ESP"],
  [58, "ICMPv6"],
  [89, "OSPF"],
  [132, "SCTP"],
]);
