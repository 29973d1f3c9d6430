// How the client stays connected.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ended } from "../src/backoff.js";
import { World, heardBy, outcomeOf, row, settle, tokenOf } from "./harness.js";

const closed = (code: number): Ended => ({ kind: "code", code });

test("a reconnect brings the cursor, and the first connect none", async () => {
  const world = new World();
  const { connection } = await world.live([row("ann", 5)], { device: "laptop", window: 30 });
  assert.deepEqual([connection.hello.since, connection.hello.device, connection.hello.window], [null, "laptop", 30]);
  await connection.tell("conversationChanged", { conversationList: [row("ann", 9)] }, "e:9");
  await connection.cut();
  await world.clock.pass(1_000);
  assert.equal((await world.connection()).hello.since, "e:9");
});

test("codes from 4000 to 4099 stop the client, and nothing is tried again", async () => {
  for (const code of [4000, 4002, 4003, 4099, 1009]) {
    const world = new World();
    const { client, connection } = await world.live([]);
    await connection.close(closed(code));
    await world.clock.pass(3_600_000);
    await world.page.wake();
    assert.deepEqual(client.getStatus(), { kind: "stopped", reason: `closed with ${code}` });
    assert.equal(world.connections.length, 1);
    await assert.rejects(client.getTotalUnreadMessageCount(), { name: "StoppedError" });
  }
});

test("kickedOffline stops the client, however the connection ends, until it is told to connect", async () => {
  const world = new World();
  const { client, connection } = await world.live([row("ann", 5)]);
  await connection.tell("kickedOffline", { reason: "elsewhere" });
  await connection.cut();
  await world.clock.pass(3_600_000);
  assert.equal(world.connections.length, 1);
  await client.connect();
  const second = await world.connection();
  assert.equal(second.hello.since, "e:1");
  assert.equal(world.tokens, 2);
});

test("codes from 4200 to 4299 reconnect at once after a session that lasted, and back off after a failure", async () => {
  const world = new World();
  const { connection } = await world.live([]);
  await world.clock.pass(10_000);
  await connection.close(closed(4201));
  await world.clock.pass(0);
  assert.equal(world.connections.length, 2);
  await (await world.connection()).close(closed(4203));
  await world.clock.pass(0);
  assert.equal(world.connections.length, 2);
  await world.clock.pass(250);
  assert.equal(world.connections.length, 3);
});

test("afterMs is obeyed, and waking up does not shorten it", async () => {
  const world = new World();
  const { client, connection } = await world.live([]);
  await connection.tell("reconnect", { afterMs: 4_000 });
  await connection.close(closed(4200));
  assert.deepEqual(client.getStatus(), { kind: "waiting", afterMs: 4_000 });
  await world.clock.pass(3_999);
  await world.page.wake();
  assert.equal(world.connections.length, 1);
  await world.clock.pass(1);
  assert.equal(world.connections.length, 2);
});

test("a node that is overloaded is left alone until the wait is over, also by a page that wakes up", async () => {
  const world = new World();
  world.clock.chance = 0.9999;
  world.client();
  for (let failure = 0; failure < 5; failure += 1) {
    await (await world.connection()).close(closed(4100));
    if (failure < 4) await world.clock.pass(5_000);
  }
  await world.clock.pass(3_000);
  await world.page.wake();
  assert.equal(world.connections.length, 5);
  await world.clock.pass(1_000);
  assert.equal(world.connections.length, 6);
});

test("failures back off with full jitter, up to ten seconds", async () => {
  const world = new World();
  world.clock.chance = 0.9999;
  const client = world.client();
  const waits: number[] = [];
  client.addConversationListener({ onStatusChanged: (status) => status.kind === "waiting" && waits.push(status.afterMs) });
  for (let failure = 0; failure < 8; failure += 1) {
    await (await world.connection()).cut();
    await world.clock.pass(10_000);
  }
  assert.deepEqual(waits, [249, 499, 999, 1999, 3999, 7999, 9999, 9999]);
});

test("a session that ends right after its sync does not reset the back-off", async () => {
  const world = new World();
  world.clock.chance = 0.9999;
  const { client } = await world.live([]);
  const waits: number[] = [];
  client.addConversationListener({ onStatusChanged: (status) => status.kind === "waiting" && waits.push(status.afterMs) });
  for (let failure = 0; failure < 3; failure += 1) {
    await (await world.connection()).cut();
    await world.clock.pass(2_000);
    await (await world.connection()).replay([], "e:1");
  }
  await world.clock.pass(5_000);
  await (await world.connection()).cut();
  assert.deepEqual(waits, [249, 499, 999, 249]);
});

test("Retry-After is obeyed with jitter on top", async () => {
  const world = new World();
  const client = world.client();
  await (await world.connection()).close({ kind: "status", status: 429, retryAfterMs: 2_000 });
  assert.deepEqual(client.getStatus(), { kind: "waiting", afterMs: 2_125 });
});

test("4202 comes back with a new token", async () => {
  const world = new World();
  const { connection } = await world.live([]);
  await connection.tell("tokenExpired", {});
  await connection.close(closed(4202));
  await world.clock.pass(1_000);
  const second = await world.connection();
  assert.notEqual(second.hello.token, connection.hello.token);
});

test("4001 after a token that was good tries a new one once, and stops then", async () => {
  const world = new World();
  const { client, connection } = await world.live([]);
  await connection.cut();
  await world.clock.pass(1_000);
  await (await world.connection()).close(closed(4001));
  await world.clock.pass(1_000);
  assert.equal(world.tokens, 2);
  await (await world.connection()).close(closed(4001));
  await world.clock.pass(60_000);
  assert.equal(client.getStatus().kind, "stopped");
  assert.equal(world.connections.length, 3);
});

test("a token that ended while the client could not connect does not stop it", async () => {
  const world = new World();
  const client = world.client();
  await (await world.connection()).cut();
  await world.clock.pass(10_000);
  await (await world.connection()).close(closed(4001));
  await world.clock.pass(10_000);
  assert.equal(world.tokens, 2);
  await (await world.connection()).full([], "e:1");
  assert.equal(client.getStatus().kind, "live");
});

test("a fresh token that is refused stops the client", async () => {
  const world = new World();
  const client = world.client();
  await (await world.connection()).close(closed(4001));
  assert.deepEqual(client.getStatus(), { kind: "stopped", reason: "closed with 4001" });
});

test("a token that cannot be had is tried again with back-off", async () => {
  const world = new World();
  world.token = () => Promise.reject(new Error("offline"));
  const client = world.client();
  await settle();
  assert.equal(client.getStatus().kind, "waiting");
  world.token = () => tokenOf("bob");
  await world.clock.pass(1_000);
  assert.equal(world.connections.length, 1);
});

test("a token of another user stops the client, so that nobody sees the list of somebody else", async () => {
  const world = new World();
  world.token = () => tokenOf("eve");
  const client = world.client();
  await settle();
  assert.deepEqual(client.getStatus(), { kind: "stopped", reason: "the token is of another user: eve" });
  assert.equal(world.connections.length, 0);
});

test("a token is refreshed in the session a minute before it ends", async () => {
  const world = new World();
  world.token = () => tokenOf("bob", world.clock.now + 600_000);
  const { connection } = await world.live([]);
  // What comes on the way keeps the connection from being asked whether it is alive.
  for (let quiet = 0; quiet < 540; quiet += 7) {
    connection.handlers.heard();
    await world.clock.pass(7_000);
  }
  assert.equal(connection.calls.length, 1);
  const refresh = connection.asked("refreshToken");
  await refresh.answer({});
  await connection.cut();
  await world.clock.pass(1_000);
  assert.equal((await world.connection()).hello.token, refresh.params.token);
  assert.equal(world.tokens, 2);
});

test("a token that cannot be refreshed is tried again before it ends", async () => {
  const world = new World();
  world.token = () => tokenOf("bob", world.clock.now + 100_000);
  const { connection } = await world.live([]);
  world.token = () => Promise.reject(new Error("offline"));
  const alive = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 5) {
      connection.handlers.heard();
      await world.clock.pass(5_000);
    }
  };
  await alive(55);
  assert.equal(world.tokens, 2);
  world.token = () => tokenOf("bob", world.clock.now + 100_000);
  await alive(30);
  assert.equal(connection.calls.length, 1);
  assert.equal(connection.asked("refreshToken").method, "refreshToken");
});

test("a silent WebSocket is asked, and given up where nothing comes", async () => {
  const world = new World();
  const { client, connection } = await world.live([]);
  await world.clock.pass(29_000);
  assert.equal(connection.calls.length, 0);
  await world.clock.pass(1_000);
  await connection.asked("ping").answer({});
  await world.clock.pass(30_000);
  assert.equal(client.getStatus().kind, "live");
  await world.clock.pass(5_000);
  assert.equal(connection.isEnded, true);
  await world.clock.pass(1_000);
  assert.equal(world.connections.length, 2);
});

test("a connection that brings nothing at all is given up after ten seconds", async () => {
  const world = new World();
  const client = world.client();
  const connection = await world.connection();
  await world.clock.pass(10_000);
  assert.equal(connection.isEnded, true);
  assert.equal(client.getStatus().kind, "waiting");
});

test("a connection on which a call is not answered for thirty seconds is replaced", async () => {
  const world = new World();
  const { client, connection } = await world.live([]);
  const outcome = outcomeOf(client.getConversationGroupList());
  for (let seconds = 0; seconds < 30; seconds += 5) {
    await world.clock.pass(5_000);
    connection.handlers.heard();
  }
  assert.match(String(outcome.value), /^ConnectionError/);
  await world.clock.pass(1_000);
  assert.equal(world.connections.length, 2);
});

test("a page that becomes visible probes with its cursor, and a half-open socket is given up in five seconds", async () => {
  const world = new World();
  const { connection } = await world.live([]);
  await world.page.wake();
  const probe = connection.asked("probe");
  assert.deepEqual(probe.params, { cursor: "e:1" });
  await probe.answer({ upToDate: true });
  await world.clock.pass(6_000);
  assert.equal(connection.isEnded, false);
  await world.page.wake();
  await world.clock.pass(6_000);
  assert.equal(connection.isEnded, true);
  assert.equal(world.connections.length, 2);
});

test("a machine that slept probes when it wakes up", async () => {
  const world = new World();
  const { connection } = await world.live([]);
  world.clock.sleep(3_600_000);
  await world.clock.pass(1);
  assert.equal(connection.calls[0]!.method, "probe");
});

test("the network's return ends a wait, but not over and over", async () => {
  const world = new World();
  world.clock.chance = 0.99;
  world.client();
  for (let failure = 0; failure < 6; failure += 1) {
    await (await world.connection()).cut();
    if (failure < 5) await world.clock.pass(10_000);
  }
  assert.equal(world.connections.length, 6);
  await world.clock.pass(1_500);
  await world.page.wake();
  assert.equal(world.connections.length, 7);
  await (await world.connection()).cut();
  for (let wakes = 0; wakes < 20; wakes += 1) await world.page.wake();
  assert.equal(world.connections.length, 7);
});

test("two WebSockets that bring nothing make way for server-sent events with the same cursor", async () => {
  const world = new World();
  const { connection } = await world.live([]);
  assert.equal(connection.kind, "websocket");
  for (const kind of ["websocket", "websocket", "sse"]) {
    await (await world.connection()).cut();
    await world.clock.pass(10_000);
    assert.equal((await world.connection()).kind, kind);
  }
  const stream = await world.connection();
  assert.equal(stream.hello.since, "e:1");
  await stream.replay([], "e:2");
  // They worked, and so they come first, for ten minutes.
  await stream.cut();
  await world.clock.pass(1_000);
  assert.equal((await world.connection()).kind, "sse");
  // Ten minutes from the first one, whatever comes between.
  for (const kind of ["sse", "websocket"]) {
    await (await world.connection()).replay([], "e:3");
    for (let seconds = 0; seconds < 315; seconds += 15) {
      (await world.connection()).handlers.heard();
      await world.clock.pass(15_000);
    }
    await (await world.connection()).cut();
    await world.clock.pass(1_000);
    assert.equal((await world.connection()).kind, kind);
  }
});

test("while nothing works the transports take turns", async () => {
  const world = new World();
  world.client();
  const kinds: string[] = [];
  for (let attempt = 0; attempt < 6; attempt += 1) {
    kinds.push((await world.connection()).kind);
    await (await world.connection()).cut();
    await world.clock.pass(10_000);
  }
  assert.deepEqual(kinds, ["websocket", "websocket", "sse", "websocket", "sse", "websocket"]);
});

/** A client whose session is over server-sent events. */
async function streaming(world: World) {
  const client = world.client();
  for (let blocked = 0; blocked < 2; blocked += 1) {
    await (await world.connection()).cut();
    await world.clock.pass(1_000);
  }
  const stream = await world.connection();
  assert.equal(stream.kind, "sse");
  await stream.full([row("ann", 5)], "e:5");
  return { client, stream };
}

test("a stream is opened again with a new token before the old one ends", async () => {
  const world = new World();
  world.token = () => tokenOf("bob", world.clock.now + 40_000);
  const { stream } = await streaming(world);
  await world.clock.pass(25_000);
  const second = await world.connection();
  assert.equal(stream.isEnded, true);
  assert.equal(second.kind, "sse");
  assert.notEqual(second.hello.token, stream.hello.token);
  assert.equal(second.hello.since, "e:5");
});

test("a stream without signs of life is given up", async () => {
  const world = new World();
  const { stream } = await streaming(world);
  await world.clock.pass(35_000);
  assert.equal(stream.isEnded, false);
  await world.clock.pass(10_000);
  assert.equal(stream.isEnded, true);
});

test("a stream that a probe finds behind is opened again", async () => {
  const world = new World();
  const { stream } = await streaming(world);
  await world.page.wake();
  await stream.asked("probe").answer({ upToDate: false });
  await world.clock.pass(1_000);
  assert.equal((await world.connection()).hello.since, "e:5");
});

test("a filter that is watched over a stream is brought by a new connect", async () => {
  const world = new World();
  const { client, stream } = await streaming(world);
  const answer = client.subscribeUnreadMessageCountByFilter({ filter: { type: 1 } });
  await settle();
  assert.equal(stream.isEnded, true);
  const second = await world.connection();
  assert.deepEqual(second.hello.filters, [{ type: 1 }]);
  await second.replay([], "e:6");
  await second.asked("getUnreadMessageCountByFilter").answer({ totalUnreadCount: 2, version: 6 });
  assert.deepEqual(await answer, { totalUnreadCount: 2, version: 6 });
});

test("a connection that is given up is ended, so that nothing late comes from it", async () => {
  const world = new World();
  const { client, connection } = await world.live([]);
  const heard = heardBy(client);
  world.clock.sleep(3_600_000);
  await world.clock.pass(6_000);
  assert.equal(connection.isEnded, true);
  assert.equal((await world.connection()).hello.since, "e:1");
  assert.deepEqual(heard, ["waiting", "connecting"]);
});

test("a closed client does nothing more", async () => {
  const world = new World();
  const { client, connection } = await world.live([]);
  await client.close();
  assert.equal(connection.isEnded, true);
  await world.clock.pass(60_000);
  assert.equal(world.connections.length, 1);
  await assert.rejects(client.getConversationGroupList(), { name: "StoppedError" });
});

test("a client that is closed while it waits for a token does not connect", async () => {
  const world = new World();
  let give = (_: string) => {};
  world.token = () => new Promise((resolve) => (give = resolve));
  const client = world.client();
  await settle();
  await client.close();
  give(tokenOf("bob"));
  await settle();
  assert.equal(world.connections.length, 0);
});
