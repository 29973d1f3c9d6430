//! What a client sees that pages, one that replays, and one that only listens: all must see the same.

use super::super::hints::next;
use conversation_protocol::{Conversation, ConversationId, Cursor, Head, LogEntry, RowState, UserId};
use conversation_store::{HintSink, HintStream, Store};
use std::collections::BTreeMap;

/// Small, so that lists of a few rows have several pages and slices.
const PAGE_ROWS: u32 = 3;
const SLICE_ROWS: usize = 2;

/// One user's clients.
pub(super) struct Reader {
    user: UserId,
    replayed: Copy,
    told: Copy,
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
        Self { user, replayed: Copy::new(), told: Copy::new(), stream, _sink: sink }
    }

    pub(super) fn user(&self) -> &UserId {
        &self.user
    }

    /// Reads everything that is new, each way, and compares the ways.
    pub(super) async fn read(&mut self, store: &dyn Store) -> Seen {
        let seen = self.page(store).await;
        self.replay(store).await;
        self.listen(seen.head.cursor).await;
        assert_eq!(self.replayed.in_order(), seen.rows, "a replay gives what the pages give");
        assert_eq!(self.told.in_order(), seen.rows, "the hints give what the pages give");
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
            self.told.cursor = hint.cursor();
        }
    }
}
