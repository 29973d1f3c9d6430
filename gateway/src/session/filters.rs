//! Which filter totals a client is told, and what they are: summed up once, then moved by every hint.

use conversation_protocol::{
    Cursor, Event, FacetChange, Filter, Frame, Hint, UnreadFacets,
    limits::{FILTERS_MAX, MAILBOX_ROWS_MAX},
};
use std::time::Duration;

/// After a read that failed; up to as much again is spread.
const RETRY_MS: u64 = 1_000;

/// The session has [`FILTERS_MAX`] filters already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyFilters;

/// The filters of one session with their totals. Bounded: [`FILTERS_MAX`] filters, [`MAILBOX_ROWS_MAX`] changes while a
/// read is under way.
#[derive(Debug)]
pub(super) struct FilterTotals {
    watched: Vec<Watched>,
    base: Base,
    /// Counts the reads, so that a late answer is not taken for that of a later read.
    reads: u32,
}

#[derive(Debug)]
struct Watched {
    filter: Filter,
    total: u64,
    /// What the client was told last in this session.
    told: Option<u64>,
    /// The version of that; nothing older is told after it. A full sync begins anew.
    told_at: Option<u64>,
}

/// What the totals are based on.
#[derive(Debug)]
enum Base {
    /// Nothing: they are to be read, not before this.
    Unknown { from: Duration },
    /// A read is under way that began after recording did.
    Reading {
        /// What the session had seen when recording began; the answer has it too.
        noted: Cursor,
        /// What was hinted since, with the clock of its step; `None` once that was too much.
        hinted: Option<Vec<(u64, FacetChange)>>,
    },
    /// They were read at this clock and have followed every hint since.
    Known { at: u64 },
}

/// What an answer was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The totals hold, or another read will tell.
    Fine,
    /// It is not the data that the session knows.
    OtherData,
    /// The store has less than it had.
    WentBack,
}

impl FilterTotals {
    pub(super) fn empty() -> Self {
        Self { watched: Vec::new(), base: Base::Unknown { from: Duration::ZERO }, reads: 0 }
    }

    /// None for a session without filters.
    pub(super) fn of(filters: Vec<Filter>) -> Option<Box<Self>> {
        let mut totals = Self::empty();
        for filter in filters {
            // More than there may be are refused where they are read.
            let _ = totals.watch(filter);
        }
        (!totals.watched.is_empty()).then(|| Box::new(totals))
    }

    /// The newest clock that a total was read at; the session may not have seen that far by hints.
    pub(super) fn newest_read(&self) -> u64 {
        let at = match self.base {
            Base::Known { at } => at,
            Base::Unknown { .. } | Base::Reading { .. } => 0,
        };
        self.watched.iter().filter_map(|watched| watched.told_at).fold(at, u64::max)
    }

    /// Adds a filter; answers whether it is new.
    pub(super) fn watch(&mut self, filter: Filter) -> Result<bool, TooManyFilters> {
        if self.watched.iter().any(|watched| watched.filter == filter) {
            return Ok(false);
        }
        if self.watched.len() == FILTERS_MAX {
            return Err(TooManyFilters);
        }
        self.watched.push(Watched { filter, total: 0, told: None, told_at: None });
        Ok(true)
    }

    /// Removes a filter.
    pub(super) fn unwatch(&mut self, filter: &Filter) {
        self.watched.retain(|watched| watched.filter != *filter);
    }

    /// Begins to record what is hinted, for a read that begins now; answers its number.
    pub(super) fn begin_read(&mut self, seen: Cursor) -> u32 {
        if !matches!(self.base, Base::Reading { .. }) {
            self.reads = self.reads.wrapping_add(1);
            self.base = Base::Reading { noted: seen, hinted: Some(Vec::new()) };
        }
        self.reads
    }

    /// Whether a read is due.
    pub(super) fn wants_read(&self, now: Duration) -> bool {
        self.due().is_some_and(|from| from <= now)
    }

    /// When a read is due, if one is.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.base {
            Base::Unknown { from } => (!self.watched.is_empty()).then_some(from),
            Base::Reading { .. } | Base::Known { .. } => None,
        }
    }

    /// Steps were missed: the totals are to be read anew.
    pub(super) fn forget(&mut self) {
        self.base = Base::Unknown { from: Duration::ZERO };
    }

    /// Takes a step that follows what was seen.
    pub(super) fn follow(&mut self, hint: &Hint) {
        if hint.fork.is_some() {
            // What was read, or is being read, may have lost writes in it.
            return self.forget();
        }
        match &mut self.base {
            Base::Unknown { .. } => {}
            Base::Reading { hinted, .. } => {
                if let Some(changes) = hinted {
                    changes.extend(hint.facets.iter().map(|change| (hint.clock, change.clone())));
                    if changes.len() > MAILBOX_ROWS_MAX {
                        *hinted = None;
                    }
                }
            }
            Base::Known { at } if hint.clock > *at => {
                for change in &hint.facets {
                    self.watched.iter_mut().for_each(|watched| watched.move_by(change));
                }
            }
            Base::Known { .. } => {}
        }
    }

    /// Takes the answer to a read; `None` if it failed.
    pub(super) fn answer(&mut self, number: u32, unread: Option<&UnreadFacets>, jitter: u64, now: Duration) -> Answer {
        let Base::Reading { noted, hinted } = &mut self.base else { return Answer::Fine };
        if number != self.reads {
            return Answer::Fine;
        }
        let (noted, hinted) = (*noted, hinted.take());
        self.forget();
        let Some(unread) = unread else {
            self.base = Base::Unknown { from: now + Duration::from_millis(RETRY_MS + jitter % RETRY_MS) };
            return Answer::Fine;
        };
        let read_at = unread.head.cursor;
        if noted != Cursor::EMPTY && read_at.epoch != noted.epoch {
            return Answer::OtherData;
        }
        if read_at.version < noted.version {
            return Answer::WentBack;
        }
        let Some(hinted) = hinted else { return Answer::Fine };
        for watched in &mut self.watched {
            watched.total = total_of(&watched.filter, unread);
            let later = hinted.iter().filter(|(clock, _)| *clock > read_at.version);
            later.for_each(|(_, change)| watched.move_by(change));
        }
        self.base = Base::Known { at: read_at.version };
        Answer::Fine
    }

    /// The client is told a total by the answer to its call; an event may have told it something newer.
    pub(super) fn tell(&mut self, filter: &Filter, total: u64, version: u64) {
        let watched = self.watched.iter_mut().find(|watched| watched.filter == *filter);
        if let Some(watched) = watched.filter(|watched| watched.told_at.is_none_or(|told_at| version > told_at)) {
            watched.told = Some(total);
            watched.told_at = Some(version);
        }
    }

    /// A full sync replaces what the client has, whatever its version.
    pub(super) fn restart(&mut self) {
        self.watched.iter_mut().for_each(|watched| watched.told_at = None);
    }

    /// Whether the client is to be told a total, where everything up to `seen` is in them.
    pub(super) fn has_news(&self, seen: u64) -> bool {
        self.version(seen).is_some_and(|version| self.watched.iter().any(|watched| watched.is_news(version)))
    }

    /// The totals that the client does not know; they count as told.
    pub(super) fn take(&mut self, seen: u64) -> Vec<Frame> {
        let Some(version) = self.version(seen) else { return Vec::new() };
        let news = self.watched.iter_mut().filter(|watched| watched.is_news(version));
        news.map(|watched| {
            watched.told = Some(watched.total);
            watched.told_at = Some(version);
            let (filter, total_unread_count) = (watched.filter.clone(), watched.total);
            Frame::new(&Event::UnreadMessageCountChangedByFilter { filter, total_unread_count, version })
        })
        .collect()
    }

    /// The clock at which the totals hold, if they are known.
    fn version(&self, seen: u64) -> Option<u64> {
        match self.base {
            Base::Known { at } => Some(seen.max(at)),
            Base::Unknown { .. } | Base::Reading { .. } => None,
        }
    }
}

impl Watched {
    fn is_news(&self, version: u64) -> bool {
        self.told != Some(self.total) && self.told_at.is_none_or(|told_at| version > told_at)
    }

    fn move_by(&mut self, change: &FacetChange) {
        let share = |facets: &Option<conversation_protocol::Facets>| {
            facets.as_ref().map_or(0, |facets| self.filter.share(&change.conversation_id, facets))
        };
        let (before, after) = (share(&change.before), share(&change.after));
        // Never below zero, whatever a hint says.
        self.total = (self.total + after).saturating_sub(before);
    }
}

/// What the rows that pass a filter add up to.
pub fn total_of(filter: &Filter, unread: &UnreadFacets) -> u64 {
    unread.rows.iter().map(|(id, facets)| filter.share(id, facets)).sum()
}
