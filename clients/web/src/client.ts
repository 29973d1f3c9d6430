// How are the parts put together?

import type { Connect } from "./connection/connection.js";
import { openEventStream } from "./connection/sse.js";
import { openWebSocket } from "./connection/websocket.js";
import { fullJitter } from "./backoff.js";
import { type Environment, pageEnvironment } from "./environment.js";
import { StoppedError } from "./errors.js";
import { type ConversationListener, Listeners } from "./events.js";
import { filterKey } from "./filter.js";
import { Leader } from "./leader.js";
import { LiveList } from "./list.js";
import { type Input, Model } from "./model.js";
import { type Filter, METHODS, type Methods } from "./protocol.js";
import type { Status } from "./session.js";
import { memoryStorage } from "./storage/memory.js";
import type { ListStorage } from "./storage/storage.js";
import { type Shared, Tab } from "./tabs.js";
import { claimsOf } from "./tokens.js";

/** Rows of a full sync where the app names no other number. */
const WINDOW_DEFAULT = 100;

/** What an app says once. */
export interface ClientOptions {
  /** Where the gateway is: `https://gateway.example`. */
  url: string;
  /** A token from the app's own backend. Called again before each one ends, and where one was refused. */
  getToken(): string | Promise<string>;
  /** The user, where the app knows it: then a saved list is shown before the first token comes. Else one more token is asked for. */
  userID?: string;
  /** The device's name, at most 64 bytes, so that a backend can kick this one. */
  device?: string;
  /** Where the list survives a reload; absent: nowhere. */
  storage?: ListStorage;
  /** Rows of a full sync, 1 to 1000; 100 where absent. */
  window?: number;
  /** False: this tab has a session of its own. */
  isShared?: boolean;
}

/** Every method of PROTOCOL.md but ping and refreshToken, which the client calls by itself; with its params and result. They reject with CallError, ConnectionError or StoppedError. */
export type ClientMethods = {
  [Name in (typeof METHODS)[number]]: (
    ...params: Methods[Name]["params"] extends Record<string, never> ? [] : [params: Methods[Name]["params"]]
  ) => Promise<Methods[Name]["result"]>;
};

/** A user's conversation list, kept up to date. */
export interface ConversationClient extends ClientMethods {
  /** Hears events from now on, in the order in which they come. */
  addConversationListener(listener: ConversationListener): void;
  /** Hears nothing more. */
  removeConversationListener(listener: ConversationListener): void;
  /** The live list, or that of a filter; the same object for the same filter. */
  list(filter?: Filter): LiveList;
  /** How the connection stands. */
  getStatus(): Status;
  /** Comes back after it had stopped, as with a new sign-in of the same user. */
  connect(): Promise<void>;
  /** Ends this client; in other tabs it goes on. What is saved stays. */
  close(): Promise<void>;
  /** Ends it and drops what is saved, as at a sign-out. */
  forget(): Promise<void>;
}

/** What is the browser's, so that tests can bring their own. */
export interface Platform {
  environment: Environment;
  connect: Connect;
  shared: Shared | null;
}

/** The browser's own. */
function pagePlatform(url: string): Platform {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  return {
    environment: pageEnvironment(),
    connect: (kind, hello, handlers) => (kind === "sse" ? openEventStream : openWebSocket)(url, hello, handlers),
    shared: locks && globalThis.BroadcastChannel ? { locks, channel: (name) => new BroadcastChannel(name) } : null,
  };
}

/** Connects and keeps the list up to date until it is closed. */
export function createClient(options: ClientOptions, platform?: Platform): ConversationClient {
  const url = options.url.replace(/\/+$/, "");
  const { storage = memoryStorage(), device, window = WINDOW_DEFAULT } = options;
  const { environment, connect, shared } = platform ?? pagePlatform(url);
  const listeners = new Listeners();
  const model = new Model(listeners);
  const lists = new Map<string, LiveList>();
  const watched = new Map<string, { filter: Filter; count: number }>();
  let name = "";
  let tab: Tab | undefined;
  let isClosed = false;
  let giveUp: (error: Error) => void;

  const getToken = async () => options.getToken();

  /** Whose list it is; without a token that is unknown, and there is nothing to show. */
  async function findUser(): Promise<string> {
    if (options.userID !== undefined) return options.userID;
    for (let failed = 0; ; failed += 1) {
      try {
        const { sub } = claimsOf(await getToken());
        if (typeof sub !== "string") throw new Error("the token has no sub");
        return sub;
      } catch {
        const afterMs = fullJitter({ failed, random: environment.random() });
        model.apply({ kind: "status", status: { kind: "waiting", afterMs } });
        await new Promise<void>((resolve) => environment.after(afterMs, resolve));
      }
      if (isClosed) throw new StoppedError("closed");
    }
  }

  const ready = new Promise<Tab>((resolve, reject) => {
    giveUp = reject;
    findUser().then((userID) => {
      if (isClosed) return;
      name = `${url} ${userID}`;
      tab = new Tab({
        name,
        shared: options.isShared === false ? null : shared,
        environment,
        model,
        lead: () => {
          const publish = (input: Input) => tab!.publish(input);
          return new Leader({ model, publish, connect, environment, getToken, userID, device, window, storage, list: name });
        },
      });
      tab.start();
      tab.watch([...watched.values()].map(({ filter }) => filter));
      resolve(tab);
    }, reject);
  });
  ready.catch(() => {});

  const call = async (method: string, params: unknown) => (await ready).call(method, params);

  function watch(filter: Filter, isWatched: boolean): void {
    const key = filterKey(filter);
    const count = (watched.get(key)?.count ?? 0) + (isWatched ? 1 : -1);
    if (count > 0) watched.set(key, { filter, count });
    else watched.delete(key);
    if (!isClosed) tab?.watch([...watched.values()].map((each) => each.filter));
  }

  const offWake = environment.onWake(() => tab?.wake());

  async function close(): Promise<void> {
    isClosed = true;
    offWake();
    giveUp(new StoppedError("closed"));
    await tab?.close();
    model.apply({ kind: "status", status: { kind: "stopped", reason: "closed" } });
  }

  const methods = Object.fromEntries(METHODS.map((method) => [method, (params: unknown = {}) => call(method, params)]));

  return {
    ...(methods as unknown as ClientMethods),
    subscribeUnreadMessageCountByFilter(params) {
      watch(params.filter, true);
      return call("subscribeUnreadMessageCountByFilter", params) as ReturnType<ClientMethods["subscribeUnreadMessageCountByFilter"]>;
    },
    async unsubscribeUnreadMessageCountByFilter({ filter }) {
      watch(filter, false);
      return {};
    },
    addConversationListener: (listener) => listeners.add(listener),
    removeConversationListener: (listener) => listeners.remove(listener),
    list(filter) {
      const key = filterKey(filter);
      let list = lists.get(key);
      if (!list) {
        const loadMore = (filter: Filter | undefined, count: number) => call("loadMore", { filter, count }) as Promise<void>;
        list = new LiveList({ model, watch, loadMore }, key ? filter : undefined);
        lists.set(key, list);
      }
      return list;
    },
    getStatus: () => model.status,
    connect: () => call("connect", {}) as Promise<void>,
    close,
    async forget() {
      await close();
      if (name) await storage.remove(name);
    },
  };
}
