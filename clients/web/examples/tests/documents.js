// Which code stands in a document? Its fenced blocks, so that a test can run what a reader would copy.

import { readFile } from "node:fs/promises";

const FENCE = /^```(html|jsx?)\n([^]*?)^```$/gm;
const FILE_NAME = /^(?:\/\/|<!--) (\S+\.\w+)/;

/** The code of each block of HTML or JavaScript of a document; under a heading, if one is given. */
export async function codeIn(document, heading) {
  let text = `\n${await readFile(document, "utf8")}`;
  if (heading) {
    const start = text.indexOf(`\n${heading}\n`);
    if (start < 0) throw new Error(`${document}: expected the heading ${heading}`);
    const [part] = text.slice(start + heading.length + 2).split(/^#+ /m);
    text = part;
  }
  return [...text.matchAll(FENCE)].map(([, , code]) => code);
}

/** The files that a document shows: each block begins with a comment that names it. */
export async function filesIn(document) {
  return Object.fromEntries(
    (await codeIn(document)).map((code) => {
      const name = FILE_NAME.exec(code)?.[1];
      if (!name) throw new Error(`${document}: expected a file's name in the first line of\n${code}`);
      return [name, code];
    }),
  );
}
