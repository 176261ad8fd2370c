/**
 * The subscription: a WebSocket to this page's own hub, made anew whenever it breaks.
 *
 * The next one goes on behind the last message (`since`), and comes after a pause that doubles up to 15 s, by chance up to
 * half of it shorter, so that pages which lost their hub together do not come back together.
 */

import { readFrame, type Frame, type Resume } from "./frames.ts";

export type State =
  | { kind: "connecting" }
  | { kind: "live"; hub: string; resume: Resume; awaySeconds: number | null }
  | { kind: "reconnecting"; why: string; attempt: number }
  | { kind: "token"; wrong: boolean };

export interface Listener {
  state(state: State): void;
  frame(frame: Frame): void;
  /** Something came that is no frame. */
  unreadable(): void;
}

export class Connection {
  readonly #url: string;
  readonly #listener: Listener;
  #socket: WebSocket | null = null;
  #timer: number | undefined;
  /** Kept here only: neither in the address nor in the browser's storage. */
  #token: string | null = null;
  #boot = "";
  #sequence: number | null = null;
  #attempt = 0;
  /** Why there is no connection. */
  #why = "";
  /** When the last connection that was live broke, in milliseconds. */
  #leftAt: number | null = null;
  #heardAt = 0;
  #statusAt: number | null = null;
  #statusGap = Number.POSITIVE_INFINITY;

  constructor(url: string, listener: Listener) {
    this.#url = url;
    this.#listener = listener;
    // The network is there again: the pause is over.
    window.addEventListener("online", () => this.#timer !== undefined && this.open());
    window.setInterval(() => this.#watch(), 1000);
  }

  /** Connects, in place of the connection there may be. */
  open(token: string | null = this.#token): void {
    this.#token = token;
    this.#drop();
    if (this.#attempt === 0) this.#listener.state({ kind: "connecting" });
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heardAt = Date.now();
    let welcomed = false;
    socket.addEventListener("open", () => socket.send(JSON.stringify(this.#hello())));
    socket.addEventListener("message", (event) => {
      if (socket !== this.#socket) return;
      const frame = readFrame(event.data);
      this.#heardAt = Date.now();
      if (frame === null) return this.#listener.unreadable();
      welcomed ||= frame.kind === "welcome";
      this.#take(frame);
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#lost(event, welcomed);
    });
  }

  #hello(): object {
    return {
      kind: "hello",
      version: 1,
      name: "page",
      ...(this.#sequence === null ? {} : { since: `${this.#boot}:${this.#sequence}` }),
      ...(this.#token === null ? {} : { token: this.#token }),
    };
  }

  #take(frame: Frame): void {
    if (frame.kind === "welcome") {
      const awaySeconds = this.#leftAt === null ? null : (Date.now() - this.#leftAt) / 1000;
      // What is resumed comes next, under its own numbers; who starts afresh starts behind this one.
      if (frame.resume === "fresh" || frame.boot !== this.#boot) this.#sequence = frame.resume === "fresh" ? frame.sequence : 0;
      this.#boot = frame.boot;
      this.#attempt = 0;
      this.#why = "";
      this.#statusAt = null;
      this.#listener.state({ kind: "live", hub: frame.hub, resume: frame.resume, awaySeconds });
      this.#leftAt = null;
    }
    if (frame.kind === "message") {
      this.#sequence = frame.sequence;
      if (frame.message.topic === "system.status") {
        if (this.#statusAt !== null) this.#statusGap = Math.max(1000, this.#heardAt - this.#statusAt);
        this.#statusAt = this.#heardAt;
      }
    }
    this.#listener.frame(frame);
  }

  /** A connection can break without a word, as when a machine sleeps: the hub's own messages then fail to come. */
  #watch(): void {
    const patience = this.#statusAt === null ? 30_000 : 4 * this.#statusGap + 10_000;
    const mute = this.#socket?.readyState === WebSocket.CONNECTING || this.#statusAt !== null;
    if (this.#socket !== null && mute && Date.now() - this.#heardAt > patience) {
      this.#drop();
      this.#again("the hub says nothing");
    }
  }

  #lost(event: CloseEvent, welcomed: boolean): void {
    this.#drop();
    // The hub has no other word for it than its reason.
    if (!welcomed && event.code === 1008 && event.reason.includes("token")) {
      this.#attempt = 0;
      const wrong = this.#token !== null;
      this.#token = null;
      return this.#listener.state({ kind: "token", wrong });
    }
    if (event.code === GOING_AWAY) return this.#again("the hub ended");
    // That nobody answers yet is no news: what it was at first stays.
    if (event.code === BROKEN) return this.#again(welcomed ? "the connection broke" : this.#why || "no hub answers");
    this.#again(event.reason || `the connection ended with code ${event.code}`);
  }

  #again(why: string): void {
    this.#attempt += 1;
    this.#why = why;
    this.#leftAt ??= Date.now();
    this.#listener.state({ kind: "reconnecting", why, attempt: this.#attempt });
    const pause = Math.min(500 * 2 ** (this.#attempt - 1), 15_000) * (0.5 + Math.random() / 2);
    this.#timer = window.setTimeout(() => this.open(), pause);
  }

  #drop(): void {
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

/** Codes of RFC 6455, section 7.4.1: an end in order, and one without a word. */
const GOING_AWAY = 1001;
const BROKEN = 1006;
