//! How steps become calls of the scripts.

use super::{
    keys::{Keys, Place},
    scripts,
};
use crate::{Commit, Indexed, IndexedKind, Load, Lowest, RowSelection, Write};
use redis::Cmd;

/// How many arguments of commit.lua stand before what it reads in case of a conflict.
const BEFORE_LOOKUP: usize = 7;
/// How many arguments of lookup.lua stand before the ids.
const LOOKUP_BEFORE_IDS: usize = 6;

/// Reads what a step needs.
pub(super) fn load(keys: &Keys, load: &Load) -> Cmd {
    let mut call = scripts::LOAD.call(&keys.data(&load.user));
    lookup(&mut call, load, 0);
    call
}

/// How many arguments of lookup.lua a load takes.
fn lookup_arguments(load: &Load) -> usize {
    match &load.rows {
        RowSelection::Ids(ids) => LOOKUP_BEFORE_IDS + ids.len(),
        RowSelection::Unread(_) | RowSelection::Grouped(_) => LOOKUP_BEFORE_IDS,
    }
}

/// Adds the arguments of lookup.lua behind so many others.
fn lookup(call: &mut Cmd, load: &Load, before: usize) {
    let ids = match &load.rows {
        RowSelection::Ids(ids) => {
            call.arg("ids").arg(before + lookup_arguments(load));
            ids.as_slice()
        }
        RowSelection::Unread(count) => {
            call.arg(Place::Unread as usize).arg(count);
            &[]
        }
        RowSelection::Grouped(count) => {
            call.arg(Place::Grouped as usize).arg(count);
            &[]
        }
    };
    call.arg(load.tombstones);
    // No row at all: the script does not even look how long the list is.
    let lowest = load.lowest.unwrap_or(Lowest { rows_at_least: 0, count: 0, tombstones: 0 });
    call.arg(lowest.count).arg(lowest.rows_at_least).arg(lowest.tombstones);
    for id in ids {
        call.arg(id.as_str());
    }
}

/// In place of the expected clock it makes every step a conflict, which is answered with what is there.
const NO_CLOCK: &str = "none";

/// Whether the server that a step goes to is the one that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Same,
    Another,
}

/// Commits a step; the user is forgotten after so many seconds without another one, 0: never.
pub(super) fn commit(keys: &Keys, commit: &Commit, server: Server, idle_s: u64) -> Cmd {
    let mut call = scripts::COMMIT.call(&keys.data(&commit.user));
    match server {
        Server::Same => call.arg(commit.expected_clock),
        Server::Another => call.arg(NO_CLOCK),
    };
    call.arg(commit.clock)
        .arg(&commit.head)
        .arg(keys.channel(&commit.user))
        .arg(commit.hint.encode())
        .arg(BEFORE_LOOKUP + lookup_arguments(&commit.load) + 1)
        .arg(idle_s);
    lookup(&mut call, &commit.load, BEFORE_LOOKUP);
    for write in &commit.writes {
        add_write(&mut call, write);
    }
    call
}

/// Adds the commands of one write; what stays as it is needs none.
fn add_write(call: &mut Cmd, write: &Write) {
    let id = write.conversation_id.as_str();
    let after = write.after.as_ref().map(|(after, _)| *after);
    match &write.after {
        Some((after, value)) => {
            command(call, "HSET", Place::Rows, [id, value]);
            command(call, "ZADD", Place::Log, [&after.version.to_string(), id]);
        }
        None => {
            command(call, "HDEL", Place::Rows, [id]);
            command(call, "ZREM", Place::Log, [id]);
        }
    }
    let (before, after) = (Standing::of(write.before), Standing::of(after));
    place(call, Place::Order, id, before.order_key, after.order_key);
    place(call, Place::Tombstones, id, before.tombstone, after.tombstone);
    member(call, Place::Unread, id, before.has_unread, after.has_unread);
    member(call, Place::Grouped, id, before.is_grouped, after.is_grouped);
}

/// Where a conversation stands in the indexes.
struct Standing {
    order_key: Option<u64>,
    tombstone: Option<u64>,
    has_unread: bool,
    is_grouped: bool,
}

impl Standing {
    fn of(indexed: Option<Indexed>) -> Self {
        let nowhere = Self { order_key: None, tombstone: None, has_unread: false, is_grouped: false };
        match indexed {
            None => nowhere,
            Some(Indexed { version, kind }) => match kind {
                IndexedKind::Row { order_key, has_unread, is_grouped } => {
                    Self { order_key: Some(order_key), tombstone: None, has_unread, is_grouped }
                }
                IndexedKind::Tombstone => Self { tombstone: Some(version), ..nowhere },
            },
        }
    }
}

fn place(call: &mut Cmd, key: Place, id: &str, before: Option<u64>, after: Option<u64>) {
    match (before, after) {
        (_, Some(score)) if before != after => command(call, "ZADD", key, [&score.to_string(), id]),
        (Some(_), None) => command(call, "ZREM", key, [id]),
        (Some(_), Some(_)) | (None, Some(_)) | (None, None) => {}
    }
}

fn member(call: &mut Cmd, key: Place, id: &str, before: bool, after: bool) {
    match (before, after) {
        (false, true) => command(call, "SADD", key, [id]),
        (true, false) => command(call, "SREM", key, [id]),
        (false, false) | (true, true) => {}
    }
}

fn command<const N: usize>(call: &mut Cmd, name: &str, key: Place, arguments: [&str; N]) {
    call.arg(name).arg(key as usize).arg(N);
    for argument in arguments {
        call.arg(argument);
    }
}
