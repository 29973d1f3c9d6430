// Does the code of the documents run as it stands there? Copied out, built where it must be, in a browser on a real gateway.

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { until } from "../../../../protocol/check/gateway.js";
import { codeIn, filesIn } from "./documents.js";
import { openSite } from "./site.js";

const pathTo = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const HTML = (body) => `<!doctype html><meta charset="utf-8"><body>${body}<script type="module" src="bundle.js"></script>`;

let site;
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "documents-"));
  site = await openSite({ pages: folder }, { "/my-backend/token": ({ tokenOf }) => tokenOf("bob"), "/": () => "start" });
});
after(async () => {
  await site.close();
  await rm(folder, { recursive: true });
});

/** Makes a page of these files, with the gateway's address in them; what `entry` names is bundled. */
async function makePage(name, files, entry) {
  const place = join(folder, name);
  await mkdir(place);
  for (const [file, code] of Object.entries(files)) {
    await writeFile(join(place, file), code.replaceAll("https://gateway.example", site.gateway.url).replaceAll("http://127.0.0.1:8080", site.gateway.url));
  }
  if (entry) {
    await build({
      entryPoints: [join(place, entry)], outfile: join(place, "bundle.js"), bundle: true, format: "esm", jsx: "automatic", logLevel: "error",
      nodePaths: [pathTo("../node_modules")],
    });
  } else await cp(pathTo("../../dist"), join(place, "conversation-client"), { recursive: true });
  return `/pages/${name}/index.html`;
}

/** Each test has the list for itself. */
const clear = () => site.server("deleteUser", { userID: "bob" });

test("the ten lines of the repository's README make a page with a live list", async () => {
  await clear();
  await site.send("alice", "bob", "Hello");
  const [code] = await codeIn(pathTo("../../../../README.md"), "## Web client");
  assert.equal(code.trimEnd().split("\n").length, 10);
  const page = await site.open(await makePage("readme", { "main.js": code, "index.html": HTML("") }, "main.js"));
  const reads = (text) => until(text, async () => (await page.innerText("body")) === text);
  await reads("1 unread: alice");
  await site.send("carol", "bob", "Hi");
  await reads("2 unread: alice, carol");
  assert.deepEqual(page.failures, []);
});

test("the first lines of the package's README make a list and a title", async () => {
  await clear();
  const [code] = await codeIn(pathTo("../../README.md"), "# Web client");
  const page = await site.open(await makePage("package", { "main.js": code, "index.html": HTML("<ul></ul>") }, "main.js"));
  await site.send("ann", "bob", "Hello");
  await until("the row", async () => (await page.innerText("ul")) === "ann 1");
  assert.equal(await page.title(), "(1)");
  assert.deepEqual(page.failures, []);
});

test("the component of the package's README draws the rows", async () => {
  await clear();
  await site.send("ann", "bob", "Hello");
  const [component] = await codeIn(pathTo("../../README.md"), "## With React");
  const main = `
    import { createRoot } from "react-dom/client";
    import { createClient } from "conversation-client";
    import { Conversations } from "./conversations.jsx";
    const getToken = async () => (await fetch("/my-backend/token")).text();
    const client = createClient({ url: "https://gateway.example", getToken });
    createRoot(document.getElementById("root")).render(<Conversations client={client} />);`;
  const files = { "conversations.jsx": component, "main.jsx": main, "index.html": HTML(`<div id="root"></div>`) };
  const page = await site.open(await makePage("component", files, "main.jsx"));
  await until("the row", async () => (await page.innerText("#root")).startsWith("ann 1"));
  assert.deepEqual(page.failures, []);
});

test("plain.md: a page that draws, moves rows without making them anew, pages, pins and reads", async () => {
  await clear();
  const conversationList = Array.from({ length: 120 }, (_, place) => ({ conversationID: `c2c_u${place}`, showName: `U ${place}` }));
  await site.server("importConversations", { userID: "bob", conversationList });
  const path = await makePage("plain", await filesIn(pathTo("../../docs/plain.md")));
  const page = await site.open(path);
  const rows = page.locator("#list li");
  const top = (text) => until(text, async () => (await rows.first().innerText()).startsWith(text));
  await until("a hundred rows", async () => (await rows.count()) === 100);
  await page.locator("#more").click();
  await until("all rows", async () => (await rows.count()) === 120);
  assert.equal(await page.locator("#more").isHidden(), true);

  await rows.last().locator(".open").focus();
  await site.send("u119", "bob", "Lunch?");
  await top("u119 (1) Lunch?");
  await until("the total", async () => (await page.innerText("#status")) === "1 unread");
  assert.equal(await rows.first().locator(".open").evaluate((button) => button === document.activeElement), true);
  await rows.first().locator(".open").click();
  await top("u119 Lunch?");
  await rows.nth(5).locator(".pin").click();
  await top("U 4");
  assert.equal(await rows.first().locator(".pin").innerText(), "Unpin");
  await site.server("deleteConversation", { recipients: ["bob"], conversationID: "c2c_u4" });
  await until("a row less", async () => (await rows.count()) === 119);
  assert.deepEqual(page.failures, []);
});

test("plain.md: the total of a folder, a sound for what is new, and a sign-out", async () => {
  await clear();
  await site.send("ann", "bob", "Hello");
  const path = await makePage("parts", { ...(await filesIn(pathTo("../../docs/plain.md"))), "index.html": HTML("") });
  const page = await site.open(path);
  await page.evaluate(async (url) => {
    const { createClient } = await import("./conversation-client/index.js");
    const [{ showWork }, { playForNewMessages }, { signOut }] = await Promise.all(["./work.js", "./sound.js", "./sign-out.js"].map((file) => import(file)));
    const client = createClient({ url, getToken: async () => (await fetch("/my-backend/token")).text(), userID: "bob" });
    Object.assign(window, { client, played: 0, leave: () => signOut(client) });
    playForNewMessages(client, () => { window.played += 1; });
    showWork(client, document.body);
  }, site.gateway.url);
  await until("no work", async () => (await page.innerText("body")) === "Work: 0");
  assert.equal(await page.evaluate(() => window.played), 0);
  await page.evaluate(() => window.client.createConversationGroup({ groupName: "Work", conversationIDList: ["c2c_ann"] }));
  await site.send("ann", "bob", "Still there?");
  await until("work", async () => (await page.innerText("body")) === "Work: 2");
  assert.ok((await page.evaluate(() => window.played)) > 0);
  await page.evaluate(() => void window.leave());
  await until("the first page", () => new URL(page.url()).pathname === "/");
  await until("no session", async () => (await site.server("getUserSessions", { userID: "bob" })).sessionList.length === 0);
});

test("react.md: an app in strict mode has one session, draws, pins, and leaves none behind", async () => {
  await clear();
  await site.send("ann", "bob", "Hello");
  await site.send("bea", "bob", "Hi");
  const files = { ...(await filesIn(pathTo("../../docs/react.md"))), "index.html": HTML(`<div id="root"></div>`) };
  const page = await site.open(await makePage("react", files, "main.jsx"));
  const rows = page.locator("li");
  await until("two rows", async () => (await rows.count()) === 2);
  assert.match(await rows.first().innerText(), /^bea: Hi/);
  assert.equal(await page.innerText("h1"), "Conversations (2)");
  const sessions = async () => (await site.server("getUserSessions", { userID: "bob" })).sessionList.length;
  await until("one session", async () => (await sessions()) === 1);
  await rows.last().getByRole("button", { name: "Pin" }).click();
  await until("ann on top", async () => (await rows.first().innerText()).startsWith("ann"));
  await rows.first().getByRole("button", { name: "ann" }).click();
  await until("the rest", async () => (await page.innerText("h1")) === "Conversations (1)");
  await page.getByRole("button", { name: "Sign out" }).click();
  await until("no session", async () => (await sessions()) === 0);
  assert.equal(await page.innerText("#root"), "Signed out");
  assert.deepEqual(page.failures, []);
});
