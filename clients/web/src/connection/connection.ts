// What does a session ask of a transport?

import type { Ended } from "../backoff.js";
import type { Cursor, EventFrame, Filter } from "../protocol.js";

/** The two transports. */
export type Kind = "websocket" | "sse";

/** How a connection begins. */
export interface Hello {
  token: string;
  since: Cursor | null;
  /** Rows of a full sync. */
  window: number;
  device: string | undefined;
  /** Filters whose totals are told. */
  filters: readonly Filter[];
}

/** What a connection tells. After `ended`, or after it was ended from here, it tells nothing more. */
export interface Handlers {
  /** Anything came, be it only a sign of life. */
  heard(): void;
  event(frame: EventFrame): void;
  ended(ended: Ended): void;
}

/** An open connection, or one that is being opened. */
export interface Connection {
  readonly kind: Kind;
  /** Calls a method. Rejects with a CallError, or with a ConnectionError where no answer came. */
  call(method: string, params: unknown): Promise<unknown>;
  /** Ends it from here. */
  end(): void;
}

/** Opens a connection. */
export type Connect = (kind: Kind, hello: Hello, handlers: Handlers) => Connection;

/** The query that both transports share. */
export function queryOf({ window, device, filters }: Hello): URLSearchParams {
  const query = new URLSearchParams({ window: String(window) });
  if (device) query.set("device", device);
  for (const filter of filters) query.append("filter", JSON.stringify(filter));
  return query;
}
