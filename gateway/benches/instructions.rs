//! How many instructions does the hot path take? `scripts/instructions.sh` runs each part of it under callgrind.
//!
//!     instructions             every part once, uncounted
//!     instructions --list      their names, and how often each is counted
//!     instructions NAME        one of them, that often

mod samples;
#[path = "../../store/benches/samples/mod.rs"]
mod store_samples;

use conversation_gateway::transport::Transport;
use conversation_store::{Limits, Store, Writer, memory::MemoryStore};
use samples::{deliver, live_before, masked_call, pieces, receive};
use std::{hint::black_box, sync::Arc};
use store_samples::{GROUP, Held, decide, decide_on, group_message, hint, remembered, user};
use tokio::runtime;

/// So many that what happens only once, such as the loading of a symbol, hardly counts.
const ROUNDS: usize = 200;

/// A part of the hot path, by its name: does it so many times.
type Part = (&'static str, fn(usize));

const PARTS: [Part; 7] = [
    ("step_on_what_was_read", step_on_what_was_read),
    ("step_on_what_is_remembered", step_on_what_is_remembered),
    ("hint_to_bytes", hint_to_bytes),
    ("frame_in_one_piece", frame_in_one_piece),
    ("frame_byte_by_byte", frame_byte_by_byte),
    ("100_users_in_memory_read", users_read),
    ("100_users_in_memory_remembered", users_remembered),
];

/// Callgrind counts what happens in this function, which it knows by its name, and in what that calls; nothing else.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

fn step_on_what_was_read(rounds: usize) {
    let change = group_message(GROUP, 4);
    let (loaded, changes) = (Held::typical().found(&change), [change]);
    for _ in 0..rounds {
        counted(|| decide(black_box(&loaded), black_box(&changes)));
    }
}

fn step_on_what_is_remembered(rounds: usize) {
    let changes = [group_message(GROUP, 5)];
    for _ in 0..rounds {
        let remembered = remembered();
        counted(|| decide_on(remembered, black_box(&changes)));
    }
}

fn hint_to_bytes(rounds: usize) {
    let hint = Arc::new(hint());
    for _ in 0..rounds {
        let mut session = live_before(&hint);
        counted(|| deliver(&mut session, &hint, Transport::WebSocket));
    }
}

fn frame_in_one_piece(rounds: usize) {
    let frame = masked_call();
    for _ in 0..rounds {
        let pieces = pieces(&frame, frame.len());
        counted(|| receive(pieces));
    }
}

fn frame_byte_by_byte(rounds: usize) {
    let frame = masked_call();
    for _ in 0..rounds {
        let pieces = pieces(&frame, 1);
        counted(|| receive(pieces));
    }
}

fn users_read(rounds: usize) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    messages_to_100_users(rounds, || Writer::new(store.clone(), Limits::default()));
}

fn users_remembered(rounds: usize) {
    let writer = Writer::new(Arc::new(MemoryStore::default()), Limits::default());
    messages_to_100_users(rounds, || writer.clone());
}

/// Each message goes through the writer that is given for it.
fn messages_to_100_users(rounds: usize, writer: impl Fn() -> Writer) {
    let runtime = runtime::Builder::new_current_thread().build().expect("a runtime");
    let users: Vec<_> = (0..100).map(user).collect();
    let changes = |seq| {
        let change = group_message(GROUP, seq);
        users.iter().map(|user| (user.clone(), change.clone())).collect::<Vec<_>>()
    };
    // The first message makes the rows, which is not what is counted.
    runtime.block_on(writer().apply_all(changes(1)));
    for seq in (2..).take(rounds) {
        let (writer, changes) = (writer(), changes(seq));
        let outcomes = counted(|| runtime.block_on(writer.apply_all(changes)));
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|outcome| outcome.changed == 1)));
    }
}

fn main() {
    // Cargo adds --bench.
    match std::env::args().skip(1).find(|argument| argument != "--bench").as_deref() {
        None => PARTS.iter().for_each(|(_, part)| part(1)),
        Some("--list") => PARTS.iter().for_each(|(name, _)| println!("{name} {ROUNDS}")),
        Some(wanted) => {
            let part = PARTS.iter().find(|(name, _)| *name == wanted);
            let (_, part) = part.unwrap_or_else(|| panic!("no part of the hot path is called {wanted}"));
            part(ROUNDS);
        }
    }
}
