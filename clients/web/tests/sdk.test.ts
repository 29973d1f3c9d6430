// What the adapter promises to code that was written for the SDK: signing in and out, and every event.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Conversation as Row, EventFrame } from "../src/protocol.js";
import { type Chat, type ChatEvent, type SDKOptions, createSDK, memoryStorage } from "../src/sdk/index.js";
import { type ScriptedConnection, World, outcomeOf, row, settle, tokenOf } from "./harness.js";

const sdkOf = (world: World, options: Partial<SDKOptions> = {}) => createSDK({ url: "https://gateway.example", ...options }, world.platform());
const BOB = { userID: "bob", userSig: tokenOf("bob") };

/** A chat that notes every event that it tells. */
function chatOf(world: World, options: Partial<SDKOptions> = {}): { chat: Chat; told: ChatEvent[] } {
  const sdk = sdkOf(world, options);
  const chat = sdk.create({ SDKAppID: 1 });
  const told: ChatEvent[] = [];
  for (const name of Object.values(sdk.EVENT)) chat.on(name, (event) => void told.push(event as ChatEvent));
  return { chat, told };
}

/** Somebody who is signed in with these rows; what was told until then is forgotten. */
async function signedIn(rows: Row[], options: Partial<SDKOptions> = {}): Promise<{ world: World; chat: Chat; told: ChatEvent[]; connection: ScriptedConnection }> {
  const world = new World();
  const { chat, told } = chatOf(world, options);
  const login = chat.login(BOB);
  const connection = await world.connection();
  await connection.full(rows, "e:1");
  await login;
  await world.clock.pass(0);
  told.length = 0;
  return { world, chat, told, connection };
}

const names = (told: ChatEvent[]) => told.map(({ name }) => name);
const lists = (told: ChatEvent[]) =>
  told.flatMap((event) => (event.name === "onConversationListUpdated" ? [event.data.map(({ conversationID }) => conversationID)] : []));

test("login resolves once the list is there, and SDK_READY follows, so that who awaits the one hears the other", async () => {
  const world = new World();
  const { chat, told } = chatOf(world);
  const login = outcomeOf(chat.login(BOB));
  const connection = await world.connection();
  assert.equal(connection.hello.token, BOB.userSig);
  assert.equal(login.value, "pending");
  assert.equal(chat.isReady(), false);
  await connection.full([row("ann", 5)], "e:1", { total: 2 });
  assert.deepEqual(login.value, { code: 0, data: { actionStatus: "OK", errorCode: 0, errorInfo: "", repeatLogin: false } });
  assert.deepEqual(names(told), ["netStateChange", "onConversationListUpdated", "onTotalUnreadMessageCountUpdated"]);
  assert.equal(chat.isReady(), false);
  await world.clock.pass(0);
  assert.equal(told.at(-1)!.name, "sdkStateReady");
  assert.equal(chat.isReady(), true);
  assert.equal(chat.getLoginUser(), "bob");
  assert.equal(chat.getTotalUnreadMessageCount(), 2);
});

test("who is signed in already is told so, and nobody else can sign in", async () => {
  const { chat, world } = await signedIn([]);
  const { data } = await chat.login(BOB);
  assert.equal(data.repeatLogin, true);
  await assert.rejects(chat.login({ userID: "ann", userSig: tokenOf("ann") }), { name: "SDKError", code: 2025 });
  assert.equal(world.connections.length, 1);
});

test("every change tells the whole list in its order, and rows that did not change are the same objects", async () => {
  const { told, connection, chat } = await signedIn([row("ann", 5), row("bea", 4)]);
  const [ann] = (await chat.getConversationList()).data.conversationList;
  await connection.tell("conversationChanged", { conversationList: [row("bea", 9)] }, "e:9");
  await connection.tell("newConversation", { conversationList: [row("cat", 10)] }, "e:10");
  await connection.tell("conversationDeleted", { conversationIDList: ["c2c_bea"], version: 11 }, "e:11");
  assert.deepEqual(lists(told), [["C2Cbea", "C2Cann"], ["C2Ccat", "C2Cbea", "C2Cann"], ["C2Ccat", "C2Cann"]]);
  assert.equal((await chat.getConversationList()).data.conversationList[1], ann);
});

test("the total is told when it differs, and not when it does not", async () => {
  const { told, connection, chat } = await signedIn([row("ann", 5)]);
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 3, version: 7 }, "e:7");
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 3, version: 8 }, "e:8");
  assert.deepEqual(told, [{ name: "onTotalUnreadMessageCountUpdated", data: 3 }]);
  assert.equal(chat.getTotalUnreadMessageCount(), 3);
});

test("a group that is made tells its name, and what is in it", async () => {
  const { told, connection } = await signedIn([row("ann", 5), row("bea", 4)]);
  const grouped = row("ann", 5, { version: 9, conversationGroupList: ["Work"] });
  await connection.tell("conversationChanged", { conversationList: [grouped] });
  await connection.tell("conversationGroupCreated", { groupName: "Work", conversationIDList: ["c2c_ann"] }, "e:9");
  assert.deepEqual(names(told), ["onConversationListUpdated", "onConversationGroupListUpdated", "onConversationInGroupUpdated"]);
  assert.deepEqual(told[1]!.data, ["Work"]);
  const { groupName, conversationList } = told[2]!.data as { groupName: string; conversationList: { conversationID: string }[] };
  assert.deepEqual([groupName, conversationList.map(({ conversationID }) => conversationID)], ["Work", ["C2Cann"]]);
});

test("a resume tells the groups that changed meanwhile, and only those", async () => {
  const { world, told, connection } = await signedIn([row("ann", 5, { conversationGroupList: ["Work"] }), row("bea", 4, { conversationGroupList: ["Home"] })]);
  const finish = (cursor: string) => (on: ScriptedConnection) =>
    on.tell("syncServerFinish", { mode: "replay", conversationGroupList: ["Work", "Home"], conversationCount: 2 }, cursor);
  await connection.tell("syncServerStart", { mode: "replay" });
  await finish("e:2")(connection);
  told.length = 0;
  await connection.cut();
  await world.clock.pass(10_000);
  const next = await world.connection();
  await next.tell("syncServerStart", { mode: "replay" });
  await next.tell("conversationChanged", { conversationList: [row("ann", 5, { version: 9 }), row("bea", 10, { conversationGroupList: ["Home"] })] });
  await finish("e:10")(next);
  const grouped = told.filter(({ name }) => name === "onConversationInGroupUpdated" || name === "onConversationGroupListUpdated");
  assert.deepEqual(grouped, [{ name: "onConversationInGroupUpdated", data: { groupName: "Work", conversationList: [] } }]);
});

test("a group that is renamed is told by its new name, and one that is deleted no more", async () => {
  const { told, connection } = await signedIn([row("ann", 5)]);
  const grouped = (at: number, names: string[]) => connection.tell("conversationChanged", { conversationList: [row("ann", 5, { version: at, conversationGroupList: names })] });
  await grouped(9, ["Work"]);
  await connection.tell("conversationGroupCreated", { groupName: "Work", conversationIDList: ["c2c_ann"] }, "e:9");
  told.length = 0;
  await grouped(10, ["Job"]);
  await connection.tell("conversationGroupNameChanged", { oldName: "Work", newName: "Job" }, "e:10");
  await grouped(11, []);
  await connection.tell("conversationGroupDeleted", { groupName: "Job" }, "e:11");
  const groups = told.flatMap((event) => (event.name === "onConversationInGroupUpdated" ? [event.data.groupName] : []));
  assert.deepEqual(groups, ["Job"]);
});

test("rows that a full sync has not brought yet do not leave their groups", async () => {
  const { told, connection } = await signedIn([row("ann", 5), row("bea", 4, { conversationGroupList: ["Work"] })]);
  const sync = async (rows: Row[], nextSeq: number) => {
    await connection.tell("syncServerStart", { mode: "full" });
    await connection.tell("newConversation", { conversationList: rows });
    await connection.tell("syncServerFinish", { mode: "full", conversationGroupList: ["Work"], conversationCount: 2, nextSeq, isFinished: nextSeq === 0 }, "f:1");
  };
  await sync([row("ann", 5), row("bea", 4, { conversationGroupList: ["Work"] })], 0);
  await sync([row("ann", 5)], 5);
  await connection.asked("getConversationList").answer({ conversationList: [row("bea", 4, { conversationGroupList: ["Work"] })], nextSeq: 0, isFinished: true });
  assert.deepEqual(lists(told).at(-1), ["C2Cann", "C2Cbea"]);
  assert.equal(names(told).includes("onConversationInGroupUpdated"), false);
});

test("a conversation that is deleted leaves its groups", async () => {
  const { told, connection } = await signedIn([row("ann", 5)]);
  const grouped = row("ann", 5, { version: 9, conversationGroupList: ["Work"] });
  await connection.tell("conversationChanged", { conversationList: [grouped] });
  await connection.tell("conversationGroupCreated", { groupName: "Work", conversationIDList: ["c2c_ann"] }, "e:9");
  told.length = 0;
  await connection.tell("conversationDeleted", { conversationIDList: ["c2c_ann"], version: 10 }, "e:10");
  assert.deepEqual(told.at(-1), { name: "onConversationInGroupUpdated", data: { groupName: "Work", conversationList: [] } });
});

test("the connection is told as it comes and goes, while the list stays and somebody stays signed in", async () => {
  const { world, told, connection, chat } = await signedIn([row("ann", 5)]);
  await connection.cut();
  await world.clock.pass(10_000);
  await (await world.connection()).replay([], "e:1");
  assert.deepEqual(told.map(({ data }) => (data as { state: string }).state), ["disconnected", "connecting", "connected"]);
  assert.deepEqual([...new Set(names(told))], ["netStateChange"]);
  assert.equal(chat.isReady(), true);
});

test("who is kicked out is told, is signed out, and can sign in again", async () => {
  const { world, told, connection, chat } = await signedIn([row("ann", 5)]);
  await connection.tell("kickedOffline", { reason: "password changed" });
  await connection.close({ kind: "code", code: 4003 });
  assert.deepEqual(told.slice(-2), [{ name: "kickedOut", data: { type: "REST_API_Kick" } }, { name: "sdkStateNotReady", data: undefined }]);
  assert.deepEqual([chat.isReady(), chat.getLoginUser()], [false, ""]);
  const login = chat.login(BOB);
  const next = await world.connection();
  assert.notEqual(next, connection);
  await next.full([], "e:2");
  assert.equal((await login).data.repeatLogin, false);
});

test("a handler of KICKED_OUT may sign in again at once", async () => {
  const { world, connection, chat } = await signedIn([]);
  const logins: ReturnType<Chat["login"]>[] = [];
  chat.on("kickedOut", () => void logins.push(chat.login(BOB)));
  await connection.close({ kind: "code", code: 4003 });
  await (await world.connection()).full([], "e:2");
  assert.equal((await logins[0]!).data.repeatLogin, false);
});

test("in two tabs one session serves both, a kick is told in both, and either can sign in again", async () => {
  const world = new World();
  const tabs = [0.1, 0.2].map((chance) => {
    const chat = createSDK({ url: "https://gateway.example" }, world.platform(world.browser.seenBy(() => false), chance)).create({ SDKAppID: 1 });
    const told: string[] = [];
    for (const name of ["sdkStateReady", "onConversationListUpdated", "kickedOut", "sdkStateNotReady"] as const) chat.on(name, () => void told.push(name));
    return { chat, told, login: chat.login(BOB) };
  });
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:1");
  await Promise.all(tabs.map(({ login }) => login));
  await world.clock.pass(0);
  await connection.tell("kickedOffline", { reason: "password changed" });
  await connection.close({ kind: "code", code: 4003 });
  assert.equal(world.connections.length, 1);
  const again = tabs[1]!.chat.login(BOB);
  await (await world.connection()).full([], "e:2");
  assert.equal((await again).data.repeatLogin, false);
  for (const { told } of tabs) assert.deepEqual([...new Set(told)], ["onConversationListUpdated", "sdkStateReady", "kickedOut", "sdkStateNotReady"]);
});

test("where userSig is all there is, its end kicks the user out", async () => {
  const { world, told, connection } = await signedIn([]);
  await connection.tell("tokenExpired", {});
  await connection.close({ kind: "code", code: 4202 });
  await world.clock.pass(10_000);
  await (await world.connection()).close({ kind: "code", code: 4001 });
  assert.deepEqual(told.slice(-2).map(({ name, data }) => [name, data]), [["kickedOut", { type: "userSigExpired" }], ["sdkStateNotReady", undefined]]);
});

test("getToken is asked instead of userSig, for the user who signs in", async () => {
  const asked: string[] = [];
  const token = tokenOf("bob");
  const { connection } = await signedIn([], { getToken: (userID) => (asked.push(userID), token) });
  assert.equal(connection.hello.token, token);
  assert.deepEqual(asked, ["bob"]);
});

test("a page that may not connect is an error, not a kick", async () => {
  const { told, connection } = await signedIn([]);
  await connection.close({ kind: "code", code: 4002 });
  assert.deepEqual(told.slice(-2), [
    { name: "error", data: { code: 3001, message: "closed with 4002" } },
    { name: "sdkStateNotReady", data: undefined },
  ]);
});

test("a login that is refused rejects, kicks nobody out, and leaves nobody signed in", async () => {
  const world = new World();
  const { chat, told } = chatOf(world);
  const refused = assert.rejects(chat.login(BOB), { name: "SDKError", code: 3001 });
  await (await world.connection()).close({ kind: "code", code: 4001 });
  await refused;
  assert.deepEqual([...new Set(names(told))], ["netStateChange"]);
  assert.equal(chat.getLoginUser(), "");
});

test("the token of another user is refused", async () => {
  const { chat } = chatOf(new World());
  await assert.rejects(chat.login({ userID: "bob", userSig: tokenOf("ann") }), { code: 3001 });
});

test("logout ends the session, is told once, and drops what was saved", async () => {
  const removed: string[] = [];
  const storage = { load: async () => undefined, save: async () => {}, remove: async (list: string) => void removed.push(list) };
  const { chat, told, connection } = await signedIn([row("ann", 5)], { storage });
  await chat.logout();
  await settle();
  assert.deepEqual(names(told), ["sdkStateNotReady"]);
  assert.equal(connection.isEnded, true);
  assert.deepEqual(removed, ["https://gateway.example bob"]);
  await assert.rejects(chat.getConversationList(), { code: 2024 });
  assert.equal(chat.getTotalUnreadMessageCount(), 0);
});

test("who signs out before the list came hears that login failed", async () => {
  const { chat, told } = chatOf(new World());
  const login = chat.login(BOB);
  await Promise.all([assert.rejects(login, { code: 3005 }), chat.logout()]);
  assert.deepEqual(told, []);
});

test("the whole list is loaded, page by page, and isSyncCompleted says when", async () => {
  const world = new World();
  const { chat } = chatOf(world);
  void chat.login(BOB);
  const connection = await world.connection();
  assert.equal(connection.hello.window, 1000);
  await connection.full([row("ann", 9)], "e:1", { nextSeq: 9 });
  assert.equal((await chat.getConversationList()).data.isSyncCompleted, false);
  await connection.asked("getConversationList").answer({ conversationList: [row("bea", 5)], nextSeq: 5, isFinished: false });
  await connection.asked("getConversationList").answer({ conversationList: [row("cat", 4)], nextSeq: 0, isFinished: true });
  const { conversationList, isSyncCompleted } = (await chat.getConversationList()).data;
  assert.deepEqual(conversationList.map(({ conversationID }) => conversationID), ["C2Cann", "C2Cbea", "C2Ccat"]);
  assert.equal(isSyncCompleted, true);
});

test("a list that was saved is told before the gateway answers", async () => {
  const storage = memoryStorage();
  const { world } = await signedIn([row("ann", 5)], { storage });
  await world.page.hide();
  const { chat, told } = chatOf(new World(), { storage });
  void chat.login(BOB);
  await settle();
  assert.deepEqual(lists(told), [["C2Cann"]]);
  assert.equal(chat.isReady(), false);
});

test("a page that fails is asked for again after a second", async () => {
  const world = new World();
  const { chat } = chatOf(world);
  void chat.login(BOB);
  const connection = await world.connection();
  await connection.full([row("ann", 9)], "e:1", { nextSeq: 9 });
  await connection.asked("getConversationList").refuse({ code: 50004, message: "later" });
  await connection.tell("conversationChanged", { conversationList: [row("ann", 10)] }, "e:10");
  await world.clock.pass(999);
  assert.equal(connection.calls.filter(({ method }) => method === "getConversationList").length, 1);
  await world.clock.pass(1);
  await connection.asked("getConversationList").answer({ conversationList: [], nextSeq: 0, isFinished: true });
  assert.equal((await chat.getConversationList()).data.isSyncCompleted, true);
});

test("a handler is called with its context, no more after off, and one that throws keeps nobody from what came", async () => {
  const { chat, connection } = await signedIn([]);
  const { EVENT } = sdkOf(new World());
  const thrown: unknown[] = [];
  globalThis.reportError = (error) => void thrown.push(error);
  chat.on(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, () => { throw new Error("broken"); });
  const page = { heard: [] as number[] };
  function handler(this: typeof page, event: { data: number }): void {
    this.heard.push(event.data);
  }
  chat.on(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, handler as never, page);
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 3, version: 7 }, "e:7");
  chat.off(EVENT.TOTAL_UNREAD_MESSAGE_COUNT_UPDATED, handler as never, page);
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 4, version: 8 }, "e:8");
  assert.deepEqual(page.heard, [3]);
  assert.equal(thrown.length, 2);
});

test("a handler that hears once hears once, also where another one causes the event again", async () => {
  const { chat, connection, told } = await signedIn([]);
  const heard: number[] = [];
  const total = (totalUnreadCount: number) => connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount, version: totalUnreadCount }, `e:${totalUnreadCount}`);
  chat.on("onTotalUnreadMessageCountUpdated", ({ data }) => void (data === 3 && total(4)));
  chat.once("onTotalUnreadMessageCountUpdated", ({ data }) => void heard.push(data));
  chat.on("onTotalUnreadMessageCountUpdated", ({ data }) => void heard.push(10 * data));
  await total(3);
  assert.deepEqual(heard, [4, 40, 30]);
  assert.equal(told.length, 2);
});

test("a handler that signs out hears nothing of what else came", async () => {
  const { chat, told, connection } = await signedIn([]);
  const { EVENT } = sdkOf(new World());
  chat.on(EVENT.CONVERSATION_LIST_UPDATED, () => void chat.logout());
  await connection.tell("newConversation", { conversationList: [row("ann", 9)] } satisfies EventFrame["data"]);
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 1, version: 9 }, "e:9");
  assert.deepEqual(names(told), ["onConversationListUpdated", "sdkStateNotReady"]);
});

test("create gives the same object for the same SDKAppID, until it is destroyed", async () => {
  const sdk = sdkOf(new World());
  const chat = sdk.create({ SDKAppID: 1 });
  assert.equal(sdk.create({ SDKAppID: 1 }), chat);
  assert.notEqual(sdk.create({ SDKAppID: 2 }), chat);
  const told: string[] = [];
  chat.on(sdk.EVENT.SDK_DESTROY, ({ name }) => void told.push(name));
  await chat.destroy();
  assert.deepEqual(told, ["sdkDestroy"]);
  assert.notEqual(sdk.create({ SDKAppID: 1 }), chat);
});
