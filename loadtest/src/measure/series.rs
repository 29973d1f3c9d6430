//! What was seen over time of one server, or in one phase: a look every second.

use super::{
    look::{Look, Looker},
    percentiles::{Quantile, quantiles},
    process,
};
use crate::{
    clock,
    progress::{Progress, Span},
};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking},
};

/// Between two looks.
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Everything that was seen.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// Of which server, or in which phase.
    pub name: String,
    /// The names of the processes.
    pub processes: Vec<String>,
    /// The steps that there were.
    pub spans: Vec<Span>,
    /// What was seen.
    pub samples: Vec<Look>,
    /// Which share of everything that was timed took how long.
    pub quantiles: Vec<Quantile>,
}

/// Tells what was timed so far, in microseconds.
type Timing = dyn Fn() -> Histogram<u64> + Send + Sync;

/// Looks on its own, until it is finished or dropped.
pub(crate) struct Sampler {
    series: Series,
    begun_us: u64,
    timed: Arc<Timing>,
    over: watch::Sender<bool>,
    looking: JoinHandle<Vec<Look>>,
}

impl Sampler {
    /// Begins to look at these processes, at this Redis, and at what was timed so far, in microseconds.
    pub(crate) fn start(
        name: &str,
        pids: &[u32],
        redis: Option<&str>,
        timed: impl Fn() -> Histogram<u64> + Send + Sync + 'static,
    ) -> Self {
        let timed: Arc<Timing> = Arc::new(timed);
        let (over, ending) = watch::channel(false);
        let processes = pids.iter().map(|pid| process::name(*pid)).collect();
        Self {
            series: Series { name: name.to_owned(), processes, ..Series::default() },
            begun_us: clock::now_us(),
            looking: tokio::spawn(look(Looker::new(pids, redis), timed.clone(), ending)),
            timed,
            over,
        }
    }

    /// Looks once more, and gives everything that was seen, with the steps meanwhile.
    pub(crate) async fn finish(self, progress: &Progress) -> Series {
        let _ = self.over.send(true);
        Series {
            spans: progress.spans_since(self.begun_us),
            samples: self.looking.await.unwrap_or_default(),
            quantiles: quantiles(&(self.timed)()),
            ..self.series
        }
    }
}

async fn look(mut looker: Looker, timed: Arc<Timing>, mut over: watch::Receiver<bool>) -> Vec<Look> {
    let (mut looks, mut ticks) = (Vec::new(), tokio::time::interval(BETWEEN_LOOKS));
    loop {
        let is_over = tokio::select! {
            _ = ticks.tick() => false,
            _ = over.wait_for(|over| *over) => true,
        };
        // To sum up what was timed takes longer than sessions should wait for their thread.
        let timed = timed.clone();
        looks.push(looker.look(spawn_blocking(move || timed()).await.ok()).await);
        if is_over {
            return looks;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::percentiles::histogram_of;

    #[tokio::test]
    async fn there_is_a_look_at_the_beginning_and_one_at_the_end() {
        let progress = Progress::on_stderr();
        let sampler = Sampler::start("own", &[std::process::id()], None, || histogram_of([7_000]));
        drop(progress.step("nothing", 0));
        let series = sampler.finish(&progress).await;
        assert!(!series.samples.is_empty() && series.samples[0].processes[0].is_some(), "{series:?}");
        assert!(series.processes[0].ends_with(&std::process::id().to_string()), "{series:?}");
        assert_eq!(series.samples.iter().filter_map(|look| look.latency.as_ref()).map(|of| of.count).sum::<u64>(), 1);
        assert_eq!((series.spans.len(), series.quantiles.last().map(|last| last.quantile)), (1, Some(1.0)));
    }
}
