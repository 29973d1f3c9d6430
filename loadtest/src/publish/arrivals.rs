//! What arrived where, when it was due, and how many bytes it took.

use super::report::Phase;
use crate::{
    clock,
    measure::{
        percentiles::{Percentiles, histogram},
        series::Series,
    },
};
use hdrhistogram::Histogram;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// What a text begins with: when its message was due.
const MARK: &str = "due=";
/// Parts of the histogram, so that receivers seldom wait for each other.
const SHARDS: usize = 16;

/// A message's text: when it was due, in the tool's microseconds.
pub(crate) fn text(due_us: u64) -> String {
    format!("{MARK}{due_us};")
}

/// When the messages in a frame were due.
fn dues(frame: &str) -> impl Iterator<Item = u64> {
    frame.split(MARK).skip(1).filter_map(|rest| rest.split(';').next()?.parse().ok())
}

/// Everything that receivers got since the last beginning.
pub(crate) struct Arrivals {
    frames: AtomicU64,
    bytes: AtomicU64,
    shards: [Mutex<Histogram<u64>>; SHARDS],
}

impl Default for Arrivals {
    fn default() -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(histogram()));
        Self { frames: AtomicU64::new(0), bytes: AtomicU64::new(0), shards }
    }
}

impl Arrivals {
    /// Forgets everything.
    pub(crate) fn begin(&self) {
        self.frames.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.shards.iter().for_each(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).reset());
    }

    /// A frame came to a receiver.
    pub(crate) fn frame(&self, receiver: usize, frame: &str) {
        let now_us = clock::now_us();
        let mut shard = self.shards[receiver % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        dues(frame).for_each(|due_us| shard.saturating_record(now_us.saturating_sub(due_us)));
        drop(shard);
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }

    /// How many messages came.
    pub(crate) fn messages(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// How many bytes frames had.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// From when messages were due until they came, of all so far.
    pub(super) fn latency(&self) -> Histogram<u64> {
        let mut all = histogram();
        for shard in &self.shards {
            let _ = all.add(&*shard.lock().unwrap_or_else(PoisonError::into_inner));
        }
        all
    }

    /// What came in a phase.
    pub(super) fn phase(
        &self,
        rate: f64,
        seconds: f64,
        (expected, overrun, failed): (u64, u64, u64),
        cpu_seconds: Vec<f64>,
        series: Series,
    ) -> Phase {
        let all = self.latency();
        let messages = all.len().max(1) as f64;
        Phase {
            rate,
            seconds,
            expected,
            arrived: all.len(),
            overrun,
            failed,
            frames: self.frames.load(Ordering::Relaxed),
            bytes_per_delivery: self.bytes() as f64 / messages,
            latency: Percentiles::of(&all),
            cpu_us_per_delivery: cpu_seconds.iter().map(|seconds| seconds * 1e6 / messages).collect(),
            series,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_tells_when_each_of_its_messages_was_due() {
        let frame = format!(r#"{{"a":"{}..","b":"{}","c":"due=x;"}}"#, text(12), text(345));
        assert_eq!(dues(&frame).collect::<Vec<_>>(), [12, 345]);
        let arrivals = Arrivals::default();
        arrivals.frame(3, &frame);
        arrivals.frame(19, "{}");
        assert_eq!((arrivals.messages(), arrivals.frames.load(Ordering::Relaxed)), (2, 2));
        arrivals.begin();
        assert_eq!(arrivals.messages(), 0);
    }
}
