// What becomes of calls that are made offline.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStorage } from "../src/storage/memory.js";
import { World, outcomeOf, row, rowWithMessage, settle } from "./harness.js";

/** A client with these rows that is offline. */
async function offline(rows: Parameters<World["live"]>[0], options: Parameters<World["live"]>[1] = {}) {
  const world = new World();
  const { client, connection } = await world.live(rows, options);
  await connection.cut();
  return { world, client };
}

/** Comes back, with these rows changed meanwhile. */
async function resume(world: World, rows: Parameters<World["live"]>[0]) {
  await world.clock.pass(1_000);
  const connection = await world.connection();
  await connection.tell("syncServerStart", { mode: "replay" });
  assert.deepEqual(connection.calls, [], "nothing is sent before the finish");
  await connection.replay(rows, "e:100");
  return connection;
}

const pin = (isPinned: boolean) => ({ conversationID: "c2c_ann", isPinned });

test("a read, a pin and a draft wait for the resume and are sent in their order", async () => {
  const { world, client } = await offline([rowWithMessage("ann", 5, 7)]);
  const outcomes = [
    outcomeOf(client.cleanConversationUnreadMessageCount({ conversationID: "c2c_ann", cleanSequence: 6 })),
    outcomeOf(client.pinConversation(pin(true))),
    outcomeOf(client.setConversationDraft({ conversationID: "c2c_ann", draftText: "hi" })),
  ];
  const connection = await resume(world, []);
  for (let sent = 0; sent < 3; sent += 1) await connection.calls[sent]!.answer({});
  assert.deepEqual(connection.calls.map(({ method, params }) => [method, params]), [
    ["cleanConversationUnreadMessageCount", { conversationID: "c2c_ann", cleanSequence: 6 }],
    ["pinConversation", { ...pin(true), ifVersion: 5 }],
    ["setConversationDraft", { conversationID: "c2c_ann", draftText: "hi", ifVersion: 5 }],
  ]);
  assert.deepEqual(outcomes.map(({ value }) => value), [{}, {}, {}]);
});

test("only the newest call of its kind for a row is sent, and all callers hear of it", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const drafts = ["a", "ab", "abc"].map((draftText) => outcomeOf(client.setConversationDraft({ conversationID: "c2c_ann", draftText })));
  await settle();
  const connection = await resume(world, []);
  assert.equal(connection.asked("setConversationDraft").params.draftText, "abc");
  await connection.calls[0]!.answer({});
  assert.equal(connection.calls.length, 1);
  assert.deepEqual(drafts.map(({ value }) => value), [{}, {}, {}]);
});

test("a read of everything in a row means what was there to see", async () => {
  const { world, client } = await offline([rowWithMessage("ann", 5, 7)]);
  void client.cleanConversationUnreadMessageCount({ conversationID: "c2c_ann" });
  const connection = await resume(world, [rowWithMessage("ann", 9, 8)]);
  assert.equal(connection.asked("cleanConversationUnreadMessageCount").params.cleanSequence, 7);
});

test("a row that changed otherwise meanwhile is no conflict", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  void client.pinConversation(pin(true));
  const connection = await resume(world, [row("ann", 9, { showName: "Ann" })]);
  assert.deepEqual(connection.asked("pinConversation").params, { ...pin(true), ifVersion: 9 });
});

test("what another device changed meanwhile wins, and the caller is told with the row", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const draft = client.setConversationDraft({ conversationID: "c2c_ann", draftText: "mine" });
  draft.catch(() => {});
  await settle();
  const connection = await resume(world, [row("ann", 9, { draftText: "theirs", draftTimestamp: 3 })]);
  await assert.rejects(draft, (error: any) => error.name === "CallError" && error.code === 6017 && error.conversation.draftText === "theirs");
  assert.equal(connection.calls.length, 0);
});

test("a row that was deleted meanwhile is not made again", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const outcome = outcomeOf(client.pinConversation(pin(true)));
  await settle();
  await world.clock.pass(1_000);
  const connection = await world.connection();
  await connection.tell("syncServerStart", { mode: "replay" });
  await connection.tell("conversationDeleted", { conversationIDList: ["c2c_ann"], version: 9 }, "e:9");
  await connection.replay([], "e:9");
  assert.match(String(outcome.value), /has changed since/);
  assert.equal(connection.calls.length, 0);
});

test("what has been done meanwhile is not done again", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const outcome = outcomeOf(client.pinConversation(pin(true)));
  await settle();
  const connection = await resume(world, [row("ann", 9, { isPinned: true })]);
  assert.deepEqual(outcome.value, {});
  assert.equal(connection.calls.length, 0);
});

test("a change that overtakes the call is looked at again", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const outcome = outcomeOf(client.pinConversation(pin(true)));
  await settle();
  const connection = await resume(world, []);
  await connection.asked("pinConversation").refuse({ code: 6017, message: "ifVersion: …", conversation: row("ann", 12) });
  assert.deepEqual(connection.asked("pinConversation").params, { ...pin(true), ifVersion: 12 });
  await connection.asked("pinConversation").answer({});
  assert.deepEqual(outcome.value, {});
});

test("an ifVersion of the caller is kept", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  void client.pinConversation({ ...pin(true), ifVersion: 3 }).catch(() => {});
  const connection = await resume(world, [row("ann", 9)]);
  assert.equal(connection.asked("pinConversation").params.ifVersion, 3);
});

test("a call that was on its way when the connection ended is repeated", async () => {
  const world = new World();
  const { client, connection } = await world.live([row("ann", 5)]);
  const outcome = outcomeOf(client.pinConversation(pin(true)));
  await settle();
  assert.deepEqual(connection.asked("pinConversation").params, pin(true));
  await connection.cut();
  const second = await resume(world, []);
  await second.asked("pinConversation").answer({});
  assert.deepEqual(outcome.value, {});
});

test("a call of ours that was made without an answer is no conflict for the next one", async () => {
  const world = new World();
  const { client, connection } = await world.live([row("ann", 5)]);
  const draft = (draftText: string) => outcomeOf(client.setConversationDraft({ conversationID: "c2c_ann", draftText }));
  const first = draft("a");
  await settle();
  await connection.cut();
  const second = draft("ab");
  await settle();
  const resumed = await resume(world, [row("ann", 9, { draftText: "a", draftTimestamp: 3 })]);
  assert.deepEqual(resumed.asked("setConversationDraft").params, { conversationID: "c2c_ann", draftText: "ab", ifVersion: 9 });
  await resumed.calls[0]!.answer({});
  assert.deepEqual([first.value, second.value], [{}, {}]);
});

test("the same holds for one whose connection ended while it was sent after a resume", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const draft = (draftText: string) => outcomeOf(client.setConversationDraft({ conversationID: "c2c_ann", draftText }));
  draft("a");
  await settle();
  const connection = await resume(world, []);
  assert.equal(connection.calls.length, 1);
  await connection.cut();
  const second = draft("ab");
  await settle();
  const resumed = await resume(world, [row("ann", 9, { draftText: "a", draftTimestamp: 3 })]);
  await resumed.asked("setConversationDraft").answer({});
  assert.deepEqual(second.value, {});
});

test("what another device wrote is a conflict, though an older call that was never sent wanted the same", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const drafts = ["a", "ab"].map((draftText) => outcomeOf(client.setConversationDraft({ conversationID: "c2c_ann", draftText })));
  await settle();
  const connection = await resume(world, [row("ann", 9, { draftText: "a", draftTimestamp: 3 })]);
  assert.equal(connection.calls.length, 0);
  for (const { value } of drafts) assert.match(String(value), /has changed since/);
});

test("a call that may not wait is refused while offline", async () => {
  const { client } = await offline([row("ann", 5)]);
  await assert.rejects(client.deleteConversation({ conversationID: "c2c_ann" }), { name: "ConnectionError" });
  await assert.rejects(client.cleanConversationUnreadMessageCount({ conversationID: "" }), { name: "ConnectionError" });
});

test("a call that is made while the client connects waits for that, and no longer", async () => {
  const world = new World();
  const client = world.client();
  const [first, second] = [outcomeOf(client.getConversationGroupList()), outcomeOf(client.getConversationGroupList())];
  const connection = await world.connection();
  assert.equal(connection.calls.length, 0);
  await connection.tell("syncServerStart", { mode: "full" });
  assert.equal(connection.calls.length, 2);
  await connection.calls[0]!.answer({ conversationGroupList: [] });
  await connection.cut();
  assert.deepEqual(first.value, { conversationGroupList: [] });
  assert.match(String(second.value), /^ConnectionError/);
});

test("too many calls and a store that is away are waited out; another refusal is the caller's", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const outcome = outcomeOf(client.pinConversation(pin(true)));
  await settle();
  const connection = await resume(world, []);
  await connection.asked("pinConversation").refuse({ code: 7008, message: "too many" });
  await world.clock.pass(1_500);
  assert.equal(connection.calls.length, 2);
  await connection.asked("pinConversation").refuse({ code: 51012, message: "50 are pinned" });
  assert.equal(outcome.value, "CallError: 50 are pinned");
  await world.clock.pass(5_000);
  assert.equal(connection.calls.length, 2);
});

test("a newer call that comes while the older one is sent is sent after it", async () => {
  const { world, client } = await offline([row("ann", 5)]);
  const older = outcomeOf(client.setConversationDraft({ conversationID: "c2c_ann", draftText: "a" }));
  await settle();
  const connection = await resume(world, []);
  const newer = outcomeOf(client.setConversationDraft({ conversationID: "c2c_ann", draftText: "ab" }));
  await settle();
  await connection.asked("setConversationDraft").answer({});
  await connection.tell("conversationChanged", { conversationList: [row("ann", 101, { draftText: "a", draftTimestamp: 5 })] }, "e:101");
  await connection.asked("setConversationDraft").answer({});
  assert.deepEqual(connection.calls.map(({ params }) => params.draftText), ["a", "ab"]);
  assert.deepEqual([older.value, newer.value], [{}, {}]);
});

test("calls that wait survive a reload", async () => {
  const storage = memoryStorage();
  const { world, client } = await offline([row("ann", 5)], { storage });
  void client.pinConversation(pin(true)).catch(() => {});
  await settle();
  await client.close();
  world.client({ storage });
  const connection = await world.connection();
  await connection.replay([], "e:9");
  assert.deepEqual(connection.asked("pinConversation").params, { ...pin(true), ifVersion: 5 });
});
