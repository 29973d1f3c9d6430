// Is a running gateway what the documents say, read as a JavaScript client reads it?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { startGateway } from "./gateway.js";
import { asyncapi, checkComponent, checkEvent, checkParams, checkReply, checkResult, methods, operation } from "./schemas.js";

/** Marks are the only numbers that may lie at or above 2^53. */
const MARKS = new Set(["markList", "markType"]);
const seen = new Set();
const faults = [];
const texts = [];
let gateway;

function checkNumbers(value, path = "") {
  if (typeof value === "number") assert.ok(Number.isSafeInteger(value), `${path}: ${value} is not exact in a double`);
  if (value === null || typeof value !== "object") return;
  for (const [key, inner] of Object.entries(value)) if (!MARKS.has(key)) checkNumbers(inner, `${path}/${key}`);
}

/** Every event that any session gets is what the documents say. A reply is checked by who asked for it. */
function saw(frame, text) {
  texts.push(text);
  try {
    if (!frame.event) return;
    seen.add(frame.event);
    checkEvent(frame);
    checkNumbers(frame);
  } catch (error) {
    faults.push(`${text.slice(0, 300)}: ${error.message}`);
  }
}

before(async () => { gateway = await startGateway(saw); });
after(() => gateway?.stop());

async function backend(method, params) {
  checkParams("server", method, params);
  const { status, json } = await gateway.post(`/server/v1/${method}`, "dev", params);
  assert.equal(status, 200, `${method}: ${JSON.stringify(json)}`);
  checkResult("server", method, json);
  checkNumbers(json);
  return json;
}

async function overHttp(user, method, params) {
  checkParams("client", method, params);
  const { status, json } = await gateway.post(`/v1/${method}`, await gateway.tokenOf(user), params);
  assert.equal(status, 200, `${method}: ${JSON.stringify(json)}`);
  checkResult("client", method, json);
  checkNumbers(json);
  return json;
}

async function over(session, method, params) {
  checkParams("client", method, params);
  const reply = await session.call(method, params);
  checkReply(method, reply);
  checkNumbers(reply);
  assert.ok(reply.result, `${method}: ${JSON.stringify(reply)}`);
  return reply.result;
}

let seq = 0;
const now = Math.floor(Date.now() / 1000);
const message = (more = {}) => ({ msgID: `m${++seq}`, seq, timestamp: now, text: `message ${seq}`, ...more });
const c2c = (sender, peer, more) => backend("sendMessage", { conversation: { type: 1 }, sender, recipients: [peer], message: message(), ...more });

test("the documents are served as they are committed, and a page for them", async () => {
  for (const name of ["openapi.json", "asyncapi.json"]) {
    const served = await (await fetch(`${gateway.url}/${name}`)).text();
    assert.ok(served === readFileSync(new URL(`../generated/${name}`, import.meta.url), "utf8"), `${name} is another one`);
  }
  for (const [path, type] of [["/docs", "text/html"], ["/docs/page.js", "text/javascript"], ["/docs/page.css", "text/css"]]) {
    const answer = await fetch(`${gateway.url}${path}`);
    assert.equal(answer.status, 200, path);
    assert.ok(answer.headers.get("content-type").startsWith(type), path);
    assert.doesNotMatch(await answer.text(), /(src|href)="(https?:)?\/\//, "nothing from elsewhere");
  }
});

test("marks of several bits are exact, up to 2^63, however they are written", async () => {
  for (const peer of ["alice", "carol"]) await c2c(peer, "bob");
  const bob = await gateway.connect("bob");
  const id = "c2c_alice";
  const marksAre = async (expected) => {
    const isThere = ({ conversationList }) => conversationList.some((row) => row.conversationID === id && row.markList.join() === expected.join());
    const { data } = await bob.event("conversationChanged", isThere);
    const row = data.conversationList.find((row) => row.conversationID === id);
    assert.deepEqual(row.markList, expected);
    assert.ok(row.markList.every((bit) => Number.isInteger(Math.log2(bit))), "single bits");
    bob.events.length = 0;
  };
  const mark = async (markType, enableMark = true) => {
    const { resultList } = await over(bob, "markConversation", { conversationIDList: [id], markType, enableMark });
    assert.deepEqual(resultList, [{ conversationID: id, resultCode: 0, resultInfo: "" }]);
  };
  await mark(1 + 2);
  await marksAre([1, 2]);
  await mark("9223372036854775812");
  await marksAre([1, 2, 4, 2 ** 63]);
  await mark([8, "4294967296", 2 ** 62]);
  await marksAre([1, 2, 4, 8, 2 ** 32, 2 ** 62, 2 ** 63]);
  await mark(2 ** 63, false);
  await marksAre([1, 2, 4, 8, 2 ** 32, 2 ** 62]);
  const own = Array.from({ length: 32 }, (_, place) => 2 ** (32 + place));
  await mark(own.map((bit, index) => (index % 2 ? bit : String(BigInt(bit)))));
  await marksAre([1, 2, 4, 8, ...own]);
  const { conversation } = await overHttp("bob", "getConversation", { conversationID: id });
  assert.deepEqual(conversation.markList, [1, 2, 4, 8, ...own], "over HTTP the same");
  assert.ok(texts.some((text) => text.includes("9223372036854775808")), "in the JSON all its digits stand");
  for (const filter of [{ markType: 2 ** 63 }, { markType: "9223372036854775808" }, { markType: [2, 2 ** 63] }]) {
    const page = await over(bob, "getConversationListByFilter", { filter, count: 10 });
    assert.deepEqual(page.conversationList.map((row) => row.conversationID), [id]);
  }
  bob.socket.close();
});

test("every event that can be made is as the documents say, over WebSocket and server-sent events", async () => {
  const filter = { markType: [1, "9223372036854775808"] };
  const dave = await gateway.connect("dave", "&device=phone");
  const stream = await gateway.listen("dave", `&filter=${encodeURIComponent(JSON.stringify(filter))}`);
  assert.ok(stream.type.startsWith("text/event-stream"));
  await over(dave, "subscribeUnreadMessageCountByFilter", { filter });
  await c2c("erin", "dave", { profiles: { erin: { showName: "Erin" }, dave: { showName: "Dave" } } });
  await over(dave, "markConversation", { conversationIDList: ["c2c_erin"], markType: 1, enableMark: true });
  await over(dave, "createConversationGroup", { groupName: "Work", conversationIDList: ["c2c_erin"] });
  await over(dave, "deleteConversationsFromGroup", { groupName: "Work", conversationIDList: ["c2c_erin"] });
  await over(dave, "addConversationsToGroup", { groupName: "Work", conversationIDList: ["c2c_erin"] });
  await over(dave, "renameConversationGroup", { oldName: "Work", newName: "Office" });
  await over(dave, "deleteConversationGroup", { groupName: "Office" });
  await over(dave, "unsubscribeUnreadMessageCountByFilter", { filter });
  for (const method of ["ping", "getTotalUnreadMessageCount", "getConversationGroupList"]) await over(dave, method, {});
  await over(dave, "refreshToken", { token: await gateway.tokenOf("dave") });
  const live = ["newConversation", "conversationChanged", "totalUnreadMessageCountChanged", "unreadMessageCountChangedByFilter",
    "conversationGroupCreated", "conversationsDeletedFromGroup", "conversationsAddedToGroup", "conversationGroupNameChanged", "conversationGroupDeleted"];
  for (const session of [dave, stream]) for (const name of live) await session.event(name);
  const { filter: told } = (await stream.event("unreadMessageCountChangedByFilter", (data) => data.totalUnreadCount === 1)).data;
  assert.deepEqual(told, { markType: [1, 2 ** 63] }, "the filter in its one form");
  const cursor = dave.events.findLast((frame) => frame.cursor).cursor;
  assert.deepEqual(await over(dave, "probe", { cursor }), { upToDate: true });
  await over(dave, "deleteConversation", { conversationID: "c2c_erin" });
  for (const session of [dave, stream]) await session.event("conversationDeleted");
  const again = await gateway.connect("dave", `&since=${encodeURIComponent(cursor)}`);
  assert.equal(again.events[0].data.mode, "replay");
  const { sessionList } = await backend("getUserSessions", { userID: "dave" });
  assert.deepEqual(sessionList.map(({ transport }) => transport).sort(), ["sse", "websocket", "websocket"]);
  dave.socket.send("no JSON");
  const refusal = await (async () => { await over(dave, "ping", {}); return dave.replies.get(undefined); })();
  checkReply("ping", refusal);
  assert.equal(refusal.error.code, 6017);
  await backend("kickUser", { userID: "dave", device: "phone", reason: "signed in elsewhere" });
  await dave.event("kickedOffline");
  again.socket.close();
});

const CONVERSATION = { type: 2, groupID: "g1", groupType: "Work", showName: "Team" };
const group = { conversation: CONVERSATION, sender: "alice", recipients: ["alice", "zoe"] };

test("every method of backends answers over HTTP what the documents say", async () => {
  const first = message();
  const called = {
    sendMessage: { ...group, message: first, wantTotals: true },
    modifyMessage: { ...group, message: { ...first, text: "another" }, revision: 1 },
    revokeMessage: { ...group, msgID: first.msgID, seq: first.seq, revokeReason: "typo" },
    deleteMessage: { ...group, msgID: first.msgID, seq: first.seq },
    setProfile: { conversation: { type: 2, groupID: "g1", showName: "Team 1" }, recipients: ["zoe"], revision: 1 },
    joinGroup: { conversation: { type: 2, groupID: "g2" }, recipients: ["zoe"], seq: 1, message: message(), sender: "alice" },
    markRead: { userID: "zoe", conversationID: "" },
    getConversationList: { userID: "zoe", count: 10 },
    getConversationListByFilter: { userID: "zoe", filter: { type: 2 }, count: 10 },
    getConversation: { userID: "zoe", conversationID: "group_g1" },
    getConversations: { userID: "zoe", conversationIDList: ["group_g1", "group_none"] },
    getTotalUnreadMessageCount: { userID: "zoe" },
    getUnreadMessageCountByFilter: { userID: "zoe", filter: {} },
    getConversationGroupList: { userID: "zoe" },
    getUserSessions: { userID: "zoe" },
    batch: [{ method: "markRead", params: { userID: "zoe", conversationID: "group_g1" } }, { method: "exportUser", params: { userID: "zoe" } },
      { method: "markRead", params: { userID: "zoe", conversationID: "group_none" } }],
    exportUser: { userID: "zoe" },
    deleteConversation: { recipients: ["zoe"], conversationID: "group_g2" },
    kickUser: { userID: "zoe" },
    deleteUser: { userID: "zoe" },
  };
  for (const [method, params] of Object.entries(called)) await backend(method, params);
  const exported = await backend("exportUser", { userID: "bob" });
  assert.ok(exported.conversationList.some((row) => row.markList.at(-1) === 2 ** 63));
  assert.equal((await backend("importConversations", { userID: "mia", ...exported })).applied, exported.conversationList.length);
  const imported = await backend("exportUser", { userID: "mia" });
  const marks = ({ conversationList }) => conversationList.map((row) => row.markList);
  assert.deepEqual(marks(imported), marks(exported), "marks survive JavaScript on their way");
  const results = (await backend("batch", called.batch)).resultList;
  checkResult("server", "exportUser", results[1].result);
  assert.ok(results[2].error);
  assert.deepEqual(Object.keys({ ...called, importConversations: 1 }).sort(), methods("server").sort(), "each method once");
});

test("every method of clients answers over HTTP what the documents say", async () => {
  await c2c("alice", "nina");
  await backend("sendMessage", { ...group, recipients: ["nina"], message: message({ atUserList: ["nina"] }) });
  const [id, ids] = ["c2c_alice", ["c2c_alice", "c2c_nobody"]];
  const called = {
    getConversationList: { nextSeq: 0, count: 2 ** 31 - 1 },
    getConversationListByFilter: { filter: { hasGroupAtInfo: true }, count: 10 },
    getConversation: { conversationID: "group_g1" },
    getConversations: { conversationIDList: ids },
    pinConversation: { conversationID: id, isPinned: true },
    setConversationDraft: { conversationID: id, draftText: "see you" },
    setReceiveMessageOpt: { conversationIDList: ids, recvOpt: 2 },
    markConversation: { conversationIDList: ids, markType: "4294967297", enableMark: true, ifVersion: 1 },
    setConversationCustomData: { conversationIDList: ids, customData: "{}" },
    cleanConversationUnreadMessageCount: { conversationID: "group", cleanTimestamp: 0, cleanSequence: 0 },
    getTotalUnreadMessageCount: {},
    getUnreadMessageCountByFilter: { filter: { type: 0, conversationGroup: "" } },
    createConversationGroup: { groupName: "Work" },
    addConversationsToGroup: { groupName: "Work", conversationIDList: ids },
    deleteConversationsFromGroup: { groupName: "Work", conversationIDList: ids },
    renameConversationGroup: { oldName: "Work", newName: "Office" },
    getConversationGroupList: {},
    deleteConversationGroup: { groupName: "Office" },
    probe: { cursor: "0:0" },
    clearHistoryMessage: { conversationID: id },
    deleteConversation: { conversationID: id },
    deleteConversationList: { conversationIDList: ids },
  };
  for (const [method, params] of Object.entries(called)) await overHttp("nina", method, params);
  const overHttpToo = methods("client").filter((method) => operation("client", method));
  assert.deepEqual(Object.keys(called).sort(), overHttpToo.sort(), "each method once");
  for (const method of methods("client").filter((method) => !operation("client", method))) {
    const params = { refreshToken: { token: "a" }, ping: {} }[method] ?? { filter: {} };
    const { status, json } = await gateway.post(`/v1/${method}`, await gateway.tokenOf("olga"), params);
    assert.equal(status, 404, `${method} is for WebSockets alone`);
    checkComponent("ErrorAnswer", json);
  }
});

const long = (length) => "x".repeat(length);
const manyIds = (count) => Array.from({ length: count }, (_, index) => `c2c_u${index}`);

/** Calls that both the schemas and the gateway refuse: side, method, params, status, code. */
const REFUSED = [
  ["client", "getConversation", {}, 400, 6017],
  ["client", "getConversation", { conversationID: "room_1" }, 400, 6017],
  ["client", "getConversation", { conversationID: "c2c_a b" }, 400, 6017],
  ["client", "getConversation", { conversationID: `c2c_${long(131)}` }, 400, 6017],
  ["client", "pinConversation", { conversationID: "c2c_a", isPinned: 1 }, 400, 6017],
  ["client", "pinConversation", { conversationID: "c2c_a", isPinned: true, force: true }, 400, 6017],
  ["client", "setReceiveMessageOpt", { conversationIDList: ["c2c_a"], recvOpt: 5 }, 400, 6017],
  ["client", "setReceiveMessageOpt", { conversationIDList: [], recvOpt: 0 }, 400, 6017],
  ["client", "setReceiveMessageOpt", { conversationIDList: manyIds(101), recvOpt: 0 }, 400, 51006],
  ["client", "setConversationDraft", { conversationID: "c2c_a", draftText: long(4097) }, 400, 6017],
  ["client", "setConversationCustomData", { conversationIDList: ["c2c_a"], customData: long(257) }, 400, 6017],
  ["client", "markConversation", { conversationIDList: ["c2c_a"], markType: 0, enableMark: true }, 400, 6017],
  ["client", "markConversation", { conversationIDList: ["c2c_a"], markType: [], enableMark: true }, 400, 6017],
  ["client", "markConversation", { conversationIDList: ["c2c_a"], markType: 2 ** 64, enableMark: true }, 400, 6017],
  ["client", "markConversation", { conversationIDList: ["c2c_a"], markType: "1e3", enableMark: true }, 400, 6017],
  ["client", "createConversationGroup", { groupName: "" }, 400, 51011],
  ["client", "createConversationGroup", { groupName: long(33) }, 400, 51011],
  ["client", "getUnreadMessageCountByFilter", { filter: { type: 3 } }, 400, 6017],
  ["client", "getUnreadMessageCountByFilter", { filter: { conversationGroup: null } }, 400, 6017],
  ["client", "getConversationList", { count: "all" }, 400, 6017],
  ["server", "sendMessage", { ...group, message: { msgID: "m", seq: 0, timestamp: now } }, 400, 6017],
  ["server", "sendMessage", { ...group, message: { msgID: "m", seq: 2 ** 53, timestamp: now } }, 400, 6017],
  ["server", "sendMessage", { ...group, message: { msgID: "m", seq: 1, timestamp: 2 ** 42 } }, 400, 6017],
  ["server", "sendMessage", { ...group, message: { msgID: "m", seq: 1, timestamp: now, nickName: long(1025) } }, 400, 6017],
  ["server", "sendMessage", { ...group, recipients: [], message: { msgID: "m", seq: 1, timestamp: now } }, 400, 6017],
  ["server", "kickUser", { userID: "a", device: long(65) }, 400, 6017],
  ["server", "importConversations", { userID: "a", conversationList: [{ conversationID: "c2c_b", conversationGroupList: [long(33)] }] }, 400, 51011],
  ["server", "batch", [], 400, 6017],
];

test("what the schemas refuse the gateway refuses too, with a status and a code of the documents", async () => {
  for (const [index, [side, method, params, status, code]] of REFUSED.entries()) {
    const what = `${method} ${JSON.stringify(params).slice(0, 120)}`;
    assert.throws(() => checkParams(side, method, params), undefined, `the schema lets pass: ${what}`);
    const path = side === "server" ? `/server/v1/${method}` : `/v1/${method}`;
    const answer = await gateway.post(path, side === "server" ? "dev" : await gateway.tokenOf(`refused${index}`), params);
    assert.deepEqual([answer.status, answer.json.error?.code], [status, code], what);
    checkComponent("ErrorAnswer", answer.json);
    assert.ok(String(status) in operation(side, method).responses, `${method} does not say ${status}`);
  }
});

test("the other failures are those of the documents", async () => {
  const token = await gateway.tokenOf("pia");
  const is = ({ status, json, retryAfter }, expected, method = "getConversation") => {
    checkComponent("ErrorAnswer", json);
    assert.deepEqual([status, json.error.code], expected, JSON.stringify(json));
    assert.ok(String(status) in operation("client", method).responses, `${method} does not say ${status}`);
    if (status === 429) assert.match(retryAfter, /^\d+$/);
  };
  const one = { conversationID: "c2c_none" };
  is(await gateway.post("/v1/getConversation", "no token", one), [401, 6014]);
  is(await gateway.post("/server/v1/exportUser", "no key", { userID: "a" }), [401, 6014]);
  is(await gateway.post("/v1/getConversation", token, one), [404, 6004]);
  is(await gateway.post("/v1/getConversation", token, long(70_000)), [413, 6017]);
  is(await gateway.post("/v1/pin", token, {}), [404, 6017]);
  await c2c("alice", "pia");
  is(await gateway.post("/v1/pinConversation", token, { conversationID: "c2c_alice", isPinned: true, ifVersion: 1 }), [400, 6017], "pinConversation");
  const page = { filter: {}, count: 1 };
  const pages = await Promise.all(Array.from({ length: 12 }, () => gateway.post("/v1/getConversationListByFilter", token, page)));
  is(pages.find(({ status }) => status === 429), [429, 7008], "getConversationListByFilter");
  const upgrade = await fetch(`${gateway.url}/v1/ws`);
  assert.equal(upgrade.status, 400);
  assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200);
  assert.equal((await fetch(`${gateway.url}/metrics`)).status, 200);
});

test("the end of a node is told, and nothing in this run was not as the documents say", async () => {
  const [socket, stream] = [await gateway.connect("rosa"), await gateway.listen("rosa")];
  gateway.drain();
  for (const session of [socket, stream]) await session.event("reconnect");
  await gateway.ended;
  assert.equal(socket.closed, 4200);
  assert.ok(stream.retry, "a retry: line stands before reconnect");
  assert.ok(asyncapi.channels.websocket["x-close-codes"].some(({ code }) => code === socket.closed));
  assert.deepEqual(faults, []);
  // These two need a token that expires, and a store that is away.
  const unseen = Object.keys(asyncapi.channels.events.messages).filter((name) => !seen.has(name)).sort();
  assert.deepEqual(unseen, ["syncServerFailed", "tokenExpired"]);
});
