// What does each tab hold, and how does it learn of anything? By inputs, which are the same in all tabs.

import type { EventFrame, Filter } from "./protocol.js";
import type { Listeners } from "./events.js";
import { type Change, type Page, type Rows, type Total, adopt, applyEvent, applyPage, applyTotal, newRows, noChange } from "./rows.js";
import type { Status } from "./session.js";

/** Something that happened. Inputs go from the tab that has the session to the others, in order. */
export type Input =
  | { kind: "event"; frame: EventFrame }
  | { kind: "page"; page: Page }
  | { kind: "total"; filter: Filter; total: Total }
  | { kind: "status"; status: Status }
  /** The connection ended, or rows came from the storage or from another tab. */
  | { kind: "ended" }
  | { kind: "rows"; rows: Rows };

/** What changed since the last moment at which rows and totals agreed. */
export type Settled = (change: Change) => void;

/** The rows of a tab, and who wants to know of them. */
export class Model {
  readonly rows: Rows = newRows();
  readonly listeners: Listeners;
  /** Called whenever rows and totals agree: at a cursor, a page, an end. */
  readonly settled = new Set<Settled>();
  status: Status = { kind: "connecting" };
  #change = noChange();

  constructor(listeners: Listeners) {
    this.listeners = listeners;
  }

  apply(input: Input): void {
    switch (input.kind) {
      case "event":
        applyEvent(this.rows, input.frame, this.#change);
        this.listeners.event(input.frame);
        // Between two cursors the rows may be ahead of the total.
        if (!input.frame.cursor) return;
        break;
      case "page":
        applyPage(this.rows, input.page, this.#change);
        break;
      case "total":
        applyTotal(this.rows, input.filter, input.total);
        break;
      case "status":
        this.status = input.status;
        this.listeners.status(input.status);
        break;
      case "ended":
        this.rows.staged = null;
        break;
      case "rows":
        adopt(this.rows, input.rows, this.#change);
        break;
    }
    const change = this.#change;
    this.#change = noChange();
    for (const settled of [...this.settled]) settled(change);
  }
}
