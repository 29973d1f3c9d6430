//! What is logged, and in which form? What `--log` says, which may change while the node runs, as `--log-format` says.

use crate::config::{Config, ConfigError, LogFormat};
use std::io::IsTerminal;
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

/// What the HTTP service takes for errors is what clients send, and nobody could stop them from filling the log with it;
/// a directive of --log by the same name overrules this one.
const QUIET: &str = "actix_http=off";

/// The filter in force, which can be replaced.
#[derive(Clone)]
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

/// Starts the log of this process, on its standard error.
///
/// # Errors
/// Where `--log` is wrong.
pub fn start(config: &Config) -> Result<LogFilter, ConfigError> {
    let (filter, handle) = reload::Layer::new(directives(&config.log)?);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).with(filter_fn(is_safe)).init();
    Ok(LogFilter(handle))
}

/// Reads the directives of `--log`.
///
/// # Errors
/// Says which are wrong.
pub fn directives(log: &str) -> Result<EnvFilter, ConfigError> {
    let wrong = |error| ConfigError(format!("--log {log:?}: expected tracing directives like info: {error}"));
    format!("{QUIET},{log}").parse().map_err(wrong)
}

impl LogFilter {
    /// Filters by other directives from now on.
    pub fn replace(&self, directives: EnvFilter) {
        // It fails only when the log is gone.
        let _ = self.0.reload(directives);
    }
}

/// Libraries are heard from info up: below it they repeat what clients sent.
fn is_safe(metadata: &Metadata<'_>) -> bool {
    let is_ours = ["gateway", "conversation_"].iter().any(|name| metadata.target().starts_with(name));
    is_ours || *metadata.level() <= Level::INFO
}
