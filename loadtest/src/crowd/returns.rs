//! How each session comes back: when it is live again, and what it was told on the way.

use super::times;
use crate::{
    client::{backoff::Ended, state::Phase},
    clock,
    measure::percentiles::{Percentiles, histogram},
};
use conversation_protocol::{Event, event::ReceivedFrame};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// What came before sessions were live again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl Seen {
    fn add(self, other: Self) -> Self {
        Self {
            attempts: self.attempts + other.attempts,
            overloaded: self.overloaded + other.overloaded,
            retry_after: self.retry_after + other.retry_after,
            failed_syncs: self.failed_syncs + other.failed_syncs,
            time_outs: self.time_outs + other.time_outs,
            other_ends: self.other_ends + other.other_ends,
        }
    }
}

/// When a session began to come back, and when it was live; 0: not yet.
#[derive(Debug, Default)]
struct Return {
    begun_us: AtomicU64,
    live_us: AtomicU64,
}

/// All sessions of one process.
#[derive(Debug, Default)]
pub(super) struct Returns {
    of: Vec<Return>,
    seen: Mutex<Seen>,
}

/// The same, to be added up and told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Returned {
    /// When the first began to come back, and when the last was live.
    span_us: Option<(u64, u64)>,
    /// Microseconds from a session's return until it was live.
    #[serde(with = "times")]
    pub(super) times: Histogram<u64>,
    pub(crate) seen: Seen,
}

impl Returns {
    pub(super) fn of(sessions: usize) -> Self {
        Self { of: (0..sessions).map(|_| Return::default()).collect(), seen: Mutex::default() }
    }

    /// A session comes back from now on.
    pub(super) fn begins(&self, n: usize) {
        self.of[n].begun_us.store(clock::now_us().max(1), Ordering::Relaxed);
        self.seen_mut().attempts += 1;
    }

    /// A frame came to a session.
    pub(super) fn frame(&self, n: usize, text: &str) {
        if text.contains("syncServerFailed")
            && self.is_returning(n)
            && let Ok(ReceivedFrame { event: Event::SyncServerFailed { .. }, .. }) = serde_json::from_str(text)
        {
            self.seen_mut().failed_syncs += 1;
        }
    }

    /// A session stands elsewhere than before.
    pub(super) fn reached(&self, n: usize, phase: Phase) {
        if phase == Phase::Live && self.is_returning(n) {
            self.of[n].live_us.store(clock::now_us(), Ordering::Relaxed);
        }
    }

    /// A connection of a session ended.
    pub(super) fn ended(&self, n: usize, why: &Ended, is_wanted: bool) {
        if is_wanted || !self.is_returning(n) {
            return;
        }
        let mut seen = self.seen_mut();
        seen.attempts += 1;
        let counter = match why {
            Ended::Code(4100) => &mut seen.overloaded,
            Ended::Status(429 | 503, Some(_)) => &mut seen.retry_after,
            Ended::TimedOut(_) => &mut seen.time_outs,
            Ended::Code(_) | Ended::Status(..) | Ended::Broken(_) | Ended::Cut(_) => &mut seen.other_ends,
        };
        *counter += 1;
    }

    /// How all came back.
    pub(super) fn returned(&self) -> Returned {
        let times = |of: &Return| (of.begun_us.load(Ordering::Relaxed), of.live_us.load(Ordering::Relaxed));
        let times = self.of.iter().map(times).filter(|(_, live_us)| *live_us > 0);
        let (first, last) =
            (times.clone().map(|(begun_us, _)| begun_us).min(), times.clone().map(|(_, live_us)| live_us).max());
        let mut all = Returned { span_us: first.zip(last), seen: *self.seen_mut(), ..Returned::default() };
        times.for_each(|(begun_us, live_us)| all.times.saturating_record(live_us.saturating_sub(begun_us)));
        all
    }

    fn is_returning(&self, n: usize) -> bool {
        self.of[n].begun_us.load(Ordering::Relaxed) > 0 && self.of[n].live_us.load(Ordering::Relaxed) == 0
    }

    fn seen_mut(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Returned {
    fn default() -> Self {
        Self { span_us: None, times: histogram(), seen: Seen::default() }
    }
}

impl Returned {
    /// Adds how others came back.
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.span_us = match (self.span_us, other.span_us) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (one, None) | (None, one) => one,
        };
        times::add(&mut self.times, &other.times);
        self.seen = self.seen.add(other.seen);
        self
    }

    /// Seconds from the first return until the last was live.
    pub(crate) fn all_live_seconds(&self) -> f64 {
        self.span_us.map_or(0.0, |(first, last)| last.saturating_sub(first) as f64 / 1e6)
    }

    /// From a session's return until it was live.
    pub(crate) fn until_live(&self) -> Percentiles {
        Percentiles::of(&self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_return_is_counted_until_it_is_live() {
        let returns = Returns::of(2);
        returns.ended(1, &Ended::Code(4100), false);
        assert_eq!(returns.returned().seen, Seen::default(), "it has not begun to come back");
        returns.begins(1);
        returns.ended(1, &Ended::Code(4100), false);
        returns.ended(1, &Ended::Status(429, Some(1)), false);
        returns.ended(1, &Ended::TimedOut("x".to_owned()), false);
        returns.ended(1, &Ended::Status(503, None), false);
        returns.frame(1, r#"{"event":"syncServerFailed","data":{"code":7008,"message":"x","retryAfterMs":9}}"#);
        returns.reached(1, Phase::Live);
        returns.ended(1, &Ended::Code(4100), false);
        let expected =
            Seen { attempts: 5, overloaded: 1, retry_after: 1, failed_syncs: 1, time_outs: 1, other_ends: 1 };
        assert_eq!((returns.returned().seen, returns.returned().until_live().count), (expected, 1));
    }

    #[test]
    fn all_are_live_when_the_last_one_of_any_process_is() {
        let of = |begun_us: u64, live_us: u64| Returned { span_us: Some((begun_us, live_us)), ..Returned::default() };
        let sum = of(5_000_000, 6_000_000).add(of(5_500_000, 8_000_000)).add(Returned::default());
        assert_eq!(sum.all_live_seconds(), 3.0);
    }
}
