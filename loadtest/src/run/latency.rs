//! How long it took from the time a message was due until a client had its row.

use crate::{
    client::{Observer, backoff::Ended, state::Phase},
    clock,
    measure::percentiles::{Percentiles, histogram},
};
use conversation_protocol::{Conversation, ConversationId};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
};

/// Histograms that share the load, so that sessions do not wait for each other.
const SHARDS: usize = 16;

/// When the messages of one conversation were due, by seq; 0 for those that are not timed.
#[derive(Debug, Default)]
pub(super) struct Due(Mutex<Vec<u64>>);

impl Due {
    pub(super) fn set(&self, seq: u64, due_us: u64) {
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = seq as usize;
        if due.len() <= index {
            due.resize(index + 1, 0);
        }
        due[index] = due_us;
    }

    /// A message that is not timed any more.
    pub(super) fn forget(&self, seq: u64) {
        if let Some(due) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(seq as usize) {
            *due = 0;
        }
    }

    /// Those after one seq, up to another.
    fn between(&self, after: u64, up_to: u64) -> Vec<u64> {
        let due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = due.len().min(up_to as usize + 1);
        let start = (after as usize + 1).min(end);
        due[start..end].iter().copied().filter(|due| *due > 0).collect()
    }
}

/// From when on a delivery is late, in microseconds after its message was due.
const LATE_US: u64 = 1_000_000;

/// Everything that is measured by the sessions together.
#[derive(Debug)]
pub(super) struct Measured {
    live: Vec<Mutex<Histogram<u64>>>,
    in_syncs: Mutex<Histogram<u64>>,
    late: Mutex<Late>,
    /// Connections that ended though nobody had cut them.
    pub(super) lost: AtomicU64,
    interruptions: Mutex<Vec<Interruption>>,
}

/// A time without a session, from the end of a connection that nobody had cut until the client was live again; in the microseconds
/// of the tool's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption {
    /// The connection ended.
    pub from_us: u64,
    /// The client was live again.
    pub to_us: u64,
}

/// Deliveries that came more than a second after their message was due, live or in a sync.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Late {
    /// How many.
    pub count: u64,
    /// The latest of them, in milliseconds after it was due.
    pub max_ms: f64,
    /// When the last came, by the tool's clock.
    #[serde(skip)]
    pub last_us: u64,
}

impl Measured {
    pub(super) fn new() -> Self {
        let live = (0..SHARDS).map(|_| Mutex::new(histogram())).collect();
        let (in_syncs, late) = (Mutex::new(histogram()), Mutex::new(Late::default()));
        Self { live, in_syncs, late, lost: AtomicU64::new(0), interruptions: Mutex::default() }
    }

    /// Those that are over.
    pub(super) fn interruptions(&self) -> Vec<Interruption> {
        self.interruptions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What came late so far.
    pub(super) fn late(&self) -> Late {
        *self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_late(&self, now_us: u64, after_us: u64) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.count += 1;
        late.max_ms = late.max_ms.max(after_us as f64 / 1e3);
        late.last_us = late.last_us.max(now_us);
    }

    /// Of rows that came live so far.
    pub(super) fn live(&self) -> Histogram<u64> {
        let mut live = histogram();
        for shard in &self.live {
            live.add(&*shard.lock().unwrap_or_else(PoisonError::into_inner)).expect("the same bounds");
        }
        live
    }

    /// Of rows that came live, and of those that came in a sync.
    pub(super) fn percentiles(&self) -> (Percentiles, Percentiles) {
        let live = self.live();
        (Percentiles::of(&live), Percentiles::of(&self.in_syncs.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The conversations of one user.
pub(super) type DueByConversation = Arc<HashMap<ConversationId, Arc<Due>>>;

/// Times what one session gets.
pub(super) struct SessionObserver {
    shard: usize,
    measured: Arc<Measured>,
    due: DueByConversation,
    /// The largest seq of a preview that this session has had.
    reached: HashMap<ConversationId, u64>,
    /// When it lost its connection, as long as it is not live again.
    away_since_us: Option<u64>,
}

impl SessionObserver {
    pub(super) fn new(session: usize, measured: Arc<Measured>, due: DueByConversation) -> Self {
        Self { shard: session % SHARDS, measured, due, reached: HashMap::new(), away_since_us: None }
    }
}

impl Observer for SessionObserver {
    fn row(&mut self, phase: Phase, previous: Option<&Conversation>, row: &Conversation) {
        let (Some(last), Some(due)) = (&row.last_message, self.due.get(&row.conversation_id)) else { return };
        let reached = self.reached.entry(row.conversation_id.clone()).or_default();
        if last.seq <= *reached {
            return;
        }
        // A row that stands for several messages, merged on its way, brings each of them; but after a deletion or a
        // cleared history only the newest, since older ones may have gone with those before they were sent.
        let is_continued = previous.is_some_and(|previous| previous.last_message.is_some());
        let arrived = due.between(if is_continued { *reached } else { last.seq - 1 }, last.seq);
        *reached = last.seq;
        if arrived.is_empty() {
            return;
        }
        let now_us = clock::now_us();
        let histogram = if phase == Phase::Live { &self.measured.live[self.shard] } else { &self.measured.in_syncs };
        let mut histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
        for due_us in arrived {
            let after_us = now_us.saturating_sub(due_us);
            histogram.saturating_record(after_us);
            if after_us > LATE_US {
                self.measured.note_late(now_us, after_us);
            }
        }
    }

    fn reached(&mut self, phase: Phase) {
        if phase != Phase::Live {
            return;
        }
        if let Some(from_us) = self.away_since_us.take() {
            let interruption = Interruption { from_us, to_us: clock::now_us() };
            self.measured.interruptions.lock().unwrap_or_else(PoisonError::into_inner).push(interruption);
        }
    }

    fn ended(&mut self, _why: &Ended, is_wanted: bool) {
        if !is_wanted {
            self.measured.lost.fetch_add(1, Ordering::Relaxed);
            self.away_since_us.get_or_insert_with(clock::now_us);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_away_from_the_first_end_until_it_is_live_again() {
        let measured = Arc::new(Measured::new());
        let mut session = SessionObserver::new(0, measured.clone(), Arc::default());
        session.reached(Phase::Live);
        session.ended(&Ended::Cut(None), true);
        session.reached(Phase::Live);
        assert_eq!(measured.interruptions(), []);
        let before_us = clock::now_us();
        session.ended(&Ended::Code(4200), false);
        let ended_us = clock::now_us();
        session.ended(&Ended::Broken("refused".to_owned()), false);
        session.reached(Phase::Waiting);
        assert_eq!(measured.interruptions(), [], "not yet");
        session.reached(Phase::Live);
        session.reached(Phase::Live);
        let all = measured.interruptions();
        assert!(
            matches!(all[..], [Interruption { from_us, to_us }] if before_us <= from_us && from_us <= ended_us && from_us <= to_us)
        );
    }

    #[test]
    fn a_row_that_skips_messages_brings_each_that_was_due() {
        let due = Due::default();
        for (seq, due_us) in [(1, 10), (2, 20), (4, 40)] {
            due.set(seq, due_us);
        }
        assert_eq!(due.between(0, 2), [10, 20]);
        assert_eq!(due.between(2, 9), [40]);
        assert_eq!(due.between(9, 9), [0; 0]);
        due.forget(2);
        due.forget(7);
        assert_eq!(due.between(0, 9), [10, 40], "what was deleted is not brought by the next one");
    }
}
