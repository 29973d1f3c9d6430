//! How commands reach Redis over one connection, and what happens when it breaks.

use super::{endpoint::Endpoint, primary::Primary, scripts::with_source, server};
use crate::StoreError;
use redis::{
    Cmd, Pipeline, RedisError, ServerError, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::AbortHandle};

/// Milliseconds within which an answer must come; a call without one is given up, and the connection with it.
pub(super) const RESPONSE_TIMEOUT_MS: u64 = 3_000;
/// Milliseconds that a call waits beyond that, so that a slow answer and a missing connection are told apart.
const CALL_MARGIN_MS: u64 = 250;
/// Milliseconds between two attempts to connect, at first and at most (with jitter up to twice that).
const RECONNECT_DELAY_MS: (u64, u64) = (50, 500);

/// One connection to a primary, made anew for ever.
pub(super) struct Link {
    present: watch::Receiver<Option<Connected>>,
    /// The newest connection that is no longer to be used.
    given_up: Arc<watch::Sender<u64>>,
    replication_id: Arc<AtomicU64>,
    primary: Primary,
    keeper: AbortHandle,
}

/// A connection that stands, as far as is known.
#[derive(Clone)]
pub(super) struct Connected {
    /// Counts the connections, so that of many calls that fail together only one gives the connection up.
    generation: u64,
    connection: MultiplexedConnection,
    /// Of the server that it leads to.
    pub(super) replication_id: u64,
}

impl Link {
    /// A connection that is made in the background, and used once it is there. Needs a runtime.
    pub(super) fn new(purpose: &'static str, primary: Primary) -> Self {
        let (connected, present) = watch::channel(None);
        let given_up = Arc::new(watch::Sender::new(0));
        let replication_id = Arc::new(AtomicU64::new(0));
        let keeper = keep(purpose, primary.clone(), connected, given_up.subscribe(), replication_id.clone());
        Self { present, given_up, replication_id, primary, keeper: tokio::spawn(keeper).abort_handle() }
    }

    /// The replication id of the server that the newest connection led to; 0 before the first.
    pub(super) fn replication_id(&self) -> u64 {
        self.replication_id.load(Ordering::Relaxed)
    }

    /// The connection, once there is one.
    pub(super) async fn connected(&self) -> Result<Connected, StoreError> {
        let missing = || StoreError::Unavailable("redis: no connection".to_owned());
        let limit = Duration::from_millis(RESPONSE_TIMEOUT_MS + CALL_MARGIN_MS);
        let mut present = self.present.clone();
        let connected = tokio::time::timeout(limit, present.wait_for(Option::is_some)).await;
        connected.map_err(|_| missing())?.map_err(|_| missing())?.clone().ok_or_else(missing)
    }

    /// Runs commands in one round trip on this connection. A [`Value::ServerError`] says nothing about the other commands.
    pub(super) async fn run_on(&self, connected: &Connected, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let mut values = self.round_trip(connected, pipeline).await?;
        let unknown: Vec<usize> =
            (0..values.len()).filter(|at| is_error(&values[*at], ServerErrorKind::NoScript)).collect();
        if !unknown.is_empty() {
            // The scripts are gone (a restart, SCRIPT FLUSH, another server): none of these calls has run.
            let mut again = Pipeline::with_capacity(unknown.len());
            let commands: Vec<&Cmd> = pipeline.cmd_iter().collect();
            for at in &unknown {
                again.add_command(with_source(commands[*at]).unwrap_or_else(|| commands[*at].clone()));
            }
            for (at, value) in unknown.into_iter().zip(self.round_trip(connected, &again).await?) {
                values[at] = value;
            }
        }
        Ok(values)
    }

    async fn round_trip(&self, connected: &Connected, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let limit = Duration::from_millis(RESPONSE_TIMEOUT_MS + CALL_MARGIN_MS);
        let mut connection = connected.connection.clone();
        let answered = tokio::time::timeout(limit, connection.req_packed_commands(pipeline, 0, pipeline.len())).await;
        match answered {
            Ok(Ok(values)) if values.len() != pipeline.len() => Err(unexpected("another number of answers")),
            Ok(Ok(values)) => {
                if values.iter().any(|value| is_error(value, ServerErrorKind::ReadOnly)) {
                    // After a failover the address may lead to the new primary.
                    self.give_up(connected);
                }
                Ok(values)
            }
            Ok(Err(error)) => {
                // Silent or broken; whichever it is, nothing more is known of it.
                self.give_up(connected);
                Err(unavailable(&error))
            }
            // It takes no more calls.
            Err(_) => {
                self.give_up(connected);
                Err(StoreError::Unavailable(format!("redis: no answer within {RESPONSE_TIMEOUT_MS} ms")))
            }
        }
    }

    /// Makes the next call use a new connection.
    pub(super) fn give_up(&self, connected: &Connected) {
        self.primary.doubt();
        self.given_up.send_if_modified(|newest| {
            let is_news = *newest < connected.generation;
            *newest = connected.generation.max(*newest);
            is_news
        });
    }

    /// The same, whichever connection it is.
    pub(super) fn renew(&self) {
        let present = self.present.borrow().clone();
        if let Some(connected) = present {
            self.give_up(&connected);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Makes a connection, and another one whenever that was given up.
async fn keep(
    purpose: &'static str,
    primary: Primary,
    connected: watch::Sender<Option<Connected>>,
    mut given_up: watch::Receiver<u64>,
    replication_id: Arc<AtomicU64>,
) {
    let mut wait_ms = RECONNECT_DELAY_MS.0;
    for generation in 1.. {
        let (endpoint, connection, id) = loop {
            let endpoint = primary.endpoint();
            match connect(&endpoint).await {
                Ok((connection, id)) => break (endpoint, connection, id),
                Err(error) => tracing::debug!(purpose, %error, "redis: not connected"),
            }
            primary.doubt();
            tokio::time::sleep(Duration::from_millis(rand::random_range(wait_ms..=2 * wait_ms))).await;
            wait_ms = (wait_ms * 2).min(RECONNECT_DELAY_MS.1);
        };
        wait_ms = RECONNECT_DELAY_MS.0;
        replication_id.store(id, Ordering::Relaxed);
        connected.send_replace(Some(Connected { generation, connection, replication_id: id }));
        tokio::select! {
            given_up = given_up.wait_for(|newest| *newest >= generation) => if given_up.is_err() { return },
            () = primary.moves_from(&endpoint) => {}
        }
        tracing::warn!(purpose, server = endpoint.shown(), "a connection to redis was given up");
        connected.send_replace(None);
    }
}

/// A connection to a primary, and the primary's replication id.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<(MultiplexedConnection, u64), StoreError> {
    let mut connection = endpoint.connect(Duration::from_millis(RESPONSE_TIMEOUT_MS)).await?;
    let replication_id = server::ask(&mut connection).await?;
    Ok((connection, replication_id))
}

fn is_error(value: &Value, kind: ServerErrorKind) -> bool {
    match value {
        Value::ServerError(error) => error.kind() == Some(kind),
        _ => false,
    }
}

/// A value, or what the server said in its place.
pub(super) fn checked(value: Value) -> Result<Value, StoreError> {
    match value {
        Value::ServerError(error) => Err(refused(&error)),
        value => Ok(value),
    }
}

/// Sorts what the server answered in place of a value by what the caller does next.
pub(super) fn refused(error: &ServerError) -> StoreError {
    // Only the code: what follows it may quote arguments.
    match error.code() {
        "WRONGTYPE" => StoreError::Corrupt("redis: a key of ours holds another type".to_owned()),
        code => StoreError::Unavailable(format!("redis answered {code}")),
    }
}

/// A call that did not come through.
pub(super) fn unavailable(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        return StoreError::Unavailable(format!("redis: no answer within {RESPONSE_TIMEOUT_MS} ms"));
    }
    StoreError::Unavailable(format!("redis: {error}"))
}

/// An answer of another shape than the scripts give.
pub(super) fn unexpected(what: &str) -> StoreError {
    StoreError::Corrupt(format!("redis: an answer of an unexpected form: {what}"))
}
