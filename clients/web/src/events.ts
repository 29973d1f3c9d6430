// What can a listener hear? The SDK's names, each with the data of its event.

import type { EventFrame, Events } from "./protocol.js";
import type { Status } from "./session.js";

/** Any part of it: `onNewConversation`, `onTotalUnreadMessageCountChanged`, `onKickedOffline`, … */
export type ConversationListener = {
  [Name in keyof Events as `on${Capitalize<Name>}`]?: (data: Events[Name]) => void;
} & {
  /** The connection: connecting, syncing, live, waiting, stopped. */
  onStatusChanged?: (status: Status) => void;
};

/** Calls the app's own code; what it throws must not keep the others, or the list, from what came. */
export function callAll<Callee>(callees: Iterable<Callee>, call: (callee: Callee) => void): void {
  for (const callee of [...callees]) {
    try {
      call(callee);
    } catch (error) {
      (globalThis.reportError ?? console.error)(error);
    }
  }
}

/** The listeners of a client. */
export class Listeners {
  readonly #listeners = new Set<ConversationListener>();

  add(listener: ConversationListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: ConversationListener): void {
    this.#listeners.delete(listener);
  }

  /** Tells an event. */
  event({ event, data }: EventFrame): void {
    this.#tell(`on${event[0]!.toUpperCase()}${event.slice(1)}` as keyof ConversationListener, data);
  }

  /** Tells how the connection stands. */
  status(status: Status): void {
    this.#tell("onStatusChanged", status);
  }

  #tell(name: keyof ConversationListener, data: unknown): void {
    callAll(this.#listeners, (listener) => (listener[name] as ((data: unknown) => void) | undefined)?.call(listener, data));
  }
}
