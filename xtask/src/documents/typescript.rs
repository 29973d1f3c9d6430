//! The schemas as TypeScript: every object, and maps of methods and events to their types.

use super::schemas::{Call, PLACE, Schemas, data_name};
use conversation_protocol::catalog::Transport;
use serde_json::Value;
use std::fmt::Write as _;

/// More values than this are told as the type that they have.
const LITERALS_MAX: usize = 16;

const HEAD: &str = "// The protocol of the conversation gateway: every object, method and event.
// Made from the types of the code by `cargo xtask documents`; PROTOCOL.md says what it all means.
";

const FRAMES: &str = r#"
/** A call over WebSocket. */
export type RequestFrame = {
  [Name in keyof Methods]: { id: RequestId; method: Name; params: Methods[Name]["params"] };
}[keyof Methods];

/** The answer to a call over WebSocket; `id` is absent where the frame was no request. */
export type ReplyFrame<Name extends keyof Methods = keyof Methods> =
  | { id: RequestId; result: Methods[Name]["result"] }
  | { id?: RequestId; error: ErrorBody };

/** An event over WebSocket. In server-sent events `cursor` is the field `id`. */
export type EventFrame = {
  [Name in keyof Events]: { event: Name; cursor?: Cursor; data: Events[Name] };
}[keyof Events];

/** What a client gets over WebSocket. */
export type Frame = EventFrame | ReplyFrame;
"#;

/// The whole file.
pub(crate) fn declarations(schemas: &Schemas) -> String {
    let mut text = HEAD.to_owned();
    for (name, schema) in &schemas.components {
        // The maps below say what a frame of each event is.
        if schemas.events.iter().any(|event| *name == super::schemas::frame_name(*event)) {
            continue;
        }
        text.push('\n');
        comment(&mut text, "", schema);
        if is_interface(schema) {
            let _ = writeln!(text, "export interface {name} {}", object(schema, ""));
        } else {
            let _ = writeln!(text, "export type {name} = {};", type_of(schema, ""));
        }
    }
    methods(&mut text, "Methods", "The methods of clients.", &schemas.client);
    let over_websocket = schemas.client.iter().filter(|call| call.method.transport == Transport::WebSocket);
    let names: Vec<String> = over_websocket.map(|call| format!("\"{}\"", call.method.name)).collect();
    let _ = write!(
        text,
        "\n/** Methods that are not there over HTTP. */\nexport type WebSocketMethod = {};\n",
        names.join(" | ")
    );
    methods(&mut text, "ServerMethods", "The methods of backends.", &schemas.server);
    text.push_str("\n/** The data of each event. */\nexport interface Events {\n");
    for event in &schemas.events {
        let name = event.as_str();
        let _ = writeln!(
            text,
            "  /** {} */\n  {name}: {};",
            capital_sentence(&schemas.prose.of_event(name)),
            data_name(*event)
        );
    }
    text.push_str("}\n");
    text.push_str(FRAMES);
    let codes: Vec<String> = schemas.prose.close_codes().iter().map(|row| row.code.to_string()).collect();
    text.push_str("\n/**\n * Why a WebSocket is closed. 4000 to 4099: stop. 4100 to 4199: back off. 4200 to 4299: reconnect now.\n *\n");
    for row in schemas.prose.close_codes() {
        let _ = writeln!(text, " * - {} {}: {}", row.code, row.name, row.why);
    }
    let _ = writeln!(text, " */\nexport type CloseCode = {};", codes.join(" | "));
    text
}

fn methods(text: &mut String, name: &str, about: &str, calls: &[Call]) {
    let _ = write!(text, "\n/** {about} */\nexport interface {name} {{\n");
    for call in calls {
        let (params, result) = (type_of(&call.params, "  "), type_of(&call.result, "  "));
        let _ = writeln!(
            text,
            "  /** {} */\n  {}: {{ params: {params}; result: {result} }};",
            call.method.summary, call.method.name
        );
    }
    text.push_str("}\n");
}

fn capital_sentence(words: &str) -> String {
    format!("{}.", super::capitalized(words))
}

fn is_interface(schema: &Value) -> bool {
    schema["properties"].as_object().is_some_and(|properties| !properties.is_empty())
}

/// The schema's description, and its bounds, as a comment.
fn comment(text: &mut String, indent: &str, schema: &Value) {
    let mut parts: Vec<String> = schema["description"].as_str().map(str::to_owned).into_iter().collect();
    let said = parts.concat().replace(',', "");
    for (least, most, of) in [("minLength", "maxLength", "characters"), ("minItems", "maxItems", "entries")] {
        // A text that names the bound says it better.
        let Some(most) = schema.get(most).map(Value::to_string).filter(|most| !said.contains(most)) else { continue };
        match schema.get(least) {
            Some(least) => parts.push(format!("{least} to {most} {of}.")),
            None => parts.push(format!("At most {most} {of}.")),
        }
    }
    for meaning in schema["oneOf"].as_array().into_iter().flatten() {
        if let (Some(value), Some(meaning)) = (meaning.get("const"), meaning["description"].as_str()) {
            parts.push(format!("{value}: {meaning}"));
        }
    }
    if !parts.is_empty() {
        let _ = writeln!(text, "{indent}/** {} */", parts.join(" "));
    }
}

fn object(schema: &Value, indent: &str) -> String {
    let inner = format!("{indent}  ");
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut text = "{\n".to_owned();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        comment(&mut text, &inner, property);
        let mark = if required.iter().any(|required| required == name) { "" } else { "?" };
        let _ = writeln!(text, "{inner}{name}{mark}: {};", type_of(property, &inner));
    }
    text.push_str(indent);
    text.push('}');
    text
}

/// A schema as the expression of a type.
fn type_of(schema: &Value, indent: &str) -> String {
    if let Some(path) = schema["$ref"].as_str() {
        return path.trim_start_matches(PLACE).to_owned();
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    if let Some(values) = schema["enum"].as_array()
        && values.len() <= LITERALS_MAX
    {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | ");
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let mut choices: Vec<String> = choices.iter().map(|choice| type_of(choice, indent)).collect();
        choices.dedup();
        return choices.join(" | ");
    }
    match &schema["type"] {
        Value::Array(types) => {
            let one = |name: &Value| type_named(name.as_str().unwrap_or_default(), schema, indent);
            types.iter().map(one).collect::<Vec<_>>().join(" | ")
        }
        name => type_named(name.as_str().unwrap_or_default(), schema, indent),
    }
}

fn type_named(name: &str, schema: &Value, indent: &str) -> String {
    match name {
        "string" | "boolean" | "null" => name.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => {
            let item = type_of(&schema["items"], indent);
            if item.contains(' ') { format!("({item})[]") } else { format!("{item}[]") }
        }
        "object" if is_interface(schema) => object(schema, indent),
        "object" => match values_of_map(schema) {
            Some(values) => format!("Record<string, {}>", type_of(values, indent)),
            None if schema["additionalProperties"] == true => "Record<string, unknown>".to_owned(),
            None => "Record<string, never>".to_owned(),
        },
        _ => "unknown".to_owned(),
    }
}

/// The schema of a map's values.
fn values_of_map(schema: &Value) -> Option<&Value> {
    let by_pattern = schema["patternProperties"].as_object().and_then(|patterns| patterns.values().next());
    by_pattern.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
}
