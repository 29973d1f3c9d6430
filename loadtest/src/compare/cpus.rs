//! Which CPU the servers run on and which the tool, so that neither takes time from the other.

use std::{
    fs,
    process::{Command, Stdio},
};

/// A CPU for the server with its Redis, and one for the tool; `None` where they cannot be kept apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cpus {
    server: u32,
    tool: u32,
}

impl Cpus {
    /// Keeps this process on a CPU of its own from now on.
    pub(super) fn apart() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let mut allowed = cpus(list.trim());
        let cpus = Self { server: allowed.next()?, tool: allowed.next()? };
        keep(std::process::id(), cpus.tool).then_some(cpus)
    }

    /// Keeps a server's processes on the server's CPU, with the threads that they have and will have.
    pub(super) fn keep_servers(self, ids: &[u32]) -> Result<(), String> {
        match ids.iter().find(|id| !keep(**id, self.server)) {
            None => Ok(()),
            Some(id) => Err(format!("taskset: process {id} cannot be kept on CPU {}", self.server)),
        }
    }

    /// In words.
    pub(super) fn describe(this: Option<Self>) -> String {
        match this {
            Some(Self { server, tool }) => format!("servers and their Redis on CPU {server}, the tool on CPU {tool}"),
            None => {
                "servers and the tool share the CPUs: it takes two of them and taskset to keep them apart".to_owned()
            }
        }
    }
}

fn keep(id: u32, cpu: u32) -> bool {
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid", &cpu.to_string(), &id.to_string()]);
    taskset.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The numbers of a list like `0-3,8`.
fn cpus(list: &str) -> impl Iterator<Item = u32> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    list.split(',').filter_map(range).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_is_read() {
        assert_eq!(cpus("0-1,4,6-7").collect::<Vec<_>>(), [0, 1, 4, 6, 7]);
        assert_eq!(cpus("").count(), 0);
    }
}
