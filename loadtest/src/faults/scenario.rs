//! Which scenarios there are, how long each lasts, and what it is held to.

use super::stage::{Setup, StoreKind};
use crate::run::Allowances;
use std::{fmt, str::FromStr, time::Duration};

/// A fault, or a series of them, under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// One of two nodes is killed, and started again.
    GatewayKilled,
    /// Nodes are killed at random moments, many times.
    GatewayKilledInCommit,
    /// The only node, with an embedded store, is killed at random moments, many times.
    EmbeddedKilled,
    /// A node is killed while it sends a message to 10,000 users.
    GatewayKilledInFanout,
    /// A node is frozen and goes on.
    GatewayFrozen,
    /// A node is told to end, and replaced.
    Drain,
    /// The nodes' clocks differ by an hour.
    ClocksApart,
    /// Redis ends the connections of hints, again and again.
    PubsubKilled,
    /// The hints of one node are lost while everything else works.
    PathDeaf,
    /// Redis is away for a second, with its data.
    RedisStopped1s,
    /// Redis is away for 20 seconds, with its data.
    RedisStopped20s,
    /// Redis is away for a minute, with its data.
    RedisStopped60s,
    /// Redis is frozen and goes on.
    RedisPaused,
    /// Redis answers one node late.
    RedisSlow,
    /// Redis comes back empty.
    RedisEmptied,
    /// Redis forgets the scripts, again and again.
    ScriptFlush,
    /// Redis takes no writes for a while.
    Maxmemory,
    /// A replica that lags behind takes the place of its primary.
    Failover,
    /// A primary of a cluster dies, and its replica takes its place.
    ClusterPrimaryKilled,
    /// Slots of a cluster move from one primary to another and back.
    ClusterSlotsMoved,
    /// A primary dies, and Sentinels put its replica in its place.
    SentinelFailover,
    /// All clients' connections are cut at once, twice.
    AllReconnect,
    /// The connections of one node's clients fall silent and are cut later.
    HalfOpen,
    /// The connections of one node's clients are closed on the clients' side alone.
    HalfClosed,
    /// Some clients read slowly or not at all.
    SlowClients,
}

impl Scenario {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 25] = [
        Self::GatewayKilled,
        Self::GatewayKilledInCommit,
        Self::EmbeddedKilled,
        Self::GatewayKilledInFanout,
        Self::GatewayFrozen,
        Self::Drain,
        Self::ClocksApart,
        Self::PubsubKilled,
        Self::PathDeaf,
        Self::RedisStopped1s,
        Self::RedisStopped20s,
        Self::RedisStopped60s,
        Self::RedisPaused,
        Self::RedisSlow,
        Self::RedisEmptied,
        Self::ScriptFlush,
        Self::Maxmemory,
        Self::Failover,
        Self::ClusterPrimaryKilled,
        Self::ClusterSlotsMoved,
        Self::SentinelFailover,
        Self::AllReconnect,
        Self::HalfOpen,
        Self::HalfClosed,
        Self::SlowClients,
    ];

    /// Those of the short form.
    pub const SHORT: [Self; 9] = [
        Self::GatewayKilled,
        Self::PubsubKilled,
        Self::RedisStopped1s,
        Self::ScriptFlush,
        Self::RedisPaused,
        Self::AllReconnect,
        Self::PathDeaf,
        Self::ClusterPrimaryKilled,
        Self::ClusterSlotsMoved,
    ];

    /// Its name, as it is given to `--only`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayKilled => "gateway-killed",
            Self::GatewayKilledInCommit => "gateway-killed-in-commit",
            Self::EmbeddedKilled => "embedded-killed",
            Self::GatewayKilledInFanout => "gateway-killed-in-fanout",
            Self::GatewayFrozen => "gateway-frozen",
            Self::Drain => "drain",
            Self::ClocksApart => "clocks-apart",
            Self::PubsubKilled => "pubsub-killed",
            Self::PathDeaf => "path-deaf",
            Self::RedisStopped1s => "redis-stopped-1s",
            Self::RedisStopped20s => "redis-stopped-20s",
            Self::RedisStopped60s => "redis-stopped-60s",
            Self::RedisPaused => "redis-paused",
            Self::RedisSlow => "redis-slow",
            Self::RedisEmptied => "redis-emptied",
            Self::ScriptFlush => "script-flush",
            Self::Maxmemory => "maxmemory",
            Self::Failover => "failover",
            Self::ClusterPrimaryKilled => "cluster-primary-killed",
            Self::ClusterSlotsMoved => "cluster-slots-moved",
            Self::SentinelFailover => "sentinel-failover",
            Self::AllReconnect => "all-reconnect",
            Self::HalfOpen => "half-open",
            Self::HalfClosed => "half-closed",
            Self::SlowClients => "slow-clients",
        }
    }

    /// How long the fault lasts, in the short form and in the whole one.
    pub(super) fn lasts(self, is_short: bool) -> Duration {
        let (short_ms, whole_ms) = match self {
            Self::GatewayKilled => (1_000, 1_000),
            Self::GatewayKilledInCommit | Self::EmbeddedKilled => (5_000, 20_000),
            Self::GatewayKilledInFanout => (0, 0),
            Self::GatewayFrozen => (20_000, 60_000),
            Self::Drain => (3_000, 3_000),
            Self::ClocksApart => (3_000, 20_000),
            Self::PubsubKilled => (2_000, 10_000),
            Self::PathDeaf => (3_000, 20_000),
            Self::RedisStopped1s => (1_000, 1_000),
            Self::RedisStopped20s => (20_000, 20_000),
            Self::RedisStopped60s => (60_000, 60_000),
            Self::RedisPaused => (3_000, 10_000),
            Self::RedisSlow => (3_000, 10_000),
            Self::RedisEmptied => (200, 200),
            Self::ScriptFlush => (2_000, 5_000),
            Self::Maxmemory => (3_000, 5_000),
            Self::Failover => (1_000, 3_000),
            // As long as the servers take for it.
            Self::ClusterPrimaryKilled | Self::SentinelFailover => (0, 0),
            Self::ClusterSlotsMoved => (1_000, 10_000),
            Self::AllReconnect => (1_000, 3_000),
            Self::HalfOpen => (10_000, 40_000),
            Self::HalfClosed => (2_000, 5_000),
            Self::SlowClients => (10_000, 45_000),
        };
        Duration::from_millis(if is_short { short_ms } else { whole_ms })
    }

    fn store(self) -> StoreKind {
        match self {
            Self::EmbeddedKilled => StoreKind::Embedded,
            Self::ClusterPrimaryKilled | Self::ClusterSlotsMoved => StoreKind::Cluster,
            Self::SentinelFailover => StoreKind::Watched,
            _ => StoreKind::Redis,
        }
    }

    pub(super) fn setup(self, is_short: bool) -> Result<Setup, String> {
        let mut setup = Setup { store: self.store(), ..Setup::default() };
        let mut set = |name: &str, value: &str| setup.settings.extend([name.to_owned(), value.to_owned()]);
        if is_short {
            // What only comparisons find has to be found soon.
            set("--compare-interval-ms", "3000");
        }
        if self == Self::Drain {
            set("--drain-delay-ms", "1000");
            set("--drain-spread-ms", "2000");
        }
        // Many clients of this machine come back at once, and some have several devices.
        set("--connects-per-user", "50");
        if self == Self::ClocksApart {
            setup.variables = super::gateways::clock_of_another_hour()?;
        }
        if self == Self::SlowClients {
            setup.client_buffer = Some(16 * 1024);
        }
        Ok(setup)
    }

    /// What the run is not held to.
    pub(super) fn allowances(self) -> Allowances {
        Allowances {
            // What a primary had confirmed and not yet told its replica goes with it.
            lost_writes: matches!(
                self,
                Self::RedisEmptied | Self::Failover | Self::ClusterPrimaryKilled | Self::SentinelFailover
            ),
            late_calls: self == Self::GatewayFrozen,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_scenario_is_found_by_its_own_name() {
        let names: BTreeSet<&str> = Scenario::ALL.into_iter().map(Scenario::name).collect();
        assert_eq!(names.len(), Scenario::ALL.len());
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse(), Ok(scenario));
        }
        assert!("nonsense".parse::<Scenario>().unwrap_err().contains("gateway-killed, "));
    }
}
