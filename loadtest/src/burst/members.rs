//! Who is in the group: members that read, members that read slowly, and members that never read.

use super::{BurstOptions, fates::Fates};
use crate::{
    client::{Client, ClientOptions, Observer, state::Phase},
    clock, crowd,
    http::{BaseUrl, Http},
    measure::{
        percentiles::{Percentiles, histogram, quantiles},
        series::Series,
    },
    progress::Progress,
    proxy::{Kind, Proxy, Rule},
};
use conversation_protocol::{Conversation, UserId};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Bytes that the kernel holds for a member that does not read; it doubles them.
const RECEIVE_BUFFER_BYTES: u32 = 4 * 1024;
/// Between two looks at everybody.
const LOOK: Duration = Duration::from_millis(100);

/// How a member reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    AtOnce,
    Slow,
    Never,
}

/// When a member had a message with this seq, or a later one: rising in both.
type Arrivals = Arc<Mutex<Vec<(u64, u64)>>>;

struct Watcher(Arrivals);

impl Observer for Watcher {
    fn row(&mut self, _phase: Phase, _previous: Option<&Conversation>, row: &Conversation) {
        let Some(last) = &row.last_message else { return };
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if arrivals.last().is_none_or(|(seq, _)| last.seq > *seq) {
            arrivals.push((last.seq, clock::now_us()));
        }
    }
}

/// The group.
pub(super) struct Members {
    pub(super) users: Vec<UserId>,
    pub(super) clients: Vec<Arc<Client>>,
    arrivals: Vec<Arrivals>,
    readings: Vec<Reading>,
    slow_doors: Vec<Proxy>,
    stuck_doors: Vec<Proxy>,
}

impl Members {
    /// Opens everybody's session.
    pub(super) async fn open(
        options: &BurstOptions,
        http: &Http,
        run: &str,
        (slow, stuck): (u32, u32),
        progress: &Progress,
    ) -> Result<Self, String> {
        let (slow_doors, stuck_doors) = (doors(options).await?, doors(options).await?);
        let urls = |doors: &[Proxy]| -> Vec<BaseUrl> { doors.iter().map(|door| door.url()).collect() };
        let (slow_urls, stuck_urls) = (urls(&slow_doors), urls(&stuck_doors));
        let reading = |n: u32| match n {
            n if n < slow => Reading::Slow,
            n if n < slow + stuck => Reading::Never,
            _ => Reading::AtOnce,
        };
        let readings: Vec<Reading> = (0..options.members).map(reading).collect();
        let users: Vec<UserId> = (0..options.members)
            .map(|n| format!("{run}-u{n}").parse().map_err(|error| format!("{error}")))
            .collect::<Result<_, String>>()?;
        let arrivals: Vec<Arrivals> = users.iter().map(|_| Arrivals::default()).collect();
        let starts = readings.iter().enumerate().map(|(n, reading)| {
            let urls = match reading {
                Reading::AtOnce => options.target.url.clone(),
                Reading::Slow => slow_urls.clone(),
                Reading::Never => stuck_urls.clone(),
            };
            let of_client = ClientOptions {
                first_url: n,
                source: Some(crowd::source(n)),
                ..ClientOptions::of(users[n].clone(), urls, options.target.tokens(), http.clone())
            };
            (of_client, Watcher(arrivals[n].clone()))
        });
        let clients = crowd::open(starts, progress).await?;
        Ok(Self { users, clients, arrivals, readings, slow_doors, stuck_doors })
    }

    /// From now on the slow ones read slowly, and the stuck ones nothing.
    pub(super) fn read_as_they_do(&self, bytes_per_second: u32) {
        self.slow_doors.iter().for_each(|door| door.set(Kind::Session, Rule::Slow(bytes_per_second)));
        self.stuck_doors.iter().for_each(|door| door.set(Kind::Session, Rule::StallAnswers));
    }

    /// From now on everybody reads.
    pub(super) fn heal(&self) {
        self.slow_doors.iter().chain(&self.stuck_doors).for_each(Proxy::heal);
    }

    /// The places of those who read in a way.
    pub(super) fn of(&self, reading: Reading) -> impl Iterator<Item = usize> {
        self.readings.iter().enumerate().filter(move |(_, of)| **of == reading).map(|(n, _)| n)
    }

    /// Frames of each member so far.
    pub(super) fn frames(&self) -> Vec<u64> {
        self.clients.iter().map(|client| client.with_state(|state| state.counters().frames)).collect()
    }

    /// Waits until every healthy member had the newest message that it was to have.
    pub(super) async fn healthy_have(
        &self,
        fates: &Fates,
        at_most: Duration,
        progress: &Progress,
    ) -> Result<(), String> {
        let deadline_us = clock::now_us() + at_most.as_micros() as u64;
        let step = progress.step("waiting for the healthy", self.of(Reading::AtOnce).count() as u64);
        for n in self.of(Reading::AtOnce) {
            while self.reached(n) < fates.newest(n) {
                if clock::now_us() > deadline_us {
                    let (user, reached, newest) = (&self.users[n], self.reached(n), fates.newest(n));
                    return Err(format!("{user}: message {newest} has not come within {at_most:?}, but {reached}"));
                }
                tokio::time::sleep(LOOK).await;
            }
            step.advance();
        }
        Ok(())
    }

    fn reached(&self, n: usize) -> u64 {
        let arrivals = self.arrivals[n].lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.last().map_or(0, |(seq, _)| *seq)
    }

    /// From the time that messages were due until healthy members had them or later ones; put into a series that
    /// began then, too.
    pub(super) fn latency(&self, fates: &Fates, series: &mut Series, begun_us: u64) -> Percentiles {
        let (mut times, mut of_looks) = (histogram(), vec![histogram(); series.samples.len()]);
        for n in self.of(Reading::AtOnce) {
            let arrivals = self.arrivals[n].lock().unwrap_or_else(PoisonError::into_inner);
            for (arrived_us, delay_us) in delays(&fates.due_of(n), &arrivals) {
                times.saturating_record(delay_us);
                let after_seconds = arrived_us.saturating_sub(begun_us) as f64 / 1e6;
                let look = series.samples.partition_point(|look| look.after_seconds < after_seconds);
                if let Some(of_look) = of_looks.get_mut(look) {
                    of_look.saturating_record(delay_us);
                }
            }
        }
        for (look, of_look) in series.samples.iter_mut().zip(of_looks) {
            look.latency = (!of_look.is_empty()).then(|| Percentiles::of(&of_look));
        }
        series.quantiles = quantiles(&times);
        Percentiles::of(&times)
    }

    pub(super) async fn stop(self) {
        for client in self.clients {
            if let Some(client) = Arc::into_inner(client) {
                client.stop().await;
            }
        }
    }
}

/// A proxy before each node.
async fn doors(options: &BurstOptions) -> Result<Vec<Proxy>, String> {
    let mut doors = Vec::new();
    for url in &options.target.url {
        let named = |error: std::io::Error| format!("{url}: {error}");
        let mut addresses = tokio::net::lookup_host(url.authority()).await.map_err(named)?;
        let address = addresses.next().ok_or_else(|| format!("{url}: the host has no address"))?;
        doors.push(Proxy::start(address, Some(RECEIVE_BUFFER_BYTES)).await.map_err(named)?);
    }
    Ok(doors)
}

/// When each message came, or a later one, and how long after it was due; both lists rise by seq.
fn delays(due: &[(u64, u64)], arrivals: &[(u64, u64)]) -> impl Iterator<Item = (u64, u64)> {
    let mut next = 0;
    due.iter().filter_map(move |(seq, due_us)| {
        while arrivals.get(next)?.0 < *seq {
            next += 1;
        }
        let (_, arrived_us) = arrivals[next];
        Some((arrived_us, arrived_us.saturating_sub(*due_us)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_come_with_the_first_row_that_is_as_new() {
        let due = [(1, 100), (2, 200), (4, 400), (7, 700)];
        let arrivals = [(2, 250), (5, 450), (6, 650)];
        assert_eq!(delays(&due, &arrivals).collect::<Vec<_>>(), [(250, 150), (250, 50), (450, 50)]);
    }
}
