/** An amount for each of the last seconds; null where nothing is known. Times are seconds since 1970. */
export class Seconds {
  readonly span: number;
  readonly #stamps: Float64Array;
  readonly #amounts: Float64Array;

  constructor(span: number) {
    this.span = span;
    this.#stamps = new Float64Array(span).fill(-1);
    this.#amounts = new Float64Array(span);
  }

  /** Adds to one second; one that is too old for its place is let go. */
  add(second: number, amount: number): void {
    const place = second % this.span;
    const stamp = this.#stamps[place] ?? -1;
    if (second < stamp) return;
    this.#amounts[place] = second === stamp ? (this.#amounts[place] ?? 0) + amount : amount;
    this.#stamps[place] = second;
  }

  /** Adds an amount evenly to the time from `from` to `until`; of a long one, only what the last seconds hold. */
  spread(from: number, until: number, amount: number): void {
    const length = until - from;
    if (!(length > 0)) return;
    for (let second = Math.floor(Math.max(from, until - this.span + 1)); second < until; second += 1) {
      const part = Math.min(second + 1, until) - Math.max(second, from);
      this.add(second, (amount * part) / length);
    }
  }

  at(second: number): number | null {
    const place = second % this.span;
    return this.#stamps[place] === second ? (this.#amounts[place] ?? null) : null;
  }
}
