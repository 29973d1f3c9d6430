//! Three gateways on one Redis behind a balancer, all on this machine: how they are started, ended one by one, and started again.

pub mod attended;
mod balancer;
mod prometheus;

use crate::{
    http::Http,
    measure::exposition::scrape,
    processes::{Gateway, Programs, Redis, free_address_of},
};
use balancer::{Balancer, SERVERS};
use clap::Args;
use futures_util::future::try_join_all;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

/// Where nodes listen: nobody connects from there, so that no connection takes the port of a node that is away.
const NODES_AT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Where clients and the balancer connect from.
const PROXY_AT: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// How often all nodes are tried: another program may take a free port first.
const STARTS_MAX: usize = 5;

/// The programs of a cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterPrograms {
    /// The gateway's binary; without it the one beside this tool.
    #[arg(long)]
    pub gateway: Option<PathBuf>,
    /// The server of Redis or Valkey.
    #[arg(long, default_value = "redis-server")]
    pub redis: PathBuf,
    /// The balancer.
    #[arg(long, default_value = "haproxy")]
    pub haproxy: PathBuf,
}

/// A cluster that runs; everything ends with this value.
#[derive(Debug)]
pub(crate) struct Cluster {
    programs: Programs,
    settings: Vec<String>,
    addresses: Vec<SocketAddr>,
    /// `None`: it does not run.
    gateways: Vec<Option<Gateway>>,
    pub(crate) balancer: Balancer,
    http: Http,
    /// It ends last.
    redis: Redis,
}

impl Cluster {
    /// Starts everything and waits until the balancer has all nodes in use. It listens at `listen`, or at a free port.
    pub(crate) async fn start(
        programs: &ClusterPrograms,
        listen: Option<SocketAddr>,
        settings: &[&str],
    ) -> Result<Self, String> {
        let gateway = programs.gateway.clone().map_or_else(Programs::gateway_beside_tool, Ok)?;
        let haproxy = &programs.haproxy;
        let programs = Programs { gateway, redis: programs.redis.clone() };
        let redis = Redis::start(&programs).await?;
        let store = format!("redis://{}", redis.address);
        let proxy = PROXY_AT.to_string();
        let usual = ["--store", &store, "--trusted-proxy", &proxy, "--workers", "1"];
        let settings: Vec<String> = usual.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
        let gateways = try_join_all(SERVERS.map(|_| first_start(&programs, &settings))).await?;
        let addresses: Vec<SocketAddr> = gateways.iter().map(|gateway| gateway.address).collect();
        let balancer = Balancer::start(haproxy, listen, &addresses).await?;
        let gateways = gateways.into_iter().map(Some).collect();
        Ok(Self { programs, settings, addresses, gateways, balancer, http: Http::new(), redis })
    }

    /// The names of the nodes, as the balancer has them.
    pub(crate) fn names(&self) -> [&'static str; 3] {
        SERVERS
    }

    /// Nodes that have ended by themselves, or by somebody else's hand, since the last time this was asked.
    fn ended(&mut self) -> Vec<usize> {
        let mut ended = Vec::new();
        for (node, gateway) in self.gateways.iter_mut().enumerate() {
            if gateway.as_mut().is_some_and(|gateway| gateway.process.has_ended()) {
                *gateway = None;
                ended.push(node);
            }
        }
        ended
    }

    /// A node that runs.
    fn running(&mut self, node: usize) -> Result<&mut Gateway, String> {
        self.gateways[node].as_mut().ok_or_else(|| format!("node {} does not run", SERVERS[node]))
    }

    /// Tells a node to go, and waits until it has sent its sessions away and ended.
    pub(crate) async fn drain(&mut self, node: usize) -> Result<(), String> {
        let gateway = self.running(node)?;
        gateway.process.signal("TERM")?;
        gateway.process.ended().await?;
        self.gateways[node] = None;
        Ok(())
    }

    /// Ends a node at once.
    pub(crate) fn kill(&mut self, node: usize) {
        self.gateways[node] = None;
    }

    /// Starts a node where it was, and waits until it is ready; gives the id of its process.
    pub(crate) async fn start_again(&mut self, node: usize) -> Result<u32, String> {
        let address = self.addresses[node];
        let started = Gateway::start_at(address, &self.programs, &self.settings, &[]).await?;
        let gateway = started.ok_or_else(|| format!("somebody else listens at {address}"))?;
        Ok(self.gateways[node].insert(gateway).process.id())
    }

    /// Waits until the balancer sends new sessions to all nodes.
    pub(crate) async fn all_in_use(&self) -> Result<(), String> {
        self.balancer.uses(&SERVERS).await
    }

    /// Sessions of each node by its own count; 0 where it does not run.
    pub(crate) async fn sessions(&self) -> Result<Vec<u64>, String> {
        let counts = self.gateways.iter().map(async |gateway| match gateway {
            Some(gateway) => {
                let metrics = scrape(&self.http, &gateway.url()).await.map_err(|error| error.to_string())?;
                Ok(metrics.sum("gateway_sessions") as u64)
            }
            None => Ok(0),
        });
        try_join_all(counts).await
    }
}

/// Starts a node at a port of its own choice.
async fn first_start(programs: &Programs, settings: &[String]) -> Result<Gateway, String> {
    for _ in 0..STARTS_MAX {
        let address = free_address_of(NODES_AT)?;
        if let Some(gateway) = Gateway::start_at(address, programs, settings, &[]).await? {
            return Ok(gateway);
        }
    }
    Err(format!("a node does not start on any of {STARTS_MAX} ports of {NODES_AT}"))
}
