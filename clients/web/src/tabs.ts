// Which tab holds the session, and how do the others follow it? A Web Lock elects one; a BroadcastChannel carries what it hears.

import type { Environment } from "./environment.js";
import { ConnectionError, type ErrorMessage, StoppedError, fromMessage, toMessage } from "./errors.js";
import type { Input, Model } from "./model.js";
import type { Filter } from "./protocol.js";
import type { Rows } from "./rows.js";
import type { Status } from "./session.js";

/** A tab that holds the lock and says nothing for so long is frozen, and is replaced. */
const SILENCE_MAX_MS = 5_000;

/** What a tab says to the others; `to` names the tab that it is for. */
type Saying =
  /** Who holds the session? The asker is at this place in what that tab told. */
  | { kind: "hello"; leader: string | null; sequence: number }
  /** I do; `rows` is absent where the asker has them. */
  | { kind: "state"; to: string; sequence: number; rows: Rows | null; status: Status }
  | { kind: "input"; sequence: number; input: Input }
  | { kind: "call"; id: number; method: string; params: unknown }
  | { kind: "answer"; to: string; id: number; result?: unknown; error?: ErrorMessage }
  | { kind: "watch"; filters: readonly Filter[] }
  | { kind: "wake" };

/** Which tab says it. */
type Message = Saying & { from: string };

/** The parts of the browser that tabs share. Without them each tab has a session of its own. */
export interface Shared {
  locks: Pick<LockManager, "request">;
  channel(name: string): Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;
}

/** What a tab does while it holds the session. */
export interface Role {
  start(): Promise<void>;
  call(method: string, params: unknown): Promise<unknown>;
  watch(tab: string, filters: readonly Filter[]): void;
  wake(): void;
  /** Lets the session go and saves. */
  stop(error: Error): Promise<void>;
  /** Lets the session go to a tab that took it. */
  drop(error: Error): void;
}

/** What a tab brings. */
export interface TabOptions {
  /** The same in all tabs of a user. */
  name: string;
  shared: Shared | null;
  environment: Environment;
  model: Model;
  /** Takes the session. */
  lead(): Role;
}

interface Pending {
  method: string;
  params: unknown;
  sentTo: string | null;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** One tab among those of a user. */
export class Tab {
  readonly #options: TabOptions;
  readonly #id: string;
  readonly #channel: ReturnType<Shared["channel"]> | null;
  readonly #pending = new Map<number, Pending>();
  #lastCall = 0;
  #filters: readonly Filter[] = [];
  #role: Role | null = null;
  /** The tab that holds the session, and how much of what it told is known here. */
  #leader: string | null = null;
  #sequence = 0;
  #release: (() => void) | null = null;
  #stand: AbortController | null = null;
  #stopWaiting: (() => void) | null = null;
  #isClosed = false;

  constructor(options: TabOptions) {
    this.#options = options;
    this.#id = options.environment.random().toString(36).slice(2);
    this.#channel = options.shared?.channel(options.name) ?? null;
  }

  /** Stands for the session, and follows whoever has it. */
  start(): void {
    if (!this.#channel) return this.#lead();
    this.#channel.onmessage = ({ data }) => this.#hear(data as Message);
    this.#standFor(false);
    this.#hello();
  }

  /** Calls a method in the tab that holds the session. */
  call(method: string, params: unknown): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new StoppedError("closed"));
    if (this.#role) return this.#role.call(method, params);
    return new Promise((resolve, reject) => {
      this.#lastCall += 1;
      this.#pending.set(this.#lastCall, { method, params, sentTo: null, resolve, reject });
      this.#sendPending();
    });
  }

  /** This tab watches these filters from now on. */
  watch(filters: readonly Filter[]): void {
    this.#filters = filters;
    if (this.#role) this.#role.watch(this.#id, filters);
    else this.#post({ kind: "watch", filters });
  }

  /** The page is visible again, or the network changed. */
  wake(): void {
    if (this.#role) return this.#role.wake();
    this.#post({ kind: "wake" });
    this.#hello();
  }

  /** Applies an input here and tells it to the other tabs; only while this tab holds the session. */
  publish(input: Input): void {
    this.#options.model.apply(input);
    if (!this.#role) return;
    this.#sequence += 1;
    this.#post({ kind: "input", sequence: this.#sequence, input });
  }

  /** Leaves; another tab takes the session over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopWaiting?.();
    this.#stand?.abort();
    const closed = new StoppedError("closed");
    for (const { reject } of this.#pending.values()) reject(closed);
    this.#pending.clear();
    this.watch([]);
    await this.#role?.stop(closed);
    this.#role = null;
    this.#release?.();
    this.#channel?.close();
  }

  /** Waits for the lock, or takes it from a tab that does not answer. */
  #standFor(isTaken: boolean): void {
    this.#stand?.abort();
    const stand = new AbortController();
    this.#stand = stand;
    const held = () => new Promise<void>((resolve) => {
      if (this.#isClosed) return resolve();
      this.#release = resolve;
      this.#lead();
    });
    const { locks } = this.#options.shared!;
    const { name } = this.#options;
    const request = isTaken ? locks.request(name, { steal: true }, held) : locks.request(name, { signal: stand.signal }, held);
    // It was given up here, or another tab took it.
    request.catch(() => !this.#isClosed && this.#stand === stand && this.#role && this.#yield());
  }

  #lead(): void {
    this.#stopWaiting?.();
    this.#leader = this.#id;
    this.#sequence = 0;
    const role = this.#options.lead();
    this.#role = role;
    role.watch(this.#id, this.#filters);
    void role.start();
    // Whoever followed another tab asks for the state.
    this.#post({ kind: "input", sequence: 0, input: { kind: "ended" } });
    for (const { method, params, resolve, reject } of this.#pending.values()) role.call(method, params).then(resolve, reject);
    this.#pending.clear();
  }

  /** Another tab took the session. */
  #yield(): void {
    this.#role?.drop(new ConnectionError("another tab took over"));
    this.#role = this.#leader = this.#release = null;
    this.#standFor(false);
    this.#hello();
  }

  #hello(): void {
    this.#post({ kind: "hello", leader: this.#leader, sequence: this.#sequence });
    this.#stopWaiting?.();
    this.#stopWaiting = this.#options.environment.after(SILENCE_MAX_MS, () => this.#standFor(true));
  }

  #hear(message: Message): void {
    if (this.#isClosed) return;
    if (this.#role) this.#hearAsLeader(message, this.#role);
    else this.#hearAsFollower(message);
  }

  #hearAsLeader(message: Message, role: Role): void {
    const { rows, status } = this.#options.model;
    switch (message.kind) {
      case "hello": {
        const isKnown = message.leader === this.#id && message.sequence === this.#sequence;
        this.#post({ kind: "state", to: message.from, sequence: this.#sequence, rows: isKnown ? null : rows, status });
        break;
      }
      case "call": {
        const { from: to, id } = message;
        role.call(message.method, message.params).then(
          (result) => this.#post({ kind: "answer", to, id, result }),
          (error: unknown) => this.#post({ kind: "answer", to, id, error: toMessage(error) }),
        );
        break;
      }
      case "watch":
        role.watch(message.from, message.filters);
        break;
      case "wake":
        role.wake();
        break;
      // The others come from a tab that does not know yet that it lost the session, or goes to followers.
    }
  }

  #hearAsFollower(message: Message): void {
    const { model } = this.#options;
    switch (message.kind) {
      case "state":
        if (message.to !== this.#id) return;
        this.#stopWaiting?.();
        this.#leader = message.from;
        this.#sequence = message.sequence;
        if (message.rows) model.apply({ kind: "rows", rows: message.rows });
        model.apply({ kind: "status", status: message.status });
        this.watch(this.#filters);
        this.#sendPending();
        break;
      case "input":
        if (message.from !== this.#leader || message.sequence !== this.#sequence + 1) {
          // Something was missed, or another tab speaks: its state is the beginning.
          if (this.#leader !== null || message.sequence === 0) this.#hello();
          this.#leader = null;
          return;
        }
        this.#sequence = message.sequence;
        model.apply(message.input);
        break;
      case "answer": {
        if (message.to !== this.#id) return;
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (message.error) pending?.reject(fromMessage(message.error));
        else pending?.resolve(message.result);
        break;
      }
      // The others are for the tab with the session.
    }
  }

  /** Sends the calls that this leader has not been sent; one that went to an earlier leader is repeated, which is harmless. */
  #sendPending(): void {
    if (this.#leader === null) return;
    for (const [id, call] of this.#pending) {
      if (call.sentTo === this.#leader) continue;
      call.sentTo = this.#leader;
      this.#post({ kind: "call", id, method: call.method, params: call.params });
    }
  }

  #post(saying: Saying): void {
    this.#channel?.postMessage({ ...saying, from: this.#id } satisfies Message);
  }
}
