//! What does a client have? Its rows and its total, built only from what it received, with the rules for building.

use super::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One event as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) cursor: Option<String>,
    pub(crate) data: Value,
}

impl Event {
    /// The conversationIDs of its rows or deletions, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let deleted = self.data["conversationIDList"].as_array().into_iter().flatten().cloned();
        let rows = self.data["conversationList"].as_array().into_iter().flatten();
        let ids = deleted.chain(rows.map(|row| row["conversationID"].clone()));
        ids.map(|id| id.as_str().expect("an id is a string").to_owned()).collect()
    }

    /// Its only row.
    pub(crate) fn row(&self) -> &Value {
        let rows = self.data["conversationList"].as_array().unwrap_or_else(|| panic!("no rows: {self:?}"));
        assert_eq!(rows.len(), 1, "{self:?}");
        &rows[0]
    }
}

/// The list of one client.
#[derive(Debug, Clone, Default)]
pub(crate) struct List {
    rows: BTreeMap<String, Value>,
    /// Deletions, so that what comes late stays out.
    gone: BTreeMap<String, u64>,
    total: Option<(u64, u64)>,
    /// The newest cursor.
    pub(crate) cursor: Option<String>,
    /// During a full sync: what it has confirmed.
    confirmed: Option<BTreeSet<String>>,
    is_syncing: bool,
    /// The smallest orderKey of what was paged; rows below it are kept, not shown.
    pub(crate) edge: u64,
}

fn version(row: &Value) -> u64 {
    row["version"].as_u64().expect("a row has a version")
}

/// Where the pages end that a finish or a page tells of.
fn edge(data: &Value) -> u64 {
    if data["isFinished"] == json!(true) { 0 } else { data["nextSeq"].as_u64().expect("a nextSeq") }
}

impl List {
    /// Takes an event by the rules of the protocol, and checks what holds for every order of events.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event.name.as_str() {
            "syncServerStart" => {
                assert!(!self.is_syncing, "a start inside a sync");
                self.is_syncing = true;
                if event.data["mode"] == "full" {
                    self.confirmed = Some(BTreeSet::new());
                    self.gone.clear();
                    self.total = None;
                }
            }
            "newConversation" | "conversationChanged" => self.take_rows(event),
            "conversationDeleted" => {
                let version = version(&event.data);
                for id in event.ids() {
                    self.gone.insert(id.clone(), version);
                    self.rows.retain(|known, row| *known != id || self::version(row) > version);
                }
            }
            "totalUnreadMessageCountChanged" => {
                let new = (version(&event.data), event.data["totalUnreadCount"].as_u64().expect("a number"));
                assert!(self.is_syncing || self.total.is_none_or(|total| new.0 > total.0), "an old total: {event:?}");
                self.total = Some(new);
            }
            "syncServerFinish" => {
                assert!(self.is_syncing, "a finish without a start");
                self.is_syncing = false;
                if let Some(confirmed) = self.confirmed.take() {
                    self.rows.retain(|id, _| confirmed.contains(id));
                    self.edge = edge(&event.data);
                }
            }
            "syncServerFailed" => {
                assert!(self.is_syncing, "a failure without a start");
                (self.is_syncing, self.confirmed) = (false, None);
            }
            "unreadMessageCountChangedByFilter"
            | "conversationGroupCreated"
            | "conversationGroupDeleted"
            | "conversationGroupNameChanged"
            | "conversationsAddedToGroup"
            | "conversationsDeletedFromGroup" => assert!(!self.is_syncing, "a live event inside a sync: {event:?}"),
            "kickedOffline" | "tokenExpired" | "reconnect" => {}
            other => panic!("an unknown event {other:?}"),
        }
        if event.cursor.is_some() {
            self.cursor.clone_from(&event.cursor);
        }
    }

    fn take_rows(&mut self, event: &Event) {
        let rows = event.data["conversationList"].as_array().expect("rows");
        assert!(!rows.is_empty() && rows.len() <= 100, "{} rows in one frame", rows.len());
        for row in rows {
            let id = row["conversationID"].as_str().expect("an id").to_owned();
            if let Some(confirmed) = &mut self.confirmed {
                confirmed.insert(id.clone());
            } else {
                let known = self.rows.get(&id).map_or(0, version).max(self.gone.get(&id).copied().unwrap_or(0));
                // A client that was cut between the frames of a unit, before its cursor, gets it again as it comes back.
                let is_again = self.is_syncing && version(row) == known;
                assert!(
                    version(row) > known || is_again,
                    "{id} came again with version {}, known is {known}",
                    version(row)
                );
            }
            self.rows.insert(id, row.clone());
        }
    }

    /// Takes a page that was asked for: newer rows, and the edge after it.
    pub(crate) fn take_page(&mut self, page: &Value) {
        for row in page["conversationList"].as_array().expect("rows") {
            let id = row["conversationID"].as_str().expect("an id").to_owned();
            let known = self.rows.get(&id).map_or(0, version).max(self.gone.get(&id).copied().unwrap_or(0));
            if version(row) > known {
                self.rows.insert(id, row.clone());
            }
        }
        self.edge = edge(page);
    }

    /// The rows that the client shows: those that are not below the edge of its pages.
    pub(crate) fn shown(&self) -> Vec<Value> {
        let mut rows = self.rows();
        rows.retain(|row| row["orderKey"].as_u64() >= Some(self.edge));
        rows
    }

    /// The rows by falling (orderKey, conversationID).
    pub(crate) fn rows(&self) -> Vec<Value> {
        let mut rows: Vec<Value> = self.rows.values().cloned().collect();
        let key = |row: &Value| (row["orderKey"].as_u64(), row["conversationID"].as_str().map(str::to_owned));
        rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
        rows
    }

    pub(crate) fn row(&self, id: &str) -> Option<&Value> {
        self.rows.get(id)
    }

    /// The total as it was last told.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total.map(|(_, total)| total)
    }

    /// The sum that the total must be, where all rows are known.
    pub(crate) fn sum(&self) -> u64 {
        let counted = self.rows.values().filter(|row| row["recvOpt"] == json!(0));
        counted.map(|row| row["unreadCount"].as_u64().expect("a number")).sum()
    }
}
