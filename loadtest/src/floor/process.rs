//! The floor as a process of its own, beside the server that is measured.

use super::Beside;
use crate::{
    http::BaseUrl,
    processes::{Process, serve},
};
use std::process::Command;

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
        let command = |address| {
            let mut command = Command::new(&tool);
            command.args(["floor", "--listen", &format!("{address}"), "--workers", &workers.to_string()]);
            Ok(command)
        };
        let (process, url) = serve("floor", "/healthz", command).await?;
        Ok(Self { process, url })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Beside {
    /// Starts so many.
    pub(crate) async fn start(&self, count: usize) -> Result<Vec<Floor>, String> {
        let mut floors = Vec::with_capacity(count);
        for _ in 0..count {
            floors.push(Floor::start(self.floor_workers).await?);
        }
        Ok(floors)
    }
}
