// Does the client get along with a real gateway? The binary in development mode; what a client shows is what getConversationList says.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { startGateway, until } from "../../../protocol/check/gateway.js";
import { createClient, memoryStorage } from "../dist/index.js";

let gateway;
before(async () => { gateway = await startGateway(() => {}); });
after(() => gateway.stop());

/** The browser's WebSocket; the test may cut what is open. */
const open = new Set();
class CutWebSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    open.add(this);
    this.on("error", () => {});
    this.on("close", () => open.delete(this));
  }
}
globalThis.WebSocket = CutWebSocket;
const cut = () => { for (const socket of open) socket.terminate(); };

/** A WebSocket that a proxy does not let through. */
class BlockedWebSocket {
  static OPEN = 1;
  constructor() { setTimeout(() => this.onclose({ code: 1006 }), 1); }
  close() {}
}

let users = 0;
const newUser = () => `user-${(users += 1)}`;

function clientOf(context, user, options = {}) {
  const client = createClient({ url: gateway.url, getToken: () => gateway.tokenOf(user), ...options });
  context.after(() => client.close());
  return client;
}

const isLive = (client) => until("a live session", () => client.getStatus().kind === "live");

let seq = 0;
async function send(user, from) {
  seq += 1;
  const params = {
    conversation: { type: 1 }, sender: from, recipients: [user],
    message: { msgID: `m${seq}`, seq, timestamp: 1_795_373_813 + seq, text: `text ${seq}` },
  };
  const { status } = await gateway.post("/server/v1/sendMessage", "dev", params);
  assert.equal(status, 200);
}

/** Waits until the client shows exactly what the gateway has. */
async function converged(client, user) {
  const token = await gateway.tokenOf(user);
  const { json: truth } = await gateway.post("/v1/getConversationList", token, { nextSeq: 0, count: 1000 });
  const { json: total } = await gateway.post("/v1/getTotalUnreadMessageCount", token, {});
  await until("the gateway's own list", () => {
    const { conversations, totalUnreadCount } = client.list().getSnapshot();
    return JSON.stringify(conversations) === JSON.stringify(truth.conversationList) && totalUnreadCount === total.totalUnreadCount;
  });
}

for (const transport of ["WebSocket", "server-sent events"]) {
  test(`${transport}: full sync, live changes, calls and errors`, async (context) => {
    if (transport !== "WebSocket") {
      globalThis.WebSocket = BlockedWebSocket;
      context.after(() => { globalThis.WebSocket = CutWebSocket; });
    }
    const user = newUser();
    await send(user, "ann");
    const client = clientOf(context, user);
    await isLive(client);
    await converged(client, user);
    await send(user, "bea");
    await client.pinConversation({ conversationID: "c2c_ann", isPinned: true });
    await client.cleanConversationUnreadMessageCount({ conversationID: "c2c_bea" });
    await client.markConversation({ conversationIDList: ["c2c_ann"], markType: 2 ** 63, enableMark: true });
    await converged(client, user);
    assert.deepEqual(client.list({ markType: 2 ** 63 }).getSnapshot().conversations.map(({ userID }) => userID), ["ann"]);
    await assert.rejects(client.getConversation({ conversationID: "c2c_zoe" }), { name: "CallError", code: 6004 });
    await client.deleteConversation({ conversationID: "c2c_ann" });
    await converged(client, user);
  });
}

test("what happened during a cut comes with the resume, and calls made meanwhile are sent", async (context) => {
  const user = newUser();
  await send(user, "ann");
  const client = clientOf(context, user);
  await isLive(client);
  const modes = [];
  let pinned;
  client.addConversationListener({
    onSyncServerStart: ({ mode }) => modes.push(mode),
    onStatusChanged: ({ kind }) => {
      if (kind === "waiting") pinned = client.pinConversation({ conversationID: "c2c_ann", isPinned: true });
    },
  });
  cut();
  await send(user, "bea");
  await until("the cut", () => pinned);
  await pinned;
  await converged(client, user);
  assert.deepEqual(modes, ["replay"]);
});

test("a list of more rows than the window is paged to its end while rows move", async (context) => {
  const user = newUser();
  for (let row = 0; row < 30; row += 1) await send(user, `u${row}`);
  const client = clientOf(context, user, { window: 5 });
  await isLive(client);
  while (!client.list().getSnapshot().isFinished) {
    await Promise.all([client.list().loadMore(4), send(user, `u${seq % 30}`)]);
  }
  await converged(client, user);
});

test("the total of a filter is told", async (context) => {
  const user = newUser();
  const client = clientOf(context, user);
  const groups = client.list({ type: 1, hasUnreadCount: true });
  groups.subscribe(() => {});
  await isLive(client);
  await send(user, "ann");
  await until("the total", () => groups.getSnapshot().totalUnreadCount === 1);
  cut();
  await send(user, "ann");
  await until("the total after a resume", () => groups.getSnapshot().totalUnreadCount === 2);
});

test("the 51st pin is refused", async (context) => {
  const user = newUser();
  const client = clientOf(context, user);
  await isLive(client);
  for (let row = 0; row < 50; row += 1) await client.pinConversation({ conversationID: `c2c_p${row}`, isPinned: true });
  await assert.rejects(client.pinConversation({ conversationID: "c2c_p50", isPinned: true }), { name: "CallError", code: 51012 });
});

test("a kick stops the client", async (context) => {
  const user = newUser();
  const client = clientOf(context, user);
  await isLive(client);
  await gateway.post("/server/v1/kickUser", "dev", { userID: user, reason: "signed in elsewhere" });
  await until("the stop", () => client.getStatus().kind === "stopped");
});

test("a new client with the storage of an old one resumes", async (context) => {
  const user = newUser();
  const storage = memoryStorage();
  await send(user, "ann");
  const first = clientOf(context, user, { storage });
  await isLive(first);
  await first.close();
  await send(user, "bea");
  const modes = [];
  const second = clientOf(context, user, { storage });
  second.addConversationListener({ onSyncServerStart: ({ mode }) => modes.push(mode) });
  await isLive(second);
  await converged(second, user);
  assert.deepEqual(modes, ["replay"]);
});

test("a gateway that is killed and comes back without its data gives a full sync", async (context) => {
  const user = newUser();
  await send(user, "ann");
  const client = clientOf(context, user);
  await isLive(client);
  await converged(client, user);
  gateway.stop();
  await gateway.ended;
  await until("the end", () => client.getStatus().kind === "waiting");
  assert.equal(client.list().getSnapshot().conversations.length, 1);
  // The row that is to be pinned will be gone, and is not made again.
  const refused = assert.rejects(client.pinConversation({ conversationID: "c2c_ann", isPinned: true }), { name: "CallError", code: 6017 });
  gateway = await startGateway(() => {}, Number(new URL(gateway.url).port));
  await isLive(client);
  await converged(client, user);
  await refused;
  assert.equal(client.list().getSnapshot().conversations.length, 0);
});

test("a random course with cuts ends with the gateway's own list", async (context) => {
  const user = newUser();
  const client = clientOf(context, user, { window: 8 });
  await isLive(client);
  let seed = 11;
  const draw = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const waiting = [];
  let cuts = 0;
  for (let step = 0; step < 150; step += 1) {
    const conversationID = `c2c_u${draw(20)}`;
    const calls = [
      () => send(user, conversationID.slice(4)),
      () => send(user, conversationID.slice(4)),
      () => client.pinConversation({ conversationID, isPinned: draw(2) === 0 }),
      () => client.setConversationDraft({ conversationID, draftText: `draft ${step}` }),
      () => client.cleanConversationUnreadMessageCount({ conversationID }),
      () => client.deleteConversation({ conversationID }),
      () => client.list().loadMore(3),
      async () => { if ((cuts += 1) <= 3) cut(); },
    ];
    // Refused is fine: the row may be gone, or the session.
    waiting.push(calls[draw(calls.length)]().catch(() => {}));
    if (draw(4) === 0) await Promise.all(waiting.splice(0));
  }
  await Promise.all(waiting);
  await isLive(client);
  while (!client.list().getSnapshot().isFinished) await client.list().loadMore(100);
  await converged(client, user);
});
