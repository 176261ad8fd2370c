/** A table that is drawn again and again: rows keep their elements by their key, so that only what is new is touched. */

import { make, setText } from "./dom.ts";

export interface Head {
  title: string;
  kind: "text" | "number" | "code";
}

export interface Cell {
  text: string;
  /** A part of the whole, from 0 to 1, as a bar behind the text. */
  share?: number;
  /** How it is, as a mark before the text. */
  mark?: string;
  /** What it is in more words. */
  title?: string;
}

export interface Line {
  key: string | number;
  cells: Cell[];
}

export class Table {
  readonly #heads: readonly Head[];
  readonly #body: HTMLTableSectionElement;
  readonly #empty: string;
  readonly #rows = new Map<string | number, HTMLTableRowElement>();

  /** A table element with its caption; `empty` stands there when there is no row. */
  constructor(table: HTMLTableElement, heads: readonly Head[], empty: string) {
    this.#heads = heads;
    this.#empty = empty;
    const row = table.createTHead().insertRow();
    for (const head of heads) {
      const cell = make("th", head.kind, head.title);
      cell.scope = "col";
      row.append(cell);
    }
    this.#body = table.createTBody();
    this.draw([]);
  }

  draw(lines: readonly Line[]): void {
    const wanted = new Set(lines.map((line) => line.key));
    for (const [key, row] of this.#rows) {
      if (wanted.has(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    if (lines.length === 0) return this.#drawEmpty();
    let next = this.#body.firstElementChild;
    if (this.#rows.size === 0) {
      this.#body.replaceChildren();
      next = null;
    }
    for (const line of lines) {
      const row = this.#row(line.key);
      if (row === next) next = next.nextElementSibling;
      else this.#body.insertBefore(row, next);
      for (const [at, cell] of line.cells.entries()) fill(row.cells[at], cell);
    }
  }

  #row(key: string | number): HTMLTableRowElement {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = make("tr");
    for (const [at, head] of this.#heads.entries()) {
      const cell = make(at === 0 ? "th" : "td", head.kind);
      if (at === 0) cell.scope = "row";
      row.append(cell);
    }
    this.#rows.set(key, row);
    return row;
  }

  #drawEmpty(): void {
    const cell = make("td", "empty", this.#empty);
    cell.colSpan = this.#heads.length;
    const row = make("tr");
    row.append(cell);
    this.#body.replaceChildren(row);
  }
}

function fill(element: HTMLTableCellElement | undefined, cell: Cell): void {
  if (element === undefined) return;
  setText(element, cell.text);
  // A text that is cut is told in full.
  const title = cell.title ?? (cell.text.length > 24 ? cell.text : "");
  if (element.title !== title) element.title = title;
  if (cell.mark !== undefined && element.dataset["mark"] !== cell.mark) element.dataset["mark"] = cell.mark;
  if (cell.share !== undefined) {
    element.classList.add("share");
    element.style.setProperty("--share", `${(100 * cell.share).toFixed(1)}%`);
  }
}
