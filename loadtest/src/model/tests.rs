//! Each row of docs/DOMAIN.md, 3, and the rules of 4, as one scenario each.

mod deletions;
mod groups;
mod marks;
mod messages;
mod settings;

use super::*;
use serde_json::{Value, json};

/// What bob sees of the group g7 or of alice, while things happen.
#[derive(Default)]
struct Scenario {
    model: Model,
}

fn bob() -> UserId {
    "bob".parse().unwrap()
}

impl Scenario {
    fn server(&mut self, method: &str, params: Value) -> ServerOutcome {
        self.model.apply_server(&ServerCall::parse(method, &params.to_string()).unwrap())
    }

    fn client(&mut self, method: &str, params: Value) -> ClientOutcome {
        self.model.apply_client(&bob(), &ClientCall::parse(method, &params.to_string()).unwrap())
    }

    fn about(&mut self, method: &str, group: &str, extra: Value) -> Effect {
        let mut params = json!({
            "conversation": {"type": 2, "groupID": group}, "sender": "alice", "recipients": ["bob"],
        });
        merge(&mut params, extra);
        self.server(method, params).rows[0].1.unwrap()
    }

    /// A message of alice in the group g7 to bob.
    fn send(&mut self, seq: u64, extra: Value) -> Effect {
        self.send_in("g7", seq, extra)
    }

    fn send_in(&mut self, group: &str, seq: u64, extra: Value) -> Effect {
        self.about("sendMessage", group, json!({ "message": message(seq, extra) }))
    }

    fn own(&mut self, seq: u64) -> Effect {
        self.about("sendMessage", "g7", json!({"sender": "bob", "message": message(seq, json!({}))}))
    }

    fn c2c(&mut self, seq: u64, timestamp: u64) -> ServerOutcome {
        let message = message(seq, json!({ "timestamp": timestamp }));
        self.server(
            "sendMessage",
            json!({"conversation": {"type": 1}, "sender": "alice", "recipients": ["bob"], "message": message,
                "profiles": {"alice": {"showName": "Alice"}, "bob": {"showName": "Bob"}}}),
        )
    }

    fn revoke(&mut self, seq: u64) -> Effect {
        self.about("revokeMessage", "g7", json!({"msgID": format!("m{seq}"), "seq": seq, "revokeReason": "typo"}))
    }

    fn modify(&mut self, seq: u64, text: &str, revision: Option<u64>) -> Effect {
        let mut params = json!({ "message": message(seq, json!({"text": text, "atUserList": ["carol"]})) });
        if let Some(revision) = revision {
            params["revision"] = revision.into();
        }
        self.about("modifyMessage", "g7", params)
    }

    fn join(&mut self, extra: Value) -> Effect {
        let mut params = json!({"conversation": {"type": 2, "groupID": "g7"}, "recipients": ["bob"]});
        merge(&mut params, extra);
        self.server("joinGroup", params).rows[0].1.unwrap()
    }

    fn read(&mut self, id: &str, timestamp: u64, seq: u64) -> RowOutcome {
        let params = json!({"conversationID": id, "cleanTimestamp": timestamp, "cleanSequence": seq});
        whole(self.client("cleanConversationUnreadMessageCount", params))
    }

    fn on(&mut self, method: &str, id: &str, extra: Value) -> RowOutcome {
        let mut params = json!({ "conversationID": id });
        merge(&mut params, extra);
        whole(self.client(method, params))
    }

    fn mute(&mut self, id: &str, recv_opt: u8) -> RowOutcome {
        match self.client("setReceiveMessageOpt", json!({"conversationIDList": [id], "recvOpt": recv_opt})) {
            ClientOutcome::PerId(outcomes) => outcomes[0].1,
            other => panic!("not per id: {other:?}"),
        }
    }

    fn row(&self, id: &str) -> Conversation {
        let rows = self.model.rows(&bob());
        rows.into_iter().find(|row| row.conversation_id.as_str() == id).expect("the row is there")
    }

    fn g7(&self) -> Conversation {
        self.row("group_g7")
    }

    fn order(&self) -> Vec<String> {
        self.model.rows(&bob()).iter().map(|row| row.conversation_id.to_string()).collect()
    }

    /// (preview's seq or 0, unread) of g7, and whether the last step activated it.
    fn check(&self, preview: u64, unread: u64) {
        let row = self.g7();
        assert_eq!((row.last_message.map_or(0, |last| last.seq), row.unread_count), (preview, unread));
    }

    /// Whether what is done raises g7 above a group that was activated just before.
    fn activates(&mut self, act: impl FnOnce(&mut Self)) -> bool {
        let other = format!("other{}", self.model.clock);
        self.send_in(&other, 1, json!({}));
        let before = self.order();
        act(self);
        self.order() != before && self.order()[0] == "group_g7"
    }
}

fn whole(outcome: ClientOutcome) -> RowOutcome {
    match outcome {
        ClientOutcome::Whole(outcome) => outcome,
        other => panic!("not one outcome: {other:?}"),
    }
}

fn merge(into: &mut Value, extra: Value) {
    let Value::Object(extra) = extra else { panic!("not an object") };
    into.as_object_mut().unwrap().extend(extra);
}

fn message(seq: u64, extra: Value) -> Value {
    let mut message = json!({
        "msgID": format!("m{seq}"), "seq": seq, "timestamp": 1000 + seq, "text": format!("text {seq}"),
        "cloudCustomData": "data",
    });
    merge(&mut message, extra);
    message
}

fn not_in_preview() -> Value {
    json!({"isExcludedFromLastMessage": true})
}

fn not_counted() -> Value {
    json!({"isExcludedFromUnreadCount": true})
}
