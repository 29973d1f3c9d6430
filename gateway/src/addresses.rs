//! How much may one address do? Open connections, requests and refused authentications, each where it is configured.
//!
//! Nothing is limited by default: without --trusted-proxy everybody behind a balancer has its address.

pub mod limit;
pub mod proxies;

use crate::{
    clock,
    config::Config,
    metrics::Metrics,
    rate::{Quotas, quota, refused},
};
use arc_swap::ArcSwap;
use conversation_protocol::{ApiError, ErrorKind};
use dashmap::DashMap;
use proxies::Proxies;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};
use tokio::time;

/// The settings of these limits.
const SETTINGS: [&str; 4] =
    ["connections-per-address", "requests-per-address", "refusals-per-address", "trusted-proxy"];
/// Addresses whose rates are kept one by one; when there are more, those of a network share one.
const ADDRESSES_MAX: usize = 100_000;
/// Addresses and networks whose rates are kept at all.
const NETWORKS_MAX: usize = 2 * ADDRESSES_MAX;
/// Bits of the networks whose addresses share a rate then, about what a provider has: of IPv6, and of IPv4.
const NETWORK_BITS: (u32, u32) = (32, 16);
/// How many times its limit of connections an address may have while the surplus is told why it is refused.
const SURPLUS: u32 = 2;
/// When who has too many connections may try again.
const SURPLUS_RETRY_MS: u64 = 5_000;
/// Between two looks at which addresses have become quiet.
const FORGET_INTERVAL: Duration = Duration::from_secs(30);

/// Whose limits count: a client's address; of IPv6 a network of 64 bits, as one client has at least that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self(cut(address.to_canonical(), 64, 32))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Address {
    /// The large network that it is in.
    fn network(self) -> Self {
        Self(cut(self.0, NETWORK_BITS.0, NETWORK_BITS.1))
    }
}

/// The first bits of an address.
fn cut(address: IpAddr, bits_of_v6: u32, bits_of_v4: u32) -> IpAddr {
    match address {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits_of_v6))).into(),
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - bits_of_v4))).into(),
    }
}

/// What is configured, and how far each address has come with what it may do a second.
struct AddressLimits {
    proxies: Proxies,
    connections_max: u32,
    requests: Option<Quotas<Address>>,
    refusals: Option<Quotas<Address>>,
}

impl AddressLimits {
    fn new(config: &Config) -> Self {
        let quotas =
            |per_second: u32| (per_second > 0).then(|| Quotas::keyed(quota(per_second, per_second.saturating_mul(4))));
        Self {
            proxies: Proxies::new(config.trusted_proxies.clone()),
            connections_max: config.connections_per_address,
            requests: quotas(config.requests_per_address),
            refusals: quotas(config.refusals_per_address),
        }
    }

    fn quotas(&self) -> impl Iterator<Item = &Quotas<Address>> {
        [&self.requests, &self.refusals].into_iter().flatten()
    }
}

/// The limits of addresses, and how far each has come.
pub struct Addresses {
    metrics: Arc<Metrics>,
    limits: ArcSwap<AddressLimits>,
    open: DashMap<Address, u32>,
    /// Who had too many authentications refused, and until when everything is.
    blocked: DashMap<Address, Duration>,
}

/// An address has so many connections that one more is not even told so.
#[derive(Debug)]
pub struct Flood;

/// A connection of an address, until it is dropped.
pub struct Place {
    addresses: Arc<Addresses>,
    address: Address,
    is_surplus: bool,
}

impl Place {
    /// Whether it is one too many.
    pub fn is_surplus(&self) -> bool {
        self.is_surplus
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.addresses.open.remove_if_mut(&self.address, |_, count| {
            *count -= 1;
            *count == 0
        });
    }
}

impl Addresses {
    /// The limits that are configured; forgets quiet addresses on the current tokio runtime.
    pub fn start(config: &Config, metrics: Arc<Metrics>) -> Arc<Self> {
        let addresses = Arc::new(Self::new(config, metrics));
        let weak = Arc::downgrade(&addresses);
        tokio::spawn(async move {
            let mut ticks = time::interval(FORGET_INTERVAL);
            loop {
                ticks.tick().await;
                let Some(addresses) = weak.upgrade() else { return };
                addresses.forget_quiet();
            }
        });
        addresses
    }

    fn new(config: &Config, metrics: Arc<Metrics>) -> Self {
        let limits = ArcSwap::from_pointee(AddressLimits::new(config));
        Self { metrics, limits, open: DashMap::new(), blocked: DashMap::new() }
    }

    /// Limits as another configuration says; where it says otherwise, rates begin anew, and open connections count on.
    pub fn change(&self, from: &Config, to: &Config) {
        let changed = from.differing(to);
        if SETTINGS.iter().any(|name| changed.contains(name)) {
            self.limits.store(Arc::new(AddressLimits::new(to)));
        }
    }

    /// Takes a place for a connection, if they are limited; those of a proxy are its clients', and counted by request.
    pub fn connect(self: &Arc<Self>, peer: IpAddr) -> Result<Option<Place>, Flood> {
        let limits = self.limits.load();
        if limits.proxies.trusts(peer) {
            return Ok(None);
        }
        let Some((place, count)) = self.place(peer) else { return Ok(None) };
        if count > limits.connections_max.saturating_mul(SURPLUS) {
            self.count("address_flood");
            return Err(Flood);
        }
        Ok(Some(place))
    }

    /// A place, and how many this address has with it; `None` if they are not limited.
    fn place(self: &Arc<Self>, address: IpAddr) -> Option<(Place, u32)> {
        let connections_max = self.limits.load().connections_max;
        if connections_max == 0 {
            return None;
        }
        let address = Address::from(address);
        let count = {
            let mut count = self.open.entry(address).or_insert(0);
            *count += 1;
            *count
        };
        Some((Place { addresses: self.clone(), address, is_surplus: count > connections_max }, count))
    }

    /// How a connection that is one too many is refused.
    fn surplus(&self) -> ApiError {
        self.count("address_connections");
        let message = format!("expected at most {} connections of an address", self.limits.load().connections_max);
        ApiError { retry_after_ms: Some(SURPLUS_RETRY_MS), ..ApiError::new(ErrorKind::TooFrequent, message) }
    }

    /// Whether an address may authenticate at all.
    fn check_refusals(&self, address: Address) -> Result<(), ApiError> {
        if self.limits.load().refusals.is_none() {
            return Ok(());
        }
        let until = [address, address.network()].into_iter().filter_map(|key| self.blocked.get(&key).map(|at| *at));
        let left = until.max().and_then(|until| until.checked_sub(clock::monotonic()));
        let Some(left) = left else { return Ok(()) };
        self.count("address_authentications");
        let wait_ms = left.as_millis() as u64 + 1;
        let message = format!("too many refused authentications of this address, try again in {wait_ms} ms");
        Err(ApiError { retry_after_ms: Some(wait_ms), ..ApiError::new(ErrorKind::TooFrequent, message) })
    }

    /// Takes one request of an address, or says when there will be one.
    fn take_request(&self, address: Address) -> Result<(), ApiError> {
        let limits = self.limits.load();
        let Some((requests, address)) = limits.requests.as_ref().and_then(|quotas| keyed(quotas, address)) else {
            return Ok(());
        };
        requests.check_key(&address).map_err(|not_until| {
            self.count("address_requests");
            refused("requests of this address", &not_until)
        })
    }

    /// An authentication of an address was refused.
    pub fn authentication_refused(&self, address: Address) {
        let limits = self.limits.load();
        let Some((refusals, address)) = limits.refusals.as_ref().and_then(|quotas| keyed(quotas, address)) else {
            return;
        };
        if let Err(not_until) = refusals.check_key(&address) {
            let wait_ms = refused("", &not_until).retry_after_ms.unwrap_or_default();
            self.blocked.insert(address, clock::monotonic() + Duration::from_millis(wait_ms));
        }
    }

    fn count(&self, reason: &str) {
        self.metrics.connections.refusals.with_label_values(&[reason]).inc();
    }

    /// Addresses that something is kept of, each limit by itself.
    pub fn kept(&self) -> usize {
        let quotas = self.limits.load().quotas().map(Quotas::len).sum::<usize>();
        self.open.len() + self.blocked.len() + quotas
    }

    /// Forgets addresses that have been quiet.
    fn forget_quiet(&self) {
        for quotas in self.limits.load().quotas() {
            quotas.retain_recent();
            quotas.shrink_to_fit();
        }
        let now = clock::monotonic();
        self.blocked.retain(|_, until| *until > now);
    }
}

/// Under what an address is counted: itself, its network where there are too many, or nothing where there are still more.
fn keyed(quotas: &Quotas<Address>, address: Address) -> Option<(&Quotas<Address>, Address)> {
    match quotas.len() {
        ..ADDRESSES_MAX => Some((quotas, address)),
        ADDRESSES_MAX..NETWORKS_MAX => Some((quotas, address.network())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn addresses(args: &[&str]) -> Arc<Addresses> {
        let config = Config::try_parse_from(["gateway"].iter().chain(args)).unwrap();
        Arc::new(Addresses::new(&config, Arc::new(Metrics::new())))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn address(text: &str) -> Address {
        ip(text).into()
    }

    #[test]
    fn a_network_of_64_bits_is_one_address_and_ipv4_is_the_same_in_both_forms() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }

    #[test]
    fn places_are_given_back_and_nothing_is_kept_of_who_is_gone() {
        let addresses = addresses(&["--connections-per-address", "2"]);
        let take = |peer: &str| addresses.connect(ip(peer)).map(|place| place.expect("connections are limited"));
        let places: Vec<_> = (0..4).map(|_| take("192.0.2.1").unwrap()).collect();
        assert_eq!(places.iter().map(Place::is_surplus).collect::<Vec<_>>(), [false, false, true, true]);
        assert!(take("192.0.2.1").is_err(), "twice as many as are allowed are told why");
        assert!(!take("192.0.2.2").unwrap().is_surplus());
        drop(places);
        assert_eq!(addresses.kept(), 0);
        assert!(!take("192.0.2.1").unwrap().is_surplus());
    }

    #[test]
    fn without_a_limit_and_for_proxies_no_connection_is_counted() {
        assert!(addresses(&[]).connect(ip("192.0.2.1")).unwrap().is_none());
        let behind = addresses(&["--connections-per-address", "1", "--trusted-proxy", "192.0.2.0/24"]);
        assert!(behind.connect(ip("192.0.2.1")).unwrap().is_none());
        assert!(behind.connect(ip("198.51.100.1")).unwrap().is_some());
    }

    #[test]
    fn refused_authentications_block_an_address_for_a_while_and_no_other() {
        let addresses = addresses(&["--refusals-per-address", "1"]);
        let (bad, good) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..4 {
            addresses.authentication_refused(bad);
            assert!(addresses.check_refusals(bad).is_ok());
        }
        addresses.authentication_refused(bad);
        let error = addresses.check_refusals(bad).unwrap_err();
        assert!((1..=1_001).contains(&error.retry_after_ms.unwrap()), "{error:?}");
        assert!(addresses.check_refusals(good).is_ok());
    }

    #[test]
    fn quiet_addresses_are_forgotten() {
        let addresses = addresses(&["--requests-per-address", "1000000", "--refusals-per-address", "1000000"]);
        for n in 0..1_000u32 {
            let address = Address::from(IpAddr::from(n.to_be_bytes()));
            addresses.take_request(address).unwrap();
            addresses.authentication_refused(address);
        }
        let deadline = clock::monotonic() + Duration::from_secs(20);
        while addresses.kept() > 0 && clock::monotonic() < deadline {
            addresses.forget_quiet();
        }
        assert_eq!(addresses.kept(), 0);
    }

    #[test]
    fn when_there_are_too_many_those_of_a_network_share_one_rate() {
        let addresses = addresses(&["--requests-per-address", "1"]);
        let limits = addresses.limits.load();
        let requests = limits.requests.as_ref().unwrap();
        for n in 0..ADDRESSES_MAX as u32 + 50_000 {
            let _ = addresses.take_request(IpAddr::from((0xc600_0000 + n).to_be_bytes()).into());
        }
        assert!(requests.len() <= ADDRESSES_MAX + 2, "the rest is in two networks");
        assert!(addresses.take_request(address("198.2.255.255")).is_err());
        assert!(addresses.take_request(address("192.0.2.1")).is_ok(), "other networks are not concerned");
        let networks = (0..NETWORKS_MAX as u128).map(|n| IpAddr::from((n << 96).to_be_bytes()));
        networks.for_each(|address| drop(addresses.take_request(address.into())));
        assert_eq!(requests.len(), NETWORKS_MAX);
        assert!(addresses.take_request(address("198.2.255.255")).is_ok(), "what is not counted is not refused");
    }
}
