//! What do the tests of this binary share?

use crate::support::{Gateway, Value, json};
use std::time::Duration;

/// In which the rate limit gives units for any call but the largest.
const RATE_PAUSE: Duration = Duration::from_millis(250);

/// Rows as an import takes them: `group_0` … from the top, each with one unread message.
pub(super) fn rows(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| {
            json!({"conversationID": format!("group_{number}"), "showName": format!("Group {number}"), "unreadCount": 1,
                "lastMessage": {"msgID": "m7", "seq": 7, "sender": "bob", "isSelf": false, "timestamp": 1_795_000_007,
                    "elemType": 1, "text": "hi", "status": 2}})
        })
        .collect()
}

/// Makes a list of so many rows.
pub(super) async fn import(gateway: &Gateway, user: &str, count: usize) {
    let result = gateway.post("importConversations", json!({"userID": user, "conversationList": rows(count)})).await;
    assert_eq!((&result["applied"], &result["failed"]), (&json!(count), &json!([])));
}

/// A call of alice over HTTP, again where the rate limit refuses it.
pub(super) async fn call(gateway: &Gateway, method: &str, params: Value) -> Result<Value, Value> {
    loop {
        match gateway.call("alice", method, params.clone()).await {
            // Asking costs a unit too, so it must be seldom.
            Err(error) if error["code"] == 7008 => tokio::time::sleep(RATE_PAUSE).await,
            answer => return answer,
        }
    }
}

/// The result codes of a batch.
pub(super) fn codes(result: &Value) -> Vec<u64> {
    let results = result["resultList"].as_array().expect("results");
    results.iter().map(|entry| entry["resultCode"].as_u64().expect("a code")).collect()
}

/// The code of a refusal.
pub(super) fn code(answer: Result<Value, Value>) -> u64 {
    answer.expect_err("a refusal")["code"].as_u64().expect("a code")
}
