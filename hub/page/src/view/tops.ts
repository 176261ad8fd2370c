/** Who sends most, and by which application. */

import type { Model } from "../model/model.ts";
import type { Sum, Sums } from "../model/sums.ts";
import { short, visible, whole } from "../text.ts";
import { part, setText } from "./dom.ts";
import { Table, type Cell, type Head, type Line } from "./table.ts";

export class Tops {
  readonly #talkers: Table;
  readonly #applications: Table;

  constructor() {
    const numbers = (...titles: string[]): Head[] => titles.map((title) => ({ title, kind: "number" }));
    const empty = "No flow has ended in the last minutes.";
    this.#talkers = new Table(
      part("talkers-table", HTMLTableElement),
      [{ title: "Address", kind: "code" }, ...numbers("Bytes", "Sent", "Received", "Flows")],
      empty,
    );
    this.#applications = new Table(
      part("applications-table", HTMLTableElement),
      [{ title: "Application", kind: "text" }, ...numbers("Bytes", "Flows")],
      empty,
    );
  }

  draw(model: Model, now: number): void {
    this.#list("talkers", this.#talkers, model.talkers, now, 3);
    this.#list("applications", this.#applications, model.applications, now, 1);
  }

  #list(id: string, table: Table, sums: Sums, now: number, sizes: number): void {
    const top = sums.top(now, MOST);
    const largest = top[0]?.amounts[0] ?? 0;
    table.draw(top.map((sum) => line(sum, largest, sizes)));
    const { names, others } = sums.told;
    const hidden = others === null ? "" : ` Smaller ones, ${short(others[0] ?? 0, "B")} together, are not told apart.`;
    setText(part(`${id}-note`, HTMLElement), `${top.length} of ${whole(names)}.${hidden}`);
  }
}

/** The first `sizes` amounts are bytes, the last is a count. */
function line({ name, amounts }: Sum, largest: number, sizes: number): Line {
  const cells: Cell[] = amounts.map((amount, at) => ({ text: at < sizes ? short(amount, "B", true) : whole(amount) }));
  const first: Cell = { text: visible(name), share: largest > 0 ? (amounts[0] ?? 0) / largest : 0 };
  return { key: name, cells: [first, ...cells] };
}

const MOST = 10;
