// What are the examples of PROTOCOL.md? Each JSON block with the annotation before it.

import { readFileSync } from "node:fs";

const lines = readFileSync(new URL("../PROTOCOL.md", import.meta.url), "utf8").split("\n");

/** `{ kind, name, line, text, json }` of every annotated block. */
export function examples() {
  const found = [];
  for (let index = 0; index < lines.length; index++) {
    const annotation = /^<!-- golden: (\S+) ?(\S*) -->$/.exec(lines[index]);
    if (!annotation) continue;
    const end = lines.indexOf("```", index + 2);
    const text = lines.slice(index + 2, end).join("\n");
    const [, kind, name] = annotation;
    found.push({ kind, name, line: index + 1, text, json: kind === "sse" ? serverSent(text) : JSON.parse(text) });
  }
  return found;
}

/** The fields of a server-sent event as the frame that a WebSocket would have. */
export function serverSent(text) {
  const fields = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
  }
  if (!fields.event) return null;
  const frame = { event: fields.event, data: JSON.parse(fields.data) };
  return "id" in fields ? { ...frame, cursor: fields.id } : frame;
}
