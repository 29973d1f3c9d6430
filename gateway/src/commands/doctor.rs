//! Is this machine set up for so many sessions?

use super::Problem;
use crate::config::Config;
use std::{fs, process::ExitCode};

/// Files that a node has open besides one for each session.
const FILES_BESIDE: u64 = 1_000;
/// Bytes of memory that a session takes, at most about: the process's and the kernel's (docs/PERFORMANCE.md).
const SESSION_BYTES: u64 = 16 * 1024;
/// Connections that may wait to be accepted when everybody comes back at once.
const BACKLOG_MIN: u64 = 4_096;
/// Ports that the widest range (1024 to 65535) has, about.
const PORTS_MAX: u64 = 64_000;
const MEBIBYTE: u64 = 1024 * 1024;

/// What was looked at.
struct Finding {
    what: &'static str,
    found: String,
    wanted: String,
    is_good: bool,
    /// How it is set.
    remedy: &'static str,
}

pub(super) fn look(config: &Config) -> Result<ExitCode, Problem> {
    let sessions = config.max_sessions as u64;
    let findings = [files(sessions), backlog(), ports(sessions), memory(sessions), overcommit(&config.store)];
    for finding in findings.iter().flatten() {
        let Finding { what, found, wanted, is_good, remedy } = finding;
        let verdict = if *is_good { "ok  " } else { "warn" };
        println!("{verdict}  {what}: {found}, wanted {wanted}{}", if *is_good { "" } else { remedy });
    }
    let are_good = findings.iter().flatten().all(|finding| finding.is_good);
    Ok(if are_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The field of a table of /proc, by the beginning of its line and its place behind that.
fn field(path: &str, line: &str, place: usize) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|candidate| candidate.strip_prefix(line))?;
    rest.split_whitespace().nth(place)?.parse().ok()
}

fn files(sessions: u64) -> Option<Finding> {
    let wanted = sessions.saturating_add(FILES_BESIDE);
    let found = field("/proc/self/limits", "Max open files", 0)?;
    Some(Finding {
        what: "open files of a process",
        found: found.to_string(),
        wanted: format!("{wanted} for --max-sessions {sessions}"),
        is_good: found >= wanted,
        remedy: "; LimitNOFILE= of systemd, ulimit -n, or fewer --max-sessions",
    })
}

fn backlog() -> Option<Finding> {
    let found = number("/proc/sys/net/core/somaxconn")?;
    Some(Finding {
        what: "connections that may wait to be accepted",
        found: found.to_string(),
        wanted: format!("{BACKLOG_MIN}"),
        is_good: found >= BACKLOG_MIN,
        remedy: "; sysctl net.core.somaxconn",
    })
}

/// Clients come from addresses of their own; a proxy on this machine has one, with a port for each session.
fn ports(sessions: u64) -> Option<Finding> {
    let range = |place| field("/proc/sys/net/ipv4/ip_local_port_range", "", place);
    let found = (range(1)? + 1).saturating_sub(range(0)?);
    let wanted = sessions.min(PORTS_MAX);
    Some(Finding {
        what: "ephemeral ports, for a proxy or load tool on this machine",
        found: found.to_string(),
        wanted: format!("{wanted} for --max-sessions {sessions}"),
        is_good: found >= wanted,
        remedy: "; sysctl net.ipv4.ip_local_port_range='1024 65535', and more addresses for more sessions than that",
    })
}

/// Memory that can be had, in bytes: the machine's, or what is left of a container's.
fn memory_free() -> Option<u64> {
    let of_machine = field("/proc/meminfo", "MemAvailable:", 0)? * 1024;
    let of_container = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(limit, used)| limit.saturating_sub(used));
    Some(of_container.map_or(of_machine, |free| free.min(of_machine)))
}

fn memory(sessions: u64) -> Option<Finding> {
    let (found, wanted) = (memory_free()? / MEBIBYTE, sessions.saturating_mul(SESSION_BYTES) / MEBIBYTE);
    Some(Finding {
        what: "memory that is free",
        found: format!("{found} MiB"),
        wanted: format!("{wanted} MiB for --max-sessions {sessions}"),
        is_good: found >= wanted,
        remedy: "; more memory, or fewer --max-sessions",
    })
}

/// Where Redis is on this machine, it forks to write its file.
fn overcommit(store: &str) -> Option<Finding> {
    let is_here =
        store.starts_with("redis") && ["127.0.0.1", "localhost", "[::1]"].iter().any(|here| store.contains(here));
    let found = number("/proc/sys/vm/overcommit_memory").filter(|_| is_here)?;
    Some(Finding {
        what: "overcommit of memory, for the Redis here",
        found: found.to_string(),
        wanted: "1".to_owned(),
        is_good: found == 1,
        remedy: "; sysctl vm.overcommit_memory=1",
    })
}
