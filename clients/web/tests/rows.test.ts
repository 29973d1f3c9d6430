// The rules of PROTOCOL.md, "What a client does", seen on the list.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { PageResult } from "../src/protocol.js";
import { World, heardBy, outcomeOf, row, settle, shown } from "./harness.js";

const page = (rows: PageResult["conversationList"], nextSeq: number, isFinished = false): PageResult =>
  ({ conversationList: rows, nextSeq, isFinished });

test("rows stand by orderKey, equal ones by conversationID, both falling", async () => {
  const { client } = await new World().live([row("ann", 5), row("zoe", 7), row("bea", 5, { version: 6 })]);
  assert.deepEqual(shown(client), ["zoe", "bea", "ann"]);
});

test("a row that is not newer is dropped, and new and changed are both upserts", async () => {
  const { client, connection } = await new World().live([row("ann", 5)]);
  await connection.tell("conversationChanged", { conversationList: [row("ann", 4, { showName: "old" }), row("new", 9)] }, "e:9");
  assert.deepEqual(client.list().getSnapshot().conversations.map(({ showName }) => showName), ["new", "ann"]);
});

test("a deletion keeps late rows out, but not newer ones", async () => {
  const { client, connection } = await new World().live([row("ann", 5), row("bea", 4)]);
  await connection.tell("conversationDeleted", { conversationIDList: ["c2c_ann"], version: 8 }, "e:8");
  await connection.tell("conversationChanged", { conversationList: [row("ann", 8)] }, "e:8");
  assert.deepEqual(shown(client), ["bea"]);
  await connection.tell("newConversation", { conversationList: [row("ann", 9)] }, "e:9");
  assert.deepEqual(shown(client), ["ann", "bea"]);
});

test("as many deletions are remembered as the gateway keeps, the newest ones", async () => {
  const { client, connection } = await new World().live([]);
  for (let deleted = 0; deleted <= 1000; deleted += 100) {
    const ids = Array.from({ length: 100 }, (_, place) => `c2c_u${deleted + place}`);
    await connection.tell("conversationDeleted", { conversationIDList: ids, version: 10 + deleted }, "e:9");
  }
  await connection.tell("newConversation", { conversationList: [row("u0", 5), row("u1099", 5)] }, "e:9");
  assert.deepEqual(shown(client), ["u0"]);
});

test("a deletion that is older than the row does not remove it", async () => {
  const { client, connection } = await new World().live([row("ann", 5)]);
  await connection.tell("conversationDeleted", { conversationIDList: ["c2c_ann"], version: 4 }, "e:6");
  assert.deepEqual(shown(client), ["ann"]);
});

test("a deletion that overtakes the answer of a page keeps the row out", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  const loading = client.list().loadMore();
  await settle();
  await connection.tell("conversationDeleted", { conversationIDList: ["c2c_bea"], version: 60 }, "e:60");
  await connection.asked("getConversationList").answer(page([row("bea", 40), row("cat", 30)], 30, true));
  await loading;
  assert.deepEqual(shown(client), ["ann", "cat"]);
});

test("the old list stays until a full sync finishes, which then replaces it", async () => {
  const world = new World();
  const { client, connection } = await world.live([row("ann", 5), row("bea", 4)]);
  await connection.cut();
  await world.clock.pass(1_000);
  const second = await world.connection();
  await second.tell("syncServerStart", { mode: "full" });
  // Another data set may have lower versions.
  await second.tell("newConversation", { conversationList: [row("ann", 2, { showName: "anew" })] });
  assert.deepEqual(shown(client), ["ann", "bea"]);
  await second.tell("syncServerFinish", { mode: "full", nextSeq: 0, isFinished: true, conversationGroupList: [], conversationCount: 1 }, "f:2");
  assert.deepEqual(client.list().getSnapshot().conversations.map(({ showName }) => showName), ["anew"]);
});

test("a full sync that is cut or fails leaves everything as it was", async () => {
  const world = new World();
  const { client, connection } = await world.live([row("ann", 5)]);
  await connection.tell("syncServerStart", { mode: "full" });
  await connection.tell("newConversation", { conversationList: [row("bea", 9)] });
  await connection.tell("syncServerFailed", { code: 50004, message: "later", retryAfterMs: 5 });
  assert.deepEqual(shown(client), ["ann"]);
  await connection.tell("syncServerStart", { mode: "full" });
  await connection.tell("newConversation", { conversationList: [row("bea", 9)] });
  await connection.cut();
  await world.clock.pass(1_000);
  const second = await world.connection();
  assert.equal(second.hello.since, "e:1");
  await second.replay([row("cat", 7)], "e:7");
  assert.deepEqual(shown(client), ["cat", "ann"]);
});

test("totals are dropped where they are not newer, and begin anew with a full sync", async () => {
  const { client, connection } = await new World().live([row("ann", 5)]);
  const total = () => client.list().getSnapshot().totalUnreadCount;
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 3, version: 9 }, "e:9");
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 1, version: 8 }, "e:9");
  assert.equal(total(), 3);
  await connection.full([row("ann", 5)], "f:1", { total: 2 });
  assert.equal(total(), 2);
});

test("rows below the edge are kept and not shown until they are paged", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  await connection.tell("conversationChanged", { conversationList: [row("low", 60, { orderKey: 20 })] }, "e:60");
  assert.deepEqual(shown(client), ["ann"]);
  assert.equal(client.list().getSnapshot().isFinished, false);
  const loading = client.list().loadMore();
  await settle();
  assert.deepEqual(connection.asked("getConversationList").params, { nextSeq: 50, count: 50 });
  // The page is older than the event.
  await connection.asked("getConversationList").answer(page([row("mid", 30), row("low", 20, { showName: "old" })], 20, true));
  await loading;
  assert.deepEqual(client.list().getSnapshot().conversations.map(({ showName }) => showName), ["ann", "mid", "low"]);
  assert.equal(client.list().getSnapshot().isFinished, true);
});

test("a row that moves while pages are loaded is shown once", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  const loading = client.list().loadMore(10);
  await settle();
  await connection.tell("conversationChanged", { conversationList: [row("bea", 70)] }, "e:70");
  await connection.asked("getConversationList").answer(page([row("bea", 40), row("cat", 30)], 30, true));
  await loading;
  assert.deepEqual(shown(client), ["bea", "ann", "cat"]);
});

test("an empty page is not the end, and a failed one can be asked for again", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  const failed = outcomeOf(client.list().loadMore(1));
  await settle();
  await connection.asked("getConversationList").refuse({ code: 50004, message: "later" });
  assert.equal(failed.value, "CallError: later");
  const loading = client.list().loadMore(1);
  await settle();
  await connection.asked("getConversationList").answer(page([], 45));
  assert.equal(connection.asked("getConversationList").params.nextSeq, 45);
  await connection.asked("getConversationList").answer(page([row("bea", 40)], 40));
  await loading;
  assert.deepEqual(shown(client), ["ann", "bea"]);
});

test("a page that does not advance is an error, not an endless loop", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  const loading = outcomeOf(client.list().loadMore());
  await settle();
  await connection.asked("getConversationList").answer(page([], 50));
  assert.equal(loading.value, "ConnectionError: the page did not advance");
});

test("a page that was asked for before a full sync brings nothing", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  void client.list().loadMore(1).catch(() => {});
  await settle();
  await connection.full([row("ann", 50)], "f:50", { nextSeq: 50 });
  await connection.calls[0]!.answer(page([row("gone", 40)], 40));
  assert.deepEqual(shown(client), ["ann"]);
});

test("a replay does not move the edge", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  await connection.cut();
  await world.clock.pass(1_000);
  const second = await world.connection();
  await second.replay([row("low", 60, { orderKey: 20 })], "e:60");
  assert.deepEqual(shown(client), ["ann"]);
});

test("listeners hear the SDK's events, and one that throws keeps nobody from them", async () => {
  const world = new World();
  const client = world.client();
  const thrown: unknown[] = [];
  globalThis.reportError = (error) => void thrown.push(error);
  client.addConversationListener({ onNewConversation: () => { throw new Error("broken"); } });
  const heard = heardBy(client);
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  await connection.tell("conversationDeleted", { conversationIDList: ["c2c_ann"], version: 8 }, "e:8");
  assert.deepEqual(heard, ["start", "syncing", "new", "total", "finish", "live", "deleted"]);
  assert.equal(thrown.length, 1);
  assert.deepEqual(shown(client), []);
});

test("an event of a later version is ignored, and its cursor is taken", async () => {
  const world = new World();
  const { client, connection } = await world.live([row("ann", 5)]);
  await connection.tell("conversationExploded" as "tokenExpired", {}, "e:6");
  assert.deepEqual(shown(client), ["ann"]);
  await connection.cut();
  await world.clock.pass(1_000);
  assert.equal((await world.connection()).hello.since, "e:6");
});
