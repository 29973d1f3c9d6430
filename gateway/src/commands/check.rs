//! Would a node start?

use super::{Problem, mode_in_words, open};
use crate::{auth::Authenticator, config::Config, logs, metrics::Metrics};
use std::{process::ExitCode, sync::Arc};

/// Reads all that a node needs before it is ready; the first thing that is wrong is the error.
pub(super) async fn check(config: &Config) -> Result<ExitCode, Problem> {
    let mode = config.mode()?;
    logs::directives(&config.log)?;
    let authenticator = Authenticator::new(config, mode, Arc::new(Metrics::new()), None)?;
    if let Some(keys) = authenticator.followed() {
        keys.check().await?;
    }
    println!("settings  fit together; {}", mode_in_words(mode));
    let store = open(config).await?;
    store.ping().await?;
    println!("store     {} answers", config.shown_store());
    for shard in store.topology().borrow().shards() {
        println!("          shard {} at {}", shard.id.0, shard.place);
    }
    Ok(ExitCode::SUCCESS)
}
