//! What does a backend post? Messages, with what a test cares about as arguments.

use serde_json::{Value, json};

/// A message of a C2C conversation.
pub(crate) fn c2c(sender: &str, recipient: &str, seq: u64) -> Value {
    json!({"conversation": {"type": 1}, "sender": sender, "recipients": [recipient], "message": message(seq)})
}

/// A message to some members of a group.
pub(crate) fn group(group: &str, sender: &str, recipients: &[&str], seq: u64) -> Value {
    let conversation = json!({"type": 2, "groupID": group, "groupType": "Work", "showName": "Team"});
    json!({"conversation": conversation, "sender": sender, "recipients": recipients, "message": message(seq)})
}

/// A message alone.
pub(crate) fn message(seq: u64) -> Value {
    json!({"msgID": format!("m{seq}"), "seq": seq, "timestamp": 1_795_000_000 + seq, "text": format!("text {seq}")})
}

/// Params with one value replaced, by its JSON pointer.
pub(crate) fn but(mut params: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer begins with /");
    params.pointer_mut(parent).expect("the parent is there")[key] = value;
    params
}
