// What is the SDK's object? Somebody signs in and out, handlers hear events, and the calls are whoever's is signed in.

import type { Platform } from "../client.js";
import { callAll } from "../events.js";
import type { ChatEvent, ChatEvents } from "./changes.js";
import { CODES, NotOfferedError, SDKError } from "./errors.js";
import { type Answer, type ConversationMethods, conversationMethods } from "./methods.js";
import { EVENT } from "./names.js";
import { notOffered } from "./not-offered.js";
import { type LoginOptions, type SDKOptions, User } from "./user.js";

/** Called with the event's name and data. */
export type Handler<Name extends keyof ChatEvents> = (event: { name: Name; data: ChatEvents[Name] }) => void;

/** What `login` answers. */
export interface LoginData {
  actionStatus: "OK";
  errorCode: 0;
  /** Says so where the user was signed in before. */
  errorInfo: string;
  repeatLogin: boolean;
}

/** The SDK's object, as far as it is about the conversation list. */
export interface Chat extends ConversationMethods {
  /** Resolves once the list is there; while the gateway cannot be reached it tries on. */
  login(options: LoginOptions): Promise<Answer<LoginData>>;
  /** Also drops what is saved. */
  logout(): Promise<Answer<object>>;
  /** Signs out; `create` makes a new one after that. */
  destroy(): Promise<void>;
  /** Hears an event from now on. The names are in EVENT; any other throws NotOfferedError. */
  on<Name extends keyof ChatEvents>(name: Name, handler: Handler<Name>, context?: unknown): void;
  /** Hears it once. */
  once<Name extends keyof ChatEvents>(name: Name, handler: Handler<Name>, context?: unknown): void;
  /** Hears it no more. */
  off<Name extends keyof ChatEvents>(name: Name, handler: Handler<Name>, context?: unknown): void;
  /** Whether somebody is signed in and the list is there. */
  isReady(): boolean;
  /** The userID of who is signed in, or `""`. */
  getLoginUser(): string;
  /** The sum of the unread counts of conversations that notify; 0 before it is known. */
  getTotalUnreadMessageCount(): number;
  /** Without effect: nothing is logged. */
  setLogLevel(level: number): void;
  /** Without effect: plugins are about messages. */
  registerPlugin(plugins: object): void;
}

/** Makes one; `destroyed` is called when it is no more. */
export function createChat(options: SDKOptions, platform: Platform | undefined, destroyed: () => void): Chat {
  const handlers: { name: string; handler: (event: ChatEvent) => void; context: unknown; isOnce: boolean }[] = [];
  let user: User | null = null;

  function tell(event: ChatEvent): void {
    callAll(handlers.filter(({ name }) => name === event.name), (each) => {
      // One before it may have taken it off, or told it already.
      if (!handlers.includes(each)) return;
      if (each.isOnce) remove(each);
      each.handler.call(each.context, event);
    });
  }

  function add(name: string, handler: unknown, context: unknown, isOnce: boolean): void {
    if (!(Object.values(EVENT) as string[]).includes(name)) throw new NotOfferedError(`the event ${name}`);
    handlers.push({ name, handler: handler as (event: ChatEvent) => void, context, isOnce });
  }

  function remove(handler: (typeof handlers)[number] | undefined): void {
    if (handler) handlers.splice(handlers.indexOf(handler), 1);
  }

  function signedIn(): User {
    if (!user) throw new SDKError(CODES.NOT_LOGGED_IN, "call login first");
    return user;
  }

  async function login(who: LoginOptions): Promise<Answer<LoginData>> {
    const repeatLogin = user !== null;
    if (user && user.userID !== who.userID) throw new SDKError(CODES.REPEAT_LOGIN, `${user.userID} is logged in: log out first`);
    user ??= new User(who, options, platform, tell, (farewell) => {
      user = null;
      farewell.forEach(tell);
    });
    await user.ready;
    return { code: 0, data: { actionStatus: "OK", errorCode: 0, errorInfo: repeatLogin ? "logged in already" : "", repeatLogin } };
  }

  async function logout(): Promise<Answer<object>> {
    const leaving = user;
    user = null;
    const wasReady = leaving?.isReady;
    await leaving?.logout();
    if (wasReady) tell({ name: EVENT.SDK_NOT_READY, data: undefined });
    return { code: 0, data: {} };
  }

  const chat: Chat = {
    ...conversationMethods(signedIn),
    login,
    logout,
    async destroy() {
      await logout();
      destroyed();
      tell({ name: EVENT.SDK_DESTROY, data: undefined });
    },
    on: (name, handler, context) => add(name, handler, context, false),
    once: (name, handler, context) => add(name, handler, context, true),
    off: (name, handler) => remove(handlers.find((each) => each.name === name && each.handler === handler)),
    isReady: () => user?.isReady ?? false,
    getLoginUser: () => user?.userID ?? "",
    getTotalUnreadMessageCount: () => user?.list.getSnapshot().totalUnreadCount ?? 0,
    setLogLevel: () => {},
    registerPlugin: () => {},
  };
  return { ...notOffered, ...chat };
}
