// Does the list in a real browser survive what happens to browsers? After each fault it shows what the gateway has.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPhone } from "./phone.js";
import { startStage } from "./stage.js";

/** Most of their time these tests wait. */
const TESTS_AT_ONCE = 3;

let stage;
before(async () => { stage = await startStage(); });
after(() => stage?.stop());

let users = 0;

/** A network of its own, and on it a new user's browser with the phone on its page, live. Pages get tokens of so many seconds. */
async function newPhone(context, { isWithClock = false, isWithoutWebSocket = false, tokenSeconds } = {}) {
  const network = await stage.newForwarder();
  network.isWithoutWebSocket = isWithoutWebSocket;
  const browser = await stage.context({ network, tokenSeconds });
  context.after(async () => {
    await browser.close();
    network.stop();
  });
  if (isWithClock) await browser.clock.install();
  const user = `user-${(users += 1)}`;
  await send(user, "ann");
  const phone = await openPhone(stage, browser, user);
  await phone.isLive();
  await phone.converged();
  return { phone, browser, network, user };
}

let seq = 0;
function send(user, from) {
  seq += 1;
  return stage.call("sendMessage", {
    conversation: { type: 1 }, sender: from, recipients: [user],
    message: { msgID: `m${seq}`, seq, timestamp: Math.floor(Date.now() / 1000), text: `text ${seq}` },
  });
}

const transportsOf = async (user) => (await stage.call("getUserSessions", { userID: user })).sessionList.map(({ transport }) => transport);

/** How the page's connection stood, from the first moment on. */
async function statusesOf({ page }) {
  const titles = await page.locator("#left .entry-title").allTextContents();
  return titles.filter((title) => /^(connecting|waiting|live|stopped)$/.test(title));
}

/** Connections get through again, and the browser notices. */
async function networkReturns(network, phone) {
  network.isCut = false;
  await phone.until("a session", async () => {
    await phone.page.evaluate(() => dispatchEvent(new Event("online")));
    return (await phone.status()) === "Live";
  });
}

/** It missed something, and got no more than what it missed. */
async function resumed(phone) {
  await phone.isLive();
  await phone.converged();
  assert.match(await phone.banner(), /^Replay/);
  assert.deepEqual(phone.problems, []);
}

describe("some at a time", { concurrency: TESTS_AT_ONCE }, () => {
  test("what is sent and done is on the screen at once, on each device", async (context) => {
    const { phone, user } = await newPhone(context);
    const elsewhere = await stage.context();
    context.after(() => elsewhere.close());
    const other = await openPhone(stage, elsewhere, user);
    await other.isLive();
    await send(user, "bea");
    await send(user, "cid");
    await phone.act("c2c_ann", "Pin to the top");
    await phone.row("c2c_bea").locator(".row-main").click();
    await phone.act("c2c_cid", "Mute");
    for (const each of [phone, other]) await each.converged();
    await phone.act("c2c_bea", "Delete");
    for (const each of [phone, other]) await each.converged();
  });

  test("the browser is offline and comes back: what was done meanwhile is sent, what was missed comes", async (context) => {
    const { phone, browser, user } = await newPhone(context);
    await browser.setOffline(true);
    await phone.until("the end of the session", async () => (await phone.status()) !== "Live");
    await send(user, "bea");
    await phone.act("c2c_ann", "Pin to the top");
    assert.match(await phone.toasts(), /this is done afterwards/);
    assert.equal((await stage.truth(user)).rows.filter(({ isPinned }) => isPinned).length, 0);
    await browser.setOffline(false);
    await resumed(phone);
    await phone.until("the pin", async () => (await phone.seen())[0].isPinned);
    await phone.converged();
  });

  test("every connection is cut: the page says when it tries again, and then has what it missed", async (context) => {
    const { phone, network, user } = await newPhone(context);
    network.isCut = true;
    network.reset();
    await send(user, "ann");
    await send(user, "bea");
    await phone.until("the time of the next attempt", async () => /^Offline, next attempt in \d+ s$/.test(await phone.status()));
    await networkReturns(network, phone);
    await resumed(phone);
  });

  test("a proxy that lets no WebSocket through is got past by server-sent events", async (context) => {
    const { phone, user } = await newPhone(context, { isWithoutWebSocket: true });
    assert.deepEqual(await transportsOf(user), ["sse"]);
    await send(user, "bea");
    await phone.act("c2c_ann", "Pin to the top");
    await phone.converged();
    await phone.until("the pin", async () => (await phone.seen())[0].isPinned);
  });

  test("two tabs share a session, and when the one that has it closes the other goes on", async (context) => {
    const { phone, browser, user } = await newPhone(context);
    const second = await openPhone(stage, browser, user);
    await second.isLive();
    await second.converged();
    assert.equal((await transportsOf(user)).length, 1);
    await send(user, "bea");
    for (const each of [phone, second]) await each.converged();
    await phone.page.close();
    await send(user, "cid");
    await second.isLive();
    await second.converged();
    await second.act("c2c_ann", "Pin to the top");
    await second.until("the pin", async () => (await second.seen())[0].isPinned);
    await second.converged();
  });

  test("a tab that is frozen with the session in it is replaced, and follows once it is awake", async (context) => {
    const { phone, browser, user } = await newPhone(context);
    const second = await openPhone(stage, browser, user);
    await second.isLive();
    // A debugger that stops it is as good as a browser that freezes it: nothing runs.
    const frozen = await browser.newCDPSession(phone.page);
    await frozen.send("Debugger.enable");
    await frozen.send("Debugger.pause");
    await send(user, "bea");
    await second.page.evaluate(() => dispatchEvent(new Event("online")));
    await second.row("c2c_bea").waitFor();
    await second.converged();
    // The second "connecting" is its own session.
    assert.equal((await statusesOf(second)).filter((kind) => kind === "connecting").length, 2);
    await frozen.send("Debugger.disable");
    await second.act("c2c_ann", "Pin to the top");
    for (const each of [phone, second]) {
      await each.isLive();
      await each.until("the pin", async () => (await each.seen())[0].isPinned);
      await each.converged();
    }
    await phone.until("one session", async () => (await transportsOf(user)).length === 1);
  });

  test("a machine that slept, with a connection that died unnoticed, finds out at once", async (context) => {
    const { phone, network, user } = await newPhone(context, { isWithClock: true });
    network.stall();
    await send(user, "bea");
    // So short a sleep that silence alone would not have been noticed for another 15 s.
    await phone.page.clock.fastForward(20_000);
    await phone.row("c2c_bea").waitFor({ timeout: 12_000 });
    await resumed(phone);
  });

  test("the 51st pin is refused, and the page says so", async (context) => {
    const { phone, user } = await newPhone(context);
    for (let pinned = 1; pinned <= 50; pinned += 1) {
      await send(user, `pin${pinned}`);
      const params = { conversationID: `c2c_pin${pinned}`, isPinned: true };
      await stage.gateways[1].post("/v1/pinConversation", stage.tokenOf(user), params);
    }
    await phone.converged();
    await phone.grid.evaluate((grid) => { grid.scrollTop = grid.scrollHeight; });
    await phone.act("c2c_ann", "Pin to the top");
    await phone.until("the refusal", async () => /51012/.test(await phone.toasts()));
    await phone.converged();
  });

  test("who is signed out by the backend is told so, and comes back when they want", async (context) => {
    const { phone, user } = await newPhone(context);
    await stage.call("kickUser", { userID: user, reason: "signed in elsewhere" });
    const kickedAt = Date.now();
    await phone.until("the end", async () => /^Stopped/.test(await phone.status()));
    assert.deepEqual(await transportsOf(user), []);
    await send(user, "bea");
    // Tokens of the same second are refused.
    await phone.until("the next second", () => Date.now() > kickedAt + 1_100);
    await phone.page.getByRole("button", { name: "Reconnect" }).click();
    await resumed(phone);
  });

  test("a token that will end is replaced without an end of the session", async (context) => {
    let seconds = 6;
    const { phone, user } = await newPhone(context, { isWithClock: true, tokenSeconds: () => seconds });
    const endsAt = Date.now() + 6_500;
    seconds = 3600;
    await phone.page.clock.fastForward(10_000);
    await phone.until("the end of the first token", () => Date.now() > endsAt);
    await send(user, "bea");
    await phone.converged();
    assert.deepEqual(await statusesOf(phone), ["connecting", "live"]);
  });

  test("a token that ended while the connection was away is replaced", async (context) => {
    let seconds = 3;
    const { phone, network, user } = await newPhone(context, { tokenSeconds: () => seconds });
    const endsAt = Date.now() + 3_500;
    network.isCut = true;
    network.reset();
    seconds = 3600;
    await send(user, "bea");
    await phone.until("the end of the token", () => Date.now() > endsAt);
    await networkReturns(network, phone);
    await resumed(phone);
  });

  test("a reload goes on from the cursor in IndexedDB", async (context) => {
    const { phone, user } = await newPhone(context);
    await phone.page.goto("about:blank");
    await send(user, "bea");
    await phone.page.goto(`/?user=${user}`);
    await resumed(phone);
    assert.match(await phone.banner(), /^Replay1 row new/);
  });
});

// The last one: what it breaks stays broken, for all.
test("the gateway is killed, and the page goes to the other one", async (context) => {
  const { phone, user } = await newPhone(context);
  await stage.kill(stage.gateways[0]);
  await send(user, "bea");
  await phone.row("c2c_bea").waitFor();
  await resumed(phone);
});
