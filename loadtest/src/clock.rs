//! What time it is: the only place of the load tool that reads a clock.

use std::{
    sync::OnceLock,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

static START: OnceLock<Instant> = OnceLock::new();

/// Microseconds since the first call in this process; never goes back.
#[allow(clippy::disallowed_methods, reason = "the tool's own clock, read here and handed on as a number")]
pub fn now_us() -> u64 {
    START.get_or_init(Instant::now).elapsed().as_micros() as u64
}

/// The day and the time of day, in the form of HTTP.
#[allow(clippy::disallowed_methods, reason = "the tool's own clock, read here and handed on as a text")]
pub fn date() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "the tool's own clock, read here and handed on as a number")]
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
