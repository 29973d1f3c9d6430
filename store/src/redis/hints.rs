//! How hints come from Redis: one pub/sub connection, read at once, with a bounded queue behind it.

use super::{
    keys::{channel, user_of_channel},
    link::{RESPONSE_TIMEOUT_MS, unavailable},
};
use crate::{HintReceiver, HintSink, HintsEnd, StoreError, Told, Wakes};
use async_trait::async_trait;
use conversation_protocol::{Hint, UserId};
use futures_util::StreamExt;
use redis::{
    Client, Msg, RedisResult, Value,
    aio::{PubSubSink, PubSubStream},
};
use std::{convert::Infallible, future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::AbortHandle,
};

/// Hints that may wait to be taken; one more ends the path, and the relay heals it. Each has at most 16 KiB of rows.
const QUEUE_HINTS_MAX: usize = 16_384;
/// Hints that are handed on before those are woken whom they are for.
const TOGETHER_MAX: usize = 256;
/// Channels in one command.
const CHANNELS_PER_COMMAND: usize = 1_000;

/// Opens a path, which follows a channel of probes from the first.
pub(super) async fn open(
    client: &Client,
    probes: &str,
    receiver: Arc<dyn HintReceiver>,
) -> Result<(Sink, HintsEnd), StoreError> {
    let (mut sink, messages) = within_timeout(client.get_async_pubsub()).await?.split();
    within_timeout(sink.subscribe(probes)).await?;
    let (queue, received) = mpsc::channel(QUEUE_HINTS_MAX);
    let (alive, end) = HintsEnd::new();
    let reader = tokio::spawn(read(messages, queue)).abort_handle();
    tokio::spawn(hand_on(received, probes.to_owned(), receiver, alive));
    Ok((Sink { sink, reader }, end))
}

/// Takes messages off the connection, which itself queues without a bound.
async fn read(mut messages: PubSubStream, queue: mpsc::Sender<Msg>) {
    loop {
        let message = tokio::select! {
            message = messages.next() => message,
            () = queue.closed() => None,
        };
        let Some(message) = message else { return };
        match queue.try_send(message) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!(hints = QUEUE_HINTS_MAX, "a path for hints was full, and ends");
                return;
            }
            Err(TrySendError::Closed(_)) => return,
        }
    }
}

pub(super) async fn within_timeout<T>(call: impl Future<Output = RedisResult<T>>) -> Result<T, StoreError> {
    match tokio::time::timeout(Duration::from_millis(RESPONSE_TIMEOUT_MS), call).await {
        Ok(result) => result.map_err(|error| unavailable(&error)),
        Err(_) => Err(StoreError::Unavailable(format!("redis: no answer within {RESPONSE_TIMEOUT_MS} ms"))),
    }
}

/// Says whom a path follows. An error ends the path: what it follows is no longer known.
pub(super) struct Sink {
    sink: PubSubSink,
    reader: AbortHandle,
}

impl Sink {
    fn ended<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_err() {
            self.reader.abort();
        }
        result
    }
}

fn channels(users: &[UserId]) -> Vec<String> {
    users.iter().map(channel).collect()
}

#[async_trait]
impl HintSink for Sink {
    async fn follow(&mut self, users: &[UserId]) -> Result<(), StoreError> {
        for users in users.chunks(CHANNELS_PER_COMMAND) {
            let followed = within_timeout(self.sink.subscribe(channels(users))).await;
            self.ended(followed)?;
        }
        Ok(())
    }

    async fn unfollow(&mut self, users: &[UserId]) -> Result<(), StoreError> {
        for users in users.chunks(CHANNELS_PER_COMMAND) {
            let unfollowed = within_timeout(self.sink.unsubscribe(channels(users))).await;
            self.ended(unfollowed)?;
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), StoreError> {
        let answered = within_timeout(self.sink.ping::<Value>()).await;
        self.ended(answered).map(drop)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Hands everything on until the path breaks; a message that cannot be read breaks it, since else nobody would see the gap.
async fn hand_on(
    mut received: mpsc::Receiver<Msg>,
    probes: String,
    receiver: Arc<dyn HintReceiver>,
    _alive: oneshot::Sender<Infallible>,
) {
    let mut messages = Vec::new();
    while received.recv_many(&mut messages, TOGETHER_MAX).await > 0 {
        let mut wakes = Wakes::default();
        for message in messages.drain(..) {
            let Some(told) = told(&message, &probes) else {
                tracing::error!(bytes = message.get_payload_bytes().len(), "a hint cannot be read; its path ends");
                return;
            };
            receiver.told(told, &mut wakes);
        }
    }
}

fn told(message: &Msg, probes: &str) -> Option<Told> {
    let payload = message.get_payload_bytes();
    if message.get_channel_name() == probes {
        return Some(Told::Probe(std::str::from_utf8(payload).ok()?.parse().ok()?));
    }
    Some(Told::Hint(user_of_channel(message.get_channel_name())?, Arc::new(decode(payload)?)))
}

/// Reads a hint; without its rows where only they cannot be read.
fn decode(payload: &[u8]) -> Option<Hint> {
    let text = std::str::from_utf8(payload).ok()?;
    if let Ok(hint) = Hint::decode(text) {
        return Some(hint);
    }
    let mut header: serde_json::Value = serde_json::from_str(text.split('\n').next()?).ok()?;
    let fields = header.as_object_mut()?;
    fields.remove("rows");
    fields.remove("deleted");
    fields.insert("truncated".to_owned(), true.into());
    let hint = Hint::decode(&header.to_string()).ok()?;
    tracing::error!(bytes = payload.len(), "the rows of a hint cannot be read");
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conversation_protocol::RowState;

    #[test]
    fn a_torn_hint_still_tells_the_clock() {
        let row = RowState { conversation_id: "c2c_bob".parse().unwrap(), version: 12, created: 12, json: "{}".into() };
        let whole = Hint {
            epoch: u64::MAX,
            previous: 10,
            clock: 12,
            total_unread: 3,
            rows: vec![row],
            deleted: vec![("group_g".parse().unwrap(), 11)],
            facets: Vec::new(),
            groups: Vec::new(),
            truncated: false,
            kick: None,
            fork: None,
            accepted_us: None,
        };
        let text = whole.encode();
        let header = text.split('\n').next().unwrap();
        let expected = Hint { rows: Vec::new(), deleted: Vec::new(), truncated: true, ..whole.clone() };
        assert_eq!(decode(text.as_bytes()), Some(whole));
        assert_eq!(decode(header.as_bytes()), Some(expected));
        assert_eq!(decode(b"{}"), None);
        assert_eq!(decode(b"\xff"), None);
    }
}
