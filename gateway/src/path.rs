//! Is the path of hints proven to deliver? What is published over the store's other connection must come on it.

use crate::metrics::PathMetrics;
use conversation_store::Shard;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Between two probes.
pub const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// How old the newest probe that came may be.
pub const PROBE_AGE_MAX: Duration = Duration::from_secs(6);

/// The node's path of hints. Times are those of one monotonic clock; a probe is named by the time at which it was sent.
#[derive(Debug)]
pub struct HintPath {
    state: Mutex<State>,
}

/// A shard, and how its path of hints stands.
#[derive(Clone)]
pub struct ShardPath {
    /// Which shard, and where it is.
    pub shard: Shard,
    /// Its path.
    pub path: Arc<HintPath>,
    /// What is counted of it.
    pub shown: Arc<PathMetrics>,
}

#[derive(Debug)]
struct State {
    /// The newest probe that came, on this path or an earlier one; before the first, when the node began.
    newest: Duration,
    present: Option<Present>,
}

/// The path that stands.
#[derive(Debug, Default)]
struct Present {
    /// The newest probe that came on it.
    heard: Option<Duration>,
    /// The oldest probe that the store took, and that has not come, nor a later one.
    missing: Option<Duration>,
    /// Whether something may have been lost on it since this was asked last.
    is_doubtful: bool,
}

/// How a path stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Interrupted,
    /// It is there, but no probe came on it for too long, or ever.
    Unproven,
    /// What is published arrives.
    Proven,
}

impl HintPath {
    /// A path that is not there yet.
    pub fn new(now: Duration) -> Self {
        Self { state: Mutex::new(State { newest: now, present: None }) }
    }

    /// A new path stands.
    pub fn opened(&self) {
        self.state().present = Some(Present::default());
    }

    /// The path is gone.
    pub fn interrupted(&self) {
        self.state().present = None;
    }

    /// The store has taken a probe. What it does not take says nothing of the path.
    pub fn published(&self, probe: Duration) {
        if let Some(present) = &mut self.state().present
            && present.heard < Some(probe)
        {
            present.missing.get_or_insert(probe);
        }
    }

    /// A probe has come.
    pub fn heard(&self, probe: Duration) {
        let mut state = self.state();
        state.newest = state.newest.max(probe);
        if let Some(present) = &mut state.present {
            let is_one_lost = present.missing.is_some_and(|missing| missing < probe);
            let was_silent = present.heard.is_some_and(|before| probe.saturating_sub(before) >= PROBE_AGE_MAX);
            present.is_doubtful |= is_one_lost || was_silent;
            present.missing = present.missing.filter(|missing| *missing > probe);
            present.heard = present.heard.max(Some(probe));
        }
    }

    /// Whether the path does not deliver what the store takes: a new one must be made.
    pub fn is_deaf(&self, now: Duration) -> bool {
        let missing = self.state().present.as_ref().and_then(|present| present.missing);
        missing.is_some_and(|missing| now.saturating_sub(missing) >= PROBE_AGE_MAX)
    }

    /// Whether something may have been lost since this was asked last, though probes come (again).
    pub fn take_doubt(&self) -> bool {
        self.state().present.as_mut().is_some_and(|present| std::mem::take(&mut present.is_doubtful))
    }

    /// How it stands.
    pub fn standing(&self, now: Duration) -> Standing {
        match &self.state().present {
            None => Standing::Interrupted,
            Some(Present { heard: Some(heard), .. }) if now.saturating_sub(*heard) < PROBE_AGE_MAX => Standing::Proven,
            Some(_) => Standing::Unproven,
        }
    }

    /// Whether a probe ever came on it.
    pub fn was_proven(&self) -> bool {
        self.state().present.as_ref().is_some_and(|present| present.heard.is_some())
    }

    /// How old the newest probe is that came.
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.state().newest)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn open() -> HintPath {
        let path = HintPath::new(s(0));
        path.opened();
        path
    }

    #[test]
    fn a_path_is_proven_by_a_probe_and_not_by_being_there() {
        let path = HintPath::new(s(0));
        assert_eq!(path.standing(s(1)), Standing::Interrupted);
        path.opened();
        assert_eq!(path.standing(s(1)), Standing::Unproven);
        path.published(s(1));
        path.heard(s(1));
        assert_eq!(path.standing(s(6)), Standing::Proven);
        assert_eq!(path.standing(s(7)), Standing::Unproven);
        assert!(path.was_proven());
        path.opened();
        assert_eq!(path.standing(s(2)), Standing::Unproven, "another path proves nothing of this one");
        assert!(!path.was_proven());
    }

    #[test]
    fn a_path_is_deaf_when_a_probe_that_was_taken_does_not_come() {
        let path = open();
        path.published(s(2));
        path.published(s(4));
        assert!(!path.is_deaf(s(7)) && path.is_deaf(s(8)));
        path.heard(s(2));
        assert!(!path.is_deaf(s(8)), "what came says that it is alive, until the next is missing");
        assert!(!path.take_doubt());
    }

    #[test]
    fn a_probe_that_comes_where_an_earlier_one_did_not_makes_a_path_doubtful_once() {
        let path = open();
        path.published(s(2));
        path.heard(s(4));
        assert!(!path.is_deaf(s(20)) && path.standing(s(5)) == Standing::Proven);
        assert!(path.take_doubt() && !path.take_doubt());
    }

    #[test]
    fn a_probe_that_comes_before_the_store_has_answered_is_not_missing() {
        let path = open();
        path.heard(s(2));
        path.published(s(2));
        assert!(!path.is_deaf(s(20)) && !path.take_doubt());
    }

    #[test]
    fn a_store_that_takes_no_probe_leaves_a_path_unproven_but_not_deaf() {
        let path = open();
        path.published(s(2));
        path.heard(s(2));
        assert!(!path.is_deaf(s(60)));
        assert_eq!((path.standing(s(60)), path.age(s(60))), (Standing::Unproven, s(58)));
        path.published(s(60));
        path.heard(s(60));
        assert_eq!(path.standing(s(60)), Standing::Proven);
        assert!(path.take_doubt(), "what was published meanwhile, nobody knows");
    }
}
