//! What do the tests of this binary share? Lists to begin with, two devices that are told the same, and refusals.

use crate::support::{
    BOTH, Gateway, Session, Transport, Value, c2c, group, json,
    list::{Event, List},
    until,
};
use std::time::Duration;

/// In which the rate limit gives units for any call but the largest.
const RATE_PAUSE: Duration = Duration::from_millis(250);

pub(super) const NEW: &str = "newConversation";
pub(super) const CHANGED: &str = "conversationChanged";
pub(super) const DELETED: &str = "conversationDeleted";
pub(super) const TOTAL: &str = "totalUnreadMessageCountChanged";

/// Two live devices of alice, one over each transport, which are told the same.
pub(super) struct Devices {
    /// This one calls.
    pub(super) websocket: Session,
    pub(super) events: Session,
    markers: u64,
}

impl Devices {
    pub(super) async fn of_alice(gateway: &Gateway) -> Self {
        let [websocket, events] = both(gateway).await;
        Self { websocket, events, markers: 0 }
    }

    /// A call over WebSocket.
    pub(super) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.websocket.call(method, params).await
    }

    /// A call over WebSocket that is done.
    pub(super) async fn done(&mut self, method: &str, params: Value) -> Value {
        self.websocket.done(method, params).await
    }

    /// What both devices are told next: these events and, with the last of them, the cursor.
    #[track_caller]
    pub(super) fn flush<const COUNT: usize>(&mut self, names: [&str; COUNT]) -> impl Future<Output = [Event; COUNT]> {
        let caller = std::panic::Location::caller();
        async move {
            let told = flush(&mut self.websocket, &names).await;
            assert_eq!(flush(&mut self.events, &names).await, told, "at {caller}");
            told.try_into().expect("an event for each name")
        }
    }

    /// Shows that nothing is on its way: a new row comes next, alone.
    pub(super) async fn silence(&mut self, gateway: &Gateway) {
        self.markers += 1;
        let marker = format!("marker{}", self.markers);
        let joined = json!({"recipients": ["alice"], "conversation": {"type": 2, "groupID": marker}});
        gateway.post("joinGroup", joined).await;
        let [event] = self.flush([NEW]).await;
        assert_eq!(event.ids(), [format!("group_{marker}")]);
    }
}

/// The next events of a device, which must have these names; only the last has a cursor.
pub(super) async fn flush(device: &mut Session, names: &[&str]) -> Vec<Event> {
    let mut told = Vec::new();
    for name in names {
        told.push(device.next().await);
        let names_so_far: Vec<&str> = told.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names_so_far.last(), Some(name), "{told:?}");
    }
    let cursors: Vec<bool> = told.iter().map(|event| event.cursor.is_some()).collect();
    assert!(cursors.iter().rev().skip(1).all(|has_cursor| !has_cursor) && cursors.ends_with(&[true]), "{told:?}");
    told
}

/// Makes alice's list: `group_g` with 3 unread messages, `c2c_carol` with 1, `c2c_bob` with 2, the last the lowest.
pub(super) async fn three_rows(gateway: &Gateway) {
    let sent = [c2c("bob", "alice", 1), c2c("bob", "alice", 2), c2c("carol", "alice", 1)];
    let to_group = (1..=3).map(|seq| group("g", "bob", &["alice"], seq));
    let entries: Vec<Value> =
        sent.into_iter().chain(to_group).map(|params| json!({"method": "sendMessage", "params": params})).collect();
    gateway.post("batch", json!(entries)).await;
}

/// Alice's two devices with [`three_rows`].
pub(super) async fn devices(gateway: &Gateway) -> Devices {
    three_rows(gateway).await;
    Devices::of_alice(gateway).await
}

/// One row of alice that is there.
pub(super) async fn row(gateway: &Gateway, id: &str) -> Value {
    gateway.row("alice", id).await.unwrap_or_else(|| panic!("{id} is not in the list"))
}

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
    import_rows(gateway, user, rows(count)).await;
}

/// Makes a list of these rows.
pub(super) async fn import_rows(gateway: &Gateway, user: &str, rows: Vec<Value>) {
    let count = rows.len();
    let result = gateway.post("importConversations", json!({"userID": user, "conversationList": rows})).await;
    assert_eq!((&result["applied"], &result["failed"]), (&json!(count), &json!([])));
}

/// Waits until the store knows of so many sessions of a user.
pub(super) async fn known_sessions(gateway: &Gateway, user: &str, count: usize) -> Vec<Value> {
    let list = async || {
        let result = gateway.post("getUserSessions", json!({"userID": user})).await;
        result["sessionList"].as_array().expect("sessions").clone()
    };
    until("the sessions are known", async || list().await.len() == count).await;
    list().await
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

/// How many rows a backend's call changed, and for how many there was nothing to see; none failed.
pub(super) fn counts(result: &Value) -> (u64, u64) {
    assert_eq!((&result["queued"], &result["failed"]), (&json!(0), &json!([])), "{result}");
    (result["applied"].as_u64().expect("a number"), result["duplicates"].as_u64().expect("a number"))
}

/// The result codes of a batch, which has a result for each of these ids in their order.
pub(super) fn codes_of(result: &Value, ids: &[&str]) -> Vec<u64> {
    let results = result["resultList"].as_array().expect("results");
    assert_eq!(crate::support::ids(results), ids);
    for entry in results {
        let info = entry["resultInfo"].as_str().expect("a text");
        match entry["resultCode"].as_u64() {
            Some(0) => assert_eq!(info, ""),
            Some(6004) => assert_eq!(info, "conversationID: the conversation is not in the list"),
            _ => assert!(!info.is_empty(), "{entry}"),
        }
    }
    codes(result)
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

/// Checks a refusal: its code, and that its message says what was expected.
#[track_caller]
pub(super) fn refused(answer: Result<Value, Value>, code: u64, says: &str) {
    let error = answer.expect_err("a refusal");
    assert_eq!(error["code"], code, "{error}");
    assert!(error["message"].as_str().is_some_and(|message| message.contains(says)), "{error} says not {says:?}");
}
