//! What a client makes of its frames, by the protocol's rule alone; and whether the frames keep the protocol's promises.

use crate::store::Store;
use conversation_protocol::{Cursor, EventName, Filter, Frame, limits::FRAME_ROWS_MAX};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One device's copy of the list. It outlives its connections.
#[derive(Debug, Default)]
pub(crate) struct Client {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) rows: BTreeMap<String, (u64, String)>,
    /// Versions of deletions: what comes late with that version or less stays out.
    barriers: HashMap<String, u64>,
    pub(crate) total: Option<(u64, u64)>,
    /// The orderKey down to which the list was read.
    pub(crate) edge: u64,
    /// The names of the conversation groups.
    groups: BTreeSet<String>,
    /// Where everything was last complete.
    complete_at: Option<Cursor>,
    pub(crate) session: Received,
}

/// What one connection has brought so far.
#[derive(Debug, Default)]
pub(crate) struct Received {
    sync: Option<Sync>,
    pub(crate) starts: u64,
    pub(crate) finishes: u64,
    is_over: bool,
    /// The filters whose totals are told, with what was told last.
    watched: Vec<Watched>,
    /// Whether the client had seen more than its cursor said when this began.
    pub(crate) resumed: bool,
    /// The newest version received of each conversation, in this session since its last full sync.
    versions: HashMap<String, u64>,
    /// Within a flush or slice: the kind of its last frame, and the largest version in it.
    rank: u8,
    largest: u64,
    /// Set once a probe made the session begin at another cursor than the one it gave last.
    pub(crate) probed: bool,
}

/// A filter whose total is told.
#[derive(Debug)]
struct Watched {
    filter: Filter,
    /// What was told last, and its version; a full sync begins with versions anew.
    told: Option<(u64, Option<u64>)>,
    /// Whether the answer to the client's call told it, which here overtakes what waits for a slow client.
    is_answer: bool,
}

#[derive(Debug)]
struct Sync {
    is_full: bool,
    began: Option<Cursor>,
    staged: BTreeMap<String, (u64, String)>,
    total: Option<(u64, u64)>,
}

impl Client {
    pub(crate) fn is_in_replay(&self) -> bool {
        self.session.sync.as_ref().is_some_and(|sync| !sync.is_full)
    }

    pub(crate) fn is_in_sync(&self) -> bool {
        self.session.sync.is_none() && self.session.finishes > 0
    }

    /// Whether it was cut in the middle of a replay or a flush: it has seen more than its cursor says.
    pub(crate) fn is_beyond_cursor(&self) -> bool {
        let at = self.cursor.map_or(u64::MAX, |cursor| cursor.version);
        let newest = self.rows.values().map(|(version, _)| version).chain(self.barriers.values()).max();
        self.cursor != self.complete_at || newest.is_some_and(|newest| *newest > at)
    }

    /// Whether it was cut in the middle of what is sent together, and has rows of it that are lost, of which its cursor
    /// does not tell. No session can know of them.
    pub(crate) fn has_lost_rows(&self, store: &Store) -> bool {
        let versions = self.rows.values().map(|(version, _)| version).chain(self.barriers.values());
        let mut versions = versions.filter(|version| self.cursor.is_some_and(|at| **version > at.version));
        let is_served = |version: &u64| self.cursor.is_some_and(|at| store.serves_with_lost(at, *version));
        versions.any(is_served)
    }

    /// A new connection begins.
    pub(crate) fn connect(&mut self) {
        self.session = Received { resumed: self.is_beyond_cursor(), ..Received::default() };
    }

    /// Takes one frame. `store` is asked what should have come up to a cursor.
    pub(crate) fn receive(&mut self, frame: &Frame, store: &Store) {
        assert!(!self.session.is_over, "nothing follows the last event");
        match frame.event {
            EventName::SyncServerStart => self.start(frame),
            EventName::NewConversation | EventName::ConversationChanged => self.receive_rows(frame),
            EventName::ConversationDeleted => self.receive_deleted(frame),
            EventName::TotalUnreadMessageCountChanged => self.receive_total(frame),
            EventName::SyncServerFinish => self.finish(frame, store),
            EventName::SyncServerFailed => {
                assert!(self.session.sync.take().is_some(), "a failure without a start");
                assert!(frame.cursor.is_none() && self.session.rank == 0, "a failure in the middle of a slice");
            }
            EventName::UnreadMessageCountChangedByFilter => self.receive_filter_total(frame),
            EventName::ConversationGroupCreated
            | EventName::ConversationGroupDeleted
            | EventName::ConversationGroupNameChanged
            | EventName::ConversationsAddedToGroup
            | EventName::ConversationsDeletedFromGroup => self.receive_group(frame),
            EventName::KickedOffline | EventName::TokenExpired | EventName::Reconnect => {
                assert!(frame.cursor.is_none());
                self.session.is_over = true;
            }
        }
        if let Some(cursor) = frame.cursor {
            self.receive_cursor(cursor, frame.event, store);
        }
    }

    fn start(&mut self, frame: &Frame) {
        assert!(self.session.sync.is_none(), "a start within a sync");
        assert!(frame.cursor.is_none() && self.session.rank == 0, "a start in the middle of a flush");
        let is_full = frame.data.contains("full");
        if is_full {
            self.session.versions.clear();
        }
        self.session.starts += 1;
        let began = self.cursor;
        self.session.sync = Some(Sync { is_full, began, staged: BTreeMap::new(), total: None });
    }

    fn receive_rows(&mut self, frame: &Frame) {
        let is_new = frame.event == EventName::NewConversation;
        self.order(if is_new { 1 } else { 2 });
        let rows = rows(&frame.data);
        assert!(!rows.is_empty() && rows.len() <= FRAME_ROWS_MAX);
        for row in rows {
            let (id, version) = (text(row, "conversationID"), number(row, "version"));
            self.once(id, version);
            let since = match &self.session.sync {
                Some(Sync { is_full: true, staged, .. }) => {
                    assert!(is_new && !staged.contains_key(id), "a full sync tells each row once, as new");
                    None
                }
                Some(Sync { began, .. }) => *began,
                None => self.cursor,
            };
            if let Some(since) = since
                && !self.session.probed
            {
                assert_eq!(is_new, number(row, "created") > since.version, "new and changed: {row} at {since}");
            }
            match &mut self.session.sync {
                Some(Sync { is_full: true, staged, .. }) => {
                    staged.insert(id.to_owned(), (version, row.to_owned()));
                }
                Some(_) | None => {
                    if version > self.known(id) {
                        self.rows.insert(id.to_owned(), (version, row.to_owned()));
                    }
                }
            }
        }
    }

    fn receive_deleted(&mut self, frame: &Frame) {
        self.order(3);
        assert!(self.session.sync.as_ref().is_none_or(|sync| !sync.is_full), "a deletion in a full sync");
        let version = number(&frame.data, "version");
        let ids = field(&frame.data, "conversationIDList").trim_start_matches('[').split(']').next().unwrap();
        let ids: Vec<&str> = ids.split(',').map(|id| id.trim_matches('"')).collect();
        assert!(!ids[0].is_empty() && ids.len() <= FRAME_ROWS_MAX);
        for id in ids {
            self.once(id, version);
            if version > self.known(id) {
                self.rows.remove(id);
                self.barriers.insert(id.to_owned(), version);
            }
        }
    }

    fn receive_total(&mut self, frame: &Frame) {
        self.order(5);
        let (value, version) = (number(&frame.data, "totalUnreadCount"), number(&frame.data, "version"));
        match &mut self.session.sync {
            Some(sync) => {
                assert!(frame.cursor.is_none(), "in a sync the finish has the cursor");
                assert!(sync.total.replace((value, version)).is_none(), "a second total in a sync");
            }
            None => {
                let (known, at) = self.total.expect("a sync brought a total");
                assert!(
                    value != known && version > at,
                    "a total that is no news: {value} @{version} after {known} @{at}"
                );
                self.total = Some((value, version));
                self.session.largest = self.session.largest.max(version);
            }
        }
    }

    fn receive_group(&mut self, frame: &Frame) {
        self.order(4);
        assert!(self.session.sync.is_none(), "a notice of a group within a sync");
        let data: Value = serde_json::from_str(&frame.data).unwrap();
        let name = |field: &str| data[field].as_str().map(str::to_owned);
        // Before the sync that heals a gap a notice may be about a group that the client was never told of.
        if frame.event == EventName::ConversationGroupCreated {
            self.groups.extend(name("groupName"));
        } else if frame.event == EventName::ConversationGroupDeleted {
            name("groupName").map(|gone| self.groups.remove(&gone));
        } else if frame.event == EventName::ConversationGroupNameChanged {
            name("oldName").map(|gone| self.groups.remove(&gone));
            self.groups.extend(name("newName"));
        } else {
            let ids = data["conversationIDList"].as_array().expect("who went in or out");
            assert!(!ids.is_empty());
        }
    }

    fn receive_filter_total(&mut self, frame: &Frame) {
        self.order(6);
        assert!(self.session.sync.is_none(), "the total of a filter within a sync");
        let data: Value = serde_json::from_str(&frame.data).unwrap();
        let filter: Filter = serde_json::from_value(data["filter"].clone()).unwrap();
        let (total, version) = (data["totalUnreadCount"].as_u64().unwrap(), data["version"].as_u64().unwrap());
        let watched = self.session.watched.iter_mut().find(|watched| watched.filter == filter);
        // What was under way when the client unsubscribed still comes.
        let Some(watched) = watched else { return };
        if let Some((before, at)) = watched.told {
            if watched.is_answer && Some(version) <= at {
                return;
            }
            assert!(total != before && Some(version) > at, "{total} @{version} after {before} @{at:?} is no news");
        }
        watched.told = Some((total, Some(version)));
        watched.is_answer = false;
    }

    /// The client wants to be told a filter's total, and may know it.
    pub(crate) fn watch(&mut self, filter: &Filter, told: Option<(u64, u64)>) {
        let known = self.session.watched.iter_mut().find(|watched| watched.filter == *filter);
        match (known, told) {
            (None, None) => {
                self.session.watched.push(Watched { filter: filter.clone(), told: None, is_answer: false });
            }
            // An event may have told something newer.
            (Some(watched), Some((total, version))) if watched.told.is_none_or(|(_, at)| Some(version) > at) => {
                watched.told = Some((total, Some(version)));
                watched.is_answer = true;
            }
            // It knows as much, or has unsubscribed since.
            (Some(_), _) | (None, Some(_)) => {}
        }
    }

    pub(crate) fn unwatch(&mut self, filter: &Filter) {
        self.session.watched.retain(|watched| watched.filter != *filter);
    }

    fn finish(&mut self, frame: &Frame, store: &Store) {
        let sync = self.session.sync.take().expect("a finish without a start");
        let cursor = frame.cursor.expect("a finish has a cursor");
        assert_eq!(text(&frame.data, "mode") == "full", sync.is_full, "the mode of the start is that of the finish");
        let total = sync.total.expect("each sync brings the total");
        assert_eq!(total.1, cursor.version);
        if sync.is_full {
            self.rows = sync.staged;
            self.barriers.clear();
            self.edge = if frame.data.contains("\"isFinished\":true") { 0 } else { number(&frame.data, "nextSeq") };
            self.complete_at = Some(cursor);
            let watched = self.session.watched.iter_mut();
            watched.for_each(|watched| watched.told = watched.told.map(|(total, _)| (total, None)));
        } else {
            assert!(!frame.data.contains("nextSeq") && !frame.data.contains("isFinished"));
            let known = self.total.filter(|_| self.cursor.is_some_and(|at| at.epoch == cursor.epoch));
            assert!(known.is_none_or(|(_, at)| at <= total.1), "the total's version went back");
            self.complete(cursor, store);
        }
        self.total = Some(total);
        let data: Value = serde_json::from_str(&frame.data).unwrap();
        self.groups = serde_json::from_value(data["conversationGroupList"].clone()).unwrap();
        self.session.finishes += 1;
        self.session.rank = 0;
    }

    fn receive_cursor(&mut self, cursor: Cursor, event: EventName, store: &Store) {
        match (&self.session.sync, event) {
            (_, EventName::SyncServerFinish) => {}
            (Some(sync), _) => {
                assert!(!sync.is_full, "a cursor before the finish of a full sync");
                assert_eq!(cursor.version, self.session.largest, "a slice's cursor is that of its last entry");
            }
            (None, _) => {
                assert!(cursor.version >= self.session.largest, "a cursor that is behind its flush");
                self.complete(cursor, store);
            }
        }
        self.cursor = Some(cursor);
        self.session.rank = 0;
        self.session.largest = 0;
    }

    /// No gap: at a cursor outside of syncs' slices, everything up to it was given.
    fn complete(&mut self, cursor: Cursor, store: &Store) {
        let base = self.complete_at.unwrap_or(Cursor::EMPTY);
        let same_data = cursor.epoch == store.cursor().epoch && (base.epoch == cursor.epoch || base == Cursor::EMPTY);
        if same_data && base.version < cursor.version {
            for (version, id) in store.log_between(base.version, cursor.version) {
                assert!(self.known(id) >= version, "at {cursor} the change {version} of {id} is missing");
            }
        }
        self.complete_at = Some(cursor);
    }

    /// New, changed, deleted, total: in this order in each flush and slice; in a live flush nothing without a cursor
    /// stands before a frame of an earlier kind.
    fn order(&mut self, rank: u8) {
        assert!(self.session.sync.is_some() || self.session.finishes > 0, "live before the first finish");
        assert!(rank >= self.session.rank, "kind {rank} after kind {} in one flush", self.session.rank);
        self.session.rank = rank;
    }

    /// Never an older state after a newer one, and never one twice, but where a probe asked for it.
    fn once(&mut self, id: &str, version: u64) {
        let last = self.session.versions.entry(id.to_owned()).or_default();
        assert!(version > *last || self.session.probed, "{id} @{version} after @{last}");
        *last = version.max(*last);
        self.session.largest = self.session.largest.max(version);
    }

    fn known(&self, id: &str) -> u64 {
        let row = self.rows.get(id).map_or(0, |(version, _)| *version);
        row.max(self.barriers.get(id).copied().unwrap_or(0))
    }

    /// Everything as the server has it: each row known, and each row above the edge.
    pub(crate) fn check_same(&self, store: &Store) {
        let rows = store.rows();
        for (id, (_, row)) in &self.rows {
            assert_eq!(rows.get(id.as_str()), Some(&row.as_str()), "the client's {id}");
        }
        for id in store.above(self.edge) {
            assert!(self.rows.contains_key(id), "{id} is missing");
        }
        assert_eq!(self.total.map(|(value, _)| value), Some(store.total()), "the total");
        assert!(self.groups.iter().eq(store.head().group_names.iter().collect::<BTreeSet<_>>()), "the groups");
        for Watched { filter, told, .. } in &self.session.watched {
            assert_eq!(told.map(|(total, _)| total), Some(store.filter_total(filter)), "the total of {filter:?}");
        }
    }
}

fn rows(data: &str) -> Vec<&str> {
    let list = data.strip_prefix(r#"{"conversationList":["#).and_then(|list| list.strip_suffix("]}")).unwrap();
    // Rows of the model store have no braces within.
    list.split_inclusive('}').map(|row| row.trim_start_matches(',')).collect()
}

/// What stands after the name of a field. No JSON reader: a thousand seeds are to take seconds.
fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let found = json.match_indices(name).find(|(at, _)| json[at + name.len()..].starts_with("\":"));
    let (at, _) = found.unwrap_or_else(|| panic!("no {name} in {json}"));
    &json[at + name.len() + 2..]
}

fn text<'a>(json: &'a str, name: &str) -> &'a str {
    field(json, name)[1..].split('"').next().unwrap()
}

fn number(json: &str, name: &str) -> u64 {
    field(json, name).split([',', '}']).next().unwrap().parse().unwrap()
}
