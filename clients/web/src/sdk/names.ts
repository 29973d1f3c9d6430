// What are the SDK's events and values called? Its own names with its own values, as far as they are about the conversation list.

/** The events that `on` takes. */
export const EVENT = {
  /** Signed in, and the list is there. */
  SDK_READY: "sdkStateReady",
  /** Signed out, or kicked out. */
  SDK_NOT_READY: "sdkStateNotReady",
  /** After `destroy`. */
  SDK_DESTROY: "sdkDestroy",
  /** The list differs; told whole. */
  CONVERSATION_LIST_UPDATED: "onConversationListUpdated",
  /** The unread total differs. */
  TOTAL_UNREAD_MESSAGE_COUNT_UPDATED: "onTotalUnreadMessageCountUpdated",
  /** The names of the conversation groups differ; told whole. */
  CONVERSATION_GROUP_LIST_UPDATED: "onConversationGroupListUpdated",
  /** Conversations were put into a group, or taken out of it. */
  CONVERSATION_IN_GROUP_UPDATED: "onConversationInGroupUpdated",
  /** Connected, connecting, disconnected. */
  NET_STATE_CHANGE: "netStateChange",
  /** Kicked by the backend, or the token has expired; sign in again. */
  KICKED_OUT: "kickedOut",
  /** The gateway refuses this client, for another reason. */
  ERROR: "error",
} as const;

/** The SDK's constants. */
export const TYPES = {
  CONV_C2C: "C2C",
  CONV_GROUP: "GROUP",
  CONV_SYSTEM: "@TIM#SYSTEM",
  CONV_AT_ME: 1,
  CONV_AT_ALL: 2,
  CONV_AT_ALL_AT_ME: 3,
  CONV_MARK_TYPE_STAR: 1,
  CONV_MARK_TYPE_UNREAD: 2,
  CONV_MARK_TYPE_FOLD: 4,
  CONV_MARK_TYPE_HIDE: 8,
  GRP_WORK: "Private",
  GRP_PRIVATE: "Private",
  GRP_PUBLIC: "Public",
  GRP_MEETING: "ChatRoom",
  GRP_CHATROOM: "ChatRoom",
  GRP_AVCHATROOM: "AVChatRoom",
  GRP_COMMUNITY: "Community",
  MSG_TEXT: "TIMTextElem",
  MSG_CUSTOM: "TIMCustomElem",
  MSG_IMAGE: "TIMImageElem",
  MSG_AUDIO: "TIMSoundElem",
  MSG_SOUND: "TIMSoundElem",
  MSG_VIDEO: "TIMVideoFileElem",
  MSG_FILE: "TIMFileElem",
  MSG_LOCATION: "TIMLocationElem",
  MSG_GEO: "TIMLocationElem",
  MSG_FACE: "TIMFaceElem",
  MSG_GRP_TIP: "TIMGroupTipElem",
  MSG_MERGER: "TIMRelayElem",
  MSG_AT_ALL: "__kImSDK_MesssageAtALL__",
  MSG_REMIND_ACPT_AND_NOTE: "AcceptAndNotify",
  MSG_REMIND_ACPT_NOT_NOTE: "AcceptNotNotify",
  MSG_REMIND_DISCARD: "Discard",
  NOT_RECEIVE_OFFLINE_PUSH_EXCEPT_AT: "AcceptNotNotifyExceptAt",
  RECEIVE_WITH_OFFLINE_PUSH_EXCEPT_AT: "AcceptNotNotifyExceptAt",
  NOT_RECEIVE_MSG_EXCEPT_AT: "NotReceiveMsgExceptAt",
  READ_ALL_C2C_MSG: "readAllC2CMessage",
  READ_ALL_GROUP_MSG: "readAllGroupMessage",
  READ_ALL_MSG: "readAllMessage",
  /** Never told: several pages and devices of a user are welcome. */
  KICKED_OUT_MULT_ACCOUNT: "multipleAccount",
  KICKED_OUT_MULT_DEVICE: "multipleDevice",
  KICKED_OUT_USERSIG_EXPIRED: "userSigExpired",
  KICKED_OUT_REST_API: "REST_API_Kick",
  NET_STATE_CONNECTED: "connected",
  NET_STATE_CONNECTING: "connecting",
  NET_STATE_DISCONNECTED: "disconnected",
} as const;

/** How messages of a conversation are received, in the order of recvOpt. */
export const REMIND_TYPES = [
  TYPES.MSG_REMIND_ACPT_AND_NOTE,
  TYPES.MSG_REMIND_DISCARD,
  TYPES.MSG_REMIND_ACPT_NOT_NOTE,
  TYPES.NOT_RECEIVE_OFFLINE_PUSH_EXCEPT_AT,
  TYPES.NOT_RECEIVE_MSG_EXCEPT_AT,
] as const;

/** One of them. */
export type RemindType = (typeof REMIND_TYPES)[number];

/** `C2C` or `GROUP`. */
export type ConversationKind = typeof TYPES.CONV_C2C | typeof TYPES.CONV_GROUP;
