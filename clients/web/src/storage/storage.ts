// What does a client keep over a reload, and what must a storage be able to do?

import type { Conversation, Cursor } from "../protocol.js";
import type { Entry } from "../outbox.js";
import type { Total } from "../rows.js";

/** Everything beside the rows. It is true of exactly the rows that were saved with it. */
export interface StoredState {
  cursor: Cursor;
  edge: number;
  total: Total | null;
  groups: readonly string[];
  /** Calls made offline that are not sent yet. */
  outbox: readonly Entry[];
}

/** A saved list. */
export interface StoredList {
  rows: readonly Conversation[];
  state: StoredState;
}

/** What is different from what was saved before. */
export interface StoredChange {
  /** True: whatever was saved before goes first. */
  isWhole: boolean;
  put: readonly Conversation[];
  remove: readonly string[];
  state: StoredState;
}

/** Where lists are kept, each under the name of its gateway and user. A rejection costs the saved list, nothing else. */
export interface ListStorage {
  load(list: string): Promise<StoredList | undefined>;
  /** Saves rows and state together, or nothing. */
  save(list: string, change: StoredChange): Promise<void>;
  remove(list: string): Promise<void>;
}
