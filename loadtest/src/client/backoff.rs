//! What a client does once a connection has ended: stop, come back now, or come back later.

use super::state::Farewell;
use std::time::Duration;

/// The first delay's upper bound.
const DELAY_FIRST_MS: u64 = 250;
/// Every delay's upper bound.
const DELAY_MAX_MS: u64 = 10_000;

/// How a connection ended, or why there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The WebSocket was closed with this code.
    Code(u16),
    /// The server answered with this HTTP status instead of a stream, and with the seconds of a Retry-After.
    Status(u16, Option<u64>),
    /// Nothing came for too long.
    TimedOut(String),
    /// The connection was refused or broke.
    Broken(String),
    /// The client itself cut it, to stay away for this long, or until it is told to come back.
    Cut(Option<Duration>),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Give up, and why.
    Stop(String),
    /// Connect again after a while.
    Again {
        /// How long to wait.
        after: Duration,
        /// Whether the token must be a new one.
        with_new_token: bool,
    },
}

/// What is known about the attempt that ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// What failed since the last finished sync.
    pub failed: u32,
    /// Whether its token had never been accepted; one that had may have been overtaken by a new key.
    pub is_token_untried: bool,
    /// Drawn from 0…1.
    pub random: f64,
}

/// Decides by the range of the code.
pub fn next(ended: &Ended, farewell: Option<Farewell>, of: Attempt) -> Next {
    let Attempt { failed: attempt, is_token_untried, random } = of;
    let again = |after: Duration| Next::Again { after, with_new_token: false };
    let back_off = || again(full_jitter(attempt, random));
    match (farewell, ended) {
        (Some(Farewell::KickedOffline), _) => Next::Stop("kicked offline".to_owned()),
        (Some(Farewell::TokenExpired), _) | (None, Ended::Code(4202)) => {
            Next::Again { after: full_jitter(attempt, random), with_new_token: true }
        }
        (Some(Farewell::Reconnect(after_ms)), _) => again(Duration::from_millis(after_ms)),
        (None, Ended::Code(4001) | Ended::Status(401, _)) if !is_token_untried => {
            Next::Again { after: full_jitter(attempt, random), with_new_token: true }
        }
        (None, Ended::Code(code @ 4000..=4099)) => Next::Stop(format!("closed with {code}")),
        (None, Ended::Code(1009)) => Next::Stop("closed with 1009, a frame was too large".to_owned()),
        (None, Ended::Code(4200..=4299)) if attempt == 0 => again(Duration::ZERO),
        (None, Ended::Cut(away)) => again(away.unwrap_or(Duration::MAX)),
        (None, Ended::Status(204, _)) => Next::Stop("answered with 204, kicked offline".to_owned()),
        (None, Ended::Status(status @ (400 | 401 | 403 | 404), _)) => Next::Stop(format!("answered with {status}")),
        // Not all in the same moment.
        (None, Ended::Status(_, Some(seconds))) => again(Duration::from_secs(*seconds) + full_jitter(attempt, random)),
        (None, Ended::Code(_) | Ended::Status(_, None) | Ended::TimedOut(_) | Ended::Broken(_)) => back_off(),
    }
}

/// A delay between 0 and a bound that doubles with each attempt.
fn full_jitter(attempt: u32, random: f64) -> Duration {
    let bound = DELAY_FIRST_MS.saturating_mul(1 << attempt.min(16)).min(DELAY_MAX_MS);
    Duration::from_millis((bound as f64 * random.clamp(0.0, 1.0)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_ms(next: Next) -> u64 {
        match next {
            Next::Again { after, .. } => after.as_millis() as u64,
            Next::Stop(why) => panic!("stopped: {why}"),
        }
    }

    fn next(ended: &Ended, farewell: Option<Farewell>, failed: u32, random: f64) -> Next {
        super::next(ended, farewell, Attempt { failed, is_token_untried: true, random })
    }

    #[test]
    fn a_token_that_was_good_before_is_renewed_once() {
        let refused = |is_token_untried| {
            super::next(&Ended::Code(4001), None, Attempt { failed: 0, is_token_untried, random: 0.0 })
        };
        assert_eq!(refused(false), Next::Again { after: Duration::ZERO, with_new_token: true });
        assert!(matches!(refused(true), Next::Stop(_)));
    }

    #[test]
    fn the_range_of_the_close_code_decides() {
        let on = |code, random| next(&Ended::Code(code), None, 0, random);
        assert!(matches!(on(4001, 1.0), Next::Stop(_)) && matches!(on(4003, 1.0), Next::Stop(_)));
        assert_eq!(after_ms(on(4201, 1.0)), 0);
        assert_eq!(after_ms(on(4100, 1.0)), 250);
        assert_eq!(on(4202, 0.0), Next::Again { after: Duration::ZERO, with_new_token: true });
        assert_eq!(after_ms(on(1006, 0.5)), 125);
    }

    #[test]
    fn a_delay_doubles_up_to_ten_seconds_and_is_drawn_from_zero() {
        let broken = Ended::Broken("refused".to_owned());
        let delays: Vec<u64> = (0..8).map(|attempt| after_ms(next(&broken, None, attempt, 1.0))).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(after_ms(next(&broken, None, 40, 0.0)), 0);
    }

    #[test]
    fn the_servers_own_delay_wins() {
        let draining = next(&Ended::Code(4200), Some(Farewell::Reconnect(1234)), 3, 0.9);
        assert_eq!(after_ms(draining), 1234);
        assert!(matches!(next(&Ended::Status(204, None), None, 0, 0.0), Next::Stop(_)));
        assert_eq!(after_ms(next(&Ended::Status(503, None), None, 0, 1.0)), 250);
        assert_eq!(after_ms(next(&Ended::Status(429, Some(2)), None, 0, 1.0)), 2_250);
    }
}
