//! Which settings are in force, and where does each come from?

use super::Problem;
use crate::config::{Config, without_users};
use clap::{ArgMatches, parser::ValueSource};
use std::{fs, path::PathBuf, process::ExitCode};

/// Settings whose values are secret, or may have a secret in them. Other URLs are shown without users and passwords.
const SECRET: [&str; 3] = ["api-key", "jwt-secret", "jwks"];

pub(super) fn print(matches: &ArgMatches) -> Result<ExitCode, Problem> {
    let file = match matches.get_one::<PathBuf>("config") {
        None => toml::Table::new(),
        Some(path) => fs::read_to_string(path)?.parse()?,
    };
    print!("{}", as_toml(matches, &file));
    Ok(ExitCode::SUCCESS)
}

/// The settings as a file that `--config` takes; what is secret is a comment.
fn as_toml(matches: &ArgMatches, file: &toml::Table) -> String {
    let mut text = String::new();
    for argument in Config::command_line().get_arguments() {
        let (Some(name), id) = (argument.get_long(), argument.get_id().as_str()) else { continue };
        if ["config", "help", "version"].contains(&name) {
            continue;
        }
        let given = matches.get_raw(id).into_iter().flatten();
        let values: Vec<String> = given.map(|value| value.to_string_lossy().into_owned()).collect();
        let from = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => "a flag",
            Some(ValueSource::EnvVariable) => "the environment",
            // What the file says is read as a default.
            Some(_) if file.contains_key(name) => "the file",
            Some(_) => "the default",
            None => "nowhere",
        };
        let shown: Vec<String> = values.iter().map(|value| without_users(value)).collect();
        let takes_several = matches!(argument.get_action(), clap::ArgAction::Append);
        text += &match shown.as_slice() {
            [] => format!("# {name} is not set\n"),
            _ if SECRET.contains(&name) => format!("# {name} is set, and not shown; from {from}\n"),
            [value, ..] => {
                let value = if takes_several { array(&shown) } else { quoted(value) };
                let hidden = if shown == values { "" } else { ", there with a user, who is not shown" };
                format!("{name} = {value}  # from {from}{hidden}\n")
            }
        };
    }
    text
}

/// A text of TOML. All settings are read from their text, numbers too.
fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn array(values: &[String]) -> String {
    toml::Value::Array(values.iter().map(|value| toml::Value::String(value.clone())).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches;

    #[test]
    fn what_is_printed_is_read_again_and_has_no_secret() {
        let secret = "0123456789abcdef0123456789abcdef";
        let arguments = [
            "gateway",
            "--jwt-secret",
            secret,
            "--api-key",
            "a-key,another-key",
            "--workers",
            "3",
            "--store",
            "redis://user:password@db:1/2",
            "--allowed-origin",
            "https://a.example,https://b.example",
        ];
        let file = "workers = 9\nlisten = \"127.0.0.1:9\"";
        let matches = Config::with_settings(file).unwrap().get_matches_from(arguments);
        let text = as_toml(&matches, &file.parse().unwrap());
        for hidden in [secret, "a-key", "another-key", "password"] {
            assert!(!text.contains(hidden), "{text}");
        }
        assert!(text.contains("workers = \"3\"  # from a flag") && text.contains("# api-key is set"), "{text}");
        assert!(text.contains("from a flag, there with a user, who is not shown\n"), "{text}");
        assert!(text.contains("listen = \"127.0.0.1:9\"  # from the file\n"), "{text}");
        assert!(text.contains("max-sessions = \"100000\"  # from the default\n"), "{text}");
        let command = Config::with_settings(&text).unwrap();
        let config = Config::from_arg_matches(&command.get_matches_from(["gateway"])).unwrap();
        assert_eq!((config.workers, config.store.as_str()), (3, "redis://db:1/2"));
        assert_eq!(config.allowed_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.api_keys.len(), 0);
    }
}
