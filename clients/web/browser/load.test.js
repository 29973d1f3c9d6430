// Do ten browsers agree with the gateway after everything that a random load does? LOAD_SECONDS=600 makes it a long one.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { BINARY } from "../../../protocol/check/gateway.js";
import { openPhone } from "./phone.js";
import { startStage } from "./stage.js";

const BROWSERS = 10;
const SECONDS = Number(process.env.LOAD_SECONDS ?? 6);
/** The connections of all browsers are cut so often. */
const CUT_INTERVAL_MS = 2_500;
const LOAD_TOOL = process.env.LOADTEST ?? join(dirname(BINARY), "loadtest");

let stage;
before(async () => { stage = await startStage(); });
after(() => stage?.stop());

test(`${BROWSERS} browsers under a random load for ${SECONDS} s show what the gateway has`, async (context) => {
  const name = "browsers";
  const users = Array.from({ length: BROWSERS }, (_, user) => `${name}-u${user}`);
  const phones = await Promise.all(users.map(async (user) => openPhone(stage, await stage.context(), user)));
  for (const phone of phones) await phone.isLive();

  const flags = ["run", "--name", name, "--sessions", BROWSERS, "--rate", 60, "--seconds", SECONDS, "--churn", 0.02];
  const urls = stage.gateways.flatMap(({ url }) => ["--url", url]);
  const load = spawn(LOAD_TOOL, [...flags, ...urls], { env: { ...process.env, GATEWAY_JWT_SECRET: stage.secret } });
  let report = "";
  for (const output of [load.stdout, load.stderr]) output.on("data", (text) => { report += text; });
  const ended = new Promise((resolve, reject) => load.on("close", resolve).on("error", reject));
  const cuts = setInterval(() => stage.forwarder.reset(), CUT_INTERVAL_MS);
  const code = await ended.finally(() => clearInterval(cuts));
  assert.equal(code, 0, report);
  context.diagnostic(report.split("\n").find((line) => line.startsWith("calls")) ?? report);

  await Promise.all(phones.map(async (phone) => {
    await phone.isLive();
    await phone.converged({ isPlain: false });
    await phone.agrees();
    assert.deepEqual(phone.problems, []);
  }));
});
