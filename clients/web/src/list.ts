// What does a screen draw? An immutable snapshot of the list in its order, which stays the same object until it differs.

import { callAll } from "./events.js";
import { filterKey, predicateOf } from "./filter.js";
import type { Model } from "./model.js";
import { compare, merge } from "./order.js";
import type { Conversation, Filter } from "./protocol.js";
import { type Change, edgeOf, noChange } from "./rows.js";
import type { Status } from "./session.js";

/** The list at one moment. Rows that did not change are the same objects as before. */
export interface ListSnapshot {
  readonly conversations: readonly Conversation[];
  /** The sum of the unread counts, of the whole list or of the filter; null until it is known. */
  readonly totalUnreadCount: number | null;
  /** Whether there is nothing more to load. */
  readonly isFinished: boolean;
  /** The names of all conversation groups. */
  readonly conversationGroupList: readonly string[];
  readonly status: Status;
}

/** What a list asks of the client. */
export interface ListSource {
  model: Model;
  /** Loads at least so many more rows, if there are any. */
  loadMore(filter: Filter | undefined, count: number): Promise<void>;
  /** Somebody looks at the total of the filter, or nobody does any more. */
  watch(filter: Filter, isWatched: boolean): void;
}

/** A list that keeps itself up to date, made for `useSyncExternalStore(list.subscribe, list.getSnapshot)`. */
export class LiveList {
  readonly #source: ListSource;
  readonly #filter: Filter | undefined;
  readonly #key: string;
  readonly #passes: (row: Conversation) => boolean;
  readonly #subscribers = new Set<() => void>();
  #edge = Infinity;
  #snapshot: ListSnapshot;
  #loading: Promise<void> | null = null;

  constructor(source: ListSource, filter?: Filter) {
    this.#source = source;
    this.#filter = filter;
    this.#key = filterKey(filter);
    this.#passes = predicateOf(filter);
    this.#snapshot = this.#next({ ...noChange(), isReplaced: true });
    source.model.settled.add((change) => this.#settled(change));
  }

  /** The list as it is; the same object as long as nothing differs. */
  readonly getSnapshot = (): ListSnapshot => this.#snapshot;

  /** Calls back after each change; the answer ends it. */
  readonly subscribe = (changed: () => void): (() => void) => {
    // The same function twice is two subscriptions.
    const subscriber = () => changed();
    if (this.#filter && !this.#subscribers.size) this.#source.watch(this.#filter, true);
    this.#subscribers.add(subscriber);
    return () => {
      if (this.#subscribers.delete(subscriber) && this.#filter && !this.#subscribers.size) this.#source.watch(this.#filter, false);
    };
  };

  /** Loads at least `count` more rows where there are any; calls at the same time are one. Rejects as other calls do. */
  readonly loadMore = (count = 50): Promise<void> => {
    this.#loading ??= this.#source.loadMore(this.#filter, count).finally(() => (this.#loading = null));
    return this.#loading;
  };

  #settled(change: Change): void {
    const before = this.#snapshot;
    const after = this.#next(change);
    if ((Object.keys(after) as (keyof ListSnapshot)[]).every((field) => after[field] === before[field])) return;
    this.#snapshot = after;
    callAll(this.#subscribers, (subscriber) => subscriber());
  }

  #next(change: Change): ListSnapshot {
    const { rows, status } = this.#source.model;
    this.#edge = edgeOf(rows, this.#key);
    const total = this.#key ? rows.totals.get(this.#key) : rows.total;
    return {
      conversations: this.#conversations(change),
      totalUnreadCount: total?.totalUnreadCount ?? null,
      isFinished: this.#edge === 0,
      conversationGroupList: rows.groups,
      status,
    };
  }

  #conversations({ ids, isPaged, isReplaced }: Change): readonly Conversation[] {
    const { rows } = this.#source.model.rows;
    const isShown = (row: Conversation) => row.orderKey >= this.#edge && this.#passes(row);
    const before = this.#snapshot?.conversations ?? [];
    const after = isPaged || isReplaced
      ? [...rows.values()].filter(isShown).sort(compare)
      : ids.size
        ? merge(before, ids, [...ids].flatMap((id) => rows.get(id) ?? []).filter(isShown))
        : before;
    return after.length === before.length && after.every((row, place) => row === before[place]) ? before : after;
  }
}
