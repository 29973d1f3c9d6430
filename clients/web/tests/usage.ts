// Does the package serve a program as it would be written? Read by `tsc` alone, never run.

import { CallError, type Conversation, type ConversationClient, type ListSnapshot, createClient, indexedDBStorage } from "../src/index.js";

/** As React declares it. */
declare function useSyncExternalStore<Snapshot>(subscribe: (changed: () => void) => () => void, getSnapshot: () => Snapshot): Snapshot;

export const client: ConversationClient = createClient({
  url: "https://gateway.example",
  getToken: async () => (await fetch("/token")).text(),
  userID: "bob",
  device: "laptop",
  storage: indexedDBStorage(),
});

export function useConversations(): ListSnapshot {
  const list = client.list({ type: 2, hasUnreadCount: true });
  return useSyncExternalStore(list.subscribe, list.getSnapshot);
}

client.addConversationListener({
  onNewConversation: ({ conversationList }) => conversationList.map(({ showName }) => showName),
  onConversationDeleted: ({ conversationIDList }) => conversationIDList.length,
  onTotalUnreadMessageCountChanged: ({ totalUnreadCount }) => totalUnreadCount + 1,
  onKickedOffline: ({ reason }) => reason.length,
  onStatusChanged: (status) => status.kind === "waiting" && status.afterMs,
});

export async function pin(row: Conversation): Promise<string> {
  try {
    await client.pinConversation({ conversationID: row.conversationID, isPinned: true });
    const { totalUnreadCount } = await client.getTotalUnreadMessageCount();
    return String(totalUnreadCount);
  } catch (error) {
    if (error instanceof CallError && error.code === 51012) return "50 are pinned already";
    throw error;
  }
}

// What must not pass. Where it does, the compiler complains of the line above it.
// @ts-expect-error a method of backends
client.sendMessage({});
// @ts-expect-error the client's own business
client.refreshToken({ token: "" });
// @ts-expect-error a param that is missing
client.pinConversation({ conversationID: "c2c_ann" });
// @ts-expect-error an event that is none
client.addConversationListener({ onConversationExploded: () => {} });
// @ts-expect-error a snapshot is not to be changed
client.list().getSnapshot().conversations.push();
