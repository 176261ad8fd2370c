/** What is missing, and where it went: each loss under its own name, also when it is none. */

import type { Model } from "../model/model.ts";
import type { Sensor } from "../model/sensors.ts";
import { visible, whole } from "../text.ts";
import { total } from "../values.ts";
import { part, setText } from "./dom.ts";
import { nameOf } from "./sensors.ts";
import { Table, type Line } from "./table.ts";

interface Loss {
  where: string;
  what: string;
  /** Null when nobody tells. */
  count: number | null;
  since: string;
}

export class LossView {
  readonly #table: Table;

  constructor() {
    this.#table = new Table(
      part("loss-table", HTMLTableElement),
      [
        { title: "Where", kind: "text" },
        { title: "How many", kind: "number" },
        { title: "What", kind: "text" },
        { title: "Since", kind: "text" },
      ],
      "",
    );
  }

  draw(model: Model): void {
    const losses = [...ofPage(model), ...ofHub(model), ...ofSensors(model)];
    this.#table.draw(losses.map(line));
    const page = total(ofPage(model).map((loss) => loss.count ?? 0));
    const there = losses.some((loss) => (loss.count ?? 0) > 0);
    const words = page > 0 ? "This page is incomplete." : "This page has all that the hub offered it.";
    const further = there && page === 0 ? " Others lost something, as told below." : "";
    setText(part("loss-note", HTMLElement), words + further);
  }
}

function ofPage(model: Model): Loss[] {
  const loss = (what: string, count: number): Loss => ({ where: "This page", what, count, since: "the page was opened" });
  return [
    loss("messages that the hub dropped because the page was too slow", model.lost),
    loss("reconnections with a gap, of unknown size", model.gaps),
    loss("frames that could not be read", model.unreadable),
    loss("messages that are not what their topic says", model.malformed),
  ];
}

function ofHub({ hub }: Model): Loss[] {
  const loss = (what: string, counts: Map<string, number> | undefined): Loss => {
    const count = counts === undefined ? null : total(counts.values());
    return { where: "The hub", what: what + reasons(counts), count, since: "its start" };
  };
  return [
    loss("messages of sensors that it refused", hub?.refused),
    loss("messages that it dropped, of all subscribers", hub?.dropped),
  ];
}

/** All sensors together, with those that lost something by their names. */
function ofSensors(model: Model): Loss[] {
  const sensors = model.sensors.all();
  const loss = (what: string, since: string, of: (sensor: Sensor) => Map<string, number> | null): Loss => {
    const told = sensors.map((sensor) => ({ sensor, counts: of(sensor) })).filter(({ counts }) => counts !== null);
    const losers = told.filter(({ counts }) => total(counts?.values() ?? []) > 0);
    const names = losers.slice(0, MOST_NAMED).map(({ sensor, counts }) => `${nameOf(sensor)}${reasons(counts)}`);
    if (losers.length > MOST_NAMED) names.push(`${losers.length - MOST_NAMED} more`);
    const silent = sensors.length - told.length;
    const untold = silent > 0 && told.length > 0 ? `; ${silent} of ${sensors.length} sensors cannot tell` : "";
    return {
      where: "Sensors",
      what: `${what}${names.length === 0 ? "" : `: ${names.join(", ")}`}${untold}`,
      count: told.length === 0 && sensors.length > 0 ? null : total(told.map(({ counts }) => total(counts?.values() ?? []))),
      since,
    };
  };
  const one = (count: number | null | undefined): Map<string, number> | null => (typeof count === "number" ? new Map([["", count]]) : null);
  return [
    loss("messages that they lost", "their start", (sensor) => sensor.status?.lost ?? null),
    loss("messages that the hub refused", "their start", (sensor) => one(sensor.status?.refused)),
    loss("packets that the kernel lost", "the page was opened", (sensor) => one(sensor.kernelDropped)),
    loss("packets that they left out", "the page was opened", (sensor) => sensor.skipped),
  ];
}

/** The reasons that are not zero. */
function reasons(counts: Map<string, number> | null | undefined): string {
  const found = [...(counts ?? [])]
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => (reason === "" ? whole(count) : `${visible(reason)} ${whole(count)}`));
  return found.length === 0 ? "" : ` (${found.join(", ")})`;
}

function line({ where, what, count, since }: Loss, at: number): Line {
  const mark = count === null ? "unknown" : count > 0 ? "losing" : "none";
  return {
    key: at,
    cells: [{ text: where }, { text: count === null ? "not told" : whole(count), mark }, { text: what, title: "" }, { text: since }],
  };
}

/** Sensors that are named beside a loss. */
const MOST_NAMED = 8;
