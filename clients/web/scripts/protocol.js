// What do clients need of the protocol's declarations? Writes src/protocol.ts; with --check, fails where it is not current.

import { readFileSync, writeFileSync } from "node:fs";

const SOURCE = new URL("../../../protocol/generated/protocol.d.ts", import.meta.url);
const TARGET = new URL("../src/protocol.ts", import.meta.url);
/** Everything that these name comes along; what only backends use stays out. */
const ROOTS = ["Methods", "WebSocketMethod", "Events", "ErrorAnswer", "ReplyFrame", "EventFrame", "Frame", "CloseCode", "AuthenticateParams"];

const source = readFileSync(SOURCE, "utf8");
// A declaration begins with its comment, and no line within it begins with either.
const blocks = source.split(/\n\n(?=\/\*\*|export )/).slice(1).map((text) => text.trimEnd());
const byName = new Map(blocks.map((text) => [/^export (?:interface|type) (\w+)/m.exec(text)?.[1], text]));

const wanted = new Set();
function want(name) {
  const text = byName.get(name);
  if (!text || wanted.has(name)) return;
  wanted.add(name);
  for (const [word] of text.replace(/\/\*\*[^]*?\*\//g, "").matchAll(/\b[A-Z]\w+/g)) want(word);
}
for (const root of ROOTS) {
  if (!byName.has(root)) throw new Error(`${SOURCE.pathname}: expected a declaration of ${root}`);
  want(root);
}

/** What the client does by itself. */
const OWN_METHODS = ["ping", "refreshToken"];

const methods = [...byName.get("Methods").matchAll(/^ {2}(\w+): \{ params/gm)].map(([, name]) => name).filter((name) => !OWN_METHODS.includes(name));
const text = `// The protocol as clients see it, made from protocol/generated/protocol.d.ts by \`npm run protocol\`.

${blocks.filter((block) => [...wanted].some((name) => block === byName.get(name))).join("\n\n")}

/** The methods of clients without those that the client calls by itself. */
export const METHODS = [
${methods.map((name) => `  "${name}",`).join("\n")}
] as const;
`;

if (!process.argv.includes("--check")) writeFileSync(TARGET, text);
else if (readFileSync(TARGET, "utf8") !== text) {
  console.error("clients/web/src/protocol.ts is not current: run `npm run protocol` in clients/web");
  process.exit(1);
}
