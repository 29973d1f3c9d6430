// How does a client stay connected? Connect, listen, notice silence, renew the token, and come back after an end.

import { type Ended, type Farewell, next } from "./backoff.js";
import type { Connect, Connection, Kind } from "./connection/connection.js";
import { Route } from "./connection/route.js";
import type { Environment } from "./environment.js";
import { ConnectionError, StoppedError } from "./errors.js";
import type { Cursor, EventFrame, Filter } from "./protocol.js";
import { claimsOf, renewalIn } from "./tokens.js";

/** A connection that brings nothing for so long has failed. */
const OPEN_TIMEOUT_MS = 10_000;
/** How often silence is looked for. */
const LOOK_INTERVAL_MS = 5_000;
/** A look that comes so late means that the machine slept. */
const SLEPT_MS = 15_000;
/** The gateway's own pings cannot be seen: after so long a WebSocket is asked. */
const QUIET_MS = 30_000;
/** Server-sent events have a comment every 15 s. */
const STREAM_QUIET_MS = 40_000;
/** How long a question may go unanswered before the connection counts as dead. */
const ANSWER_TIMEOUT_MS = 5_000;
/** A connection on which a call is not answered by then is of no use. */
const CALL_TIMEOUT_MS = 30_000;
/** A session that lasted so long after its sync ends a series of failures. */
const LASTING_MS = 5_000;
/** Waking up shortens a wait, but makes no attempt sooner than this after the last one. */
const ATTEMPT_INTERVAL_MS = 1_000;

/** How things stand. */
export type Status =
  | { kind: "connecting" }
  | { kind: "syncing" }
  | { kind: "live" }
  /** Between two attempts. */
  | { kind: "waiting"; afterMs: number }
  /** For good, until `connect` is called. */
  | { kind: "stopped"; reason: string };

/** What a session needs of the client that it keeps connected. */
export interface SessionOptions {
  connect: Connect;
  environment: Environment;
  /** A token of this user. */
  getToken(): Promise<string>;
  userID: string;
  window: number;
  device: string | undefined;
  cursor(): Cursor | null;
  filters(): readonly Filter[];
  onEvent(frame: EventFrame): void;
  onStatus(status: Status): void;
  /** A connection has ended; what it had half brought is void. */
  onEnded(): void;
}

/** What lives as long as one connection. */
interface Open {
  connection: Connection;
  token: string;
  heardAt: number;
  isHeard: boolean;
  liveAt: number | null;
  farewell: Farewell | null;
  timers: Set<() => void>;
}

type State =
  | { kind: "stopped"; reason: string }
  /** Waiting for a token. */
  | { kind: "starting" }
  | { kind: "open"; open: Open }
  | { kind: "waiting"; isAsked: boolean; cancel: () => void };

/** Keeps one session. */
export class Session {
  readonly #options: SessionOptions;
  readonly #route = new Route();
  #state: State = { kind: "stopped", reason: "not started" };
  #token: string | null = null;
  #isTokenFresh = true;
  #failed = 0;
  #attempt = 0;
  #attemptAt = -Infinity;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Connects, unless that is so already. */
  start(): void {
    if (this.#state.kind !== "stopped") return;
    this.#failed = 0;
    this.#begin();
  }

  /** Ends for good. */
  stop(reason: string): void {
    const state = this.#state;
    this.#attempt += 1;
    if (state.kind === "waiting") state.cancel();
    if (state.kind === "open") this.#close(state.open);
    this.#state = { kind: "stopped", reason };
    this.#options.onStatus({ kind: "stopped", reason });
  }

  /** Calls a method on the connection that is there. */
  call(method: string, params: unknown): Promise<unknown> {
    const state = this.#state;
    if (state.kind === "stopped") return Promise.reject(new StoppedError(state.reason));
    if (state.kind !== "open") return Promise.reject(new ConnectionError("not connected"));
    const { open } = state;
    const cancel = this.#options.environment.after(CALL_TIMEOUT_MS, () => this.#dead(open));
    return open.connection.call(method, params).finally(cancel);
  }

  /** The transport of the connection that is there. */
  kind(): Kind | null {
    return this.#state.kind === "open" ? this.#state.open.connection.kind : null;
  }

  /** The connection may have died unnoticed: asks it, or comes back at once. */
  wake(): void {
    const state = this.#state;
    if (state.kind === "open" && state.open.liveAt !== null) this.#probe(state.open);
    if (state.kind !== "waiting" || state.isAsked) return;
    if (this.#options.environment.now() - this.#attemptAt < ATTEMPT_INTERVAL_MS) return;
    state.cancel();
    this.#begin();
  }

  /** Connects anew with the same cursor, where what was said at the connect has changed. */
  reopen(): void {
    if (this.#state.kind !== "open") return;
    this.#close(this.#state.open);
    this.#begin();
  }

  async #begin(): Promise<void> {
    const { environment, onStatus } = this.#options;
    this.#state = { kind: "starting" };
    this.#attempt += 1;
    this.#attemptAt = environment.now();
    const attempt = this.#attempt;
    onStatus({ kind: "connecting" });
    let token = this.#token;
    if (token === null) {
      try {
        token = await this.#newToken();
      } catch (error) {
        if (attempt !== this.#attempt) return;
        return error instanceof StoppedError ? this.stop(error.message) : this.#again({ kind: "broken" }, null);
      }
      if (attempt !== this.#attempt) return;
      this.#token = token;
      this.#isTokenFresh = true;
    } else this.#isTokenFresh = false;
    this.#open(token);
  }

  async #newToken(): Promise<string> {
    const token = await this.#options.getToken();
    const { sub } = claimsOf(token);
    if (sub !== undefined && sub !== this.#options.userID) throw new StoppedError(`the token is of another user: ${sub}`);
    return token;
  }

  #open(token: string): void {
    const { environment, connect, cursor, filters, window, device } = this.#options;
    const kind = this.#route.next(environment.now());
    // Its connection is made below, and is missing only where it could not be.
    const open = { token, heardAt: environment.now(), isHeard: false, liveAt: null, farewell: null, timers: new Set() } as Open;
    this.#state = { kind: "open", open };
    this.#timer(open, OPEN_TIMEOUT_MS, () => open.isHeard || this.#dead(open));
    try {
      open.connection = connect(kind, { token, since: cursor(), window, device, filters: filters() }, {
        heard: () => {
          open.heardAt = environment.now();
          open.isHeard = true;
        },
        event: (frame) => this.#event(open, kind, frame),
        ended: (ended) => this.#ended(open, ended),
      });
    } catch {
      return this.#ended(open, { kind: "broken" });
    }
    this.#look(open);
    this.#renewLater(open);
  }

  #event(open: Open, kind: Kind, frame: EventFrame): void {
    const { environment, onEvent, onStatus } = this.#options;
    if (open.liveAt === null) this.#route.worked(kind, environment.now());
    if (frame.event === "reconnect") open.farewell = { kind: frame.event, afterMs: frame.data.afterMs };
    if (frame.event === "kickedOffline" || frame.event === "tokenExpired") open.farewell = { kind: frame.event };
    onEvent(frame);
    if (frame.event === "syncServerStart") onStatus({ kind: "syncing" });
    if (frame.event === "syncServerFinish") {
      open.liveAt ??= environment.now();
      this.#isTokenFresh = false;
      onStatus({ kind: "live" });
    }
  }

  #ended(open: Open, ended: Ended): void {
    const { environment } = this.#options;
    if (!open.isHeard) this.#route.failed();
    if (open.liveAt !== null && environment.now() - open.liveAt >= LASTING_MS) this.#failed = 0;
    this.#close(open);
    this.#again(ended, open.farewell);
  }

  #again(ended: Ended, farewell: Farewell | null): void {
    const { environment, onStatus } = this.#options;
    const what = next(ended, farewell, { failed: this.#failed, isTokenFresh: this.#isTokenFresh, random: environment.random() });
    this.#failed += 1;
    if (what.kind === "stop") {
      // Whoever comes back after that comes with another token.
      this.#token = null;
      return this.stop(what.reason);
    }
    if (what.withNewToken) this.#token = null;
    const cancel = environment.after(what.afterMs, () => void this.#begin());
    this.#state = { kind: "waiting", isAsked: what.isAsked, cancel };
    onStatus({ kind: "waiting", afterMs: what.afterMs });
  }

  #close(open: Open): void {
    this.#state = { kind: "starting" };
    for (const cancel of open.timers) cancel();
    open.timers.clear();
    open.connection?.end();
    this.#options.onEnded();
  }

  /** The connection is given up from here, without waiting for a close that may never come. */
  #dead(open: Open): void {
    if (this.#state.kind === "open" && this.#state.open === open) this.#ended(open, { kind: "broken" });
  }

  /** A timer that goes with its connection. */
  #timer(open: Open, ms: number, run: () => void): void {
    const cancel = this.#options.environment.after(ms, () => {
      open.timers.delete(cancel);
      run();
    });
    open.timers.add(cancel);
  }

  #look(open: Open): void {
    const { environment } = this.#options;
    const due = environment.now() + LOOK_INTERVAL_MS;
    this.#timer(open, LOOK_INTERVAL_MS, () => {
      this.#look(open);
      const now = environment.now();
      const quietMs = now - open.heardAt;
      if (now - due >= SLEPT_MS) this.#probe(open);
      else if (open.connection.kind === "websocket" && quietMs >= QUIET_MS) this.#ask(open, "ping", {});
      else if (open.connection.kind === "sse" && quietMs >= STREAM_QUIET_MS) this.#dead(open);
    });
  }

  /** Asks whether the cursor is the newest. Over WebSocket a sync follows where it is not; a stream is opened again. */
  #probe(open: Open): void {
    const cursor = this.#options.cursor();
    if (cursor === null) return;
    const answer = this.#ask(open, "probe", { cursor });
    if (open.connection.kind === "sse") {
      answer.then((result) => (result as { upToDate: boolean }).upToDate || this.#dead(open), () => this.#dead(open));
    }
  }

  /** A question whose answer, or anything else, must come soon. */
  #ask(open: Open, method: string, params: unknown): Promise<unknown> {
    const askedAt = this.#options.environment.now();
    let isAnswered = false;
    const answer = open.connection.call(method, params);
    answer.catch(() => {}).then(() => (isAnswered = true));
    this.#timer(open, ANSWER_TIMEOUT_MS, () => isAnswered || open.heardAt > askedAt || this.#dead(open));
    return answer;
  }

  #renewLater(open: Open): void {
    const ms = renewalIn(open.token, this.#options.environment.now());
    if (ms !== null) this.#timer(open, ms, () => void this.#renew(open));
  }

  /** Where it fails it is tried again; at the latest the gateway ends the session with 4202. */
  async #renew(open: Open): Promise<void> {
    const isOver = () => this.#state.kind !== "open" || this.#state.open !== open;
    try {
      const token = await this.#newToken();
      if (isOver()) return;
      if (open.connection.kind === "websocket") await open.connection.call("refreshToken", { token });
      if (isOver()) return;
      this.#token = open.token = token;
      if (open.connection.kind === "sse") return this.reopen();
    } catch (error) {
      if (error instanceof StoppedError && !isOver()) return this.stop(error.message);
    }
    if (!isOver()) this.#renewLater(open);
  }
}
