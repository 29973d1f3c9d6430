//! What do the tests of this binary share?

use crate::support::{BOTH, Gateway, Session, Transport, Value, json, list::List};
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

/// Alice's devices, one over each transport, synced.
pub(super) async fn both(gateway: &Gateway) -> [Session; 2] {
    let mut devices = [gateway.open(BOTH[0], "alice").await, gateway.open(BOTH[1], "alice").await];
    for device in &mut devices {
        device.sync().await;
    }
    devices
}

/// Shows that these devices get what the server has.
pub(super) async fn converge(gateway: &Gateway, devices: &mut [Session]) {
    for device in devices {
        device.converge(gateway).await;
    }
}

/// A client of alice that comes back with what it has.
pub(super) async fn come_back(gateway: &Gateway, transport: Transport, list: &List) -> Session {
    let cursor = list.cursor.as_deref().expect("a cursor");
    let mut device = gateway.opening(transport, "alice").since(cursor).window(1_000).open().await;
    device.list = list.clone();
    device
}

/// Deletes rows of [`rows`] in one call, in this order.
pub(super) async fn delete(gateway: &Gateway, numbers: impl Iterator<Item = u64>) {
    let entry = |number| {
        let params = json!({"recipients": ["alice"], "conversationID": format!("group_{number}")});
        json!({"method": "deleteConversation", "params": params})
    };
    let entries: Vec<Value> = numbers.map(entry).collect();
    let result = gateway.post("batch", json!(entries)).await;
    assert!(result["resultList"].as_array().expect("results").iter().all(|one| one["result"]["applied"] == 1));
}

/// The number of a field of a row, or of what an event says.
pub(super) fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_else(|| panic!("no whole number {field} in {value}"))
}
