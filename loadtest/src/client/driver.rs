//! How a client stays connected: connect, read, page on, answer callers, and come back after an end.

use super::{
    ClientOptions, Command, Observer,
    backoff::{Attempt, Ended, Next, next},
    connection::{Connection, Hello, Incoming},
    state::{ClientState, Paging, Phase},
};
use crate::http::CallError;
use conversation_protocol::{
    event::ReceivedFrame,
    limits::PAGE_ROWS_MAX,
    method::{PageResult, Reply, RequestId},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

type Answer = oneshot::Sender<Result<Value, CallError>>;

/// How long to wait before a page is asked for again.
const PAGE_RETRY: Duration = Duration::from_millis(500);

/// The task behind a [`super::Client`].
pub(super) struct Driver {
    options: Arc<ClientOptions>,
    state: Arc<Mutex<ClientState>>,
    commands: mpsc::Receiver<Command>,
    phase: watch::Sender<Phase>,
    observer: Box<dyn Observer>,
    token: Option<String>,
    is_token_untried: bool,
    failed: u32,
    url: usize,
}

/// What lives as long as one connection.
struct Session {
    connection: Connection,
    next_id: u64,
    waiting: HashMap<u64, Answer>,
    /// The page under way, its seq and where its answer comes.
    page: Option<(u64, oneshot::Receiver<Result<Value, CallError>>)>,
}

impl Driver {
    pub(super) fn new(
        options: Arc<ClientOptions>,
        state: Arc<Mutex<ClientState>>,
        commands: mpsc::Receiver<Command>,
        phase: watch::Sender<Phase>,
        observer: Box<dyn Observer>,
    ) -> Self {
        let url = options.first_url;
        Self { options, state, commands, phase, observer, token: None, is_token_untried: true, failed: 0, url }
    }

    /// Runs until it is stopped or gives up; says why it gave up.
    pub(super) async fn run(mut self) -> Option<String> {
        loop {
            let ended = match self.connect().await {
                Ok(connection) => match self.session(connection).await {
                    Some(ended) => ended,
                    None => return None,
                },
                Err(ended) => ended,
            };
            let is_cut = matches!(ended, Ended::Cut(_));
            self.observer.ended(&ended, is_cut);
            let farewell = self.with_state(|state| state.farewell());
            let of = Attempt { failed: self.failed, is_token_untried: self.is_token_untried, random: rand::random() };
            match next(&ended, farewell, of) {
                Next::Stop(why) => {
                    self.commands.close();
                    return Some(why);
                }
                Next::Again { after, with_new_token } => {
                    self.failed += u32::from(!is_cut);
                    self.url += 1;
                    if with_new_token {
                        self.token = None;
                    }
                    if !self.pause(after).await {
                        return None;
                    }
                }
            }
        }
    }

    fn with_state<T>(&self, change: impl FnOnce(&mut ClientState) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn connect(&mut self) -> Result<Connection, Ended> {
        let options = self.options.clone();
        let url = &options.urls[self.url % options.urls.len()];
        if self.token.is_none() {
            let issued = options.tokens.issue(&options.http, url, &options.user).await;
            self.token = Some(issued.map_err(|error| Ended::Broken(format!("no token: {error}")))?);
            self.is_token_untried = true;
        }
        let hello = Hello {
            url,
            token: self.token.as_deref().unwrap_or_default(),
            since: self.with_state(|state| state.cursor()),
            window: options.window,
            device: options.device.as_deref(),
            filters: &options.filters,
            source: options.source,
        };
        Connection::open(options.transport, &hello).await
    }

    /// Waits, answering callers that there is no connection; false when the client was stopped.
    async fn pause(&mut self, after: Duration) -> bool {
        let waited = tokio::time::sleep(after);
        tokio::pin!(waited);
        loop {
            tokio::select! {
                () = &mut waited => return true,
                command = self.commands.recv() => match command {
                    Some(Command::Call { method, params, answer }) => self.call_over_http(&method, params, answer),
                    Some(Command::Cut(_)) => {}
                    Some(Command::Forget) => self.with_state(ClientState::forget),
                    Some(Command::Return) => return true,
                    Some(Command::Stop) | None => return false,
                },
            }
        }
    }

    /// Reads one connection to its end; `None` when the client was stopped.
    async fn session(&mut self, connection: Connection) -> Option<Ended> {
        self.with_state(ClientState::connected);
        let mut session = Session { connection, next_id: 1, waiting: HashMap::new(), page: None };
        let ended = self.read(&mut session).await;
        self.with_state(ClientState::disconnected);
        self.phase.send_replace(Phase::Offline);
        for (_, answer) in session.waiting {
            let _ = answer.send(Err(CallError::Unanswered("the connection ended".to_owned())));
        }
        if ended.is_none() {
            session.connection.close().await;
        }
        ended
    }

    async fn read(&mut self, session: &mut Session) -> Option<Ended> {
        loop {
            if let Err(ended) = self.page_on(session).await {
                return Some(ended);
            }
            tokio::select! {
                incoming = session.connection.next() => match incoming {
                    Incoming::Text(text) => self.text(session, &text),
                    Incoming::SignOfLife => {}
                    Incoming::Ended(ended) => return Some(ended),
                },
                command = self.commands.recv() => match command {
                    Some(Command::Call { method, params, answer }) => {
                        if let Err(ended) = self.call(session, &method, params, answer).await {
                            return Some(ended);
                        }
                    }
                    Some(Command::Cut(away)) => return Some(Ended::Cut(away)),
                    Some(Command::Forget | Command::Return) => {}
                    Some(Command::Stop) | None => return None,
                },
                answer = answered(&mut session.page) => self.page(session, answer).await,
            }
        }
    }

    fn text(&mut self, session: &mut Session, text: &str) {
        match read_text(text) {
            Ok(Text::Frame(frame)) => {
                self.observer.frame(text);
                let observer = &mut self.observer;
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let phase = state.phase();
                state.frame(&frame, |previous, row| observer.row(phase, previous, row));
                let reached = state.phase();
                // Under the lock: whoever sees where the session stands knows that the observer was told.
                if reached != phase {
                    observer.reached(reached);
                }
                drop(state);
                if reached != phase {
                    self.phase.send_replace(reached);
                }
                if reached == Phase::Live && phase != Phase::Live {
                    self.failed = 0;
                    self.is_token_untried = false;
                }
            }
            Ok(Text::Reply(id, outcome)) => {
                if let Some(answer) = session.waiting.remove(&id) {
                    let _ = answer.send(outcome);
                }
            }
            Err(problem) => self.with_state(|state| state.unreadable(&problem)),
        }
    }

    /// Asks for the next page once the sync is over, one at a time.
    async fn page_on(&mut self, session: &mut Session) -> Result<(), Ended> {
        let paging = self.with_state(|state| (state.phase() == Phase::Live).then(|| state.paging()));
        let (Some(Paging::From(next_seq)), None) = (paging, &session.page) else { return Ok(()) };
        let (answer, answered) = oneshot::channel();
        session.page = Some((next_seq, answered));
        let params = json!({"nextSeq": next_seq, "count": PAGE_ROWS_MAX});
        self.call(session, "getConversationList", params, answer).await
    }

    async fn page(&mut self, session: &mut Session, (asked, answer): (u64, Result<Value, CallError>)) {
        session.page = None;
        let page = answer
            .map_err(|error| error.to_string())
            .and_then(|value| serde_json::from_value::<PageResult>(value).map_err(|error| error.to_string()));
        match page {
            Ok(page) => {
                let observer = &mut self.observer;
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let phase = Phase::Syncing(conversation_protocol::SyncMode::Full);
                state.page(asked, &page, |previous, row| observer.row(phase, previous, row));
                drop(state);
                self.phase.send_replace(Phase::Live);
            }
            // One failed page does not end the paging: it is asked for again.
            Err(_) => tokio::time::sleep(PAGE_RETRY).await,
        }
    }

    async fn call(&mut self, session: &mut Session, method: &str, params: Value, answer: Answer) -> Result<(), Ended> {
        if !session.connection.takes_calls() {
            self.call_over_http(method, params, answer);
            return Ok(());
        }
        let id = session.next_id;
        session.next_id += 1;
        session.waiting.insert(id, answer);
        session.connection.send(json!({"id": id, "method": method, "params": params}).to_string()).await
    }

    fn call_over_http(&self, method: &str, params: Value, answer: Answer) {
        let (options, token) = (self.options.clone(), self.token.clone().unwrap_or_default());
        let url = options.urls[self.url % options.urls.len()].clone();
        let path = format!("/v1/{method}");
        tokio::spawn(async move {
            let _ = answer.send(options.http.post(&url, &path, &token, params.to_string()).await);
        });
    }
}

/// The answer to the page under way; waits for ever when there is none.
async fn answered(
    page: &mut Option<(u64, oneshot::Receiver<Result<Value, CallError>>)>,
) -> (u64, Result<Value, CallError>) {
    match page {
        Some((asked, answer)) => {
            let outcome = answer.await.unwrap_or_else(|_| Err(CallError::Unanswered("dropped".to_owned())));
            (*asked, outcome)
        }
        None => std::future::pending().await,
    }
}

enum Text {
    Frame(ReceivedFrame),
    Reply(u64, Result<Value, CallError>),
}

/// A text is an event or a reply.
fn read_text(text: &str) -> Result<Text, String> {
    let shown = || text.chars().take(200).collect::<String>();
    // A reply has no "event"; one that has it in a string still fails to be read as a frame and is tried again.
    if text.contains(r#""event""#)
        && let Ok(frame) = serde_json::from_str::<ReceivedFrame>(text)
    {
        return Ok(Text::Frame(frame));
    }
    let reply: Reply = serde_json::from_str(text).map_err(|error| format!("{error}: {}", shown()))?;
    match (reply.id, reply.result, reply.error) {
        (Some(RequestId::Number(id)), Some(result), None) => Ok(Text::Reply(id, Ok(result))),
        (Some(RequestId::Number(id)), None, Some(error)) => Ok(Text::Reply(id, Err(CallError::Answered(error)))),
        _ => Err(format!("neither an event nor the answer to a call: {}", shown())),
    }
}
