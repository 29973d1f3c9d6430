// Does the live list suit a list that others made? The React example, built as its reader builds it, in a browser on a real gateway.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { until } from "../../../../protocol/check/gateway.js";
import { openSite } from "./site.js";

let site;
before(async () => {
  await promisify(execFile)("npm", ["run", "--silent", "build"], { cwd: fileURLToPath(new URL("..", import.meta.url)) });
  site = await openSite({ react: fileURLToPath(new URL("../react", import.meta.url)) });
});
after(() => site.close());

/** The page of a user, and what it shows. */
async function openPage(user) {
  const page = await site.open(`/react/index.html?user=${user}&gateway=${encodeURIComponent(site.gateway.url)}`);
  const rows = () =>
    page.locator(".cs-conversation").evaluateAll((all) =>
      all.map((row) => ({ id: row.dataset.id, text: row.querySelector(".cs-conversation__info").textContent, badge: row.querySelector(".cs-conversation__unread")?.textContent ?? "" })));
  const shows = async (what, fits) => {
    let seen;
    try {
      await until(what, async () => fits((seen = await rows())));
    } catch (error) {
      throw new Error(`${error.message}; rows: ${JSON.stringify(seen)}, failures: ${page.failures}`);
    }
  };
  return { page, rows, shows };
}

const ids = (rows) => rows.map(({ id }) => id.slice(4)).join();

test("rows stand in order, a message moves its row up with a badge, and a click reads it", async () => {
  await site.send("ann", "bob", "Hello");
  await site.send("bea", "bob", "Hi");
  const { page, rows, shows } = await openPage("bob");
  await shows("two rows", (rows) => ids(rows) === "bea,ann");
  await site.send("ann", "bob", "Lunch?");
  await shows("ann on top", (rows) => ids(rows) === "ann,bea" && rows[0].badge === "2");
  assert.match((await rows())[0].text, /Lunch\?/);
  await until("the total in the title", async () => (await page.title()) === "(3) Conversations");
  await page.locator("[data-id=c2c_ann]").click();
  await shows("ann is read", (rows) => rows[0].badge === "");
  await until("ann is open", () => page.locator("[data-id=c2c_ann].cs-conversation--active").count());
  await until("the rest of the total", async () => (await page.title()) === "(1) Conversations");
  assert.deepEqual(page.failures, []);
});

test("the list loads more where it is scrolled to its end, in the gateway's order", async () => {
  const conversationList = Array.from({ length: 150 }, (_, place) => ({ conversationID: `c2c_u${place}`, showName: `U ${place}` }));
  await site.server("importConversations", { userID: "cat", conversationList });
  const { page, rows, shows } = await openPage("cat");
  await shows("the first rows", (rows) => rows.length >= 20);
  const first = (await rows()).length;
  assert.ok(first < 150, `${first} rows without scrolling`);
  const scroll = () => page.locator(".cs-conversation-list .scrollbar-container").evaluate((box) => { box.scrollTop = box.scrollHeight; });
  await shows("all rows", async (rows) => rows.length === 150 || void (await scroll()));
  assert.deepEqual((await rows()).map(({ id }) => id), conversationList.map(({ conversationID }) => conversationID));
  assert.deepEqual(page.failures, []);
});

/** Rows that the page has saved. */
const savedRows = () =>
  new Promise((resolve) => {
    const opening = indexedDB.open("conversations");
    opening.onsuccess = () => {
      const counting = opening.result.transaction("rows").objectStore("rows").count();
      counting.onsuccess = () => (opening.result.close(), resolve(counting.result));
    };
  });

test("a reload without a gateway shows the saved list and says that it is offline", async () => {
  await site.send("ann", "dan", "Hello");
  const { page, shows } = await openPage("dan");
  await shows("a row", (rows) => ids(rows) === "ann");
  await until("a saved row", async () => (await page.evaluate(savedRows)) === 1);
  const token = `${site.gateway.url}/dev/token**`;
  await page.route(token, (route) => route.abort());
  await page.reload();
  await shows("the saved row", (rows) => ids(rows) === "ann");
  await until("the word offline", async () => (await page.getByRole("status").textContent()) === "offline");
  await page.unroute(token);
  await site.send("bea", "dan", "Hi");
  await shows("what came meanwhile", (rows) => ids(rows) === "bea,ann");
  assert.equal(await page.getByRole("status").textContent(), "");
});
