//! Do nodes get into each other's way? Found by the races that this node loses.

use std::sync::atomic::{AtomicU64, Ordering};

/// Races lost between two looks, below which it is chance.
const CONFLICTS_MIN: u64 = 20;
/// One lost race in so many steps is too many.
const STEPS_PER_CONFLICT: u64 = 20;
/// Milliseconds for which it is believed after it was last seen: what goes through the lanes loses no races, so that it
/// would seem to be over as soon as something is done about it.
const BELIEVED_MS: u64 = 30_000;

/// Whether other nodes write the same users at the same time.
#[derive(Debug, Default)]
pub(super) struct Contention {
    /// Until when it is believed, in milliseconds of the node's clock.
    until_ms: AtomicU64,
}

impl Contention {
    /// Whether it is believed at a moment.
    pub(super) fn is_there(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms.load(Ordering::Relaxed)
    }

    /// Takes the steps made and the races lost since the last look.
    pub(super) fn note(&self, steps: u64, conflicts: u64, now_ms: u64) {
        let was_there = self.is_there(now_ms);
        if conflicts >= CONFLICTS_MIN && conflicts * STEPS_PER_CONFLICT > steps {
            self.until_ms.store(now_ms + BELIEVED_MS, Ordering::Relaxed);
            if !was_there {
                tracing::info!(steps, conflicts, "other nodes write the same users; their changes go through lanes");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lost_races_are_believed_for_a_while_and_few_are_chance() {
        let contention = Contention::default();
        contention.note(100, 19, 1_000);
        contention.note(10_000, 500, 1_000);
        assert!(!contention.is_there(1_000), "few, or few of many");
        contention.note(399, 20, 1_000);
        assert!(contention.is_there(1_000));
        // Everything goes through lanes now, and no race is lost.
        contention.note(1_000, 0, 2_000);
        assert!(contention.is_there(30_999));
        assert!(!contention.is_there(31_000));
        contention.note(399, 20, 32_000);
        contention.note(399, 20, 40_000);
        assert!(contention.is_there(69_999));
    }
}
