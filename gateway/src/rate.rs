//! How often somebody may do something: limits of calls and connects.

use conversation_protocol::{ApiError, ErrorKind, UserId, limits::CALL_UNITS_BURST, method::ClientCall};
use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter,
    clock::{Clock, DefaultClock, QuantaInstant},
};
use std::num::NonZeroU32;

/// Limits by key, each with the same quota.
pub(crate) type Quotas<K> = DefaultKeyedRateLimiter<K>;

/// A limit of a session's own calls.
pub struct SessionRate(DefaultDirectRateLimiter);

/// Limits by user: calls over HTTP, and new sessions.
pub struct UserRates {
    calls: Quotas<UserId>,
    connects: Quotas<UserId>,
}

/// So many a second, and so many at once.
pub(crate) fn quota(per_second: u32, burst: u32) -> Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst.max(per_second)))
}

/// Says of what there were too many, and when there may be more.
pub(crate) fn refused(what: &str, not_until: &NotUntil<QuantaInstant>) -> ApiError {
    let wait_ms = not_until.wait_time_from(DefaultClock::default().now()).as_millis() as u64 + 1;
    ApiError {
        retry_after_ms: Some(wait_ms),
        ..ApiError::new(ErrorKind::TooFrequent, format!("too many {what}, try again in {wait_ms} ms"))
    }
}

fn admit(
    take: impl Fn(u32) -> Result<(), ApiError>,
    parse: impl FnOnce() -> Result<ClientCall, ApiError>,
) -> Result<ClientCall, ApiError> {
    take(1)?;
    let call = parse()?;
    let more = call.units() - 1;
    if more > 0 {
        take(more)?;
    }
    Ok(call)
}

fn units(units: u32) -> NonZeroU32 {
    NonZeroU32::new(units.min(CALL_UNITS_BURST)).unwrap_or(NonZeroU32::MIN)
}

impl SessionRate {
    /// A limit of so many units a second.
    pub fn new(units_per_second: u32) -> Self {
        Self(RateLimiter::direct(quota(units_per_second, CALL_UNITS_BURST)))
    }

    /// Reads a call if there are units for it, or says when there will be some. One that is refused costs a unit too.
    pub fn admit(&self, parse: impl FnOnce() -> Result<ClientCall, ApiError>) -> Result<ClientCall, ApiError> {
        admit(|count| self.take(count), parse)
    }

    fn take(&self, count: u32) -> Result<(), ApiError> {
        match self.0.check_n(units(count)) {
            Ok(Err(not_until)) => Err(refused("calls", &not_until)),
            // More than the burst never comes, as units are capped by it.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }
}

impl UserRates {
    /// Limits of so many units of calls, and so many connects, a second.
    pub fn new(call_units_per_second: u32, connects_per_second: u32) -> Self {
        Self {
            calls: RateLimiter::keyed(quota(call_units_per_second, CALL_UNITS_BURST)),
            connects: RateLimiter::keyed(quota(connects_per_second, connects_per_second.saturating_mul(4))),
        }
    }

    /// Reads a user's call over HTTP if there are units for it, as [`SessionRate::admit`] does.
    pub fn admit(
        &self,
        user: &UserId,
        parse: impl FnOnce() -> Result<ClientCall, ApiError>,
    ) -> Result<ClientCall, ApiError> {
        admit(|count| self.take_call(user, count), parse)
    }

    fn take_call(&self, user: &UserId, count: u32) -> Result<(), ApiError> {
        match self.calls.check_key_n(user, units(count)) {
            Ok(Err(not_until)) => Err(refused("calls", &not_until)),
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// Takes one connect, or says when there will be one.
    pub fn take_connect(&self, user: &UserId) -> Result<(), ApiError> {
        self.connects.check_key(user).map_err(|not_until| refused("connects", &not_until))
    }

    /// Forgets users who have been quiet.
    pub fn forget_quiet(&self) {
        self.calls.retain_recent();
        self.connects.retain_recent();
    }
}
