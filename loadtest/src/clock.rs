//! What time it is: the only place of the load tool that reads a clock.

use rustix::time::{ClockId, clock_gettime};
use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// When the run began, by the machine's clock that never goes back, in microseconds.
static BEGAN_US: OnceLock<u64> = OnceLock::new();

/// Microseconds since the run began, which is when this was called first; never goes back.
pub fn now_us() -> u64 {
    machine_us().saturating_sub(began_us())
}

/// When the run began, by the clock that all processes of this machine share.
pub(crate) fn began_us() -> u64 {
    *BEGAN_US.get_or_init(machine_us)
}

/// This process belongs to a run that another one began: both tell the same time from now on. Without an effect once the
/// time was told.
pub(crate) fn join_run(began_us: u64) {
    BEGAN_US.get_or_init(|| began_us);
}

fn machine_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1_000
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
