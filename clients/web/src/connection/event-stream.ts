// How do the lines of `text/event-stream` become events?

import type { EventFrame } from "../protocol.js";

/** Reads a stream that comes in pieces of any size. */
export class EventStreamParser {
  #rest = "";
  #event = "";
  #cursor: string | undefined;
  #data: string[] = [];

  /** Takes the next piece and returns the events that it completes. */
  push(text: string): EventFrame[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line.replace(/\r$/, "")));
  }

  #line(line: string): EventFrame[] {
    if (line) {
      const [, field, value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === "event") this.#event = value;
      else if (field === "id") this.#cursor = value;
      else if (field === "data") this.#data.push(value);
      return [];
    }
    const [event, cursor, data] = [this.#event, this.#cursor, this.#data];
    [this.#event, this.#cursor, this.#data] = ["", undefined, []];
    if (!data.length) return [];
    return [{ event, ...(cursor && { cursor }), data: JSON.parse(data.join("\n")) } as EventFrame];
  }
}
