// What becomes of calls made offline? The newest one for each row waits, and is sent after the resume.

import type { Environment } from "./environment.js";
import { CallError, ConnectionError, StoppedError } from "./errors.js";
import type { Conversation, Methods } from "./protocol.js";

/** How long to wait where the gateway says "later". */
const LATER_MS = 1_000;
/** After so many refusals of that kind the call has failed. */
const TRIES_MAX = 30;
/** How often a call is tried against a row that keeps changing. */
const RACES_MAX = 3;

/** Fields of a row, those that a call is about. */
type Fields = Partial<Conversation>;

/** The calls that may wait. */
type Waitable = "cleanConversationUnreadMessageCount" | "pinConversation" | "setConversationDraft";

/** A call that waits; it can be cloned. */
export type Entry = {
  [Name in Waitable]: {
    method: Name;
    params: Methods[Name]["params"];
    /** What the row may be without a conflict: as it was, or as an earlier call of ours may have made it. Absent: whatever it is. */
    bases?: Fields[] | undefined;
    /** Whether it may have been made though no answer came. */
    isSent?: boolean;
  };
}[Waitable];

type Call = (method: string, params: unknown) => Promise<unknown>;
type Waiter = { resolve(result: unknown): void; reject(error: unknown): void };
type Slot = { entry: Entry; waiters: Waiter[]; tries: number };

/** The call as it may wait, or null where it may not. */
export function toEntry(method: string, params: unknown, rows: ReadonlyMap<string, Conversation>): Entry | null {
  const { conversationID } = (params ?? {}) as { conversationID?: string };
  const row = rows.get(conversationID ?? "");
  switch (method as Waitable) {
    case "pinConversation":
      return { method, params, bases: row && [{ isPinned: row.isPinned }] } as Entry;
    case "setConversationDraft":
      return { method, params, bases: row && [{ draftText: row.draftText, draftTimestamp: row.draftTimestamp }] } as Entry;
    case "cleanConversationUnreadMessageCount": {
      // "All" means what the user has seen: only a known row says what that is.
      const asked = params as Methods["cleanConversationUnreadMessageCount"]["params"];
      if (asked.cleanSequence || asked.cleanTimestamp) return { method, params } as Entry;
      const cleanSequence = row?.lastMessage?.seq;
      return cleanSequence ? ({ method, params: { ...asked, cleanSequence } } as Entry) : null;
    }
    default:
      return null;
  }
}

/** The params to send to a row as it is now; "done" where there is nothing to do, "conflict" where somebody else changed the same. */
export function paramsFor(entry: Entry, row: Conversation | undefined): object | "done" | "conflict" {
  if (!entry.bases || "ifVersion" in entry.params) return entry.params;
  if (!row) return "conflict";
  const isSame = (fields: Fields) => (Object.keys(fields) as (keyof Fields)[]).every((field) => row[field] === fields[field]);
  if (entry.bases.some(isSame)) return { ...entry.params, ifVersion: row.version };
  return isSame(entry.params) ? "done" : "conflict";
}

/** The calls that wait. */
export class Outbox {
  readonly #slots = new Map<string, Slot>();
  #isDraining = false;

  constructor(
    readonly environment: Environment,
    readonly rows: () => ReadonlyMap<string, Conversation>,
    /** The calls that wait are others than before. */
    readonly changed: () => void,
  ) {}

  /** Whether a newer call must wait too, so that it is not overtaken. */
  has(entry: Entry): boolean {
    return this.#slots.has(keyOf(entry));
  }

  /** What waits, in the order in which it will be sent. */
  entries(): Entry[] {
    return [...this.#slots.values()].map(({ entry }) => entry);
  }

  /** Lets a call wait, in the place of an older one for its row, whose callers hear how this one ends. */
  add(entry: Entry): Promise<unknown> {
    const key = keyOf(entry);
    const older = this.#slots.get(key);
    if (older?.entry.isSent) entry.bases?.push(...(older.entry.bases ?? []), older.entry.params);
    return new Promise((resolve, reject) => {
      this.#slots.delete(key);
      this.#slots.set(key, { entry, waiters: [...(older?.waiters ?? []), { resolve, reject }], tries: 0 });
      this.changed();
    });
  }

  /** Puts back what an earlier page could not send. */
  restore(entries: readonly Entry[]): void {
    for (const entry of entries) if (!this.has(entry)) this.#slots.set(keyOf(entry), { entry, waiters: [], tries: 0 });
  }

  /** Sends what waits, one after the other; stops where the connection ends. */
  async drain(call: Call): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let slot; (slot = this.#slots.values().next().value); ) {
        if (!(await this.#settle(slot, call))) return;
      }
    } finally {
      this.#isDraining = false;
    }
  }

  /** Nothing will be sent any more. */
  reject(error: Error): void {
    for (const { waiters } of this.#slots.values()) for (const waiter of waiters.splice(0)) waiter.reject(error);
  }

  /** Sends one; false where it has to wait on. */
  async #settle(slot: Slot, call: Call): Promise<boolean> {
    try {
      const result = await this.#send(slot.entry, call);
      this.#done(slot, (waiter) => waiter.resolve(result));
    } catch (error) {
      if (error instanceof ConnectionError || error instanceof StoppedError) return false;
      const isLater = error instanceof CallError && (error.code === 7008 || error.code === 50004);
      slot.tries += 1;
      if (isLater && slot.tries < TRIES_MAX) {
        await new Promise<void>((resolve) => this.environment.after(LATER_MS * (0.5 + this.environment.random()), resolve));
      } else this.#done(slot, (waiter) => waiter.reject(error));
    }
    return true;
  }

  async #send(entry: Entry, call: Call): Promise<unknown> {
    let row = this.rows().get(entry.params.conversationID);
    for (let race = 1; ; race += 1) {
      const params = paramsFor(entry, row);
      if (params === "done") return {};
      if (params === "conflict") {
        throw new CallError({ code: 6017, message: "ifVersion: the conversation has changed since", ...(row && { conversation: row }) });
      }
      entry.isSent = true;
      try {
        return await call(entry.method, params);
      } catch (error) {
        // It changed on the way: perhaps only elsewhere.
        if (!(error instanceof CallError) || !error.conversation || !entry.bases || race === RACES_MAX) throw error;
        row = error.conversation;
      }
    }
  }

  #done(slot: Slot, tell: (waiter: Waiter) => void): void {
    const key = keyOf(slot.entry);
    // A newer call may have come in its place, with its callers.
    if (this.#slots.get(key) !== slot) return;
    this.#slots.delete(key);
    slot.waiters.forEach(tell);
    this.changed();
  }
}

function keyOf({ method, params }: Entry): string {
  return `${method} ${params.conversationID}`;
}
