// What do tests stand on? Time that only moves when told, a gateway that says what the test says, and tabs of one browser.

import { type ClientOptions, type ConversationClient, type Platform, createClient } from "../src/client.js";
import type { Ended } from "../src/backoff.js";
import type { Connection, Handlers, Hello, Kind } from "../src/connection/connection.js";
import type { Environment } from "../src/environment.js";
import { CallError, ConnectionError } from "../src/errors.js";
import type { ConversationListener } from "../src/events.js";
import type { Conversation, ErrorBody, EventFrame, Events } from "../src/protocol.js";
import type { Shared } from "../src/tabs.js";

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A row; `at` is its version and orderKey unless the fields say otherwise. */
export function row(id: string, at: number, fields: Partial<Conversation> = {}): Conversation {
  return {
    conversationID: `c2c_${id}`, type: 1, userID: id, showName: id, faceUrl: "", unreadCount: 0, recvOpt: 0, lastMessage: null,
    groupAtInfoList: [], draftText: "", draftTimestamp: 0, isPinned: false, orderKey: at, markList: [], customData: "",
    conversationGroupList: [], c2cReadTimestamp: 0, version: at, ...fields,
  };
}

/** A row whose last message has this seq. */
export function rowWithMessage(id: string, at: number, seq: number): Conversation {
  const lastMessage = { msgID: `m${seq}`, seq, sender: id, isSelf: false, timestamp: 1, elemType: 1, text: "", status: 2 } as const;
  return row(id, at, { unreadCount: 1, lastMessage });
}

/** A token that nobody signed. */
export function tokenOf(sub: string, expiresAtMs?: number): string {
  const claims = { sub, ...(expiresAtMs !== undefined && { exp: expiresAtMs / 1000 }) };
  return `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.${Math.random()}`;
}

/** Time that moves when a test says so. */
export class Clock {
  now = 1_000_000;
  /** What `random` answers. */
  chance = 0.5;
  #timers: { at: number; run: () => void }[] = [];

  environment(page: Page): Environment {
    return {
      now: () => this.now,
      after: (ms, run) => {
        const timer = { at: this.now + ms, run };
        this.#timers.push(timer);
        return () => void (this.#timers = this.#timers.filter((other) => other !== timer));
      },
      random: () => this.chance,
      onWake: (run) => (page.wakes.add(run), () => page.wakes.delete(run)),
      onHide: (run) => (page.hides.add(run), () => page.hides.delete(run)),
    };
  }

  /** Lets time pass, timer by timer. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const [first] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!first) break;
      this.#timers = this.#timers.filter((other) => other !== first);
      this.now = Math.max(this.now, first.at);
      first.run();
      await settle();
    }
    this.now = end;
  }

  /** The machine sleeps: time passes and nothing runs. */
  sleep(ms: number): void {
    this.now += ms;
  }
}

/** A page, seen from its window. */
export class Page {
  readonly wakes = new Set<() => void>();
  readonly hides = new Set<() => void>();

  async wake(): Promise<void> {
    for (const wake of this.wakes) wake();
    await settle();
  }

  async hide(): Promise<void> {
    for (const hide of this.hides) hide();
    await settle();
  }
}

/** A call that the gateway got. */
export interface Asked {
  method: string;
  params: any;
  answer(result: unknown): Promise<void>;
  refuse(error: ErrorBody): Promise<void>;
}

/** A connection as the gateway sees it. */
export class ScriptedConnection implements Connection {
  readonly calls: Asked[] = [];
  isEnded = false;
  #rejects: ((error: Error) => void)[] = [];

  constructor(readonly kind: Kind, readonly hello: Hello, readonly handlers: Handlers) {}

  call(method: string, params: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.isEnded) return reject(new ConnectionError("ended"));
      this.#rejects.push(reject);
      this.calls.push({
        method,
        params,
        answer: (result) => (this.handlers.heard(), resolve(result), settle()),
        refuse: (error) => (this.handlers.heard(), reject(new CallError(error)), settle()),
      });
    });
  }

  end(): void {
    this.isEnded = true;
    for (const reject of this.#rejects) reject(new ConnectionError("ended"));
  }

  /** The call of this name that came last. */
  asked(method: string): Asked {
    const found = this.calls.filter((call) => call.method === method).at(-1);
    if (!found) throw new Error(`${method} was not called, but ${this.calls.map((call) => call.method).join(", ") || "nothing"}`);
    return found;
  }

  async tell<Name extends keyof Events>(event: Name, data: Events[Name], cursor?: string): Promise<void> {
    if (this.isEnded) throw new Error("an ended connection tells nothing more");
    this.handlers.heard();
    this.handlers.event({ event, data, ...(cursor && { cursor }) } as EventFrame);
    await settle();
  }

  /** A full sync from its start to its finish. */
  async full(rows: Conversation[], cursor: string, { nextSeq = 0, total = 0 } = {}): Promise<void> {
    await this.tell("syncServerStart", { mode: "full" });
    if (rows.length) await this.tell("newConversation", { conversationList: rows });
    await this.tell("totalUnreadMessageCountChanged", { totalUnreadCount: total, version: 1 });
    const page = { nextSeq, isFinished: nextSeq === 0, conversationCount: rows.length };
    await this.tell("syncServerFinish", { mode: "full", conversationGroupList: [], ...page }, cursor);
  }

  /** A replay from its start to its finish. */
  async replay(rows: Conversation[], cursor: string): Promise<void> {
    await this.tell("syncServerStart", { mode: "replay" });
    if (rows.length) await this.tell("conversationChanged", { conversationList: rows }, cursor);
    await this.tell("syncServerFinish", { mode: "replay", conversationGroupList: [], conversationCount: 0 }, cursor);
  }

  async close(ended: Ended): Promise<void> {
    this.end();
    this.handlers.ended(ended);
    await settle();
  }

  /** The network is gone. */
  cut(): Promise<void> {
    return this.close({ kind: "broken" });
  }
}

/** Web Locks and BroadcastChannel of one browser. */
export class Browser implements Shared {
  readonly #held = new Map<string, { reject: () => void }>();
  readonly #queue: { name: string; grant: () => void }[] = [];
  readonly #channels = new Set<{ name: string; onmessage: ((event: MessageEvent) => void) | null; isFrozen: () => boolean }>();

  /** What a page sees of it; a frozen page hears nothing. */
  seenBy(isFrozen: () => boolean): Shared {
    return {
      locks: this.locks,
      channel: (name) => {
        const own = { name, onmessage: null as ((event: MessageEvent) => void) | null, isFrozen };
        this.#channels.add(own);
        return Object.assign(own, {
          postMessage: (data: unknown) => {
            if (!this.#channels.has(own)) throw new Error("Channel is closed");
            const copy = structuredClone(data);
            for (const other of this.#channels) {
              if (other === own || other.name !== name) continue;
              queueMicrotask(() => other.isFrozen() || other.onmessage?.({ data: structuredClone(copy) } as MessageEvent));
            }
          },
          close: () => void this.#channels.delete(own),
        });
      },
    };
  }

  channel = this.seenBy(() => false).channel;

  locks = {
    request: ((name: string, options: LockOptions, run: () => Promise<void>) =>
      new Promise<void>((resolve, reject) => {
        const abort = () => reject(new DOMException("", "AbortError"));
        const grant = () => {
          const holder = { reject: abort };
          this.#held.set(name, holder);
          void run().then(() => {
            resolve();
            if (this.#held.get(name) !== holder) return;
            this.#held.delete(name);
            this.#grantNext(name);
          });
        };
        if (options.steal) {
          this.#held.get(name)?.reject();
          return queueMicrotask(grant);
        }
        const waiting = { name, grant };
        options.signal?.addEventListener("abort", () => {
          const place = this.#queue.indexOf(waiting);
          if (place >= 0) (this.#queue.splice(place, 1), abort());
        });
        this.#queue.push(waiting);
        queueMicrotask(() => this.#grantNext(name));
      })) as LockManager["request"],
  };

  #grantNext(name: string): void {
    if (this.#held.has(name)) return;
    const place = this.#queue.findIndex((waiting) => waiting.name === name);
    if (place >= 0) this.#queue.splice(place, 1)[0]!.grant();
  }
}

/** Everything around a client. */
export class World {
  readonly clock = new Clock();
  readonly connections: ScriptedConnection[] = [];
  readonly browser = new Browser();
  readonly pages: Page[] = [];
  /** How many tokens were asked for. */
  tokens = 0;
  /** What getToken answers. */
  token: () => string | Promise<string> = () => tokenOf("bob");
  #tabs = 0;

  /** A client, alone in its browser. */
  client(options: Partial<ClientOptions> = {}): ConversationClient {
    return this.#client(options, null, this.clock.chance);
  }

  /** A tab of the one browser; it can be frozen. */
  tab(options: Partial<ClientOptions> = {}, freeze: { isFrozen: boolean } = { isFrozen: false }): ConversationClient {
    this.#tabs += 1;
    return this.#client(options, this.browser.seenBy(() => freeze.isFrozen), this.#tabs / 64);
  }

  #client(options: Partial<ClientOptions>, shared: Shared | null, chance: number): ConversationClient {
    const getToken = () => ((this.tokens += 1), this.token());
    return createClient({ url: "https://gateway.example/", getToken, userID: "bob", ...options }, this.platform(shared, chance));
  }

  /** A page of its own for a client: its time, its connections, its tabs. */
  platform(shared: Shared | null = null, chance = this.clock.chance): Platform {
    const page = new Page();
    this.pages.push(page);
    const environment = this.clock.environment(page);
    let isFirst = true;
    return {
      // The first one is the name of a tab.
      environment: { ...environment, random: () => (isFirst ? ((isFirst = false), chance) : this.clock.chance) },
      connect: (kind, hello, handlers) => {
        const connection = new ScriptedConnection(kind, hello, handlers);
        this.connections.push(connection);
        return connection;
      },
      shared,
    };
  }

  get page(): Page {
    return this.pages[0]!;
  }

  /** The newest connection. */
  async connection(): Promise<ScriptedConnection> {
    // A database takes a few turns to be read.
    for (let turn = 0; turn < 10 && (turn === 0 || !this.connections.length); turn += 1) await settle();
    const connection = this.connections.at(-1);
    if (!connection) throw new Error("nobody connected");
    return connection;
  }

  /** A client with these rows that is live. */
  async live(rows: Conversation[], options: Partial<ClientOptions> = {}): Promise<{ client: ConversationClient; connection: ScriptedConnection }> {
    const client = this.client(options);
    const connection = await this.connection();
    await connection.full(rows, "e:1");
    return { client, connection };
  }
}

/** The names of the rows that a client shows. */
export const shown = (client: ConversationClient): string[] => client.list().getSnapshot().conversations.map((each) => each.userID!);

/** Notes which events a client tells. */
export function heardBy(client: ConversationClient): string[] {
  const heard: string[] = [];
  const note = (name: string) => () => void heard.push(name);
  const listener: ConversationListener = {
    onSyncServerStart: note("start"), onSyncServerFinish: note("finish"), onSyncServerFailed: note("failed"),
    onNewConversation: note("new"), onConversationChanged: note("changed"), onConversationDeleted: note("deleted"),
    onTotalUnreadMessageCountChanged: note("total"), onKickedOffline: note("kicked"),
    onStatusChanged: ({ kind }) => void heard.push(kind),
  };
  client.addConversationListener(listener);
  return heard;
}

/** How a promise ended: its result, or the name and the message of its error. */
export function outcomeOf(promise: Promise<unknown>): { value: unknown } {
  const outcome: { value: unknown } = { value: "pending" };
  promise.then((result) => (outcome.value = result), (error: Error) => (outcome.value = `${error.name}: ${error.message}`));
  return outcome;
}
