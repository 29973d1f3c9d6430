//! How commands reach Redis over one connection, and what happens when it breaks.

use super::scripts::with_source;
use crate::StoreError;
use redis::{
    Client, Cmd, Pipeline, RedisError, ServerError, ServerErrorKind, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Milliseconds within which an answer must come; a call without one is given up, and the connection with it.
pub(super) const RESPONSE_TIMEOUT_MS: u64 = 3_000;
/// Milliseconds that a call waits beyond that, so that a slow answer and a missing connection are told apart.
const CALL_MARGIN_MS: u64 = 250;
/// Milliseconds within which a connection must be made.
const CONNECTION_TIMEOUT_MS: u64 = 1_000;
/// Milliseconds between two attempts to connect, at first and at most (with jitter up to twice that).
const RECONNECT_DELAY_MS: (u64, u64) = (50, 500);
/// Calls that may wait to be written; further ones wait for a place.
const CALLS_WAITING_MAX: usize = 1_024;

/// One connection, made anew for ever.
pub(super) struct Link {
    purpose: &'static str,
    client: Client,
    current: Mutex<Current>,
}

struct Current {
    /// Counts the connections, so that of many calls that time out together only one gives the connection up.
    generation: u64,
    connection: ConnectionManager,
}

impl Link {
    /// A connection that is made with the first call. Needs a runtime.
    pub(super) fn new(purpose: &'static str, client: Client) -> Result<Self, StoreError> {
        let connection = connect(&client)?;
        Ok(Self { purpose, client, current: Mutex::new(Current { generation: 0, connection }) })
    }

    /// Runs commands in one round trip. An error in place of a value says nothing about the other commands.
    pub(super) async fn run(&self, pipeline: &Pipeline) -> Result<Vec<Result<Value, StoreError>>, StoreError> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let mut values = self.round_trip(pipeline).await?;
        let unknown: Vec<usize> =
            (0..values.len()).filter(|at| is_error(&values[*at], ServerErrorKind::NoScript)).collect();
        if !unknown.is_empty() {
            // The scripts are gone (a restart, SCRIPT FLUSH, another server): none of these calls has run.
            let mut again = Pipeline::with_capacity(unknown.len());
            let commands: Vec<&Cmd> = pipeline.cmd_iter().collect();
            for at in &unknown {
                again.add_command(with_source(commands[*at]).unwrap_or_else(|| commands[*at].clone()));
            }
            for (at, value) in unknown.into_iter().zip(self.round_trip(&again).await?) {
                values[at] = value;
            }
        }
        Ok(values.into_iter().map(checked).collect())
    }

    /// Runs one command.
    pub(super) async fn run_one(&self, command: Cmd) -> Result<Value, StoreError> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        self.run(&pipeline).await?.pop().unwrap_or_else(|| Err(unexpected("no answer")))
    }

    async fn round_trip(&self, pipeline: &Pipeline) -> Result<Vec<Value>, StoreError> {
        let (generation, mut connection) = {
            let current = self.current();
            (current.generation, current.connection.clone())
        };
        let limit = Duration::from_millis(RESPONSE_TIMEOUT_MS + CALL_MARGIN_MS);
        let answered = tokio::time::timeout(limit, connection.req_packed_commands(pipeline, 0, pipeline.len())).await;
        match answered {
            Ok(Ok(values)) if values.len() != pipeline.len() => Err(unexpected("another number of answers")),
            Ok(Ok(values)) => {
                if values.iter().any(|value| is_error(value, ServerErrorKind::ReadOnly)) {
                    // After a failover the address may lead to the new primary.
                    self.give_up(generation);
                }
                Ok(values)
            }
            Ok(Err(error)) => {
                if error.is_timeout() {
                    self.give_up(generation);
                }
                Err(unavailable(&error))
            }
            // Still connecting, which goes on.
            Err(_) => Err(StoreError::Unavailable("redis: no connection".to_owned())),
        }
    }

    /// Makes the next call use a new connection: one that is silent may be dead without a word.
    fn give_up(&self, generation: u64) {
        let mut current = self.current();
        if current.generation == generation
            && let Ok(connection) = connect(&self.client)
        {
            tracing::warn!(purpose = self.purpose, "a connection to redis was given up");
            *current = Current { generation: generation + 1, connection };
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(client: &Client) -> Result<ConnectionManager, StoreError> {
    let (first_delay_ms, delay_max_ms) = RECONNECT_DELAY_MS;
    let config = ConnectionManagerConfig::new()
        // The default of 6 ends in a connection that stays deaf for ever, without a word.
        .set_number_of_retries(usize::MAX)
        .set_min_delay(Duration::from_millis(first_delay_ms))
        .set_max_delay(Duration::from_millis(delay_max_ms))
        .set_connection_timeout(Some(Duration::from_millis(CONNECTION_TIMEOUT_MS)))
        .set_response_timeout(Some(Duration::from_millis(RESPONSE_TIMEOUT_MS)))
        .set_pipeline_buffer_size(CALLS_WAITING_MAX);
    ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(|error| unavailable(&error))
}

fn is_error(value: &Value, kind: ServerErrorKind) -> bool {
    match value {
        Value::ServerError(error) => error.kind() == Some(kind),
        _ => false,
    }
}

fn checked(value: Value) -> Result<Value, StoreError> {
    match value {
        Value::ServerError(error) => Err(refused(&error)),
        value => Ok(value),
    }
}

/// Sorts what the server answered in place of a value by what the caller does next.
fn refused(error: &ServerError) -> StoreError {
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
