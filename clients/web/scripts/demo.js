// The page that the gateway serves at `/`: demo/ and the package in one file. Writes gateway/demo/page.js; with --check, fails where it is not current.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const TARGET = new URL("../../../gateway/demo/page.js", import.meta.url);
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const { outputFiles } = await build({
  entryPoints: [path("demo/main.js")], alias: { "conversation-client": path("src/index.ts") },
  bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8", write: false,
  banner: { js: "// Made from clients/web/demo by `npm run demo` in clients/web." },
});
const { text } = outputFiles[0];

if (!process.argv.includes("--check")) writeFileSync(TARGET, text);
else if (readFileSync(TARGET, "utf8") !== text) {
  console.error("gateway/demo/page.js is not current: run `npm run demo` in clients/web");
  process.exit(1);
}
