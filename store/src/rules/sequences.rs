//! Which sequences above the read mark were seen, and how many of them are unread, in bounded space.

use conversation_protocol::limits::SEQ_RANGES_MAX;
use serde::{Deserialize, Serialize};

/// A set of sequences as inclusive ranges, rising, not touching each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The index of the first range that ends at or after `seq`.
    fn position(&self, seq: u64) -> usize {
        self.0.partition_point(|(_, end)| *end < seq)
    }

    fn contains(&self, seq: u64) -> bool {
        self.0.get(self.position(seq)).is_some_and(|(start, _)| *start <= seq)
    }

    /// Adds a sequence that is not in the set.
    fn insert(&mut self, seq: u64) {
        let index = self.position(seq);
        let joins_previous = index > 0 && self.0[index - 1].1 + 1 == seq;
        let joins_next = self.0.get(index).is_some_and(|(start, _)| *start == seq + 1);
        match (joins_previous, joins_next) {
            (true, true) => {
                self.0[index - 1].1 = self.0[index].1;
                self.0.remove(index);
            }
            (true, false) => self.0[index - 1].1 = seq,
            (false, true) => self.0[index].0 = seq,
            (false, false) => self.0.insert(index, (seq, seq)),
        }
    }

    /// Removes everything up to and including `seq`; answers how many that were.
    fn remove_up_to(&mut self, seq: u64) -> u64 {
        let whole = self.position(seq + 1);
        let mut removed: u64 = self.0.drain(..whole).map(|(start, end)| end - start + 1).sum();
        if let Some((start, _)) = self.0.first_mut()
            && *start <= seq
        {
            removed += seq - *start + 1;
            *start = seq + 1;
        }
        removed
    }

    fn len(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start + 1).sum()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The messages above a read mark. At most 256 ranges of each kind are kept: past that, the lowest sequences count
/// as seen, stay counted until the mark passes them, and their revokes are ignored (docs/DOMAIN.md, 4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unread {
    /// Everything that came.
    #[serde(rename = "s", default, skip_serializing_if = "Ranges::is_empty")]
    seen: Ranges,
    /// What came and does not count: excluded or revoked; always a part of `seen`.
    #[serde(rename = "x", default, skip_serializing_if = "Ranges::is_empty")]
    uncounted: Ranges,
    /// Up to here everything counts as seen.
    #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
    floor: u64,
    /// How many of those up to `floor` are unread.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    below: u64,
}

pub(crate) fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Unread {
    pub(crate) fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// How many messages are unread.
    pub(crate) fn count(&self) -> u64 {
        self.below + self.seen.len() - self.uncounted.len()
    }

    /// Whether a message above the mark has come already.
    pub(crate) fn has_seen(&self, seq: u64) -> bool {
        seq <= self.floor || self.seen.contains(seq)
    }

    /// A message above the mark that has not been seen comes.
    pub(crate) fn see(&mut self, seq: u64, counts: bool) {
        self.seen.insert(seq);
        if !counts {
            self.uncounted.insert(seq);
        }
        while self.seen.0.len() > SEQ_RANGES_MAX || self.uncounted.0.len() > SEQ_RANGES_MAX {
            let lowest = |ranges: &Ranges| ranges.0.first().map_or(u64::MAX, |(_, end)| *end);
            let floor = lowest(&self.seen).min(lowest(&self.uncounted));
            self.below += self.seen.remove_up_to(floor) - self.uncounted.remove_up_to(floor);
            self.floor = floor;
        }
    }

    /// Everything from `first` to `last` comes and counts, where nothing above the mark has come yet.
    pub(crate) fn see_range(&mut self, first: u64, last: u64) {
        if first <= last {
            self.seen.0.push((first, last));
        }
    }

    /// A message counts no more; answers whether it did. Once only.
    pub(crate) fn revoke(&mut self, seq: u64) -> bool {
        let counted = seq > self.floor && self.seen.contains(seq) && !self.uncounted.contains(seq);
        if counted {
            self.uncounted.insert(seq);
        }
        counted
    }

    /// The mark moves up to `seq`.
    pub(crate) fn read_up_to(&mut self, seq: u64) {
        self.seen.remove_up_to(seq);
        self.uncounted.remove_up_to(seq);
        if seq >= self.floor {
            (self.floor, self.below) = (0, 0);
        } else {
            // Which of them are unread is forgotten; no more can be left than there are sequences.
            self.below = self.below.min(self.floor - seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn unread(seqs: &[(u64, bool)]) -> Unread {
        let mut unread = Unread::default();
        for (seq, counts) in seqs {
            unread.see(*seq, *counts);
        }
        unread
    }

    #[test]
    fn neighbours_become_one_range_in_any_order() {
        for order in [[1, 2, 3], [3, 2, 1], [1, 3, 2], [2, 3, 1]] {
            let unread = unread(&order.map(|seq| (seq, true)));
            assert_eq!((unread.seen.0.as_slice(), unread.count()), ([(1, 3)].as_slice(), 3), "{order:?}");
        }
    }

    #[test]
    fn a_revoke_counts_once_and_only_what_counted() {
        let mut unread = unread(&[(5, true), (6, false)]);
        assert!(unread.revoke(5) && !unread.revoke(5) && !unread.revoke(6) && !unread.revoke(7));
        assert_eq!(unread.count(), 0);
        assert!(unread.has_seen(5) && unread.has_seen(6) && !unread.has_seen(7));
    }

    #[test]
    fn reading_keeps_what_is_after_the_mark() {
        let mut unread = unread(&[(1, true), (2, true), (3, false), (4, true), (9, true)]);
        unread.read_up_to(3);
        assert_eq!((unread.count(), unread.has_seen(4)), (2, true));
        unread.read_up_to(9);
        assert!(unread.is_empty());
    }

    #[test]
    fn past_256_ranges_the_lowest_count_as_seen_and_stay_counted() {
        let mut unread = Unread::default();
        for seq in 1..=300 {
            unread.see(seq * 2, true);
        }
        assert_eq!((unread.count(), unread.seen.0.len()), (300, SEQ_RANGES_MAX));
        assert!(unread.has_seen(3), "below the lowest kept range");
        assert!(!unread.revoke(2), "its revoke is ignored");
        assert_eq!(unread.count(), 300);
        unread.read_up_to(unread.floor);
        assert_eq!(unread.count(), SEQ_RANGES_MAX as u64);
        unread.read_up_to(600);
        assert!(unread.is_empty());
    }

    #[test]
    fn it_agrees_with_plain_sets() {
        use rand::{Rng, SeedableRng, rngs::SmallRng};
        let mut random = SmallRng::seed_from_u64(7);
        for _ in 0..300 {
            let (mut unread, mut seen, mut counted, mut mark) =
                (Unread::default(), BTreeSet::new(), BTreeSet::new(), 0u64);
            for _ in 0..60 {
                let seq = random.random_range(1..40u64);
                match random.random_range(0..4) {
                    0 if seq > mark => {
                        unread.read_up_to(seq);
                        seen.retain(|other| *other > seq);
                        counted.retain(|other| *other > seq);
                        mark = seq;
                    }
                    1 => assert_eq!(unread.revoke(seq), counted.remove(&seq)),
                    _ if seq > mark => {
                        assert_eq!(unread.has_seen(seq), seen.contains(&seq));
                        if seen.insert(seq) {
                            let counts = random.random();
                            unread.see(seq, counts);
                            if counts {
                                counted.insert(seq);
                            }
                        }
                    }
                    _ => {}
                }
                assert_eq!(unread.count(), counted.len() as u64);
            }
        }
    }
}
