// Is the page good to use: fast with many rows, by keyboard, by ear, light and dark, on a small screen?

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPhone, paint, problemsOn } from "./phone.js";
import { PICTURE, takePicture } from "./picture.js";
import { readFileSync } from "node:fs";
import { startStage } from "./stage.js";

const ROWS = 5_000;
/** As many rows fit on the screen several times. */
const ROWS_DRAWN_MAX = 60;
const SCROLL_PX = 1_400;
const PICTURE_BYTES_MAX = 60_000;

let stage;
before(async () => { stage = await startStage(); });
after(() => stage?.stop());

let users = 0;
const newUser = () => `reader-${(users += 1)}`;

async function newPhone(context, user, options) {
  const own = await stage.context(options);
  context.after(() => own.close());
  const phone = await openPhone(stage, own, user);
  await phone.isLive();
  return phone;
}

let seq = 0;
function message(user, from) {
  seq += 1;
  return {
    conversation: { type: 1 }, sender: from, recipients: [user],
    message: { msgID: `m${seq}`, seq, timestamp: Math.floor(Date.now() / 1000), text: `text ${seq}` },
  };
}
const send = (user, from) => stage.call("sendMessage", message(user, from));

/** The row that has the focus. */
const focused = (phone) => phone.page.evaluate(() => document.activeElement.closest(".row")?.dataset.id);
const focusIs = (phone, conversationID) => phone.until(`the focus on ${conversationID}`, async () => (await focused(phone)) === conversationID);

test(`${ROWS} rows are scrolled through with few of them in the document`, async (context) => {
  const user = newUser();
  for (let first = 0; first < ROWS; first += 1000) {
    const entries = Array.from({ length: 1000 }, (_, row) => ({ method: "sendMessage", params: message(user, `v${first + row}`) }));
    await stage.call("batch", entries);
  }
  const phone = await newPhone(context, user);
  const { ids, rowsMax, frameMs } = await phone.grid.evaluate(async (grid, step) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const ids = new Map();
    const frameMs = [];
    let rowsMax = 0;
    let before = await frame();
    const look = () => {
      const rows = grid.querySelectorAll(".row");
      rowsMax = Math.max(rowsMax, rows.length);
      for (const row of rows) ids.set(Number(row.getAttribute("aria-rowindex")), row.dataset.id);
    };
    look();
    // It ends where the gateway has no more rows, however slowly they come.
    for (let still = 0; still < 120; still += 1) {
      const { scrollTop } = grid;
      grid.scrollTop += step;
      if (grid.scrollTop !== scrollTop) still = 0;
      const now = await frame();
      frameMs.push(now - before);
      before = now;
      look();
      if (ids.size === Number(grid.getAttribute("aria-rowcount"))) break;
    }
    return { ids: [...ids].sort(([left], [right]) => left - right).map(([, id]) => id), rowsMax, frameMs };
  }, SCROLL_PX);
  const { rows } = await stage.truth(user);
  assert.deepEqual(ids, rows.map(({ conversationID }) => conversationID));
  assert.equal(ids.length, ROWS);
  assert.ok(rowsMax <= ROWS_DRAWN_MAX, `${rowsMax} rows in the document`);
  frameMs.sort((left, right) => left - right);
  context.diagnostic(`${frameMs.length} frames: half within ${frameMs[frameMs.length >> 1].toFixed(0)} ms, all within ${frameMs.at(-1).toFixed(0)} ms; at most ${rowsMax} rows drawn`);

  // A message to the last one brings it to the top, while the rest stays where it is.
  const top = await phone.grid.evaluate((grid) => { grid.scrollTop -= 7_000; return grid.scrollTop; });
  await paint(phone.page);
  const firstSeen = (await phone.seen())[10];
  await send(user, rows.at(-1).userID);
  await phone.until("the shift", async () => (await phone.seen()).find(({ id }) => id === firstSeen.id)?.place === firstSeen.place + 1);
  assert.equal(await phone.grid.evaluate((grid) => grid.scrollTop), top + 70);
});

describe("two at a time", { concurrency: 2 }, () => {
  test("the list is used by keyboard, and the focus stays with its row", async (context) => {
    const user = newUser();
    for (const from of ["fay", "eve", "dan", "cid", "bea", "ann"]) await send(user, from);
    const phone = await newPhone(context, user);
    const { keyboard } = phone.page;
    await phone.page.getByRole("tab", { name: "All" }).focus();
    await keyboard.press("Tab");
    await keyboard.press("Tab");
    await focusIs(phone, "c2c_ann");
    await keyboard.press("ArrowDown");
    await keyboard.press("ArrowDown");
    await focusIs(phone, "c2c_cid");
    await keyboard.press("End");
    await focusIs(phone, "c2c_fay");
    await keyboard.press("Home");
    await focusIs(phone, "c2c_ann");
    await keyboard.press("PageDown");
    await keyboard.press("ArrowUp");

    // The focused row rises, and is still the one that the next key starts from.
    await phone.row("c2c_dan").locator(".row-main").focus();
    await send(user, "dan");
    await phone.until("dan on top", async () => (await phone.seen())[0].id === "c2c_dan");
    await focusIs(phone, "c2c_dan");
    await keyboard.press("ArrowDown");
    await focusIs(phone, "c2c_ann");

    // Enter opens, and so reads; the menu key has the actions, and gives the focus back.
    await keyboard.press("Enter");
    await phone.until("the reading", async () => (await stage.truth(user)).rows.find(({ userID }) => userID === "ann").unreadCount === 0);
    assert.equal(await phone.row("c2c_ann").locator(".row-main").getAttribute("aria-current"), "true");
    await keyboard.press("Shift+F10");
    assert.equal(await phone.page.evaluate(() => document.activeElement.closest("[role=menu]")?.ariaLabel), "ann");
    await keyboard.press("Escape");
    await focusIs(phone, "c2c_ann");
    await keyboard.press("ArrowRight");
    await keyboard.press("Enter");
    await phone.page.getByRole("menuitem", { name: "Delete" }).press("Enter");
    await phone.row("c2c_ann").waitFor({ state: "detached" });
    await focusIs(phone, "c2c_bea");
    await phone.converged();
    assert.deepEqual(phone.problems, []);
  });

  test("a screen reader is told what the list is and what comes", async (context) => {
    const user = newUser();
    await send(user, "ann");
    const phone = await newPhone(context, user);
    await phone.page.getByRole("grid", { name: `Conversations of R${user.slice(1)}` }).waitFor();
    await phone.page.getByRole("row", { name: /ann.*text \d+.*1 unread/ }).waitFor();
    assert.equal(await phone.grid.getAttribute("aria-rowcount"), "1");
    await phone.page.getByRole("tab", { name: "All", selected: true }).waitFor();
    await send(user, "ann");
    await phone.page.locator("[aria-live=polite]", { hasText: "ann: 2 unread" }).waitFor({ state: "attached" });
  });

  test("tabs show what passes a filter, and a draft and a folder are made", async (context) => {
    const user = newUser();
    for (const from of ["cid", "bea", "ann"]) await send(user, from);
    const phone = await newPhone(context, user);
    const shows = (...names) => phone.until(`only ${names}`, async () => (await phone.seen()).map(({ name }) => name).join() === names.join());
    await shows("ann", "bea", "cid");
    await phone.act("c2c_bea", "Mark as read");
    await phone.act("c2c_cid", "Starred");
    await phone.page.getByRole("tab", { name: /^Starred/ }).click();
    await shows("cid");
    await phone.page.getByRole("tab", { name: /^Unread 2/ }).click();
    await shows("ann", "cid");
    await phone.act("c2c_ann", "Folders…");
    await phone.page.getByRole("menuitem", { name: "New folder…" }).click();
    await phone.page.getByLabel("Name, at most 32 bytes").fill("Work");
    await phone.page.getByRole("button", { name: "Save" }).click();
    await phone.page.getByRole("tab", { name: "Work" }).click();
    await shows("ann");
    await phone.page.getByRole("tab", { name: "All" }).click();
    await phone.act("c2c_bea", "Write a draft");
    await phone.page.getByLabel("Message", { exact: true }).fill("half a thought");
    await phone.page.getByRole("button", { name: "Keep as draft" }).click();
    await phone.until("the draft", async () => (await phone.seen())[0].preview === "[Draft] half a thought");
    await phone.converged();
  });

  test("somebody who types is seen, and several are", async (context) => {
    const [left, right] = [newUser(), newUser()];
    await send(right, left);
    const own = await stage.context({ viewport: { width: 1300, height: 760 } });
    context.after(() => own.close());
    const page = await own.newPage();
    await page.goto(`/?left=${left}&right=${right}`);
    const preview = page.locator(`#right .row[data-id="c2c_${left}"] .row-preview`);
    await preview.waitFor();
    await page.locator("#left").getByLabel("Message", { exact: true }).pressSequentially("Hi");
    await page.locator("#right .typing", { hasText: "is typing…" }).waitFor();
    await page.clock.install();
    const other = await own.newPage();
    await other.goto("/demo/icon.svg");
    await other.evaluate(([userID, conversationID]) => new BroadcastChannel("demo-typing").postMessage({ userID, conversationID, name: "Zoe" }), [right, `c2c_${left}`]);
    await page.locator("#right .typing", { hasText: /^Reader-\d+ and Zoe are typing…$/ }).waitFor();
    await page.clock.fastForward(5_000);
    await page.locator("#right .typing").waitFor({ state: "detached" });
    assert.match(await preview.textContent(), /^text \d+$/);
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`${colorScheme}: text stands out from what is behind it, and nothing moves for those who want that`, async (context) => {
      const user = newUser();
      await send(user, "ann");
      const phone = await newPhone(context, user, { colorScheme, reducedMotion: "reduce" });
      await phone.row("c2c_ann").waitFor();
      const { contrasts, lightness, moving } = await phone.page.evaluate(contrastsOf);
      assert.equal(lightness > 0.5, colorScheme === "light");
      assert.equal(moving, "0s");
      for (const [what, contrast] of contrasts) assert.ok(contrast >= 4.5, `${what}: ${contrast.toFixed(2)} : 1`);
    });
  }

  test("on a screen of 360 px everything is within reach", async (context) => {
    const [left, right] = [newUser(), newUser()];
    await send(right, "ann-with-a-very-long-name-that-does-not-fit-on-a-small-screen");
    const own = await stage.context({ viewport: { width: 360, height: 640 }, hasTouch: true });
    context.after(() => own.close());
    const page = await own.newPage();
    await page.goto(`/?left=${left}&right=${right}`);
    await page.locator("nav [data-tab=right]").tap();
    const row = page.locator("#right .row");
    await row.waitFor();
    await row.getByRole("button", { name: /^Actions for/ }).tap();
    await page.getByRole("menuitem", { name: "Pin to the top" }).tap();
    await page.locator("#right .row.pinned").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  });

  test("what can be set going with one click goes well", async (context) => {
    const own = await stage.context({ viewport: { width: 1300, height: 760 } });
    context.after(() => own.close());
    const page = await own.newPage();
    const problems = problemsOn(page);
    await page.goto(`/?left=${newUser()}&right=${newUser()}`);
    await page.locator("#left .sync.done").waitFor();
    for (const [name, outcome] of [["Populate", /^40 messages sent/], ["50 messages while offline", /came as 10 rows: replay/], ["Away twice", /identical.*✓/]]) {
      const card = page.locator("#scenarios li", { hasText: name });
      await card.getByRole("button").click();
      const result = card.locator(".scenario-result:is([data-state=done], [data-state=failed])");
      await result.waitFor();
      assert.match(await result.textContent(), outcome);
    }
    assert.deepEqual(problems, []);
  });

  test("outside of development mode the page asks for a token", async (context) => {
    const user = newUser();
    await send(user, "ann");
    const own = await stage.context();
    context.after(() => own.close());
    await own.unroute("**/dev/token?*");
    const page = await own.newPage();
    await page.goto(`/?user=${user}`);
    await page.getByRole("textbox", { name: /^Token for/ }).fill(stage.tokenOf(user));
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("row", { name: /ann/ }).waitFor();
  });

  test("the picture in the README is that of the page", async () => {
    const committed = readFileSync(PICTURE);
    const made = await takePicture(stage);
    assert.ok(committed.length < PICTURE_BYTES_MAX, `${committed.length} bytes`);
    assert.deepEqual(sizeOf(committed), sizeOf(made), "npm run picture");
  });
});

/** Width and height of a PNG. */
const sizeOf = (png) => [png.readUInt32BE(16), png.readUInt32BE(20)];

/** Runs on the page: how far texts of the first row stand out, by WCAG 2; how light the row is; how long it moves. */
function contrastsOf() {
  const luminance = (color) => {
    const [red, green, blue] = color.match(/[\d.]+/g).slice(0, 3).map((value) => Number(value) / 255).map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const row = document.querySelector(".row");
  const behind = luminance(getComputedStyle(row).backgroundColor);
  const contrasts = [".row-name", ".row-time", ".row-preview"].map((name) => {
    const text = luminance(getComputedStyle(row.querySelector(name)).color);
    return [name, (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05)];
  });
  return { contrasts, lightness: behind, moving: getComputedStyle(row).transitionDuration };
}
