//! What a comparison with the store's head says of a session: the net for hints that were lost without a trace.

use super::notes::GapCause;
use conversation_protocol::Cursor;
use std::time::Duration;

/// Where the session's comparison stands.
#[derive(Debug)]
pub(super) enum Comparison {
    /// None is under way.
    None,
    /// The head is being read.
    Asked {
        /// Why it was asked.
        cause: GapCause,
        /// What the store was known to have when it was asked.
        noted: Option<Cursor>,
    },
    /// The answer came during a sync; it is judged at the finish.
    Answered {
        /// As above.
        cause: GapCause,
        /// As above.
        noted: Option<Cursor>,
        /// The answer.
        head: Cursor,
    },
    /// The store was ahead; its hints may still be on their way.
    Ahead {
        /// As above.
        cause: GapCause,
        /// Where it was.
        head: Cursor,
        /// How long the hints may take.
        until: Duration,
    },
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is missing.
    Fine,
    /// The store has steps that the session has not.
    Ahead,
    /// It is not the data that the session knows, but the session may already know newer: read again.
    Unsure,
    /// The store has another data set, or lost steps that it had: only a full sync helps.
    WentBack,
}

/// Judges a head by what was noted before it was read, and by what the session has seen since.
pub(super) fn judge(noted: Option<Cursor>, head: Cursor, seen: Cursor) -> Verdict {
    if is_ahead(head, seen) {
        return Verdict::Ahead;
    }
    if head.epoch == seen.epoch || seen == Cursor::EMPTY {
        let lost = noted.is_some_and(|noted| noted.epoch == head.epoch && head.version < noted.version);
        return if lost { Verdict::WentBack } else { Verdict::Fine };
    }
    match noted {
        Some(noted) if noted.epoch == seen.epoch => Verdict::WentBack,
        Some(noted) if noted.epoch == head.epoch => Verdict::Fine,
        Some(_) | None => Verdict::Unsure,
    }
}

/// Whether a head is further than what was seen; everything is further than nothing.
pub(super) fn is_ahead(head: Cursor, seen: Cursor) -> bool {
    (head.epoch == seen.epoch || seen == Cursor::EMPTY) && head.version > seen.version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(noted: Option<(u64, u64)>, head: (u64, u64), seen: (u64, u64), expected: Verdict) {
        let cursor = |(epoch, version)| Cursor::new(epoch, version);
        assert_eq!(judge(noted.map(cursor), cursor(head), cursor(seen)), expected);
    }

    #[test]
    fn a_store_that_is_where_the_session_was_when_asked_is_fine() {
        check(Some((7, 10)), (7, 10), (7, 10), Verdict::Fine);
        check(Some((7, 10)), (7, 10), (7, 12), Verdict::Fine);
        check(Some((0, 0)), (0, 0), (7, 5), Verdict::Fine);
        check(Some((0, 0)), (7, 0), (0, 0), Verdict::Fine);
        check(None, (7, 10), (7, 12), Verdict::Fine);
    }

    #[test]
    fn a_store_that_is_further_is_ahead_also_of_a_user_without_data() {
        check(Some((7, 10)), (7, 12), (7, 10), Verdict::Ahead);
        check(Some((7, 10)), (7, 12), (7, 12), Verdict::Fine);
        check(Some((0, 0)), (7, 5), (0, 0), Verdict::Ahead);
    }

    #[test]
    fn a_store_with_less_than_it_had_or_with_other_data_went_back() {
        check(Some((7, 10)), (7, 9), (7, 10), Verdict::WentBack);
        check(Some((7, 10)), (8, 20), (7, 10), Verdict::WentBack);
        check(Some((7, 10)), (0, 0), (7, 11), Verdict::WentBack);
    }

    #[test]
    fn a_session_that_moved_to_the_new_data_meanwhile_is_not_sent_back() {
        check(Some((7, 10)), (8, 20), (8, 20), Verdict::Fine);
        check(Some((7, 10)), (7, 10), (8, 20), Verdict::Fine);
        check(None, (9, 20), (8, 20), Verdict::Unsure);
    }
}
