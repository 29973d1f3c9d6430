//! What a client sees that pages, one that replays, and one that only listens: all must see the same.

use super::super::{
    hints::next,
    paths::{self, HintQueue},
};
use conversation_protocol::{
    Conversation, ConversationId, Cursor, Facets, Filter, GroupEvent, Head, LogEntry, RowState, UserId,
    limits::REPLAY_ROWS_MAX,
};
use conversation_store::{HintSink, Store};
use std::collections::{BTreeMap, BTreeSet};

/// Small, so that lists of a few rows have several pages and slices.
const PAGE_ROWS: u32 = 3;
const SLICE_ROWS: usize = 2;
/// Of a list of many rows.
const LONG_ROWS: u64 = 100;
const LONG_PAGE_ROWS: u32 = 300;
const LONG_SLICE_ROWS: usize = 200;
/// Every condition, alone and together.
const FILTERS: [&str; 8] = [
    "{}",
    r#"{"type":1,"markType":0}"#,
    r#"{"type":2,"hasUnreadCount":true}"#,
    r#"{"markType":["1","9223372036854775808"]}"#,
    r#"{"conversationGroup":""}"#,
    r#"{"conversationGroup":"work"}"#,
    r#"{"hasGroupAtInfo":true}"#,
    r#"{"hasUnreadCount":false,"hasGroupAtInfo":false,"conversationGroup":"a b\n"}"#,
];

/// One user's clients.
pub(super) struct Reader {
    user: UserId,
    replayed: Copy,
    told: Copy,
    /// Names of conversation groups, as the notices in hints tell them.
    groups: BTreeSet<String>,
    /// Totals of filters, moved by hints.
    totals: Vec<(Filter, u64)>,
    stream: HintQueue,
    _sink: Box<dyn HintSink>,
}

/// A client's rows, and how far they go.
#[derive(Debug)]
struct Copy {
    cursor: Cursor,
    rows: BTreeMap<ConversationId, Conversation>,
}

impl Copy {
    fn new() -> Self {
        Self { cursor: Cursor::EMPTY, rows: BTreeMap::new() }
    }

    fn put(&mut self, row: &RowState) {
        let before = self.rows.insert(row.conversation_id.clone(), read(row));
        assert!(before.is_none_or(|before| before.version < row.version), "a row's version rises: {row:?}");
    }

    fn in_order(&self) -> Vec<Conversation> {
        let mut rows: Vec<Conversation> = self.rows.values().cloned().collect();
        rows.sort_by(|a, b| (b.order_key, &b.conversation_id).cmp(&(a.order_key, &a.conversation_id)));
        rows
    }

    /// Takes what changed since, or everything where that is too much.
    async fn catch_up(&mut self, store: &dyn Store, user: &UserId) {
        let long = self.rows.len() as u64 > LONG_ROWS || self.rows.is_empty();
        let rows_max = if long { LONG_SLICE_ROWS } else { SLICE_ROWS };
        loop {
            let since = self.cursor;
            let slice = store.replay(user, since.version, rows_max, usize::MAX).await.unwrap();
            assert_eq!(slice.head.can_replay(since, slice.changed), slice.changed <= REPLAY_ROWS_MAX, "{since}");
            if slice.changed > REPLAY_ROWS_MAX {
                let page = store.page(user, 0, u32::MAX).await.unwrap();
                let rows = page.rows.iter().map(|row| (row.conversation_id.clone(), read(row)));
                *self = Self { cursor: page.head.cursor, rows: rows.collect() };
                return;
            }
            for entry in &slice.entries {
                assert!(entry.version() > self.cursor.version, "a replay rises by version");
                self.cursor = Cursor::new(slice.head.cursor.epoch, entry.version());
                match entry {
                    LogEntry::Row(row) => self.put(row),
                    LogEntry::Deleted { conversation_id, .. } => _ = self.rows.remove(conversation_id),
                }
            }
            if slice.entries.len() as u64 == slice.changed {
                self.cursor = slice.head.cursor;
                return;
            }
        }
    }
}

/// What the pages show.
pub(super) struct Seen {
    pub(super) head: Head,
    pub(super) rows: Vec<Conversation>,
}

fn read(row: &RowState) -> Conversation {
    let conversation: Conversation = serde_json::from_str(&row.json).unwrap();
    assert_eq!((&conversation.conversation_id, conversation.version), (&row.conversation_id, row.version));
    conversation
}

impl Reader {
    pub(super) async fn connect(store: &dyn Store, user: UserId) -> Self {
        let (mut sink, stream) = paths::open(store).await.unwrap();
        sink.follow(std::slice::from_ref(&user)).await.unwrap();
        let (replayed, told, groups) = (Copy::new(), Copy::new(), BTreeSet::new());
        let totals = FILTERS.map(|json| (serde_json::from_str(json).unwrap(), 0)).into();
        Self { user, replayed, told, groups, totals, stream, _sink: sink }
    }

    pub(super) fn user(&self) -> &UserId {
        &self.user
    }

    /// Some filters, with their totals as the hints give them.
    pub(super) fn totals(&self) -> impl Iterator<Item = (&Filter, u64)> {
        self.totals.iter().map(|(filter, total)| (filter, *total))
    }

    /// Begins anew with a user that was deleted. What was told before must have been read.
    pub(super) async fn forget(&mut self, store: &dyn Store) {
        let head = store.heads(std::slice::from_ref(&self.user)).await.remove(0).unwrap();
        assert_eq!(head, Head::empty());
        let since = self.replayed.cursor;
        assert!(since == Cursor::EMPTY || !head.can_replay(since, 0), "a cursor of data that are gone");
        (self.replayed, self.told) = (Copy::new(), Copy::new());
        self.groups.clear();
        self.totals.iter_mut().for_each(|(_, total)| *total = 0);
    }

    /// Reads everything that is new, each way, and compares the ways.
    pub(super) async fn read(&mut self, store: &dyn Store) -> Seen {
        let seen = self.page(store).await;
        self.replayed.catch_up(store, &self.user).await;
        self.listen(store, &seen.head).await;
        assert_eq!(self.replayed.in_order(), seen.rows, "a replay gives what the pages give");
        assert_eq!(self.told.in_order(), seen.rows, "the hints give what the pages give");
        let names: BTreeSet<String> = seen.head.group_names.iter().cloned().collect();
        assert_eq!(self.groups, names, "the notices of groups give the names");
        assert_eq!(store.heads(std::slice::from_ref(&self.user)).await.remove(0).unwrap(), seen.head);
        seen
    }

    async fn page(&self, store: &dyn Store) -> Seen {
        let (mut below, mut rows) = (0, Vec::new());
        let mut count = PAGE_ROWS;
        loop {
            let page = store.page(&self.user, below, count).await.unwrap();
            rows.extend(page.rows.iter().map(read));
            below = page.next_seq;
            if page.is_finished {
                return Seen { head: page.head, rows };
            }
            count = if page.head.row_count > LONG_ROWS { LONG_PAGE_ROWS } else { PAGE_ROWS };
        }
    }

    async fn listen(&mut self, store: &dyn Store, head: &Head) {
        while self.told.cursor != head.cursor {
            let (user, hint) = next(&mut self.stream).await.unwrap();
            assert_eq!(user, self.user);
            if hint.epoch == self.told.cursor.epoch && hint.clock <= self.told.cursor.version {
                // A sync has had it.
                continue;
            }
            assert_eq!(hint.previous, self.told.cursor.version, "a hint begins where the last one ended");
            if hint.truncated {
                self.heal(store).await;
                continue;
            }
            for (conversation_id, _) in &hint.deleted {
                self.told.rows.remove(conversation_id);
            }
            for row in &hint.rows {
                self.told.put(row);
            }
            for event in &hint.groups {
                match event {
                    GroupEvent::Created(name, _) => assert!(self.groups.insert(name.clone()), "{event:?}"),
                    GroupEvent::Deleted(name) => assert!(self.groups.remove(name), "{event:?}"),
                    GroupEvent::Renamed(old_name, new_name) => {
                        assert!(self.groups.remove(old_name) && self.groups.insert(new_name.clone()), "{event:?}");
                    }
                    GroupEvent::Added(name, ids) | GroupEvent::Removed(name, ids) => {
                        assert!(self.groups.contains(name) && !ids.is_empty(), "{event:?}");
                    }
                }
            }
            for (filter, total) in &mut self.totals {
                for change in &hint.facets {
                    let share = |facets: &Option<Facets>| {
                        facets.as_ref().map_or(0, |facets| filter.share(&change.conversation_id, facets))
                    };
                    *total = *total + share(&change.after) - share(&change.before);
                }
            }
            self.told.cursor = hint.cursor();
        }
    }

    /// What a step was too large to tell is read, as a session does.
    async fn heal(&mut self, store: &dyn Store) {
        self.told.catch_up(store, &self.user).await;
        let unread = store.unread(&self.user).await.unwrap();
        self.groups = unread.head.group_names.iter().cloned().collect();
        for (filter, total) in &mut self.totals {
            *total = unread.rows.iter().map(|(id, facets)| filter.share(id, facets)).sum();
        }
    }
}
