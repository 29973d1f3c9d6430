// How does a check get a gateway of its own? The real binary in development mode, on a free port, ended with the check.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { serverSent } from "./examples.js";

/** The gateway that is checked. */
export const BINARY = process.env.GATEWAY ?? fileURLToPath(new URL("../../target/debug/gateway", import.meta.url));
const PATIENCE_MS = 10_000;

/** A port of this machine that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Waits until `find` finds something. */
export async function until(what, find) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what} did not come within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * A running gateway, on a free port or the one given, with other flags than those of a store in memory where some are given.
 * `saw` is given every frame that any of its sessions gets, with the text of its JSON.
 */
export async function startGateway(saw, givenPort, flags = ["--store", "memory:"]) {
  const port = givenPort ?? (await freePort());
  const url = `http://127.0.0.1:${port}`;
  const settings = [...flags, "--listen", `127.0.0.1:${port}`, "--workers", "1", "--drain-delay-ms", "50", "--drain-spread-ms", "50"];
  const child = spawn(BINARY, settings, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => { log += text; });
  const ended = new Promise((resolve) => { child.on("close", resolve); child.on("error", (error) => { log += error; resolve(1); }); });
  const isReady = () => {
    if (child.exitCode !== null || log.includes("ENOENT")) throw new Error(`${BINARY} does not start: ${log}`);
    return fetch(`${url}/readyz`).then(({ ok }) => ok, () => false);
  };
  await until("the start of the gateway", isReady);

  const tokenOf = async (user) => (await (await fetch(`${url}/dev/token?user=${user}`)).json()).token;

  /** An HTTP call: its status and its JSON. */
  async function post(path, key, params) {
    const body = typeof params === "string" ? params : JSON.stringify(params);
    const answer = await fetch(`${url}${path}`, { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
    return { status: answer.status, retryAfter: answer.headers.get("retry-after"), json: await answer.json() };
  }

  /** A session over WebSocket, with everything that it got. */
  async function connect(user, query = "") {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ws?token=${await tokenOf(user)}${query}`, "conversations.v1");
    const session = { events: [], replies: new Map(), closed: null, socket };
    socket.on("message", (data) => {
      const text = data.toString();
      const frame = JSON.parse(text);
      saw(frame, text);
      if (frame.event) session.events.push(frame);
      else session.replies.set(frame.id, frame);
    });
    socket.on("close", (code) => { session.closed = code; });
    let id = 0;
    session.call = async (method, params = {}) => {
      const own = ++id;
      socket.send(JSON.stringify({ id: own, method, params }));
      return until(`the reply to ${method}`, () => session.replies.get(own));
    };
    session.event = (name, fits = () => true) =>
      until(`${name} for ${user}`, () => session.events.find((frame) => frame.event === name && fits(frame.data)));
    await session.event("syncServerFinish");
    return session;
  }

  /** A session over server-sent events. */
  async function listen(user, query = "") {
    const answer = await fetch(`${url}/v1/events?token=${await tokenOf(user)}${query}`);
    const session = { events: [], retry: false, isEnded: false, type: answer.headers.get("content-type") };
    (async () => {
      let waiting = "";
      for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (waiting + part).split("\n\n");
        waiting = blocks.pop();
        for (const block of blocks) {
          if (block.startsWith("retry:")) session.retry = true;
          const frame = serverSent(block);
          if (!frame) continue;
          saw(frame, block);
          session.events.push(frame);
        }
      }
      session.isEnded = true;
    })().catch(() => { session.isEnded = true; });
    session.event = (name, fits = () => true) =>
      until(`${name} for ${user}`, () => session.events.find((frame) => frame.event === name && fits(frame.data)));
    await session.event("syncServerFinish");
    return session;
  }

  return {
    url, tokenOf, post, connect, listen, ended,
    drain: () => child.kill("SIGTERM"),
    stop: () => child.kill("SIGKILL"),
  };
}
