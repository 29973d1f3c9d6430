//! Is a node ready? For containers and service managers that have no HTTP client.

use super::Problem;
use crate::{config::Config, outgoing};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

/// How long a node may take to answer; it gives its store a second, and the health check of the image ends after three.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// Asks the node at a URL, or else at `--listen`, on this machine where that is every address.
pub(super) fn ask(config: &Config, url: Option<&str>, is_live_enough: bool) -> Result<ExitCode, Problem> {
    let base = url.map_or_else(|| format!("http://{}", reachable(config.listen)), str::to_owned);
    let address = format!("{}{}", base.trim_end_matches('/'), if is_live_enough { "/healthz" } else { "/readyz" });
    let agent = outgoing::agent(address.starts_with("https://"), PATIENCE)?;
    // What a proxy answers says nothing about the node.
    let request = agent.get(&address).config().proxy(None).http_status_as_error(false).build();
    let mut response = request.call().map_err(|error| format!("{address}: {error}"))?;
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
    println!("{}", body.map_err(|error| format!("{address}: {error}"))?.trim());
    Ok(if response.status() == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_listens_everywhere_is_asked_on_this_machine() {
        let reached = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!((reached("0.0.0.0:80"), reached("[::]:80")), ("127.0.0.1:80".to_owned(), "[::1]:80".to_owned()));
        assert_eq!(reached("10.0.0.1:80"), "10.0.0.1:80");
    }
}
