// What goes over a WebSocket, a stream and HTTP.

import assert from "node:assert/strict";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { Ended } from "../src/backoff.js";
import type { Handlers, Hello } from "../src/connection/connection.js";
import { EventStreamParser } from "../src/connection/event-stream.js";
import { openEventStream } from "../src/connection/sse.js";
import { openWebSocket } from "../src/connection/websocket.js";
import type { EventFrame } from "../src/protocol.js";
import { claimsOf, renewalIn } from "../src/tokens.js";
import { outcomeOf, settle, tokenOf } from "./harness.js";

const HELLO: Hello = { token: "t.o.k", since: "e:7", window: 50, device: "my phone", filters: [{ type: 2 }] };

/** Handlers that note what they are told. */
function noting() {
  const noted = { events: [] as EventFrame[], heard: 0, ended: null as Ended | null };
  let resolve = () => {};
  const over = new Promise<void>((done) => (resolve = done));
  const handlers: Handlers = {
    heard: () => void (noted.heard += 1),
    event: (frame) => void noted.events.push(frame),
    ended: (ended) => ((noted.ended = ended), resolve()),
  };
  return { noted, handlers, over };
}

/** The browser's WebSocket, whose other end is the test. */
class FakeWebSocket {
  static readonly OPEN = 1;
  static last: FakeWebSocket;
  readyState = 0;
  readonly sent: any[] = [];
  closedWith: number | undefined;
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = (_: { code: number }) => {};

  constructor(readonly url: string, readonly protocol: string) {
    FakeWebSocket.last = this;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code: number): void {
    this.closedWith = code;
  }

  open(): void {
    this.readyState = 1;
    this.onopen();
  }

  say(frame: object): void {
    this.onmessage({ data: JSON.stringify(frame) });
  }
}

function webSocket(hello = HELLO) {
  globalThis.WebSocket = FakeWebSocket as unknown as typeof WebSocket;
  const { noted, handlers } = noting();
  const connection = openWebSocket("https://gateway.example", hello, handlers);
  return { noted, connection, socket: FakeWebSocket.last };
}

test("a WebSocket is opened without the token, which goes in the first frame with the cursor", () => {
  const { socket } = webSocket();
  const url = new URL(socket.url);
  assert.equal(url.origin + url.pathname, "wss://gateway.example/v1/ws");
  assert.deepEqual([...url.searchParams], [["window", "50"], ["device", "my phone"], ["filter", '{"type":2}']]);
  assert.equal(socket.protocol, "conversations.v1");
  socket.open();
  assert.deepEqual(socket.sent, [{ id: 1, method: "authenticate", params: { token: "t.o.k", since: "e:7" } }]);
});

test("answers find their calls by id, whatever their order", async () => {
  const { socket, connection, noted } = webSocket();
  socket.open();
  const [first, second] = [outcomeOf(connection.call("a", {})), outcomeOf(connection.call("b", {}))];
  socket.say({ id: 3, result: { b: 1 } });
  socket.say({ event: "syncServerStart", data: { mode: "full" } });
  socket.say({ id: 2, error: { code: 6004, message: "not there" } });
  socket.say({ error: { code: 6017, message: "no request" } });
  await settle();
  assert.deepEqual([first.value, second.value], ["CallError: not there", { b: 1 }]);
  assert.deepEqual(noted.events, [{ event: "syncServerStart", data: { mode: "full" } }]);
  assert.equal(noted.heard, 4);
});

test("a call that the gateway would not take is refused here, and the session goes on", async () => {
  const { socket, connection } = webSocket();
  socket.open();
  await assert.rejects(connection.call("a", { text: "é".repeat(33_000) }), { name: "CallError", code: 6017 });
  void connection.call("b", {});
  assert.deepEqual(socket.sent.map(({ method }) => method), ["authenticate", "b"]);
});

test("a WebSocket that ends says its code and leaves no call unanswered", async () => {
  const { socket, connection, noted } = webSocket();
  socket.open();
  const outcome = outcomeOf(connection.call("a", {}));
  socket.onclose({ code: 4200 });
  await settle();
  assert.deepEqual(noted.ended, { kind: "code", code: 4200 });
  assert.match(String(outcome.value), /^ConnectionError/);
});

test("a WebSocket that breaks has no code of the gateway", () => {
  const { socket, noted } = webSocket();
  socket.onclose({ code: 1006 });
  assert.equal(noted.ended?.kind, "broken");
});

test("a WebSocket that was ended from here tells nothing more", async () => {
  const { socket, connection, noted } = webSocket();
  socket.open();
  connection.end();
  socket.say({ event: "tokenExpired", data: {} });
  socket.onclose({ code: 1000 });
  await settle();
  assert.equal(socket.closedWith, 1000);
  assert.deepEqual(noted, { events: [], heard: 0, ended: null });
});

const STREAM =
  ': hello\n\nevent: a\nid: 7:1\ndata: {"x":"é"}\n\nevent:b\r\ndata:[1,\r\ndata:2]\r\n\r\nretry: 5\n\nid: 8\n\nevent: c\ndata: 3\n\nevent: cut\ndata: 4\n';

test("pieces of any size give the same events, and a cursor stands on its own event only", () => {
  const expected = [{ event: "a", cursor: "7:1", data: { x: "é" } }, { event: "b", data: [1, 2] }, { event: "c", data: 3 }];
  for (let size = 1; size <= STREAM.length; size += 1) {
    const parser = new EventStreamParser();
    const events = STREAM.match(new RegExp(`[^]{1,${size}}`, "g"))!.flatMap((piece) => parser.push(piece));
    assert.deepEqual(events, expected, `in pieces of ${size}`);
  }
});

/** A server that answers as the test says. */
async function serving(context: TestContext, answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    answer(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a stream is asked for with the token as a header and the cursor in the query", async (context) => {
  let asked: IncomingMessage | undefined;
  const base = await serving(context, (request, response) => {
    asked = request;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(STREAM);
  });
  const { noted, handlers, over } = noting();
  openEventStream(base, HELLO, handlers);
  await over;
  assert.equal(asked!.headers.authorization, "Bearer t.o.k");
  assert.equal(asked!.url, "/v1/events?window=50&device=my+phone&filter=%7B%22type%22%3A2%7D&since=e%3A7");
  assert.equal(noted.events.length, 3);
  assert.deepEqual(noted.ended, { kind: "broken" });
});

test("a stream that is refused says its status and when to come again", async (context) => {
  for (const [status, headers, expected] of [
    [503, { "retry-after": "2" }, { kind: "status", status: 503, retryAfterMs: 2_000 }],
    [204, {}, { kind: "status", status: 204, retryAfterMs: undefined }],
  ] as const) {
    const base = await serving(context, (_, response) => response.writeHead(status, headers).end());
    const { noted, handlers, over } = noting();
    openEventStream(base, HELLO, handlers);
    await over;
    assert.deepEqual(noted.ended, expected);
  }
});

test("calls beside a stream are posted, with their results and errors", async (context) => {
  const base = await serving(context, (request, response, body) => {
    if (request.method === "GET") return response.writeHead(200).write(": hello\n\n");
    if (request.url!.startsWith("/v1/getConversation?")) return response.writeHead(404).end('{"error":{"code":6004,"message":"not there"}}');
    response.end(JSON.stringify({ url: request.url, authorization: request.headers.authorization, body: JSON.parse(body) }));
  });
  const { handlers } = noting();
  const connection = openEventStream(base, HELLO, handlers);
  assert.deepEqual(await connection.call("probe", { cursor: "e:7" }), {
    url: "/v1/probe?device=my+phone", authorization: "Bearer t.o.k", body: { cursor: "e:7" },
  });
  await assert.rejects(connection.call("getConversation", {}), { name: "CallError", code: 6004 });
  connection.end();
  await assert.rejects(connection.call("probe", {}), { name: "ConnectionError" });
});

test("a token says its user and when the next one is due, and one that cannot be read says nothing", () => {
  assert.deepEqual(claimsOf(tokenOf("zoë", 5_000)), { sub: "zoë", exp: 5 });
  assert.deepEqual([claimsOf(""), claimsOf("a.b.c"), claimsOf("a.bnVsbA.c")], [{}, {}, {}]);
  const dueIn = (ms: number) => renewalIn(tokenOf("bob", 1_000_000 + ms), 1_000_000);
  assert.deepEqual([dueIn(600_000), dueIn(60_000), dueIn(-5_000), dueIn(1e12)], [540_000, 30_000, 10_000, 2 ** 31 - 1]);
  assert.equal(renewalIn(tokenOf("bob"), 0), null);
});
