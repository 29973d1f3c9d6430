// What do the two documents say? Draws methods, events, objects, errors and close codes; nothing is written here but headings.

const [openapi, asyncapi] = await Promise.all(["/openapi.json", "/asyncapi.json"].map(async (path) => (await fetch(path)).json()));
const schemas = { ...asyncapi.components.schemas, ...openapi.components.schemas };
const main = document.getElementById("main");
const contents = document.getElementById("contents");

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const nameOf = (reference) => reference.slice(reference.lastIndexOf("/") + 1);
const follow = (schema) => (schema?.$ref ? schemas[nameOf(schema.$ref)] : schema);

/** `code` and **bold** in a line of text. */
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 2) return element("code", {}, part.slice(1, -1));
    if (part.startsWith("**") && part.length > 4) return element("b", {}, part.slice(2, -2));
    return part;
  });
}

const row = (cell, line) => element("tr", {}, line.replace(/^\||\|$/g, "").split("|").map((text) => element(cell, {}, inline(text.trim()))));

/** Paragraphs, lists and tables of the small Markdown that descriptions have. */
function prose(text = "") {
  return text.split(/\n\n+/).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    if (lines[0].startsWith("|")) {
      const table = element("table", {}, row("th", lines[0]), lines.slice(2).map((line) => row("td", line)));
      return element("div", { className: "tables" }, table);
    }
    const [before, ...items] = block.split(/(?:^|\n)- /);
    const list = items.length > 0 ? element("ul", {}, items.map((item) => element("li", {}, inline(item)))) : null;
    return element("div", {}, before ? element("p", {}, inline(before)) : null, list);
  });
}

const between = (parts, separator) => parts.flatMap((part, index) => (index > 0 ? [separator, ...part] : part));

/** A type in words, with links to the objects it names. */
function type(schema) {
  if (!schema || schema === true) return ["anything"];
  if (schema.$ref) return [element("a", { href: `#type-${nameOf(schema.$ref)}` }, nameOf(schema.$ref))];
  if (schema.allOf) return type(schema.allOf[0]);
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.enum) return schema.enum.length > 16 ? ["integer"] : [schema.enum.map((value) => JSON.stringify(value)).join(" | ")];
  if (schema.properties) {
    const parts = Object.entries(schema.properties).map(([name, field]) => [`${name}: `, ...type(field)]);
    return ["{ ", ...between(parts, ", "), " }"];
  }
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return between(choices.map(type), " | ");
  if (schema.type === "array") return ["[", ...type(schema.items), "]"];
  const values = Object.values(schema.patternProperties ?? {})[0] ?? schema.additionalProperties;
  if (schema.type === "object" && typeof values === "object") return ["{ id: ", ...type(values), " }"];
  return [[schema.type].flat().join(" | ")];
}

const SAFE_MAX = Number.MAX_SAFE_INTEGER;

/** What bounds a value, where its description does not. */
function bounds(schema) {
  const words = (schema.description ?? "").replaceAll(",", "");
  const said = [];
  const { minLength, maxLength, minItems, maxItems, minimum, maximum } = schema;
  const range = (least, most, of) => `${least ? `${least} to` : "at most"} ${most.toLocaleString("en")} ${of}`;
  if (maxLength && !words.includes(maxLength)) said.push(range(minLength, maxLength, "bytes"));
  if (maxItems && !words.includes(maxItems)) said.push(range(minItems, maxItems, "entries"));
  if (minimum > 0 && maximum && !words.includes("2^53")) said.push(`${minimum} to ${maximum === SAFE_MAX ? "2^53 − 1" : maximum.toLocaleString("en")}`);
  if ("default" in schema && schema.default !== null) said.push(`default ${JSON.stringify(schema.default)}`);
  return said.length > 0 ? element("span", { className: "optional" }, ` ${said.join(", ")}`) : null;
}

/** The fields of an object as a table; what has none, in words. */
function fields(schema) {
  const object = follow(schema);
  const names = Object.keys(object?.properties ?? {});
  if (names.length === 0) {
    if (object?.type === "object" && !object.patternProperties) return [element("p", {}, element("code", {}, "{}"))];
    const meanings = (object?.oneOf ?? []).filter((choice) => "const" in choice && choice.description);
    const list = meanings.map((choice) => element("li", {}, element("code", {}, JSON.stringify(choice.const)), ` ${choice.description}`));
    return [element("p", {}, ...type(object), bounds(object)), list.length > 0 ? element("ul", {}, list) : null];
  }
  const isRequired = (name) => object.required?.includes(name);
  names.sort((a, b) => Number(isRequired(b) ?? false) - Number(isRequired(a) ?? false));
  const rows = names.map((name) => {
    const field = object.properties[name];
    const optional = isRequired(name) ? null : element("span", { className: "optional" }, " optional");
    return element("tr", {}, element("td", {}, element("code", {}, name), optional), element("td", {}, ...type(field)),
      element("td", {}, ...inline(field.description ?? ""), bounds(field)));
  });
  const head = element("tr", {}, ["field", "type", "meaning"].map((text) => element("th", {}, text)));
  return [element("div", { className: "tables" }, element("table", { className: "fields" }, head, rows))];
}

function examples(title, values) {
  const blocks = values.map((value) => element("pre", {}, JSON.stringify(value, null, 2)));
  return blocks.length > 0 ? element("details", {}, element("summary", {}, title), blocks) : null;
}

function part(title, about) {
  main.append(element("section", {}, element("h2", {}, title), element("p", {}, ...inline(about))));
  contents.append(element("section", {}, element("h2", {}, title)));
}

function article(id, title, where, ...children) {
  const link = element("a", { href: `#${id}` }, title);
  const made = element("article", { id }, element("h3", {}, link, element("span", { className: "where" }, where)), ...children);
  made.dataset.words = `${title} ${where}`.toLowerCase();
  main.lastElementChild.append(made);
  const entry = element("a", { href: `#${id}` }, title);
  entry.dataset.words = made.dataset.words;
  contents.lastElementChild.append(entry);
}

const valuesOf = (content) => Object.values(content?.examples ?? {}).map(({ value }) => value);

function httpMethod(path, operation) {
  const params = operation.requestBody.content["application/json"];
  const result = operation.responses["200"].content["application/json"];
  const isBackend = path.startsWith("/server/");
  const overBoth = isBackend ? `POST ${path}` : `POST ${path}, WebSocket`;
  const statuses = Object.keys(operation.responses).filter((status) => status !== "200");
  article(isBackend ? `server-${path.split("/").pop()}` : `method-${operation.operationId}`, path.split("/").pop(), overBoth,
    element("p", {}, operation.summary), ...prose(operation.description),
    element("h4", {}, "Params"), ...fields(params.schema), element("h4", {}, "Result"), ...fields(result.schema),
    element("p", { className: "optional" }, "Failures: ", ...between(statuses.map((status) => [element("a", { href: `#status-${status}` }, status)]), ", ")),
    examples("Examples of params", valuesOf(params)), examples("Examples of the result", valuesOf(result)));
}

const message = (reference) => asyncapi.components.messages[nameOf(reference)];

function websocketMethod(operation) {
  const request = message(operation.messages[0].$ref);
  const reply = message(operation.reply.messages[0].$ref);
  const payloads = ({ examples: shown = [] }, field) => shown.map(({ payload }) => payload[field]);
  article(`method-${operation.title}`, operation.title, "WebSocket alone",
    element("p", {}, operation.summary), ...prose(operation.description),
    element("h4", {}, "Params"), ...fields(request.payload.properties.params),
    element("h4", {}, "Result"), ...fields(reply.payload.properties.result),
    examples("Examples of params", payloads(request, "params")), examples("Examples of the result", payloads(reply, "result")));
}

function draw() {
  document.getElementById("version").textContent = openapi.info.version;
  main.replaceChildren(...prose(openapi.info.description));
  const onlyWebsocket = Object.values(asyncapi.operations).filter(({ action, title }) => action === "receive" && !openapi.paths[`/v1/${title}`]);
  for (const { name, description } of openapi.tags) {
    if (name === "Streams" || name === "Operators") continue;
    part(name, description);
    for (const [path, { post }] of Object.entries(openapi.paths)) if (post?.tags.includes(name)) httpMethod(path, post);
    for (const operation of onlyWebsocket) if (operation.tags[0].name === name) websocketMethod(operation);
  }
  part("Events", "The same over WebSocket, as `event`, `cursor` and `data`, and in server-sent events, as `event`, `id` and `data`.");
  for (const name of asyncapi.operations.sendEvents.messages.map(({ $ref }) => nameOf($ref))) {
    const event = message(`/${name}`);
    const { data } = follow(event.payload).properties;
    article(`event-${name}`, name, "event", ...prose(follow(data).description),
      element("h4", {}, "Data"), ...fields(data), examples("Examples", (event.examples ?? []).map(({ payload }) => payload)));
  }
  part("Connections", "Where events come from, and what operators ask.");
  for (const [path, { get }] of Object.entries(openapi.paths)) {
    if (!get) continue;
    const answers = Object.entries(get.responses).map(([status, { description, $ref }]) =>
      element("li", {}, element("code", {}, status), " ", $ref ? element("a", { href: `#status-${status}` }, "an error") : description));
    const parameters = (get.parameters ?? []).map(({ $ref }) => openapi.components.parameters[nameOf($ref)]);
    const shown = parameters.map(({ name, in: place, description }) => element("li", {}, element("code", {}, name), ` in the ${place}: ${description}`));
    article(`path-${get.operationId}`, path, "GET", element("p", {}, get.summary), ...prose(get.description),
      shown.length > 0 ? element("ul", {}, shown) : null, element("ul", {}, answers));
  }
  part("Errors", "The codes behind each HTTP status; over WebSocket the same codes without the status.");
  for (const [name, response] of Object.entries(openapi.components.responses)) {
    const status = name.replace("Status", "");
    article(`status-${status}`, status, "HTTP status", ...prose(response.description));
  }
  part("Close codes", "Why a WebSocket is closed. 4000 to 4099: stop. 4100 to 4199: back off. 4200 to 4299: reconnect now, with the cursor.");
  for (const { code, name, why, lastEvent } of asyncapi.channels.websocket["x-close-codes"]) {
    article(`close-${code}`, `${code}`, name, element("p", {}, ...inline(why)), lastEvent ? element("p", {}, "The last event is ", element("a", { href: `#event-${lastEvent}` }, lastEvent), ".") : null);
  }
  part("Objects", "What params, results and events are made of.");
  for (const name of Object.keys(schemas).sort()) {
    if (!/(Event|Data)$/.test(name)) article(`type-${name}`, name, "object", element("p", {}, ...inline(schemas[name].description ?? "")), ...fields(schemas[name]));
  }
}

draw();
if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();

document.getElementById("search").addEventListener("input", ({ target }) => {
  const wanted = target.value.trim().toLowerCase();
  for (const found of document.querySelectorAll("[data-words]")) found.hidden = !found.dataset.words.includes(wanted);
  for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector("[data-words]:not([hidden])");
});
