//! The HTTP side as OpenAPI 3.1: calls of clients and backends, the stream of events, and what operators ask.

use super::{
    capitalized,
    prose::ErrorRow,
    schemas::{Call, Schemas, reference},
};
use conversation_protocol::{
    catalog::{Cost, Method, TOPICS, Transport},
    error::ErrorKind,
    limits::{
        CLIENT_BODY_BYTES_MAX, DEVICE_BYTES_MAX, FILTERS_MAX, PAGE_ROWS_MAX, SERVER_BODY_BYTES_MAX, WINDOW_ROWS_DEFAULT,
    },
};
use serde_json::{Map, Value, json};

const ABOUT: &str = "A real-time push gateway for conversation lists. Clients call `/v1/<method>` and listen to `/v1/events` or \
    `/v1/ws`; backends call `/server/v1/<method>`. What streams carry is in `/asyncapi.json`, the contract in words in PROTOCOL.md. \
    Requests are strict: a field that the gateway does not know is refused with 6017. Answers are open: later versions may add fields \
    and error codes. Lengths of texts are limits of bytes in UTF-8; `maxLength`, which counts characters, is their upper bound.";

/// The statuses that every call may answer, beside those of its own errors.
const OF_EVERY_CALL: [u16; 7] = [400, 401, 403, 413, 429, 500, 503];

/// The whole document.
pub(crate) fn document(schemas: &Schemas) -> Value {
    let mut paths = Map::new();
    for call in &schemas.client {
        if call.method.transport != Transport::WebSocket {
            let path = format!("/v1/{}", call.method.name);
            paths.insert(path, json!({ "post": client_operation(call, schemas) }));
        }
    }
    for call in &schemas.server {
        let path = format!("/server/v1/{}", call.method.name);
        paths.insert(path, json!({ "post": server_operation(call, schemas) }));
    }
    paths.insert("/v1/events".to_owned(), json!({ "get": events_operation() }));
    paths.insert("/v1/ws".to_owned(), json!({ "get": websocket_operation() }));
    paths.extend(operators());
    let topics = TOPICS.iter().map(|(name, about)| json!({ "name": name, "description": about }));
    let others = [("Streams", "Where events come from."), ("Operators", "Whether the node lives, and what it counts.")];
    let others = others.iter().map(|(name, about)| json!({ "name": name, "description": about }));
    let (parameters, responses) = (parameters(), responses(&schemas.prose.errors()));
    let used = schemas.used_by(&json!([paths, parameters, responses]));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Conversation gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The gateway that serves this document." }],
        "tags": topics.chain(others).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": used,
            "parameters": parameters,
            "headers": {
                "RetryAfter": {
                    "description": "Seconds to wait before the same call.",
                    "schema": { "type": "integer", "minimum": 0 },
                },
            },
            "responses": responses,
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A client's token: a JWT with `sub` (the userID) and `exp`, signed by HS256, RS256, ES256 or EdDSA.",
                },
                "tokenInQuery": {
                    "type": "apiKey", "in": "query", "name": "token",
                    "description": "The same token, for browsers, which cannot set a header on a stream.",
                },
                "apiKey": { "type": "http", "scheme": "bearer", "description": "A backend's key." },
            },
        },
    })
}

fn client_operation(call: &Call, schemas: &Schemas) -> Value {
    let prose = &schemas.prose;
    let examples = (prose.examples("params", call.method.name), prose.examples("result", call.method.name));
    let mut operation = operation(call, prose.of_client(call.method.name), CLIENT_BODY_BYTES_MAX, examples);
    operation["operationId"] = json!(call.method.name);
    operation["security"] = json!([{ "token": [] }, { "tokenInQuery": [] }]);
    operation["parameters"] = json!([{ "$ref": "#/components/parameters/device" }]);
    operation
}

fn server_operation(call: &Call, schemas: &Schemas) -> Value {
    let prose = &schemas.prose;
    let examples =
        (prose.examples("server-params", call.method.name), prose.examples("server-result", call.method.name));
    let mut operation = operation(call, prose.of_server(call.method.name), SERVER_BODY_BYTES_MAX, examples);
    operation["operationId"] = json!(format!("server{}", capitalized(call.method.name)));
    operation["security"] = json!([{ "apiKey": [] }]);
    operation
}

fn operation(call: &Call, prose: String, body_bytes_max: usize, examples: (Vec<Value>, Vec<Value>)) -> Value {
    let method = &call.method;
    let mut statuses: Vec<u16> =
        OF_EVERY_CALL.into_iter().chain(method.errors.iter().map(|kind| kind.status())).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let mut answers = Map::new();
    answers.insert("200".to_owned(), json!({ "description": "Done.", "content": content(&call.result, examples.1) }));
    for status in statuses {
        answers
            .insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{}", response_name(status)) }));
    }
    json!({
        "tags": [method.topic],
        "summary": method.summary,
        "description": description(method, prose),
        "requestBody": {
            "description": format!("The params, at most {body_bytes_max} bytes; no body is `{{}}`."),
            "required": true,
            "content": content(&call.params, examples.0),
        },
        "responses": answers,
        "x-errors": codes(method.errors),
        "x-errors-within-result": codes(method.inner_errors),
    })
}

/// What PROTOCOL.md says of a method, and what the catalog adds.
pub(crate) fn description(method: &Method, prose: String) -> String {
    let cost = match method.cost {
        Cost::Nothing => None,
        Cost::Units(1) => Some("It costs 1 unit of the rate limit.".to_owned()),
        Cost::Units(units) if prose.contains(&format!("It costs {units} units")) => None,
        Cost::Units(units) => Some(format!("It costs {units} units of the rate limit.")),
        Cost::PerTenIds => Some("It costs 1 unit of the rate limit for each 10 ids.".to_owned()),
    };
    let mut parts: Vec<String> = [prose].into_iter().chain(cost).filter(|part| !part.is_empty()).collect();
    let list = |kinds: &[ErrorKind]| codes(kinds).iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    if !method.errors.is_empty() {
        parts.push(format!("Errors of its own: {}.", list(method.errors)));
    }
    if !method.inner_errors.is_empty() {
        parts.push(format!("Errors within the result: {}.", list(method.inner_errors)));
    }
    parts.join("\n\n")
}

/// The codes of kinds of errors.
pub(crate) fn codes(kinds: &[ErrorKind]) -> Vec<u32> {
    kinds.iter().map(|kind| kind.code()).collect()
}

fn content(schema: &Value, examples: Vec<Value>) -> Value {
    let named: Map<String, Value> = examples
        .into_iter()
        .enumerate()
        .map(|(index, value)| (format!("example{}", index + 1), json!({ "value": value })))
        .collect();
    json!({ "application/json": { "schema": schema, "examples": named } })
}

fn events_operation() -> Value {
    json!({
        "operationId": "events",
        "tags": ["Streams"],
        "summary": "The events of a session, as server-sent events.",
        "description": "A comment at once and every 15 s, then events with the fields `event`, `id` (the cursor) and `data` (JSON). What they hold is in `/asyncapi.json`.",
        "security": [{ "token": [] }, { "tokenInQuery": [] }],
        "parameters": [
            { "$ref": "#/components/parameters/since" },
            { "$ref": "#/components/parameters/lastEventId" },
            { "$ref": "#/components/parameters/window" },
            { "$ref": "#/components/parameters/device" },
            { "$ref": "#/components/parameters/filter" },
        ],
        "responses": {
            "200": {
                "description": "The stream.",
                "content": { "text/event-stream": { "schema": { "type": "string" } } },
            },
            "204": { "description": "The token was kicked: stay away. It stops an EventSource." },
            "400": { "$ref": "#/components/responses/Status400" },
            "401": { "$ref": "#/components/responses/Status401" },
            "403": { "$ref": "#/components/responses/Status403" },
            "429": { "$ref": "#/components/responses/Status429" },
            "503": { "$ref": "#/components/responses/Status503" },
        },
    })
}

fn websocket_operation() -> Value {
    json!({
        "operationId": "websocket",
        "tags": ["Streams"],
        "summary": "The same events, and calls, over a WebSocket.",
        "description": "An upgrade to WebSocket, with the subprotocol `conversations.v1` if the client offers one. What goes wrong after it is told by a close code: a browser cannot see the status of a refused upgrade. Frames and close codes are in `/asyncapi.json`.",
        "security": [{ "token": [] }, { "tokenInQuery": [] }, {}],
        "parameters": [
            { "$ref": "#/components/parameters/since" },
            { "$ref": "#/components/parameters/window" },
            { "$ref": "#/components/parameters/device" },
            { "$ref": "#/components/parameters/filter" },
        ],
        "responses": {
            "101": { "description": "The connection is a WebSocket." },
            "400": { "description": "Not an upgrade to WebSocket." },
        },
    })
}

fn operators() -> Vec<(String, Value)> {
    let text = |example: &str| json!({ "text/plain": { "schema": { "type": "string" }, "example": example } });
    let get = |id: &str, summary: &str, responses: Value| json!({ "get": { "operationId": id, "tags": ["Operators"], "summary": summary, "security": [], "responses": responses } });
    let json_document = json!({ "200": { "description": "The document.", "content": { "application/json": { "schema": { "type": "object" } } } } });
    let page = json!({ "200": { "description": "The page.", "content": { "text/html": { "schema": { "type": "string" } } } } });
    vec![
        (
            "/healthz".to_owned(),
            get(
                "healthz",
                "Whether the process lives.",
                json!({
                    "200": { "description": "It lives.", "content": text("alive\n") },
                }),
            ),
        ),
        (
            "/readyz".to_owned(),
            get(
                "readyz",
                "Whether the node can serve.",
                json!({
                    "200": { "description": "It can.", "content": text("ready\n") },
                    "503": { "description": "It cannot: the reason.", "content": text("not ready: draining\n") },
                }),
            ),
        ),
        (
            "/metrics".to_owned(),
            get(
                "metrics",
                "What the node counts, for Prometheus; on the internal address where there is one.",
                json!({
                    "200": { "description": "The metrics.", "content": text("gateway_sessions 0\n") },
                }),
            ),
        ),
        ("/openapi.json".to_owned(), get("openapi", "This document.", json_document.clone())),
        ("/asyncapi.json".to_owned(), get("asyncapi", "The document of the streams.", json_document)),
        ("/docs".to_owned(), get("docs", "Both documents as a page.", page)),
    ]
}

/// What may stand in the query or the headers of a connect.
fn parameters() -> Value {
    json!({
        "since": {
            "name": "since", "in": "query",
            "description": "The cursor that the client has; without one, or with one that cannot be served, the sync is a full one.",
            "schema": { "type": "string" },
        },
        "lastEventId": {
            "name": "Last-Event-ID", "in": "header",
            "description": "The same, as an EventSource sends it; it wins over `since`.",
            "schema": { "type": "string" },
        },
        "window": {
            "name": "window", "in": "query",
            "description": "Rows of a full sync.",
            "schema": { "type": "integer", "minimum": 1, "maximum": PAGE_ROWS_MAX, "default": WINDOW_ROWS_DEFAULT },
        },
        "device": {
            "name": "device", "in": "query",
            "description": "The device's name, so that a backend can kick this one.",
            "schema": { "type": "string", "maxLength": DEVICE_BYTES_MAX },
        },
        "filter": {
            "name": "filter", "in": "query",
            "description": "Filters as JSON whose unread totals are told; may come several times.",
            "schema": { "type": "array", "maxItems": FILTERS_MAX, "items": { "type": "string", "contentMediaType": "application/json", "contentSchema": reference("Filter") } },
            "style": "form",
            "explode": true,
        },
    })
}

fn response_name(status: u16) -> String {
    format!("Status{status}")
}

/// One response for each status of the table of errors.
fn responses(errors: &[ErrorRow]) -> Value {
    let mut responses = Map::new();
    for row in errors {
        let line = format!("- {}: {}. What to do: {}.", row.code, row.when, row.remedy);
        let response = responses.entry(response_name(row.status)).or_insert_with(|| {
            let mut response = json!({
                "description": "",
                "content": { "application/json": { "schema": reference("ErrorAnswer") } },
            });
            if row.status == 429 {
                response["headers"] = json!({ "Retry-After": { "$ref": "#/components/headers/RetryAfter" } });
            }
            response
        });
        let before = response["description"].as_str().unwrap_or_default();
        response["description"] = json!(if before.is_empty() { line } else { format!("{before}\n{line}") });
    }
    Value::Object(responses)
}
