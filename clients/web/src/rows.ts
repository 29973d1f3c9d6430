// What does a client have, built only from what it was sent? Rules 1 to 7 of PROTOCOL.md, "What a client does".

import type { Conversation, Cursor, EventFrame, Filter, PageResult } from "./protocol.js";
import { filterKey } from "./filter.js";

/** Deletions that are remembered; the gateway keeps as many. */
const DELETED_MAX = 1000;

/** A sum of unread counts, and the clock at which it held. */
export interface Total {
  totalUnreadCount: number;
  version: number;
}

interface Held {
  rows: Map<string, Conversation>;
  /** The versions up to which deleted ids stay out. */
  deleted: Map<string, number>;
  total: Total | null;
}

/** Everything that a client knows; it can be cloned. */
export interface Rows extends Held {
  cursor: Cursor | null;
  /** Rows from this orderKey on are shown: 0 shows all, Infinity none, before the first full sync. */
  edge: number;
  /** How far the list of a filter is paged below the edge, by filterKey. */
  edges: Map<string, number>;
  /** The totals of filters, by filterKey. */
  totals: Map<string, Total>;
  /** The names of the conversation groups. */
  groups: readonly string[];
  /** Which full sync the rows come from; a page that was asked for before it is worthless. */
  generation: number;
  /** What a full sync under way has brought. */
  staged: Held | null;
}

/** A page that came, and what it was asked with. */
export interface Page {
  filter?: Filter | undefined;
  asked: number;
  generation: number;
  result: PageResult;
}

/** What became different. */
export interface Change {
  /** Rows that came, changed or went. */
  ids: Set<string>;
  /** An edge moved, so that other rows are shown. */
  isPaged: boolean;
  /** All rows were replaced. */
  isReplaced: boolean;
}

/** Nothing became different yet. */
export const noChange = (): Change => ({ ids: new Set(), isPaged: false, isReplaced: false });

const held = (): Held => ({ rows: new Map(), deleted: new Map(), total: null });

/** A client that knows nothing yet. */
export function newRows(): Rows {
  return { ...held(), cursor: null, edge: Infinity, edges: new Map(), totals: new Map(), groups: [], generation: 0, staged: null };
}

/** From which orderKey on the rows of a filter are shown. */
export function edgeOf(rows: Rows, key: string): number {
  return Math.min(rows.edge, rows.edges.get(key) ?? Infinity);
}

/** Applies an event, then takes its cursor. */
export function applyEvent(rows: Rows, frame: EventFrame, change: Change): void {
  const into = rows.staged ?? rows;
  // What is staged is not seen before the finish.
  const ids = rows.staged ? undefined : change.ids;
  switch (frame.event) {
    case "syncServerStart":
      rows.staged = frame.data.mode === "full" ? held() : null;
      break;
    case "newConversation":
    case "conversationChanged":
      for (const row of frame.data.conversationList) upsert(into, row, ids);
      break;
    case "conversationDeleted":
      for (const id of frame.data.conversationIDList) remove(into, id, frame.data.version, ids);
      break;
    case "totalUnreadMessageCountChanged":
      if (isNewer(frame.data, into.total)) into.total = frame.data;
      break;
    case "unreadMessageCountChangedByFilter":
      applyTotal(rows, frame.data.filter, frame.data);
      break;
    case "syncServerFinish":
      rows.groups = frame.data.conversationGroupList;
      if (rows.staged) {
        replace(rows, rows.staged, change);
        rows.edge = frame.data.isFinished ? 0 : (frame.data.nextSeq ?? 0);
      }
      break;
    case "syncServerFailed":
      rows.staged = null;
      break;
    case "conversationGroupCreated":
      rows.groups = [...rows.groups.filter((name) => name !== frame.data.groupName), frame.data.groupName];
      break;
    case "conversationGroupDeleted":
      rows.groups = rows.groups.filter((name) => name !== frame.data.groupName);
      break;
    case "conversationGroupNameChanged":
      rows.groups = rows.groups.map((name) => (name === frame.data.oldName ? frame.data.newName : name));
      break;
    default: // Events that say nothing of rows, and those of later versions.
  }
  if (frame.cursor) rows.cursor = frame.cursor;
}

/** Applies a page; false where a full sync or another page was faster. */
export function applyPage(rows: Rows, { filter, asked, generation, result }: Page, change: Change): boolean {
  const key = filterKey(filter);
  if (generation !== rows.generation || asked !== edgeOf(rows, key)) return false;
  for (const row of result.conversationList) upsert(rows, row, change.ids);
  const edge = result.isFinished ? 0 : result.nextSeq;
  if (key) rows.edges.set(key, edge);
  else rows.edge = edge;
  change.isPaged = true;
  return true;
}

/** Applies the total of a filter. */
export function applyTotal(rows: Rows, filter: Filter, total: Total): void {
  const key = filterKey(filter);
  if (isNewer(total, rows.totals.get(key))) rows.totals.set(key, total);
}

/** Takes over all that another tab knows. */
export function adopt(rows: Rows, other: Rows, change: Change): void {
  const { rows: old } = rows;
  Object.assign(rows, other);
  keepIdentity(old, rows.rows);
  change.isReplaced = true;
}

function isNewer(total: Total, than: Total | null | undefined): boolean {
  return total.version > (than?.version ?? -1);
}

function upsert(into: Held, row: Conversation, ids: Set<string> | undefined): void {
  const id = row.conversationID;
  if (row.version <= (into.rows.get(id)?.version ?? into.deleted.get(id) ?? -1)) return;
  into.rows.set(id, row);
  into.deleted.delete(id);
  ids?.add(id);
}

function remove(into: Held, id: string, version: number, ids: Set<string> | undefined): void {
  if ((into.rows.get(id)?.version ?? -1) >= version) return;
  if (into.rows.delete(id)) ids?.add(id);
  into.deleted.delete(id);
  into.deleted.set(id, version);
  if (into.deleted.size > DELETED_MAX) into.deleted.delete(into.deleted.keys().next().value!);
}

/** The finish of a full sync: what it did not confirm is gone. */
function replace(rows: Rows, staged: Held, change: Change): void {
  keepIdentity(rows.rows, staged.rows);
  Object.assign(rows, staged, { staged: null, generation: rows.generation + 1 });
  rows.edges.clear();
  // The sums stay on screen, and any that comes replaces them.
  for (const [key, total] of rows.totals) rows.totals.set(key, { ...total, version: -1 });
  change.isReplaced = true;
}

/** A row that is the same as before stays the same object, so that nobody draws it again. */
function keepIdentity(old: Map<string, Conversation>, now: Map<string, Conversation>): void {
  for (const [id, row] of now) {
    const before = old.get(id);
    if (before?.version === row.version && JSON.stringify(before) === JSON.stringify(row)) now.set(id, before);
  }
}
