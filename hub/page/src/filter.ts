/**
 * The filter of a table: words with spaces between them, all of which a row must have.
 *
 * `dns` is in any column, `application:dns` in that one; numbers are equal (`port:443`), larger (`bytes:>1000`) or smaller;
 * `-dns` must not be there; `"two words"` are one.
 */

export type Value = string | number | null;

export interface Named {
  /** What a filter may call it, in small letters; several columns may share a name. */
  names: string[];
}

export type Filter = (values: readonly Value[]) => boolean;

/** The filter that the words say, or null when they say nothing. */
export function parseFilter(words: string, columns: readonly Named[]): Filter | null {
  const terms = [...words.slice(0, 500).matchAll(/(-?)(?:([a-z_]+):)?(?:"([^"]*)"?|(\S+))/gi)]
    .map(([whole, not, name, quoted, plain]) => term(not === "-", name?.toLowerCase(), quoted ?? plain ?? "", whole, columns))
    .filter((one) => one !== null);
  return terms.length === 0 ? null : (values) => terms.every((one) => one(values));
}

function term(not: boolean, name: string | undefined, value: string, whole: string, columns: readonly Named[]): Filter | null {
  const chosen = columns.flatMap((column, at) => (name !== undefined && column.names.includes(name) ? [at] : []));
  // No column is called that, as in an address of IPv6: then the colon is a part of the word.
  const anywhere = chosen.length === 0;
  const wanted = (anywhere && name !== undefined ? whole.slice(not ? 1 : 0).replaceAll('"', "") : value).toLowerCase();
  if (unfinished(wanted, anywhere, columns)) return null;
  const has = anywhere
    ? (values: readonly Value[]) => values.some((one) => contains(one, wanted))
    : (values: readonly Value[]) => chosen.some((at) => matches(values[at] ?? null, wanted));
  return not ? (values) => !has(values) : has;
}

/** Whether this is what stands there before a value is typed: nothing, a sign, the name of a column. */
function unfinished(wanted: string, anywhere: boolean, columns: readonly Named[]): boolean {
  if (wanted === "" || wanted === "-" || (!anywhere && (wanted === "<" || wanted === ">"))) return true;
  return anywhere && wanted.endsWith(":") && columns.some((column) => column.names.includes(wanted.slice(0, -1)));
}

function contains(value: Value, wanted: string): boolean {
  return value !== null && String(value).toLowerCase().includes(wanted);
}

function matches(value: Value, wanted: string): boolean {
  if (typeof value !== "number") return contains(value, wanted);
  if (wanted.startsWith(">")) return value > Number(wanted.slice(1));
  if (wanted.startsWith("<")) return value < Number(wanted.slice(1));
  return value === Number(wanted);
}
