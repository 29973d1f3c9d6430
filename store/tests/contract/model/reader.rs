//! What a client sees that pages, one that replays, and one that only listens: all must see the same.

use super::super::hints::next;
use conversation_protocol::{
    Conversation, ConversationId, Cursor, Facets, Filter, GroupEvent, Head, LogEntry, RowState, UserId,
};
use conversation_store::{HintSink, HintStream, Store};
use std::collections::{BTreeMap, BTreeSet};

/// Small, so that lists of a few rows have several pages and slices.
const PAGE_ROWS: u32 = 3;
const SLICE_ROWS: usize = 2;
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
    stream: Box<dyn HintStream>,
    _sink: Box<dyn HintSink>,
}

/// A client's rows, and how far they go.
#[derive(Debug)]
struct Copy {
    cursor: Cursor,
    rows: BTreeMap<ConversationId, RowState>,
}

impl Copy {
    fn new() -> Self {
        Self { cursor: Cursor::EMPTY, rows: BTreeMap::new() }
    }

    fn put(&mut self, row: &RowState) {
        let before = self.rows.insert(row.conversation_id.clone(), row.clone());
        assert!(before.is_none_or(|before| before.version < row.version), "a row's version rises: {row:?}");
    }

    fn in_order(&self) -> Vec<Conversation> {
        let mut rows: Vec<Conversation> = self.rows.values().map(read).collect();
        rows.sort_by(|a, b| (b.order_key, &b.conversation_id).cmp(&(a.order_key, &a.conversation_id)));
        rows
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
        let (mut sink, stream) = store.hints().await.unwrap();
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

    /// Reads everything that is new, each way, and compares the ways.
    pub(super) async fn read(&mut self, store: &dyn Store) -> Seen {
        let seen = self.page(store).await;
        self.replay(store).await;
        self.listen(seen.head.cursor).await;
        assert_eq!(self.replayed.in_order(), seen.rows, "a replay gives what the pages give");
        assert_eq!(self.told.in_order(), seen.rows, "the hints give what the pages give");
        let names: BTreeSet<String> = seen.head.group_names.iter().cloned().collect();
        assert_eq!(self.groups, names, "the notices of groups give the names");
        assert_eq!(store.heads(std::slice::from_ref(&self.user)).await.unwrap()[0], seen.head);
        seen
    }

    async fn page(&self, store: &dyn Store) -> Seen {
        let (mut below, mut rows) = (0, Vec::new());
        loop {
            let page = store.page(&self.user, below, PAGE_ROWS).await.unwrap();
            rows.extend(page.rows.iter().map(read));
            below = page.next_seq;
            if page.is_finished {
                return Seen { head: page.head, rows };
            }
        }
    }

    async fn replay(&mut self, store: &dyn Store) {
        loop {
            let since = self.replayed.cursor;
            let slice = store.replay(&self.user, since.version, SLICE_ROWS, usize::MAX).await.unwrap();
            assert!(slice.head.can_replay(since, slice.changed));
            for entry in &slice.entries {
                assert!(entry.version() > self.replayed.cursor.version, "a replay rises by version");
                self.replayed.cursor = Cursor { epoch: slice.head.cursor.epoch, version: entry.version() };
                match entry {
                    LogEntry::Row(row) => self.replayed.put(row),
                    LogEntry::Deleted { conversation_id, .. } => _ = self.replayed.rows.remove(conversation_id),
                }
            }
            if slice.entries.len() as u64 == slice.changed {
                self.replayed.cursor = slice.head.cursor;
                return;
            }
        }
    }

    async fn listen(&mut self, until: Cursor) {
        while self.told.cursor != until {
            let (user, hint) = next(&mut self.stream).await.unwrap();
            assert_eq!((user, hint.previous, hint.truncated), (self.user.clone(), self.told.cursor.version, false));
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
}
