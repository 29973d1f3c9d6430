//! What machine something was measured on.

use std::fs;

/// Bytes of a page, in KiB.
const PAGE_KIB: u64 = 4;

/// Processor, cores, memory and kernel in words.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let memory_kib: u64 =
        field(&memory, "MemTotal").split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores ({}), {} GiB, Linux {}", field(&cpu, "model name"), memory_kib >> 20, kernel.trim())
}

/// Memory in KiB that the kernel itself holds now: its slabs, and the buffers of TCP.
pub(crate) fn kernel_kib() -> u64 {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    kernel_kib_of(&read("/proc/meminfo"), &read("/proc/net/sockstat"))
}

fn kernel_kib_of(meminfo: &str, sockstat: &str) -> u64 {
    let slab = meminfo.lines().find_map(|line| line.strip_prefix("Slab:")?.split_whitespace().next()?.parse().ok());
    let tcp = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"));
    let pages: Option<u64> = tcp.and_then(|line| {
        let mut words = line.split_whitespace();
        words.find(|word| *word == "mem")?;
        words.next()?.parse().ok()
    });
    slab.unwrap_or(0) + pages.unwrap_or(0) * PAGE_KIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_memory_is_read() {
        let sockstat = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 1 alloc 6 mem 3\nUDP: inuse 0 mem 7\n";
        assert_eq!(kernel_kib_of("MemTotal: 9 kB\nSlab:             100 kB\n", sockstat), 112);
        assert!(kernel_kib() > 0);
    }
}
