// What does the SDK do while somebody is signed in? It keeps the whole list, and tells what becomes different.

import { type ConversationClient, type Platform, createClient } from "../client.js";
import { pageEnvironment } from "../environment.js";
import type { LiveList } from "../list.js";
import type { ListStorage } from "../storage/storage.js";
import { type ChatEvent, eventsBetween } from "./changes.js";
import { CODES, SDKError } from "./errors.js";
import { EVENT, TYPES } from "./names.js";

/** Rows of a full sync, and of each page after it: the SDK has the whole list. */
const PAGE_ROWS = 1000;
/** After so long a page that failed is asked for again. */
const PAGE_RETRY_MS = 1_000;

/** Where the gateway is, said once; the SDK has nothing like it. */
export interface SDKOptions {
  /** `https://gateway.example`. */
  url: string;
  /** A token from the app's own backend, asked for whenever one is needed. Absent: `userSig` is the token, and when it ends the user is kicked out, as in the SDK. */
  getToken?(userID: string): string | Promise<string>;
  /** The device's name, at most 64 bytes, so that a backend can kick this one. */
  device?: string;
  /** Where the list survives a reload; absent: nowhere. */
  storage?: ListStorage;
}

/** What `login` takes. */
export interface LoginOptions {
  userID: string;
  /** A token of the gateway. */
  userSig: string;
}

/** Why the client stopped, where it is the token's fault, and where it was kicked. */
const REFUSED_TOKEN = /^(closed with 4001|answered with 401)$/;
const KICKED = /^(kicked offline|closed with 4003)$/;

/** Somebody who is signed in, or about to be. */
export class User {
  readonly userID: string;
  readonly client: ConversationClient;
  readonly list: LiveList;
  /** Resolves once the list is there, rejects where it will not be. */
  readonly ready: Promise<void>;
  /** Whether SDK_READY was told. */
  isReady = false;
  #isIn = false;
  #resolve!: () => void;
  #reject!: (error: SDKError) => void;
  readonly #tell: (event: ChatEvent) => void;
  readonly #over: (farewell: readonly ChatEvent[]) => void;
  readonly #after: (ms: number, run: () => void) => () => void;
  #before;
  #isOver = false;
  #isLoading = false;
  readonly #unsubscribe: () => void;

  /** `over` is called when the gateway has ended it, with what is to be told then: a handler may sign in anew. */
  constructor(
    { userID, userSig }: LoginOptions,
    { getToken, ...options }: SDKOptions,
    platform: Platform | undefined,
    tell: (event: ChatEvent) => void,
    over: (farewell: readonly ChatEvent[]) => void,
  ) {
    this.userID = userID;
    this.client = createClient({ ...options, userID, window: PAGE_ROWS, getToken: () => (getToken ? getToken(userID) : userSig) }, platform);
    this.list = this.client.list();
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.ready.catch(() => {});
    this.#tell = (event) => this.#isOver || tell(event);
    this.#over = over;
    this.#after = (platform?.environment ?? pageEnvironment()).after;
    this.#before = this.list.getSnapshot();
    this.#unsubscribe = this.list.subscribe(() => this.#changed());
  }

  /** Signs out, and drops what is saved. */
  async logout(): Promise<void> {
    this.#end(new SDKError(CODES.LOGGED_OUT, "logged out"));
    await this.client.forget();
  }

  #changed(): void {
    const before = this.#before;
    const after = this.list.getSnapshot();
    this.#before = after;
    for (const event of eventsBetween(before, after)) this.#tell(event);
    // A handler may have signed out.
    if (this.#isOver) return;
    if (after.status.kind === "live" && !this.#isIn) {
      this.#isIn = true;
      this.#resolve();
      // Whoever awaits `login` may begin to listen only then.
      this.#after(0, () => {
        if (this.#isOver) return;
        this.isReady = true;
        this.#tell({ name: EVENT.SDK_READY, data: undefined });
      });
    }
    if (after.status.kind === "stopped") this.#stopped(after.status.reason);
    this.#loadRest();
  }

  #stopped(reason: string): void {
    const farewell: ChatEvent[] = this.#isIn ? [eventOfStop(reason), { name: EVENT.SDK_NOT_READY, data: undefined }] : [];
    this.#end(new SDKError(CODES.LOGIN_FAILED, reason));
    // Who signs in anew must find the session free.
    void this.client.close();
    this.#over(farewell);
  }

  #end(error: SDKError): void {
    this.#isOver = true;
    this.#reject(error);
    this.#unsubscribe();
  }

  /** Loads page by page until the list is whole; begins anew after a full sync. */
  #loadRest(): void {
    const { isFinished, status } = this.list.getSnapshot();
    if (this.#isOver || this.#isLoading || isFinished || status.kind !== "live") return;
    this.#isLoading = true;
    const goOn = () => {
      this.#isLoading = false;
      this.#loadRest();
    };
    this.list.loadMore(PAGE_ROWS).then(goOn, () => this.#after(PAGE_RETRY_MS, goOn));
  }
}

function eventOfStop(reason: string): ChatEvent {
  if (REFUSED_TOKEN.test(reason)) return { name: EVENT.KICKED_OUT, data: { type: TYPES.KICKED_OUT_USERSIG_EXPIRED } };
  if (KICKED.test(reason)) return { name: EVENT.KICKED_OUT, data: { type: TYPES.KICKED_OUT_REST_API } };
  return { name: EVENT.ERROR, data: { code: CODES.LOGIN_FAILED, message: reason } };
}
