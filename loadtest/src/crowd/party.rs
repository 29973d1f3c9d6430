//! The sessions of one process, and how they do what they are asked.

use super::{
    arrivals::Arrivals,
    floor::connect_all,
    open::{open, source_of_run},
    order::{Answer, Opening, Order, Return, Server},
    reader::{Expected, Reader},
    returns::Returns,
};
use crate::{
    client::{
        Client, ClientOptions, Observer,
        backoff::Ended,
        connection::Transport,
        state::{ClientState, Phase},
    },
    clock,
    http::Http,
    progress::Progress,
    target::Target,
    violations::Violations,
};
use futures_util::{StreamExt, future, stream};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// How long everybody may take to do something.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// The sessions of this process.
pub(super) struct Party {
    /// How lists are read; `None` without the gateway.
    reader: Option<Reader>,
    clients: Vec<Arc<Client>>,
    /// Connections to the floor.
    receivers: Vec<JoinHandle<()>>,
    arrivals: Arc<Arrivals>,
    returns: Arc<Returns>,
    progress: Progress,
}

impl Party {
    /// Without sessions so far; what they get and how they come back is written there.
    pub(super) fn new(arrivals: Arc<Arrivals>, returns: Arc<Returns>, progress: Progress) -> Self {
        Self { reader: None, clients: Vec::new(), receivers: Vec::new(), arrivals, returns, progress }
    }

    /// Does what it is asked.
    pub(super) async fn perform(&mut self, order: Order) -> Result<Answer, String> {
        match order {
            Order::Open(opening) => self.open(&opening).await?,
            Order::WaitForRows(rows) => {
                self.wait_for(|state| state.is_complete() && state.rows().count() >= rows).await?;
            }
            Order::Leave { places, forget } => self.leave(&places, forget).await?,
            Order::ComeBack { returns, at_once } => self.come_back(returns, at_once).await?,
            Order::ForgetReceived => self.arrivals.begin(),
            Order::CountReceived => return Ok(Answer::Count(self.arrivals.messages())),
            Order::Received => return Ok(Answer::Received(self.arrivals.received())),
            Order::Returned => return Ok(Answer::Returned(self.returns.returned())),
            Order::Compare(expected) => return Ok(Answer::Broken(self.compare(&expected).await)),
            Order::Close => self.close().await,
        }
        Ok(Answer::Done)
    }

    async fn open(&mut self, opening: &Opening) -> Result<(), String> {
        match opening.server {
            Server::Gateway => {
                let http = Http::new();
                self.reader = Some(Reader::of(&opening.target, &http));
                let starts = (0..opening.seats.len()).map(|place| {
                    let watcher = Watcher { place, arrivals: self.arrivals.clone(), returns: self.returns.clone() };
                    (client_options(opening, place, &http), watcher)
                });
                self.clients = open(starts, &self.progress).await?;
            }
            Server::Floor => {
                let arrivals = self.arrivals.clone();
                let on_text = move |place: usize, text: &str| arrivals.frame(place, text);
                self.receivers = connect_all(opening, &self.progress, on_text).await?;
            }
        }
        Ok(())
    }

    /// Those who leave are gone when this is over.
    async fn leave(&self, places: &[usize], forget: bool) -> Result<(), String> {
        let _step = self.progress.step("dropping sessions", places.len() as u64);
        future::join_all(places.iter().map(|place| self.clients[*place].leave())).await;
        let leaving = places.iter().map(|place| &self.clients[*place]);
        wait_for(leaving.clone(), |state| state.phase() == Phase::Offline).await?;
        if forget {
            future::join_all(leaving.map(|client| client.forget())).await;
        }
        Ok(())
    }

    async fn come_back(&self, returns: Vec<Return>, at_once: Option<usize>) -> Result<(), String> {
        let (count, live) = (returns.len(), AtomicUsize::new(0));
        let step = self.progress.step("coming back", count as u64);
        let come_back = async |Return { place, after_ms }| {
            if after_ms > 0 {
                tokio::time::sleep(Duration::from_millis(after_ms)).await;
            }
            self.returns.begins(place);
            self.clients[place].come_back().await;
            live.fetch_add(usize::from(self.clients[place].wait_complete(PATIENCE).await), Ordering::Relaxed);
            step.advance();
        };
        stream::iter(returns).for_each_concurrent(at_once, come_back).await;
        match live.into_inner() {
            all if all == count => Ok(()),
            live => Err(format!("{live} of {count} sessions are live {PATIENCE:?} later")),
        }
    }

    async fn compare(&self, expected: &[Expected]) -> Violations {
        match &self.reader {
            Some(reader) => {
                let of = |place: usize, server: &_| expected[place].of(server);
                reader.compare(&self.clients, PATIENCE, &self.progress, of).await
            }
            None => Violations::default(),
        }
    }

    async fn wait_for(&self, is_there: impl Fn(&ClientState) -> bool) -> Result<(), String> {
        wait_for(self.clients.iter(), is_there).await
    }

    async fn close(&mut self) {
        self.receivers.drain(..).for_each(|receiver| receiver.abort());
        let clients = std::mem::take(&mut self.clients);
        future::join_all(clients.into_iter().filter_map(Arc::into_inner).map(Client::stop)).await;
    }
}

async fn wait_for<'a>(
    clients: impl Iterator<Item = &'a Arc<Client>>,
    is_there: impl Fn(&ClientState) -> bool,
) -> Result<(), String> {
    let deadline_us = clock::now_us() + PATIENCE.as_micros() as u64;
    for client in clients {
        while !client.with_state(&is_there) {
            if clock::now_us() > deadline_us {
                return Err(format!("{}: not where it should be within {PATIENCE:?}", client.user()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(())
}

fn client_options(opening: &Opening, place: usize, http: &Http) -> ClientOptions {
    let (seat, Target { url, .. }) = (&opening.seats[place], &opening.target);
    ClientOptions {
        first_url: seat.number,
        transport: if seat.is_sse { Transport::EventStream } else { Transport::WebSocket },
        source: Some(source_of_run(opening.run, seat.number)),
        ..ClientOptions::of(seat.user.clone(), url.clone(), opening.target.tokens(), http.clone())
    }
}

/// Sees one session.
struct Watcher {
    place: usize,
    arrivals: Arc<Arrivals>,
    returns: Arc<Returns>,
}

impl Observer for Watcher {
    fn frame(&mut self, text: &str) {
        self.arrivals.frame(self.place, text);
        self.returns.frame(self.place, text);
    }

    fn reached(&mut self, phase: Phase) {
        self.returns.reached(self.place, phase);
    }

    fn ended(&mut self, why: &Ended, is_wanted: bool) {
        self.returns.ended(self.place, why, is_wanted);
    }
}
