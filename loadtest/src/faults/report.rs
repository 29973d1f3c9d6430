//! What the suite says: a few lines for each scenario, and the table of a document.

use super::{FaultOptions, Load, Outcome, Played, Scenario};
use crate::{document, measure::machine::machine, processes::Programs};
use serde::Serialize;
use std::{collections::HashMap, fmt, path::Path, process::Command};

/// The name of the table's place in a document.
const PLACE: &str = "faults";
/// The head of the table.
const HEAD: &str = "\
| scenario | fault | first sign | healed after | late, the latest | violations | full syncs, replays | calls repeated, given up | seen |
|---|---|---|---|---|---|---|---|---|
";

/// On what and with what the suite was played.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Conditions {
    /// Processor, cores, memory and kernel.
    pub machine: String,
    /// What Redis says that it is.
    pub redis: String,
    /// `release` or `debug`.
    pub build: &'static str,
    /// The load.
    pub load: Load,
    /// Whether it was the short form.
    pub is_short: bool,
    /// The seed.
    pub seed: u64,
}

impl Conditions {
    /// Looks at this machine.
    pub fn of(options: &FaultOptions) -> Self {
        Self {
            machine: machine(),
            redis: redis(&options.programs),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            load: options.load(),
            is_short: options.is_short,
            seed: options.seed,
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { sessions, rate, conversations, recipients, sse, around_seconds } = self.load;
        write!(
            f,
            "Measured with a {} build on {}, with {}, seed {}. The load: {sessions} sessions, {:.0} % of them over SSE, {rate:.0} \
             calls a second, {conversations} rows a user, groups of {recipients}, {around_seconds:.0} s before each fault and after \
             it has healed.",
            self.build,
            self.machine,
            self.redis,
            self.seed,
            sse * 100.0
        )
    }
}

fn redis(programs: &Programs) -> String {
    let said = Command::new(&programs.redis).arg("--version").output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let version = said.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("of an unknown version");
    format!("Redis {version}")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.played, &self.problem) {
            (Some(played), _) => write!(f, "{:<26}{played}", self.name),
            (None, problem) => {
                write!(f, "{:<26}not played: {}", self.name, problem.as_deref().unwrap_or("for no reason"))
            }
        }
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = " ".repeat(26);
        writeln!(
            f,
            "fault {:.1} s, first sign {}, healed {}, {}",
            self.fault_seconds,
            self.sign_in_words(),
            self.heal_in_words(),
            if self.violations.count == 0 {
                "no violations".to_owned()
            } else {
                format!("{} VIOLATIONS", self.violations.count)
            },
        )?;
        write!(
            f,
            "{indent}{} calls ({} repeated, {} given up), {} rows to clients, {}; {} full syncs, {} replays, {} failed",
            self.answered,
            self.repeated,
            self.given_up,
            self.deliveries,
            if self.late.count == 0 { "none late".to_owned() } else { format!("late {}", self.late_in_words()) },
            self.full_syncs,
            self.replays,
            self.failed_syncs
        )?;
        for note in &self.notes {
            write!(f, "\n{indent}{note}")?;
        }
        for violation in self.violations.shown() {
            write!(f, "\n  - {violation}")?;
        }
        for words in &self.last_words {
            write!(f, "\n--- the last words of a gateway ---\n{words}")?;
        }
        Ok(())
    }
}

impl Played {
    fn sign_in_words(&self) -> String {
        match &self.sign {
            Some(sign) => format!("after {:.2} s ({})", sign.after_seconds, sign.what),
            None => "none".to_owned(),
        }
    }

    fn heal_in_words(&self) -> String {
        self.heal_seconds.map_or_else(|| "not".to_owned(), |seconds| format!("after {seconds:.1} s"))
    }

    fn late_in_words(&self) -> String {
        if self.late.count == 0 {
            "0".to_owned()
        } else {
            format!("{}, {:.1} s", self.late.count, self.late.max_ms / 1e3)
        }
    }

    fn row(&self, name: &str) -> String {
        let seen = if self.is_compared {
            &self.notes[..]
        } else {
            &[&self.notes[..], &["not compared with the model".to_owned()]].concat()
        };
        let sign = self
            .sign
            .as_ref()
            .map_or_else(|| "none".to_owned(), |sign| format!("{:.2} s: {}", sign.after_seconds, sign.what));
        let healed = self.heal_seconds.map_or_else(|| "not".to_owned(), |seconds| format!("{seconds:.1} s"));
        let seen = if self.violations.count == 0 { seen.join("; ") } else { String::new() };
        format!(
            "| `{name}` | {:.1} s | {} | {healed} | {} | {} | {}, {} | {}, {} | {} |\n",
            self.fault_seconds,
            cell(&sign),
            self.late_in_words(),
            self.violations.count,
            self.full_syncs,
            self.replays,
            self.repeated,
            self.given_up,
            cell(&seen)
        )
    }
}

/// Text that stays within its cell.
fn cell(text: &str) -> String {
    text.replace('|', "/").replace('\n', " ")
}

/// Puts the outcomes into a document, at its place; scenarios that were not played keep their rows.
pub fn write_table(path: &Path, conditions: &Conditions, outcomes: &[Outcome]) -> Result<(), String> {
    document::rewrite(path, PLACE, |old| table(old, conditions, outcomes))
}

fn table(old: &str, conditions: &Conditions, outcomes: &[Outcome]) -> String {
    let mut rows: HashMap<&str, String> = HashMap::new();
    for line in old.lines() {
        if let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            rows.insert(name, format!("{line}\n"));
        }
    }
    for outcome in outcomes {
        let row = match (&outcome.played, &outcome.problem) {
            (Some(played), _) => played.row(outcome.name),
            (None, problem) => {
                let problem = cell(problem.as_deref().unwrap_or_default());
                format!("| `{}` | not played: {problem} | | | | | | | |\n", outcome.name)
            }
        };
        rows.insert(outcome.name, row);
    }
    let rows: String = Scenario::ALL.into_iter().filter_map(|scenario| rows.remove(scenario.name())).collect();
    let short = if conditions.is_short { " --short" } else { "" };
    format!(
        "{conditions}\n\nOne row again: `cargo run --release -p conversation-loadtest -- faults{short} --seed {} --only NAME`\n\n{HEAD}{rows}",
        conditions.seed
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{run::Late, violations::Violations};
    use std::path::PathBuf;

    fn played() -> Played {
        Played {
            fault_seconds: 1.0,
            sign: None,
            heal_seconds: Some(0.25),
            late: Late::default(),
            full_syncs: 1,
            replays: 2,
            failed_syncs: 3,
            answered: 4,
            repeated: 5,
            given_up: 0,
            deliveries: 6,
            is_compared: true,
            violations: Violations::default(),
            notes: vec!["a | b".to_owned()],
            last_words: Vec::new(),
        }
    }

    #[test]
    fn a_table_takes_new_rows_and_keeps_those_that_were_not_played() {
        let programs = Programs { gateway: PathBuf::from("none"), redis: PathBuf::from("none") };
        let options = FaultOptions { programs, scenarios: Vec::new(), is_short: false, seed: 7 };
        let conditions = Conditions::of(&options);
        let old = "\n| `drain` | old |\n| `half-open` | old |\n";
        let outcome = Outcome { name: "half-open", played: Some(played()), problem: None };
        let text = table(old, &conditions, &[outcome]);
        assert!(
            text.ends_with("| `drain` | old |\n| `half-open` | 1.0 s | none | 0.2 s | 0 | 0 | 1, 2 | 5, 0 | a / b |\n"),
            "{text}"
        );
    }
}
