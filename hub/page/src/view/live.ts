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
  /** The number of rows when it was paused. */
  #pausedAt: number | null = null;
  #drawn = "";

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
      this.#drawn = "";
      this.draw();
    });
    this.#pause.addEventListener("click", () => {
      this.#pausedAt = this.#pausedAt === null ? rows.pushed : null;
      this.#pause.setAttribute("aria-pressed", String(this.#pausedAt !== null));
      this.draw();
    });
    const names = part(`${id}-names`, HTMLElement);
    for (const name of new Set(columns.flatMap((column) => column.names))) names.append(make("code", "", name), " ");
  }

  draw(): void {
    const until = this.#pausedAt ?? this.#rows.pushed;
    // Nothing came, and nothing was asked for.
    const state = `${until} ${this.#rows.pushed}`;
    if (state === this.#drawn) return;
    this.#drawn = state;
    const lines: Line[] = [];
    let passed = 0;
    let looked = 0;
    for (const row of this.#rows.newest(until)) {
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
    const gone = this.#rows.pushed - this.#rows.held;
    if (passed !== looked) parts.push(`${whole(looked)} held`);
    if (gone > 0) parts.push(`${whole(gone)} older ones let go`);
    if (this.#pausedAt !== null) parts.push(`paused: ${whole(this.#rows.pushed - this.#pausedAt)} came since`);
    return `${parts.join(" · ")}.`;
  }
}

/** Rows that a browser is asked to draw. */
const MOST_DRAWN = 200;
