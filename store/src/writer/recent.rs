//! What this node wrote last, so that the next step on a user need not read it again.
//!
//! It may be out of date, since other nodes write too: the commit compares the clock, and answers what there is. So
//! nothing depends on it but the number of reads.

use crate::rules::Remembered;
use conversation_protocol::UserId;
use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Memory that all of it may take, about.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// A user's place in a table takes about so many bytes more.
const ENTRY_BYTES: usize = 128;

/// The users written last, with what they were like.
#[derive(Default)]
pub(super) struct Recent {
    state: Mutex<State>,
}

/// Two tables: once the young one is half of what there may be, it becomes the old one, and the old one goes.
#[derive(Default)]
struct State {
    young: HashMap<UserId, Entry>,
    old: HashMap<UserId, Entry>,
    young_bytes: usize,
}

struct Entry {
    replication_id: u64,
    remembered: Remembered,
}

impl Recent {
    /// Takes what is known of a user, if the same server is still to take the commits.
    pub(super) fn take(&self, user: &UserId, replication_id: u64) -> Option<Remembered> {
        let mut state = self.state();
        let entry = match state.young.remove(user) {
            Some(entry) => {
                state.young_bytes = state.young_bytes.saturating_sub(bytes(&entry));
                entry
            }
            None => state.old.remove(user)?,
        };
        (entry.replication_id == replication_id).then_some(entry.remembered)
    }

    /// Keeps what a user is like since a commit.
    pub(super) fn keep(&self, user: UserId, replication_id: u64, remembered: Remembered) {
        let entry = Entry { replication_id, remembered };
        let mut state = self.state();
        if state.young_bytes + bytes(&entry) > BYTES_MAX / 2 {
            state.old = mem::take(&mut state.young);
            state.young_bytes = 0;
        }
        state.young_bytes += bytes(&entry);
        state.young.insert(user, entry);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes(entry: &Entry) -> usize {
    entry.remembered.bytes() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Loaded,
        rules::{Change, Decided, Limits, load_for, step},
    };

    fn remembered(user: &UserId) -> Remembered {
        let (conversation_id, text) = ("c2c_bob".parse().unwrap(), "x".repeat(500));
        let changes = [Change::Draft { conversation_id, text, if_version: None }];
        let load = load_for(user, &changes, Limits::default());
        let loaded = Loaded { now_us: 9, head: None, rows: Vec::new(), tombstones: Vec::new(), lowest: Vec::new() };
        let rows = vec![("c2c_bob".parse().unwrap(), None)];
        match step(load, &Loaded { rows, ..loaded }, &changes, Limits::default(), 7, 0).unwrap() {
            Decided::Step(step) => step.remembered.unwrap(),
            Decided::Unfinished(_) => panic!("nothing was unfinished"),
        }
    }

    #[test]
    fn what_is_kept_is_taken_once_and_for_the_same_server() {
        let (recent, alice) = (Recent::default(), "alice".parse().unwrap());
        recent.keep(alice, 1, remembered(&"alice".parse().unwrap()));
        let alice = "alice".parse().unwrap();
        assert!(recent.take(&alice, 1).is_some());
        assert!(recent.take(&alice, 1).is_none());
        recent.keep(alice.clone(), 1, remembered(&alice));
        assert!(recent.take(&alice, 2).is_none(), "another server may have lost it");
    }

    #[test]
    fn the_oldest_goes_where_there_is_too_much() {
        let recent = Recent::default();
        let each = remembered(&"user0".parse().unwrap()).bytes() + ENTRY_BYTES;
        let users: Vec<UserId> = (0..2 * BYTES_MAX / each).map(|n| format!("user{n}").parse().unwrap()).collect();
        for user in &users {
            recent.keep(user.clone(), 0, remembered(user));
            let state = recent.state();
            assert!((state.young.len() + state.old.len()) * each <= BYTES_MAX);
        }
        assert!(recent.take(&users[0], 0).is_none());
        assert!(recent.take(&users[users.len() - 1], 0).is_some());
    }
}
