//! The streams as AsyncAPI 3.0: the WebSocket with its calls, replies and events, and the server-sent events.

use super::{
    capitalized,
    openapi::{codes, description},
    schemas::{Call, Schemas, frame_name, reference},
};
use conversation_protocol::{
    EventName,
    catalog::TOPICS,
    limits::{DEVICE_BYTES_MAX, FRAME_BYTES_MAX, PAGE_ROWS_MAX, WINDOW_ROWS_DEFAULT},
};
use serde_json::{Map, Value, json};

const ABOUT: &str = "The streams of the conversation gateway: a WebSocket, over which clients call and get replies and events, and server-sent \
    events with the same events. Calls over HTTP are in `/openapi.json`, the contract in words in PROTOCOL.md. Events and replies are open: \
    a client ignores events and fields that it does not know.";

/// The whole document.
pub(crate) fn document(schemas: &Schemas) -> Value {
    let mut messages = Map::new();
    let mut operations = Map::new();
    for call in [&schemas.authenticate].into_iter().chain(&schemas.client) {
        add_call(call, schemas, &mut messages, &mut operations);
    }
    messages.insert("errorReply".to_owned(), error_reply(schemas));
    let of_websocket: Map<String, Value> = messages.keys().map(|name| (name.clone(), component(name))).collect();
    for event in &schemas.events {
        messages.insert(event.as_str().to_owned(), event_message(*event, schemas));
    }
    let events: Map<String, Value> =
        schemas.events.iter().map(|event| (event.as_str().to_owned(), component(event.as_str()))).collect();
    for (id, channel, summary) in [
        ("sendEvents", "websocket", "Events of a session over a WebSocket."),
        ("streamEvents", "events", "Events of a session as server-sent events."),
    ] {
        let references: Vec<Value> = schemas.events.iter().map(|event| in_channel(channel, event.as_str())).collect();
        operations.insert(
            id.to_owned(),
            json!({ "action": "send", "channel": of_channel(channel), "summary": summary, "messages": references }),
        );
    }
    let mut components = Value::Object(schemas.used_by(&json!(messages)));
    wrap_references(&mut components);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Conversation gateway, streams",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0" },
            "tags": TOPICS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect::<Vec<_>>(),
        },
        "defaultContentType": "application/json",
        "servers": {
            "websocket": { "host": "127.0.0.1:8080", "protocol": "ws", "security": security() },
            "events": { "host": "127.0.0.1:8080", "protocol": "http", "security": security() },
        },
        "channels": {
            "websocket": {
                "address": "/v1/ws",
                "title": "WebSocket",
                "description": websocket_description(schemas),
                "servers": [{ "$ref": "#/servers/websocket" }],
                "messages": of_websocket.into_iter().chain(events.clone()).collect::<Map<_, _>>(),
                "bindings": { "ws": { "method": "GET", "query": query() } },
                "x-close-codes": close_codes(schemas),
            },
            "events": {
                "address": "/v1/events",
                "title": "Server-sent events",
                "description": "Each event has the fields `event` (its name), `id` (the cursor, where there is one) and `data` (JSON); the payloads here \
                    are the same in one object, as a WebSocket frame has them. A comment comes at once and every 15 s. Before `reconnect` stands a \
                    `retry:` line. The query is that of the WebSocket; `Last-Event-ID` wins over `since`.",
                "servers": [{ "$ref": "#/servers/events" }],
                "messages": events,
            },
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": components,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "tokenInQuery": { "type": "httpApiKey", "in": "query", "name": "token" },
            },
        },
    })
}

fn security() -> Value {
    json!([{ "$ref": "#/components/securitySchemes/token" }, { "$ref": "#/components/securitySchemes/tokenInQuery" }])
}

fn component(name: &str) -> Value {
    json!({ "$ref": format!("#/components/messages/{name}") })
}

fn of_channel(channel: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}") })
}

fn in_channel(channel: &str, message: &str) -> Value {
    json!({ "$ref": format!("#/channels/{channel}/messages/{message}") })
}

/// A method as two messages, and as an operation with its reply.
fn add_call(call: &Call, schemas: &Schemas, messages: &mut Map<String, Value>, operations: &mut Map<String, Value>) {
    let method = &call.method;
    let (request, reply) = (format!("{}Request", method.name), format!("{}Reply", method.name));
    let examples = |kind: &str, field: &str| -> Vec<Value> {
        let values = schemas.prose.examples(kind, method.name);
        let frame = |value: Value| match field {
            "params" => json!({ "payload": { "id": 1, "method": method.name, "params": value } }),
            _ => json!({ "payload": { "id": 1, "result": value } }),
        };
        values.into_iter().map(frame).collect()
    };
    let has_required = schemas.components
        [call.params["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default()]
    .get("required")
    .is_some();
    let mut required = vec!["id", "method"];
    if has_required {
        required.push("params");
    }
    messages.insert(
        request.clone(),
        json!({
            "name": method.name,
            "title": method.name,
            "summary": method.summary,
            "payload": {
                "type": "object",
                "properties": { "id": reference("RequestId"), "method": { "const": method.name }, "params": call.params },
                "required": required,
                "additionalProperties": false,
            },
            "examples": examples("params", "params"),
        }),
    );
    messages.insert(
        reply.clone(),
        json!({
            "name": reply,
            "title": format!("{} is done", method.name),
            "payload": {
                "type": "object",
                "properties": { "id": reference("RequestId"), "result": call.result },
                "required": ["id", "result"],
            },
            "examples": examples("result", "result"),
        }),
    );
    operations.insert(
        method.name.to_owned(),
        json!({
            "action": "receive",
            "channel": of_channel("websocket"),
            "title": method.name,
            "summary": method.summary,
            "description": description(method, schemas.prose.of_client(method.name)),
            "tags": [{ "name": method.topic }],
            "messages": [in_channel("websocket", &request)],
            "reply": {
                "channel": of_channel("websocket"),
                "messages": [in_channel("websocket", &reply), in_channel("websocket", "errorReply")],
            },
            "x-errors": codes(method.errors),
            "x-errors-within-result": codes(method.inner_errors),
        }),
    );
}

fn error_reply(schemas: &Schemas) -> Value {
    let codes = schemas
        .prose
        .errors()
        .into_iter()
        .map(|row| format!("- {}: {}. What to do: {}.", row.code, row.when, row.remedy));
    let examples: Vec<Value> = schemas
        .prose
        .examples("reply", "")
        .into_iter()
        .filter(|reply| reply.get("error").is_some())
        .map(|payload| json!({ "payload": payload }))
        .collect();
    json!({
        "name": "errorReply",
        "title": "A call failed",
        "description": format!("`id` is absent where the frame was no request.\n\n{}", codes.collect::<Vec<_>>().join("\n")),
        "payload": {
            "type": "object",
            "properties": { "id": reference("RequestId"), "error": reference("ErrorBody") },
            "required": ["error"],
        },
        "examples": examples,
    })
}

fn event_message(event: EventName, schemas: &Schemas) -> Value {
    let name = event.as_str();
    let examples = schemas.prose.examples("event", "").into_iter().filter(|frame| frame["event"] == name);
    json!({
        "name": name,
        "title": name,
        "summary": format!("{}.", capitalized(&schemas.prose.of_event(name))),
        "payload": reference(&frame_name(event)),
        "examples": examples.map(|payload| json!({ "payload": payload })).collect::<Vec<_>>(),
    })
}

fn websocket_description(schemas: &Schemas) -> String {
    let codes = schemas.prose.close_codes().into_iter().map(|row| {
        let last =
            if row.last_event.is_empty() { String::new() } else { format!(" The last event is `{}`.", row.last_event) };
        format!("- {} {}: {}.{last}", row.code, row.name, row.why)
    });
    format!(
        "Text frames of JSON. A client sends requests of at most {FRAME_BYTES_MAX} bytes; each gets one reply with its id. Events come in between. \
         The server pings every 25 s and expects a pong, or anything else, within 10 s.\n\nThe range of a close code says what a client does. \
         4000 to 4099: stop. 4100 to 4199: back off. 4200 to 4299: reconnect now, with the cursor.\n\n{}",
        codes.collect::<Vec<_>>().join("\n")
    )
}

fn close_codes(schemas: &Schemas) -> Vec<Value> {
    let code = |row: super::prose::CloseRow| {
        let last_event = if row.last_event.is_empty() { Value::Null } else { json!(row.last_event) };
        json!({ "code": row.code, "name": row.name, "why": row.why, "lastEvent": last_event })
    };
    schemas.prose.close_codes().into_iter().map(code).collect()
}

fn query() -> Value {
    json!({
        "type": "object",
        "properties": {
            "since": { "type": "string", "description": "The cursor that the client has; without one the sync is a full one." },
            "window": {
                "type": "integer", "minimum": 1, "maximum": PAGE_ROWS_MAX, "default": WINDOW_ROWS_DEFAULT,
                "description": "Rows of a full sync.",
            },
            "device": { "type": "string", "maxLength": DEVICE_BYTES_MAX, "description": "The device's name." },
            "filter": { "type": "string", "description": "A filter as JSON whose unread total is told; may come up to 20 times." },
            "token": { "type": "string", "description": "The token, where no header can be sent." },
        },
    })
}

/// In the JSON Schema of AsyncAPI nothing beside a reference counts, so what is said there goes around it.
fn wrap_references(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(wrap_references),
        Value::Object(object) => {
            if object.len() > 1
                && let Some(reference) = object.remove("$ref")
            {
                object.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
            }
            object.values_mut().for_each(wrap_references);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
