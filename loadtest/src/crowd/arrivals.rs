//! What arrived where, when it was due, and how many bytes it took.

use super::times;
use crate::{clock, measure::percentiles::histogram};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What a text begins with: when its message was due.
const MARK: &str = "due=";
/// Parts of what is recorded, so that receivers seldom wait for each other.
const SHARDS: usize = 16;

/// A message's text: when it was due, in the tool's microseconds.
pub(crate) fn text(due_us: u64) -> String {
    format!("{MARK}{due_us};")
}

/// When the messages in a frame were due.
fn dues(frame: &str) -> impl Iterator<Item = u64> {
    frame.split(MARK).skip(1).filter_map(|rest| rest.split(';').next()?.parse().ok())
}

/// What some receivers of one process got.
struct Shard {
    times: Histogram<u64>,
    last_us: BTreeMap<u64, u64>,
}

/// Everything that receivers of one process got since the last beginning.
#[derive(Default)]
pub(crate) struct Arrivals {
    frames: AtomicU64,
    bytes: AtomicU64,
    /// Bytes of the largest frame of each receiver.
    largest: Vec<AtomicU64>,
    shards: [Mutex<Shard>; SHARDS],
}

/// The same, to be added up and told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Received {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Bytes of the largest frame: of the receiver that had the smallest such frame, and of the one that had the largest.
    pub(crate) largest: Option<(u64, u64)>,
    /// Microseconds from when a message was due until it came.
    #[serde(with = "times")]
    pub(crate) times: Histogram<u64>,
    /// When a message was due, and when it came to the last receiver.
    pub(crate) last_us: BTreeMap<u64, u64>,
}

impl Default for Shard {
    fn default() -> Self {
        Self { times: histogram(), last_us: BTreeMap::new() }
    }
}

impl Default for Received {
    fn default() -> Self {
        Self { frames: 0, bytes: 0, largest: None, times: histogram(), last_us: BTreeMap::new() }
    }
}

impl Arrivals {
    /// For so many receivers.
    pub(crate) fn of(receivers: usize) -> Self {
        Self { largest: (0..receivers).map(|_| AtomicU64::new(0)).collect(), ..Self::default() }
    }

    /// Forgets everything.
    pub(crate) fn begin(&self) {
        [&self.frames, &self.bytes]
            .into_iter()
            .chain(&self.largest)
            .for_each(|count| count.store(0, Ordering::Relaxed));
        self.shards.iter().for_each(|shard| *lock(shard) = Shard::default());
    }

    /// A frame came to a receiver.
    pub(crate) fn frame(&self, receiver: usize, frame: &str) {
        let now_us = clock::now_us();
        let mut shard = lock(&self.shards[receiver % SHARDS]);
        for due_us in dues(frame) {
            shard.times.saturating_record(now_us.saturating_sub(due_us));
            shard.last_us.insert(due_us, now_us);
        }
        drop(shard);
        let bytes = frame.len() as u64;
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Some(largest) = self.largest.get(receiver) {
            largest.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    /// How many messages came.
    pub(crate) fn messages(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).times.len()).sum()
    }

    /// How many bytes frames had.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What came.
    pub(crate) fn received(&self) -> Received {
        let largest = self.largest.iter().map(|bytes| bytes.load(Ordering::Relaxed));
        let of_all = Received {
            frames: self.frames.load(Ordering::Relaxed),
            bytes: self.bytes(),
            largest: largest.clone().min().zip(largest.max()),
            ..Received::default()
        };
        self.shards.iter().fold(of_all, |sum, shard| {
            let shard = lock(shard);
            sum.add(Received { times: shard.times.clone(), last_us: shard.last_us.clone(), ..Received::default() })
        })
    }
}

impl Received {
    /// Adds what others received.
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.largest = match (self.largest, other.largest) {
            (Some((least, most)), Some((other_least, other_most))) => {
                Some((least.min(other_least), most.max(other_most)))
            }
            (one, None) | (None, one) => one,
        };
        times::add(&mut self.times, &other.times);
        for (due_us, at_us) in other.last_us {
            let last_us = self.last_us.entry(due_us).or_default();
            *last_us = at_us.max(*last_us);
        }
        self
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_tells_when_each_of_its_messages_was_due() {
        let frame = format!(r#"{{"a":"{}..","b":"{}","c":"due=x;"}}"#, text(12), text(345));
        assert_eq!(dues(&frame).collect::<Vec<_>>(), [12, 345]);
        let arrivals = Arrivals::of(20);
        arrivals.frame(3, &frame);
        arrivals.frame(19, "{}");
        assert_eq!((arrivals.messages(), arrivals.received().frames), (2, 2));
        arrivals.begin();
        assert_eq!(arrivals.messages(), 0);
    }

    #[test]
    fn what_two_processes_received_is_added_up() {
        let of = |bytes: &[usize], last_us: &[(u64, u64)]| {
            let arrivals = Arrivals::of(bytes.len());
            bytes.iter().enumerate().for_each(|(n, bytes)| arrivals.frame(n, &"x".repeat(*bytes)));
            Received { last_us: last_us.iter().copied().collect(), ..arrivals.received() }
        };
        let sum = of(&[5, 9], &[(1, 20), (2, 30)]).add(of(&[7, 3], &[(1, 25), (3, 9)])).add(Received::default());
        assert_eq!((sum.frames, sum.bytes, sum.largest), (4, 24, Some((3, 9))));
        assert_eq!(sum.last_us, BTreeMap::from([(1, 25), (2, 30), (3, 9)]));
    }
}
