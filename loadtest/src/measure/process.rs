//! What the server's processes use, as the kernel counts it.

use serde::Serialize;
use std::{fs, io};

/// Ticks of /proc/…/stat in a second; fixed on Linux for what it tells programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// A measurement of all processes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// User and system time in seconds.
    pub cpu_seconds: f64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// What the kernel calls a process, with its id, like `gateway 1234`.
pub(crate) fn name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} {pid}", name.trim()).trim_start().to_owned()
}

impl Usage {
    /// Measures now; a process that is gone is an error that names it.
    pub fn of(pids: &[u32]) -> Result<Self, String> {
        let mut sum = Self::default();
        for pid in pids {
            let read = |file: &str| {
                fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|error| format!("process {pid}: {error}"))
            };
            let unreadable = || format!("process {pid}: /proc says something unexpected");
            let status = read("status")?;
            sum.rss_kib += field(&status, "VmRSS:").ok_or_else(unreadable)?;
            sum.threads += field(&status, "Threads:").ok_or_else(unreadable)?;
            sum.descriptors += descriptors(*pid).map_err(|error| format!("process {pid}: {error}"))?;
            sum.cpu_seconds += cpu_seconds(&read("stat")?).ok_or_else(unreadable)?;
        }
        Ok(sum)
    }
}

/// The processes that a process's first thread has started; none where it is gone.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// The size of the directory, which is their number since Linux 6.2; before that it is 0, and they are counted one by one.
fn descriptors(pid: u32) -> io::Result<u64> {
    let directory = format!("/proc/{pid}/fd");
    match fs::metadata(&directory)?.len() {
        0 => Ok(fs::read_dir(directory)?.count() as u64),
        length => Ok(length),
    }
}

/// The number after a name at the beginning of a line.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name in brackets may hold anything; the numbers follow its last bracket, utime and stime as the 12th and 13th.
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut numbers = numbers.split_whitespace().skip(11);
    let ticks: u64 = numbers.next()?.parse::<u64>().ok()? + numbers.next()?.parse::<u64>().ok()?;
    Some(ticks as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_text_is_read() {
        let status = "Name:\tx\nVmRSS:\t  1234 kB\nThreads: 2\n";
        assert_eq!(
            (field(status, "VmRSS:"), field(status, "Threads:"), field(status, "Pid:")),
            (Some(1234), Some(2), None)
        );
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("7 (a) S 1"), None);
    }

    #[test]
    fn a_process_that_is_gone_is_named() {
        let own = Usage::of(&[std::process::id()]).unwrap();
        assert!(own.rss_kib > 0 && own.threads > 0 && own.descriptors > 0, "{own:?}");
        assert!(name(std::process::id()).ends_with(&format!(" {}", std::process::id())));
        assert_eq!(name(u32::MAX), "4294967295");
        assert!(Usage::of(&[u32::MAX]).unwrap_err().contains("4294967295"));
    }
}
