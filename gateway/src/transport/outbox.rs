//! What waits to be written to one client, and the body through which the server takes it.
//!
//! The server asks for more only when it has room, so the outbox knows what a client has really taken. What is
//! written is given in small slices: a large one would grow the connection's buffers for good.

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use conversation_store::Wakes;
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
};
use tokio::sync::Notify;

/// Bytes given to the server at once.
const SLICE_BYTES_MAX: usize = 4 * 1024;
/// Bytes waiting to be written above which nothing is done that a client asks for.
const BACKLOG_BYTES_MAX: usize = 256 * 1024;

/// Who is told how far a client has taken what was written.
pub trait Listener: Send + Sync {
    /// Everything, so that more may be written.
    fn everything_taken(self: Arc<Self>);
    /// Some of it, so that the client lives.
    fn some_taken(self: Arc<Self>);
}

/// The bytes of one connection on their way out.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// Something happened that the connection's task should look at.
    pub wake: Notify,
}

#[derive(Default)]
struct State {
    bytes: BytesMut,
    waker: Option<Waker>,
    ending: Ending,
    listener: Option<Weak<dyn Listener>>,
    /// Whether the session was not told yet that everything was taken.
    is_owed_writable: bool,
}

/// Wakes whoever takes the bytes of an outbox, when it is dropped: not before the writer has let go of everything that the
/// other one needs too, which may be on another thread and would only wait for it.
#[derive(Debug)]
pub struct Wake(Option<Waker>);

impl Wake {
    /// Wakes later, together with others.
    pub fn leave_to(mut self, wakes: &mut Wakes) {
        if let Some(waker) = self.0.take() {
            wakes.add(waker);
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

/// How far a connection has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// It lives.
    #[default]
    Open,
    /// Nothing more is written, but what the client still sends is taken.
    Lingering,
    /// It ends once everything is taken.
    Closing,
    /// It ends at once.
    Aborted,
    /// The server has let it go.
    Gone,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells this listener from now on what was taken.
    pub fn attach(&self, listener: Weak<dyn Listener>) {
        self.lock().listener = Some(listener);
    }

    /// Adds bytes through an encoder; nothing once the connection is ending. Whoever takes them is woken when what this
    /// returns is dropped.
    pub fn write(&self, encode: impl FnOnce(&mut BytesMut)) -> Wake {
        let mut state = self.lock();
        if state.ending != Ending::Open {
            return Wake(None);
        }
        encode(&mut state.bytes);
        state.is_owed_writable = true;
        Wake(state.waker.take())
    }

    /// How far the connection has come to its end.
    pub fn ending(&self) -> Ending {
        self.lock().ending
    }

    /// Whether a client may ask for more; [`Outbox::wake`] tells when it may again.
    pub fn has_room(&self) -> bool {
        self.lock().bytes.len() < BACKLOG_BYTES_MAX
    }

    /// Ends the connection once everything is taken.
    pub fn close(&self) {
        self.end(Ending::Closing, |_| {});
    }

    /// Adds the last bytes, and ends the connection once everything is taken.
    pub fn close_with(&self, encode: impl FnOnce(&mut BytesMut)) {
        self.end(Ending::Closing, encode);
    }

    /// Adds the last bytes; the connection lives on until it is closed or aborted.
    pub fn linger_with(&self, encode: impl FnOnce(&mut BytesMut)) {
        self.end(Ending::Lingering, encode);
    }

    /// Ends the connection at once.
    pub fn abort(&self) {
        self.end(Ending::Aborted, |_| {});
    }

    /// Takes the last bytes, if the connection is open, and the end in one step, so that nothing comes between.
    fn end(&self, ending: Ending, encode: impl FnOnce(&mut BytesMut)) {
        let mut state = self.lock();
        match (state.ending, ending) {
            (Ending::Gone | Ending::Aborted, _) | (Ending::Closing, Ending::Lingering | Ending::Closing) => return,
            (Ending::Open, _) => encode(&mut state.bytes),
            (Ending::Lingering | Ending::Closing, _) => {}
        }
        state.ending = ending;
        let waker = state.waker.take();
        drop(state);
        waker.inspect(Waker::wake_by_ref);
        self.wake.notify_one();
    }

    fn poll_slice(&self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut state = self.lock();
        if state.bytes.is_empty() && state.ending == Ending::Open && state.is_owed_writable {
            state.is_owed_writable = false;
            let listener = state.listener.as_ref().and_then(Weak::upgrade);
            drop(state);
            // It may write more at once, which is why the outbox must not be locked here.
            if let Some(listener) = listener {
                listener.everything_taken();
            }
            state = self.lock();
        }
        match state.ending {
            Ending::Aborted | Ending::Gone => {
                return Poll::Ready(Some(Err(io::Error::other("the session has ended"))));
            }
            Ending::Closing if state.bytes.is_empty() => return Poll::Ready(None),
            Ending::Open | Ending::Lingering | Ending::Closing => {}
        }
        if state.bytes.is_empty() {
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = state.bytes.len().min(SLICE_BYTES_MAX);
        let had_room = state.bytes.len() < BACKLOG_BYTES_MAX;
        let slice = state.bytes.split_to(length).freeze();
        if !had_room && state.bytes.len() < BACKLOG_BYTES_MAX {
            self.wake.notify_one();
        }
        if state.bytes.is_empty() {
            // Gives back the memory of a large frame.
            state.bytes = BytesMut::new();
            return Poll::Ready(Some(Ok(slice)));
        }
        let listener = state.listener.as_ref().and_then(Weak::upgrade);
        drop(state);
        if let Some(listener) = listener {
            listener.some_taken();
        }
        Poll::Ready(Some(Ok(slice)))
    }

    fn let_go(&self) {
        self.lock().ending = Ending::Gone;
        self.wake.notify_one();
    }
}

/// The response body that drains an outbox.
pub struct OutboxBody {
    outbox: Arc<Outbox>,
}

impl OutboxBody {
    /// A body for an outbox.
    pub fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox }
    }
}

impl MessageBody for OutboxBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        self.outbox.poll_slice(context)
    }
}

impl Drop for OutboxBody {
    fn drop(&mut self) {
        self.outbox.let_go();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(outbox: &Arc<Outbox>) -> Vec<u8> {
        let (mut body, mut all) = (Box::pin(OutboxBody::new(outbox.clone())), Vec::new());
        while let Some(slice) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
            all.extend_from_slice(&slice.expect("it ends well"));
        }
        all
    }

    fn bytes(bytes: &'static [u8]) -> impl FnOnce(&mut BytesMut) {
        move |all| all.extend_from_slice(bytes)
    }

    #[tokio::test]
    async fn nothing_is_written_behind_the_last_bytes() {
        let outbox = Arc::new(Outbox::default());
        outbox.write(bytes(b"first "));
        outbox.close_with(bytes(b"last"));
        outbox.write(bytes(b"late"));
        outbox.linger_with(bytes(b"late"));
        outbox.close_with(bytes(b"late"));
        assert_eq!(taken(&outbox).await, b"first last");
    }

    #[tokio::test]
    async fn what_lingers_has_said_its_last_and_ends_when_it_is_closed() {
        let outbox = Arc::new(Outbox::default());
        outbox.linger_with(bytes(b"last"));
        assert_eq!(outbox.ending(), Ending::Lingering);
        outbox.close_with(bytes(b"late"));
        assert_eq!(taken(&outbox).await, b"last");
    }
}
