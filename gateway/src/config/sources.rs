//! Where do settings come from? Flags, the environment and a TOML file, in this order of precedence.

use super::{Config, ConfigError};
use crate::commands::Command;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Subcommand};
use std::{ffi::OsString, path::PathBuf};

impl Config {
    /// Reads command line, environment and file: the settings, what to do with them, if it is not to run a node, and where each
    /// was found. `--help` and wrong values end the process.
    pub fn from_process() -> (Self, Option<Command>, ArgMatches) {
        let read = || {
            let matches = Self::found()?;
            let command = matches.subcommand_name().map(|_| Command::from_arg_matches(&matches)).transpose()?;
            let settings = innermost(&matches);
            Ok((Self::of(settings)?, command, settings.clone()))
        };
        read().unwrap_or_else(|error: clap::Error| error.exit())
    }

    /// Reads command line, environment and file as they are now.
    ///
    /// # Errors
    /// Says which value is wrong; `--help` is one too.
    pub fn read() -> Result<Self, clap::Error> {
        Self::of(innermost(&Self::found()?))
    }

    fn found() -> Result<ArgMatches, clap::Error> {
        let matches = Self::command_line().try_get_matches()?;
        match innermost(&matches).get_one::<PathBuf>("config") {
            None => Ok(matches),
            Some(path) => {
                let wrong = |error| clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{error}\n"));
                Self::with_file(path).map_err(wrong)?.try_get_matches()
            }
        }
    }

    fn of(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut config = Self::from_arg_matches(matches)?;
        for argument in Self::command().get_arguments() {
            let values = matches.try_get_raw(argument.get_id().as_str()).ok().flatten();
            let values = values.into_iter().flatten().map(OsString::from).collect();
            config.given.insert(argument.get_long().unwrap_or_default().to_owned(), values);
        }
        Ok(config)
    }

    /// The settings, by their long names, that another configuration has other values for.
    pub fn differing(&self, other: &Self) -> Vec<&str> {
        let differ = |name: &String, values| other.given.get(name) != Some(values);
        self.given.iter().filter(|(name, values)| differ(name, values)).map(|(name, _)| name.as_str()).collect()
    }

    /// All that may stand on the command line; settings also behind a command.
    pub(crate) fn command_line() -> clap::Command {
        Command::augment_subcommands(Self::command().mut_args(|argument| argument.global(true)))
    }

    /// The command whose defaults are what a file says.
    fn with_file(path: &std::path::Path) -> Result<clap::Command, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("--config {}: cannot be read: {error}", path.display())))?;
        Self::with_settings(&text).map_err(|error| ConfigError(format!("--config {}: {error}", path.display())))
    }

    pub(crate) fn with_settings(text: &str) -> Result<clap::Command, ConfigError> {
        let table: toml::Table = text.parse().map_err(|error| not_toml(text, &error))?;
        let mut command = Self::command_line();
        for (name, value) in table {
            let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name.as_str()));
            let Some((id, takes_several)) = argument
                .map(|argument| (argument.get_id().clone(), matches!(argument.get_action(), clap::ArgAction::Append)))
            else {
                let known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
                return Err(ConfigError(format!("{name}: unknown setting, expected one of {}", known.join(", "))));
            };
            let values = match value {
                toml::Value::Array(_) if !takes_several => {
                    return Err(ConfigError(format!("{name}: expected one value, got a list")));
                }
                toml::Value::Array(values) => values.iter().map(plain).collect::<Option<Vec<_>>>(),
                value => plain(&value).map(|value| vec![value]),
            };
            let values =
                values.ok_or_else(|| ConfigError(format!("{name}: expected text, a number or a list of texts")))?;
            command = command.mut_arg(id, |argument| argument.default_values(values));
        }
        Ok(command)
    }
}

/// Where the settings are, which may stand behind a command.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, of_command)| innermost(of_command))
}

/// Why a text is not TOML, and where; the library would show the line, which may hold a secret.
fn not_toml(text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    ConfigError(format!("expected TOML: line {line}: {}", error.message()))
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn the_example_in_deploy_is_valid() {
        let command = Config::with_settings(include_str!("../../../deploy/gateway.toml")).unwrap();
        let args = ["gateway", "--api-key", "k", "--jwt-secret", SECRET];
        let config = Config::from_arg_matches(&command.try_get_matches_from(args).unwrap()).unwrap();
        assert_eq!(config.mode().unwrap(), Mode::Production);
    }

    #[test]
    fn a_file_gives_defaults_that_flags_overrule() {
        let command = Config::with_settings("listen = \"127.0.0.1:9\"\nworkers = 3\napi-key = [\"a\", \"b\"]").unwrap();
        let matches = command.try_get_matches_from(["gateway", "--workers", "5"]).unwrap();
        let config = Config::from_arg_matches(&matches).unwrap();
        assert_eq!((config.listen.port(), config.workers, config.api_keys.len()), (9, 5, 2));
        let error = Config::with_settings("lissen = 1").unwrap_err().to_string();
        assert!(error.starts_with("lissen: unknown setting, expected one of"), "{error}");
        assert!(Config::with_settings("listen = 1979-05-27").is_err());
        let error = Config::with_settings("jwt-secret = [\"a\", \"b\"]").unwrap_err().to_string();
        assert_eq!(error, "jwt-secret: expected one value, got a list");
    }
}
