// Does the adapter serve a typed program as it would be written for the SDK? Read by `tsc` alone, never run.

import { CallError, type Conversation, NotOfferedError, SDKError, createSDK, indexedDBStorage } from "../src/sdk/index.js";

const TencentCloudChat = createSDK({ url: "https://gateway.example", getToken: (userID) => `token of ${userID}`, storage: indexedDBStorage() });
const { EVENT, TYPES } = TencentCloudChat;
export const chat = TencentCloudChat.create({ SDKAppID: 1, proxyServer: undefined });

export const nameOf = (conversation: Conversation): string =>
  conversation.type === TYPES.CONV_C2C ? conversation.userProfile.nick : conversation.groupProfile.name;

chat.on(EVENT.CONVERSATION_LIST_UPDATED, ({ data }) => data.map(nameOf));
chat.on(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, ({ data }) => data + 1);
chat.on(EVENT.CONVERSATION_IN_GROUP_UPDATED, ({ data: { groupName, conversationList } }) => `${groupName} ${conversationList.length}`);
chat.on(EVENT.NET_STATE_CHANGE, ({ data: { state } }) => state === TYPES.NET_STATE_CONNECTED);

export async function pin(conversationID: string): Promise<string> {
  try {
    const { data } = await chat.pinConversation({ conversationID, isPinned: true });
    return data.conversationID;
  } catch (error) {
    if (error instanceof CallError && error.code === 51012) return "50 are pinned already";
    if (error instanceof NotOfferedError || error instanceof SDKError) return String(error.code);
    throw error;
  }
}

export const failures = async (): Promise<string[]> =>
  (await chat.markConversation({ conversationIDList: ["C2Cann"], markType: TYPES.CONV_MARK_TYPE_STAR, enableMark: true }))
    .data.failureConversationIDList.map(({ message }) => message);

// What must not pass. Where it does, the compiler complains of the line above it.
// @ts-expect-error messages are not the gateway's
chat.sendMessage({});
// @ts-expect-error an event of messages
EVENT.MESSAGE_RECEIVED;
// @ts-expect-error a remind type that is none
chat.setMessageRemindType({ groupID: "g1", messageRemindType: "Loud" });
// @ts-expect-error a param that is missing
chat.setConversationDraft({ conversationID: "C2Cann" });
