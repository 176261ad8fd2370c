/** The connection in words, and the form that asks for a token. */

import type { State } from "../connection.ts";
import { span, visible } from "../text.ts";
import { make, part, setText } from "./dom.ts";

export class StateView {
  readonly #state = part("state", HTMLElement);
  readonly #note = part("state-note", HTMLElement);
  readonly #form = part("token-form", HTMLFormElement);
  readonly #input = part("token", HTMLInputElement);
  readonly #wrong = part("token-wrong", HTMLElement);

  /** `open` gets a token that was typed. */
  constructor(open: (token: string) => void) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#input.value;
      this.#input.value = "";
      if (token !== "") open(token);
    });
  }

  draw(state: State): void {
    this.#state.dataset["mark"] = state.kind;
    const [words, note] = told(state);
    setText(this.#state, words);
    setText(this.#note, note);
    const asked = state.kind === "token";
    this.#form.hidden = !asked;
    if (asked) {
      // Made anew each time, or a second wrong token would not be read out.
      const text = make("span", "", state.wrong ? "The hub refused this token: it is not known, or must not subscribe." : "");
      this.#wrong.replaceChildren(text);
      this.#input.setAttribute("aria-invalid", String(state.wrong));
      this.#input.focus();
    }
    if (state.kind !== "live") return;
    setText(part("hub-name", HTMLElement), visible(state.hub));
    document.title = `${visible(state.hub)} · flowgauge`;
  }
}

function told(state: State): [words: string, note: string] {
  switch (state.kind) {
    case "connecting":
      return ["Connecting", ""];
    case "token":
      return ["A token is needed", ""];
    case "reconnecting":
      return [state.why === "the hub ended" ? "The hub ended, reconnecting" : "Reconnecting", `Because ${visible(state.why)}. What is shown is old.`];
    case "live": {
      if (state.awaySeconds === null) return ["Live", ""];
      const away = `Back after ${span(Math.max(1, Math.round(state.awaySeconds)))}`;
      const gap = "what the hub sent in between may be missing";
      return ["Live", `${away}: ${state.resume === "whole" ? "nothing is missing" : gap}.`];
    }
  }
}
