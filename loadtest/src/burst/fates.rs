//! What became of each message, for each member.

use super::check_row;
use crate::{run::ServerRows, violations::Violations};
use serde::Serialize;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// What the messages came to, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Accepted for every member.
    pub accepted: u64,
    /// Accepted for some, and refused with 7008 for others.
    pub partly: u64,
    /// Refused with 7008 for everybody.
    pub refused: u64,
    /// Sent again, because what had become of them was not known.
    pub repeated: u64,
    /// Never answered for certain.
    pub unknown: u64,
    /// Due and not sent, because too many were waiting.
    pub overrun: u64,
    /// Refusals of a whole call without a Retry-After.
    pub without_hint: u64,
}

/// A message, by its seq.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) due_us: u64,
    fate: Fate,
}

#[derive(Debug, Clone, Default)]
enum Fate {
    #[default]
    Pending,
    /// By all members but these.
    Accepted(Vec<u32>),
    Refused,
}

/// Of one member.
#[derive(Debug, Default)]
struct OfMember {
    accepted: AtomicU64,
    newest: AtomicU64,
}

/// The book of all messages.
#[derive(Debug)]
pub(super) struct Fates {
    messages: Mutex<Vec<Message>>,
    members: Vec<OfMember>,
    tally: Mutex<Tally>,
}

impl Fates {
    pub(super) fn new(members: usize) -> Self {
        Self {
            messages: Mutex::default(),
            members: (0..members).map(|_| OfMember::default()).collect(),
            tally: Mutex::default(),
        }
    }

    /// A message that is due at a time; its seq.
    pub(super) fn due(&self, due_us: u64) -> u64 {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(Message { due_us, fate: Fate::Pending });
        messages.len() as u64
    }

    /// All members but these will have the message.
    pub(super) fn accepted(&self, seq: u64, refused: Vec<u32>) {
        for (n, member) in self.members.iter().enumerate() {
            if !refused.contains(&(n as u32)) {
                member.accepted.fetch_add(1, Ordering::Relaxed);
                member.newest.fetch_max(seq, Ordering::Relaxed);
            }
        }
        self.count(|tally| {
            let counter = if refused.is_empty() { &mut tally.accepted } else { &mut tally.partly };
            *counter += 1;
        });
        self.settle(seq, Fate::Accepted(refused));
    }

    /// Nobody will have the message.
    pub(super) fn refused(&self, seq: u64, has_hint: bool) {
        self.count(|tally| {
            tally.refused += 1;
            tally.without_hint += u64::from(!has_hint);
        });
        self.settle(seq, Fate::Refused);
    }

    fn settle(&self, seq: u64, fate: Fate) {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)[seq as usize - 1].fate = fate;
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest message that a member will have; 0: none.
    pub(super) fn newest(&self, member: usize) -> u64 {
        self.members[member].newest.load(Ordering::Relaxed)
    }

    /// When the messages were due that a member was to have, with their seqs, rising.
    pub(super) fn due_of(&self, member: usize) -> Vec<(u64, u64)> {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |message: &Message| match &message.fate {
            Fate::Accepted(refused) => !refused.contains(&(member as u32)),
            Fate::Pending | Fate::Refused => false,
        };
        (1..)
            .zip(messages.iter())
            .filter(|(_, message)| has(message))
            .map(|(seq, message)| (seq, message.due_us))
            .collect()
    }

    /// Compares a member's rows with what it was to have.
    pub(super) fn expect(&self, run: &str, member: usize, server: &ServerRows) -> Result<(), String> {
        let newest = self.newest(member);
        let newest = (newest > 0).then(|| (newest, message_id(run, newest)));
        check_row(server, self.members[member].accepted.load(Ordering::Relaxed), newest)
    }

    /// What must not be.
    pub(super) fn violations(&self, violations: &mut Violations) {
        let tally = self.tally();
        if tally.unknown > 0 {
            violations.add(format!("{} messages were never answered for certain", tally.unknown));
        }
        if tally.without_hint > 0 {
            violations.add(format!("{} messages were refused without a Retry-After", tally.without_hint));
        }
    }
}

/// The id of a message.
pub(super) fn message_id(run: &str, seq: u64) -> String {
    format!("{run}-m{seq}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_to_have_what_was_accepted_for_it() {
        let fates = Fates::new(2);
        for due_us in [10, 20, 30] {
            fates.due(due_us);
        }
        fates.accepted(1, Vec::new());
        fates.accepted(3, vec![0]);
        fates.refused(2, true);
        assert_eq!((fates.due_of(0), fates.due_of(1)), (vec![(1, 10)], vec![(1, 10), (3, 30)]));
        assert_eq!((fates.newest(0), fates.newest(1)), (1, 3));
        assert_eq!(fates.tally(), Tally { accepted: 1, partly: 1, refused: 1, ..Tally::default() });
        let mut violations = Violations::default();
        fates.violations(&mut violations);
        assert_eq!(violations.count, 0);
        fates.due(40);
        fates.refused(4, false);
        fates.violations(&mut violations);
        assert_eq!(violations.count, 1);
    }
}
