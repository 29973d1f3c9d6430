//! How is a cluster followed? Its nodes are asked where the slots are: now and then, and at once when something is not where it
//! was.

use super::{endpoint::Endpoint, shards::Shards, slots::Slots};
use crate::StoreError;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time;

/// Between two questions, where nothing is in doubt.
const ASK_INTERVAL: Duration = Duration::from_secs(5);
/// Between two questions at least.
const PAUSE: Duration = Duration::from_millis(200);

/// The shards of the cluster of some nodes, kept up to date for as long as somebody has them.
///
/// # Errors
/// [`StoreError::Unavailable`] if no node answers, or some slots are nowhere.
pub(super) async fn follow(seeds: Vec<Endpoint>) -> Result<Arc<Shards>, StoreError> {
    let slots = Slots::ask(&seeds, 0).await?;
    if !slots.is_whole() {
        return Err(StoreError::Unavailable("redis: expected a cluster in which every slot has a primary".to_owned()));
    }
    let shards = Arc::new(Shards::of_cluster(&slots));
    tokio::spawn(keep_asking(seeds, Arc::downgrade(&shards), slots));
    Ok(shards)
}

async fn keep_asking(seeds: Vec<Endpoint>, shards: Weak<Shards>, mut last: Slots) {
    while let Some(doubts) = shards.upgrade().map(|shards| shards.doubts.clone()) {
        tokio::select! {
            () = doubts.notified() => {}
            () = time::sleep(ASK_INTERVAL) => {}
        }
        let mut endpoints = last.nodes.clone();
        endpoints.extend(seeds.iter().filter(|seed| !last.nodes.contains(seed)).cloned());
        match Slots::ask(&endpoints, last.epoch).await {
            Ok(slots) => {
                let Some(shards) = shards.upgrade() else { return };
                shards.update(&slots);
                last = slots;
            }
            Err(error) => tracing::debug!(%error, "redis: the cluster does not say where its slots are"),
        }
        time::sleep(PAUSE).await;
    }
}
