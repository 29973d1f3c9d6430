//! What a user's data must be after some steps, and whether a store shows them so.

use conversation_protocol::{ConversationId, Cursor, Facets, Head, Hint, LogEntry, RecvOpt, RowState, UserId};
use conversation_store::{
    Commit, Committed, FacetRow, Indexed, IndexedKind, Load, Loaded, RowSelection, Store, StoreError, Write,
    record::{Lines, StoredHead, read_head},
};
use std::collections::{BTreeMap, BTreeSet};

const EPOCH: u64 = u64::MAX - 7;

pub(super) fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

pub(super) fn id(name: &str) -> ConversationId {
    name.parse().unwrap()
}

/// Everything about one user, kept in the plainest way.
#[derive(Debug, Clone)]
pub(super) struct Book {
    pub(super) user: UserId,
    pub(super) clock: u64,
    pub(super) entries: BTreeMap<ConversationId, Indexed>,
    /// Bytes that every row's JSON is filled up with.
    pub(super) padding: usize,
}

/// One step on the way from one state of the book to the next.
pub(super) struct Step<'b> {
    book: &'b Book,
    after: Book,
    touched: BTreeSet<ConversationId>,
}

impl Step<'_> {
    fn tick(&mut self, id: &ConversationId) -> u64 {
        self.touched.insert(id.clone());
        self.after.clock += 1;
        self.after.clock
    }

    /// Makes or changes a row.
    pub(super) fn put(&mut self, name: &str, order_key: u64, has_unread: bool) {
        let id = id(name);
        let version = self.tick(&id);
        self.after
            .entries
            .insert(id, Indexed { version, kind: IndexedKind::Row { order_key, has_unread, is_grouped: false } });
    }

    /// Puts a row that was made or changed in this step into a conversation group.
    pub(super) fn group(&mut self, name: &str) {
        let id = id(name);
        if let Some(Indexed { kind: IndexedKind::Row { is_grouped, .. }, .. }) = self.after.entries.get_mut(&id) {
            *is_grouped = true;
        }
    }

    /// Turns a row into a tombstone.
    pub(super) fn bury(&mut self, name: &str) {
        let id = id(name);
        let version = self.tick(&id);
        self.after.entries.insert(id, Indexed { version, kind: IndexedKind::Tombstone });
    }

    /// Removes a tombstone without a trace.
    pub(super) fn purge(&mut self, name: &str) {
        let id = id(name);
        self.tick(&id);
        self.after.entries.remove(&id);
    }

    /// Lets the clock stand here before the next change.
    pub(super) fn clock(&mut self, clock: u64) {
        self.after.clock = clock;
    }
}

impl Book {
    pub(super) fn new(user: UserId) -> Self {
        Self { user, clock: 0, entries: BTreeMap::new(), padding: 0 }
    }

    /// A step, and the book after it.
    pub(super) fn step(&self, write: impl FnOnce(&mut Step<'_>)) -> (Commit, Book) {
        let mut step = Step { book: self, after: self.clone(), touched: BTreeSet::new() };
        write(&mut step);
        let Step { book, after, touched } = step;
        let writes = touched.iter().map(|id| Write {
            conversation_id: id.clone(),
            before: book.entries.get(id).copied(),
            after: after.entries.get(id).map(|indexed| (*indexed, after.value(id, indexed))),
        });
        let of_kind = |is_row| {
            let changed = touched.iter().filter_map(|id| Some((id, after.entries.get(id)?)));
            changed.filter(move |(_, indexed)| matches!(indexed.kind, IndexedKind::Row { .. }) == is_row)
        };
        let hint = Hint {
            epoch: EPOCH,
            previous: book.clock,
            clock: after.clock,
            total_unread: after.clock,
            rows: of_kind(true).map(|(id, indexed)| after.row(id, indexed)).collect(),
            deleted: of_kind(false).map(|(id, indexed)| (id.clone(), indexed.version)).collect(),
            facets: Vec::new(),
            groups: Vec::new(),
            truncated: false,
            kick: None,
            fork: None,
            accepted_us: None,
            trace: None,
        };
        let commit = Commit {
            user: after.user.clone(),
            replication_id: 0,
            expected_clock: book.clock,
            clock: after.clock,
            head: after.head_value(),
            writes: writes.collect(),
            hint,
            load: Load { user: after.user.clone(), rows: RowSelection::Ids(Vec::new()), tombstones: 0, lowest: None },
        };
        (commit, after)
    }

    /// Takes a step in a store.
    pub(super) async fn commit(&mut self, store: &dyn Store, write: impl FnOnce(&mut Step<'_>)) -> Hint {
        let (commit, after) = self.step(write);
        let hint = commit.hint.clone();
        assert_eq!(commit_one(store, commit).await, Committed::Done);
        *self = after;
        hint
    }

    fn json(&self, id: &ConversationId, version: u64) -> String {
        format!(r#"{{"conversationID":"{id}","version":{version},"x":"{}"}}"#, "x".repeat(self.padding))
    }

    fn row(&self, id: &ConversationId, indexed: &Indexed) -> RowState {
        let json = self.json(id, indexed.version).into();
        RowState { conversation_id: id.clone(), version: indexed.version, created: 1, json }
    }

    fn value(&self, id: &ConversationId, indexed: &Indexed) -> String {
        let (version, visible) = (indexed.version, self.json(id, indexed.version));
        match indexed.kind {
            IndexedKind::Row { .. } => {
                let facets = serde_json::to_string(&Self::facets(indexed)).unwrap();
                Lines::Row { version, created: 1, facets: &facets, visible: &visible, hidden: "{\"ü\":1}" }.write()
            }
            IndexedKind::Tombstone => Lines::Tombstone { version, hidden: "{}" }.write(),
        }
    }

    pub(super) fn head_value(&self) -> String {
        let mut head = StoredHead::new(EPOCH);
        head.cursor = Cursor::new(EPOCH, self.clock);
        head.total_unread = self.clock;
        head.rows = self.list().len() as u64;
        head.group_names = vec!["ü \"{}\"\n".to_owned()];
        head.encode()
    }

    /// What filters ask of a row; here a function of its place in the indexes.
    fn facets(indexed: &Indexed) -> Option<Facets> {
        match indexed.kind {
            IndexedKind::Row { order_key, has_unread, is_grouped } => Some(Facets {
                unread_count: u64::from(has_unread) * 3,
                recv_opt: RecvOpt::Receive,
                marks: order_key << 40,
                has_at_info: is_grouped,
                groups: if is_grouped { vec!["a b\n\"ü".to_owned()] } else { Vec::new() },
            }),
            IndexedKind::Tombstone => None,
        }
    }

    /// What filters ask of every row, by falling orderKey and id.
    pub(super) fn facet_rows(&self) -> Vec<FacetRow> {
        let row = |row: RowState| {
            let indexed = &self.entries[&row.conversation_id];
            let IndexedKind::Row { order_key, .. } = indexed.kind else { panic!("a tombstone in the list") };
            let facets = Self::facets(indexed).expect("a row has facets");
            FacetRow { conversation_id: row.conversation_id, order_key, facets }
        };
        self.list().into_iter().map(row).collect()
    }

    /// What filters ask of the rows with something to read, by id.
    pub(super) fn unread_facets(&self) -> Vec<(ConversationId, Facets)> {
        let facets = |(id, indexed): (&ConversationId, &Indexed)| Some((id.clone(), Self::facets(indexed)?));
        self.entries.iter().filter_map(facets).filter(|(_, facets)| facets.unread_count > 0).collect()
    }

    pub(super) fn head(&self) -> Head {
        if self.clock == 0 { Head::empty() } else { read_head(Some(&self.head_value())).unwrap() }
    }

    /// The rows by falling orderKey and id.
    pub(super) fn list(&self) -> Vec<RowState> {
        let mut list: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(id, indexed)| match indexed.kind {
                IndexedKind::Row { order_key, .. } => Some((order_key, id, indexed)),
                IndexedKind::Tombstone => None,
            })
            .collect();
        list.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)));
        list.into_iter().map(|(_, id, indexed)| self.row(id, indexed)).collect()
    }

    /// Rows and tombstones by rising version.
    pub(super) fn log(&self) -> Vec<LogEntry> {
        let mut log: Vec<_> = self.entries.iter().collect();
        log.sort_by_key(|(_, indexed)| indexed.version);
        log.into_iter()
            .map(|(id, indexed)| match indexed.kind {
                IndexedKind::Row { .. } => LogEntry::Row(self.row(id, indexed)),
                IndexedKind::Tombstone => LogEntry::Deleted { conversation_id: id.clone(), version: indexed.version },
            })
            .collect()
    }

    /// What a load must answer; rows of [`RowSelection::Unread`] by id.
    pub(super) fn loaded(&self, load: &Load, now_us: u64) -> Loaded {
        let value = |id: &ConversationId| self.entries.get(id).map(|indexed| self.value(id, indexed));
        let rows = match &load.rows {
            RowSelection::Ids(ids) => ids.iter().map(|id| (id.clone(), value(id))).collect(),
            RowSelection::Grouped(_) => {
                let grouped = self.entries.iter().filter(|(_, indexed)| match indexed.kind {
                    IndexedKind::Row { is_grouped, .. } => is_grouped,
                    IndexedKind::Tombstone => false,
                });
                grouped.map(|(id, _)| (id.clone(), value(id))).collect()
            }
            RowSelection::Unread(_) => {
                let unread = self.entries.iter().filter(|(_, indexed)| match indexed.kind {
                    IndexedKind::Row { has_unread, .. } => has_unread,
                    IndexedKind::Tombstone => false,
                });
                unread.map(|(id, _)| (id.clone(), value(id))).collect()
            }
        };
        let tombstones = self.log().into_iter().filter_map(|entry| match entry {
            LogEntry::Deleted { conversation_id, version } => Some((conversation_id, version)),
            LogEntry::Row(_) => None,
        });
        let head = (self.clock > 0).then(|| self.head_value());
        let list = self.list();
        let (lowest_max, tombstones_max) = match load.lowest {
            Some(lowest) if self.clock > 0 && list.len() as u64 >= lowest.rows_at_least => {
                (lowest.count, lowest.tombstones)
            }
            Some(_) | None => (0, load.tombstones),
        };
        let lowest = list.iter().rev().take(lowest_max).map(|row| &row.conversation_id);
        let lowest = lowest.map(|id| (id.clone(), self.value(id, &self.entries[id]))).collect();
        Loaded { now_us, head, rows, tombstones: tombstones.take(tombstones_max).collect(), lowest }
    }

    /// Checks that every kind of read of a store shows this book.
    pub(super) async fn check(&self, store: &dyn Store) {
        let mut ids: Vec<ConversationId> = self.entries.keys().cloned().collect();
        ids.push(id("c2c_nobody"));
        let by_id =
            Load { user: self.user.clone(), rows: RowSelection::Ids(ids.clone()), tombstones: 10_000, lowest: None };
        let unread = Load { user: self.user.clone(), rows: RowSelection::Unread(10_000), tombstones: 0, lowest: None };
        for load in [by_id, unread] {
            let mut loaded = load_one(store, &load).await;
            if matches!(load.rows, RowSelection::Unread(_)) {
                loaded.rows.sort();
            }
            assert_eq!(loaded, self.loaded(&load, loaded.now_us));
        }
        assert_eq!(store.heads(std::slice::from_ref(&self.user)).await.remove(0).unwrap(), self.head());

        let replay = store.replay(&self.user, 0, usize::MAX, usize::MAX).await.unwrap();
        assert_eq!((replay.head, replay.changed), (self.head(), self.entries.len() as u64));
        assert_eq!(replay.entries, self.log());

        let page = store.page(&self.user, 0, 10_000).await.unwrap();
        assert_eq!((page.head, page.rows, page.is_finished), (self.head(), self.list(), true));

        let (head, rows) = store.rows(&self.user, &ids).await.unwrap();
        let expected = ids.iter().map(|id| match self.entries.get(id) {
            Some(indexed) => match indexed.kind {
                IndexedKind::Row { .. } => Some(self.row(id, indexed)),
                IndexedKind::Tombstone => None,
            },
            None => None,
        });
        assert_eq!((head, rows), (self.head(), expected.collect()));
    }
}

pub(super) async fn load_one(store: &dyn Store, load: &Load) -> Loaded {
    let mut loaded = store.load(std::slice::from_ref(load)).await;
    assert_eq!(loaded.len(), 1);
    loaded.remove(0).unwrap()
}

/// Commits steps for the servers that are there now.
pub(super) async fn commit_all(store: &dyn Store, commits: Vec<Commit>) -> Vec<Result<Committed, StoreError>> {
    let for_now = |commit: Commit| Commit { replication_id: store.replication_id(&commit.user), ..commit };
    store.commit(commits.into_iter().map(for_now).collect()).await
}

pub(super) async fn commit_one(store: &dyn Store, commit: Commit) -> Committed {
    let mut outcomes = commit_all(store, vec![commit]).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0).unwrap()
}
