// Which events of the SDK does a new snapshot make?

import type { ListSnapshot } from "../list.js";
import type { Conversation as Row } from "../protocol.js";
import type { Status } from "../session.js";
import { type Conversation, toConversation } from "./conversation.js";
import { EVENT, TYPES } from "./names.js";

/** The data of each event, by its name in EVENT. */
export interface ChatEvents {
  [EVENT.SDK_READY]: undefined;
  [EVENT.SDK_NOT_READY]: undefined;
  [EVENT.SDK_DESTROY]: undefined;
  /** The whole list, in its order. */
  [EVENT.CONVERSATION_LIST_UPDATED]: Conversation[];
  /** The sum of the unread counts of conversations that notify. */
  [EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED]: number;
  /** All names, in the order in which the groups were made. */
  [EVENT.CONVERSATION_GROUP_LIST_UPDATED]: string[];
  /** What is in the group now. */
  [EVENT.CONVERSATION_IN_GROUP_UPDATED]: { groupName: string; conversationList: Conversation[] };
  [EVENT.NET_STATE_CHANGE]: { state: NetState };
  [EVENT.KICKED_OUT]: { type: typeof TYPES.KICKED_OUT_USERSIG_EXPIRED | typeof TYPES.KICKED_OUT_REST_API };
  [EVENT.ERROR]: { code: number; message: string };
}

/** One of `TYPES.NET_STATE_…`. */
export type NetState = typeof TYPES.NET_STATE_CONNECTED | typeof TYPES.NET_STATE_CONNECTING | typeof TYPES.NET_STATE_DISCONNECTED;

/** An event as a handler gets it. */
export type ChatEvent = { [Name in keyof ChatEvents]: { name: Name; data: ChatEvents[Name] } }[keyof ChatEvents];

const NET_STATES: Record<Status["kind"], NetState> = {
  connecting: TYPES.NET_STATE_CONNECTING,
  syncing: TYPES.NET_STATE_CONNECTED,
  live: TYPES.NET_STATE_CONNECTED,
  waiting: TYPES.NET_STATE_DISCONNECTED,
  stopped: TYPES.NET_STATE_DISCONNECTED,
};

/** The events between two snapshots: the list, its total, its groups, the connection. */
export function eventsBetween(before: ListSnapshot, after: ListSnapshot): ChatEvent[] {
  const events: ChatEvent[] = [];
  const rows = after.conversations;
  if (rows !== before.conversations) events.push({ name: EVENT.CONVERSATION_LIST_UPDATED, data: rows.map(toConversation) });
  if (after.totalUnreadCount !== null && after.totalUnreadCount !== before.totalUnreadCount) {
    events.push({ name: EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, data: after.totalUnreadCount });
  }
  if (!isSame(after.conversationGroupList, before.conversationGroupList)) {
    events.push({ name: EVENT.CONVERSATION_GROUP_LIST_UPDATED, data: [...after.conversationGroupList] });
  }
  for (const groupName of regrouped(before, after)) {
    const conversationList = rows.filter((row) => row.conversationGroupList.includes(groupName)).map(toConversation);
    events.push({ name: EVENT.CONVERSATION_IN_GROUP_UPDATED, data: { groupName, conversationList } });
  }
  const state = NET_STATES[after.status.kind];
  if (state !== NET_STATES[before.status.kind]) events.push({ name: EVENT.NET_STATE_CHANGE, data: { state } });
  return events;
}

/** The groups that are there and whose conversations are others. Rows that only came on screen were in theirs before. */
function regrouped(before: ListSnapshot, after: ListSnapshot): string[] {
  if (after.conversations === before.conversations) return [];
  const names = new Set<string>();
  const old = new Map(before.conversations.map((row) => [row.conversationID, row]));
  for (const row of after.conversations) {
    const was = old.get(row.conversationID);
    old.delete(row.conversationID);
    if (was && was !== row) for (const name of difference(was, row)) names.add(name);
  }
  // Where not all rows are loaded, one that is missing may be further down.
  if (after.isFinished) for (const gone of old.values()) for (const name of gone.conversationGroupList) names.add(name);
  return after.conversationGroupList.filter((name) => names.has(name));
}

function difference({ conversationGroupList: one }: Row, { conversationGroupList: other }: Row): string[] {
  return [...one.filter((name) => !other.includes(name)), ...other.filter((name) => !one.includes(name))];
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, place) => name === other[place]);
}
