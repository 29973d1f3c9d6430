// How the tabs of one browser share a session.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStorage } from "../src/storage/memory.js";
import type { ListStorage } from "../src/storage/storage.js";
import { World, heardBy, outcomeOf, row, settle, shown } from "./harness.js";

test("several tabs have one session, and all of them the list", async () => {
  const world = new World();
  const tabs = [world.tab(), world.tab(), world.tab()];
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  await connection.tell("newConversation", { conversationList: [row("bea", 9)] }, "e:9");
  assert.equal(world.connections.length, 1);
  for (const tab of tabs) {
    assert.deepEqual(shown(tab), ["bea", "ann"]);
    assert.equal(tab.getStatus().kind, "live");
  }
});

test("a tab that comes later gets what is there, also in the middle of a full sync", async () => {
  const world = new World();
  world.tab();
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  await connection.tell("syncServerStart", { mode: "full" });
  await connection.tell("newConversation", { conversationList: [row("bea", 9)] });
  const late = world.tab();
  await settle();
  assert.deepEqual(shown(late), ["ann"]);
  await connection.tell("syncServerFinish", { mode: "full", nextSeq: 0, isFinished: true, conversationGroupList: [], conversationCount: 1 }, "f:1");
  assert.deepEqual(shown(late), ["bea"]);
});

test("when the tab with the session closes, another one goes on from its own cursor", async () => {
  const world = new World();
  const [first, second] = [world.tab(), world.tab()];
  await (await world.connection()).full([row("ann", 5)], "e:5");
  await first!.close();
  const connection = await world.connection();
  assert.equal(world.connections.length, 2);
  assert.equal(connection.hello.since, "e:5");
  await connection.replay([row("bea", 9)], "e:9");
  assert.deepEqual(shown(second!), ["bea", "ann"]);
});

test("a third tab follows the new one, and rows keep their identity", async () => {
  const world = new World();
  const [first, , third] = [world.tab(), world.tab(), world.tab()];
  await (await world.connection()).full([row("ann", 5)], "e:5");
  const before = third!.list().getSnapshot().conversations[0];
  await first!.close();
  await (await world.connection()).replay([row("bea", 9)], "e:9");
  assert.deepEqual(shown(third!), ["bea", "ann"]);
  assert.equal(third!.list().getSnapshot().conversations[1], before);
});

test("calls of any tab go through the session, with their results and errors", async () => {
  const world = new World();
  const [, second] = [world.tab(), world.tab()];
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  const groups = second!.getConversationGroupList();
  await settle();
  await connection.asked("getConversationGroupList").answer({ conversationGroupList: ["Work"] });
  assert.deepEqual(await groups, { conversationGroupList: ["Work"] });
  const refused = second!.deleteConversationGroup({ groupName: "None" });
  refused.catch(() => {});
  await settle();
  await connection.asked("deleteConversationGroup").refuse({ code: 51009, message: "no such group" });
  await assert.rejects(refused, (error: any) => error.name === "CallError" && error.code === 51009);
});

test("a page that one tab loads is there in all", async () => {
  const world = new World();
  const [first, second] = [world.tab(), world.tab()];
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:5", { nextSeq: 50 });
  const loading = second!.list().loadMore();
  await settle();
  await connection.asked("getConversationList").answer({ conversationList: [row("bea", 40)], nextSeq: 40, isFinished: true });
  await loading;
  assert.deepEqual([shown(first!), shown(second!)], [["ann", "bea"], ["ann", "bea"]]);
});

test("a page that another tab's pages have overtaken does not move the edge back", async () => {
  const world = new World();
  const [first, second] = [world.tab(), world.tab()];
  const connection = await world.connection();
  await connection.full([row("ann", 50)], "e:5", { nextSeq: 50 });
  void first!.list().loadMore(1);
  void second!.list().loadMore(1).catch(() => {});
  await settle();
  const answer = (call: number) => connection.calls[call]!.answer({ conversationList: [row("bea", 40)], nextSeq: 40, isFinished: false });
  await answer(0);
  void first!.list().loadMore(1);
  await settle();
  await connection.asked("getConversationList").answer({ conversationList: [row("cat", 30)], nextSeq: 30, isFinished: true });
  await answer(1);
  assert.deepEqual([shown(first!), shown(second!)], [["ann", "bea", "cat"], ["ann", "bea", "cat"]]);
});

test("a call whose tab with the session closes is made by the next one", async () => {
  const world = new World();
  const [first, second] = [world.tab(), world.tab()];
  await (await world.connection()).full([row("ann", 5)], "e:5");
  const outcome = outcomeOf(second!.pinConversation({ conversationID: "c2c_ann", isPinned: true }));
  await settle();
  await first!.close();
  const connection = await world.connection();
  await connection.replay([], "e:6");
  await connection.asked("pinConversation").answer({});
  assert.deepEqual(outcome.value, {});
});

test("filters that any tab watches are told, and shown there", async () => {
  const world = new World();
  const [first, second] = [world.tab(), world.tab()];
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  const list = second!.list({ type: 1 });
  list.subscribe(() => {});
  await settle();
  await connection.asked("subscribeUnreadMessageCountByFilter").answer({ totalUnreadCount: 4, version: 5 });
  assert.equal(list.getSnapshot().totalUnreadCount, 4);
  await first!.close();
  assert.deepEqual((await world.connection()).hello.filters, [{ type: 1 }]);
});

test("a kick stops all tabs, and the next tab in line does not connect", async () => {
  const world = new World();
  const [first, second] = [world.tab(), world.tab()];
  const connection = await world.connection();
  await connection.full([], "e:5");
  const heard = heardBy(second!);
  await connection.tell("kickedOffline", { reason: "elsewhere" });
  await connection.close({ kind: "code", code: 4003 });
  assert.deepEqual(heard, ["kicked", "stopped"]);
  await first!.close();
  await world.clock.pass(60_000);
  assert.equal(world.connections.length, 1);
  await second!.connect();
  await settle();
  assert.equal(world.connections.length, 2);
});

test("a tab that becomes visible has the session probed", async () => {
  const world = new World();
  world.tab();
  world.tab();
  const connection = await world.connection();
  await connection.full([], "e:5");
  await world.pages[1]!.wake();
  assert.equal(connection.asked("probe").params.cursor, "e:5");
});

test("a frozen tab loses the session to one that is awake", async () => {
  const world = new World();
  const freeze = { isFrozen: false };
  world.tab({}, freeze);
  const second = world.tab();
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  freeze.isFrozen = true;
  await world.pages[1]!.wake();
  await world.clock.pass(5_000);
  const taken = await world.connection();
  assert.notEqual(taken, connection);
  assert.equal(taken.hello.since, "e:5");
  // The lock was stolen from it, and it has let go.
  assert.equal(connection.isEnded, true);
  await taken.replay([row("bea", 9)], "e:9");
  assert.deepEqual(shown(second), ["bea", "ann"]);
});

test("a tab that takes over saves all that it knows, and the other one nothing more", async () => {
  const storage = memoryStorage();
  const saves: string[] = [];
  // The first one is gone before anything of it is on the disk.
  const noting = (name: string): ListStorage => ({
    ...storage,
    save: async (list, change) => {
      saves.push(name);
      if (name === "second") await storage.save(list, change);
    },
  });
  const world = new World();
  const freeze = { isFrozen: false };
  world.tab({ storage: noting("first") }, freeze);
  world.tab({ storage: noting("second") });
  await (await world.connection()).full([row("ann", 5)], "e:5");
  freeze.isFrozen = true;
  await world.pages[1]!.wake();
  await world.clock.pass(5_000);
  const saved = saves.length;
  const taken = await world.connection();
  await taken.replay([row("bea", 9)], "e:9");
  await world.clock.pass(1_000);
  assert.deepEqual(saves.slice(saved), ["second"]);
  const stored = await storage.load("https://gateway.example bob");
  assert.deepEqual(stored!.rows.map(({ userID }) => userID).sort(), ["ann", "bea"]);
});

test("a call that waits in a tab which loses the session is answered", async () => {
  const world = new World();
  const freeze = { isFrozen: false };
  const first = world.tab({}, freeze);
  world.tab();
  await (await world.connection()).full([row("ann", 5)], "e:5");
  await (await world.connection()).cut();
  const outcome = outcomeOf(first.pinConversation({ conversationID: "c2c_ann", isPinned: true }));
  freeze.isFrozen = true;
  await world.pages[1]!.wake();
  await world.clock.pass(5_000);
  assert.equal(outcome.value, "ConnectionError: another tab took over");
});

test("a tab that missed something asks for the state", async () => {
  const world = new World();
  const freeze = { isFrozen: false };
  world.tab();
  const second = world.tab({}, freeze);
  world.tab();
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  const call = outcomeOf(second.getConversationGroupList());
  await settle();
  freeze.isFrozen = true;
  await connection.tell("newConversation", { conversationList: [row("bea", 9)] }, "e:9");
  freeze.isFrozen = false;
  // Another tab hears that it has missed nothing.
  await world.pages[2]!.wake();
  await connection.tell("newConversation", { conversationList: [row("cat", 10)] }, "e:10");
  assert.deepEqual(shown(second), ["cat", "bea", "ann"]);
  assert.deepEqual(connection.calls.map(({ method }) => method), ["getConversationGroupList", "probe"]);
  await connection.calls[0]!.answer({ conversationGroupList: [] });
  assert.deepEqual(call.value, { conversationGroupList: [] });
});

test("users of one browser do not hear each other", async () => {
  const world = new World();
  const bob = world.tab();
  const connection = await world.connection();
  world.token = () => `h.${Buffer.from('{"sub":"carol"}').toString("base64url")}.s`;
  const carol = world.tab({ userID: "carol" });
  await settle();
  assert.equal(world.connections.length, 2);
  await connection.full([row("ann", 5)], "e:5");
  assert.deepEqual([shown(bob), shown(carol)], [["ann"], []]);
});

test("a tab that will not share has a session of its own", async () => {
  const world = new World();
  world.tab();
  world.tab({ isShared: false });
  await settle();
  assert.equal(world.connections.length, 2);
});

test("who stops looking after the end, or begins to, does no harm", async () => {
  const world = new World();
  const client = world.tab();
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:5");
  const end = client.list({ type: 1 }).subscribe(() => {});
  await client.close();
  end();
  client.list({ type: 2 }).subscribe(() => {});
  assert.deepEqual(shown(client), ["ann"]);
});
