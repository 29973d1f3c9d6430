// What does the tab do that holds the session? It keeps it, sends calls, loads pages, and saves what came.

import type { Connect } from "./connection/connection.js";
import type { Environment } from "./environment.js";
import { ConnectionError, StoppedError } from "./errors.js";
import { filterKey } from "./filter.js";
import type { Input, Model } from "./model.js";
import { Outbox, toEntry } from "./outbox.js";
import type { Filter, PageResult } from "./protocol.js";
import { type Change, type Total, edgeOf, newRows, noChange } from "./rows.js";
import { Session, type Status } from "./session.js";
import { Saver } from "./storage/saver.js";
import type { ListStorage } from "./storage/storage.js";

/** Pages of one `loadMore`, however few rows they bring. */
const PAGES_MAX = 20;

/** What the tab with the session needs. */
export interface LeaderOptions {
  model: Model;
  /** Applies an input here and in the other tabs. */
  publish(input: Input): void;
  connect: Connect;
  environment: Environment;
  getToken(): Promise<string>;
  userID: string;
  device: string | undefined;
  window: number;
  storage: ListStorage;
  /** The name of the list in the storage. */
  list: string;
}

/** The tab with the session. */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #session: Session;
  readonly #outbox: Outbox;
  readonly #saver: Saver;
  /** The filters that each tab watches. */
  readonly #watches = new Map<string, readonly Filter[]>();
  /** The filters whose totals the session tells. */
  #told = new Map<string, Filter>();
  /** Calls that wait for the attempt to connect that is under way. */
  #waiting: { resolve(): void; reject(error: Error): void }[] = [];
  #isOver = false;
  readonly #ends: (() => void)[];

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { model, environment, publish } = options;
    this.#outbox = new Outbox(environment, () => model.rows.rows, () => this.#saver.touch());
    this.#saver = new Saver({ ...options, outbox: () => this.#outbox.entries() });
    this.#session = new Session({
      ...options,
      cursor: () => model.rows.cursor,
      filters: () => {
        this.#told = this.#watched();
        return [...this.#told.values()];
      },
      onEvent: (frame) => publish({ kind: "event", frame }),
      onEnded: () => publish({ kind: "ended" }),
      onStatus: (status) => this.#status(status),
    });
    const settled = (change: Change) => this.#saver.changed(change);
    // Changes from other tabs may not have been saved before their tab went.
    if (model.rows.cursor !== null) settled({ ...noChange(), isReplaced: true });
    model.settled.add(settled);
    this.#ends = [() => model.settled.delete(settled), environment.onHide(() => void this.#saver.flush())];
  }

  /** Reads what was saved, where this tab has nothing newer, and connects, unless the session was ended for good. */
  async start(): Promise<void> {
    const { storage, list, model, publish } = this.#options;
    // Until then calls wait, though the tab that had the session was live.
    if (model.status.kind !== "stopped") this.#status({ kind: "connecting" });
    // A storage that cannot be read is an empty one.
    const stored = await storage.load(list).catch(() => undefined);
    if (this.#isOver) return;
    if (stored) this.#outbox.restore(stored.state.outbox);
    if (stored && model.rows.cursor === null) {
      const { cursor, edge, total, groups } = stored.state;
      const rows = new Map(stored.rows.map((row) => [row.conversationID, row]));
      publish({ kind: "rows", rows: { ...newRows(), rows, cursor, edge, total, groups } });
    }
    if (model.status.kind !== "stopped") this.#session.start();
  }

  /** Calls a method for any tab. */
  async call(method: string, params: unknown): Promise<unknown> {
    const { model } = this.#options;
    if (method === "connect") return this.#session.start();
    if (method === "loadMore") return this.#loadMore(params as { filter?: Filter; count: number });
    const entry = toEntry(method, params, model.rows.rows);
    if (entry && model.status.kind !== "stopped" && (model.status.kind !== "live" || this.#outbox.has(entry))) return this.#outbox.add(entry);
    // An attempt ends soon, and then the session answers or refuses.
    while (model.status.kind === "connecting") await this.#attempted();
    if (method === "subscribeUnreadMessageCountByFilter" && this.#session.kind() === "sse") method = "getUnreadMessageCountByFilter";
    try {
      return await this.#session.call(method, params);
    } catch (error) {
      // Whether it was made is unknown; repeating it changes nothing that it did not change.
      if (!entry || !(error instanceof ConnectionError)) throw error;
      const result = this.#outbox.add({ ...entry, isSent: true });
      if (model.status.kind === "live") void this.#drain();
      return result;
    }
  }

  /** A tab watches these filters from now on. */
  watch(tab: string, filters: readonly Filter[]): void {
    this.#watches.set(tab, filters);
    if (this.#options.model.status.kind === "live") this.#tellFilters();
  }

  /** The connection may have died unnoticed. */
  wake(): void {
    this.#session.wake();
  }

  /** Gives up the session and writes what is not saved yet. */
  async stop(error: Error): Promise<void> {
    this.drop(error);
    await this.#saver.flush();
  }

  /** Gives up the session to a tab that has it already, and that saves what it knows. */
  drop(error: Error): void {
    this.#isOver = true;
    for (const end of this.#ends) end();
    this.#session.stop(error.message);
    this.#outbox.reject(error);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#saver.cancel();
  }

  #status(status: Status): void {
    const { model, publish } = this.#options;
    if (this.#isOver || (status.kind === "connecting" && model.status.kind === "connecting")) return;
    publish({ kind: "status", status });
    if (status.kind === "stopped") this.#outbox.reject(new StoppedError(status.reason));
    if (status.kind !== "connecting") for (const { resolve } of this.#waiting.splice(0)) resolve();
    if (status.kind === "live") {
      void this.#drain();
      this.#tellFilters();
    }
  }

  /** The attempt to connect that is under way has ended. */
  #attempted(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #drain(): Promise<void> {
    return this.#outbox.drain((method, params) => this.#session.call(method, params));
  }

  #watched(): Map<string, Filter> {
    return new Map([...this.#watches.values()].flat().map((filter) => [filterKey(filter), filter]));
  }

  /** Brings the session to tell the totals that are watched, and no others. */
  #tellFilters(): void {
    const { publish } = this.#options;
    const watched = this.#watched();
    const missing = [...watched].filter(([key]) => !this.#told.has(key));
    if (this.#session.kind() === "sse") {
      // Only a connect can say it. What nobody watches any more is told until the next one.
      if (missing.length) this.#session.reopen();
      return;
    }
    const call = (method: string, filter: Filter) => this.#session.call(method, { filter });
    for (const [key, filter] of missing) {
      this.#told.set(key, filter);
      call("subscribeUnreadMessageCountByFilter", filter).then(
        (total) => publish({ kind: "total", filter, total: total as Total }),
        () => this.#told.delete(key),
      );
    }
    for (const [key, filter] of [...this.#told].filter(([key]) => !watched.has(key))) {
      this.#told.delete(key);
      call("unsubscribeUnreadMessageCountByFilter", filter).catch(() => {});
    }
  }

  async #loadMore({ filter, count }: { filter?: Filter; count: number }): Promise<void> {
    const { rows } = this.#options.model;
    const key = filterKey(filter);
    for (let pages = 0, loaded = 0; pages < PAGES_MAX && loaded < count; pages += 1) {
      const [asked, generation] = [edgeOf(rows, key), rows.generation];
      // Nothing is below, or nothing is known yet: the first sync brings the first rows.
      if (asked === 0 || asked === Infinity) return;
      const params = { nextSeq: asked, count: count - loaded };
      const result = (await (key
        ? this.call("getConversationListByFilter", { filter, ...params })
        : this.call("getConversationList", params))) as PageResult;
      if (!result.isFinished && result.nextSeq === asked) throw new ConnectionError("the page did not advance");
      this.#options.publish({ kind: "page", page: { filter, asked, generation, result } });
      loaded += result.conversationList.length;
    }
  }
}
