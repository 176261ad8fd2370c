/** The last things of many: at most so many are held, the oldest goes first. */
export class Ring<T> {
  readonly most: number;
  readonly #held: T[] = [];
  #pushed = 0;

  constructor(most: number) {
    this.most = most;
  }

  push(one: T): void {
    this.#held[this.#pushed % this.most] = one;
    this.#pushed += 1;
  }

  /** All there ever were; the number of the next. */
  get pushed(): number {
    return this.#pushed;
  }

  /** The newest first. */
  *newest(): Generator<T> {
    for (let number = this.#pushed - 1; number >= Math.max(0, this.#pushed - this.most); number -= 1) {
      yield this.#held[number % this.most] as T;
    }
  }
}
