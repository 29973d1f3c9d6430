// The protocol as clients see it, made from protocol/generated/protocol.d.ts by `npm run protocol`.

/** Whom a message mentions, seen from this user. 1: This user. 2: Everybody. 3: Everybody, and this user by name. */
export type AtType = 1 | 2 | 3;

/** The first message of a WebSocket that was opened without a token. */
export interface AuthenticateParams {
  /** The client's cursor; absent: that of the URL. */
  since?: string;
  /** The token. */
  token: string;
}

/** How a batch did. */
export interface BatchResult {
  /** One entry per id, in the order asked. */
  resultList: IdResult[];
}

/** Mark as read. */
export interface CleanUnreadParams {
  /** Up to this seq; 0 = all (C2C: by the time). */
  cleanSequence?: number;
  /** C2C: up to this time in seconds; 0 = all. */
  cleanTimestamp?: number;
  /** A conversation, or "c2c", "group" or "" for all of a kind. */
  conversationID: ConversationId | "c2c" | "group" | "";
}

/** One row of a user's list. `orderKey` and `version` are microseconds on the user's own clock, below 2^53. */
export interface Conversation {
  /** C2C: the time in seconds of the newest message that this user has read. */
  c2cReadTimestamp?: number;
  /** The conversation groups (folders) that hold this row. */
  conversationGroupList: string[];
  /** `c2c_<userID>` or `group_<groupID>`. */
  conversationID: ConversationId;
  /** The client's own data. */
  customData: string;
  /** The draft, shared by the user's devices; "" is none. */
  draftText: string;
  /** When the draft was set, in seconds; 0 without a draft. */
  draftTimestamp: number;
  /** Picture to show, as the backend says. */
  faceUrl: string;
  /** Unread mentions of this user, by rising seq. */
  groupAtInfoList: GroupAtInfo[];
  /** The group of a group conversation. */
  groupID?: GroupId;
  /** Group: the seq up to which this user has read. */
  groupReadSequence?: number;
  /** The kind of the group. */
  groupType?: GroupType;
  /** Whether the row is pinned. */
  isPinned: boolean;
  /** The newest message that is not excluded from the preview. */
  lastMessage: LastMessage | null;
  /** Marks as single bits, by rising value. */
  markList: MarkBit[];
  /** The list is this key, descending. */
  orderKey: number;
  /** How messages of this conversation are received; only 0 counts in the total. */
  recvOpt: RecvOpt;
  /** Name to show, as the backend says. */
  showName: string;
  /** 1 C2C, 2 group. */
  type: ConversationType;
  /** Messages that count as unread. */
  unreadCount: number;
  /** The peer of a C2C conversation. */
  userID?: UserId;
  /** When the row last changed in any way. */
  version: number;
}

/** Rows that changed, at most 100. */
export interface ConversationChangedData {
  /** Full rows, to replace or insert by id. 1 to 100 entries. */
  conversationList: Conversation[];
}

/** Rows that went, at most 100. */
export interface ConversationDeletedData {
  /** Their ids. 1 to 100 entries. */
  conversationIDList: ConversationId[];
  /** The largest tick of these deletions; rows of these ids up to it stay out. */
  version: number;
}

/** A conversation group was made; the rows came by conversationChanged before. */
export interface ConversationGroupCreatedData {
  /** The conversations it was made with. */
  conversationIDList: ConversationId[];
  /** Its name. */
  groupName: string;
}

/** A conversation group was deleted; its rows came by conversationChanged before. */
export interface ConversationGroupDeletedData {
  /** Its name. */
  groupName: string;
}

/** A conversation group was renamed; its rows came by conversationChanged before. */
export interface ConversationGroupNameChangedData {
  /** What it is called. */
  newName: string;
  /** What it was called. */
  oldName: string;
}

/** A conversation as one user sees it: `c2c_<userID>` or `group_<groupID>`; split it at the first `_` only. 1 to 134 characters. */
export type ConversationId = string;

/** One conversation. */
export interface ConversationParams {
  /** Which one. */
  conversationID: ConversationId;
}

/** One row. */
export interface ConversationResult {
  /** The row. */
  conversation: Conversation;
}

/** The kind of a conversation. 1: Two users. 2: A chat group. */
export type ConversationType = 1 | 2;

/** Conversations were put into a conversation group; the rows came by conversationChanged before. */
export interface ConversationsAddedToGroupData {
  /** Which ones. */
  conversationIDList: ConversationId[];
  /** The group's name. */
  groupName: string;
}

/** Conversations were taken out of a conversation group; the rows came by conversationChanged before. */
export interface ConversationsDeletedFromGroupData {
  /** Which ones. */
  conversationIDList: ConversationId[];
  /** The group's name. */
  groupName: string;
}

/** Several conversations, 1 to 100. */
export interface ConversationsParams {
  /** Which ones. 1 to 100 entries. */
  conversationIDList: ConversationId[];
}

/** Several rows. */
export interface ConversationsResult {
  /** The rows that are there, in the order asked. */
  conversationList: Conversation[];
  /** One entry per id, in the order asked. */
  resultList: IdResult[];
}

/** Where a client stands in its user's changes. Opaque: a client hands back what it was given. */
export type Cursor = string;

/** Set the app's own data of some conversations. */
export interface CustomDataParams {
  /** Which ones, 1 to 100. */
  conversationIDList: ConversationId[];
  /** The data, at most 256 bytes; "" is none. */
  customData: string;
  /** Refuse when a row is newer. */
  ifVersion?: number;
}

/** Set or clear a draft. */
export interface DraftParams {
  /** Which one. */
  conversationID: ConversationId;
  /** The draft, at most 4,096 bytes; "" clears it. */
  draftText: string;
  /** Refuse when the row is newer. */
  ifVersion?: number;
}

/** Done, and nothing to tell. */
export type EmptyResult = Record<string, never>;

/** The answer to a call that failed. */
export interface ErrorAnswer {
  error: ErrorBody;
}

/** `{"code", "message"}` and, where `ifVersion` refused the call, `"conversation"`. */
export interface ErrorBody {
  /** What went wrong. */
  code: ErrorCode;
  /** The row as it is, where `ifVersion` refused the call. */
  conversation?: Conversation;
  /** Which field, and what was expected. */
  message: string;
}

/** What went wrong; the codes of this version. */
export type ErrorCode = 6004 | 6014 | 6017 | 7008 | 50004 | 51006 | 51008 | 51009 | 51010 | 51011 | 51012;

/** Conditions on a row, all of which must hold; an absent one is no condition. */
export interface Filter {
  /** In the conversation group (folder) of this name; "": in none. At most 32 characters. */
  conversationGroup?: string;
  /** With unread mentions, or without. */
  hasGroupAtInfo?: boolean;
  /** With unread messages, or without. */
  hasUnreadCount?: boolean;
  /** With any of these marks; 0: with no mark. */
  markType?: MarkCondition;
  /** 1 C2C, 2 group; 0 and absent: no condition. */
  type?: 0 | ConversationType;
}

/** A filter. */
export interface FilterParams {
  /** The filter. */
  filter: Filter;
}

/** A page of the rows that pass a filter. */
export interface FilteredPageParams {
  /** Rows of the page, clamped to 1…1,000. */
  count: number;
  /** The filter. */
  filter: Filter;
  /** 0 first, then the one returned. */
  nextSeq?: number;
}

/** One unread mention. */
export interface GroupAtInfo {
  /** Whom it mentions. */
  atType: AtType;
  /** The message's sequence. */
  seq: number;
}

/** A chat group: at most 128 bytes. */
export type GroupId = string;

/** The names of a user's conversation groups. */
export interface GroupListResult {
  /** In the order in which they were made. */
  conversationGroupList: string[];
}

/** A conversation group (folder). */
export interface GroupNameParams {
  /** Its name, 1 to 32 bytes. */
  groupName: string;
}

/** A conversation group (folder) and conversations. */
export interface GroupParams {
  /** Conversations, 1 to 100; to make a group also none. */
  conversationIDList?: ConversationId[];
  /** The group's name, 1 to 32 bytes. */
  groupName: string;
}

/** The kind of a chat group. "Work": A working group. "Public": A public group. "Meeting": A meeting. "AVChatRoom": A live audience; its messages never count as unread. "Community": A community. */
export type GroupType = "Work" | "Public" | "Meeting" | "AVChatRoom" | "Community";

/** How a batch did for one id. */
export interface IdResult {
  /** The row as it is, where `ifVersion` refused the change. */
  conversation?: Conversation;
  /** Which conversation. */
  conversationID: ConversationId;
  /** 0 = done, else an error code. */
  resultCode: 0 | ErrorCode;
  /** The error's message. */
  resultInfo: string;
}

/** The last event before a close with 4003. */
export interface KickedOfflineData {
  /** Why. */
  reason: string;
}

/** The preview of a row. */
export interface LastMessage {
  /** Whom it mentions. */
  atUserList?: string[];
  /** Data of the app. */
  cloudCustomData?: string;
  /** The kind of its content. */
  elemType: number;
  /** The sender's picture. */
  faceURL?: string;
  /** Whether this user sent it. */
  isSelf: boolean;
  /** The message's id. */
  msgID: MessageId;
  /** The sender's name. */
  nickName?: string;
  /** Why it was revoked. */
  revokeReason?: string;
  /** Who revoked it. */
  revoker?: UserId;
  /** Who sent it. */
  sender: UserId;
  /** Its sequence in the conversation. */
  seq: number;
  /** 2 sent, 6 revoked. */
  status: MessageStatus;
  /** The preview that the backend gives; empty once revoked. */
  text: string;
  /** When it was sent, in seconds. */
  timestamp: number;
}

/** One mark: 1 star, 2 unread, 4 fold, 8 hide, 2^32 to 2^63 the app's own. Each is exact in a double. */
export type MarkBit = number;

/** With any of these marks; 0: with no mark. In an event a single mark is a number, several are an array of single bits. */
export type MarkCondition = number | string | (number | string)[];

/** Set or remove marks of some conversations. */
export interface MarkParams {
  /** Which ones, 1 to 100. */
  conversationIDList: ConversationId[];
  /** Set or removed. */
  enableMark: boolean;
  /** Refuse when a row is newer. */
  ifVersion?: number;
  /** The marks: a number, a decimal string or an array of bits. */
  markType: Marks;
}

/** One or several marks: 1 star, 2 unread, 4 fold, 8 hide, 2^32 to 2^63 the app's own. Bits 2^4 to 2^31 are refused. */
export type Marks = number | string | (number | string)[];

/** A message: at most 128 bytes. */
export type MessageId = string;

/** The state of a message. 2: Sent. 6: Revoked; its text is gone. */
export type MessageStatus = 2 | 6;

/** Rows that the client cannot know, at most 100. */
export interface NewConversationData {
  /** Full rows, to replace or insert by id. 1 to 100 entries. */
  conversationList: Conversation[];
}

/** A method without params. */
export type NoParams = Record<string, never>;

/** A page of the list. */
export interface PageParams {
  /** Rows of the page, clamped to 1…1,000. */
  count: number;
  /** 0 first, then the one returned. */
  nextSeq?: number;
}

/** A page of the list. */
export interface PageResult {
  /** Rows by falling orderKey. */
  conversationList: Conversation[];
  /** For nextSeq 0: the cursor from which changes to this page can be followed. */
  cursor?: Cursor;
  /** Whether this was the last page. */
  isFinished: boolean;
  /** What to ask with next. */
  nextSeq: number;
}

/** Pin or unpin. */
export interface PinParams {
  /** Which one. */
  conversationID: ConversationId;
  /** Refuse when the row is newer. */
  ifVersion?: number;
  /** Pinned or not. */
  isPinned: boolean;
}

/** Whether a cursor is the newest. */
export interface ProbeParams {
  /** The client's cursor, as it was given. */
  cursor: string;
}

/** Whether a cursor was the newest. */
export interface ProbeResult {
  /** If not, a replay follows on a live session. */
  upToDate: boolean;
}

/** The last event before a close with 4200. */
export interface ReconnectData {
  /** Milliseconds to wait before coming back. */
  afterMs: number;
}

/** How messages of a conversation are received. 0: Received and counted in the total. 1: Not received. 2: Received without a notification. 3: No notification except for mentions. 4: Not received except for mentions. */
export type RecvOpt = 0 | 1 | 2 | 3 | 4;

/** How messages of some conversations are received. */
export interface RecvOptParams {
  /** Which ones, 1 to 100. */
  conversationIDList: ConversationId[];
  /** Refuse when a row is newer. */
  ifVersion?: number;
  /** 0 to 4. */
  recvOpt: RecvOpt;
}

/** A new token for this session. */
export interface RefreshTokenParams {
  /** A token of the same user. */
  token: string;
}

/** Another name for a conversation group (folder). */
export interface RenameGroupParams {
  /** What it is to be called, 1 to 32 bytes. */
  newName: string;
  /** What it is called. 1 to 32 characters. */
  oldName: string;
}

/** The id of a request; the answer carries it back. */
export type RequestId = number | string;

/** How a sync brings the client up to date. "full": The list from its top; the client drops what the sync did not confirm. "replay": Only what changed since the client's cursor. */
export type SyncMode = "full" | "replay";

/** A sync was given up; the session stays and the server tries again. */
export interface SyncServerFailedData {
  /** An error code. */
  code: ErrorCode;
  /** What went wrong. */
  message: string;
  /** Milliseconds until the server tries again. */
  retryAfterMs: number;
}

/** A sync is complete. */
export interface SyncServerFinishData {
  /** How many rows the user has. */
  conversationCount: number;
  /** The names of all conversation groups (folders). */
  conversationGroupList: string[];
  /** After a full sync: whether there is nothing more to page. */
  isFinished?: boolean;
  /** Full or replay. */
  mode: SyncMode;
  /** After a full sync: where to page on. */
  nextSeq?: number;
}

/** A sync begins; a client keeps showing its old list until the finish of a full sync. */
export interface SyncServerStartData {
  /** Full or replay. */
  mode: SyncMode;
}

/** The last event before a close with 4202. */
export type TokenExpiredData = Record<string, never>;

/** The total unread. */
export interface TotalResult {
  /** The sum over the rows with receive option 0. */
  totalUnreadCount: number;
  /** The clock at which it held. */
  version: number;
}

/** The sum of the unread counts of the rows with receive option 0. */
export interface TotalUnreadMessageCountChangedData {
  /** The sum. */
  totalUnreadCount: number;
  /** The clock at which it held; not newer than one the client has: dropped. */
  version: number;
}

/** The sum over the rows with receive option 0 that pass a filter. */
export interface UnreadMessageCountChangedByFilterData {
  /** The filter that was subscribed to. */
  filter: Filter;
  /** The sum. */
  totalUnreadCount: number;
  /** The clock at which it held; not newer than one the client has for this filter: dropped. */
  version: number;
}

/** A user: at most 128 bytes. */
export type UserId = string;

/** The methods of clients. */
export interface Methods {
  /** A page of the list. */
  getConversationList: { params: PageParams; result: PageResult };
  /** A page of the rows that pass a filter. */
  getConversationListByFilter: { params: FilteredPageParams; result: PageResult };
  /** One row. */
  getConversation: { params: ConversationParams; result: ConversationResult };
  /** Several rows. */
  getConversations: { params: ConversationsParams; result: ConversationsResult };
  /** Drop a row. */
  deleteConversation: { params: ConversationParams; result: EmptyResult };
  /** Drop several rows. */
  deleteConversationList: { params: ConversationsParams; result: BatchResult };
  /** Pin or unpin a row. */
  pinConversation: { params: PinParams; result: EmptyResult };
  /** Set or clear a draft. */
  setConversationDraft: { params: DraftParams; result: EmptyResult };
  /** Set how messages are received. */
  setReceiveMessageOpt: { params: RecvOptParams; result: BatchResult };
  /** Set or remove marks. */
  markConversation: { params: MarkParams; result: BatchResult };
  /** Set the app's own data. */
  setConversationCustomData: { params: CustomDataParams; result: BatchResult };
  /** Forget the history of a row. */
  clearHistoryMessage: { params: ConversationParams; result: EmptyResult };
  /** Mark as read. */
  cleanConversationUnreadMessageCount: { params: CleanUnreadParams; result: EmptyResult };
  /** The total. */
  getTotalUnreadMessageCount: { params: NoParams; result: TotalResult };
  /** The total of the rows that pass a filter. */
  getUnreadMessageCountByFilter: { params: FilterParams; result: TotalResult };
  /** Tell this session when the total of a filter changes. */
  subscribeUnreadMessageCountByFilter: { params: FilterParams; result: TotalResult };
  /** Tell it no more. */
  unsubscribeUnreadMessageCountByFilter: { params: FilterParams; result: EmptyResult };
  /** Make a conversation group, or add to one that is there. */
  createConversationGroup: { params: GroupParams; result: BatchResult };
  /** Delete a conversation group. */
  deleteConversationGroup: { params: GroupNameParams; result: EmptyResult };
  /** Rename a conversation group. */
  renameConversationGroup: { params: RenameGroupParams; result: EmptyResult };
  /** Put conversations into a conversation group. */
  addConversationsToGroup: { params: GroupParams; result: BatchResult };
  /** Take conversations out of a conversation group. */
  deleteConversationsFromGroup: { params: GroupParams; result: BatchResult };
  /** The names of the conversation groups. */
  getConversationGroupList: { params: NoParams; result: GroupListResult };
  /** Show that the session is alive. */
  ping: { params: NoParams; result: EmptyResult };
  /** Whether a cursor is the newest. */
  probe: { params: ProbeParams; result: ProbeResult };
  /** A new token for this session. */
  refreshToken: { params: RefreshTokenParams; result: EmptyResult };
}

/** Methods that are not there over HTTP. */
export type WebSocketMethod = "subscribeUnreadMessageCountByFilter" | "unsubscribeUnreadMessageCountByFilter" | "ping" | "refreshToken";

/** The data of each event. */
export interface Events {
  /** A sync begins. */
  syncServerStart: SyncServerStartData;
  /** Rows that the client cannot know, at most 100. */
  newConversation: NewConversationData;
  /** Rows that changed, at most 100. */
  conversationChanged: ConversationChangedData;
  /** Rows that went, at most 100. */
  conversationDeleted: ConversationDeletedData;
  /** Once in every sync, then whenever it differs. */
  totalUnreadMessageCountChanged: TotalUnreadMessageCountChangedData;
  /** The sync is complete. */
  syncServerFinish: SyncServerFinishData;
  /** The sync was given up; the session stays, and the server tries again. */
  syncServerFailed: SyncServerFailedData;
  /** The last event before the end: stay away. */
  kickedOffline: KickedOfflineData;
  /** The last event before the end: come back with a new token. */
  tokenExpired: TokenExpiredData;
  /** The last event before the end: come back after a while. */
  reconnect: ReconnectData;
  /** The total of a filter that the session watches differs from what it was told. */
  unreadMessageCountChangedByFilter: UnreadMessageCountChangedByFilterData;
  /** A conversation group (folder) was made. */
  conversationGroupCreated: ConversationGroupCreatedData;
  /** One was deleted. */
  conversationGroupDeleted: ConversationGroupDeletedData;
  /** One was renamed. */
  conversationGroupNameChanged: ConversationGroupNameChangedData;
  /** Conversations were put into one. */
  conversationsAddedToGroup: ConversationsAddedToGroupData;
  /** Conversations were taken out of one. */
  conversationsDeletedFromGroup: ConversationsDeletedFromGroupData;
}

/** The answer to a call over WebSocket; `id` is absent where the frame was no request. */
export type ReplyFrame<Name extends keyof Methods = keyof Methods> =
  | { id: RequestId; result: Methods[Name]["result"] }
  | { id?: RequestId; error: ErrorBody };

/** An event over WebSocket. In server-sent events `cursor` is the field `id`. */
export type EventFrame = {
  [Name in keyof Events]: { event: Name; cursor?: Cursor; data: Events[Name] };
}[keyof Events];

/** What a client gets over WebSocket. */
export type Frame = EventFrame | ReplyFrame;

/**
 * Why a WebSocket is closed. 4000 to 4099: stop. 4100 to 4199: back off. 4200 to 4299: reconnect now.
 *
 * - 1000 normal: the client closed; if it gave another code, that one comes back
 * - 1009 frame_too_large: a frame was over 65,536 bytes
 * - 4000 protocol_error: too many malformed frames, or a wrong query
 * - 4001 unauthenticated: no token, a bad one, or one that had expired at connect
 * - 4002 forbidden: a foreign Origin
 * - 4003 kicked_offline: kicked by the backend, or the user has more than 16 sessions on the node and this was the oldest
 * - 4100 overloaded: the node is full, the user or the address does too much, or the keys of tokens cannot be read
 * - 4200 draining: the node goes away
 * - 4201 no_pong: no pong came
 * - 4202 token_expired: the token expired; come back with a new one
 * - 4203 too_slow: nothing of what was sent was taken for 30 s
 */
export type CloseCode = 1000 | 1009 | 4000 | 4001 | 4002 | 4003 | 4100 | 4200 | 4201 | 4202 | 4203;

/** The methods of clients without those that the client calls by itself. */
export const METHODS = [
  "getConversationList",
  "getConversationListByFilter",
  "getConversation",
  "getConversations",
  "deleteConversation",
  "deleteConversationList",
  "pinConversation",
  "setConversationDraft",
  "setReceiveMessageOpt",
  "markConversation",
  "setConversationCustomData",
  "clearHistoryMessage",
  "cleanConversationUnreadMessageCount",
  "getTotalUnreadMessageCount",
  "getUnreadMessageCountByFilter",
  "subscribeUnreadMessageCountByFilter",
  "unsubscribeUnreadMessageCountByFilter",
  "createConversationGroup",
  "deleteConversationGroup",
  "renameConversationGroup",
  "addConversationsToGroup",
  "deleteConversationsFromGroup",
  "getConversationGroupList",
  "probe",
] as const;
