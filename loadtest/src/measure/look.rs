//! One look at what is measured: each process, the store, and what was timed since the look before.

use super::{
    percentiles::Percentiles,
    process::Usage,
    redis::{self, Info},
};
use crate::clock;
use hdrhistogram::Histogram;
use serde::Serialize;

/// What was seen.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// Seconds since the looks began.
    pub after_seconds: f64,
    /// Each process, in the order given; none of one that is gone.
    pub processes: Vec<Option<Usage>>,
    /// The store, if it is known and answers.
    #[serde(flatten)]
    pub store: Option<StoreUsage>,
    /// Of what was timed since the look before; none if nothing was.
    pub latency: Option<Percentiles>,
}

/// What Redis uses, as it says.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreUsage {
    /// Bytes of its data.
    pub store_bytes: u64,
    /// Bytes of its resident memory.
    pub store_rss_bytes: u64,
    /// Its user and system time in seconds.
    pub store_cpu_seconds: f64,
}

impl StoreUsage {
    fn of(info: &Info) -> Self {
        Self {
            store_bytes: info.number("used_memory"),
            store_rss_bytes: info.number("used_memory_rss"),
            store_cpu_seconds: info.decimal("used_cpu_sys") + info.decimal("used_cpu_user"),
        }
    }
}

/// Who looks, from a moment on.
pub(crate) struct Looker {
    pids: Vec<u32>,
    redis: Option<String>,
    begun_us: u64,
    timed: Option<Histogram<u64>>,
}

impl Looker {
    /// Looks at these processes and this Redis from now on.
    pub(crate) fn new(pids: &[u32], redis: Option<&str>) -> Self {
        Self { pids: pids.to_vec(), redis: redis.map(str::to_owned), begun_us: clock::now_us(), timed: None }
    }

    /// Looks now, with what was timed so far, in microseconds.
    pub(crate) async fn look(&mut self, timed: Option<Histogram<u64>>) -> Look {
        let after_seconds = (clock::now_us() - self.begun_us) as f64 / 1e6;
        let pids = self.pids.clone();
        // The kernel may take its time to count the descriptors of a process.
        let processes = tokio::task::spawn_blocking(move || pids.iter().map(|pid| Usage::of(&[*pid]).ok()).collect());
        let store = match &self.redis {
            Some(address) => redis::info(address).await.ok().as_ref().map(StoreUsage::of),
            None => None,
        };
        Look {
            after_seconds,
            processes: processes.await.unwrap_or_default(),
            store,
            latency: timed.and_then(|timed| self.newly_timed(timed)),
        }
    }

    fn newly_timed(&mut self, so_far: Histogram<u64>) -> Option<Percentiles> {
        let mut new = so_far.clone();
        if let Some(before) = self.timed.replace(so_far) {
            new.subtract(before).ok()?;
        }
        (!new.is_empty()).then(|| Percentiles::of(&new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::percentiles::histogram;

    #[tokio::test]
    async fn only_what_is_new_is_told_and_a_process_that_is_gone_leaves_a_gap() {
        let mut looker = Looker::new(&[std::process::id(), u32::MAX], None);
        let mut so_far = histogram();
        so_far.record(5_000).unwrap();
        let look = looker.look(Some(so_far.clone())).await;
        assert_eq!(look.latency.unwrap().count, 1);
        assert!(look.processes[0].is_some() && look.processes[1].is_none(), "{:?}", look.processes);
        assert!(looker.look(Some(so_far.clone())).await.latency.is_none());
        so_far.record(90_000).unwrap();
        let new = looker.look(Some(so_far)).await.latency.unwrap();
        assert_eq!((new.count, new.p50_ms.round()), (1, 90.0));
    }
}
