//! Which connections were refused, and why? A line in the log for each, as far as they do not fill it.

use crate::addresses::Address;
use governor::{DefaultDirectRateLimiter, RateLimiter};
use std::sync::atomic::{AtomicU64, Ordering};

/// Lines a second; what there is more is counted in the next line.
const LINES_PER_SECOND: u32 = 10;

/// Tells of refused connections.
pub struct Refusals {
    rate: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Default for Refusals {
    fn default() -> Self {
        let rate = RateLimiter::direct(crate::rate::quota(LINES_PER_SECOND, LINES_PER_SECOND));
        Self { rate, left_out: AtomicU64::new(0) }
    }
}

impl Refusals {
    /// A connection is refused. The reason must be a word of ours: nothing that a client sent belongs into the log.
    pub fn tell(&self, transport: &str, reason: &str, address: Option<Address>) {
        if self.rate.check().is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let address = address.map(tracing::field::display);
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        tracing::info!(transport, reason, address, left_out, "a connection is refused");
    }
}
