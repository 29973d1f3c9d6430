//! The JSON Schemas of everything that is said, by name, in the form that all documents share.

use super::{capitalized, prose::Prose};
use conversation_protocol::{
    EventName,
    catalog::{self, Method, SchemaOf},
    conversation::AT_ALL,
    method::RequestId,
};
use schemars::{
    SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};

/// Where a schema stands in a document.
pub(crate) const PLACE: &str = "#/components/schemas/";

/// The largest whole number below which every one is exact in a double.
const SAFE_MAX: u64 = (1 << 53) - 1;

/// A method with references to its schemas.
pub(crate) struct Call {
    /// What the catalog says.
    pub(crate) method: Method,
    /// `{"$ref": …}` of its params.
    pub(crate) params: Value,
    /// `{"$ref": …}` of its result.
    pub(crate) result: Value,
}

/// All schemas, and who uses them.
pub(crate) struct Schemas {
    /// By name.
    pub(crate) components: Map<String, Value>,
    /// The methods of clients.
    pub(crate) client: Vec<Call>,
    /// The methods of backends.
    pub(crate) server: Vec<Call>,
    /// The first message of a WebSocket.
    pub(crate) authenticate: Call,
    /// The events, in the order of PROTOCOL.md.
    pub(crate) events: Vec<EventName>,
    /// What PROTOCOL.md says of all this.
    pub(crate) prose: Prose,
}

/// The name of the schema of an event's data.
pub(crate) fn data_name(event: EventName) -> String {
    format!("{}Data", capitalized(event.as_str()))
}

/// The name of the schema of an event's frame.
pub(crate) fn frame_name(event: EventName) -> String {
    format!("{}Event", capitalized(event.as_str()))
}

/// A reference to a schema.
pub(crate) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{PLACE}{name}") })
}

impl Schemas {
    /// The schemas that a part of a document refers to, and those that these refer to.
    pub(crate) fn used_by(&self, part: &Value) -> Map<String, Value> {
        let mut used = Map::new();
        let mut waiting = references(part);
        while let Some(name) = waiting.pop() {
            if used.contains_key(&name) {
                continue;
            }
            let schema = self.components.get(&name).unwrap_or_else(|| panic!("{name}: there is no such schema"));
            waiting.extend(references(schema));
            used.insert(name, schema.clone());
        }
        used
    }

    /// Makes all schemas: params as they are read, results and events as they are written.
    pub(crate) fn of_the_code() -> Self {
        let prose = Prose::read();
        let (mut read, mut written) = (generator(Contract::Deserialize), generator(Contract::Serialize));
        let mut call = |method: Method| Call {
            method,
            params: schema(method.params, &mut read),
            result: schema(method.result, &mut written),
        };
        let client: Vec<Call> = catalog::CLIENT.into_iter().map(&mut call).collect();
        let server: Vec<Call> = catalog::SERVER.into_iter().map(&mut call).collect();
        let authenticate = call(catalog::AUTHENTICATE);
        let mut components = Map::new();
        let events = catalog::events(&mut written).to_value();
        for event in EventName::ALL {
            add_event(event, &events, &prose, &mut components);
        }
        read.subschema_for::<RequestId>();
        written.subschema_for::<conversation_protocol::error::ErrorBody>();
        for (name, schema) in read.take_definitions(true).into_iter().chain(written.take_definitions(true)) {
            let schema = normal(schema, &prose);
            if let Some(other) = components.insert(name.clone(), schema)
                && other != components[&name]
            {
                panic!(
                    "{name} is read as {other} and written as {}: give it two names, or one schema by hand",
                    components[&name]
                );
            }
        }
        components.insert(
            "ErrorAnswer".to_owned(),
            json!({
                "type": "object",
                "description": "The answer to a call that failed.",
                "properties": { "error": reference("ErrorBody") },
                "required": ["error"],
            }),
        );
        Self { components, client, server, authenticate, events: EventName::ALL.to_vec(), prose }
    }
}

/// The names of the schemas that a value refers to.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(object) => {
            let own = object.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix(PLACE));
            own.map(str::to_owned).into_iter().chain(object.values().flat_map(references)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = PLACE.trim_start_matches('#').into();
        settings.meta_schema = None;
        settings.contract = contract;
    });
    settings.into_generator()
}

fn schema(of: SchemaOf, generator: &mut SchemaGenerator) -> Value {
    of(generator).to_value()
}

/// An event's data and its frame, from the variant of the event.
fn add_event(event: EventName, events: &Value, prose: &Prose, components: &mut Map<String, Value>) {
    let variants = events["oneOf"].as_array().expect("events are variants");
    let is_wanted = |variant: &&Value| variant["properties"]["event"]["const"] == event.as_str();
    let variant = variants.iter().find(is_wanted).unwrap_or_else(|| panic!("{}: no schema", event.as_str()));
    let mut data = normal(variant["properties"]["data"].clone(), prose);
    data["description"] = normal(json!({ "description": variant["description"] }), prose)["description"].clone();
    let frame = json!({
        "type": "object",
        "description": format!("{}: {}.", event.as_str(), prose.of_event(event.as_str())),
        "properties": {
            "event": { "const": event.as_str() },
            "cursor": {
                "$ref": format!("{PLACE}Cursor"),
                "description": "Where the client stands once it has this frame; only on frames after which it is true.",
            },
            "data": reference(&data_name(event)),
        },
        "required": ["event", "data"],
    });
    components.insert(data_name(event), data);
    components.insert(frame_name(event), frame);
}

/// The form that documents share: bounds in place of Rust's formats, no null where absent is meant, texts for readers.
fn normal(mut schema: Value, prose: &Prose) -> Value {
    normalize(&mut schema, prose);
    schema
}

fn normalize(schema: &mut Value, prose: &Prose) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| normalize(item, prose)),
        Value::Object(object) => {
            if let Some(Value::String(description)) = object.get_mut("description") {
                *description = readable(description, prose);
            }
            bound_number(object);
            let required = object.get("required").cloned().unwrap_or_default();
            if let Some(Value::Object(properties)) = object.get_mut("properties") {
                for (name, property) in properties.iter_mut() {
                    let is_required = required.as_array().is_some_and(|names| names.contains(&json!(name)));
                    // What is written and may be absent is never null; where null is read, it is the default.
                    if !is_required && property.get("default") != Some(&Value::Null) {
                        drop_null(property);
                    }
                }
            }
            object.values_mut().for_each(|value| normalize(value, prose));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Rust's formats of numbers as bounds that everybody knows.
fn bound_number(object: &mut Map<String, Value>) {
    let maximum = match object.get("format").and_then(Value::as_str) {
        Some("uint64") => SAFE_MAX,
        Some("uint32") => u64::from(u32::MAX),
        Some(_) | None => return,
    };
    object.remove("format");
    object.entry("maximum").or_insert(maximum.into());
}

fn drop_null(property: &mut Value) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            property["type"] = only.clone();
        }
    }
    let Some(Value::Array(choices)) = property.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type") != Some(&json!("null")));
    if let [only] = choices.as_mut_slice() {
        let only = only.take();
        let object = property.as_object_mut().expect("a schema with choices is an object");
        object.remove("anyOf");
        for (key, value) in only.as_object().cloned().unwrap_or_default() {
            object.entry(key).or_insert(value);
        }
    }
}

/// A doc comment for people who do not see the code: one line, names of Rust as what they stand for.
fn readable(description: &str, prose: &Prose) -> String {
    let (mut result, mut rest) = (String::new(), description);
    while let Some(start) = rest.find("[`") {
        let Some(length) = rest[start..].find("`]") else { break };
        let path = &rest[start + 2..start + length];
        let name = path.rsplit("::").next().unwrap_or(path);
        result.push_str(&rest[..start]);
        match (name, prose.limit(name)) {
            ("AT_ALL", _) => result.push_str(&format!("`{AT_ALL}`")),
            (_, Some(value)) => result.push_str(value),
            (name, None) => result.push_str(&format!("`{name}`")),
        }
        rest = &rest[start + length + 2..];
    }
    result.push_str(rest);
    result.replace('\n', " ")
}
