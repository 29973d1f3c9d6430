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
use conversation_protocol::{ApiError, ErrorKind};
use dashmap::DashMap;
use proxies::Proxies;
use std::{
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};
use tokio::time;

/// Addresses whose rates are kept one by one; more share [`SHARED`] places.
const ADDRESSES_MAX: usize = 100_000;
/// Places for the rates of addresses that come when there are too many.
const SHARED: u64 = 1_024;
/// How many times its limit of connections an address may have while the surplus is told why it is refused.
const SURPLUS: u32 = 2;
/// When who has too many connections may try again.
const SURPLUS_RETRY_MS: u64 = 5_000;
/// Between two looks at which addresses have become quiet.
const FORGET_INTERVAL: Duration = Duration::from_secs(30);

/// Whose limits count: a client's address; of IPv6 a network of 64 bits, as one client has at least that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    /// One that is known by itself.
    Single(IpAddr),
    /// One of too many.
    Shared(u64),
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self::Single(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The limits of addresses, and how far each has come.
pub struct Addresses {
    proxies: Proxies,
    metrics: Arc<Metrics>,
    connections_max: u32,
    open: DashMap<Address, u32>,
    requests: Option<Quotas<Address>>,
    refusals: Option<Quotas<Address>>,
    /// Who had too many authentications refused, and until when everything is.
    blocked: DashMap<Address, Duration>,
    hashes: RandomState,
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
        let quotas = |per_second: u32| {
            (per_second > 0).then(|| Quotas::keyed(quota(per_second, per_second.saturating_mul(4))))
        };
        Self {
            proxies: Proxies::new(config.trusted_proxies.clone()),
            metrics,
            connections_max: config.connections_per_address,
            open: DashMap::new(),
            requests: quotas(config.requests_per_address),
            refusals: quotas(config.refusals_per_address),
            blocked: DashMap::new(),
            hashes: RandomState::new(),
        }
    }

    /// Takes a place for a connection, if they are limited; those of a proxy are its clients', and counted by request.
    pub fn connect(self: &Arc<Self>, peer: IpAddr) -> Result<Option<Place>, Flood> {
        if self.proxies.trusts(peer) {
            return Ok(None);
        }
        let Some((place, count)) = self.place(peer) else { return Ok(None) };
        if count > self.connections_max.saturating_mul(SURPLUS) {
            self.count("address_flood");
            return Err(Flood);
        }
        Ok(Some(place))
    }

    /// A place, and how many this address has with it; `None` if they are not limited.
    fn place(self: &Arc<Self>, address: IpAddr) -> Option<(Place, u32)> {
        if self.connections_max == 0 {
            return None;
        }
        let address = Address::from(address);
        let count = {
            let mut count = self.open.entry(address).or_insert(0);
            *count += 1;
            *count
        };
        Some((Place { addresses: self.clone(), address, is_surplus: count > self.connections_max }, count))
    }

    /// How a connection that is one too many is refused.
    fn surplus(&self) -> ApiError {
        self.count("address_connections");
        let message = format!("expected at most {} connections of an address", self.connections_max);
        ApiError { retry_after_ms: Some(SURPLUS_RETRY_MS), ..ApiError::new(ErrorKind::TooFrequent, message) }
    }

    /// Whether an address may authenticate at all.
    fn check_refusals(&self, address: Address) -> Result<(), ApiError> {
        let until = [address, self.shared(address)].into_iter().filter_map(|key| self.blocked.get(&key).map(|at| *at));
        let left = until.max().and_then(|until| until.checked_sub(clock::monotonic()));
        let Some(left) = left else { return Ok(()) };
        self.count("address_authentications");
        let wait_ms = left.as_millis() as u64 + 1;
        let message = format!("too many refused authentications of this address, try again in {wait_ms} ms");
        Err(ApiError { retry_after_ms: Some(wait_ms), ..ApiError::new(ErrorKind::TooFrequent, message) })
    }

    /// Takes one request of an address, or says when there will be one.
    fn take_request(&self, address: Address) -> Result<(), ApiError> {
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.check_key(&self.key(requests, address)).map_err(|not_until| {
            self.count("address_requests");
            refused("requests of this address", &not_until)
        })
    }

    /// An authentication of an address was refused.
    pub fn authentication_refused(&self, address: Address) {
        let Some(refusals) = &self.refusals else { return };
        let address = self.key(refusals, address);
        if let Err(not_until) = refusals.check_key(&address) {
            let wait_ms = refused("", &not_until).retry_after_ms.unwrap_or_default();
            self.blocked.insert(address, clock::monotonic() + Duration::from_millis(wait_ms));
        }
    }

    /// Under what an address is kept: itself, or where there are too many one of some that they share.
    fn key(&self, quotas: &Quotas<Address>, address: Address) -> Address {
        if quotas.len() < ADDRESSES_MAX { address } else { self.shared(address) }
    }

    fn shared(&self, address: Address) -> Address {
        Address::Shared(self.hashes.hash_one(address) % SHARED)
    }

    fn count(&self, reason: &str) {
        self.metrics.refusals.with_label_values(&[reason]).inc();
    }

    /// Addresses that something is kept of, each limit by itself.
    pub fn kept(&self) -> usize {
        let quotas = [&self.requests, &self.refusals].into_iter().flatten().map(Quotas::len).sum::<usize>();
        self.open.len() + self.blocked.len() + quotas
    }

    /// Forgets addresses that have been quiet.
    fn forget_quiet(&self) {
        for quotas in [&self.requests, &self.refusals].into_iter().flatten() {
            quotas.retain_recent();
            quotas.shrink_to_fit();
        }
        let now = clock::monotonic();
        self.blocked.retain(|_, until| *until > now);
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
    fn too_many_addresses_share_a_bounded_number_of_places() {
        let addresses = addresses(&["--requests-per-address", "1"]);
        for n in 0..ADDRESSES_MAX as u32 + 10_000 {
            let _ = addresses.take_request(IpAddr::from(n.to_be_bytes()).into());
        }
        assert!(addresses.kept() <= ADDRESSES_MAX + SHARED as usize, "{}", addresses.kept());
    }
}
