//! Does the head remember where a server that took over began to write?

use super::*;
use crate::record::FORKS_MAX;
use conversation_protocol::{Cursor, Fork};

fn fork(from: u64, to: u64) -> Fork {
    Fork { from, to }
}

#[test]
fn the_first_step_on_another_server_is_a_fork_and_further_ones_are_not() {
    let mut user = User { replication_id: 7, ..User::new() };
    user.apply(received("group_a", 1));
    assert_eq!((user.head().replication_id, user.head().forks), (7, vec![]), "there was nothing to lose");
    let found = user.head().cursor.version;
    user.replication_id = 8;
    user.now_us += 1_000;
    user.try_steps(&[received("group_a", 2), received("group_b", 1)]);
    let after = user.head();
    assert_eq!((after.replication_id, after.forks), (8, vec![fork(found, user.now_us)]), "the first of its two ticks");
    assert_eq!(after.cursor.version, user.now_us + 1);
    user.apply(received("group_a", 3));
    assert_eq!(user.head().forks.len(), 1);
    user.apply(received("group_a", 3));
    user.replication_id = 9;
    user.apply(received("group_a", 3));
    assert_eq!((user.head().replication_id, user.head().forks.len()), (8, 1), "a change without effect is nothing");
}

#[test]
fn a_fork_whose_servers_clock_is_behind_still_goes_forward() {
    let mut user = User { replication_id: 7, ..User::new() };
    user.apply(received("group_a", 1));
    let found = user.head().cursor.version;
    user.now_us -= 1_000_000;
    user.replication_id = 8;
    user.apply(received("group_a", 2));
    assert_eq!(user.head().forks, [fork(found, found + 1)]);
}

#[test]
fn of_too_many_forks_the_oldest_become_one_that_refuses_more() {
    let mut user = User { replication_id: 1, ..User::new() };
    let mut found = Vec::new();
    for seq in 1..=FORKS_MAX as u64 + 3 {
        user.now_us += 1_000;
        user.replication_id = seq;
        user.apply(received("group_a", seq));
        found.push(user.head().cursor.version);
    }
    let forks = user.head().forks;
    assert_eq!(forks.len(), FORKS_MAX);
    assert_eq!(forks[0], fork(found[0], found[3]));
    assert_eq!(forks[1], fork(found[3], found[4]));
    let head = crate::record::read_head(user.head.as_deref()).unwrap();
    let can = |version| head.can_replay(Cursor::new(7, version), 1);
    assert!(can(found[0]) && !can(found[1]) && can(found[3]) && !can(found[4] - 1) && can(found[4]));
}

#[test]
fn a_fork_below_the_floor_is_forgotten() {
    let mut head = StoredHead { replication_id: 1, tombstone_floor: 50, ..StoredHead::new(7) };
    head.follow(2, 40, 50);
    assert_eq!(head.forks, []);
    head.follow(3, 50, 60);
    head.follow(3, 70, 80);
    assert_eq!(head.forks, [fork(50, 60)]);
}
