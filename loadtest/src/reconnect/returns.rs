//! How each session comes back: when it is live again, and what it was told on the way.

use crate::{
    client::{Observer, backoff::Ended, state::Phase},
    clock,
    measure::percentiles::histogram_of,
};
use conversation_protocol::{Event, event::ReceivedFrame};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// What came before sessions were live again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Connections that were tried.
    pub attempts: u64,
    /// Sessions closed with 4100.
    pub overloaded: u64,
    /// Answers 429 or 503 with a Retry-After.
    pub retry_after: u64,
    /// `syncServerFailed` with a time after which the server tries again.
    pub failed_syncs: u64,
    /// Attempts that ended because nothing came.
    pub time_outs: u64,
    /// Attempts that ended otherwise.
    pub other_ends: u64,
}

/// When a session began to come back, and when it was live; 0: not yet.
#[derive(Debug, Default)]
struct Return {
    begun_us: AtomicU64,
    live_us: AtomicU64,
}

/// All sessions.
#[derive(Debug)]
pub(super) struct Returns {
    of: Vec<Return>,
    seen: Mutex<Seen>,
}

impl Returns {
    pub(super) fn new(sessions: usize) -> Arc<Self> {
        Arc::new(Self { of: (0..sessions).map(|_| Return::default()).collect(), seen: Mutex::default() })
    }

    /// A session comes back from now on.
    pub(super) fn begins(&self, n: usize) {
        self.of[n].begun_us.store(clock::now_us().max(1), Ordering::Relaxed);
        self.seen_mut().attempts += 1;
    }

    fn is_returning(&self, n: usize) -> bool {
        self.of[n].begun_us.load(Ordering::Relaxed) > 0 && self.of[n].live_us.load(Ordering::Relaxed) == 0
    }

    fn seen_mut(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> Seen {
        *self.seen_mut()
    }

    /// How many are live again.
    pub(super) fn live(&self) -> usize {
        self.of.iter().filter(|of| of.live_us.load(Ordering::Relaxed) > 0).count()
    }

    fn times(&self) -> impl Iterator<Item = (u64, u64)> {
        let times = |of: &Return| (of.begun_us.load(Ordering::Relaxed), of.live_us.load(Ordering::Relaxed));
        self.of.iter().map(times).filter(|(_, live_us)| *live_us > 0)
    }

    /// Seconds from the first return until the last was live.
    pub(super) fn all_live_seconds(&self) -> f64 {
        let first = self.times().map(|(begun_us, _)| begun_us).min().unwrap_or(0);
        let last = self.times().map(|(_, live_us)| live_us).max().unwrap_or(0);
        last.saturating_sub(first) as f64 / 1e6
    }

    /// From a session's return until it was live, of all so far.
    pub(super) fn times_until_live(&self) -> Histogram<u64> {
        histogram_of(self.times().map(|(begun_us, live_us)| live_us.saturating_sub(begun_us)))
    }
}

/// Sees one session.
pub(super) struct Watcher {
    pub(super) n: usize,
    pub(super) returns: Arc<Returns>,
}

impl Observer for Watcher {
    fn frame(&mut self, text: &str) {
        if text.contains("syncServerFailed")
            && self.returns.is_returning(self.n)
            && let Ok(ReceivedFrame { event: Event::SyncServerFailed { .. }, .. }) = serde_json::from_str(text)
        {
            self.returns.seen_mut().failed_syncs += 1;
        }
    }

    fn reached(&mut self, phase: Phase) {
        if phase == Phase::Live && self.returns.is_returning(self.n) {
            self.returns.of[self.n].live_us.store(clock::now_us(), Ordering::Relaxed);
        }
    }

    fn ended(&mut self, why: &Ended, is_wanted: bool) {
        if is_wanted || !self.returns.is_returning(self.n) {
            return;
        }
        let mut seen = self.returns.seen_mut();
        seen.attempts += 1;
        let counter = match why {
            Ended::Code(4100) => &mut seen.overloaded,
            Ended::Status(429 | 503, Some(_)) => &mut seen.retry_after,
            Ended::TimedOut(_) => &mut seen.time_outs,
            Ended::Code(_) | Ended::Status(..) | Ended::Broken(_) | Ended::Cut(_) => &mut seen.other_ends,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_return_is_counted_until_it_is_live() {
        let returns = Returns::new(2);
        let mut watcher = Watcher { n: 1, returns: returns.clone() };
        watcher.ended(&Ended::Code(4100), false);
        assert_eq!(returns.seen(), Seen::default(), "it has not begun to come back");
        returns.begins(1);
        watcher.ended(&Ended::Code(4100), false);
        watcher.ended(&Ended::Status(429, Some(1)), false);
        watcher.ended(&Ended::TimedOut("x".to_owned()), false);
        watcher.ended(&Ended::Status(503, None), false);
        watcher.frame(r#"{"event":"syncServerFailed","data":{"code":7008,"message":"x","retryAfterMs":9}}"#);
        watcher.reached(Phase::Live);
        watcher.ended(&Ended::Code(4100), false);
        let expected =
            Seen { attempts: 5, overloaded: 1, retry_after: 1, failed_syncs: 1, time_outs: 1, other_ends: 1 };
        assert_eq!((returns.seen(), returns.live(), returns.times_until_live().len()), (expected, 1, 1));
    }
}
