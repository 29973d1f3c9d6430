// What does a browser test need around it? Chromium, two gateways on a Redis of their own, and a forwarder before them.

import { spawn, spawnSync } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { freePort, startGateway, until } from "../../../protocol/check/gateway.js";
import { startForwarder } from "./forwarder.js";

/** Debian's Chromium is at /usr/bin/chromium. */
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const CHROMIUM_FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const TOKEN_SECONDS = 3600;

/** Everything, started; `stop` ends it. What was started ends also where the rest does not start. */
export async function startStage() {
  const ends = [];
  const stop = async () => { for (const end of ends.splice(0).reverse()) await end(); };
  try {
    return await start(ends, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(ends, stop) {
  const secret = randomBytes(32).toString("hex");
  const redis = await startRedis(ends);
  const flags = ["--store", redis, "--jwt-secret", secret, "--api-key", "dev"];
  const gateways = [];
  for (let node = 0; node < 2; node += 1) {
    const gateway = await startGateway(() => {}, undefined, flags);
    gateways.push(gateway);
    ends.push(() => kill(gateway));
  }
  const ports = gateways.map(({ url }) => Number(new URL(url).port));
  const forwarder = await startForwarder(ports);
  ends.push(() => forwarder.stop());
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
  ends.push(() => browser.close());

  /** A token of the user for so many seconds. */
  function tokenOf(user, seconds = TOKEN_SECONDS) {
    const now = Math.floor(Date.now() / 1000);
    const [head, claims] = [{ alg: "HS256", typ: "JWT" }, { sub: user, iat: now, exp: now + seconds }].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
    return `${head}.${claims}.${createHmac("sha256", secret).update(`${head}.${claims}`).digest("base64url")}`;
  }

  const stage = {
    browser, forwarder, gateways, secret, tokenOf,

    /** A network of its own before the gateways, for the faults of one test. */
    newForwarder: () => startForwarder(ports),

    /** A browser of its own, as of another person, whose pages get tokens of so many seconds. */
    async context({ network = forwarder, tokenSeconds = () => TOKEN_SECONDS, ...options } = {}) {
      const context = await browser.newContext({ baseURL: network.url, viewport: { width: 1000, height: 760 }, ...options });
      await context.route("**/dev/token?*", (route) => {
        const token = tokenOf(new URL(route.request().url()).searchParams.get("user"), tokenSeconds());
        return route.fulfill({ json: { token } });
      });
      return context;
    },

    /** A backend's call, to a gateway that lives. */
    async call(method, params) {
      const alive = gateways.find(({ isKilled }) => !isKilled);
      const { status, json } = await alive.post(`/server/v1/${method}`, "dev", params);
      if (status !== 200) throw new Error(`${method} answered ${status}: ${JSON.stringify(json)}`);
      return json;
    },

    /** The user's whole list and its total, as the gateway has them. */
    async truth(user) {
      const rows = [];
      for (let page = { nextSeq: 0, isFinished: false }; !page.isFinished; rows.push(...page.conversationList)) {
        page = await stage.call("getConversationList", { userID: user, nextSeq: page.nextSeq, count: 1000 });
      }
      return { rows, total: (await stage.call("getTotalUnreadMessageCount", { userID: user })).totalUnreadCount };
    },

    kill, stop,
  };
  return stage;
}

async function kill(gateway) {
  gateway.isKilled = true;
  gateway.stop();
  await gateway.ended;
}

/** Answers its address. */
async function startRedis(ends) {
  const server = ["redis-server", "valkey-server"].find((name) => spawnSync(name, ["--version"]).status === 0) ?? "redis-server";
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "browser-test-redis-"));
  const child = spawn(server, ["--port", port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"], { stdio: ["ignore", "pipe", "inherit"] });
  ends.push(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });
  let log = "";
  child.stdout.on("data", (text) => { log += text; });
  await until("the start of Redis", () => log.includes("Ready to accept connections"));
  return `redis://127.0.0.1:${port}`;
}
