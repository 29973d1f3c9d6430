//! Which settings are in force now? Those that may change while a node runs, and what is made of them.

use crate::{
    auth::Authenticator,
    config::{Config, ConfigError, Mode},
    metrics::Metrics,
    origin::OriginPolicy,
    rate::UserRates,
};
use std::sync::Arc;

/// Settings that go into the limits of users.
const OF_RATES: [&str; 2] = ["call-units-per-second", "connects-per-user"];

/// Settings that are replaced as a whole.
pub struct InForce {
    /// The settings as they were read last; of those that take a restart, [`Node::config`](crate::node::Node) has what counts.
    pub config: Config,
    /// Checks tokens and keys.
    pub authenticator: Arc<Authenticator>,
    /// Which pages may connect.
    pub origins: OriginPolicy,
    /// Limits by user.
    pub rates: Arc<UserRates>,
}

impl InForce {
    /// What a node starts with. Follows key sets on the current tokio runtime, as [`InForce::next`] does.
    ///
    /// # Errors
    /// Says which key is wrong.
    pub fn new(config: &Config, mode: Mode, metrics: Arc<Metrics>) -> Result<Self, ConfigError> {
        Ok(Self {
            authenticator: Arc::new(Authenticator::new(config, mode, metrics, None)?),
            origins: OriginPolicy::new(config, mode),
            rates: Arc::new(UserRates::new(config.call_units_per_second, config.connects_per_user)),
            config: config.clone(),
        })
    }

    /// What follows this with other settings, in the same mode. What they leave alone is kept: how often users have called, the
    /// keys that an address has told, and the keys of development mode.
    ///
    /// # Errors
    /// Says which key is wrong.
    pub fn next(&self, config: Config, mode: Mode, metrics: Arc<Metrics>) -> Result<Self, ConfigError> {
        let changed = self.config.differing(&config);
        let authenticator = match mode {
            Mode::Development => self.authenticator.clone(),
            Mode::Production => Arc::new(Authenticator::new(&config, mode, metrics, Some(&self.authenticator))?),
        };
        let rates = if OF_RATES.iter().any(|name| changed.contains(name)) {
            Arc::new(UserRates::new(config.call_units_per_second, config.connects_per_user))
        } else {
            self.rates.clone()
        };
        Ok(Self { authenticator, origins: OriginPolicy::new(&config, mode), rates, config })
    }
}
