//! What is made from the code, and is it current? `cargo run -p xtask -- COMMAND [--check]`.

mod proofs;
mod schemas;

use std::process::ExitCode;

const USAGE: &str = "expected `schemas [--check]` or `proofs LOG [--check]`";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["schemas"] => schemas::write(),
        ["schemas", "--check"] => schemas::check(),
        ["proofs", log] => proofs::write(log.as_ref()),
        ["proofs", log, "--check"] => proofs::check(log.as_ref()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}
