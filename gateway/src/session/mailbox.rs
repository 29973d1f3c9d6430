//! What a session has been told but not yet said: the newest state of each conversation, the notices of conversation
//! groups, and which steps that covers.

use super::notes::GapCause;
use conversation_protocol::{
    ConversationId, Cursor, Fork, GroupEvent, Hint, LogEntry,
    limits::{MAILBOX_BYTES_MAX, MAILBOX_GROUP_EVENTS_MAX, MAILBOX_ROWS_MAX},
};
use std::{collections::BTreeMap, num::NonZeroU64};

/// Holds the effect of every step in `(from, to]` of one data set, merged to the newest state per conversation.
/// Bounded: over its limits it forgets the rows, and its span begins anew; notices that are too many are forgotten too.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    epoch: u64,
    from: u64,
    to: u64,
    /// The total unread at `to`.
    total: u64,
    bytes: usize,
    changes: BTreeMap<ConversationId, LogEntry>,
    /// The fork among these steps, of several all that they span; in a box, since there hardly ever is one.
    fork: Option<Box<Fork>>,
    /// What became of conversation groups, in order, with the clock of each step.
    groups: Vec<(u64, GroupEvent)>,
    /// When the oldest of the steps was accepted, in microseconds of the store's time.
    accepted_us: Option<NonZeroU64>,
    /// Changes that newer ones have replaced.
    coalesced: u32,
}

/// How a hint fits what was seen before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Nothing new.
    Old,
    /// The next step; it is in the mailbox.
    Next,
    /// Something before it, or of it, is missing; the span begins anew.
    Gap(GapCause),
    /// It begins before what was seen and ends after it: the store lost writes that were seen.
    Fork,
}

impl Mailbox {
    /// Empty, with everything up to `seen` said.
    pub(super) fn at(seen: Cursor, total: u64) -> Self {
        Self { epoch: seen.epoch, from: seen.version, to: seen.version, total, ..Self::default() }
    }

    /// Up to where every step is said or in here.
    pub(super) fn seen(&self) -> Cursor {
        Cursor::new(self.epoch, self.to)
    }

    /// The total unread at [`Self::seen`].
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Whether no change of a row and no notice of a group waits.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.groups.is_empty()
    }

    /// Merges a hint. A mailbox of [`Cursor::EMPTY`] takes a step of any data set.
    pub(super) fn accept(&mut self, hint: &Hint) -> Fit {
        let adopts = self.seen() == Cursor::EMPTY && hint.previous == 0;
        if hint.epoch != self.epoch && !adopts {
            // A kick alone says nothing of the rows, also where the data set is another.
            if hint.previous == hint.clock {
                return Fit::Old;
            }
            return self.begin_anew(hint, Fit::Gap(GapCause::OtherData));
        }
        if hint.clock <= self.to {
            return Fit::Old;
        }
        if hint.previous < self.to {
            return self.begin_anew(hint, Fit::Fork);
        }
        if hint.previous > self.to {
            // A kick alone, at a clock that was not seen: only that clock is news.
            return self.begin_anew(hint, Fit::Gap(GapCause::LostHint));
        }
        self.epoch = hint.epoch;
        self.merge(hint)
    }

    fn begin_anew(&mut self, hint: &Hint, fit: Fit) -> Fit {
        self.forget_rows(Cursor::new(hint.epoch, hint.previous), hint.total_unread);
        self.merge(hint);
        fit
    }

    /// The notices stay: they are told before the sync that heals the gap, whose finish has the names.
    fn forget_rows(&mut self, seen: Cursor, total: u64) {
        let mut groups = std::mem::take(&mut self.groups);
        // They are older than the span that begins now, whose clocks may be those of another data set.
        groups.iter_mut().for_each(|(clock, _)| *clock = 0);
        *self = Self { groups, ..Self::at(seen, total) };
        self.count_bytes();
    }

    /// Takes the step that begins at `to`.
    fn merge(&mut self, hint: &Hint) -> Fit {
        self.to = hint.clock;
        self.total = hint.total_unread;
        if let Some(fork) = hint.fork {
            let from = self.fork.as_ref().map_or(fork.from, |earlier| earlier.from.min(fork.from));
            self.fork = Some(Box::new(Fork { from, to: fork.to }));
        }
        for event in &hint.groups {
            self.bytes += bytes_of_group(event);
            self.groups.push((hint.clock, event.clone()));
        }
        if self.groups.len() > MAILBOX_GROUP_EVENTS_MAX {
            self.groups.clear();
            self.forget_rows(self.seen(), self.total);
            return Fit::Gap(GapCause::Overflow);
        }
        if hint.truncated {
            self.forget_rows(self.seen(), self.total);
            return Fit::Gap(GapCause::TruncatedHint);
        }
        if !(hint.rows.is_empty() && hint.deleted.is_empty() && hint.groups.is_empty()) {
            let accepted_us = hint.accepted_us.and_then(NonZeroU64::new);
            self.accepted_us = [self.accepted_us, accepted_us].into_iter().flatten().min();
        }
        for (conversation_id, version) in &hint.deleted {
            self.put(LogEntry::Deleted { conversation_id: conversation_id.clone(), version: *version });
        }
        for row in &hint.rows {
            self.put(LogEntry::Row(row.clone()));
        }
        if self.changes.len() > MAILBOX_ROWS_MAX || self.bytes > MAILBOX_BYTES_MAX {
            if self.bytes > MAILBOX_BYTES_MAX {
                self.groups.clear();
            }
            self.forget_rows(self.seen(), self.total);
            return Fit::Gap(GapCause::Overflow);
        }
        Fit::Next
    }

    /// Empty, but for the notices.
    pub(super) fn reset(&mut self) {
        self.forget_rows(Cursor::EMPTY, 0);
    }

    /// Whether notices of groups wait.
    pub(super) fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Keeps the newer of what is there and what comes.
    fn put(&mut self, change: LogEntry) {
        let conversation_id = match &change {
            LogEntry::Row(row) => &row.conversation_id,
            LogEntry::Deleted { conversation_id, .. } => conversation_id,
        };
        if let Some(known) = self.changes.get_mut(conversation_id) {
            self.coalesced = self.coalesced.saturating_add(1);
            if known.version() < change.version() {
                self.bytes = self.bytes - bytes_of(known) + bytes_of(&change);
                *known = change;
            }
        } else {
            self.bytes += bytes_of(&change);
            self.changes.insert(conversation_id.clone(), change);
        }
    }

    /// Everything up to `said` was said by a sync: keeps what came after it. False if steps after `said` are missing, or
    /// if what was said was lost meanwhile.
    pub(super) fn settle(&mut self, said: Cursor, total: u64) -> bool {
        let nothing_held = self.seen() == Cursor::EMPTY;
        let same_data = self.epoch == said.epoch || said == Cursor::EMPTY;
        if nothing_held || (self.epoch == said.epoch && self.to <= said.version) {
            *self = Self::at(said, total);
            return true;
        }
        let is_lost = self.fork.as_ref().is_some_and(|fork| fork.has_lost(said.version));
        if same_data && self.from <= said.version && !is_lost {
            self.changes.retain(|_, change| change.version() > said.version);
            // The sync has told the names up to there.
            self.groups.retain(|(clock, _)| *clock > said.version);
            self.count_bytes();
            self.from = said.version;
            self.accepted_us = self.accepted_us.filter(|_| !self.changes.is_empty() || !self.groups.is_empty());
            return true;
        }
        false
    }

    /// When the oldest of the steps was accepted, and how many changes newer ones have replaced; counts anew.
    pub(super) fn take_tally(&mut self) -> (Option<u64>, u32) {
        (self.accepted_us.take().map(NonZeroU64::get), std::mem::take(&mut self.coalesced))
    }

    /// All changes, by rising version; they count as said.
    pub(super) fn take(&mut self) -> Vec<LogEntry> {
        self.from = self.to;
        let mut changes: Vec<LogEntry> = std::mem::take(&mut self.changes).into_values().collect();
        self.count_bytes();
        changes.sort_unstable_by_key(LogEntry::version);
        changes
    }

    /// All notices of groups, in order; they count as said.
    pub(super) fn take_groups(&mut self) -> Vec<GroupEvent> {
        let groups = std::mem::take(&mut self.groups);
        self.count_bytes();
        groups.into_iter().map(|(_, event)| event).collect()
    }

    fn count_bytes(&mut self) {
        let groups: usize = self.groups.iter().map(|(_, event)| bytes_of_group(event)).sum();
        self.bytes = self.changes.values().map(bytes_of).sum::<usize>() + groups;
    }
}

fn bytes_of_group(event: &GroupEvent) -> usize {
    match event {
        GroupEvent::Created(name, ids) | GroupEvent::Added(name, ids) | GroupEvent::Removed(name, ids) => {
            name.len() + ids.iter().map(|id| id.as_str().len()).sum::<usize>()
        }
        GroupEvent::Deleted(name) => name.len(),
        GroupEvent::Renamed(old_name, new_name) => old_name.len() + new_name.len(),
    }
}

fn bytes_of(change: &LogEntry) -> usize {
    match change {
        LogEntry::Row(row) => row.conversation_id.as_str().len() + row.json.len(),
        LogEntry::Deleted { conversation_id, .. } => conversation_id.as_str().len(),
    }
}
