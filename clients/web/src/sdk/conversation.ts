// What does a row look like to the SDK's users? Its Conversation, made of the row alone.

import type { Conversation as Row, GroupType, LastMessage as Message } from "../protocol.js";
import { NotOfferedError } from "./errors.js";
import { REMIND_TYPES, type RemindType, TYPES } from "./names.js";

/** The preview; everything is empty where the row has none. */
export interface LastMessage {
  /** In seconds. */
  lastTime: number;
  lastSequence: number;
  fromAccount: string;
  nick: string;
  /** Always empty: the gateway does not know it. */
  nameCard: string;
  /** The preview that the backend gives, cut at 1,024 bytes. */
  messageForShow: string;
  /** One of `TYPES.MSG_…`. */
  type: string;
  /** `{ text }` of a text message; empty of any other. */
  payload: { text?: string };
  isRevoked: boolean;
  revoker: string | null;
  /** Always false: the gateway does not know what the peer has read. */
  isPeerRead: boolean;
  cloudCustomData: string;
}

/** Unread mentions of this user; who mentioned them is not known. */
export interface GroupAtInfo {
  groupID: string;
  messageSequence: number;
  /** One of `TYPES.CONV_AT_…`. */
  atTypeArray: number[];
}

/** The SDK's Conversation. It does not change; a row that changed is a new object. */
export type Conversation = ConversationFields &
  (
    | { type: typeof TYPES.CONV_C2C; userProfile: { userID: string; nick: string; avatar: string }; groupProfile?: undefined }
    | { type: typeof TYPES.CONV_GROUP; groupProfile: { groupID: string; name: string; avatar: string; type: string }; userProfile?: undefined }
  );

/** What conversations of both kinds have. */
export interface ConversationFields {
  /** `C2C<userID>` or `GROUP<groupID>`. */
  conversationID: string;
  /** One of `TYPES.GRP_…`; empty in a C2C conversation, or where the backend did not say. */
  subType: string;
  unreadCount: number;
  lastMessage: LastMessage;
  groupAtInfoList: GroupAtInfo[];
  isPinned: boolean;
  messageRemindType: RemindType;
  /** Single bits. */
  markList: number[];
  customData: string;
  conversationGroupList: string[];
  draftText: string;
  /** Always empty: friends are not the gateway's. */
  remark: string;
}

/** The types of messages by elemType. */
const MESSAGE_TYPES = [
  "", TYPES.MSG_TEXT, TYPES.MSG_CUSTOM, TYPES.MSG_IMAGE, TYPES.MSG_AUDIO, TYPES.MSG_VIDEO, TYPES.MSG_FILE, TYPES.MSG_LOCATION,
  TYPES.MSG_FACE, TYPES.MSG_GRP_TIP, TYPES.MSG_MERGER,
];

const GROUP_TYPES: Record<GroupType, string> = {
  Work: TYPES.GRP_WORK,
  Public: TYPES.GRP_PUBLIC,
  Meeting: TYPES.GRP_MEETING,
  AVChatRoom: TYPES.GRP_AVCHATROOM,
  Community: TYPES.GRP_COMMUNITY,
};

/** `c2c_ann` as `C2Cann`. */
export function toSDKID(id: string): string {
  return id.startsWith("c2c_") ? TYPES.CONV_C2C + id.slice(4) : TYPES.CONV_GROUP + id.slice(6);
}

/** `C2Cann` as `c2c_ann`; throws NotOfferedError where it is neither C2C nor GROUP. */
export function fromSDKID(id: string): string {
  if (id.startsWith(TYPES.CONV_C2C)) return `c2c_${id.slice(3)}`;
  if (id.startsWith(TYPES.CONV_GROUP)) return `group_${id.slice(5)}`;
  throw new NotOfferedError(`the conversation ${id}`);
}

const made = new WeakMap<Row, Conversation>();

/** The SDK's object of a row, the same one for the same row. */
export function toConversation(row: Row): Conversation {
  let conversation = made.get(row);
  if (!conversation) made.set(row, (conversation = make(row)));
  return conversation;
}

/** What the SDK answers for a row's id that is not in the list, so that a chat can begin. */
export function emptyConversation(id: string): Conversation {
  const kind = id.startsWith("c2c_") ? ({ type: 1, userID: id.slice(4) } as const) : ({ type: 2, groupID: id.slice(6) } as const);
  return make({
    ...kind, conversationID: id, showName: "", faceUrl: "", unreadCount: 0, recvOpt: 0, lastMessage: null, groupAtInfoList: [], draftText: "",
    draftTimestamp: 0, isPinned: false, orderKey: 0, markList: [], customData: "", conversationGroupList: [], version: 0,
  });
}

function make(row: Row): Conversation {
  const { showName, faceUrl: avatar, userID = "", groupID = "", groupType } = row;
  const subType = groupType ? GROUP_TYPES[groupType] : "";
  return {
    conversationID: toSDKID(row.conversationID),
    subType,
    unreadCount: row.unreadCount,
    lastMessage: lastMessageOf(row.lastMessage),
    groupAtInfoList: row.groupAtInfoList.map(({ seq, atType }) => ({ groupID, messageSequence: seq, atTypeArray: [atType] })),
    isPinned: row.isPinned,
    messageRemindType: REMIND_TYPES[row.recvOpt],
    markList: [...row.markList],
    customData: row.customData,
    conversationGroupList: [...row.conversationGroupList],
    draftText: row.draftText,
    remark: "",
    ...(row.type === 1
      ? { type: TYPES.CONV_C2C, userProfile: { userID, nick: showName, avatar } }
      : { type: TYPES.CONV_GROUP, groupProfile: { groupID, name: showName, avatar, type: subType } }),
  };
}

function lastMessageOf(message: Message | null): LastMessage {
  const { timestamp = 0, seq = 0, sender = "", nickName = "", text = "", elemType = 0, status, revoker, cloudCustomData = "" } = message ?? {};
  return {
    lastTime: timestamp,
    lastSequence: seq,
    fromAccount: sender,
    nick: nickName,
    nameCard: "",
    messageForShow: text,
    type: MESSAGE_TYPES[elemType] ?? "",
    payload: elemType === 1 ? { text } : {},
    isRevoked: status === 6,
    revoker: revoker ?? null,
    isPeerRead: false,
    cloudCustomData,
  };
}
