// A conversation list as one writes it for the Web SDK. Nothing here knows of the gateway.

import TencentCloudChat from "@tencentcloud/chat";

const { EVENT, TYPES } = TencentCloudChat;
const chat = TencentCloudChat.create({ SDKAppID: 1400000000 });
chat.setLogLevel(1);

/** What is on screen. */
export const page = { isReady: false, rows: [], unread: 0, folders: [], opened: {}, network: "", notice: "" };

function nameOf({ type, userProfile, groupProfile }) {
  return type === TYPES.CONV_C2C ? userProfile.nick || userProfile.userID : groupProfile.name || groupProfile.groupID;
}

function textOf({ draftText, lastMessage, groupAtInfoList }) {
  if (draftText) return `[Draft] ${draftText}`;
  if (lastMessage.isRevoked) return lastMessage.fromAccount === chat.getLoginUser() ? "You recalled a message" : `${lastMessage.nick} recalled a message`;
  const isMentioned = groupAtInfoList.some(({ atTypeArray }) => atTypeArray[0] !== TYPES.CONV_AT_ALL);
  return (isMentioned ? "[@me] " : "") + lastMessage.messageForShow;
}

function draw(conversationList) {
  page.rows = conversationList.map((conversation) => ({
    id: conversation.conversationID,
    name: nameOf(conversation),
    text: textOf(conversation),
    time: conversation.lastMessage.lastTime,
    badge: conversation.messageRemindType === TYPES.MSG_REMIND_ACPT_NOT_NOTE ? "muted" : conversation.unreadCount,
    isPinned: conversation.isPinned,
    isStarred: conversation.markList.includes(TYPES.CONV_MARK_TYPE_STAR),
    note: conversation.customData,
  }));
}

chat.on(EVENT.SDK_READY, async () => {
  const { data } = await chat.getConversationList();
  draw(data.conversationList);
  page.unread = chat.getTotalUnreadMessageCount();
  page.isReady = true;
});
chat.on(EVENT.SDK_NOT_READY, () => { page.isReady = false; });
chat.on(EVENT.CONVERSATION_LIST_UPDATED, ({ data }) => draw(data));
chat.on(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, ({ data }) => { page.unread = data; });
chat.on(EVENT.CONVERSATION_GROUP_LIST_UPDATED, ({ data }) => { page.folders = data; });
chat.on(EVENT.CONVERSATION_IN_GROUP_UPDATED, ({ data }) => {
  page.opened[data.groupName] = data.conversationList.map(({ conversationID }) => conversationID);
});
chat.on(EVENT.NET_STATE_CHANGE, ({ data }) => { page.network = data.state; });
chat.on(EVENT.KICKED_OUT, ({ data }) => {
  page.notice = data.type === TYPES.KICKED_OUT_USERSIG_EXPIRED ? "Please sign in again" : "Signed out elsewhere";
});

/** A call whose failure is shown. */
const attempt = (promise) => promise.catch(({ code, message }) => { page.notice = `${code}: ${message}`; });

/** What the buttons do. */
export const actions = {
  signIn: (userID, userSig) => chat.login({ userID, userSig }),
  signOut: () => chat.logout(),
  open: (conversationID) => attempt(chat.setMessageRead({ conversationID })),
  readAll: () => attempt(chat.setAllMessageRead({ scope: TYPES.READ_ALL_MSG })),
  pin: (conversationID, isPinned) => attempt(chat.pinConversation({ conversationID, isPinned })),
  draft: (conversationID, draftText) => attempt(chat.setConversationDraft({ conversationID, draftText })),
  note: (conversationID, customData) => attempt(chat.setConversationCustomData({ conversationIDList: [conversationID], customData })),
  star: (conversationID, enableMark) =>
    attempt(chat.markConversation({ conversationIDList: [conversationID], markType: TYPES.CONV_MARK_TYPE_STAR, enableMark })),
  mute: (userID) => attempt(chat.setMessageRemindType({ userIDList: [userID], messageRemindType: TYPES.MSG_REMIND_ACPT_NOT_NOTE })),
  fold: (conversationID, groupName) => attempt(chat.createConversationGroup({ groupName, conversationIDList: [conversationID] })),
  rename: (oldName, newName) => attempt(chat.renameConversationGroup({ oldName, newName })),
  unfold: (groupName) => attempt(chat.deleteConversationGroup(groupName)),
  clear: (conversationID) => attempt(chat.clearHistoryMessage(conversationID)),
  remove: (conversationID) => attempt(chat.deleteConversation(conversationID)),
  async starred() {
    const { data } = await chat.getConversationList({ markType: TYPES.CONV_MARK_TYPE_STAR });
    return data.conversationList.map(nameOf);
  },
  async start(userID) {
    const { data } = await chat.getConversationProfile(`C2C${userID}`);
    return nameOf(data.conversation);
  },
};
