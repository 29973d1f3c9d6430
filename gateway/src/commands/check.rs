//! Would a node start?

use super::{Problem, mode_in_words, open};
use crate::{auth::Authenticator, config::Config, metrics::Metrics};
use std::{process::ExitCode, sync::Arc};
use tracing_subscriber::EnvFilter;

/// Reads all that a start reads; the first thing that is wrong is the error.
pub(super) async fn check(config: &Config) -> Result<ExitCode, Problem> {
    let mode = config.mode()?;
    let log = config.log.parse::<EnvFilter>();
    log.map_err(|error| format!("--log {:?}: expected tracing directives like info: {error}", config.log))?;
    Authenticator::new(config, mode, Arc::new(Metrics::new()))?;
    println!("settings  fit together; {}", mode_in_words(mode));
    let store = open(config).await?;
    store.ping().await?;
    println!("store     {} answers", config.shown_store());
    for shard in store.topology().borrow().shards() {
        println!("          shard {} at {}", shard.id.0, shard.place);
    }
    Ok(ExitCode::SUCCESS)
}
