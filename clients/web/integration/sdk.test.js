// Does code that was written for the Web SDK run on a real gateway, with nothing but its import changed? The list of examples/sdk, bundled with the
// module of docs/sdk.md in the SDK's place.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import WebSocket from "ws";
import { startGateway, until } from "../../../protocol/check/gateway.js";
import { filesIn } from "../examples/tests/documents.js";

const pathTo = (relative) => fileURLToPath(new URL(relative, import.meta.url));
globalThis.WebSocket = WebSocket;

let gateway;
let folder;
before(async () => {
  gateway = await startGateway(() => {});
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  const { "chat.js": module } = await filesIn(pathTo("../docs/sdk.md"));
  await writeFile(join(folder, "chat.js"), module.replace("https://gateway.example", gateway.url));
});
after(async () => {
  gateway.stop();
  await rm(folder, { recursive: true });
});

/** A page of its own that runs the example. */
async function openPage(name) {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [pathTo("../examples/sdk/conversations.js")], outfile, bundle: true, format: "esm", logLevel: "error",
    alias: { "@tencentcloud/chat": join(folder, "chat.js"), "conversation-client/sdk": pathTo("../dist/sdk/index.js") },
  });
  return import(pathToFileURL(outfile).href);
}

async function server(method, params) {
  const { status, json } = await gateway.post(`/server/v1/${method}`, "dev", params);
  assert.equal(status, 200, JSON.stringify(json));
}

let seq = 0;
const messageOf = (text, fields = {}) => ({ msgID: `m${(seq += 1)}`, seq, timestamp: 1_795_373_813 + seq, text, ...fields });
const send = (user, from, text) =>
  server("sendMessage", { conversation: { type: 1 }, sender: from, recipients: [user], message: messageOf(text, { nickName: from }), profiles: { [from]: { showName: from.toUpperCase() } } });

test("the example lives through a day of a list", async (context) => {
  const { page, actions } = await openPage("day");
  context.after(() => actions.signOut());
  const shows = (what, find) => until(`${what}, not ${JSON.stringify(page)}`, find);
  const rowOf = (id) => page.rows.find((row) => row.id === id);
  await send("bob", "ann", "Hello");
  await actions.signIn("bob", await gateway.tokenOf("bob"));
  await shows("the list", () => page.isReady && page.rows.length === 1);
  assert.deepEqual(page.rows, [{ id: "C2Cann", name: "ANN", text: "Hello", time: page.rows[0].time, badge: 1, isPinned: false, isStarred: false, note: "" }]);
  assert.deepEqual([page.unread, page.network], [1, "connected"]);

  const mention = messageOf("@Bob lunch?", { atUserList: ["bob"] });
  const team = { type: 2, groupID: "g1", groupType: "Work", showName: "Team" };
  await server("sendMessage", { conversation: team, sender: "ann", recipients: ["bob"], message: mention });
  await shows("a group on top, with a mention", () => page.rows[0].id === "GROUPg1" && page.rows[0].text === "[@me] @Bob lunch?");
  assert.equal(page.rows[0].name, "Team");
  await shows("the total", () => page.unread === 2);
  await server("revokeMessage", { conversation: team, sender: "ann", recipients: ["bob"], msgID: mention.msgID, seq: mention.seq });
  await shows("the recall", () => page.rows[0].text.endsWith("recalled a message") && page.unread === 1);

  await actions.pin("C2Cann", true);
  await shows("the pin", () => page.rows[0].id === "C2Cann" && page.rows[0].isPinned);
  await actions.open("C2Cann");
  await shows("the reading", () => rowOf("C2Cann").badge === 0 && page.unread === 0);
  await actions.draft("C2Cann", "see you");
  await shows("the draft", () => rowOf("C2Cann").text === "[Draft] see you");
  await actions.draft("C2Cann", "");
  await actions.note("C2Cann", "vip");
  await actions.star("C2Cann", true);
  await shows("note and star", () => rowOf("C2Cann").note === "vip" && rowOf("C2Cann").isStarred);
  assert.deepEqual(await actions.starred(), ["ANN"]);
  await actions.mute("ann");
  await shows("the mute", () => rowOf("C2Cann").badge === "muted");

  await actions.fold("C2Cann", "Work");
  await shows("the folder", () => page.folders.join() === "Work" && page.opened.Work?.join() === "C2Cann");
  await actions.rename("Work", "Job");
  await shows("its other name", () => page.folders.join() === "Job" && page.opened.Job?.join() === "C2Cann");
  await actions.unfold("Job");
  await shows("no folder", () => page.folders.length === 0);

  await send("bob", "ann", "Still there?");
  await send("bob", "bea", "Hi");
  await shows("two that are unread", () => rowOf("C2Cbea")?.badge === 1 && page.unread === 1);
  await actions.readAll();
  await shows("all read", () => page.unread === 0 && rowOf("C2Cbea").badge === 0);
  await actions.clear("C2Cann");
  await shows("an empty preview", () => rowOf("C2Cann").text === "");
  await actions.remove("C2Cbea");
  await shows("one row less", () => !rowOf("C2Cbea"));
  assert.equal(await actions.start("zoe"), "zoe");
  assert.equal(page.notice, "");
  await actions.unfold("Nothing");
  assert.match(page.notice, /^51009: /);

  const { json } = await gateway.post("/v1/getConversationList", await gateway.tokenOf("bob"), { nextSeq: 0, count: 100 });
  assert.deepEqual(page.rows.map(({ id }) => id), json.conversationList.map(({ userID, groupID }) => (userID ? `C2C${userID}` : `GROUP${groupID}`)));
  await server("kickUser", { userID: "bob", reason: "signed in elsewhere" });
  await shows("the kick", () => page.notice === "Signed out elsewhere" && !page.isReady);
});

test("a list of more rows than a page of the protocol is there as a whole", async (context) => {
  const { page, actions } = await openPage("long");
  context.after(() => actions.signOut());
  const conversationList = Array.from({ length: 2500 }, (_, place) => ({ conversationID: `c2c_u${place}`, showName: `U ${place}` }));
  await server("importConversations", { userID: "cat", conversationList });
  await actions.signIn("cat", await gateway.tokenOf("cat"));
  await until("2,500 rows", () => page.rows.length === 2500);
  assert.deepEqual(page.rows.map(({ id }) => id), conversationList.map(({ conversationID }) => `C2C${conversationID.slice(4)}`));
});
