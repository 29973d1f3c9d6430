// What has the SDK that the gateway has not? Messages, contacts, members of groups: calling it throws at once.

import { NotOfferedError } from "./errors.js";

const NAMES = [
  // Messages: the app's own backend has them.
  "createTextMessage", "createTextAtMessage", "createImageMessage", "createAudioMessage", "createVideoMessage", "createCustomMessage",
  "createFaceMessage", "createFileMessage", "createLocationMessage", "createMergerMessage", "createForwardMessage", "downloadMergerMessage",
  "sendMessage", "resendMessage", "revokeMessage", "modifyMessage", "deleteMessage", "getMessageList", "getMessageListHopping", "findMessage",
  "sendMessageReadReceipt", "getMessageReadReceiptList", "getGroupMessageReadMemberList", "setMessageExtensions", "getMessageExtensions",
  "deleteMessageExtensions", "addMessageReaction", "removeMessageReaction", "getMessageReactions", "getAllUserListOfMessageReaction",
  "pinGroupMessage", "getPinnedGroupMessageList", "translateText", "convertVoiceToText",
  // Receiving in general: a row has its own option only.
  "getAllReceiveMessageOpt", "setAllReceiveMessageOpt",
  // Profiles, contacts, presence.
  "getMyProfile", "getUserProfile", "updateMyProfile", "getBlacklist", "addToBlacklist", "removeFromBlacklist", "setSelfStatus", "getUserStatus",
  "subscribeUserStatus", "unsubscribeUserStatus", "getFriendList", "addFriend", "deleteFriend", "checkFriend", "getFriendProfile", "updateFriend",
  "getFriendApplicationList", "acceptFriendApplication", "refuseFriendApplication", "deleteFriendApplication", "setFriendApplicationRead",
  "getFriendGroupList", "createFriendGroup", "deleteFriendGroup", "addToFriendGroup", "removeFromFriendGroup", "renameFriendGroup", "followUser",
  "unfollowUser", "getMyFollowingList", "getMyFollowersList", "getMutualFollowersList", "getUserFollowInfo", "checkFollowType",
  // Chat groups and their members.
  "getGroupList", "getGroupProfile", "createGroup", "dismissGroup", "updateGroupProfile", "joinGroup", "quitGroup", "searchGroupByID",
  "getGroupOnlineMemberCount", "changeGroupOwner", "getGroupApplicationList", "handleGroupApplication", "initGroupAttributes",
  "setGroupAttributes", "deleteGroupAttributes", "getGroupAttributes", "setGroupCounters", "increaseGroupCounter", "decreaseGroupCounter",
  "getGroupCounters", "getGroupMemberList", "getGroupMemberProfile", "addGroupMember", "deleteGroupMember", "setGroupMemberMuteTime",
  "setGroupMemberRole", "setGroupMemberNameCard", "setGroupMemberCustomField", "markGroupMemberList", "getJoinedCommunityList",
  "createTopicInCommunity", "deleteTopicFromCommunity", "updateTopicProfile", "getTopicList",
  // Search, signalling, and the rest.
  "searchCloudMessages", "searchCloudUsers", "searchCloudGroups", "searchCloudGroupMembers", "addSignalingListener", "removeSignalingListener",
  "invite", "inviteSync", "inviteInGroup", "inviteInGroupSync", "cancel", "accept", "reject", "getSignalingInfo", "modifyInvitation",
  "getServerTime", "callExperimentalAPI",
];

/** A method of each of these names that throws NotOfferedError; no type has them, so that a compiler finds them before. */
export const notOffered: object = Object.fromEntries(
  NAMES.map((name) => [name, () => { throw new NotOfferedError(name); }]),
);
