// How do events come as server-sent events, and calls go over HTTP?

import type { Ended } from "../backoff.js";
import { CallError, ConnectionError } from "../errors.js";
import type { ErrorAnswer } from "../protocol.js";
import { type Connection, type Handlers, type Hello, queryOf } from "./connection.js";
import { EventStreamParser } from "./event-stream.js";

/**
 * Opens `<base>/v1/events`. Read with fetch, not with EventSource, which hides statuses and signs of life, cannot send a
 * header, and comes back when it likes.
 */
export function openEventStream(base: string, hello: Hello, handlers: Handlers): Connection {
  const stream = new AbortController();
  const calls = new AbortController();
  const headers = { authorization: `Bearer ${hello.token}` };

  async function read(): Promise<Ended> {
    const query = queryOf(hello);
    if (hello.since) query.set("since", hello.since);
    const answer = await fetch(`${base}/v1/events?${query}`, { headers, signal: stream.signal });
    if (answer.status !== 200 || !answer.body) {
      const seconds = Number(answer.headers.get("retry-after") ?? NaN);
      return { kind: "status", status: answer.status, retryAfterMs: seconds >= 0 ? seconds * 1000 : undefined };
    }
    const parser = new EventStreamParser();
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { kind: "broken" };
      handlers.heard();
      for (const frame of parser.push(decoder.decode(value, { stream: true }))) {
        if (!stream.signal.aborted) handlers.event(frame);
      }
    }
  }

  read()
    .catch((): Ended => ({ kind: "broken" }))
    .then((ended) => {
      calls.abort();
      if (!stream.signal.aborted) handlers.ended(ended);
    });

  return {
    kind: "sse",
    async call(method, params) {
      const query = hello.device ? `?${new URLSearchParams({ device: hello.device })}` : "";
      const body = JSON.stringify(params);
      try {
        const answer = await fetch(`${base}/v1/${method}${query}`, { method: "POST", headers, body, signal: calls.signal });
        const result: unknown = await answer.json();
        if (answer.ok) return result;
        throw new CallError((result as ErrorAnswer).error);
      } catch (error) {
        throw error instanceof CallError ? error : new ConnectionError(String(error));
      }
    },
    end() {
      stream.abort();
      calls.abort();
    },
  };
}
