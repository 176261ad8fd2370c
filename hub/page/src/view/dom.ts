/** The document: parts are found by their id, and texts are set as texts. */

export function part<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

/** Sets a text where it is another: what stays is neither drawn nor read out again. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function make<K extends keyof HTMLElementTagNameMap>(kind: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(kind);
  if (className !== "") made.className = className;
  if (text !== "") made.textContent = text;
  return made;
}
