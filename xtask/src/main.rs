//! What is made from the code? `cargo xtask COMMAND`; each command is a file of its own.

mod documents;
mod proofs;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Makes what is made from the code")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The documents of the protocol: OpenAPI, AsyncAPI, TypeScript.
    Documents(documents::Arguments),
    /// The table of rules and the tests that prove them, from a test log.
    Proofs(proofs::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Documents(arguments) => documents::run(&arguments),
        Command::Proofs(arguments) => proofs::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
