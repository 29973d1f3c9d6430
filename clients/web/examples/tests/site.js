// How does a test open a page of its own? Files over HTTP, a gateway that allows their Origin, and a browser; all end with the test.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";
import { startGateway } from "../../../../protocol/check/gateway.js";

const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

/** Serves folders by the first part of the path; `answers` says what else there is: path to a function of the gateway. */
export async function openSite(folders, answers = {}) {
  const others = { "/favicon.ico": () => "", ...answers };
  const server = createServer(async ({ url }, response) => {
    const path = normalize(new URL(url, "http://site").pathname);
    try {
      if (others[path]) return response.end(await others[path](site.gateway));
      const [, name, ...rest] = path.split("/");
      const body = await readFile(join(folders[name], ...rest));
      response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  process.env.GATEWAY_ALLOWED_ORIGINS = origin;
  const gateway = await startGateway(() => {});
  const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });

  let seq = 0;
  const site = {
    gateway,
    /** Calls a method of backends. */
    async server(method, params) {
      const { status, json } = await gateway.post(`/server/v1/${method}`, "dev", params);
      if (status !== 200) throw new Error(`${method}: ${JSON.stringify(json)}`);
      return json;
    },
    /** A message from one user to another. */
    send(from, to, text) {
      seq += 1;
      const message = { msgID: `m${seq}`, seq, timestamp: 1_795_373_813 + seq, text, nickName: from };
      return site.server("sendMessage", { conversation: { type: 1 }, sender: from, recipients: [to], message, profiles: { [from]: { showName: from } } });
    },
    /** Opens a page in a browser that knows nothing of the page before, which is closed; what it throws is the test's to see. */
    async open(path) {
      await Promise.all(browser.contexts().map((context) => context.close()));
      const context = await browser.newContext();
      const page = await context.newPage();
      page.failures = [];
      page.on("pageerror", (error) => page.failures.push(String(error)));
      page.on("console", (line) => line.type() === "error" && page.failures.push(line.text()));
      await page.goto(origin + path);
      return page;
    },
    async close() {
      await browser.close();
      gateway.stop();
      server.close();
    },
  };
  return site;
}
