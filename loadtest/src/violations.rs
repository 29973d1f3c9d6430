//! Broken promises: how they are collected, and how they are told.

use crate::client::Client;
use std::fmt;

/// Violations kept in words; further ones are only counted.
const KEPT: usize = 100;
/// Violations shown, and characters of each.
const SHOWN: usize = 10;
const SHOWN_CHARACTERS: usize = 1_500;

/// Broken promises: how many, and the first of them in words.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    pub(crate) count: u64,
    pub(crate) words: Vec<String>,
}

impl Violations {
    pub(crate) fn add(&mut self, violation: String) {
        self.add_counted(1, [violation]);
    }

    /// Adds some that were counted elsewhere, with those that are known in words.
    pub(crate) fn add_counted(&mut self, count: u64, words: impl IntoIterator<Item = String>) {
        self.count += count;
        let room = KEPT.saturating_sub(self.words.len());
        self.words.extend(words.into_iter().take(room));
    }

    /// What the client saw broken, and whether it has given up.
    pub(crate) fn add_of_client(&mut self, client: &Client) {
        let user = client.user();
        let (count, words) = client.with_state(|state| (state.violation_count(), state.violations().to_vec()));
        self.add_counted(count, words.into_iter().map(|violation| format!("{user}: {violation}")));
        if client.is_stopped() {
            self.add(format!("{user}: the client has given up"));
        }
    }
}

/// The last lines of a report.
pub(crate) fn tell(f: &mut fmt::Formatter<'_>, count: u64, words: &[String]) -> fmt::Result {
    if count == 0 {
        return write!(f, "violations  none");
    }
    write!(f, "violations  {count}")?;
    for violation in words.iter().take(SHOWN) {
        write!(f, "\n  - {}", violation.chars().take(SHOWN_CHARACTERS).collect::<String>())?;
    }
    Ok(())
}
