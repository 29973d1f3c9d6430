// Is the package still small? Bundles and minifies it as an app would, compresses it, and compares with the bound.

import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const BYTES_MAX = 10 * 1024;

const entry = fileURLToPath(new URL("../dist/index.js", import.meta.url));
const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: "esm", target: "es2022", write: false });
const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
console.log(`clients/web: ${bytes} of ${BYTES_MAX} bytes, minified and compressed`);
if (bytes > BYTES_MAX) process.exit(1);
