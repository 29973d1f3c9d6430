//! When a fault began and was over, and what first told of it.

use super::stage::Stage;
use crate::{
    clock,
    http::{BaseUrl, Http},
    measure::exposition::scrape,
    run::{Scene, Troubles},
};
use futures_util::future;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::watch, time};

/// Between two looks at the nodes.
const LOOK: Duration = Duration::from_millis(20);
/// A node that takes longer to answer shows that something is wrong.
const SILENCE: Duration = Duration::from_millis(500);
/// Counters of a node that stand still as long as nothing happens, and what it means when one rises.
const COUNTERS: [(&str, &str); 3] = [
    ("gateway_relay_interruptions_total", "relay_interruptions_total rises"),
    ("gateway_closes_total", "closes_total rises"),
    ("gateway_syncs_total", "syncs_total rises"),
];

/// When a fault began, and when it was over.
#[derive(Debug)]
pub(super) struct Moments {
    pub(super) begun_us: u64,
    over: watch::Sender<Option<u64>>,
}

impl Moments {
    /// A fault that begins now.
    pub(super) fn begin() -> Self {
        Self { begun_us: clock::now_us(), over: watch::Sender::new(None) }
    }

    /// The fault is over now, unless it was before.
    pub(super) fn over(&self) {
        self.over.send_if_modified(|over| {
            let is_new = over.is_none();
            over.get_or_insert_with(clock::now_us);
            is_new
        });
    }

    /// Waits until it is over.
    pub(super) async fn when_over(&self) -> u64 {
        let mut over = self.over.subscribe();
        match over.wait_for(Option::is_some).await {
            Ok(over) => over.unwrap_or_default(),
            Err(_) => clock::now_us(),
        }
    }
}

/// What told first that something was wrong.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sign {
    /// Seconds after the fault began.
    pub after_seconds: f64,
    /// What it was.
    pub what: String,
}

/// Looks at the nodes from outside, not through the proxies.
pub(super) struct Lookout {
    http: Http,
    nodes: Vec<(char, BaseUrl)>,
    before: Vec<BTreeMap<&'static str, f64>>,
    troubles: Troubles,
}

impl Lookout {
    /// Notes how things are while all is well.
    pub(super) async fn begin(stage: &Stage, scene: &Scene<'_>) -> Self {
        let nodes: Vec<(char, BaseUrl)> = ('a'..).zip(stage.nodes.iter().map(|node| node.gateway.url())).collect();
        let http = Http::new();
        let before = future::join_all(nodes.iter().map(|(_, url)| counters(&http, url))).await;
        let before = before.into_iter().map(Option::unwrap_or_default).collect();
        Self { http, nodes, before, troubles: scene.troubles() }
    }

    /// Waits for the first sign of a fault that began at a moment.
    pub(super) async fn first_sign(&self, scene: &Scene<'_>, begun_us: u64) -> Sign {
        loop {
            let looks = self.nodes.iter().zip(&self.before).map(|((name, url), before)| self.look(*name, url, before));
            let of_nodes = future::join_all(looks).await.into_iter().flatten().next();
            let troubles = scene.troubles();
            let of_load = if troubles.lost > self.troubles.lost {
                Some("connections end".to_owned())
            } else {
                (troubles.repeated > self.troubles.repeated).then(|| "a call fails".to_owned())
            };
            if let Some(what) = of_nodes.or(of_load) {
                return Sign { after_seconds: (clock::now_us() - begun_us) as f64 / 1e6, what };
            }
            time::sleep(LOOK).await;
        }
    }

    async fn look(&self, name: char, url: &BaseUrl, before: &BTreeMap<&'static str, f64>) -> Option<String> {
        match time::timeout(SILENCE, self.http.text(url, "/readyz")).await {
            Err(_) => return Some(format!("{name}: /readyz is silent")),
            Ok(Err(_)) => return Some(format!("{name}: nobody listens")),
            Ok(Ok((200, _))) => {}
            Ok(Ok((status, text))) => return Some(format!("{name}: /readyz {status}, {}", text.trim())),
        }
        let now = time::timeout(SILENCE, counters(&self.http, url)).await.ok().flatten()?;
        let risen = COUNTERS.iter().find(|(counter, _)| now.get(counter) > before.get(counter));
        risen.map(|(_, what)| format!("{name}: {what}"))
    }
}

/// The counters of a node, summed up over their labels.
async fn counters(http: &Http, url: &BaseUrl) -> Option<BTreeMap<&'static str, f64>> {
    let metrics = scrape(http, url).await.ok()?;
    Some(COUNTERS.iter().map(|(counter, _)| (*counter, metrics.sum(counter))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_is_over_once() {
        let moments = Moments::begin();
        moments.over();
        let first = moments.when_over().await;
        moments.over();
        assert_eq!(moments.when_over().await, first);
        assert!(first >= moments.begun_us);
    }
}
