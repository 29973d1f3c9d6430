// The entry `conversation-client/sdk`: for code that was written for the Web SDK's conversation part. docs/sdk.md has what differs.

import type { Platform } from "../client.js";
import { type Chat, createChat } from "./chat.js";
import { EVENT, TYPES } from "./names.js";
import type { SDKOptions } from "./user.js";

export { CallError } from "../errors.js";
export { indexedDBStorage } from "../storage/indexeddb.js";
export { memoryStorage } from "../storage/memory.js";
export type { ChatEvent, ChatEvents, NetState } from "./changes.js";
export type { Chat, Handler, LoginData } from "./chat.js";
export type { Conversation, ConversationFields, GroupAtInfo, LastMessage } from "./conversation.js";
export { NotOfferedError, SDKError } from "./errors.js";
export type { Answer, BatchData, ConversationMethods, GroupOptions, ListOptions } from "./methods.js";
export type { ConversationKind, RemindType } from "./names.js";
export type { LoginOptions, SDKOptions } from "./user.js";

/** What `import TencentCloudChat from "@tencentcloud/chat"` gives. */
export interface SDK {
  /** The same object for the same SDKAppID, until it is destroyed. Other options of the SDK are not looked at. */
  create(options: { SDKAppID: number; [option: string]: unknown }): Chat;
  EVENT: typeof EVENT;
  TYPES: typeof TYPES;
  /** The version of the SDK whose surface this is. */
  VERSION: string;
}

/** Makes the SDK's module for a gateway: `export default createSDK({ url })`. */
export function createSDK(options: SDKOptions, platform?: Platform): SDK {
  const chats = new Map<number, Chat>();
  return {
    create({ SDKAppID }) {
      const chat = chats.get(SDKAppID) ?? createChat(options, platform, () => chats.delete(SDKAppID));
      chats.set(SDKAppID, chat);
      return chat;
    },
    EVENT,
    TYPES,
    VERSION: "3.6.6",
  };
}
