//! How hints come from a shard: its primary's channels, read at once, with a bounded queue behind them.

use super::{
    keys::Keys,
    shard::Shard,
    subscription::{self, Heard, Subscriber},
};
use crate::{HintReceiver, HintSink, HintsEnd, StoreError, Told, Wakes};
use async_trait::async_trait;
use conversation_protocol::{Hint, UserId};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Hints that are handed on before those are woken whom they are for.
const TOGETHER_MAX: usize = 256;

/// Opens a path, which follows a channel of probes from the first.
pub(super) async fn open(
    shard: &Shard,
    keys: &Keys,
    probes: String,
    receiver: Arc<dyn HintReceiver>,
) -> Result<(Sink, HintsEnd), StoreError> {
    let endpoint = shard.primary.endpoint();
    let opened = async {
        let (mut subscriber, heard) = subscription::connect(&endpoint).await?;
        match subscriber.subscribe([probes.clone()]).await?.is_empty() {
            true => Ok((subscriber, heard)),
            false => Err(StoreError::Unavailable("redis: the shard has another slot by now".to_owned())),
        }
    };
    let (subscriber, heard) = opened.await.inspect_err(|_| shard.primary.doubt())?;
    let (alive, end) = HintsEnd::new();
    let (primary, of_path) = (shard.primary.clone(), keys.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = hand_on(heard, &of_path, &probes, receiver) => {}
            () = primary.moves_from(&endpoint) => {}
        }
        drop(alive);
    });
    Ok((Sink { subscriber, keys: keys.clone() }, end))
}

/// Says whom a path follows. An error ends the path: what it follows is no longer known.
pub(super) struct Sink {
    subscriber: Subscriber,
    keys: Keys,
}

impl Sink {
    fn channels(&self, users: &[UserId]) -> Vec<String> {
        users.iter().map(|user| self.keys.channel(user)).collect()
    }
}

#[async_trait]
impl HintSink for Sink {
    async fn follow(&mut self, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        let moved = self.subscriber.subscribe(self.channels(users)).await?;
        Ok(moved.iter().filter_map(|channel| self.keys.user_of_channel(channel)).collect())
    }

    async fn unfollow(&mut self, users: &[UserId]) -> Result<(), StoreError> {
        self.subscriber.unsubscribe(self.channels(users)).await
    }

    async fn ping(&mut self) -> Result<(), StoreError> {
        self.subscriber.ping().await
    }
}

/// Hands everything on until the path breaks; a message that cannot be read breaks it, since else nobody would see the gap.
async fn hand_on(mut received: mpsc::Receiver<Heard>, keys: &Keys, probes: &str, receiver: Arc<dyn HintReceiver>) {
    let mut messages = Vec::new();
    while received.recv_many(&mut messages, TOGETHER_MAX).await > 0 {
        let mut wakes = Wakes::default();
        for message in messages.drain(..) {
            match told(&message, keys, probes) {
                Some(told) => receiver.told(told, &mut wakes),
                None => {
                    tracing::warn!("a path for hints brings what is no hint, or its probes no more; it ends");
                    return;
                }
            }
        }
    }
}

fn told(message: &Heard, keys: &Keys, probes: &str) -> Option<Told> {
    match message {
        Heard::Message(channel, payload) if channel == probes => {
            Some(Told::Probe(std::str::from_utf8(payload).ok()?.parse().ok()?))
        }
        Heard::Message(channel, payload) => {
            Some(Told::Hint(keys.user_of_channel(channel)?, Arc::new(decode(payload)?)))
        }
        // The probes are no user's: without them nothing is proven any more.
        Heard::Moved(channel) => Some(Told::Moved(keys.user_of_channel(channel)?)),
    }
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
            trace: None,
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
