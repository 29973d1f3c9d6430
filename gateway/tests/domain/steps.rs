//! What happens to alice's conversations with bob? One step is one call of a client or of a backend.

use super::lists::call;
use crate::support::{Gateway, Value, backend::but, c2c, group, json};

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Step {
    is_backend: bool,
    method: &'static str,
    pub(super) params: Value,
}

impl Step {
    /// Makes the call, which must not be refused.
    pub(super) async fn run(&self, gateway: &Gateway) -> Value {
        let (method, params) = (self.method, self.params.clone());
        match self.is_backend {
            true => gateway.post(method, params).await,
            false => call(gateway, method, params).await.unwrap_or_else(|error| panic!("{self:?}: {error}")),
        }
    }

    /// With one value of its params replaced, by its JSON pointer.
    pub(super) fn with(self, pointer: &str, value: impl Into<Value>) -> Self {
        Self { params: but(self.params, pointer, value.into()), ..self }
    }

    /// The event that tells of a conversation group (folder) after the row.
    pub(super) fn notice(&self) -> Option<&'static str> {
        match self.method {
            "createConversationGroup" => Some("conversationGroupCreated"),
            "addConversationsToGroup" => Some("conversationsAddedToGroup"),
            "deleteConversationsFromGroup" => Some("conversationsDeletedFromGroup"),
            _ => None,
        }
    }

    /// As an entry of a batch.
    fn entry(self) -> Value {
        assert!(self.is_backend, "{self:?}");
        json!({"method": self.method, "params": self.params})
    }
}

/// A call of alice.
pub(super) fn client(method: &'static str, params: Value) -> Step {
    Step { is_backend: false, method, params }
}

/// A call of a backend.
pub(super) fn backend(method: &'static str, params: Value) -> Step {
    Step { is_backend: true, method, params }
}

/// Several calls of a backend in one.
pub(super) async fn batch(gateway: &Gateway, steps: impl IntoIterator<Item = Step>) {
    let entries: Vec<Value> = steps.into_iter().map(Step::entry).collect();
    for outcome in gateway.post("batch", json!(entries)).await["resultList"].as_array().expect("results") {
        assert_eq!(outcome["result"]["failed"], json!([]), "{outcome}");
    }
}

/// A message of anybody, in a conversation as alice sees it.
pub(super) fn sent(id: &str, sender: &str, seq: u64) -> Step {
    let params = match id.split_once('_').expect("an id has a type") {
        ("c2c", peer) if sender == "alice" => c2c("alice", peer, seq),
        ("c2c", peer) => c2c(peer, "alice", seq),
        (_, name) => group(name, sender, &["alice", "bob"], seq),
    };
    backend("sendMessage", params)
}

/// A message of bob.
pub(super) fn received(id: &str, seq: u64) -> Step {
    sent(id, "bob", seq)
}

/// A message of alice.
pub(super) fn own(id: &str, seq: u64) -> Step {
    sent(id, "alice", seq)
}

/// A call about a message of bob: its conversation, sender and recipients.
fn about_message(id: &str, method: &'static str, rest: Value) -> Step {
    let mut params = received(id, 1).params;
    let object = params.as_object_mut().expect("an object");
    object.remove("message");
    object.extend(rest.as_object().expect("an object").clone());
    object["conversation"].as_object_mut().expect("an object").retain(|field, _| field == "type" || field == "groupID");
    backend(method, params)
}

pub(super) fn revoked(id: &str, seq: u64) -> Step {
    about_message(id, "revokeMessage", json!({"msgID": format!("m{seq}"), "seq": seq, "revokeReason": "typo"}))
}

/// A message gets another text.
pub(super) fn modified(id: &str, seq: u64, text: &str) -> Step {
    let message = json!({"msgID": format!("m{seq}"), "seq": seq, "timestamp": 1_795_000_000 + seq, "text": text});
    about_message(id, "modifyMessage", json!({"message": message}))
}

pub(super) fn deleted(id: &str, seq: u64) -> Step {
    about_message(id, "deleteMessage", json!({"msgID": format!("m{seq}"), "seq": seq}))
}

/// A message is deleted, and the backend names the one before it.
pub(super) fn deleted_after(id: &str, seq: u64, previous: u64) -> Step {
    let mut message = crate::support::backend::message(previous);
    message["sender"] = json!("bob");
    deleted(id, seq).with("/previousMessage", message)
}

/// Alice reads up to a seq; 0: everything.
pub(super) fn read_to(id: &str, seq: u64) -> Step {
    client("cleanConversationUnreadMessageCount", json!({"conversationID": id, "cleanSequence": seq}))
}

/// Alice reads up to the time of the message of a seq.
pub(super) fn read_at_time_of(id: &str, seq: u64) -> Step {
    let params = json!({"conversationID": id, "cleanTimestamp": 1_795_000_000 + seq});
    client("cleanConversationUnreadMessageCount", params)
}

pub(super) fn cleared(id: &str) -> Step {
    client("clearHistoryMessage", json!({"conversationID": id}))
}

pub(super) fn pinned(id: &str, is_pinned: bool) -> Step {
    client("pinConversation", json!({"conversationID": id, "isPinned": is_pinned}))
}

pub(super) fn draft(id: &str, text: &str) -> Step {
    client("setConversationDraft", json!({"conversationID": id, "draftText": text}))
}

pub(super) fn option(id: &str, recv_opt: u64) -> Step {
    client("setReceiveMessageOpt", json!({"conversationIDList": [id], "recvOpt": recv_opt}))
}

pub(super) fn marked(id: &str, mark: impl Into<Value>, is_set: bool) -> Step {
    let mark: Value = mark.into();
    client("markConversation", json!({"conversationIDList": [id], "markType": mark, "enableMark": is_set}))
}

pub(super) fn custom_data(id: &str, text: &str) -> Step {
    client("setConversationCustomData", json!({"conversationIDList": [id], "customData": text}))
}

/// The row goes.
pub(super) fn gone(id: &str) -> Step {
    client("deleteConversation", json!({"conversationID": id}))
}

/// Alice joins a group.
pub(super) fn joined(name: &str) -> Step {
    let conversation = json!({"type": 2, "groupID": name, "groupType": "Work", "showName": "Team"});
    backend("joinGroup", json!({"conversation": conversation, "recipients": ["alice"]}))
}

/// Alice joins a group, and its row shows a message of bob.
pub(super) fn joined_with(name: &str, seq: u64) -> Step {
    joined(name).with("/message", crate::support::backend::message(seq)).with("/sender", "bob")
}

/// How bob, or the group, is shown to alice.
pub(super) fn profile(id: &str, show_name: &str) -> Step {
    let conversation = match id.split_once('_').expect("an id has a type") {
        ("c2c", peer) => json!({"type": 1, "userID": peer, "showName": show_name}),
        (_, name) => json!({"type": 2, "groupID": name, "showName": show_name}),
    };
    backend("setProfile", json!({"conversation": conversation, "recipients": ["alice"]}))
}

/// A conversation group (folder) is made with the row in it.
pub(super) fn grouped(id: &str, name: &str) -> Step {
    client("createConversationGroup", json!({"groupName": name, "conversationIDList": [id]}))
}
