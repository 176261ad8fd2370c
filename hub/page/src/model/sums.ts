/**
 * Sums by name over the last minutes: who sent how much.
 *
 * Time goes by steps; what was added in a step is taken away when that is older than the span. At most so many names are told
 * apart: when there are twice as many, the smaller half is summed as `others`.
 */

export interface Sum {
  name: string;
  amounts: number[];
}

interface Step {
  number: number;
  names: Map<string, number[]>;
}

export class Sums {
  readonly spanSeconds: number;
  readonly #stepSeconds: number;
  readonly #most: number;
  readonly #totals = new Map<string, number[]>();
  readonly #steps: Step[] = [];

  constructor(spanSeconds = 300, stepSeconds = 10, most = 2000) {
    this.spanSeconds = spanSeconds;
    this.#stepSeconds = stepSeconds;
    this.#most = most;
  }

  /** Adds amounts, always as many of them. `now` is in seconds. */
  add(now: number, name: string, amounts: number[]): void {
    const step = this.#step(now);
    plus(this.#totals, name, amounts, 1);
    plus(step.names, name, amounts, 1);
    if (this.#totals.size > 2 * this.#most) this.#fold();
  }

  /** The largest by the first amount; `others` never among them. */
  top(now: number, many: number): Sum[] {
    this.#step(now);
    return this.#largest().slice(0, many);
  }

  /** How many names there are, and what could not be told apart. */
  get told(): { names: number; others: number[] | null } {
    const others = this.#totals.get(OTHERS) ?? null;
    return { names: this.#totals.size - (others === null ? 0 : 1), others };
  }

  #largest(): Sum[] {
    return [...this.#totals]
      .filter(([name]) => name !== OTHERS)
      .sort(([, a], [, b]) => (b[0] ?? 0) - (a[0] ?? 0))
      .map(([name, amounts]) => ({ name, amounts }));
  }

  #fold(): void {
    for (const { name, amounts } of this.#largest().slice(this.#most)) {
      this.#totals.delete(name);
      plus(this.#totals, OTHERS, amounts, 1);
      for (const { names } of this.#steps) {
        const part = names.get(name);
        if (part === undefined) continue;
        names.delete(name);
        plus(names, OTHERS, part, 1);
      }
    }
  }

  #step(now: number): Step {
    const number = Math.floor(now / this.#stepSeconds);
    for (let oldest = this.#steps[0]; oldest && oldest.number <= number - this.spanSeconds / this.#stepSeconds; ) {
      for (const [name, amounts] of oldest.names) plus(this.#totals, name, amounts, -1);
      this.#steps.shift();
      oldest = this.#steps[0];
    }
    const last = this.#steps.at(-1);
    // A clock that is set back goes on in the step that is there.
    if (last !== undefined && last.number >= number) return last;
    const made = { number, names: new Map<string, number[]>() };
    this.#steps.push(made);
    return made;
  }
}

/** Adds (or takes away); the last amount counts how often, so that a name with none left is forgotten. */
function plus(sums: Map<string, number[]>, name: string, amounts: number[], sign: 1 | -1): void {
  const found = sums.get(name) ?? amounts.map(() => 0);
  for (const [at, amount] of amounts.entries()) found[at] = (found[at] ?? 0) + sign * amount;
  if (found.at(-1) === 0) sums.delete(name);
  else sums.set(name, found);
}

/** No name of a message is this, as none of theirs has a control in it. */
const OTHERS = "\u0000others";
