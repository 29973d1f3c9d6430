//! What a scenario's act has at hand, and which act is whose.

use super::{
    connections, fanout, gateways,
    measure::Moments,
    scenario::Scenario,
    shards,
    stage::{Node, Stage},
    store,
};
use crate::{token::Tokens, violations::Violations};
use rand::rngs::SmallRng;
use std::time::Duration;

/// What was found out beside the load's own checks.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) violations: Violations,
    pub(super) notes: Vec<String>,
}

/// A fault under way.
pub(super) struct Act<'a> {
    pub(super) stage: &'a mut Stage,
    pub(super) moments: &'a Moments,
    /// How long the fault lasts.
    pub(super) lasts: Duration,
    pub(super) random: SmallRng,
    pub(super) tokens: Tokens,
    pub(super) findings: Findings,
}

impl Act<'_> {
    /// The node that suffers where one does.
    pub(super) fn last_node(&mut self) -> &mut Node {
        self.stage.nodes.last_mut().expect("every stage has a node")
    }

    pub(super) fn violation(&mut self, what: String) {
        self.findings.violations.add(what);
    }

    pub(super) fn note(&mut self, what: String) {
        self.findings.notes.push(what);
    }

    /// Makes the fault and, if nothing heals by itself, ends it; an error says why it could not be made.
    pub(super) async fn play(&mut self, scenario: Scenario) -> Result<(), String> {
        match scenario {
            Scenario::GatewayKilled => gateways::killed(self).await,
            Scenario::GatewayKilledInCommit | Scenario::EmbeddedKilled => gateways::killed_often(self).await,
            Scenario::GatewayKilledInFanout => fanout::killed_in_fanout(self).await,
            Scenario::GatewayFrozen => gateways::frozen(self).await,
            Scenario::Drain => gateways::drained(self).await,
            Scenario::ClocksApart => gateways::clocks_apart(self).await,
            Scenario::PubsubKilled => store::pubsub_killed(self).await,
            Scenario::PathDeaf => store::deaf(self).await,
            Scenario::RedisStopped1s | Scenario::RedisStopped20s | Scenario::RedisStopped60s => {
                store::stopped(self).await
            }
            Scenario::RedisPaused => store::paused(self).await,
            Scenario::RedisSlow => store::slow(self).await,
            Scenario::RedisEmptied => store::emptied(self).await,
            Scenario::ScriptFlush => store::scripts_flushed(self).await,
            Scenario::Maxmemory => store::full(self).await,
            Scenario::Failover => store::failed_over(self).await,
            Scenario::ClusterPrimaryKilled => shards::primary_killed(self).await,
            Scenario::ClusterSlotsMoved => shards::slots_moved(self).await,
            Scenario::SentinelFailover => shards::primary_replaced(self).await,
            Scenario::AllReconnect => connections::all_cut(self).await,
            Scenario::HalfOpen => connections::half_open(self).await,
            Scenario::HalfClosed => connections::half_closed(self).await,
            Scenario::SlowClients => connections::slow(self).await,
        }
    }
}
