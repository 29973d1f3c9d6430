//! Who is forgotten because nothing happened for long? Those whom the store finds when it is asked, again and again.

use conversation_store::Store;
use std::{sync::Arc, time::Duration};
use tokio::time;

/// Between two questions.
const INTERVAL: Duration = Duration::from_secs(3_600);

/// Has users forgotten for whom nothing was committed for so many days, until the process ends.
pub async fn run(store: Arc<dyn Store>, days: u32) {
    let idle = Duration::from_secs(u64::from(days) * 24 * 3_600);
    let mut ticks = time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match store.forget_idle(idle).await {
            Ok(0) => {}
            Ok(users) => tracing::info!(users, days, "users were forgotten, since nothing happened for them"),
            Err(error) => tracing::warn!(%error, "idle users were not looked for"),
        }
    }
}
