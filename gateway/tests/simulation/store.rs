//! What a store does, in its simplest form: rows, a clock, a log with tombstones and a floor, and hints.

use crate::faults::Random;
use conversation_protocol::{
    ConversationId, Cursor, FacetChange, Facets, Filter, Fork, GroupEvent, Head, Hint, Kick, LogEntry, Page, RecvOpt,
    ReplaySlice, RowState, UnreadFacets,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
struct Row {
    created: u64,
    version: u64,
    activated: u64,
    is_pinned: bool,
    unread: u64,
    is_muted: bool,
    groups: Vec<String>,
    json: std::sync::Arc<str>,
}

impl Row {
    /// A pinned row has a mark here, so that filters match some.
    fn facets(&self) -> Facets {
        Facets {
            unread_count: self.unread,
            recv_opt: if self.is_muted { RecvOpt::NotReceive } else { RecvOpt::Receive },
            marks: u64::from(self.is_pinned),
            has_at_info: false,
            groups: self.groups.clone(),
        }
    }

    fn encode(&mut self, id: &ConversationId) {
        // `created` is not on the wire; here it lets the client check what is told as new.
        self.json = format!(
            r#"{{"conversationID":"{id}","version":{},"created":{},"orderKey":{},"unreadCount":{},"recvOpt":{},"conversationGroupList":{:?}}}"#,
            self.version,
            self.created,
            self.order_key(),
            self.unread,
            u8::from(self.is_muted),
            self.groups,
        )
        .into();
    }

    fn order_key(&self) -> u64 {
        self.activated + if self.is_pinned { 1 << 52 } else { 0 }
    }
}

/// Names of conversation groups: few, so that groups are made again, and filters find them.
const GROUP_NAMES: [&str; 4] = ["work", "home", "far", "old"];

/// One user's data.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    epoch: u64,
    clock: u64,
    rows: BTreeMap<ConversationId, Row>,
    tombstones: BTreeMap<ConversationId, u64>,
    log: BTreeMap<u64, ConversationId>,
    floor: u64,
    not_before: u64,
    groups: Vec<String>,
    forks: Vec<Fork>,
    /// Which server it is, and which one wrote last.
    server: u64,
    written_by: u64,
}

/// What an operation does to one conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Message,
    Draft,
    Read,
    Mute,
    Pin,
    Delete,
}

impl Change {
    pub(crate) fn draw(random: &mut Random) -> Self {
        match random.below(12) {
            0..=4 => Self::Message,
            5 => Self::Draft,
            6 | 7 => Self::Read,
            8 => Self::Mute,
            9 => Self::Pin,
            _ => Self::Delete,
        }
    }
}

impl Store {
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor::new(self.epoch, self.clock)
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            cursor: self.cursor(),
            total_unread: self.total(),
            row_count: self.rows.len() as u64,
            tombstone_floor: self.floor,
            forks: self.forks.clone(),
            group_names: self.groups.clone(),
            not_before: self.not_before,
            device_not_before: BTreeMap::new(),
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.rows.values().filter(|row| !row.is_muted).map(|row| row.unread).sum()
    }

    pub(crate) fn rows(&self) -> BTreeMap<&str, &str> {
        self.rows.iter().map(|(id, row)| (id.as_str(), &*row.json)).collect()
    }

    /// Ids of rows at or above an orderKey.
    pub(crate) fn above(&self, edge: u64) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(move |(_, row)| row.order_key() >= edge).map(|(id, _)| id.as_str())
    }

    /// What changed in `(after, up_to]` and is not changed again since.
    pub(crate) fn log_between(&self, after: u64, up_to: u64) -> impl Iterator<Item = (u64, &str)> {
        self.log.range(after.min(up_to) + 1..=up_to.max(after)).map(|(version, id)| (*version, id.as_str()))
    }

    fn tick(&mut self, now_us: u64, random: &mut Random) -> u64 {
        let found = self.clock;
        if self.epoch == 0 {
            self.epoch = random.next() | 1;
        }
        self.clock = (self.clock + 1).max(now_us);
        if std::mem::replace(&mut self.written_by, self.server) != self.server && found > 0 {
            self.forks.push(Fork { from: found, to: self.clock });
        }
        self.clock
    }

    /// An older state of the same data takes over, as a server of its own; `None` if it is not older, or of other data.
    pub(crate) fn replaced_by(&self, older: &Self, random: &mut Random) -> Option<Self> {
        let is_older = older.epoch == self.epoch && older.clock < self.clock && older.clock > 0;
        is_older.then(|| Self { server: random.next(), ..older.clone() })
    }

    /// Whether who stands at a cursor is served, though it has a write of this version, which is lost.
    pub(crate) fn serves_with_lost(&self, cursor: Cursor, version: u64) -> bool {
        self.forks.iter().any(|fork| fork.has_lost(version) && !fork.has_lost(cursor.read_at))
    }

    /// One step: all changes, each with its tick; `None` if nothing changed.
    pub(crate) fn step(
        &mut self,
        changes: &[(ConversationId, Change)],
        now_us: u64,
        random: &mut Random,
    ) -> Option<Hint> {
        let ids: BTreeSet<ConversationId> = changes.iter().map(|(id, _)| id.clone()).collect();
        self.recorded(ids, |store| {
            for (id, change) in changes {
                store.change(id, *change, now_us, random);
            }
            Vec::new()
        })
    }

    /// A step on some conversations, with all that its hint tells.
    fn recorded(
        &mut self,
        ids: BTreeSet<ConversationId>,
        step: impl FnOnce(&mut Self) -> Vec<GroupEvent>,
    ) -> Option<Hint> {
        let previous = self.clock;
        let facets = |store: &Self, id: &ConversationId| store.rows.get(id).map(Row::facets);
        let before: Vec<_> = ids.iter().map(|id| facets(self, id)).collect();
        let groups = step(self);
        let changed = ids.iter().zip(before);
        let changed = changed.filter_map(|(id, before)| FacetChange::between(id, before, facets(self, id)));
        let facets = changed.collect();
        (self.clock > previous).then(|| Hint { facets, groups, ..self.hint(previous) })
    }

    /// A step on a conversation group: it is made, renamed or deleted, with its rows, or some rows go into it or out of it.
    pub(crate) fn change_groups(&mut self, now_us: u64, random: &mut Random) -> Option<Hint> {
        let name = GROUP_NAMES[random.below(GROUP_NAMES.len() as u64) as usize].to_owned();
        let place = self.groups.iter().position(|other| *other == name);
        let of_group: BTreeSet<ConversationId> =
            self.rows.iter().filter(|(_, row)| row.groups.contains(&name)).map(|(id, _)| id.clone()).collect();
        let some: BTreeSet<ConversationId> =
            self.rows.keys().filter(|_| random.percent(30)).take(20).cloned().collect();
        let Some(place) = place else {
            return self.recorded(BTreeSet::new(), |store| {
                store.tick(now_us, random);
                store.groups.push(name.clone());
                vec![GroupEvent::Created(name, Vec::new())]
            });
        };
        match random.below(6) {
            0 => self.recorded(of_group.clone(), |store| {
                store.tick(now_us, random);
                store.groups.remove(place);
                store.regroup(&of_group, now_us, random, |groups| groups.retain(|other| *other != name));
                vec![GroupEvent::Deleted(name)]
            }),
            1 => {
                let new_name = GROUP_NAMES.iter().find(|other| !self.groups.iter().any(|group| group == *other))?;
                let new_name = (*new_name).to_owned();
                self.recorded(of_group.clone(), |store| {
                    store.tick(now_us, random);
                    store.groups[place].clone_from(&new_name);
                    store.regroup(&of_group, now_us, random, |groups| {
                        groups.iter_mut().filter(|other| **other == name).for_each(|other| other.clone_from(&new_name));
                    });
                    vec![GroupEvent::Renamed(name, new_name)]
                })
            }
            2 if !of_group.is_empty() => self.recorded(of_group.clone(), |store| {
                store.regroup(&of_group, now_us, random, |groups| groups.retain(|other| *other != name));
                vec![GroupEvent::Removed(name, of_group.into_iter().collect())]
            }),
            _ => {
                let added: BTreeSet<ConversationId> = some.difference(&of_group).cloned().collect();
                if added.is_empty() {
                    return None;
                }
                self.recorded(added.clone(), |store| {
                    store.regroup(&added, now_us, random, |groups| groups.push(name.clone()));
                    vec![GroupEvent::Added(name, added.into_iter().collect())]
                })
            }
        }
    }

    fn regroup(
        &mut self,
        ids: &BTreeSet<ConversationId>,
        now_us: u64,
        random: &mut Random,
        mut regroup: impl FnMut(&mut Vec<String>),
    ) {
        for id in ids {
            let version = self.tick(now_us, random);
            let row = self.rows.get_mut(id).expect("only rows are in groups");
            regroup(&mut row.groups);
            self.log.remove(&row.version);
            self.log.insert(version, id.clone());
            row.version = version;
            row.encode(id);
        }
    }

    pub(crate) fn unread(&self) -> UnreadFacets {
        let unread = self.rows.iter().filter(|(_, row)| row.unread > 0);
        UnreadFacets { head: self.head(), rows: unread.map(|(id, row)| (id.clone(), row.facets())).collect() }
    }

    pub(crate) fn filter_total(&self, filter: &Filter) -> u64 {
        self.unread().rows.iter().map(|(id, facets)| filter.share(id, facets)).sum()
    }

    /// Refuses all tokens issued before now; moves no clock.
    pub(crate) fn kick(&mut self, now_us: u64, random: &mut Random) -> Hint {
        if self.epoch == 0 {
            self.epoch = random.next() | 1;
        }
        self.not_before = now_us;
        let kick = Kick { device: None, not_before: now_us, reason: "simulated".to_owned() };
        Hint { kick: Some(kick), ..self.hint(self.clock) }
    }

    fn hint(&self, previous: u64) -> Hint {
        let (mut rows, mut deleted) = (Vec::new(), Vec::new());
        for (version, id) in self.log.range(previous + 1..) {
            match self.rows.get(id) {
                Some(row) => rows.push(row_state(id, row)),
                None => deleted.push((id.clone(), *version)),
            }
        }
        Hint {
            epoch: self.epoch,
            previous,
            clock: self.clock,
            total_unread: self.total(),
            rows,
            deleted,
            facets: Vec::new(),
            groups: Vec::new(),
            truncated: false,
            kick: None,
            fork: self.forks.last().copied().filter(|fork| fork.from == previous),
            accepted_us: None,
            trace: None,
        }
    }

    fn change(&mut self, id: &ConversationId, change: Change, now_us: u64, random: &mut Random) {
        let exists = self.rows.contains_key(id);
        match change {
            Change::Message | Change::Draft => {}
            Change::Read if self.rows.get(id).is_some_and(|row| row.unread > 0) => {}
            Change::Mute | Change::Pin | Change::Delete if exists => {}
            Change::Read | Change::Mute | Change::Pin | Change::Delete => return,
        }
        let version = self.tick(now_us, random);
        let last = self.tombstones.remove(id).or_else(|| self.rows.get(id).map(|row| row.version));
        if let Some(last) = last {
            self.log.remove(&last);
        }
        self.log.insert(version, id.clone());
        if matches!(change, Change::Delete) {
            self.rows.remove(id);
            self.tombstones.insert(id.clone(), version);
            return;
        }
        let row = self.rows.entry(id.clone()).or_insert_with(|| Row {
            created: version,
            version,
            activated: version,
            is_pinned: false,
            unread: 0,
            is_muted: false,
            groups: Vec::new(),
            json: "".into(),
        });
        row.version = version;
        match change {
            Change::Message => (row.activated, row.unread) = (version, row.unread + 1),
            Change::Draft => row.activated = version,
            Change::Read => row.unread = 0,
            Change::Mute => row.is_muted = !row.is_muted,
            Change::Pin => row.is_pinned = !row.is_pinned,
            Change::Delete => {}
        }
        row.encode(id);
    }

    pub(crate) fn replay(&self, after: u64, rows_max: usize) -> ReplaySlice {
        let entry = |(version, id): (&u64, &ConversationId)| match self.rows.get(id) {
            Some(row) => LogEntry::Row(row_state(id, row)),
            None => LogEntry::Deleted { conversation_id: id.clone(), version: *version },
        };
        let changed = self.log.range(after + 1..).count() as u64;
        let entries = self.log.range(after + 1..).take(rows_max).map(entry).collect();
        ReplaySlice { head: self.head(), changed, entries }
    }

    pub(crate) fn page(&self, window: u32) -> Page {
        let mut rows: Vec<(&ConversationId, &Row)> = self.rows.iter().collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.order_key()));
        let is_finished = rows.len() <= window as usize;
        rows.truncate(window as usize);
        let next_seq = rows.last().map_or(0, |(_, row)| row.order_key());
        let rows = rows.into_iter().map(|(id, row)| row_state(id, row)).collect();
        Page { head: self.head(), rows, next_seq, is_finished }
    }

    /// Forgets the oldest tombstones.
    pub(crate) fn purge(&mut self, count: usize) {
        let mut oldest: Vec<(u64, ConversationId)> =
            self.tombstones.iter().map(|(id, version)| (*version, id.clone())).collect();
        oldest.sort();
        for (version, id) in oldest.into_iter().take(count) {
            self.tombstones.remove(&id);
            self.log.remove(&version);
            self.floor = version;
        }
    }

    /// The same data as another data set.
    pub(crate) fn reborn(mut self, random: &mut Random) -> Self {
        if self.epoch != 0 {
            self.epoch = random.next() | 1;
        }
        self
    }
}

fn row_state(id: &ConversationId, row: &Row) -> RowState {
    RowState { conversation_id: id.clone(), version: row.version, created: row.created, json: row.json.clone() }
}
