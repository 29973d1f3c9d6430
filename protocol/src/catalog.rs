//! Which methods and events there are, and with which types: what documents are made from.

mod client;
mod server;

pub use client::{AUTHENTICATE, CLIENT};
pub use server::SERVER;

use crate::{error::ErrorKind, event::Event};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type: a reference to it, where it has a name.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Over what a method can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTP alone.
    Http,
    /// WebSocket alone.
    WebSocket,
    /// Both.
    Any,
}

/// What a call costs in units of the rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing: backends are not limited.
    Nothing,
    /// The same whatever the params.
    Units(u32),
    /// One for each 10 ids, and at least one.
    PerTenIds,
}

/// A method with its types.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// The name on the wire.
    pub name: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// Among which methods a reader looks for it.
    pub topic: &'static str,
    /// Over what it can be called.
    pub transport: Transport,
    /// What a call costs.
    pub cost: Cost,
    /// The errors of its own, besides those of every method.
    pub errors: &'static [ErrorKind],
    /// Those that stand in its result, for one id or one user.
    pub inner_errors: &'static [ErrorKind],
    /// Its params.
    pub params: SchemaOf,
    /// Its result.
    pub result: SchemaOf,
}

impl Method {
    const fn of_client(
        name: &'static str,
        topic: &'static str,
        summary: &'static str,
        params: SchemaOf,
        result: SchemaOf,
    ) -> Self {
        let (transport, cost) = (Transport::Any, Cost::Units(1));
        Self { name, summary, topic, transport, cost, errors: &[], inner_errors: &[], params, result }
    }

    const fn of_backend(
        name: &'static str,
        topic: &'static str,
        summary: &'static str,
        params: SchemaOf,
        result: SchemaOf,
    ) -> Self {
        let (transport, cost) = (Transport::Http, Cost::Nothing);
        Self { name, summary, topic, transport, cost, errors: &[], inner_errors: &[], params, result }
    }

    const fn over_websocket(self) -> Self {
        Self { transport: Transport::WebSocket, ..self }
    }

    const fn costs(self, cost: Cost) -> Self {
        Self { cost, ..self }
    }

    const fn fails(self, errors: &'static [ErrorKind]) -> Self {
        Self { errors, ..self }
    }

    const fn fails_within(self, inner_errors: &'static [ErrorKind]) -> Self {
        Self { inner_errors, ..self }
    }
}

/// Done, and nothing to tell.
#[derive(JsonSchema)]
struct EmptyResult {}

const LIST: &str = "List";
const ROWS: &str = "Rows";
const UNREAD: &str = "Unread";
const GROUPS: &str = "Conversation groups";
const SESSION: &str = "Session";
const MESSAGES: &str = "Backend: messages";
const MANY_ROWS: &str = "Backend: rows";
const USERS: &str = "Backend: users";
const READS: &str = "Backend: reads";

/// Among what a reader looks for methods, in this order.
pub const TOPICS: [(&str, &str); 9] = [
    (LIST, "Pages of the list, whole or filtered, and single rows."),
    (ROWS, "What a user does to rows of the list."),
    (UNREAD, "Reading, and unread totals."),
    (GROUPS, "Folders of the user's own."),
    (SESSION, "The connection, and where it stands."),
    (MESSAGES, "What happens to messages."),
    (MANY_ROWS, "What happens to rows of many users."),
    (USERS, "Users, their sessions, and lists as a whole."),
    (READS, "What a user's client would read."),
];

/// The schema of all events: for each of them a variant with the constant `event` and its `data`.
pub fn events(generator: &mut SchemaGenerator) -> Schema {
    Event::json_schema(generator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::EventName,
        method::{CLIENT_METHODS, ClientCall},
        server::SERVER_METHODS,
    };
    use serde_json::Value;

    #[test]
    fn every_method_is_in_the_catalog() {
        assert_eq!(CLIENT.map(|method| method.name), CLIENT_METHODS);
        assert_eq!(SERVER.map(|method| method.name), SERVER_METHODS);
    }

    #[test]
    fn every_event_has_a_schema_of_its_own() {
        let schema = events(&mut SchemaGenerator::default());
        let variants = schema.get("oneOf").and_then(Value::as_array).expect("variants");
        let mut names: Vec<&str> =
            variants.iter().map(|variant| variant["properties"]["event"]["const"].as_str().expect("a name")).collect();
        let mut expected = EventName::ALL.map(EventName::as_str);
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn every_topic_is_described() {
        for method in CLIENT.iter().chain(&SERVER).chain([&AUTHENTICATE]) {
            assert!(TOPICS.iter().any(|(topic, _)| *topic == method.topic), "{}", method.name);
        }
    }

    /// The params of a method as they could be, with so many ids where it takes ids.
    fn params(method: &str, ids: usize) -> String {
        let (id, filter) = (r#""conversationID":"c2c_a""#, r#""filter":{}"#);
        let ids: Vec<String> = (0..ids).map(|number| format!("\"c2c_u{number}\"")).collect();
        let ids = format!(r#""conversationIDList":[{}]"#, ids.join(","));
        let fields = match method {
            "getConversationList" => r#""count":1"#.to_owned(),
            "getConversationListByFilter" => format!(r#"{filter},"count":1"#),
            "getUnreadMessageCountByFilter"
            | "subscribeUnreadMessageCountByFilter"
            | "unsubscribeUnreadMessageCountByFilter" => filter.to_owned(),
            "getConversations" | "deleteConversationList" => ids,
            "pinConversation" => format!(r#"{id},"isPinned":true"#),
            "setConversationDraft" => format!(r#"{id},"draftText":"""#),
            "setReceiveMessageOpt" => format!(r#"{ids},"recvOpt":0"#),
            "markConversation" => format!(r#"{ids},"markType":1,"enableMark":true"#),
            "setConversationCustomData" => format!(r#"{ids},"customData":"""#),
            "createConversationGroup" | "addConversationsToGroup" | "deleteConversationsFromGroup" => {
                format!(r#"{ids},"groupName":"a""#)
            }
            "deleteConversationGroup" => r#""groupName":"a""#.to_owned(),
            "renameConversationGroup" => r#""oldName":"a","newName":"b""#.to_owned(),
            "probe" => r#""cursor":"0:0""#.to_owned(),
            "refreshToken" => r#""token":"a""#.to_owned(),
            "getTotalUnreadMessageCount" | "getConversationGroupList" | "ping" => String::new(),
            _ => id.to_owned(),
        };
        format!("{{{fields}}}")
    }

    #[test]
    fn the_costs_are_those_of_the_calls() {
        for method in CLIENT {
            for ids in [1, 10, 11, 100] {
                let call = ClientCall::parse(method.name, &params(method.name, ids));
                let units = call.unwrap_or_else(|error| panic!("{}: {error}", method.name)).units();
                let expected = match method.cost {
                    Cost::Nothing => 0,
                    Cost::Units(units) => units,
                    Cost::PerTenIds => (ids as u32).div_ceil(10),
                };
                assert_eq!(units, expected, "{} with {ids} ids", method.name);
            }
        }
    }
}
