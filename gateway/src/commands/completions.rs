//! What does a shell need to complete arguments?

use super::Problem;
use crate::config::Config;
use clap_complete::{Shell, generate};
use std::process::ExitCode;

pub(super) fn print(shell: Shell) -> Result<ExitCode, Problem> {
    generate(shell, &mut Config::command_line(), "gateway", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
