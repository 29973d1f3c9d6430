//! HAProxy with the configuration of deploy/: how it is started, and which nodes it has in use.

use crate::{
    clock,
    http::{BaseUrl, Http},
    processes::{Process, free_address, serve_at, url_of},
};
use std::{io::Write, net::SocketAddr, path::Path, process::Command, time::Duration};
use tempfile::NamedTempFile;

/// The configuration that operators are given.
const CONFIGURATION: &str = include_str!("../../../deploy/haproxy/haproxy.cfg");
/// What the nodes are called in it.
pub(super) const SERVERS: [&str; 3] = ["a", "b", "c"];
/// Variables of it that say where the nodes are.
const VARIABLES: [&str; 3] = ["GATEWAY_NODE_A", "GATEWAY_NODE_B", "GATEWAY_NODE_C"];
/// How long it may take to notice what has become of a node.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at its figures.
const LOOK: Duration = Duration::from_millis(50);

/// A balancer; it ends with this value.
#[derive(Debug)]
pub(crate) struct Balancer {
    _process: Process,
    /// Where clients connect.
    pub(crate) url: BaseUrl,
    /// Where it shows its figures.
    pub(super) figures: BaseUrl,
    http: Http,
    _configuration: NamedTempFile,
}

impl Balancer {
    /// Starts one and waits until it has all nodes in use.
    pub(super) async fn start(
        program: &Path,
        listen: Option<SocketAddr>,
        nodes: &[SocketAddr],
    ) -> Result<Self, String> {
        let mut configuration = NamedTempFile::new().map_err(|error| error.to_string())?;
        configuration.write_all(CONFIGURATION.as_bytes()).map_err(|error| error.to_string())?;
        let mut figures = url_of(free_address()?);
        let (process, url) = serve_at("haproxy", "/readyz", listen, |address| {
            let stats = free_address()?;
            figures = url_of(stats);
            let mut command = Command::new(program);
            command.arg("-f").arg(configuration.path());
            command.env("GATEWAY_BIND", address.to_string()).env("HAPROXY_STATS", stats.to_string());
            command.envs(VARIABLES.iter().zip(nodes.iter().map(SocketAddr::to_string)));
            Ok(command)
        })
        .await?;
        let balancer = Self { _process: process, url, figures, http: Http::new(), _configuration: configuration };
        balancer.uses(&SERVERS).await?;
        Ok(balancer)
    }

    /// Waits until new sessions go to these nodes and to no others.
    pub(super) async fn uses(&self, nodes: &[&str]) -> Result<(), String> {
        let begun_us = clock::now_us();
        loop {
            let in_use = self.in_use().await?;
            if in_use == nodes {
                return Ok(());
            }
            if clock::now_us() - begun_us > PATIENCE.as_micros() as u64 {
                return Err(format!("haproxy has nodes {in_use:?} in use, expected {nodes:?}"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The nodes that new sessions go to.
    async fn in_use(&self) -> Result<Vec<String>, String> {
        let (_, figures) = self.http.text(&self.figures, "/stats;csv").await.map_err(|error| error.to_string())?;
        servers_up(&figures).ok_or_else(|| format!("haproxy: expected figures of its servers, got {figures}"))
    }
}

/// The names of the servers that are up, in the CSV of HAProxy's figures.
fn servers_up(figures: &str) -> Option<Vec<String>> {
    let mut lines = figures.lines();
    let head: Vec<&str> = lines.next()?.trim_start_matches("# ").split(',').collect();
    let place = |name: &str| head.iter().position(|field| *field == name);
    let (backend, server, status) = (place("pxname")?, place("svname")?, place("status")?);
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let up = rows.filter(|row| row.get(backend) == Some(&"nodes") && row.get(status) == Some(&"UP"));
    Some(
        up.filter_map(|row| row.get(server).copied())
            .filter(|name| SERVERS.contains(name))
            .map(str::to_owned)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_are_up_are_told_from_the_others_and_from_the_sum() {
        let figures = "# pxname,svname,qcur,status\nclients,FRONTEND,0,OPEN\nnodes,a,0,UP\nnodes,b,0,DOWN\nnodes,c,0,UP\n\
            nodes,BACKEND,0,UP\n";
        assert_eq!(servers_up(figures).unwrap(), ["a", "c"]);
        assert_eq!(servers_up("nonsense"), None);
    }
}
