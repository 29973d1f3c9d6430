//! What time it is: the only place of the gateway that reads a clock.
#![allow(clippy::disallowed_methods, reason = "drivers get their time here and hand it on as an argument")]

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Monotonic time since the process first asked.
pub fn monotonic() -> Duration {
    START.elapsed()
}

/// The instant, for timers, that [`monotonic`] will show as `time`.
pub fn instant(time: Duration) -> tokio::time::Instant {
    tokio::time::Instant::from_std(*START + time)
}

/// Seconds since 1970.
pub fn unix_s() -> u64 {
    since_1970().as_secs()
}

/// Microseconds since 1970.
pub fn unix_us() -> u64 {
    since_1970().as_micros() as u64
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
