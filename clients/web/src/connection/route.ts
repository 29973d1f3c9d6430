// Which transport is tried next? WebSocket first; server-sent events where a proxy lets no WebSocket through.

import type { Kind } from "./connection.js";

/** WebSockets in a row that brought nothing before server-sent events are tried. */
const SILENT_MAX = 2;
/** How long server-sent events stay the first choice once they worked. */
const KEEP_MS = 10 * 60_000;

/** Remembers what worked. */
export class Route {
  #silent = 0;
  #sseUntil = -Infinity;

  /** The transport of the next attempt. While neither works they take turns. */
  next(now: number): Kind {
    return now < this.#sseUntil || (this.#silent >= SILENT_MAX && this.#silent % 2 === 0) ? "sse" : "websocket";
  }

  /** A connection brought something. */
  worked(kind: Kind, now: number): void {
    if (kind === "websocket") this.#silent = 0;
    else if (now >= this.#sseUntil) {
      this.#sseUntil = now + KEEP_MS;
      this.#silent = SILENT_MAX - 1;
    }
  }

  /** A connection ended before it brought anything. */
  failed(): void {
    this.#silent += 1;
    this.#sseUntil = -Infinity;
  }
}
