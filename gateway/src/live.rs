//! A session in the world: drives the sans-io core, performs what it decides.

use crate::{
    auth::Identity,
    clock,
    metrics::Metrics,
    reads::SyncReads,
    session::{Heartbeat, Input, Note, Output, Session, SessionConfig, TooManyFilters},
    traces::Deliveries,
    transport::{
        Transport,
        outbox::{Listener, Outbox, Wake},
    },
};
use conversation_protocol::{Cursor, DeviceId, Filter, Head, Hint, UserId, method::TotalResult};
use conversation_store::{SessionLease, Store, StoreError, Wakes};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// One live session of this node.
pub struct LiveSession {
    reads: Arc<SyncReads>,
    metrics: Arc<Metrics>,
    user: UserId,
    transport: Transport,
    lease: SessionLease,
    outbox: Arc<Outbox>,
    state: Mutex<State>,
}

struct State {
    core: Session,
    /// When the connection's task will give the next tick.
    tick_at: Option<Duration>,
    /// When the oldest change was accepted that was written but not yet taken, in microseconds of the store's time.
    accepted_us: Option<u64>,
    /// While a change that is traced is on its way.
    deliveries: Option<Box<Deliveries>>,
}

/// What a client asks for when it connects.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// The cursor it came with, if it is one of ours.
    pub since: Option<Cursor>,
    /// Rows of a full sync.
    pub window: u32,
    /// The device, as it names it.
    pub device: Option<DeviceId>,
    /// Filters whose totals it wants to be told.
    pub filters: Vec<Filter>,
}

/// Why a subscription failed.
#[derive(Debug)]
pub enum SubscribeError {
    /// The session has as many filters as it may.
    TooMany(TooManyFilters),
    /// The store could not tell the total.
    Store(StoreError),
}

impl LiveSession {
    /// A session of a user, not yet in the hub.
    pub fn new(
        reads: Arc<SyncReads>,
        metrics: Arc<Metrics>,
        node: &str,
        identity: &Identity,
        opening: Opening,
        transport: Transport,
        outbox: Arc<Outbox>,
    ) -> Arc<Self> {
        let now = clock::monotonic();
        let lease = SessionLease {
            user: identity.user.clone(),
            node: node.to_owned(),
            session: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            device: opening.device.clone(),
            transport: transport.name().to_owned(),
            connected_at: clock::unix_s(),
        };
        let core = Session::new(
            SessionConfig {
                since: opening.since,
                window: opening.window,
                device: opening.device,
                filters: opening.filters,
                token_issued_at_us: identity.issued_at_us,
                token_expires_at: identity.deadline(),
                heartbeat: match transport {
                    Transport::WebSocket => Heartbeat::PingPong,
                    Transport::Sse => Heartbeat::Comment,
                },
                jitter: rand::random(),
            },
            now,
        );
        let user = identity.user.clone();
        let state = Mutex::new(State { core, tick_at: None, accepted_us: None, deliveries: None });
        let session = Arc::new(Self { reads, metrics, user, transport, lease, outbox: outbox.clone(), state });
        let listener: Arc<dyn Listener> = session.clone();
        outbox.attach(Arc::downgrade(&listener));
        session
    }

    /// Its number on this node.
    pub fn id(&self) -> u64 {
        self.lease.session
    }

    /// Whose list it shows.
    pub fn user(&self) -> &UserId {
        &self.user
    }

    /// Its transport.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// How other nodes see it.
    pub fn lease(&self) -> &SessionLease {
        &self.lease
    }

    /// Whether it was closed by the gateway.
    pub fn is_over(&self) -> bool {
        self.lock().core.is_closed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened.
    pub fn input(self: &Arc<Self>, input: Input) {
        self.handle(input);
    }

    /// A hint came, perhaps with others for other sessions; who writes what there is to say is woken by `wakes`.
    pub fn hint(self: &Arc<Self>, hint: Arc<Hint>, wakes: &mut Wakes) {
        let mut state = self.lock();
        if let Some(trace) = &hint.trace {
            state.deliveries.get_or_insert_default().hinted(trace, self.transport.name());
        }
        if let Some(wake) = self.handle_in(state, Input::Hint(hint)) {
            wake.leave_to(wakes);
        }
    }

    fn handle(self: &Arc<Self>, input: Input) -> Option<Wake> {
        self.handle_in(self.lock(), input)
    }

    fn handle_in(self: &Arc<Self>, mut state: MutexGuard<'_, State>, input: Input) -> Option<Wake> {
        let mut outputs = Vec::new();
        state.core.handle(input, clock::monotonic(), &mut outputs);
        self.perform(state, outputs)
    }

    /// The client asks whether `cursor` is the newest; `head` was read after it asked.
    pub fn probe(self: &Arc<Self>, cursor: Option<Cursor>, head: &Head) -> bool {
        let mut state = self.lock();
        let mut outputs = Vec::new();
        let is_up_to_date = state.core.probe(cursor, head, clock::monotonic(), &mut outputs);
        self.perform(state, outputs);
        is_up_to_date
    }

    /// The client wants to be told the total of a filter; answers it as it is. Reads the store.
    pub async fn subscribe(self: &Arc<Self>, store: &dyn Store, filter: Filter) -> Result<TotalResult, SubscribeError> {
        let subscription = self.lock().core.subscribe(filter.clone()).map_err(SubscribeError::TooMany)?;
        match store.unread(&self.user).await {
            Ok(unread) => {
                let mut state = self.lock();
                let mut outputs = Vec::new();
                let now = clock::monotonic();
                let total_unread_count = state.core.subscribed(&filter, subscription, &unread, now, &mut outputs);
                self.perform(state, outputs);
                Ok(TotalResult { total_unread_count, version: unread.head.cursor.version })
            }
            Err(error) => {
                if subscription.is_new {
                    self.unsubscribe(&filter);
                }
                if let Some(number) = subscription.read {
                    self.input(Input::UnreadRead { number, unread: None });
                }
                Err(SubscribeError::Store(error))
            }
        }
    }

    /// The client wants to be told no more.
    pub fn unsubscribe(&self, filter: &Filter) {
        self.lock().core.unsubscribe(filter);
    }

    /// When the next tick is due; the connection's task sleeps until then.
    pub fn arm_tick(&self) -> Option<Duration> {
        let mut state = self.lock();
        state.tick_at = state.core.next_tick();
        state.tick_at
    }

    /// Does what the core has decided; who writes what there is to say is woken once the answer is dropped.
    fn perform(self: &Arc<Self>, mut state: MutexGuard<'_, State>, outputs: Vec<Output>) -> Option<Wake> {
        let wake = self.write(&outputs);
        for output in outputs {
            match output {
                Output::Send(_) | Output::Ping | Output::Comment => {}
                Output::Note(note) => self.count(note, &mut state),
                Output::Read(request) => {
                    let session = self.clone();
                    self.reads.begin(self.user.clone(), request, move |read| session.input(Input::SyncRead(read)));
                }
                Output::ReadUnread { number } => {
                    let session = self.clone();
                    self.reads.begin_unread(self.user.clone(), move |unread| {
                        session.input(Input::UnreadRead { number, unread: unread.map(Arc::new) });
                    });
                }
                Output::Close { code, reason } => {
                    self.metrics.connections.closes.with_label_values(&[code.name()]).inc();
                    self.outbox.close_with(|bytes| self.transport.encode_close(code, reason, bytes));
                }
            }
        }
        // The task sleeps until the tick it knows of; an earlier one must wake it.
        let is_earlier = match (state.core.next_tick(), state.tick_at) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) | (None, _) => false,
        };
        drop(state);
        if is_earlier {
            self.outbox.wake.notify_one();
        }
        wake
    }

    /// Writes what there is to say at once: whoever takes it from the outbox is woken once, and gets all of it.
    fn write(&self, outputs: &[Output]) -> Option<Wake> {
        let is_said = |output: &Output| matches!(output, Output::Send(_) | Output::Ping | Output::Comment);
        let write = || {
            self.outbox.write(|bytes| {
                for output in outputs {
                    match output {
                        Output::Send(frame) => {
                            self.metrics.delivery.events.of(frame.event).inc();
                            self.transport.encode_frame(frame, bytes);
                        }
                        Output::Ping => self.transport.encode_ping(bytes),
                        Output::Comment => self.transport.encode_comment(bytes),
                        Output::Read(_) | Output::ReadUnread { .. } | Output::Close { .. } | Output::Note(_) => {}
                    }
                }
            })
        };
        outputs.iter().any(is_said).then(write)
    }

    fn count(&self, note: Note, state: &mut State) {
        let (delivery, syncs) = (&self.metrics.delivery, &self.metrics.syncs);
        match note {
            Note::Changes { count, coalesced, accepted_us } => {
                delivery.changes.inc_by(count as u64);
                delivery.coalesced.inc_by(u64::from(coalesced));
                state.accepted_us = state.accepted_us.or(accepted_us);
                state.deliveries.iter_mut().for_each(|deliveries| deliveries.written());
            }
            Note::Gap(cause) => {
                syncs.gaps(cause).inc();
                // What is told by a sync is told by no hint.
                state.deliveries = None;
            }
            Note::Overflow => delivery.overflows.inc(),
            Note::SyncStarted(mode) => syncs.of(mode).started.inc(),
            Note::SyncRows(mode, count) => syncs.of(mode).rows.inc_by(count as u64),
            Note::SyncFinished { mode, took } => {
                state.deliveries = None;
                syncs.of(mode).finished.inc();
                syncs.of(mode).duration.observe(took.as_secs_f64());
            }
            Note::SyncFailed(mode) => syncs.of(mode).failed.inc(),
        }
    }
}

impl Listener for LiveSession {
    fn everything_taken(self: Arc<Self>) {
        let mut state = self.lock();
        if let Some(accepted_us) = state.accepted_us.take()
            && let Some(now_us) = self.reads.now_us(self.user())
        {
            let latency = Duration::from_micros(now_us.saturating_sub(accepted_us));
            self.metrics.delivery.latency.observe(latency.as_secs_f64());
        }
        if state.deliveries.as_mut().is_some_and(|deliveries| deliveries.taken()) {
            state.deliveries = None;
        }
        self.handle_in(state, Input::Writable);
    }

    fn some_taken(self: Arc<Self>) {
        self.input(Input::Progress);
    }
}
