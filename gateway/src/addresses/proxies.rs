//! Which address does a request come from, where proxies stand in between?

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// Where each proxy writes down whom it has the request from, behind what it was told itself.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Addresses of proxies, as CIDR or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyNet(IpNet);

impl FromStr for ProxyNet {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self).map_err(|_| format!("expected an address or a CIDR like 10.0.0.0/8, got {text:?}"))
    }
}

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<ProxyNet>);

impl Proxies {
    /// These, and no others.
    pub fn new(nets: Vec<ProxyNet>) -> Self {
        Self(nets)
    }

    /// Whether an address is that of a proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.0.contains(&address.to_canonical()))
    }

    /// The client that a proxy's request comes from: the last address in its header that is not a proxy's, since only proxies
    /// wrote what stands behind it. `None`: the proxy asks for itself.
    pub fn client(&self, proxy: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let values: Vec<_> = headers.get_all(FORWARDED_FOR).collect();
        for hop in values.iter().rev().flat_map(|value| value.to_str().unwrap_or("?").rsplit(',')) {
            match address(hop.trim()) {
                Some(hop) if self.trusts(hop) => {}
                Some(client) => return Some(client),
                // What a proxy wrote and nobody can read is laid to its own charge.
                None => return Some(proxy),
            }
        }
        None
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let address: Option<IpAddr> = text.parse().ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse().map(|address: SocketAddr| address.ip()).ok();
    address.or_else(in_brackets).or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    const PROXY: &str = "10.0.0.1";

    fn client(forwarded: &[&str]) -> Option<String> {
        let proxies = Proxies::new(["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap()).to_vec());
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        proxies.client(PROXY.parse().unwrap(), &headers).map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_client() {
        for (forwarded, expected) in [
            (&["192.0.2.1"][..], "192.0.2.1"),
            (&["192.0.2.9, 192.0.2.1"], "192.0.2.1"),
            (&["127.0.0.1,192.0.2.1 , 10.1.2.3"], "192.0.2.1"),
            (&["192.0.2.9", "192.0.2.1", "10.1.2.3, 10.9.9.9"], "192.0.2.1"),
            (&["192.0.2.1, 10.0.0.1"], "192.0.2.1"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["::ffff:192.0.2.1"], "192.0.2.1"),
            (&["2001:db8:2::1, 2001:db8:1::7"], "2001:db8:2::1"),
            (&["[2001:db8:2::1]:4711"], "2001:db8:2::1"),
            (&["[2001:db8:2::1]"], "2001:db8:2::1"),
        ] {
            assert_eq!(client(forwarded).as_deref(), Some(expected), "{forwarded:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_the_proxys_and_nothing_forwarded_is_nobodys() {
        for forwarded in [&["unknown"][..], &["192.0.2.1, "], &["192.0.2.1, é"], &["192.0.2.1,_hidden, 10.1.2.3"]] {
            assert_eq!(client(forwarded).as_deref(), Some(PROXY), "{forwarded:?}");
        }
        assert_eq!(client(&[]), None);
        assert_eq!(client(&["10.1.2.3, 10.9.9.9"]), None, "proxies among themselves");
    }

    #[test]
    fn a_proxy_is_an_address_or_a_cidr() {
        let trusts =
            |net: &str, address: &str| Proxies::new(vec![net.parse().unwrap()]).trusts(address.parse().unwrap());
        assert!(trusts("10.0.0.1", "10.0.0.1") && !trusts("10.0.0.1", "10.0.0.2"));
        assert!(trusts("10.0.0.0/8", "::ffff:10.2.3.4"), "an IPv4 address on an IPv6 socket");
        assert!(trusts("fd00::/8", "fd12::1") && !trusts("fd00::/8", "fe80::1"));
        for wrong in ["", "proxy.example", "10.0.0.0/33", "10.0.0"] {
            assert!(wrong.parse::<ProxyNet>().unwrap_err().contains("like 10.0.0.0/8"), "{wrong}");
        }
    }
}
