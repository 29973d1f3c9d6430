//! What time is it to the server, without asking? As its last answer said, and so much later as that is ago.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For how long an answer is good: two clocks drift apart, and one may be set.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// The server's time.
#[derive(Debug, Default)]
pub(super) struct ServerTime {
    told: Mutex<Option<Told>>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    now_us: u64,
    at: Instant,
}

impl ServerTime {
    /// The server has just said what time it is, in microseconds since 1970.
    pub(super) fn told(&self, now_us: u64) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Told { now_us, at: now() });
    }

    /// The time, in microseconds since 1970; `None` where the server has not said it lately.
    pub(super) fn now_us(&self) -> Option<u64> {
        let told = (*self.told.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = now().saturating_duration_since(told.at);
        (since < GOOD_FOR).then(|| told.now_us.saturating_add(since.as_micros() as u64))
    }
}

#[allow(clippy::disallowed_methods, reason = "stores read their own time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_on_from_what_was_told_and_is_forgotten_after_a_while() {
        let time = ServerTime::default();
        assert_eq!(time.now_us(), None);
        time.told(1_000_000);
        assert!(time.now_us().is_some_and(|now_us| (1_000_000..2_000_000).contains(&now_us)));
        let at = now().checked_sub(GOOD_FOR).expect("the machine has run for seconds");
        *time.told.lock().unwrap() = Some(Told { now_us: 1_000_000, at });
        assert_eq!(time.now_us(), None);
    }
}
