//! The floor as a process of its own, beside the server that is measured.

use crate::{
    http::BaseUrl,
    processes::{Process, free_address, url_of},
};
use std::process::Command;

/// How often a start is tried: another program may take the free port first.
const STARTS_MAX: usize = 5;

/// A floor that runs; it ends with this value.
#[derive(Debug)]
pub(crate) struct Floor {
    process: Process,
    pub(crate) url: BaseUrl,
}

impl Floor {
    /// Starts one on a free port.
    pub(crate) async fn start(workers: usize) -> Result<Self, String> {
        let tool = std::env::current_exe().map_err(|error| error.to_string())?;
        for _ in 0..STARTS_MAX {
            let address = free_address()?;
            let mut command = Command::new(&tool);
            command.args(["floor", "--listen", &address.to_string(), "--workers", &workers.to_string()]);
            let mut process = Process::spawn("floor", &mut command)?;
            let url = url_of(address);
            if process.answers_at(&url, "/healthz").await? {
                return Ok(Self { process, url });
            }
        }
        Err(format!("the floor does not start on any of {STARTS_MAX} ports"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}
