/** Values of JSON that somebody else wrote: each is what it should be, or null. */

/** An object, as opposed to everything else that JSON has. */
export function fields(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

/** A number that counts something: from 0 to 2^53. */
export function count(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : null;
}

/** Nanoseconds since 1970: more than 2^53, and so told to a quarter of a microsecond. */
export function stamp(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value < 2 ** 64 ? value : null;
}

/** A text, cut after so many characters. */
export function text(value: unknown, most = 256): string | null {
  if (typeof value !== "string") return null;
  return value.length <= most ? value : `${value.slice(0, most)}…`;
}

/** Counts by name, at most so many of them. */
export function counts(value: unknown, most = 64): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, one] of Object.entries(fields(value) ?? {})) {
    const number = count(one);
    if (number !== null && found.size < most) found.set(text(name, 64) ?? "", number);
  }
  return found;
}

/** All of them together. */
export function total(numbers: Iterable<number>): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}
