//! How is a connection for sharded pub/sub spoken on? The client library takes what a server says unasked (that a channel has
//! gone to another server, with its slot) for the answer to whatever it waits for; here both are told apart by the channel.

use super::{
    endpoint::{CONNECTION_TIMEOUT_MS, Endpoint},
    link::{RESPONSE_TIMEOUT_MS, unexpected},
};
use crate::StoreError;
use futures_util::{SinkExt, StreamExt, stream::SplitSink, stream::SplitStream};
use redis::{Cmd, ServerErrorKind, Value, ValueCodec};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::AbortHandle,
};
use tokio_util::codec::Framed;

/// Messages that may wait to be taken; one more ends the connection. Each has at most 16 KiB of rows.
const QUEUE_MESSAGES_MAX: usize = 16_384;
/// Commands that are written together and then waited for.
const COMMANDS_TOGETHER: usize = 1_000;

type Connection = Framed<Box<dyn super::endpoint::Stream>, ValueCodec>;

/// What comes on a connection.
#[derive(Debug)]
pub(super) enum Heard {
    /// A message of a channel.
    Message(String, Vec<u8>),
    /// A channel is served elsewhere by now.
    Moved(String),
}

/// A command whose answer is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    Subscribe(String),
    Unsubscribe(String),
    Ping,
}

impl Question {
    fn command(&self) -> Cmd {
        match self {
            Self::Subscribe(channel) => redis::cmd("SSUBSCRIBE").arg(channel).to_owned(),
            Self::Unsubscribe(channel) => redis::cmd("SUNSUBSCRIBE").arg(channel).to_owned(),
            Self::Ping => redis::cmd("PING"),
        }
    }
}

/// What was asked and not answered, in order.
#[derive(Default)]
struct Open {
    questions: VecDeque<Question>,
    /// Channels of those answered that are served elsewhere.
    moved: Vec<String>,
    /// Told once no question is left.
    done: Option<oneshot::Sender<Vec<String>>>,
}

/// Says which channels a connection brings. An error ends it: what it brings is no longer known.
pub(super) struct Subscriber {
    write: SplitSink<Connection, Vec<u8>>,
    open: Arc<Mutex<Open>>,
    reader: AbortHandle,
}

/// Connects to a server. What comes ends with the connection.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<(Subscriber, mpsc::Receiver<Heard>), StoreError> {
    let made = tokio::time::timeout(Duration::from_millis(CONNECTION_TIMEOUT_MS), greet(endpoint)).await;
    let (write, read) = made.map_err(|_| silent())??.split();
    let (queue, heard) = mpsc::channel(QUEUE_MESSAGES_MAX);
    let open = Arc::default();
    let reader = tokio::spawn(listen(read, queue, Arc::clone(&open))).abort_handle();
    Ok((Subscriber { write, open, reader }, heard))
}

async fn greet(endpoint: &Endpoint) -> Result<Connection, StoreError> {
    let mut connection = Framed::new(endpoint.stream().await?, ValueCodec::default());
    if let Some(auth) = endpoint.auth() {
        connection.send(auth.get_packed_command()).await.map_err(|error| super::link::unavailable(&error))?;
        match connection.next().await {
            Some(Ok(Value::Okay)) => {}
            Some(Ok(Value::ServerError(error))) => return Err(super::link::refused(&error)),
            Some(Ok(_)) => return Err(unexpected("not OK")),
            Some(Err(error)) => return Err(super::link::unavailable(&error)),
            None => return Err(ended()),
        }
    }
    Ok(connection)
}

fn silent() -> StoreError {
    StoreError::Unavailable(format!("redis: no answer within {RESPONSE_TIMEOUT_MS} ms"))
}

fn ended() -> StoreError {
    StoreError::Unavailable("redis: the connection for pub/sub has ended".to_owned())
}

impl Subscriber {
    /// Subscribes to channels; answers those that are served elsewhere.
    pub(super) async fn subscribe(
        &mut self,
        channels: impl IntoIterator<Item = String>,
    ) -> Result<Vec<String>, StoreError> {
        self.ask_all(channels.into_iter().map(Question::Subscribe)).await
    }

    /// Subscribes to channels no more.
    pub(super) async fn unsubscribe(&mut self, channels: impl IntoIterator<Item = String>) -> Result<(), StoreError> {
        self.ask_all(channels.into_iter().map(Question::Unsubscribe)).await.map(drop)
    }

    /// Shows that the connection is alive.
    pub(super) async fn ping(&mut self) -> Result<(), StoreError> {
        self.ask_all(std::iter::once(Question::Ping)).await.map(drop)
    }

    async fn ask_all(&mut self, questions: impl Iterator<Item = Question>) -> Result<Vec<String>, StoreError> {
        let mut questions = questions.peekable();
        let mut moved = Vec::new();
        while questions.peek().is_some() {
            let limit = Duration::from_millis(RESPONSE_TIMEOUT_MS);
            let some: Vec<Question> = questions.by_ref().take(COMMANDS_TOGETHER).collect();
            let answered = tokio::time::timeout(limit, self.ask(some)).await.unwrap_or_else(|_| Err(silent()));
            match answered {
                Ok(elsewhere) => moved.extend(elsewhere),
                Err(error) => {
                    self.reader.abort();
                    return Err(error);
                }
            }
        }
        Ok(moved)
    }

    async fn ask(&mut self, questions: Vec<Question>) -> Result<Vec<String>, StoreError> {
        let mut bytes = Vec::new();
        questions.iter().for_each(|question| bytes.extend(question.command().get_packed_command()));
        let (done, answered) = oneshot::channel();
        *lock(&self.open) = Open { questions: questions.into(), moved: Vec::new(), done: Some(done) };
        self.write.send(bytes).await.map_err(|error| super::link::unavailable(&error))?;
        answered.await.map_err(|_| ended())
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

// Nothing between lock and unlock leaves it half-changed.
fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes everything off the connection, until it ends or nobody takes what comes.
async fn listen(mut read: SplitStream<Connection>, queue: mpsc::Sender<Heard>, open: Arc<Mutex<Open>>) {
    // Dropped in the end, with whoever waits for an answer.
    let _end = End(open.clone());
    loop {
        let value = tokio::select! {
            value = read.next() => value,
            () = queue.closed() => return,
        };
        let Some(Ok(value)) = value else { return };
        let heard = match sort(value, &mut lock(&open)) {
            Ok(Some(heard)) => heard,
            Ok(None) => continue,
            Err(error) => {
                tracing::error!(%error, "a connection for pub/sub ends");
                return;
            }
        };
        match queue.try_send(heard) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!(messages = QUEUE_MESSAGES_MAX, "a connection for pub/sub was full, and ends");
                return;
            }
            Err(TrySendError::Closed(_)) => return,
        }
    }
}

struct End(Arc<Mutex<Open>>);

impl Drop for End {
    fn drop(&mut self) {
        lock(&self.0).done = None;
    }
}

/// What a value means: something to be told, or the answer to the oldest question.
fn sort(value: Value, open: &mut Open) -> Result<Option<Heard>, StoreError> {
    let fields = match value {
        Value::Array(fields) => fields,
        Value::SimpleString(_) => return open.answered(&Question::Ping),
        Value::ServerError(error) => return open.refused(&error),
        _ => return Err(unexpected("neither a message nor an answer")),
    };
    let mut fields = fields.into_iter();
    let kind = bytes(fields.next())?;
    match kind.as_slice() {
        b"smessage" => Ok(Some(Heard::Message(text(fields.next())?, bytes(fields.next())?))),
        b"ssubscribe" => open.answered(&Question::Subscribe(text(fields.next())?)),
        b"sunsubscribe" => {
            let channel = text(fields.next())?;
            let question = Question::Unsubscribe(channel.clone());
            if open.questions.front() == Some(&question) {
                return open.answered(&question);
            }
            Ok(Some(Heard::Moved(channel)))
        }
        b"pong" => open.answered(&Question::Ping),
        _ => Err(unexpected("another kind of message")),
    }
}

fn bytes(value: Option<Value>) -> Result<Vec<u8>, StoreError> {
    match value {
        Some(Value::BulkString(bytes)) => Ok(bytes),
        _ => Err(unexpected("a message without its parts")),
    }
}

fn text(value: Option<Value>) -> Result<String, StoreError> {
    String::from_utf8(bytes(value)?).map_err(|_| unexpected("not UTF-8"))
}

impl Open {
    fn answered(&mut self, question: &Question) -> Result<Option<Heard>, StoreError> {
        if self.questions.pop_front().as_ref() != Some(question) {
            return Err(unexpected("the answer to another command"));
        }
        self.look();
        Ok(None)
    }

    fn refused(&mut self, error: &redis::ServerError) -> Result<Option<Heard>, StoreError> {
        match self.questions.pop_front() {
            Some(Question::Subscribe(channel)) if error.kind() == Some(ServerErrorKind::Moved) => {
                self.moved.push(channel);
            }
            // What is elsewhere by now is brought no more.
            Some(Question::Unsubscribe(_)) if error.kind() == Some(ServerErrorKind::Moved) => {}
            Some(_) | None => return Err(super::link::refused(error)),
        }
        self.look();
        Ok(None)
    }

    fn look(&mut self) {
        if self.questions.is_empty()
            && let Some(done) = self.done.take()
        {
            let _ = done.send(std::mem::take(&mut self.moved));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(parts: &[&str]) -> Value {
        Value::Array(parts.iter().map(|part| Value::BulkString(part.as_bytes().to_vec())).collect())
    }

    fn error(text: &str) -> Value {
        redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn what_a_server_says_unasked_is_no_answer() {
        let (done, mut answered) = oneshot::channel();
        let questions = VecDeque::from([
            Question::Subscribe("a".to_owned()),
            Question::Subscribe("b".to_owned()),
            Question::Unsubscribe("c".to_owned()),
            Question::Ping,
        ]);
        let mut open = Open { questions, moved: Vec::new(), done: Some(done) };
        let mut hear = |value| sort(value, &mut open).unwrap();
        assert!(matches!(hear(said(&["sunsubscribe", "x", "0"])), Some(Heard::Moved(channel)) if channel == "x"));
        assert!(hear(said(&["ssubscribe", "a", "1"])).is_none());
        assert!(matches!(hear(said(&["smessage", "a", "1"])), Some(Heard::Message(..))));
        assert!(hear(error("MOVED 5 127.0.0.1:7001")).is_none());
        assert!(matches!(hear(said(&["sunsubscribe", "a", "0"])), Some(Heard::Moved(channel)) if channel == "a"));
        assert!(hear(said(&["sunsubscribe", "c", "0"])).is_none());
        assert!(answered.try_recv().is_err());
        assert!(hear(said(&["pong", ""])).is_none());
        assert_eq!(answered.try_recv().unwrap(), ["b"]);
    }

    #[test]
    fn what_answers_no_question_ends_the_connection() {
        let mut open = Open::default();
        assert!(sort(said(&["ssubscribe", "a", "1"]), &mut open).is_err());
        assert!(sort(said(&["message", "a", "1"]), &mut open).is_err());
        assert!(sort(error("ERR no"), &mut open).is_err());
        assert!(sort(Value::Int(1), &mut open).is_err());
    }
}
