/** How texts and numbers of messages are shown. */

/** Controls, and what is invisible or turns the order of characters around: U+202E, for one, shows a name backwards. */
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\u{e0000}-\u{e0fff}]|\p{Surrogate}/gu;

/** The text with every hidden character told by its number, as in ‹U+202E›. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (one) => `‹U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const PADDED = new Intl.NumberFormat("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** A count, exactly: 12,345. */
export function whole(number: number): string {
  return WHOLE.format(number);
}

/** A quantity with three digits and the prefix of SI: 12.3 kB; in a column also with a last zero, as in 1.70 MB. */
export function short(number: number, unit = "", inColumn = false): string {
  let size = number;
  let prefix = 0;
  // What rounds to 1,000 has the next prefix.
  while (size >= 999.5 && prefix < PREFIXES.length - 1) {
    size /= 1000;
    prefix += 1;
  }
  const suffix = `${PREFIXES[prefix] ?? ""}${unit}`;
  const digits = (inColumn && prefix > 0 ? PADDED : SHORT).format(size);
  return suffix === "" ? digits : `${digits} ${suffix}`;
}

/** A time of day, in the browser's time zone. */
export function clock(secondsSince1970: number): string {
  const date = new Date(secondsSince1970 * 1000);
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A span of time with its two largest units: 3 d 4 h. */
export function span(seconds: number): string {
  if (seconds < 1) return seconds === 0 ? "0 s" : `${short(seconds * 1000)} ms`;
  if (seconds < 60) return `${short(seconds)} s`;
  const units: [number, string][] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = units.findIndex(([size]) => seconds >= size);
  const [large, small] = [units[first], units[first + 1]];
  if (large === undefined) return `${whole(seconds)} s`;
  const many = Math.floor(seconds / large[0]);
  const rest = small === undefined ? 0 : Math.floor((seconds - many * large[0]) / small[0]);
  return rest === 0 || small === undefined ? `${whole(many)} ${large[1]}` : `${whole(many)} ${large[1]} ${rest} ${small[1]}`;
}
