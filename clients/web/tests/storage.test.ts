// What survives a reload.

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { test } from "node:test";
import { indexedDBStorage } from "../src/storage/indexeddb.js";
import { memoryStorage } from "../src/storage/memory.js";
import type { ListStorage, StoredState } from "../src/storage/storage.js";
import { World, row, settle, shown, tokenOf } from "./harness.js";

const LIST = "https://gateway.example bob";
const state = (cursor: string): StoredState => ({ cursor, edge: 0, total: null, groups: [], outbox: [] });

let databases = 0;
const STORAGES: [string, () => ListStorage][] = [
  ["memory", memoryStorage],
  ["IndexedDB", () => indexedDBStorage(`list-${(databases += 1)}`)],
];

for (const [name, make] of STORAGES) {
  test(`${name}: rows and state are saved together, changed, replaced and removed`, async () => {
    const storage = make();
    assert.equal(await storage.load(LIST), undefined);
    await storage.save(LIST, { isWhole: true, put: [row("ann", 1), row("bea", 2)], remove: [], state: state("e:2") });
    await storage.save("another", { isWhole: true, put: [row("zoe", 1)], remove: [], state: state("z:1") });
    await storage.save(LIST, { isWhole: false, put: [row("cat", 3)], remove: ["c2c_ann"], state: state("e:3") });
    const ids = async (list: string) => (await storage.load(list))?.rows.map(({ userID }) => userID).sort();
    assert.deepEqual(await ids(LIST), ["bea", "cat"]);
    assert.deepEqual((await storage.load(LIST))!.state, state("e:3"));
    await storage.save(LIST, { isWhole: true, put: [row("dan", 4)], remove: [], state: state("e:4") });
    assert.deepEqual(await ids(LIST), ["dan"]);
    await storage.remove(LIST);
    assert.equal(await storage.load(LIST), undefined);
    assert.deepEqual(await ids("another"), ["zoe"]);
  });

  test(`${name}: a reload shows the list before anybody connects, and resumes by its cursor`, async () => {
    const storage = make();
    const world = new World();
    const { client, connection } = await world.live([row("ann", 5), row("bea", 4)], { storage });
    await connection.tell("conversationDeleted", { conversationIDList: ["c2c_bea"], version: 8 }, "e:8");
    await client.close();
    world.token = () => new Promise(() => {});
    const reloaded = world.client({ storage });
    for (let turn = 0; turn < 10; turn += 1) await settle();
    assert.deepEqual(shown(reloaded), ["ann"]);
    world.token = () => tokenOf("bob");
    const third = world.client({ storage });
    for (let turn = 0; turn < 10; turn += 1) await settle();
    const resumed = await world.connection();
    assert.equal(resumed.hello.since, "e:8");
    await resumed.replay([row("cat", 9)], "e:9");
    assert.deepEqual(shown(third), ["cat", "ann"]);
  });
}

test("what comes is written at once, what follows within a second, and at once when the page hides", async () => {
  const storage = memoryStorage();
  const world = new World();
  const { connection } = await world.live([row("ann", 5)], { storage });
  await world.clock.pass(1);
  const saved = async () => (await storage.load(LIST))?.state.cursor;
  assert.equal(await saved(), "e:1");
  await connection.tell("conversationChanged", { conversationList: [row("ann", 8)] }, "e:8");
  await world.clock.pass(100);
  assert.equal(await saved(), "e:1");
  await world.clock.pass(900);
  assert.equal(await saved(), "e:8");
  await connection.tell("conversationChanged", { conversationList: [row("ann", 9)] }, "e:9");
  await world.page.hide();
  assert.equal(await saved(), "e:9");
});

test("IndexedDB: a write does not wait for a page that goes", async (context) => {
  const { mock } = context.mock.method(IDBTransaction.prototype, "commit");
  await indexedDBStorage("going").save(LIST, { isWhole: true, put: [row("ann", 1)], remove: [], state: state("e:1") });
  assert.equal(mock.callCount(), 1);
});

test("a full sync under way is not saved, and neither is a list without a cursor", async () => {
  const storage = memoryStorage();
  const world = new World();
  const client = world.client({ storage });
  client.pinConversation({ conversationID: "c2c_ann", isPinned: true }).catch(() => {});
  const connection = await world.connection();
  await connection.tell("syncServerStart", { mode: "full" });
  await connection.tell("newConversation", { conversationList: [row("ann", 5)] });
  await world.page.hide();
  await world.clock.pass(5_000);
  assert.equal(await storage.load(LIST), undefined);
});

test("only what changed is written", async () => {
  const puts: string[][] = [];
  const storage = memoryStorage();
  const watched: ListStorage = { ...storage, save: (list, change) => (puts.push(change.put.map(({ userID }) => userID!)), storage.save(list, change)) };
  const world = new World();
  const { connection } = await world.live([row("ann", 5), row("bea", 4)], { storage: watched });
  await world.clock.pass(1_000);
  await connection.tell("conversationChanged", { conversationList: [row("bea", 9)] }, "e:9");
  await world.clock.pass(1_000);
  assert.deepEqual(puts, [["ann", "bea"], ["bea"]]);
});

test("after a write that failed the next one is whole", async () => {
  const storage = memoryStorage();
  let isFull = false;
  const flaky: ListStorage = { ...storage, save: (list, change) => (isFull ? Promise.reject(new Error("quota")) : storage.save(list, change)) };
  const world = new World();
  const { connection } = await world.live([row("ann", 5)], { storage: flaky });
  await world.clock.pass(1_000);
  isFull = true;
  await connection.tell("newConversation", { conversationList: [row("bea", 8)] }, "e:8");
  await world.clock.pass(1_000);
  isFull = false;
  await connection.tell("newConversation", { conversationList: [row("cat", 9)] }, "e:9");
  await world.clock.pass(1_000);
  const stored = await storage.load(LIST);
  assert.deepEqual([stored!.rows.length, stored!.state.cursor], [3, "e:9"]);
});

test("a storage that cannot be read costs a full sync, nothing else", async () => {
  const broken: ListStorage = {
    load: () => Promise.reject(new Error("private mode")),
    save: () => Promise.reject(new Error("private mode")),
    remove: () => Promise.resolve(),
  };
  const world = new World();
  const { client, connection } = await world.live([row("ann", 5)], { storage: broken });
  assert.equal(connection.hello.since, null);
  await world.clock.pass(1_000);
  assert.deepEqual(shown(client), ["ann"]);
});

test("each user has a list of their own, and forgetting drops it", async () => {
  const storage = memoryStorage();
  const world = new World();
  const { client } = await world.live([row("ann", 5)], { storage });
  await client.close();
  world.token = () => tokenOf("carol");
  const carol = world.client({ storage, userID: "carol" });
  assert.equal((await world.connection()).hello.since, null);
  assert.deepEqual(shown(carol), []);
  world.token = () => tokenOf("bob");
  const bob = world.client({ storage });
  await settle();
  assert.deepEqual(shown(bob), ["ann"]);
  await bob.forget();
  assert.equal(await storage.load(LIST), undefined);
});

test("without a userID a token says whose list it is", async () => {
  const world = new World();
  const { userID, ...options } = { userID: undefined, storage: memoryStorage() };
  const client = world.client({ ...options, userID } as {});
  const connection = await world.connection();
  await connection.full([row("ann", 5)], "e:1");
  await client.close();
  assert.equal((await options.storage.load(LIST))!.state.cursor, "e:1");
});
