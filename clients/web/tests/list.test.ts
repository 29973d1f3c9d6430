// What a live list promises to those who draw it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Conversation } from "../src/protocol.js";
import { World, row, settle } from "./harness.js";

test("the snapshot is the same object while nothing differs", async () => {
  const { client, connection } = await new World().live([row("ann", 5)]);
  const list = client.list();
  let calls = 0;
  list.subscribe(() => (calls += 1));
  const before = list.getSnapshot();
  await connection.tell("conversationChanged", { conversationList: [row("ann", 5)] }, "e:5");
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 0, version: 2 }, "e:6");
  assert.equal(list.getSnapshot(), before);
  assert.equal(calls, 0);
});

test("rows that did not change keep their identity, over a change and over a full sync", async () => {
  const { client, connection } = await new World().live([row("ann", 5), row("bea", 4)]);
  const [ann, bea] = client.list().getSnapshot().conversations;
  await connection.tell("conversationChanged", { conversationList: [row("bea", 9)] }, "e:9");
  const moved = client.list().getSnapshot().conversations;
  assert.equal(moved[1], ann);
  assert.notEqual(moved[0], bea);
  await connection.full([row("bea", 9), row("ann", 5)], "f:1");
  assert.equal(client.list().getSnapshot().conversations, moved);
});

test("an old snapshot stays as it was", async () => {
  const { client, connection } = await new World().live([row("ann", 5)]);
  const before = client.list().getSnapshot();
  await connection.tell("newConversation", { conversationList: [row("bea", 9)] }, "e:9");
  assert.deepEqual(before.conversations.map(({ userID }) => userID), ["ann"]);
});

test("rows and total change together, at a cursor", async () => {
  const { client, connection } = await new World().live([row("ann", 5)]);
  const seen: unknown[] = [];
  client.list().subscribe(() => {
    const { conversations, totalUnreadCount } = client.list().getSnapshot();
    seen.push([conversations[0]!.unreadCount, totalUnreadCount]);
  });
  await connection.tell("conversationChanged", { conversationList: [row("ann", 9, { unreadCount: 1 })] });
  await connection.tell("totalUnreadMessageCountChanged", { totalUnreadCount: 1, version: 9 }, "e:9");
  assert.deepEqual(seen, [[1, 1]]);
});

test("whoever unsubscribed hears nothing, and the same function may subscribe twice", async () => {
  const { client, connection } = await new World().live([]);
  let calls = 0;
  const count = () => void (calls += 1);
  const offs = [client.list().subscribe(count), client.list().subscribe(count)];
  offs[0]!();
  await connection.tell("newConversation", { conversationList: [row("ann", 9)] }, "e:9");
  offs[1]!();
  await connection.tell("newConversation", { conversationList: [row("bea", 10)] }, "e:10");
  assert.equal(calls, 1);
});

test("a subscriber that throws keeps nobody from what came", async () => {
  const world = new World();
  const client = world.client();
  const thrown: unknown[] = [];
  globalThis.reportError = (error) => void thrown.push(error);
  client.list().subscribe(() => { throw new Error("broken"); });
  let calls = 0;
  client.list().subscribe(() => (calls += 1));
  await (await world.connection()).full([row("ann", 5)], "e:5");
  assert.equal(client.getStatus().kind, "live");
  assert.equal(calls, thrown.length);
  assert.equal(calls > 0, true);
});

test("a filter shows the rows that pass, and one object serves all ways to write it", async () => {
  const rows = [
    row("ann", 5, { markList: [1, 2 ** 63], unreadCount: 1 }), row("bea", 4, { markList: [2 ** 32] }),
    row("cat", 3, { conversationGroupList: ["Work"], groupAtInfoList: [{ seq: 1, atType: 1 }] }),
  ];
  const { client } = await new World().live(rows);
  const passing = (filter: Parameters<typeof client.list>[0]) => client.list(filter).getSnapshot().conversations.map(({ userID }) => userID);
  assert.deepEqual(passing({ markType: "9223372036854775808" }), ["ann"]);
  assert.deepEqual(passing({ markType: [2 ** 63, "4294967296"] }), ["ann", "bea"]);
  assert.deepEqual(passing({ markType: 0 }), ["cat"]);
  assert.deepEqual(passing({ conversationGroup: "" }), ["ann", "bea"]);
  assert.deepEqual(passing({ conversationGroup: "Work" }), ["cat"]);
  assert.deepEqual(passing({ hasUnreadCount: false, type: 1 }), ["bea", "cat"]);
  assert.deepEqual(passing({ hasGroupAtInfo: true }), ["cat"]);
  assert.deepEqual(passing({ type: 2 }), []);
  assert.equal(client.list({ markType: 3, type: 0 }), client.list({ markType: [2, "1"] }));
  assert.equal(client.list({ type: 0 }), client.list());
});

test("a row comes into a filter's list and leaves it as it changes", async () => {
  const { client, connection } = await new World().live([row("ann", 5)]);
  const unread = client.list({ hasUnreadCount: true });
  await connection.tell("conversationChanged", { conversationList: [row("ann", 6, { unreadCount: 1 })] }, "e:6");
  assert.equal(unread.getSnapshot().conversations.length, 1);
  await connection.tell("conversationChanged", { conversationList: [row("ann", 7)] }, "e:7");
  assert.equal(unread.getSnapshot().conversations.length, 0);
});

test("a filter pages by itself below the edge of the list", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50, { unreadCount: 1 })], "e:50", { nextSeq: 50 });
  const filter = { hasUnreadCount: true };
  const unread = client.list(filter);
  const loading = unread.loadMore(5);
  await settle();
  const asked = connection.asked("getConversationListByFilter");
  assert.deepEqual(asked.params, { filter, nextSeq: 50, count: 5 });
  await asked.answer({ conversationList: [row("low", 10, { unreadCount: 2 })], nextSeq: 10, isFinished: true });
  await loading;
  assert.deepEqual(unread.getSnapshot().conversations.map(({ userID }) => userID), ["ann", "low"]);
  assert.equal(unread.getSnapshot().isFinished, true);
  assert.deepEqual(client.list().getSnapshot().conversations.map(({ userID }) => userID), ["ann"]);
  await connection.full([row("ann", 50, { unreadCount: 1 })], "f:50", { nextSeq: 50 });
  assert.equal(unread.getSnapshot().isFinished, false);
});

test("calls of loadMore at the same time are one", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:50", { nextSeq: 50 });
  assert.equal(client.list().loadMore(), client.list().loadMore());
  await settle();
  assert.equal(connection.calls.length, 1);
});

test("a filter's total is told while somebody looks, also after a reconnect", async () => {
  const world = new World();
  const { client, connection } = await world.live([]);
  const filter = { type: 2 } as const;
  const list = client.list(filter);
  const off = list.subscribe(() => {});
  await settle();
  await connection.asked("subscribeUnreadMessageCountByFilter").answer({ totalUnreadCount: 3, version: 5 });
  assert.equal(list.getSnapshot().totalUnreadCount, 3);
  await connection.tell("unreadMessageCountChangedByFilter", { filter: { type: 2 }, totalUnreadCount: 4, version: 6 }, "e:6");
  assert.equal(list.getSnapshot().totalUnreadCount, 4);
  await connection.tell("unreadMessageCountChangedByFilter", { filter: { type: 2 }, totalUnreadCount: 9, version: 5 }, "e:6");
  assert.equal(list.getSnapshot().totalUnreadCount, 4);
  // Another data set may have lower versions.
  await connection.full([], "f:1");
  await connection.tell("unreadMessageCountChangedByFilter", { filter: { type: 2 }, totalUnreadCount: 1, version: 2 }, "f:2");
  assert.equal(list.getSnapshot().totalUnreadCount, 1);
  await connection.cut();
  await world.clock.pass(1_000);
  const second = await world.connection();
  assert.deepEqual(second.hello.filters, [filter]);
  await second.replay([], "e:7");
  assert.equal(second.calls.length, 0);
  off();
  assert.deepEqual(second.asked("unsubscribeUnreadMessageCountByFilter").params, { filter });
});

test("group names follow the notices, and every finish says them anew", async () => {
  const { client, connection } = await new World().live([]);
  const names = () => client.list().getSnapshot().conversationGroupList;
  await connection.tell("conversationGroupCreated", { groupName: "Work", conversationIDList: [] }, "e:2");
  await connection.tell("conversationGroupCreated", { groupName: "Family", conversationIDList: [] }, "e:3");
  await connection.tell("conversationGroupNameChanged", { oldName: "Work", newName: "Office" }, "e:4");
  assert.deepEqual(names(), ["Office", "Family"]);
  await connection.tell("conversationGroupDeleted", { groupName: "Office" }, "e:5");
  assert.deepEqual(names(), ["Family"]);
  await connection.full([], "e:6");
  assert.deepEqual(names(), []);
});

test("a random course of changes gives the same list as sorting it all", async () => {
  const { client, connection } = await new World().live([]);
  let seed = 7;
  const draw = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  const truth = new Map<string, Conversation>();
  for (let version = 2; version < 400; version += 1) {
    const id = `u${draw(30)}`;
    if (draw(5) === 0) {
      truth.delete(`c2c_${id}`);
      await connection.tell("conversationDeleted", { conversationIDList: [`c2c_${id}`], version }, `e:${version}`);
    } else {
      const changed = row(id, version, { orderKey: draw(20) });
      truth.set(changed.conversationID, changed);
      await connection.tell("conversationChanged", { conversationList: [changed] }, `e:${version}`);
    }
  }
  const expected = [...truth.values()].sort((a, b) => b.orderKey - a.orderKey || (a.conversationID < b.conversationID ? 1 : -1));
  assert.deepEqual(client.list().getSnapshot().conversations, expected);
});
