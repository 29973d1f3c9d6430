// Is the package still small? Bundles and minifies each entry as an app would, compresses it, and compares with its bound.

import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The most bytes of each entry, with all that it imports. */
const BYTES_MAX = { "index.js": 10 * 1024, "sdk/index.js": 15 * 1024 };

for (const [entry, bytesMax] of Object.entries(BYTES_MAX)) {
  const path = fileURLToPath(new URL(`../dist/${entry}`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, minify: true, format: "esm", target: "es2022", write: false });
  const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  console.log(`clients/web ${entry}: ${bytes} of ${bytesMax} bytes, minified and compressed`);
  if (bytes > bytesMax) process.exitCode = 1;
}
