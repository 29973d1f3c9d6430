//! What can the gateway's binary do besides running a node? Each command has a file of its own.

mod check;
mod completions;
mod doctor;
mod health;
mod inspect;
mod settings;
mod token;

use crate::config::{Config, ConfigError, Mode};
use clap::{ArgMatches, Subcommand};
use conversation_protocol::UserId;
use std::process::ExitCode;

/// What went wrong, in words.
type Problem = Box<dyn std::error::Error>;

/// What to do in place of running a node. All settings may stand behind it too.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Says whether a node would start with these settings: they fit together, keys can be read, the store answers.
    Check,
    /// Prints the settings in force as TOML that --config takes, and where each comes from; secrets are left out.
    Config,
    /// Prints a token of a user, signed with --jwt-secret.
    Token {
        /// Whose.
        #[arg(long)]
        user: UserId,
        /// Seconds for which it is good.
        #[arg(long, default_value_t = 3_600)]
        ttl_seconds: u64,
    },
    /// Prints what the store has, without a node.
    Inspect {
        /// What of it.
        #[command(subcommand)]
        what: Inspected,
    },
    /// Compares the limits of this machine with what --max-sessions needs.
    Doctor,
    /// Asks a node whether it is ready; exits with 1 if it is not.
    Health {
        /// Where it is, like http://10.0.0.1:8080, if not at --listen.
        #[arg(long)]
        url: Option<String>,
        /// Whether the process lives is enough.
        #[arg(long)]
        live: bool,
    },
    /// Prints a script that completes the gateway's arguments.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// What there is to be inspected.
#[derive(Debug, Clone, Subcommand)]
pub enum Inspected {
    /// What the store has of a user: clock, total, rows, folders, live sessions.
    User {
        /// Whose.
        user: UserId,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Does it; the exit code is 1 for an answer that is no, and for what could not be done.
    pub fn run(self, config: &Config, matches: &ArgMatches) -> ExitCode {
        let done = match self {
            Self::Check => in_runtime(check::check(config)),
            Self::Config => settings::print(matches),
            Self::Token { user, ttl_seconds } => token::print(config, &user, ttl_seconds),
            Self::Inspect { what: Inspected::User { user, json } } => in_runtime(inspect::print(config, &user, json)),
            Self::Doctor => doctor::look(config),
            Self::Health { url, live } => health::ask(config, url.as_deref(), live),
            Self::Completions { shell } => completions::print(shell),
        };
        done.unwrap_or_else(|problem| {
            eprintln!("gateway: {problem}");
            ExitCode::FAILURE
        })
    }
}

fn in_runtime(work: impl Future<Output = Result<ExitCode, Problem>>) -> Result<ExitCode, Problem> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Opens the store, and says by which setting it was found where it cannot be.
async fn open(config: &Config) -> Result<std::sync::Arc<dyn conversation_store::Store>, ConfigError> {
    let opened = conversation_store::open(&config.store).await;
    opened.map_err(|error| ConfigError(format!("--store {}: {error}", config.shown_store())))
}

/// The mode in words.
fn mode_in_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Development => "development: anybody on this machine gets a token",
        Mode::Production => "production",
    }
}
