//! Broken promises: how they are collected, and how they are told.

use crate::client::Client;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Violations kept in words; further ones are only counted.
const KEPT: usize = 100;
/// Violations shown, and characters of each.
const SHOWN: usize = 10;
const SHOWN_CHARACTERS: usize = 1_500;

/// Broken promises: how many, and the first of them in words. Reports flatten it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Violations {
    /// How many promises were broken.
    #[serde(rename = "violationCount")]
    pub count: u64,
    /// The first of them, in words.
    #[serde(rename = "violations")]
    pub words: Vec<String>,
}

impl Violations {
    pub(crate) fn add(&mut self, violation: String) {
        self.add_counted(1, [violation]);
    }

    /// Adds what was collected elsewhere.
    pub(crate) fn add_all(&mut self, others: Self) {
        self.add_counted(others.count, others.words);
    }

    /// Adds some that were counted elsewhere, with those that are known in words.
    fn add_counted(&mut self, count: u64, words: impl IntoIterator<Item = String>) {
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

    /// Those that are shown, each cut where it is too long.
    pub(crate) fn shown(&self) -> impl Iterator<Item = String> {
        self.words.iter().take(SHOWN).map(|violation| violation.chars().take(SHOWN_CHARACTERS).collect())
    }
}

/// The last lines of what is told.
impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 0 {
            return write!(f, "violations  none");
        }
        write!(f, "violations  {}", self.count)?;
        self.shown().try_for_each(|violation| write!(f, "\n  - {violation}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_some_are_told() {
        let mut violations = Violations::default();
        assert_eq!(violations.to_string(), "violations  none");
        (0..150).for_each(|n| violations.add(format!("wrong {n}")));
        assert_eq!((violations.count, violations.words.len()), (150, KEPT));
        let told = violations.to_string();
        assert!(told.starts_with("violations  150\n  - wrong 0\n") && told.ends_with("- wrong 9"), "{told}");
    }
}
