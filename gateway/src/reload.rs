//! How does a running node take new settings? On SIGHUP it reads them again, and takes all that may change, or none.

use crate::{
    config::{Config, ConfigError},
    logs::{self, LogFilter},
    node::Node,
};
use std::{io, sync::Arc};
use tokio::{
    signal::unix::{SignalKind, signal},
    task,
};

/// Settings that may change while a node runs.
const CHANGEABLE: [&str; 19] = [
    "api-key",
    "jwt-secret",
    "jwt-public-key",
    "jwks",
    "jwks-refresh-ms",
    "jwt-issuer",
    "jwt-audience",
    "allowed-origin",
    "max-sessions",
    "sessions-per-user",
    "connects-per-user",
    "call-units-per-second",
    "connections-per-address",
    "requests-per-address",
    "refusals-per-address",
    "trusted-proxy",
    "log",
    "drain-delay-ms",
    "drain-spread-ms",
];

/// Reads the settings again whenever the process gets SIGHUP.
///
/// # Errors
/// Where the system does not let it listen for the signal.
pub fn start(node: &Arc<Node>, filter: LogFilter) -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    let node = node.clone();
    node.runtime.clone().spawn(async move {
        while hangups.recv().await.is_some() {
            let (node, filter) = (node.clone(), filter.clone());
            let outcome = task::spawn_blocking(move || reload(&node, &filter)).await;
            match outcome.unwrap_or_else(|error| Err(ConfigError(error.to_string()))) {
                Ok(restart) if restart.is_empty() => tracing::info!("the settings were read again and are in force"),
                Ok(restart) => tracing::warn!(
                    unchanged = restart.join(", "),
                    "the settings were read again and are in force, but for those that take a restart"
                ),
                Err(error) => tracing::error!(%error, "the new settings are refused, the old ones stay in force"),
            }
        }
    });
    Ok(())
}

/// Takes the settings as they are now; answers those that differ and take a restart. Blocks.
fn reload(node: &Node, filter: &LogFilter) -> Result<Vec<String>, ConfigError> {
    // The first line says what is wrong; the rest is for somebody at a terminal.
    let first_line = |error: clap::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    let mut config = Config::read().map_err(|error| ConfigError(first_line(error)))?;
    if config.mode()? != node.mode {
        return Err(ConfigError(format!("keys: expected those of {:?} mode; another takes a restart", node.mode)));
    }
    let directives = logs::directives(&config.log)?;
    let started = &node.config;
    let differing = started.differing(&config).into_iter();
    let mut restart: Vec<_> = differing.filter(|name| !CHANGEABLE.contains(name)).map(str::to_owned).collect();
    // Workers have room for as many connections as they were started with.
    if config.max_sessions > started.max_sessions {
        restart.push(format!("max-sessions above {}", started.max_sessions));
        config.max_sessions = started.max_sessions;
    }
    node.change(config)?;
    filter.replace(directives);
    Ok(restart)
}
