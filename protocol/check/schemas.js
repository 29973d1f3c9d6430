// What do the documents say that a params, a result, a frame looks like? Validators by name, the same for all checks.

import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";

const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

export const openapi = JSON.parse(read("../generated/openapi.json"));
export const asyncapi = JSON.parse(read("../generated/asyncapi.json"));

/** Params are closed by the documents. Answers are open to later versions; what this version writes is all described. */
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== "object") return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isObject = copy.type === "object" && !("additionalProperties" in copy) && !("patternProperties" in copy);
  return isObject ? { ...copy, additionalProperties: false } : copy;
}

const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
ajv.addVocabulary(["components"]);
ajv.addSchema(closed({ $id: "openapi", components: { schemas: openapi.components.schemas } }));
const messages = Object.fromEntries(Object.entries(asyncapi.components.messages).map(([name, { payload }]) => [name, payload]));
ajv.addSchema(closed({ $id: "asyncapi", components: { schemas: asyncapi.components.schemas, messages } }));

const validators = new Map();

/** Throws with everything that is wrong with a value. */
function check(pointer, value) {
  if (!validators.has(pointer)) validators.set(pointer, ajv.compile({ $ref: pointer }));
  const validate = validators.get(pointer);
  if (!validate(value)) {
    const problems = validate.errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
    throw new Error(`${pointer}: ${problems.slice(0, 5).join("; ")} in ${JSON.stringify(value).slice(0, 600)}`);
  }
}

/** The operation of a method in openapi.json; a method that is for WebSockets alone has none. */
export function operation(side, method) {
  return openapi.paths[side === "server" ? `/server/v1/${method}` : `/v1/${method}`]?.post;
}

const inOpenapi = (reference) => `openapi${reference}`;

export function checkParams(side, method, params) {
  const http = operation(side, method);
  if (http) check(inOpenapi(http.requestBody.content["application/json"].schema.$ref), params);
  if (side === "client") check(`asyncapi#/components/messages/${method}Request`, { id: 1, method, params });
}

export function checkResult(side, method, result) {
  const http = operation(side, method);
  if (http) check(inOpenapi(http.responses["200"].content["application/json"].schema.$ref), result);
  if (side === "client") check(`asyncapi#/components/messages/${method}Reply`, { id: 1, result });
}

export const checkComponent = (name, value) => check(`openapi#/components/schemas/${name}`, value);
export const checkRequest = (frame) => check(`asyncapi#/components/messages/${frame.method}Request`, frame);
/** The answer to a call over WebSocket. */
export const checkReply = (method, frame) =>
  check(`asyncapi#/components/messages/${frame.error ? "errorReply" : `${method}Reply`}`, frame);

/** An event, over WebSocket or put together from the fields of a server-sent one. */
export function checkEvent(frame) {
  if (!(frame.event in asyncapi.channels.events.messages)) throw new Error(`${frame.event} is no event of asyncapi.json`);
  check(`asyncapi#/components/messages/${frame.event}`, frame);
}

/** The methods of a side, as asyncapi.json and openapi.json have them. */
export function methods(side) {
  if (side === "server") {
    return Object.keys(openapi.paths).filter((path) => path.startsWith("/server/v1/")).map((path) => path.slice("/server/v1/".length));
  }
  const calls = Object.keys(asyncapi.operations).filter((id) => asyncapi.operations[id].action === "receive");
  return calls.filter((id) => id !== "authenticate");
}
