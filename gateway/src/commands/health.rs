//! Is a node ready? For containers and service managers that have no HTTP client.

use super::Problem;
use crate::config::Config;
use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// How long a node may take to answer; it gives its store a second.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 4_096;

/// Asks the node at `--listen`, or on this machine where that is every address.
pub(super) fn ask(config: &Config, is_live_enough: bool) -> Result<ExitCode, Problem> {
    let path = if is_live_enough { "/healthz" } else { "/readyz" };
    let address = reachable(config.listen);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| format!("{address}: {error}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).map_err(|error| format!("{address}: {error}"))?;
    println!("{}", answer.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim()));
    let is_well = answer.starts_with("HTTP/1.1 200 ");
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
