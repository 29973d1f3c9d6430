//! How a report was made: the command, without its secrets, the machine and the day.

use crate::{clock, measure::machine::machine};

/// Options whose value nobody else may see.
const SECRETS: [&str; 2] = ["--api-key", "--jwt-secret"];
/// What stands for it.
const HIDDEN: &str = "…";

/// This run of the tool.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) command: String,
    pub(super) machine: String,
    pub(super) date: String,
    pub(super) version: String,
}

impl Invocation {
    /// Of this process, now.
    pub(super) fn of_this_process() -> Self {
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        Self {
            command: command(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned())),
            machine: machine(),
            date: clock::date(),
            version: format!("{}, {build} build", env!("CARGO_PKG_VERSION")),
        }
    }
}

/// The command with these arguments, to be typed again, but for secrets.
fn command(arguments: impl IntoIterator<Item = String>) -> String {
    let mut words = vec!["loadtest".to_owned()];
    let mut is_secret = false;
    for argument in arguments {
        let of_secret = argument.split_once('=').map(|(name, _)| name).filter(|name| SECRETS.contains(name));
        words.push(match of_secret {
            _ if is_secret => HIDDEN.to_owned(),
            Some(name) => format!("{name}={HIDDEN}"),
            None => quoted(&argument),
        });
        is_secret = !is_secret && SECRETS.contains(&argument.as_str());
    }
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_=+./:,@%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_no_secrets() {
        let told = |line: &str| command(line.split(' ').map(str::to_owned));
        assert_eq!(
            told("run --api-key k1 --jwt-secret=k2 --rate 5 --api-key=k3=x --jwt-secret --api-key --seed 1"),
            "loadtest run --api-key … --jwt-secret=… --rate 5 --api-key=… --jwt-secret … --seed 1"
        );
        assert_eq!(told("run --api-key"), "loadtest run --api-key");
        assert_eq!(command(["it's".to_owned(), String::new()]), r"loadtest 'it'\''s' ''");
    }
}
