/** A chart over the last minutes, with what it shows in words beside it. */

import uPlot from "uplot";
import { clock, short, span } from "../text.ts";
import { make, part, setText } from "./dom.ts";

export class Chart {
  readonly #plot: uPlot;
  readonly #words: HTMLElement;
  readonly #at: HTMLElement;
  readonly #unit: string;
  #values: readonly (number | null)[] = [];

  /** The figure of this id, whose values are in this unit. */
  constructor(id: string, unit: string, spanSeconds: number) {
    const figure = part(id, HTMLElement);
    this.#unit = unit;
    this.#words = make("p", "words");
    this.#at = make("p", "at");
    this.#at.ariaHidden = "true";
    const canvas = make("div", "canvas");
    canvas.ariaHidden = "true";
    figure.append(canvas, this.#at, this.#words);
    this.#plot = new uPlot(options(spanSeconds, unit, () => this.#point()), [[], []], canvas);
    new ResizeObserver(() => this.#plot.setSize({ width: canvas.clientWidth, height: HEIGHT })).observe(canvas);
    dark.addEventListener("change", () => this.#plot.redraw());
  }

  draw(times: readonly number[], values: readonly (number | null)[]): void {
    this.#values = values;
    this.#plot.setData([[...times], [...values]]);
    this.#point();
    setText(this.#words, this.#sentence(times));
  }

  #sentence(times: readonly number[]): string {
    const known = this.#values.filter((value) => value !== null);
    const last = this.#values.findLastIndex((value) => value !== null);
    const [latest, time, end] = [this.#values[last], times[last], times.at(-1)];
    if (typeof latest !== "number" || time === undefined || end === undefined) return "No data yet.";
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
    const peak = known.reduce((most, value) => Math.max(most, value), 0);
    const old = end - time > STALE ? ` (${span(end - time)} ago)` : "";
    const show = (value: number): string => short(value, this.#unit);
    return `Last ${show(latest)}${old}, mean ${show(mean)}, highest ${show(peak)}.`;
  }

  /** What is under the pointer. */
  #point(): void {
    const at = this.#plot.cursor.idx;
    const [time, value] = [typeof at === "number" ? this.#plot.data[0][at] : undefined, typeof at === "number" ? this.#values[at] : null];
    const pointed = time === undefined || (this.#plot.cursor.left ?? -1) < 0;
    setText(this.#at, pointed ? "" : `${clock(time)}: ${typeof value === "number" ? short(value, this.#unit) : "not known"}`);
  }
}

function options(spanSeconds: number, unit: string, pointed: () => void): uPlot.Options {
  const axis = { stroke: () => colours.muted, font: FONT, ticks: { show: false } };
  return {
    width: 320,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [pointed] },
    scales: {
      x: { range: () => [Date.now() / 1000 - spanSeconds, Date.now() / 1000] },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      { ...axis, size: 26, grid: { show: false }, space: 40, values: (_plot, times) => times.map((time) => clock(time).slice(0, 5)) },
      {
        ...axis,
        size: 62,
        space: 32,
        grid: { stroke: () => colours.line, width: 1 },
        values: (_plot, values) => values.map((value) => short(value, unit)),
      },
    ],
    series: [{}, { stroke: () => colours.accent, fill: () => colours.faint, width: 1.5, points: { show: false } }],
  };
}

/** The colours of the scheme that is on. */
function readColours(): Record<"muted" | "line" | "accent" | "faint", string> {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name);
  return { muted: colour("--muted"), line: colour("--line"), accent: colour("--accent"), faint: colour("--accent-faint") };
}

let colours = readColours();
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => (colours = readColours()));

const HEIGHT = 140;
const FONT = "11px system-ui, sans-serif";
/** From how many seconds on the last value is old. */
const STALE = 15;
