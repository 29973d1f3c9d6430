//! The reference client: one device of one user, which stays connected and up to date by the protocol's rules.

pub mod backoff;
pub mod connection;
mod driver;
pub mod event_stream;
pub mod state;
#[cfg(test)]
mod tests;

use crate::{
    http::{BaseUrl, CallError, Http},
    token::Tokens,
};
use connection::Transport;
use conversation_protocol::{Conversation, Cursor, Filter, UserId};
use serde_json::Value;
use state::{ClientState, Phase};
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

/// Commands that may wait for the connection's task; a caller waits when there are more.
const COMMANDS_MAX: usize = 16;
/// How long a call over WebSocket may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Who connects, where and how.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Nodes; a client that was cut goes to the next one.
    pub urls: Vec<BaseUrl>,
    /// The node to begin with.
    pub first_url: usize,
    /// The user.
    pub user: UserId,
    /// The device's name.
    pub device: Option<String>,
    /// WebSocket or event stream.
    pub transport: Transport,
    /// Where tokens come from.
    pub tokens: Tokens,
    /// For calls that do not go over the connection.
    pub http: Http,
    /// Rows of a full sync.
    pub window: Option<u32>,
    /// The cursor to begin with.
    pub since: Option<Cursor>,
    /// Filters whose totals the client wants to be told.
    pub filters: Vec<Filter>,
    /// The address to connect from, where the gateway is on this machine.
    pub source: Option<Ipv4Addr>,
}

impl ClientOptions {
    /// A WebSocket of a user's only device, and nothing that is special.
    pub fn of(user: UserId, urls: Vec<BaseUrl>, tokens: Tokens, http: Http) -> Self {
        Self {
            urls,
            first_url: 0,
            user,
            device: None,
            transport: Transport::WebSocket,
            tokens,
            http,
            window: None,
            since: None,
            filters: Vec::new(),
            source: None,
        }
    }
}

/// Sees what a client gets, as it gets it.
pub trait Observer: Send + 'static {
    /// A frame came, as it is on the wire.
    fn frame(&mut self, _text: &str) {}
    /// The client has a row that it did not have in this version; in `phase`, in place of `previous`.
    fn row(&mut self, _phase: Phase, _previous: Option<&Conversation>, _row: &Conversation) {}
    /// The session stands elsewhere than before.
    fn reached(&mut self, _phase: Phase) {}
    /// A connection ended; `is_wanted` if the client itself cut it.
    fn ended(&mut self, _why: &backoff::Ended, _is_wanted: bool) {}
}

/// An observer that looks away.
#[derive(Debug, Default)]
pub struct NoObserver;
impl Observer for NoObserver {}

/// What the connection's task is asked to do.
enum Command {
    Call {
        method: String,
        params: Value,
        answer: oneshot::Sender<Result<Value, CallError>>,
    },
    /// Cut, and stay away for a while, or until [`Command::Return`].
    Cut(Option<Duration>),
    /// Forget the list and its cursor; only without a connection.
    Forget,
    /// Come back at once.
    Return,
    Stop,
}

/// A handle on a running client.
pub struct Client {
    options: Arc<ClientOptions>,
    state: Arc<Mutex<ClientState>>,
    commands: mpsc::Sender<Command>,
    phase: watch::Receiver<Phase>,
    task: JoinHandle<Option<String>>,
}

impl Client {
    /// Starts a client; it connects by itself.
    pub fn start(options: ClientOptions, observer: impl Observer) -> Self {
        let options = Arc::new(options);
        let state = Arc::new(Mutex::new(ClientState::resuming(options.since, &options.filters)));
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (phase_sender, phase) = watch::channel(Phase::Offline);
        let driver = driver::Driver::new(options.clone(), state.clone(), inbox, phase_sender, Box::new(observer));
        Self { options, state, commands, phase, task: tokio::spawn(driver.run()) }
    }

    /// The user whose list this is.
    pub fn user(&self) -> &UserId {
        &self.options.user
    }

    /// Looks at what the client has.
    pub fn with_state<T>(&self, look: impl FnOnce(&ClientState) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls a method on the connection (an event stream's client: over HTTP).
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let gone = || CallError::Unanswered("the client has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        let command = Command::Call { method: method.to_owned(), params, answer };
        self.commands.send(command).await.map_err(|_| gone())?;
        match tokio::time::timeout(CALL_TIMEOUT, answered).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(CallError::Unanswered(format!("none within {CALL_TIMEOUT:?}"))),
        }
    }

    /// Cuts the connection without a word; after a while the client resumes at the next node with its cursor.
    pub async fn cut(&self, away: Duration) {
        let _ = self.commands.send(Command::Cut(Some(away))).await;
    }

    /// Cuts the connection without a word, and stays away until [`Self::come_back`].
    pub async fn leave(&self) {
        let _ = self.commands.send(Command::Cut(None)).await;
    }

    /// Forgets the list and its cursor while it is away.
    pub async fn forget(&self) {
        let _ = self.commands.send(Command::Forget).await;
    }

    /// Comes back at once from wherever it stays away.
    pub async fn come_back(&self) {
        let _ = self.commands.send(Command::Return).await;
    }

    /// Waits until the client is live and has paged everything, or the time is up; says whether it is.
    pub async fn wait_complete(&self, at_most: Duration) -> bool {
        let mut phase = self.phase.clone();
        let complete = async {
            while !self.with_state(ClientState::is_complete) {
                if phase.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(at_most, complete).await.unwrap_or(false)
    }

    /// Whether the client has given up, or was stopped.
    pub fn is_stopped(&self) -> bool {
        self.task.is_finished()
    }

    /// Closes the connection and ends the client. Says why it had given up, if it had.
    pub async fn stop(self) -> (Option<String>, Arc<Mutex<ClientState>>) {
        let _ = self.commands.send(Command::Stop).await;
        (self.task.await.ok().flatten(), self.state)
    }
}
