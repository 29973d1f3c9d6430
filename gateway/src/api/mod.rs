//! What calls do: those of clients, over any transport, and those of backends.

pub mod client;
pub mod server;
mod sessions;
mod user_data;

use crate::{live::LiveSession, node::Node};
use conversation_protocol::{ApiError, ErrorKind, RowState, UserId, method::CLIENT_METHODS, server::SERVER_METHODS};
use conversation_store::{StoreError, WriteError, rules::Refusal};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Who makes a client's call.
#[derive(Clone)]
pub struct Caller {
    /// Whose list it is about.
    pub user: UserId,
    /// The live session it came over; absent over HTTP.
    pub session: Option<Arc<LiveSession>>,
}

/// What a call answers.
pub type CallResult = Result<Box<RawValue>, ApiError>;

/// Encodes a result.
pub fn encode(result: &impl Serialize) -> CallResult {
    serde_json::value::to_raw_value(result).map_err(|error| {
        tracing::error!(%error, "a result could not be encoded");
        ApiError::new(ErrorKind::Internal, "the server failed to encode the result")
    })
}

/// `{}`: done, and nothing to tell.
pub fn empty_result() -> Box<RawValue> {
    raw("{}".to_owned())
}

/// JSON that was put together from parts that are JSON.
fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("parts of JSON were joined to JSON")
}

/// A JSON array of rows.
pub fn list(rows: &[RowState]) -> String {
    let bytes: usize = rows.iter().map(|row| row.json.len() + 1).sum();
    let mut json = String::with_capacity(bytes + 2);
    json.push('[');
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(&row.json);
    }
    json.push(']');
    json
}

/// How a store's failure is told.
pub fn store_error(error: &StoreError) -> ApiError {
    match error {
        StoreError::Unavailable(_) => {
            // The store says once that it is away; every call that meets it is counted by its code.
            tracing::debug!(%error, "the store does not answer");
            ApiError::new(ErrorKind::StoreUnavailable, "the store does not answer, try again")
        }
        StoreError::Corrupt(_) => {
            tracing::error!(%error, "the store's data cannot be read");
            ApiError::new(ErrorKind::Internal, "the server cannot read its data")
        }
    }
}

/// How a refused or failed change is told.
pub fn write_error(error: WriteError) -> ApiError {
    match error {
        WriteError::Refused(refusal) => {
            let kind = refusal.kind();
            let message = refusal.to_string();
            let conversation = match refusal {
                Refusal::Newer(conversation) => Some(conversation),
                Refusal::UnknownConversation
                | Refusal::TooManyPinned
                | Refusal::UnknownGroup
                | Refusal::GroupNameTaken
                | Refusal::TooManyGroups
                | Refusal::TooManyGrouped
                | Refusal::RowTooLarge
                | Refusal::ClockExhausted => None,
            };
            ApiError { conversation, ..ApiError::new(kind, message) }
        }
        WriteError::Contended => ApiError {
            retry_after_ms: Some(100),
            ..ApiError::new(ErrorKind::TooFrequent, "too many writers for this user at once, try again")
        },
        WriteError::Store(error) => store_error(&error),
    }
}

/// A method's name, if it is one.
fn known(method: &str) -> &str {
    let is_known = CLIENT_METHODS.contains(&method) || SERVER_METHODS.contains(&method);
    if is_known { method } else { "unknown" }
}

/// Counts a call. Only known methods come as they are, so that nobody can make labels up.
pub fn count(node: &Node, api: &str, method: &str, error: Option<&ApiError>) {
    let method = known(method);
    let code = error.map_or(0, |error| error.kind.code()).to_string();
    node.metrics.calls.with_label_values(&[api, method, &code]).inc();
}
