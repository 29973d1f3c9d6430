//! What time is it to a store in this process?

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

/// The store's time, in microseconds since 1970; never goes back while the process lives.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    newest_us: AtomicU64,
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "a store tells its own time; everyone else is told it")]
    pub(crate) fn now_us(&self) -> u64 {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now_us = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
        self.newest_us.fetch_max(now_us, Ordering::Relaxed).max(now_us)
    }

    /// Makes it as late as this, if it is not later.
    #[cfg(test)]
    pub(crate) fn pass(&self, now_us: u64) {
        self.newest_us.fetch_max(now_us, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let clock = Clock::default();
        let ahead = clock.now_us() + 3_600_000_000;
        clock.pass(ahead);
        assert_eq!(clock.now_us(), ahead);
    }
}
