//! What every report has in common, and where it goes: to standard output, into files, and into the exit code.

mod invocation;
mod page;
pub(crate) mod plots;

use crate::{chart::picture, measure::series::Series, violations::Violations};
use clap::Args;
use invocation::Invocation;
use serde::Serialize;
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

pub use plots::Timed;

/// What a scenario found out: its text is the table of its figures, without what was broken.
pub trait Report: fmt::Display + Serialize {
    /// What was done, in a few words.
    fn title(&self) -> String;

    /// What was broken.
    fn violations(&self) -> &Violations;

    /// What was seen over time: of each server, or in each phase.
    fn series(&self) -> Vec<Series>;

    /// What the times in the series are.
    fn timed(&self) -> Timed {
        Timed { what: "Latency", arrivals: "Deliveries" }
    }

    /// Whether everything held that must hold.
    fn is_good(&self) -> bool {
        self.violations().count == 0
    }
}

/// The files that a report goes into.
#[derive(Debug, Clone, Default, Args)]
pub struct Outputs {
    /// A file for the report as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// A file for the report as a page with plots.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// A file for the plots alone, as one SVG.
    #[arg(long)]
    pub plots: Option<PathBuf>,
}

/// Tells a report, and in the exit code whether everything held; 2 if it could not be made.
pub fn conclude<R: Report>(report: Result<R, String>, outputs: &Outputs) -> ExitCode {
    let told = report.map_err(|problem| format!("the run could not be made: {problem}")).and_then(|report| {
        println!("{}\n{}", report.to_string().trim_end(), report.violations());
        if let Some(path) = &outputs.json {
            write_json(path, &report)?;
        }
        if let Some(path) = &outputs.html {
            write(path, &page::page(&report, &Invocation::of_this_process()))?;
        }
        if let Some(path) = &outputs.plots {
            write(path, &picture(&plots::charts(&report.series(), report.timed())))?;
        }
        Ok(report.is_good())
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

/// Writes a file.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let json = serde_json::to_string_pretty(value).expect("a report is always JSON");
    write(path, &json)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
