// Are the documents valid by the words of their own formats, and is every example of PROTOCOL.md what their schemas say?

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { Parser } from "@asyncapi/parser";
import { createConfig, lint } from "@redocly/openapi-core";
import { examples } from "./examples.js";
import {
  asyncapi, checkComponent, checkEvent, checkParams, checkReply, checkRequest, checkResult, methods,
} from "./schemas.js";

test("openapi.json is valid OpenAPI 3.1", async () => {
  // Streams and what operators ask are no calls that could fail with a 4xx, and an upgrade is no 2xx.
  const rules = { "operation-4xx-response": "off", "operation-2xx-response": "off" };
  const config = await createConfig({ extends: ["recommended"], rules });
  const ref = fileURLToPath(new URL("../generated/openapi.json", import.meta.url));
  const problems = await lint({ ref, config });
  assert.deepEqual(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]), []);
});

test("asyncapi.json is valid AsyncAPI 3.0", async () => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncapi));
  const problems = diagnostics.filter(({ code }) => code !== "asyncapi-latest-version");
  assert.deepEqual(problems.map(({ code, message, path }) => [code, message, path.join(".")]), []);
  assert.equal(document.version(), "3.0.0");
});

/** Who says what an example is. */
function check({ kind, name, json }) {
  switch (kind) {
    case "conversation": return checkComponent("Conversation", json);
    case "event": case "sse": return checkEvent(json);
    case "request": return checkRequest(json);
    case "reply": return checkReply(name, json);
    case "params": return checkParams("client", name, json);
    case "result": return checkResult("client", name, json);
    case "error": return checkComponent("ErrorAnswer", json);
    case "server-params": return checkParams("server", name, json);
    case "server-result": return checkResult("server", name, json);
    default: throw new Error(`${kind} is no kind of example`);
  }
}

test("every example of PROTOCOL.md is what the schemas say", () => {
  const all = examples();
  assert.ok(all.length > 100, `only ${all.length} examples were found`);
  for (const example of all) {
    try {
      check(example);
    } catch (error) {
      throw new Error(`PROTOCOL.md:${example.line}: ${example.kind} ${example.name}: ${error.message}`);
    }
  }
});

/** Copies of an example that are wrong in one place each: a field that nobody knows, a field of another type. */
function* spoiled(json) {
  if (Array.isArray(json)) return;
  yield { ...json, fieldThatNobodyKnows: 1 };
  for (const key of Object.keys(json)) yield { ...json, [key]: { notWhatWasExpected: true } };
}

test("an example that is spoiled is refused", () => {
  let refused = 0;
  for (const example of examples()) {
    for (const json of spoiled(example.json)) {
      assert.throws(() => check({ ...example, json }), undefined, `PROTOCOL.md:${example.line}: ${JSON.stringify(json)}`);
      refused++;
    }
  }
  assert.ok(refused > 300, `only ${refused} were tried`);
});

test("every method and every event of PROTOCOL.md is in the documents", () => {
  const named = (kind) => [...new Set(examples().filter((example) => example.kind === kind).map(({ name }) => name))].sort();
  assert.deepEqual(methods("client").sort(), named("params"));
  assert.deepEqual(methods("server").sort(), named("server-params"));
  const events = [...new Set(examples().filter(({ kind }) => kind === "event").map(({ json }) => json.event))].sort();
  assert.deepEqual(Object.keys(asyncapi.channels.events.messages).sort(), events);
});
