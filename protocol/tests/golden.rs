//! Whether PROTOCOL.md is true: every JSON example is read into its type, and the tables are those of the code.
//!
//! Each fenced `json` block has an annotation on the line before it: `<!-- golden: KIND [NAME] -->`.

mod golden {
    pub(crate) mod document;
    mod limits;
}

use conversation_protocol::{
    ApiError, CloseCode, Conversation, ErrorKind, EventName, Frame,
    error::ErrorBody,
    event::ReceivedFrame,
    method::{
        self, AuthenticateParams, CLIENT_METHODS, ClientCall, ConversationResult, ConversationsResult, GroupListResult,
        PageResult, ProbeResult, Reply, Request, TotalResult, encode_reply, parse_params,
    },
    server::{
        self, ApplyResult, BatchOutcome, ExportResult, ImportResult, KickResult, SERVER_METHODS, ServerCall,
        SessionsResult,
    },
};
use golden::document::{Example, examples, table};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeSet;

/// Where an event stands in [`EventName::ALL`]; the compiler asks for new ones here.
fn place_of(event: EventName) -> usize {
    match event {
        EventName::SyncServerStart => 0,
        EventName::NewConversation => 1,
        EventName::ConversationChanged => 2,
        EventName::ConversationDeleted => 3,
        EventName::TotalUnreadMessageCountChanged => 4,
        EventName::SyncServerFinish => 5,
        EventName::SyncServerFailed => 6,
        EventName::KickedOffline => 7,
        EventName::TokenExpired => 8,
        EventName::Reconnect => 9,
        EventName::UnreadMessageCountChangedByFilter => 10,
        EventName::ConversationGroupCreated => 11,
        EventName::ConversationGroupDeleted => 12,
        EventName::ConversationGroupNameChanged => 13,
        EventName::ConversationsAddedToGroup => 14,
        EventName::ConversationsDeletedFromGroup => 15,
    }
}

/// Reads an example into its type and writes it again: nothing may be lost, nothing added.
#[track_caller]
fn same<T: DeserializeOwned + Serialize>(example: &Example) {
    let typed: T = serde_json::from_str(&example.text).unwrap_or_else(|error| panic!("{example}: {error}"));
    assert_eq!(serde_json::to_value(&typed).unwrap(), example.json(), "{example}");
}

#[track_caller]
fn check_event(example: &Example, json: &Value) {
    let received: ReceivedFrame =
        serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{example}: {error}"));
    let mut frame = Frame::new(&received.event);
    frame.cursor = received.cursor;
    assert_eq!(&serde_json::from_str::<Value>(&frame.to_json()).unwrap(), json, "{example}");
}

#[track_caller]
fn check_request(example: &Example) {
    let request = Request::parse(&example.text).unwrap_or_else(|error| panic!("{example}: {error}"));
    let params = request.params.as_deref().map_or("{}", RawValue::get);
    let outcome = match request.method.as_str() {
        "authenticate" => parse_params::<AuthenticateParams>(params).map(|_| ()),
        method => ClientCall::parse(method, params).map(|_| ()),
    };
    outcome.unwrap_or_else(|error| panic!("{example}: {error}"));
}

#[track_caller]
fn check_client_result(example: &Example, json: Value) {
    let example = &Example { text: json.to_string(), ..example.clone() };
    match example.name.as_str() {
        "getConversationList" | "getConversationListByFilter" => same::<PageResult>(example),
        "getConversation" => same::<ConversationResult>(example),
        "getConversations" => same::<ConversationsResult>(example),
        "setReceiveMessageOpt"
        | "markConversation"
        | "setConversationCustomData"
        | "deleteConversationList"
        | "createConversationGroup"
        | "addConversationsToGroup"
        | "deleteConversationsFromGroup" => same::<method::BatchResult>(example),
        "getTotalUnreadMessageCount" | "getUnreadMessageCountByFilter" | "subscribeUnreadMessageCountByFilter" => {
            same::<TotalResult>(example);
        }
        "getConversationGroupList" => same::<GroupListResult>(example),
        "probe" => same::<ProbeResult>(example),
        other => {
            assert!(CLIENT_METHODS.contains(&other), "{example}: no such method");
            assert_eq!(json, serde_json::json!({}), "{example}: expected an empty result");
        }
    }
}

#[track_caller]
fn check_server_result(example: &Example) {
    match example.name.as_str() {
        "kickUser" | "deleteUser" => same::<KickResult>(example),
        "importConversations" => same::<ImportResult>(example),
        "exportUser" => same::<ExportResult>(example),
        "getUserSessions" => same::<SessionsResult>(example),
        "getConversationList"
        | "getConversationListByFilter"
        | "getConversation"
        | "getConversations"
        | "getTotalUnreadMessageCount"
        | "getUnreadMessageCountByFilter"
        | "getConversationGroupList" => {
            check_client_result(example, example.json());
        }
        "batch" => check_batch_result(example),
        other => {
            assert!(SERVER_METHODS.contains(&other), "{example}: no such method");
            same::<ApplyResult>(example);
        }
    }
}

/// A batch's answer can only be written, so its entries are read one by one.
#[track_caller]
fn check_batch_result(example: &Example) {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    enum Outcome {
        Result(ApplyResult),
        Error(ErrorBody),
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Answer {
        result_list: Vec<Outcome>,
    }
    let answer: Answer = serde_json::from_str(&example.text).unwrap_or_else(|error| panic!("{example}: {error}"));
    let outcome = |outcome| match outcome {
        Outcome::Result(result) => BatchOutcome::Result(serde_json::value::to_raw_value(&result).unwrap()),
        Outcome::Error(error) => BatchOutcome::Error(error),
    };
    let result = server::BatchResult { result_list: answer.result_list.into_iter().map(outcome).collect() };
    let written = serde_json::to_string(&result).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), example.json(), "{example}");
}

#[track_caller]
fn check_reply(example: &Example) {
    let reply: Reply = serde_json::from_str(&example.text).unwrap_or_else(|error| panic!("{example}: {error}"));
    let outcome = match (&reply.result, reply.error.clone()) {
        (Some(result), None) => {
            check_client_result(example, result.clone());
            Ok(serde_json::value::to_raw_value(result).unwrap())
        }
        (None, Some(body)) => Err(error_of(example, body, |_| true)),
        _ => panic!("{example}: expected a result or an error"),
    };
    let written = encode_reply(reply.id.as_ref(), &outcome);
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), example.json(), "{example}");
}

/// The error behind a body.
#[track_caller]
fn error_of(example: &Example, body: ErrorBody, is_wanted: impl Fn(ErrorKind) -> bool) -> ApiError {
    let kind = ErrorKind::ALL.into_iter().find(|kind| is_wanted(*kind) && kind.code() == body.code);
    let kind = kind.unwrap_or_else(|| panic!("{example}: no such error"));
    ApiError { conversation: body.conversation, ..ApiError::new(kind, body.message) }
}

#[track_caller]
fn check_error(example: &Example) {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        error: ErrorBody,
    }
    let answer: Answer = serde_json::from_str(&example.text).unwrap_or_else(|error| panic!("{example}: {error}"));
    let error = error_of(example, answer.error, |kind| format!("{kind:?}") == example.name);
    assert_eq!(serde_json::json!({ "error": error.body() }), example.json(), "{example}");
}

/// The fields of a server-sent event, as the same JSON that a WebSocket frame would be.
#[track_caller]
fn check_sse(example: &Example) {
    let mut json = serde_json::Map::new();
    for line in example.text.lines() {
        let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("{example}: {line:?} is no field"));
        let (name, value) = match field {
            "event" => ("event", Value::from(value)),
            "id" => ("cursor", Value::from(value)),
            "data" => ("data", serde_json::from_str(value).unwrap_or_else(|error| panic!("{example}: {error}"))),
            other => panic!("{example}: {other} is no field of ours"),
        };
        json.insert(name.to_owned(), value);
    }
    check_event(example, &Value::Object(json));
}

#[test]
fn every_example_is_what_the_types_read_and_write() {
    for example in &examples() {
        match example.kind.as_str() {
            "conversation" => same::<Conversation>(example),
            "event" => check_event(example, &example.json()),
            "sse" => check_sse(example),
            "request" => check_request(example),
            "reply" => check_reply(example),
            "params" => {
                ClientCall::parse(&example.name, &example.text).unwrap_or_else(|error| panic!("{example}: {error}"));
            }
            "result" => check_client_result(example, example.json()),
            "error" => check_error(example),
            "server-params" => {
                ServerCall::parse(&example.name, &example.text).unwrap_or_else(|error| panic!("{example}: {error}"));
                if example.name == "batch" {
                    check_batch_entries(example);
                }
            }
            "server-result" => check_server_result(example),
            other => panic!("{example}: {other:?} is no kind of example"),
        }
    }
}

#[track_caller]
fn check_batch_entries(example: &Example) {
    let ServerCall::Batch(entries) = ServerCall::parse("batch", &example.text).unwrap() else {
        panic!("{example}: not a batch")
    };
    for entry in entries {
        let parsed = ServerCall::parse(&entry.method, entry.params.get());
        parsed.unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}

fn names(kind: &str) -> BTreeSet<String> {
    examples().into_iter().filter(|example| example.kind == kind).map(|example| example.name).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_event_has_an_example() {
    for (place, event) in EventName::ALL.into_iter().enumerate() {
        assert_eq!(place_of(event), place, "EventName::ALL has each event once, in order");
    }
    let shown: BTreeSet<String> = examples()
        .iter()
        .filter(|example| example.kind == "event")
        .map(|example| example.json()["event"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(shown, set(EventName::ALL.map(EventName::as_str)));
}

#[test]
fn every_method_has_an_example_of_its_params_and_of_its_result() {
    assert_eq!(names("params"), set(CLIENT_METHODS));
    assert_eq!(names("result"), set(CLIENT_METHODS));
    assert_eq!(names("server-params"), set(SERVER_METHODS));
    assert_eq!(names("server-result"), set(SERVER_METHODS));
}

#[test]
fn the_tables_of_events_and_methods_are_those_of_the_code() {
    let first = |name: &str| -> Vec<String> { table(name).into_iter().map(|row| row[0].replace('`', "")).collect() };
    assert_eq!(first("events"), EventName::ALL.map(EventName::as_str));
    assert_eq!(first("client-methods"), CLIENT_METHODS);
    assert_eq!(first("server-methods"), SERVER_METHODS);
}

#[test]
fn the_table_of_errors_is_that_of_the_code() {
    let documented: Vec<(u32, u16)> =
        table("errors").iter().map(|row| (row[0].parse().unwrap(), row[1].parse().unwrap())).collect();
    assert_eq!(documented, ErrorKind::ALL.map(|kind| (kind.code(), kind.status())));
}

#[test]
fn the_table_of_close_codes_is_that_of_the_code() {
    let documented: Vec<(u16, String)> =
        table("close-codes").into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect();
    assert_eq!(documented, CloseCode::ALL.map(|code| (code.code(), code.name().to_owned())));
}
