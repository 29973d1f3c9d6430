// What becomes of each call of the SDK: the method that is called, its params, and what the caller gets.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Conversation as Row } from "../src/protocol.js";
import { type Chat, createSDK } from "../src/sdk/index.js";
import { type ScriptedConnection, World, outcomeOf, row, settle, tokenOf } from "./harness.js";

const { TYPES } = createSDK({ url: "https://gateway.example" });

async function signedIn(rows: Row[] = []): Promise<{ chat: Chat; connection: ScriptedConnection; world: World }> {
  const world = new World();
  const chat = createSDK({ url: "https://gateway.example" }, world.platform()).create({ SDKAppID: 1 });
  const login = chat.login({ userID: "bob", userSig: tokenOf("bob") });
  const connection = await world.connection();
  await connection.full(rows, "e:1");
  await login;
  return { chat, connection, world };
}

const IDS = ["C2Cann", "GROUPg1"];
const RESULTS = {
  resultList: [
    { conversationID: "c2c_ann", resultCode: 0, resultInfo: "" },
    { conversationID: "group_g1", resultCode: 6004, resultInfo: "not in the list" },
  ],
};
const BATCH = {
  successConversationIDList: ["C2Cann"],
  failureConversationIDList: [{ conversationID: "GROUPg1", code: 6004, message: "not in the list" }],
};
const ROW_IDS = ["c2c_ann", "group_g1"];

/** The call, what the gateway is asked, what it answers, and what the caller gets. */
const CALLS: [name: string, call: (chat: Chat) => Promise<unknown>, method: string, params: object, result: object, data: unknown][] = [
  ["deleteConversation of one", (chat) => chat.deleteConversation("C2Cann"), "deleteConversation", { conversationID: "c2c_ann" }, {}, { conversationID: "C2Cann" }],
  ["deleteConversation of a list", (chat) => chat.deleteConversation({ conversationIDList: IDS, clearHistoryMessage: false }), "deleteConversationList", { conversationIDList: ROW_IDS }, RESULTS, { conversationIDList: ["C2Cann"] }],
  ["clearHistoryMessage", (chat) => chat.clearHistoryMessage("GROUPg1"), "clearHistoryMessage", { conversationID: "group_g1" }, {}, { conversationID: "GROUPg1" }],
  ["pinConversation", (chat) => chat.pinConversation({ conversationID: "GROUPg1", isPinned: true }), "pinConversation", { conversationID: "group_g1", isPinned: true }, {}, { conversationID: "GROUPg1" }],
  ["setMessageRead", (chat) => chat.setMessageRead({ conversationID: "C2Cann" }), "cleanConversationUnreadMessageCount", { conversationID: "c2c_ann" }, {}, { conversationID: "C2Cann" }],
  ["setAllMessageRead", (chat) => chat.setAllMessageRead(), "cleanConversationUnreadMessageCount", { conversationID: "" }, {}, {}],
  ["setAllMessageRead of both kinds", (chat) => chat.setAllMessageRead({ scope: TYPES.READ_ALL_MSG }), "cleanConversationUnreadMessageCount", { conversationID: "" }, {}, {}],
  ["setAllMessageRead of C2C conversations", (chat) => chat.setAllMessageRead({ scope: TYPES.READ_ALL_C2C_MSG }), "cleanConversationUnreadMessageCount", { conversationID: "c2c" }, {}, {}],
  ["setAllMessageRead of groups", (chat) => chat.setAllMessageRead({ scope: TYPES.READ_ALL_GROUP_MSG }), "cleanConversationUnreadMessageCount", { conversationID: "group" }, {}, {}],
  ["setConversationDraft", (chat) => chat.setConversationDraft({ conversationID: "C2Cann", draftText: "see you" }), "setConversationDraft", { conversationID: "c2c_ann", draftText: "see you" }, {}, {}],
  ["setConversationCustomData", (chat) => chat.setConversationCustomData({ conversationIDList: IDS, customData: "x" }), "setConversationCustomData", { conversationIDList: ROW_IDS, customData: "x" }, RESULTS, BATCH],
  ["markConversation", (chat) => chat.markConversation({ conversationIDList: IDS, markType: 2 ** 63, enableMark: true }), "markConversation", { conversationIDList: ROW_IDS, markType: 2 ** 63, enableMark: true }, RESULTS, BATCH],
  ["setMessageRemindType of peers", (chat) => chat.setMessageRemindType({ userIDList: ["ann", "bea"], messageRemindType: TYPES.MSG_REMIND_ACPT_NOT_NOTE }), "setReceiveMessageOpt", { conversationIDList: ["c2c_ann", "c2c_bea"], recvOpt: 2 },
    { resultList: [{ conversationID: "c2c_ann", resultCode: 0, resultInfo: "" }, { conversationID: "c2c_bea", resultCode: 6004, resultInfo: "no" }] },
    { successUserIDList: [{ userID: "ann" }], failureUserIDList: [{ userID: "bea", code: 6004, message: "no" }] }],
  ["setMessageRemindType of a group", (chat) => chat.setMessageRemindType({ groupID: "g1", messageRemindType: TYPES.MSG_REMIND_DISCARD }), "setReceiveMessageOpt", { conversationIDList: ["group_g1"], recvOpt: 1 }, { resultList: [{ conversationID: "group_g1", resultCode: 0, resultInfo: "" }] }, {}],
  ["getConversationGroupList", (chat) => chat.getConversationGroupList(), "getConversationGroupList", {}, { conversationGroupList: ["Work"] }, ["Work"]],
  ["createConversationGroup", (chat) => chat.createConversationGroup({ groupName: "Work", conversationIDList: IDS }), "createConversationGroup", { groupName: "Work", conversationIDList: ROW_IDS }, RESULTS, BATCH],
  ["deleteConversationGroup", (chat) => chat.deleteConversationGroup("Work"), "deleteConversationGroup", { groupName: "Work" }, {}, {}],
  ["renameConversationGroup", (chat) => chat.renameConversationGroup({ oldName: "Work", newName: "Job" }), "renameConversationGroup", { oldName: "Work", newName: "Job" }, {}, {}],
  ["addConversationsToGroup", (chat) => chat.addConversationsToGroup({ groupName: "Work", conversationIDList: IDS }), "addConversationsToGroup", { groupName: "Work", conversationIDList: ROW_IDS }, RESULTS, BATCH],
  ["deleteConversationsFromGroup", (chat) => chat.deleteConversationsFromGroup({ groupName: "Work", conversationIDList: IDS }), "deleteConversationsFromGroup", { groupName: "Work", conversationIDList: ROW_IDS }, RESULTS, BATCH],
];

for (const [name, call, method, params, result, data] of CALLS) {
  test(`${name} is ${method}`, async () => {
    const { chat, connection } = await signedIn();
    const outcome = outcomeOf(call(chat));
    await settle();
    const asked = connection.asked(method);
    assert.deepEqual(asked.params, params);
    await asked.answer(result);
    assert.deepEqual(outcome.value, { code: 0, data });
  });
}

test("each remind type is a receive option, both ways", async () => {
  const types = ["MSG_REMIND_ACPT_AND_NOTE", "MSG_REMIND_DISCARD", "MSG_REMIND_ACPT_NOT_NOTE", "NOT_RECEIVE_OFFLINE_PUSH_EXCEPT_AT", "NOT_RECEIVE_MSG_EXCEPT_AT"] as const;
  const { chat, connection } = await signedIn(types.map((_, recvOpt) => row(`u${recvOpt}`, 9 - recvOpt, { recvOpt: recvOpt as Row["recvOpt"] })));
  const { conversationList } = (await chat.getConversationList()).data;
  assert.deepEqual(conversationList.map(({ messageRemindType }) => messageRemindType), types.map((name) => TYPES[name]));
  for (const [recvOpt, name] of types.entries()) {
    void chat.setMessageRemindType({ groupID: "g1", messageRemindType: TYPES[name] });
    await settle();
    assert.equal(connection.asked("setReceiveMessageOpt").params.recvOpt, recvOpt);
  }
});

test("a group that is not in the list cannot be muted", async () => {
  const { chat, connection } = await signedIn();
  const refused = assert.rejects(chat.setMessageRemindType({ groupID: "g1", messageRemindType: TYPES.MSG_REMIND_DISCARD }), { code: 6004, message: "no" });
  await settle();
  await connection.asked("setReceiveMessageOpt").answer({ resultList: [{ conversationID: "group_g1", resultCode: 6004, resultInfo: "no" }] });
  await refused;
});

test("reading what is not in the list is no error, any other refusal is", async () => {
  const { chat, connection } = await signedIn();
  const read = outcomeOf(chat.setMessageRead({ conversationID: "C2Czoe" }));
  await settle();
  await connection.asked("cleanConversationUnreadMessageCount").refuse({ code: 6004, message: "not in the list" });
  assert.deepEqual(read.value, { code: 0, data: { conversationID: "C2Czoe" } });
  const refused = assert.rejects(chat.setMessageRead({ conversationID: "C2Czoe" }), { code: 50004 });
  await settle();
  await connection.asked("cleanConversationUnreadMessageCount").refuse({ code: 50004, message: "later" });
  await refused;
});

test("getConversationList gives all, those of the ids, or those that pass the conditions, without asking", async () => {
  const group = { conversationID: "group_g1", type: 2, groupID: "g1" } as const;
  const { chat, connection } = await signedIn([
    row("ann", 9, { markList: [1], unreadCount: 1 }),
    row("g1", 8, { ...group, groupAtInfoList: [{ seq: 1, atType: 1 }] }),
    row("bea", 7, { conversationGroupList: ["Work"] }),
  ]);
  const listed = async (options?: Parameters<Chat["getConversationList"]>[0]) =>
    (await chat.getConversationList(options)).data.conversationList.map(({ conversationID }) => conversationID);
  assert.deepEqual(await listed(), ["C2Cann", "GROUPg1", "C2Cbea"]);
  assert.deepEqual(await listed(["C2Cbea", "C2Cann", "C2Czoe"]), ["C2Cann", "C2Cbea"]);
  assert.deepEqual(await listed({ type: TYPES.CONV_C2C }), ["C2Cann", "C2Cbea"]);
  assert.deepEqual(await listed({ type: TYPES.CONV_GROUP }), ["GROUPg1"]);
  assert.deepEqual(await listed({ type: TYPES.CONV_SYSTEM }), []);
  assert.deepEqual(await listed({ markType: TYPES.CONV_MARK_TYPE_STAR }), ["C2Cann"]);
  assert.deepEqual(await listed({ groupName: "Work" }), ["C2Cbea"]);
  assert.deepEqual(await listed({ hasUnreadCount: true }), ["C2Cann"]);
  assert.deepEqual(await listed({ hasGroupAtInfo: true, type: TYPES.CONV_GROUP }), ["GROUPg1"]);
  assert.deepEqual(connection.calls, []);
});

test("getConversationProfile gives the row that is loaded, asks for another, and lets a chat begin where there is none", async () => {
  const { chat, connection } = await signedIn([row("ann", 9)]);
  const profile = async (id: string) => (await chat.getConversationProfile(id)).data.conversation;
  assert.equal(await profile("C2Cann"), (await chat.getConversationList()).data.conversationList[0]);
  const other = profile("C2Cbea");
  await settle();
  await connection.asked("getConversation").answer({ conversation: row("bea", 3) });
  assert.equal((await other).userProfile?.nick, "bea");
  const none = profile("C2Czoe");
  await settle();
  await connection.asked("getConversation").refuse({ code: 6004, message: "not in the list" });
  assert.deepEqual((await none).userProfile, { userID: "zoe", nick: "", avatar: "" });
  const refused = assert.rejects(profile("GROUPg9"), { code: 50004 });
  await settle();
  await connection.asked("getConversation").refuse({ code: 50004, message: "later" });
  await refused;
});

test("a C2C conversation has the SDK's shape", async () => {
  const lastMessage = {
    msgID: "m7", seq: 7, sender: "ann", nickName: "Ann", isSelf: false, timestamp: 1_795_373_813, elemType: 1, text: "Lunch?", status: 2, cloudCustomData: "c",
  } as const;
  const { chat } = await signedIn([
    row("ann_1", 9, { showName: "Ann", faceUrl: "a.png", unreadCount: 2, lastMessage, isPinned: true, markList: [1, 2 ** 40], customData: "x", conversationGroupList: ["Work"], draftText: "see" }),
  ]);
  assert.deepEqual((await chat.getConversationList()).data.conversationList, [{
    conversationID: "C2Cann_1", type: "C2C", subType: "", unreadCount: 2,
    lastMessage: {
      lastTime: 1_795_373_813, lastSequence: 7, fromAccount: "ann", nick: "Ann", nameCard: "", messageForShow: "Lunch?", type: "TIMTextElem",
      payload: { text: "Lunch?" }, isRevoked: false, revoker: null, isPeerRead: false, cloudCustomData: "c",
    },
    groupAtInfoList: [], isPinned: true, messageRemindType: "AcceptAndNotify", markList: [1, 2 ** 40], customData: "x",
    conversationGroupList: ["Work"], draftText: "see", remark: "", userProfile: { userID: "ann_1", nick: "Ann", avatar: "a.png" },
  }]);
});

test("a group conversation has the SDK's shape, and a preview that was revoked or is none too", async () => {
  const revoked = { msgID: "m7", seq: 7, sender: "ann", isSelf: false, timestamp: 5, elemType: 3, text: "", status: 6, revoker: "bea" } as const;
  const group = (id: string, at: number, fields: Partial<Row>) =>
    row(id, at, { conversationID: `group_${id}`, type: 2, groupID: id, showName: "Team", ...fields });
  const { chat } = await signedIn([
    group("g1", 9, { groupType: "Work", lastMessage: revoked, groupAtInfoList: [{ seq: 7, atType: 3 }] }),
    group("g2", 8, { groupType: "Meeting" }),
  ]);
  const [first, second] = (await chat.getConversationList()).data.conversationList;
  assert.deepEqual(
    [first!.conversationID, first!.type, first!.subType, first!.groupProfile],
    ["GROUPg1", "GROUP", TYPES.GRP_WORK, { groupID: "g1", name: "Team", avatar: "", type: TYPES.GRP_WORK }],
  );
  assert.deepEqual(first!.groupAtInfoList, [{ groupID: "g1", messageSequence: 7, atTypeArray: [TYPES.CONV_AT_ALL_AT_ME] }]);
  const { isRevoked, revoker, type, payload, messageForShow } = first!.lastMessage;
  assert.deepEqual([isRevoked, revoker, type, payload, messageForShow], [true, "bea", TYPES.MSG_IMAGE, {}, ""]);
  assert.equal(second!.subType, TYPES.GRP_MEETING);
  assert.deepEqual(second!.lastMessage, {
    lastTime: 0, lastSequence: 0, fromAccount: "", nick: "", nameCard: "", messageForShow: "", type: "", payload: {}, isRevoked: false, revoker: null, isPeerRead: false, cloudCustomData: "",
  });
});

test("what the gateway refuses has the gateway's code, what gets no answer the SDK's", async () => {
  const { chat, connection } = await signedIn([row("ann", 9)]);
  const refused = assert.rejects(chat.pinConversation({ conversationID: "C2Cann", isPinned: true }), { name: "CallError", code: 51012, message: "50 are pinned" });
  await settle();
  await connection.asked("pinConversation").refuse({ code: 51012, message: "50 are pinned" });
  await refused;
  const lost = assert.rejects(chat.deleteConversationGroup("Work"), { name: "SDKError", code: 2800 });
  await settle();
  await connection.cut();
  await lost;
});

test("a pin that was made offline is sent after the resume", async () => {
  const { chat, connection, world } = await signedIn([row("ann", 9)]);
  await connection.cut();
  const pin = outcomeOf(chat.pinConversation({ conversationID: "C2Cann", isPinned: true }));
  await world.clock.pass(10_000);
  const next = await world.connection();
  await next.replay([], "e:1");
  await next.asked("pinConversation").answer({});
  assert.deepEqual(pin.value, { code: 0, data: { conversationID: "C2Cann" } });
});

test("a call that waits at the logout fails as logged out, and one without a login as not logged in", async () => {
  const { chat, connection } = await signedIn([row("ann", 9)]);
  await connection.cut();
  const call = assert.rejects(chat.pinConversation({ conversationID: "C2Cann", isPinned: true }), { name: "SDKError", code: 3005 });
  await settle();
  await chat.logout();
  await call;
  await assert.rejects(chat.setAllMessageRead(), { name: "SDKError", code: 2024 });
});

test("what the gateway does not have throws, and says where to look", async () => {
  const { chat, connection } = await signedIn([row("ann", 9)]);
  const notOffered = { name: "NotOfferedError", code: 2905, message: /docs\/sdk\.md/ };
  const old = chat as unknown as Record<string, () => unknown>;
  for (const name of ["createTextMessage", "sendMessage", "getMessageList", "getGroupList", "getMyProfile", "getFriendList", "inviteInGroup"]) {
    assert.throws(() => old[name]!(), { ...notOffered, message: new RegExp(`^${name} is not offered`) });
  }
  assert.throws(() => chat.on(undefined as never, () => {}), notOffered);
  await assert.rejects(chat.pinConversation({ conversationID: TYPES.CONV_SYSTEM, isPinned: true }), notOffered);
  await assert.rejects(chat.deleteConversation({ conversationIDList: ["C2Cann"], clearHistoryMessage: true }), notOffered);
  assert.deepEqual(connection.calls, []);
});

test("what a caller does to a conversation does not reach the list", async () => {
  const { chat } = await signedIn([row("ann", 9, { markList: [1], conversationGroupList: ["Work"] })]);
  const [ann] = (await chat.getConversationList()).data.conversationList;
  ann!.markList.pop();
  ann!.conversationGroupList.pop();
  assert.equal((await chat.getConversationList({ markType: 1, groupName: "Work" })).data.conversationList.length, 1);
});

test("a userID that looks like an id stays what it is", async () => {
  const { chat } = await signedIn([row("C2Cann", 9), row("c2c_ann", 8)]);
  const { conversationList } = (await chat.getConversationList()).data;
  assert.deepEqual(conversationList.map(({ conversationID }) => conversationID), ["C2CC2Cann", "C2Cc2c_ann"]);
  const { conversation } = (await chat.getConversationProfile("C2Cc2c_ann")).data;
  assert.equal(conversation.userProfile?.userID, "c2c_ann");
});
