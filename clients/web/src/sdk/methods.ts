// What becomes of each call of the SDK's conversation part?

import { CallError } from "../errors.js";
import { predicateOf } from "../filter.js";
import type { BatchResult, Filter, RecvOpt } from "../protocol.js";
import { type Conversation, emptyConversation, fromSDKID, toConversation, toSDKID } from "./conversation.js";
import { NotOfferedError, toSDKError } from "./errors.js";
import { type ConversationKind, REMIND_TYPES, type RemindType, TYPES } from "./names.js";
import type { User } from "./user.js";

/** What every call answers; one that failed rejects with a code and a message. */
export interface Answer<Data> {
  code: 0;
  data: Data;
}

/** How a call about several conversations did, with the ids it was asked with. */
export interface BatchData {
  successConversationIDList: string[];
  failureConversationIDList: { conversationID: string; code: number; message: string }[];
}

/** Conditions on the list, all of which must hold. */
export interface ListOptions {
  type?: ConversationKind | typeof TYPES.CONV_SYSTEM;
  /** Any of these marks; 0: with no mark. */
  markType?: number;
  /** The name of a conversation group; `""`: in none. */
  groupName?: string;
  hasUnreadCount?: boolean;
  hasGroupAtInfo?: boolean;
}

/** A conversation group and conversations. */
export interface GroupOptions {
  groupName: string;
  conversationIDList: string[];
}

/** The conversation part of the SDK. Calls reject with CallError, SDKError or NotOfferedError. */
export interface ConversationMethods {
  /** What is loaded of the list: all of it, these ids, or what passes the conditions. */
  getConversationList(options?: readonly string[] | ListOptions): Promise<Answer<{ conversationList: Conversation[]; isSyncCompleted: boolean }>>;
  /** One conversation; an empty one where it is not in the list, so that a chat can begin. */
  getConversationProfile(conversationID: string): Promise<Answer<{ conversation: Conversation }>>;
  /** Drops a row. Messages are not the gateway's: `clearHistoryMessage: true` is refused, and nothing is dropped. */
  deleteConversation(conversationID: string): Promise<Answer<{ conversationID: string }>>;
  deleteConversation(options: { conversationIDList: string[]; clearHistoryMessage?: boolean }): Promise<Answer<{ conversationIDList: string[] }>>;
  /** Empties the preview and the unread count; the messages themselves are the backend's to delete. */
  clearHistoryMessage(conversationID: string): Promise<Answer<{ conversationID: string }>>;
  /** At most 50. */
  pinConversation(options: { conversationID: string; isPinned: boolean }): Promise<Answer<{ conversationID: string }>>;
  /** Reads everything in a conversation; where there is none that is so already. */
  setMessageRead(options: { conversationID: string }): Promise<Answer<{ conversationID: string }>>;
  /** Reads everything, of one kind or of both. */
  setAllMessageRead(options?: { scope?: typeof TYPES.READ_ALL_C2C_MSG | typeof TYPES.READ_ALL_GROUP_MSG | typeof TYPES.READ_ALL_MSG }): Promise<Answer<object>>;
  /** `""` clears it; at most 4,096 bytes, and on all devices. */
  setConversationDraft(options: { conversationID: string; draftText: string }): Promise<Answer<object>>;
  /** At most 256 bytes. */
  setConversationCustomData(options: { conversationIDList: string[]; customData: string }): Promise<Answer<BatchData>>;
  /** One mark, or a sum of several below 2^53. */
  markConversation(options: { conversationIDList: string[]; markType: number; enableMark: boolean }): Promise<Answer<BatchData>>;
  /** Of one chat group, or of peers. */
  setMessageRemindType(options: { groupID: string; messageRemindType: RemindType }): Promise<Answer<object>>;
  setMessageRemindType(options: { userIDList: string[]; messageRemindType: RemindType }): Promise<
    Answer<{ successUserIDList: { userID: string }[]; failureUserIDList: { userID: string; code: number; message: string }[] }>
  >;
  /** The names of the conversation groups. */
  getConversationGroupList(): Promise<Answer<string[]>>;
  createConversationGroup(options: GroupOptions): Promise<Answer<BatchData>>;
  deleteConversationGroup(groupName: string): Promise<Answer<object>>;
  renameConversationGroup(options: { oldName: string; newName: string }): Promise<Answer<object>>;
  addConversationsToGroup(options: GroupOptions): Promise<Answer<BatchData>>;
  deleteConversationsFromGroup(options: GroupOptions): Promise<Answer<BatchData>>;
}

const READ_SCOPES = {
  [TYPES.READ_ALL_C2C_MSG]: "c2c",
  [TYPES.READ_ALL_GROUP_MSG]: "group",
  [TYPES.READ_ALL_MSG]: "",
} as const;

/** The calls of whoever is signed in; `user` throws where nobody is. */
export function conversationMethods(user: () => User): ConversationMethods {
  /** The answer of the SDK to what the gateway answered. */
  async function answer<Data>(call: (client: User["client"]) => Promise<Data>): Promise<Answer<Data>> {
    try {
      return { code: 0, data: await call(user().client) };
    } catch (error) {
      throw toSDKError(error);
    }
  }

  /** A call about one conversation, which answers with its id. */
  const ofOne = (conversationID: string, call: (client: User["client"], id: string) => Promise<unknown>) =>
    answer(async (client) => {
      await call(client, fromSDKID(conversationID));
      return { conversationID };
    });

  /** A call about several. */
  const ofMany = (ids: readonly string[], call: (client: User["client"], ids: string[]) => Promise<BatchResult>) =>
    answer(async (client) => toBatchData(await call(client, ids.map(fromSDKID))));

  const rows = () => user().list.getSnapshot();

  async function deleteConversation(options: string | { conversationIDList: string[]; clearHistoryMessage?: boolean }) {
    if (typeof options === "string") return ofOne(options, (client, id) => client.deleteConversation({ conversationID: id }));
    if (options.clearHistoryMessage) throw new NotOfferedError("deleteConversation with clearHistoryMessage");
    return answer(async (client) => {
      const { resultList } = await client.deleteConversationList({ conversationIDList: options.conversationIDList.map(fromSDKID) });
      return { conversationIDList: toBatchData({ resultList }).successConversationIDList };
    });
  }

  async function setMessageRemindType(options: { groupID?: string; userIDList?: string[]; messageRemindType: RemindType }) {
    const { groupID, userIDList = [], messageRemindType } = options;
    const recvOpt = REMIND_TYPES.indexOf(messageRemindType) as RecvOpt;
    return answer(async (client) => {
      const conversationIDList = groupID === undefined ? userIDList.map((id) => `c2c_${id}`) : [`group_${groupID}`];
      const { resultList } = await client.setReceiveMessageOpt({ conversationIDList, recvOpt });
      const failed = resultList.filter(({ resultCode }) => resultCode !== 0);
      if (groupID !== undefined) {
        for (const { resultCode, resultInfo } of failed) throw new CallError({ code: resultCode as CallError["code"], message: resultInfo });
        return {};
      }
      const userID = ({ conversationID }: { conversationID: string }) => conversationID.slice(4);
      return {
        successUserIDList: resultList.filter(({ resultCode }) => resultCode === 0).map((result) => ({ userID: userID(result) })),
        failureUserIDList: failed.map((result) => ({ userID: userID(result), code: result.resultCode, message: result.resultInfo })),
      };
    });
  }

  return {
    getConversationList: (options) =>
      answer(async () => {
        const { conversations, isFinished } = rows();
        return { conversationList: conversations.filter(selected(options)).map(toConversation), isSyncCompleted: isFinished };
      }),
    getConversationProfile: (conversationID) =>
      answer(async (client) => {
        const id = fromSDKID(conversationID);
        const loaded = rows().conversations.find((row) => row.conversationID === id);
        if (loaded) return { conversation: toConversation(loaded) };
        const asked = await client.getConversation({ conversationID: id }).catch(unlessNotInList);
        return { conversation: asked ? toConversation(asked.conversation) : emptyConversation(id) };
      }),
    deleteConversation: deleteConversation as ConversationMethods["deleteConversation"],
    clearHistoryMessage: (conversationID) => ofOne(conversationID, (client, id) => client.clearHistoryMessage({ conversationID: id })),
    pinConversation: ({ conversationID, isPinned }) => ofOne(conversationID, (client, id) => client.pinConversation({ conversationID: id, isPinned })),
    setMessageRead: ({ conversationID }) =>
      ofOne(conversationID, (client, id) => client.cleanConversationUnreadMessageCount({ conversationID: id }).catch(unlessNotInList)),
    setAllMessageRead: ({ scope = TYPES.READ_ALL_MSG } = {}) =>
      answer((client) => client.cleanConversationUnreadMessageCount({ conversationID: READ_SCOPES[scope] })),
    setConversationDraft: ({ conversationID, draftText }) =>
      answer((client) => client.setConversationDraft({ conversationID: fromSDKID(conversationID), draftText })),
    setConversationCustomData: ({ conversationIDList, customData }) =>
      ofMany(conversationIDList, (client, ids) => client.setConversationCustomData({ conversationIDList: ids, customData })),
    markConversation: ({ conversationIDList, markType, enableMark }) =>
      ofMany(conversationIDList, (client, ids) => client.markConversation({ conversationIDList: ids, markType, enableMark })),
    setMessageRemindType: setMessageRemindType as ConversationMethods["setMessageRemindType"],
    getConversationGroupList: () => answer(async (client) => (await client.getConversationGroupList()).conversationGroupList),
    createConversationGroup: ({ groupName, conversationIDList }) =>
      ofMany(conversationIDList, (client, ids) => client.createConversationGroup({ groupName, conversationIDList: ids })),
    deleteConversationGroup: (groupName) => answer((client) => client.deleteConversationGroup({ groupName })),
    renameConversationGroup: ({ oldName, newName }) => answer((client) => client.renameConversationGroup({ oldName, newName })),
    addConversationsToGroup: ({ groupName, conversationIDList }) =>
      ofMany(conversationIDList, (client, ids) => client.addConversationsToGroup({ groupName, conversationIDList: ids })),
    deleteConversationsFromGroup: ({ groupName, conversationIDList }) =>
      ofMany(conversationIDList, (client, ids) => client.deleteConversationsFromGroup({ groupName, conversationIDList: ids })),
  };
}

/** That a conversation is not in the list is no error to the SDK everywhere. */
function unlessNotInList(error: unknown): undefined {
  if (!(error instanceof CallError && error.code === 6004)) throw error;
}

function toBatchData({ resultList }: BatchResult): BatchData {
  const data: BatchData = { successConversationIDList: [], failureConversationIDList: [] };
  for (const { conversationID: id, resultCode: code, resultInfo: message } of resultList) {
    const conversationID = toSDKID(id);
    if (code === 0) data.successConversationIDList.push(conversationID);
    else data.failureConversationIDList.push({ conversationID, code, message });
  }
  return data;
}

type Row = Parameters<typeof toConversation>[0];

/** Whether a row is asked for. */
function selected(options: readonly string[] | ListOptions = {}): (row: Row) => boolean {
  if (isIDs(options)) {
    const ids = new Set(options);
    return (row) => ids.has(toSDKID(row.conversationID));
  }
  const { type, markType, groupName, hasUnreadCount, hasGroupAtInfo } = options;
  // The gateway has no system conversations.
  if (type === TYPES.CONV_SYSTEM) return () => false;
  const filter: Filter = {
    type: type === TYPES.CONV_C2C ? 1 : type === TYPES.CONV_GROUP ? 2 : 0,
    ...(markType !== undefined && { markType }),
    ...(groupName !== undefined && { conversationGroup: groupName }),
    ...(hasUnreadCount !== undefined && { hasUnreadCount }),
    ...(hasGroupAtInfo !== undefined && { hasGroupAtInfo }),
  };
  return predicateOf(filter);
}

const isIDs = (options: readonly string[] | ListOptions): options is readonly string[] => Array.isArray(options);
