/** The sensors and how they are, each in words. */

import { health, type Health, type Sensor, type Sensors } from "../model/sensors.ts";
import { span, visible, whole } from "../text.ts";
import { total } from "../values.ts";
import { part, setText } from "./dom.ts";
import { Table, type Cell, type Line } from "./table.ts";

export class SensorsView {
  readonly #table: Table;

  constructor() {
    this.#table = new Table(
      part("sensors-table", HTMLTableElement),
      [
        { title: "Sensor", kind: "text" },
        { title: "Health", kind: "text" },
        { title: "Last heard", kind: "number" },
        { title: "Source", kind: "text" },
        { title: "Up", kind: "number" },
        { title: "Messages", kind: "number" },
        { title: "Lost", kind: "number" },
        { title: "Kernel lost", kind: "number" },
        { title: "Spooled", kind: "number" },
        { title: "Errors", kind: "number" },
      ],
      "No sensor has been heard.",
    );
  }

  draw(sensors: Sensors, now: number): void {
    this.#table.draw(sensors.all().map((sensor) => line(sensor, now)));
    const beyond = sensors.beyond === 0 ? "" : `${whole(sensors.beyond)} messages of more sensors are not told apart.`;
    setText(part("sensors-note", HTMLElement), beyond);
  }
}

export function nameOf(sensor: { name: string }): string {
  return sensor.name === "" ? "(nameless)" : visible(sensor.name);
}

function line(sensor: Sensor, now: number): Line {
  const { status } = sensor;
  const number = (value: number | null | undefined): Cell => ({ text: value === null || value === undefined ? "not told" : whole(value) });
  const errors = number(status?.errors);
  if (status?.lastError) errors.title = visible(status.lastError);
  return {
    key: sensor.name,
    cells: [
      { text: nameOf(sensor) },
      healthCell(sensor, now),
      { text: `${span(Math.max(0, Math.floor(now - sensor.heardAt)))} ago` },
      { text: visible(status?.source ?? "not told") },
      { text: typeof status?.uptime === "number" ? span(Math.floor(status.uptime)) : "not told" },
      number(sensor.messages),
      number(status === null ? null : total(status.lost.values())),
      number(sensor.kernelDropped),
      number(status?.spooledMessages),
      errors,
    ],
  };
}

function healthCell(sensor: Sensor, now: number): Cell {
  const how = health(sensor, now);
  const ahead = Math.round(sensor.clockAhead);
  const words = Math.abs(ahead) > CLOCK ? `${WORDS[how]}; clock ${span(Math.abs(ahead))} ${ahead > 0 ? "ahead" : "behind, or late"}` : WORDS[how];
  const mark = how === "ok" && Math.abs(ahead) > CLOCK ? "losing" : how;
  return { text: words, mark };
}

const WORDS: Record<Health, string> = { ok: "Well", silent: "Silent", losing: "Losing", errors: "Errors" };
/** How far a clock may be off before it is told, in seconds. */
const CLOCK = 10;
