/** A live table: the last rows of many, those that a filter lets through, held still while it is paused. */

import { parseFilter, type Filter } from "../filter.ts";
import type { Ring } from "../model/ring.ts";
import type { Column, Row } from "../model/rows.ts";
import { whole } from "../text.ts";
import { make, part, setText } from "./dom.ts";
import { Table, type Line } from "./table.ts";

export class LiveTable {
  readonly #rows: Ring<Row>;
  readonly #columns: readonly Column[];
  readonly #table: Table;
  readonly #note: HTMLElement;
  readonly #pause: HTMLButtonElement;
  #filter: Filter | null = null;
  /** While it is paused: the rows of that moment, and how many there had been. */
  #paused: { rows: Row[]; pushed: number } | null = null;
  /** How many rows there had been when it was drawn; null when it has to be drawn anew. */
  #drawn: number | null = null;

  /** What is in the section of this id: `ID-table`, `ID-filter`, `ID-pause`, `ID-note`. */
  constructor(id: string, rows: Ring<Row>, columns: readonly Column[], empty: string) {
    this.#rows = rows;
    this.#columns = columns;
    this.#table = new Table(part(`${id}-table`, HTMLTableElement), columns, empty);
    this.#note = part(`${id}-note`, HTMLElement);
    this.#pause = part(`${id}-pause`, HTMLButtonElement);
    const filter = part(`${id}-filter`, HTMLInputElement);
    filter.addEventListener("input", () => {
      this.#filter = parseFilter(filter.value, columns);
      this.#drawn = null;
      this.draw();
    });
    this.#pause.addEventListener("click", () => {
      this.#paused = this.#paused === null ? { rows: [...rows.newest()], pushed: rows.pushed } : null;
      this.#pause.setAttribute("aria-pressed", String(this.#paused !== null));
      this.#drawn = null;
      this.draw();
    });
    const names = part(`${id}-names`, HTMLElement);
    for (const name of new Set(columns.flatMap((column) => column.names))) names.append(make("code", "", name), " ");
  }

  draw(): void {
    // Nothing came, and nothing was asked for.
    if (this.#drawn === this.#rows.pushed) return;
    this.#drawn = this.#rows.pushed;
    const lines: Line[] = [];
    let passed = 0;
    let looked = 0;
    for (const row of this.#paused?.rows ?? this.#rows.newest()) {
      looked += 1;
      if (this.#filter !== null && !this.#filter(row.values)) continue;
      passed += 1;
      if (lines.length < MOST_DRAWN) lines.push(this.#line(row));
    }
    this.#table.draw(lines);
    setText(this.#note, this.#sentence(lines.length, passed, looked));
  }

  #line(row: Row): Line {
    return { key: row.number, cells: this.#columns.map((column, at) => ({ text: column.show(row.values[at] ?? null) })) };
  }

  #sentence(drawn: number, passed: number, looked: number): string {
    const parts = [`${whole(drawn)} shown of ${whole(passed)}${this.#filter === null ? "" : " that pass the filter"}`];
    const before = (this.#paused?.pushed ?? this.#rows.pushed) - looked;
    if (passed !== looked) parts.push(`${whole(looked)} held`);
    if (before > 0) parts.push(`${whole(before)} older ones let go`);
    if (this.#paused !== null) parts.push(`paused: ${whole(this.#rows.pushed - this.#paused.pushed)} came since`);
    return `${parts.join(" · ")}.`;
  }
}

/** Rows that a browser is asked to draw. */
const MOST_DRAWN = 200;
