//! What did a step do to one row of alice, as her server's list says and as her live device was told?

use super::lists::codes;
use super::steps::{Step, received};
use crate::support::{Gateway, Session, Value, group, json};

/// Of each type one conversation with bob.
pub(super) const C2C: &str = "c2c_bob";
pub(super) const GROUP: &str = "group_g";
pub(super) const BOTH_TYPES: [&str; 2] = [C2C, GROUP];
/// What a pinned row has on top of its activation.
pub(super) const PIN_BIT: u64 = 1 << 52;

/// What a rule says of the orderKey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Same,
    PinBitSet,
    PinBitRemoved,
}

/// What a rule says of lastMessage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Same,
    Null,
    /// The message of this seq, as it was sent.
    Replaced(u64),
    /// The same message with another content, which the test looks at.
    Edited,
}

/// One row, and a device that has it.
pub(super) struct Watched<'a> {
    gateway: &'a Gateway,
    device: Session,
    id: &'static str,
    row: Option<Value>,
    list: Vec<Value>,
    total: u64,
}

/// A row before and after one step.
#[derive(Debug)]
pub(super) struct Changed {
    before: Option<Value>,
    pub(super) row: Value,
}

/// All rows and the total, as a backend reads them for a user: without a limit of rate.
pub(super) async fn read(gateway: &Gateway, user: &str) -> (Vec<Value>, u64) {
    let page = gateway.post("getConversationList", json!({"userID": user, "count": 1_000})).await;
    let total = gateway.post("getTotalUnreadMessageCount", json!({"userID": user})).await;
    let rows = page["conversationList"].as_array().expect("rows").clone();
    let total = total["totalUnreadCount"].as_u64().expect("a number");
    let counted = rows.iter().filter(|row| row["recvOpt"] == json!(0));
    assert_eq!(counted.map(|row| number(row, "unreadCount")).sum::<u64>(), total, "the total is the sum");
    assert!(rows.is_sorted_by(|above, row| number(above, "orderKey") > number(row, "orderKey")), "one number sorts it");
    (rows, total)
}

/// A field that is a number.
pub(super) fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("{field} is a number: {row}"))
}

/// Starts with a row in which these messages of bob came, and with another row that has one unread.
pub(super) async fn watch<'a>(gateway: &'a Gateway, id: &'static str, seqs: &[u64]) -> Watched<'a> {
    gateway.post("sendMessage", group("other", "bob", &["alice"], 1)).await;
    for seq in seqs {
        received(id, *seq).run(gateway).await;
    }
    let device = gateway.live("alice").await;
    let (list, total) = read(gateway, "alice").await;
    let row = find(&list, id);
    Watched { gateway, device, id, row, list, total }
}

/// The row of an id.
pub(super) fn find(list: &[Value], id: &str) -> Option<Value> {
    list.iter().find(|row| row["conversationID"] == id).cloned()
}

impl Watched<'_> {
    /// The row as it is now.
    pub(super) fn row(&self) -> &Value {
        self.row.as_ref().expect("the row is in the list")
    }

    /// Does a step which changes the row: the device is told the row as it is in the list, in the same flush the total
    /// where it is another one, and nothing else. Then does it again, which changes nothing.
    pub(super) async fn after(&mut self, step: Step) -> Changed {
        let changed = self.after_one(step.clone()).await;
        self.repeat(step).await;
        changed
    }

    /// The same without the repetition.
    async fn after_one(&mut self, step: Step) -> Changed {
        self.run(&step).await;
        let name = if self.row.is_some() { "conversationChanged" } else { "newConversation" };
        let told = self.device.expect(name).await;
        let (before, old_total) = self.read().await;
        let row = self.row().clone();
        assert_eq!(told.row(), &row, "{step:?}: the device has what the list has");
        for other in self.list.iter().filter(|other| other["conversationID"] != self.id) {
            assert!(number(&row, "version") > number(other, "version"), "{step:?}: the version is the newest");
        }
        let last_version = before.as_ref().map_or(0, |before| number(before, "version"));
        assert!(number(&row, "version") > last_version, "{step:?}: the version rises");
        let mut cursor = told.cursor;
        if let Some(name) = step.notice() {
            assert_eq!(cursor, None, "the notice is of the same flush");
            cursor = self.device.expect(name).await.cursor;
        }
        self.expect_total(old_total, cursor.as_ref(), number(&row, "version")).await;
        Changed { before, row }
    }

    /// Does a step which takes the row away, and does it again.
    pub(super) async fn goes(&mut self, step: Step) {
        self.run(&step).await;
        let told = self.device.expect("conversationDeleted").await;
        let (before, old_total) = self.read().await;
        assert_eq!((told.ids(), &self.row), (vec![self.id.to_owned()], &None), "{step:?}");
        assert!(told.data["version"].as_u64() > before.map(|before| number(&before, "version")));
        self.expect_total(old_total, told.cursor.as_ref(), number(&told.data, "version")).await;
        self.repeat(step).await;
    }

    /// The total comes together with the row that caused it, or not at all.
    async fn expect_total(&mut self, old_total: u64, cursor: Option<&String>, version: u64) {
        if self.total == old_total {
            assert!(cursor.is_some(), "the row ends the flush");
            return;
        }
        assert_eq!(cursor, None, "the total is of the same flush");
        let told = self.device.expect("totalUnreadMessageCountChanged").await;
        assert_eq!(told.data, json!({"totalUnreadCount": self.total, "version": version}));
        assert!(told.cursor.is_some(), "the total ends the flush");
    }

    /// Takes what happened beside the steps, once the device has it.
    pub(super) async fn refresh(&mut self) {
        self.read().await;
        self.device.converge(self.gateway).await;
    }

    /// Does a step which changes nothing that is seen: nobody is told.
    pub(super) async fn stays(&mut self, step: Step) {
        self.run(&step).await;
        self.expect_nothing(&step).await;
    }

    /// Does a step again: a backend is told that there was nothing to do.
    async fn repeat(&mut self, step: Step) {
        if let Some(applied) = self.run(&step).await.get("applied") {
            assert_eq!(applied, 0, "{step:?} again");
        }
        self.expect_nothing(&step).await;
    }

    async fn expect_nothing(&mut self, step: &Step) {
        let (before, total) = self.read().await;
        assert_eq!((&self.row, self.total), (&before, total), "{step:?} changes nothing");
        self.device.expect_silence_until_marker(self.gateway).await;
    }

    async fn run(&self, step: &Step) -> Value {
        let result = step.run(self.gateway).await;
        if result.get("resultList").is_some() {
            assert!(codes(&result).iter().all(|code| *code == 0), "{step:?}: {result}");
        }
        assert!(result.get("failed").is_none_or(|failed| *failed == json!([])), "{step:?}: {result}");
        result
    }

    /// Reads the list anew; answers the row and the total as they were.
    async fn read(&mut self) -> (Option<Value>, u64) {
        let (list, total) = read(self.gateway, "alice").await;
        self.list = list;
        let row = std::mem::replace(&mut self.row, find(&self.list, self.id));
        (row, std::mem::replace(&mut self.total, total))
    }
}

impl Changed {
    /// What a row of the table says: orderKey, lastMessage, unreadCount.
    #[track_caller]
    pub(super) fn is(&self, key: Key, last: Last, unread: u64) -> &Self {
        let none = json!({"orderKey": 0, "lastMessage": null, "isPinned": false});
        let (before, row) = (self.before.as_ref().unwrap_or(&none), &self.row);
        let (old_key, new_key) = (number(before, "orderKey"), number(row, "orderKey"));
        let pin = if row["isPinned"] == json!(true) { PIN_BIT } else { 0 };
        match key {
            Key::Up => {
                assert!(new_key > old_key, "{before} {row}");
                assert_eq!(new_key, number(row, "version") + pin, "an activation is a tick of the user's clock");
            }
            Key::Same => assert_eq!(new_key, old_key),
            Key::PinBitSet => assert_eq!((new_key, pin), (old_key + PIN_BIT, PIN_BIT)),
            Key::PinBitRemoved => assert_eq!((new_key + PIN_BIT, pin), (old_key, 0)),
        }
        let (old, new) = (&before["lastMessage"], &row["lastMessage"]);
        match last {
            Last::Same => assert_eq!(new, old),
            Last::Null => assert_eq!(new, &Value::Null),
            Last::Replaced(seq) => {
                assert_eq!((&new["seq"], &new["status"]), (&json!(seq), &json!(2)), "{row}");
                assert_eq!((&new["msgID"], &new["text"]), (&json!(format!("m{seq}")), &json!(format!("text {seq}"))));
            }
            Last::Edited => {
                assert_ne!(new, old);
                for field in ["msgID", "seq", "sender", "isSelf", "timestamp"] {
                    assert_eq!(new[field], old[field], "what names the message stays");
                }
            }
        }
        assert_eq!(row["unreadCount"], unread, "{row}");
        self
    }

    /// The new lastMessage.
    pub(super) fn last(&self) -> &Value {
        &self.row["lastMessage"]
    }
}
