//! Which connections are ended because nothing comes of them?
//!
//! The HTTP service would time only the first request's head, and gives up neither on a body that it drains nor on a client
//! that takes nothing. So every connection has a deadline of its own below that service, whatever is asked of it.

use crate::{addresses::Place, clock, metrics::Metrics};
use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use bytes::Bytes;
use std::{
    cell::Cell,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{self, Sleep},
};

/// From a request's head until its answer begins; bodies and stores have shorter bounds of their own.
const HANDLING_TIMEOUT: Duration = Duration::from_secs(120);
/// How long an answer of known size may take to be taken, however slowly; streams have no such end.
const TAKING_TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes of an answer that are given to the HTTP service at once.
const SLICE_BYTES_MAX: usize = 16 * 1024;

/// What a client may take its time for.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a request's head: from the connection, or from the end of the last answer.
    pub request: Duration,
    /// For the whole of a request's body; each part of it comes within the time for a head.
    pub body: Duration,
    /// Without taking any byte of what is written.
    pub write: Duration,
}

/// What a connection waits for, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The head of a request.
    Request { until: Duration },
    /// An answer from the gateway itself.
    Answer { until: Duration },
    /// That the answer is taken; a stream has no end.
    Taking { until: Option<Duration> },
}

/// The deadlines of one connection.
pub struct Watch {
    timeouts: Timeouts,
    metrics: Arc<Metrics>,
    phase: Cell<Phase>,
    /// When it ends unless a byte is taken; absent while the client takes what is written.
    blocked_until: Cell<Option<Duration>>,
    /// Whether its time is over.
    is_given_up: Cell<bool>,
    /// Whom to tell that everything that was written is taken.
    at_flush: Cell<Option<Waker>>,
}

impl Watch {
    fn new(timeouts: Timeouts, metrics: Arc<Metrics>) -> Rc<Self> {
        let phase = Cell::new(Phase::Request { until: clock::monotonic() + timeouts.request });
        Rc::new(Self {
            timeouts,
            metrics,
            phase,
            blocked_until: Cell::new(None),
            is_given_up: Cell::new(false),
            at_flush: Cell::new(None),
        })
    }

    fn await_request(&self) {
        self.phase.set(Phase::Request { until: clock::monotonic() + self.timeouts.request });
    }

    fn await_answer(&self) {
        self.phase.set(Phase::Answer { until: clock::monotonic() + HANDLING_TIMEOUT });
    }

    /// What is written is to be taken from now on.
    pub fn await_taking(&self, size: BodySize) {
        let until = match size {
            BodySize::Stream => None,
            BodySize::None | BodySize::Sized(_) => Some(clock::monotonic() + TAKING_TIMEOUT),
        };
        self.phase.set(Phase::Taking { until });
    }

    fn wrote(&self, is_blocked: bool) {
        if !is_blocked {
            self.blocked_until.set(None);
        } else if self.blocked_until.get().is_none() {
            self.blocked_until.set(Some(clock::monotonic() + self.timeouts.write));
        }
    }

    /// Waits until the client has room for more.
    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.blocked_until.get().is_none() {
            return Poll::Ready(());
        }
        self.at_flush.set(Some(context.waker().clone()));
        Poll::Pending
    }

    /// What comes first, and when.
    fn deadline(&self) -> Option<(Duration, &'static str)> {
        let phase = match self.phase.get() {
            Phase::Request { until } => Some((until, "request")),
            Phase::Answer { until } => Some((until, "answer")),
            Phase::Taking { until } => until.map(|until| (until, "taking")),
        };
        let blocked = self.blocked_until.get().map(|until| (until, "write"));
        phase.into_iter().chain(blocked).min()
    }
}

/// A connection that ends when its time is over.
pub struct Watched<S> {
    stream: S,
    watch: Rc<Watch>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Given back with the connection.
    place: Option<Place>,
}

impl<S> Watched<S> {
    /// Watches a connection that was just made.
    pub fn new(stream: S, timeouts: Timeouts, metrics: Arc<Metrics>, place: Option<Place>) -> Self {
        Self { stream, watch: Watch::new(timeouts, metrics), timer: None, place }
    }

    /// Whether its address has too many connections.
    pub fn is_surplus(&self) -> bool {
        self.place.as_ref().is_some_and(Place::is_surplus)
    }

    /// Its deadlines, for [`watch`] to find among the connection's data.
    pub fn watch(&self) -> &Rc<Watch> {
        &self.watch
    }

    /// Fails once the time is over, and else wakes this task when it is.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some((until, what)) = self.watch.deadline() else {
            self.timer = None;
            return Ok(());
        };
        let until = clock::instant(until);
        let timer = self.timer.get_or_insert_with(|| Box::pin(time::sleep_until(until)));
        if timer.deadline() != until {
            timer.as_mut().reset(until);
        }
        if timer.as_mut().poll(context).is_pending() {
            return Ok(());
        }
        // Who reads and who writes it are told one after the other.
        if !self.watch.is_given_up.replace(true) {
            self.watch.metrics.connections.timeouts.with_label_values(&[what]).inc();
            tracing::debug!(what, "a connection is given up");
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch.wrote(written.is_pending());
        self.check(context)?;
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        // The HTTP service flushes once there is nothing left to write.
        self.watch.at_flush.take().inspect(Waker::wake_by_ref);
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Tells a connection's watch how far each of its requests has come.
pub async fn watch(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<WatchedBody>, Error> {
    let watch = request.conn_data::<Rc<Watch>>().cloned();
    let taking = Taking(watch);
    taking.tell(Watch::await_answer);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| {
        taking.tell(|watch| watch.await_taking(body.size()));
        WatchedBody { body, part: Bytes::new(), taking }
    }))
}

/// An answer that is being made; behind it the next request is awaited.
struct Taking(Option<Rc<Watch>>);

impl Taking {
    fn tell(&self, change: impl FnOnce(&Watch)) {
        if let Some(watch) = &self.0 {
            change(watch);
        }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.tell(Watch::await_request);
    }
}

/// The body of an answer, in slices.
///
/// The HTTP service takes an answer that it has in its buffer for taken: it would hold a large one there as a whole, and
/// time the pause behind it while a slow client still reads.
pub struct WatchedBody {
    body: BoxBody,
    /// What came of the body and was not given on yet.
    part: Bytes,
    taking: Taking,
}

impl MessageBody for WatchedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.part.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(context)) {
                Some(Ok(part)) => self.part = part,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    if let Some(watch) = &self.taking.0 {
                        ready!(watch.poll_room(context));
                    }
                    return Poll::Ready(None);
                }
            }
        }
        let length = self.part.len().min(SLICE_BYTES_MAX);
        Poll::Ready(Some(Ok(self.part.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(request: Duration, write: Duration) -> Rc<Watch> {
        Watch::new(Timeouts { request, body: request, write }, Arc::new(Metrics::new()))
    }

    fn waits_for(watch: &Watch) -> Option<&'static str> {
        watch.deadline().map(|(_, what)| what)
    }

    #[test]
    fn a_connection_always_has_a_deadline_unless_a_stream_is_taken() {
        let watch = watch(Duration::from_secs(10), Duration::from_secs(40));
        assert_eq!(waits_for(&watch), Some("request"));
        watch.await_answer();
        assert_eq!(waits_for(&watch), Some("answer"));
        watch.await_taking(BodySize::Sized(9));
        assert_eq!(waits_for(&watch), Some("taking"));
        watch.await_taking(BodySize::Stream);
        assert_eq!(waits_for(&watch), None);
        watch.wrote(true);
        assert_eq!(waits_for(&watch), Some("write"));
        watch.wrote(false);
        assert_eq!(waits_for(&watch), None);
        watch.await_request();
        assert_eq!(waits_for(&watch), Some("request"));
    }

    #[test]
    fn what_is_due_first_counts_and_waiting_longer_for_room_moves_nothing() {
        let watch = watch(Duration::from_secs(10), Duration::from_secs(1));
        watch.wrote(true);
        let first = watch.deadline();
        assert_eq!(waits_for(&watch), Some("write"));
        watch.wrote(true);
        assert_eq!(watch.deadline(), first);
    }
}
