// How do events and calls go over a WebSocket?

import { CallError, ConnectionError } from "../errors.js";
import type { ErrorBody, EventFrame } from "../protocol.js";
import { type Connection, type Handlers, type Hello, queryOf } from "./connection.js";

/** The largest frame that the gateway takes. */
const FRAME_BYTES_MAX = 65_536;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

type Received = EventFrame | { event?: undefined; id?: number; result?: unknown; error?: ErrorBody };

/**
 * Opens `<base>/v1/ws`. The token goes in the first frame, since a URL ends up in logs; so the gateway answers a
 * bad one with a close code.
 */
export function openWebSocket(base: string, hello: Hello, handlers: Handlers): Connection {
  const socket = new WebSocket(`${base.replace(/^http/, "ws")}/v1/ws?${queryOf(hello)}`, "conversations.v1");
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let isOver = false;

  function call(method: string, params: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (isOver || socket.readyState !== WebSocket.OPEN) return reject(new ConnectionError("not connected"));
      lastId += 1;
      const frame = JSON.stringify({ id: lastId, method, params });
      // The gateway would end the session, and not only the call.
      if (new Blob([frame]).size > FRAME_BYTES_MAX) return reject(new CallError({ code: 6017, message: "the call is too large" }));
      waiting.set(lastId, { resolve, reject });
      socket.send(frame);
    });
  }

  function over(why: string): void {
    isOver = true;
    for (const { reject } of waiting.values()) reject(new ConnectionError(why));
    waiting.clear();
  }

  socket.onopen = () => {
    const { token, since } = hello;
    // A refusal comes as a close code.
    call("authenticate", since ? { token, since } : { token }).catch(() => {});
  };
  socket.onmessage = ({ data }) => {
    if (isOver) return;
    handlers.heard();
    const frame = JSON.parse(data as string) as Received;
    if (frame.event !== undefined) return handlers.event(frame);
    const caller = waiting.get(frame.id ?? 0);
    waiting.delete(frame.id ?? 0);
    if (frame.error) caller?.reject(new CallError(frame.error));
    else caller?.resolve(frame.result);
  };
  socket.onclose = ({ code }) => {
    if (isOver) return;
    over(`closed with ${code}`);
    handlers.ended(code === 1006 ? { kind: "broken" } : { kind: "code", code });
  };

  return {
    kind: "websocket",
    call,
    end() {
      over("ended");
      socket.close(1000);
    },
  };
}
