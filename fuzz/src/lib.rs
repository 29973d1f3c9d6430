//! What must everything that is read from outside do with any bytes? One plain function for each reader.
//!
//! A target panics where a property does not hold. `tests/targets.rs` feeds them with the corpus and mutations of it;
//! libFuzzer can call the same functions (README.md beside this crate).

pub mod mutate;
pub mod seeds;
mod targets {
    pub(crate) mod backend;
    pub(crate) mod calls;
    pub(crate) mod frames;
    pub(crate) mod stored;
    pub(crate) mod tokens;
}

use conversation_protocol::{ApiError, limits::ERROR_BYTES_MAX};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// A reader, and what must hold for it.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Reads bytes, and panics where a property does not hold.
    pub run: fn(&[u8]),
    /// Bytes of its inputs, at most.
    pub bytes_max: usize,
}

/// All targets.
pub const TARGETS: [Target; 10] = [
    Target { name: "frames", run: targets::frames::frames, bytes_max: 80_000 },
    Target { name: "requests", run: targets::calls::requests, bytes_max: 4_096 },
    Target { name: "methods", run: targets::calls::methods, bytes_max: 4_096 },
    Target { name: "backend", run: targets::backend::backend, bytes_max: 16_384 },
    Target { name: "cursors", run: targets::calls::cursors, bytes_max: 256 },
    Target { name: "filters", run: targets::calls::filters, bytes_max: 1_024 },
    Target { name: "tokens", run: targets::tokens::tokens, bytes_max: 8_192 },
    Target { name: "hints", run: targets::stored::hints, bytes_max: 20_000 },
    Target { name: "records", run: targets::stored::records, bytes_max: 8_192 },
    Target { name: "entries", run: targets::stored::entries, bytes_max: 8_192 },
];

/// Text up to its first line break, and the rest: a method and its params, say.
fn two_parts(bytes: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(bytes).ok()?.split_once('\n')
}

/// An error is told in few words, whatever was sent.
fn check_error(error: &ApiError) {
    assert!(!error.message.is_empty() && error.message.len() <= ERROR_BYTES_MAX, "{} bytes", error.message.len());
}

/// What is written is read as what it was.
fn check_round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("it can be written");
    let again: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(again, *value, "{text}");
}
