//! Many sessions at once: how they are opened, told what to do, and compared with the server in the end.

pub(crate) mod arrivals;
mod floor;
mod open;
pub(crate) mod order;
mod party;
mod reader;
pub(crate) mod returns;
pub(crate) mod rows;
mod times;
mod worker;

use crate::{
    progress::{Progress, Step},
    target::Target,
    violations::Violations,
};
use arrivals::{Arrivals, Received};
use clap::Args;
use conversation_protocol::UserId;
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use order::{Answer, Opening, Order, Return, Seat, Server};
use party::Party;
use returns::{Returned, Returns};
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use worker::Worker;

pub(crate) use open::{OPENING_MAX, open, source};
pub(crate) use reader::{Expected, Reader, ask_all};
pub use worker::work;

/// Between two looks at other processes.
const LOOK: Duration = Duration::from_millis(100);

/// How many processes have the sessions.
#[derive(Debug, Clone, Copy, Args)]
pub struct Workers {
    /// Sessions that one process may have, fewer than the files that it may open; more are shared out to as many processes as
    /// are needed.
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sessions_per_worker: u32,
}

/// All sessions of a measurement: in this process, or in as many others as are needed.
pub(crate) struct Crowd {
    parts: Vec<Mutex<Part>>,
    sessions_per_part: usize,
    progress: Progress,
    arrivals: Arc<Arrivals>,
    returns: Arc<Returns>,
}

enum Part {
    Here(Party),
    Elsewhere(Worker),
}

impl Crowd {
    /// Room for so many sessions, none of them open yet.
    pub(crate) fn new(sessions: usize, workers: Workers, progress: &Progress) -> Result<Self, String> {
        let parts = sessions.div_ceil(workers.sessions_per_worker as usize);
        if parts <= 1 {
            return Ok(Self::here(sessions, Arc::new(Arrivals::of(sessions)), progress));
        }
        let sessions_per_part = sessions.div_ceil(parts);
        let start = |number| Worker::start(number, sessions_per_part).map(|worker| Mutex::new(Part::Elsewhere(worker)));
        Ok(Self {
            parts: (1..=parts).map(start).collect::<Result<_, String>>()?,
            sessions_per_part,
            progress: progress.clone(),
            arrivals: Arc::default(),
            returns: Arc::default(),
        })
    }

    /// Those whose connections somebody else in this process has, and who are heard of by their arrivals only.
    pub(crate) fn of_others(arrivals: Arc<Arrivals>, progress: &Progress) -> Self {
        Self::here(0, arrivals, progress)
    }

    fn here(sessions: usize, arrivals: Arc<Arrivals>, progress: &Progress) -> Self {
        let returns = Arc::new(Returns::of(sessions));
        let party = Party::new(arrivals.clone(), returns.clone(), progress.clone());
        Self {
            parts: vec![Mutex::new(Part::Here(party))],
            sessions_per_part: sessions.max(1),
            progress: progress.clone(),
            arrivals,
            returns,
        }
    }

    /// Whom the steps are told to.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Tells from when messages were due until they came, of all that came to this process so far, at any time.
    pub(crate) fn latency_here(&self) -> impl Fn() -> Histogram<u64> + Send + Sync + 'static {
        let arrivals = self.arrivals.clone();
        move || arrivals.received().times
    }

    /// Tells how long sessions of this process took to come back, of all that are live so far, at any time.
    pub(crate) fn until_live_here(&self) -> impl Fn() -> Histogram<u64> + Send + Sync + 'static {
        let returns = self.returns.clone();
        move || returns.returned().times
    }

    /// Opens sessions and waits until each has its whole list.
    pub(crate) async fn open(&self, target: &Target, server: Server, seats: Vec<Seat>) -> Result<(), String> {
        let opening = |seats: &[Seat]| {
            let (target, seats) = (target.clone(), seats.to_vec());
            Order::Open(Opening { target, server, run: std::process::id(), seats })
        };
        self.each(seats.chunks(self.sessions_per_part).map(opening)).await.map(drop)
    }

    /// Waits until everybody has at least so many rows.
    pub(crate) async fn wait_for_rows(&self, rows: usize) -> Result<(), String> {
        self.all(&Order::WaitForRows(rows)).await.map(drop)
    }

    /// Drops connections without a word, and waits until they are gone; those who `forget` have no cursor then.
    pub(crate) async fn leave(&self, places: &[usize], forget: bool) -> Result<(), String> {
        let shares = self.share_out(places, |place| *place, |_, place| place);
        self.each(shares.map(|places| Order::Leave { places, forget })).await.map(drop)
    }

    /// Those who left come back, at most so many at once, and this is over when all are live.
    pub(crate) async fn come_back(&self, returns: &[Return], at_once: Option<usize>) -> Result<(), String> {
        let at_once = at_once.map(|count| count.div_ceil(self.parts.len()));
        let shares = self.share_out(returns, |of| of.place, |of, place| Return { place, ..*of });
        self.each(shares.map(|returns| Order::ComeBack { returns, at_once })).await.map(drop)
    }

    /// Waits until one of the processes has ended, and says its last words; for ever where the sessions are here.
    pub(crate) async fn end_of_one(&self) -> String {
        loop {
            for part in &self.parts {
                if let Part::Elsewhere(worker) = &mut *part.lock().await
                    && let Some(words) = worker.end()
                {
                    return words;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Forgets what was received.
    pub(crate) async fn forget_received(&self) -> Result<(), String> {
        self.all(&Order::ForgetReceived).await.map(drop)
    }

    /// How many timed messages came since.
    pub(crate) async fn count_received(&self) -> Result<u64, String> {
        let counts = self.all(&Order::CountReceived).await?.into_iter().map(|answer| match answer {
            Answer::Count(count) => Ok(count),
            other => Err(unexpected(&other)),
        });
        counts.sum()
    }

    /// What came since.
    pub(crate) async fn received(&self) -> Result<Received, String> {
        let received = self.all(&Order::Received).await?.into_iter().map(|answer| match answer {
            Answer::Received(received) => Ok(received),
            other => Err(unexpected(&other)),
        });
        received.reduce(|sum, more| Ok(sum?.add(more?))).unwrap_or_else(|| Ok(Received::default()))
    }

    /// How everybody came back.
    pub(crate) async fn returned(&self) -> Result<Returned, String> {
        let returned = self.all(&Order::Returned).await?.into_iter().map(|answer| match answer {
            Answer::Returned(returned) => Ok(returned),
            other => Err(unexpected(&other)),
        });
        returned.reduce(|sum, more| Ok(sum?.add(more?))).unwrap_or_else(|| Ok(Returned::default()))
    }

    /// Waits until everybody has what the server has, and the server what is expected of each, in the order of the seats; what
    /// is wrong when the time is up, with everything that clients saw broken.
    pub(crate) async fn compare(&self, expected: Vec<Expected>) -> Result<Violations, String> {
        let mut violations = Violations::default();
        let orders = expected.chunks(self.sessions_per_part).map(|expected| Order::Compare(expected.to_vec()));
        for answer in self.each(orders).await? {
            match answer {
                Answer::Broken(broken) => violations.add_all(broken),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(violations)
    }

    /// Closes all sessions.
    pub(crate) async fn close(self) -> Result<(), String> {
        self.all(&Order::Close).await.map(drop)
    }

    /// Whose turn each of some sessions is: for each part those that it has, by their places there.
    fn share_out<T>(
        &self,
        of: &[T],
        place: impl Fn(&T) -> usize,
        placed: impl Fn(&T, usize) -> T,
    ) -> impl Iterator<Item = Vec<T>> {
        let mut shares: Vec<Vec<T>> = self.parts.iter().map(|_| Vec::new()).collect();
        for one in of {
            let place = place(one);
            shares[place / self.sessions_per_part].push(placed(one, place % self.sessions_per_part));
        }
        shares.into_iter()
    }

    /// The same order for every part.
    async fn all(&self, order: &Order) -> Result<Vec<Answer>, String> {
        self.each(self.parts.iter().map(|_| order.clone())).await
    }

    /// An order for each part; all of them at once, and each answer is waited for.
    async fn each(&self, orders: impl Iterator<Item = Order>) -> Result<Vec<Answer>, String> {
        let orders: Vec<Order> = orders.collect();
        let name = orders.first().and_then(Order::long_name).filter(|_| self.parts.len() > 1);
        let step = name.map(|name| self.progress.step(&format!("{name}, in workers"), orders.len() as u64));
        let performed = self.parts.iter().zip(orders).map(async |(part, order)| {
            let answer = match &mut *part.lock().await {
                Part::Here(party) => party.perform(order).await,
                Part::Elsewhere(worker) => worker.perform(&order).await,
            };
            step.iter().for_each(Step::advance);
            answer
        });
        join_all(performed).await.into_iter().collect()
    }
}

fn unexpected(answer: &Answer) -> String {
    format!("not the answer to this order: {answer:?}")
}

/// So many names of users, all different from those of other runs.
pub(crate) fn users(run: &str, count: usize) -> Result<Vec<UserId>, String> {
    (0..count).map(|n| format!("{run}-u{n}").parse().map_err(|error| format!("{error}"))).collect()
}
