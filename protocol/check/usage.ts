// Do the declarations serve a program as it would be written? Read by `tsc` alone, never run.

import type {
  CloseCode, Conversation, EventFrame, Events, Filter, Frame, Methods, RequestFrame, ServerMethods,
} from "../generated/protocol";

const filter: Filter = { type: 2, conversationGroup: "Work", markType: [1, "4294967296"], hasUnreadCount: true };

export async function call<Name extends keyof Methods>(
  method: Name,
  params: Methods[Name]["params"],
): Promise<Methods[Name]["result"]> {
  const answer = await fetch(`/v1/${method}`, { method: "POST", body: JSON.stringify(params) });
  return (await answer.json()) as Methods[Name]["result"];
}

export async function starred(): Promise<Conversation[]> {
  await call("markConversation", { conversationIDList: ["c2c_alice"], markType: 2 ** 63, enableMark: true });
  const page = await call("getConversationListByFilter", { filter, count: 50 });
  return page.conversationList.filter((row) => row.markList.includes(1) && row.lastMessage?.status !== 6);
}

type Listeners = { [Name in keyof Events]?: (data: Events[Name]) => void };

export function dispatch(frame: EventFrame, rows: Map<string, Conversation>): number {
  switch (frame.event) {
    case "newConversation":
    case "conversationChanged":
      for (const row of frame.data.conversationList) rows.set(row.conversationID, row);
      return rows.size;
    case "syncServerFinish":
      return frame.data.nextSeq ?? 0;
    case "unreadMessageCountChangedByFilter":
      return frame.data.totalUnreadCount;
    default:
      return frame.cursor === undefined ? 0 : 1;
  }
}

export function received(text: string, listeners: Listeners): void {
  const frame = JSON.parse(text) as Frame;
  if (!("event" in frame)) throw new Error("error" in frame ? frame.error.message : "not an event");
  if (frame.event === "reconnect") listeners.reconnect?.(frame.data);
}

export const isFinal = (code: CloseCode): boolean => code >= 4000 && code < 4100;

export const pin: RequestFrame = { id: 7, method: "pinConversation", params: { conversationID: "c2c_alice", isPinned: true } };

export const sent: ServerMethods["sendMessage"]["params"] = {
  conversation: { type: 1 },
  sender: "alice",
  recipients: ["bob"],
  message: { msgID: "m1", seq: 1, timestamp: 1795373813, text: "Hello Bob" },
  profiles: { alice: { showName: "Alice" } },
};

// What must not pass. Where it does, the compiler complains of the line above it.
// @ts-expect-error a field that nobody knows
export const unknownField: Filter = { kind: 1 };
// @ts-expect-error a receive option that is none
export const wrongOption: Methods["setReceiveMessageOpt"]["params"] = { conversationIDList: ["c2c_alice"], recvOpt: 9 };
// @ts-expect-error a method that is none
export const wrongMethod: RequestFrame = { id: 1, method: "pin", params: {} };
// @ts-expect-error a field that is missing
export const missing: ServerMethods["markRead"]["params"] = { conversationID: "c2c_alice" };
