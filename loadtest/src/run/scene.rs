//! What somebody beside a load may see of it, such as one who injects faults and waits for them to heal.

use super::{
    RunOptions, count,
    latency::Interruption,
    open::Opened,
    verify::{client_agrees, read_server},
};
use crate::{client::state::Counters, clock, token::Tokens};
use conversation_protocol::UserId;
use futures_util::{StreamExt, stream};
use hdrhistogram::Histogram;
use std::{sync::atomic::Ordering, time::Duration};

/// Users whose agreement is waited for at once.
const WATCHED_MAX: usize = 16;
/// Between two reads of one user.
const LOOK: Duration = Duration::from_millis(100);
/// How often clients are looked at after a read, and how long between: what was read may still be on its way to them.
const LOOKS: u32 = 4;
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Rows of a page.
const PAGE_ROWS: u32 = 100;

/// What a run is not held to, because the faults in it do not allow it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allowances {
    /// The store may lose what it had confirmed: rows and answers are not compared with the model, everything else is.
    pub lost_writes: bool,
    /// A call may be done long after its caller has given up and made it again: only calls are made whose order does
    /// not matter.
    pub late_calls: bool,
}

/// Calls and connections that did not go well so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Calls that were repeated.
    pub repeated: u64,
    /// Connections that ended though nobody had cut them.
    pub lost: u64,
}

/// A load under way.
pub struct Scene<'a> {
    pub(super) options: &'a RunOptions,
    pub(super) opened: &'a Opened,
}

impl Scene<'_> {
    /// What all clients got so far.
    pub fn counters(&self) -> Counters {
        count(&self.opened.clients)
    }

    /// What did not go well so far.
    pub fn troubles(&self) -> Troubles {
        Troubles {
            repeated: self.opened.world.tally.repeated.load(Ordering::Relaxed),
            lost: self.opened.measured.lost.load(Ordering::Relaxed),
        }
    }

    /// How long sessions were without a connection that nobody had cut, of all so far that are live again.
    pub fn interruptions(&self) -> Vec<Interruption> {
        self.opened.measured.interruptions()
    }

    /// When the last delivery came that was late, in the microseconds of [`clock`]; 0: none.
    pub fn last_late_us(&self) -> u64 {
        self.opened.measured.late().last_us
    }

    /// Microseconds from the time a message was due until a live client had its row, of all so far.
    pub(crate) fn latency(&self) -> Histogram<u64> {
        self.opened.measured.live()
    }

    /// Calls that are due and not answered.
    pub fn outstanding(&self) -> usize {
        self.opened.world.tally.outstanding.load(Ordering::Relaxed)
    }

    /// Waits until every user's clients were seen to have exactly the server's rows, each user at some instant of its
    /// own, since changes go on; answers when the last was. An error names one who was not within the time.
    pub async fn everybody_agrees(&self, at_most: Duration) -> Result<u64, String> {
        let deadline_us = clock::now_us() + at_most.as_micros() as u64;
        let users = self.opened.plan.users.iter().filter(|user| self.opened.world.clients.contains_key(user));
        let seen: Vec<Result<u64, String>> = stream::iter(users.enumerate())
            .map(|(n, user)| self.user_agrees(n, user, deadline_us))
            .buffer_unordered(WATCHED_MAX)
            .collect()
            .await;
        seen.into_iter().try_fold(clock::now_us().min(deadline_us), |last, seen| seen.map(|at| last.max(at)))
    }

    async fn user_agrees(&self, n: usize, user: &UserId, deadline_us: u64) -> Result<u64, String> {
        let (world, urls) = (&self.opened.world, &self.options.urls);
        let none = Vec::new();
        let clients = world.clients.get(user).unwrap_or(&none);
        let mut turn = n;
        loop {
            let url = &urls[turn % urls.len()];
            turn += 1;
            let outcome = async {
                let token = self.token(user).await?;
                let server = read_server(&world.http, url, &token, PAGE_ROWS).await;
                let server = server.map_err(|error| format!("{user}: no list: {error}"))?;
                let mut agreed = Ok(());
                for _ in 0..LOOKS {
                    agreed = clients.iter().try_for_each(|client| client_agrees(client, &server));
                    if agreed.is_ok() {
                        break;
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                agreed
            };
            let now_us = match outcome.await {
                Ok(()) => return Ok(clock::now_us()),
                Err(problem) if clock::now_us() > deadline_us => return Err(problem),
                Err(_) => clock::now_us(),
            };
            tokio::time::sleep(LOOK.min(Duration::from_micros(deadline_us.saturating_sub(now_us) + 1))).await;
        }
    }

    async fn token(&self, user: &UserId) -> Result<String, String> {
        let tokens: &Tokens = &self.options.tokens;
        let url = &self.options.urls[0];
        tokens.issue(&self.opened.world.http, url, user).await.map_err(|error| error.to_string())
    }
}
