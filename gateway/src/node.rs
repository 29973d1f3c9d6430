//! What all parts of one node share, and how a session is admitted to it.

use crate::{
    addresses::Addresses,
    auth::Identity,
    clock,
    config::{Config, ConfigError, Mode},
    fanout::Fanout,
    hub::Hub,
    in_force::InForce,
    leases::Leases,
    live::{LiveSession, Opening},
    measured_store::MeasuredStore,
    metrics::Metrics,
    path::ShardPath,
    reads::SyncReads,
    refusals::Refusals,
    relays::{Paths, Relays},
    session::Input,
    transport::{Transport, outbox::Outbox},
};
use arc_swap::ArcSwap;
use conversation_protocol::{ApiError, ErrorKind, Head, UserId};
use conversation_store::{Limits, Store, Writer};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Handle;

/// One node of the gateway.
pub struct Node {
    /// The settings that it was started with; [`Node::in_force`] has those that may change.
    pub config: Config,
    /// Whether keys are real.
    pub mode: Mode,
    /// Its random name, in leases.
    pub name: String,
    /// Where lists are kept.
    pub store: Arc<dyn Store>,
    /// Makes changes.
    pub writer: Writer,
    /// Takes changes that many users share, and makes them.
    pub fanout: Arc<Fanout>,
    /// Its sessions.
    pub hub: Arc<Hub>,
    /// How other nodes see its sessions.
    pub leases: Leases,
    in_force: Arc<ArcSwap<InForce>>,
    /// Limits by address.
    pub addresses: Arc<Addresses>,
    /// Tells of refused connections.
    pub refusals: Refusals,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Reads for syncs.
    pub sync_reads: Arc<SyncReads>,
    /// Where work runs that must outlive the request that asked for it.
    pub runtime: Handle,
    /// The paths of hints.
    pub paths: Arc<Paths>,
    /// Whether new sessions should go elsewhere.
    pub is_draining: AtomicBool,
    /// Whether sessions are being closed, so that new ones are sent away at once.
    pub is_closing: AtomicBool,
}

impl Node {
    /// Starts a node's background work on the current tokio runtime.
    pub fn start(config: Config, mode: Mode, store: Arc<dyn Store>) -> Result<Arc<Self>, ConfigError> {
        let metrics = Arc::new(Metrics::new());
        metrics.connections.sessions_max.set(config.max_sessions as i64);
        let store: Arc<dyn Store> = MeasuredStore::new(store, metrics.clone());
        let in_force = Arc::new(ArcSwap::from_pointee(InForce::new(&config, mode, metrics.clone())?));
        let (hub, wishes) = Hub::new(Duration::from_millis(config.compare_interval_ms), store.topology());
        let hub = Arc::new(hub);
        let paths = Relays::start(store.clone(), hub.clone(), metrics.clone(), wishes);
        tokio::spawn(crate::compare::run(store.clone(), hub.clone(), in_force.clone()));
        if config.forget_idle_days > 0 {
            tokio::spawn(crate::idle::run(store.clone(), config.forget_idle_days));
        }
        let name = format!("{:016x}", rand::random::<u64>());
        let writer = Writer::new(store.clone(), Limits { rows_per_user: config.rows_per_user });
        let direct_max = config.direct_recipients_max;
        let fanout = Fanout::start(store.clone(), writer.clone(), metrics.clone(), name.clone(), direct_max);
        Ok(Arc::new(Self {
            name,
            writer,
            fanout,
            leases: Leases::start(store.clone()),
            addresses: Addresses::start(&config, metrics.clone()),
            sync_reads: SyncReads::new(store.clone(), metrics.clone(), config.concurrent_syncs),
            refusals: Refusals::default(),
            runtime: Handle::current(),
            is_draining: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            config,
            mode,
            store,
            hub,
            in_force,
            metrics,
            paths,
        }))
    }

    /// The settings in force, and what is made of them.
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// Puts other settings in force, as a whole, but for those that take a restart. Runs in a tokio runtime.
    ///
    /// # Errors
    /// Says what is wrong; all stay as they were then.
    pub fn change(&self, config: Config) -> Result<(), ConfigError> {
        let now = self.in_force();
        let next = now.next(config, self.mode, self.metrics.clone())?;
        self.metrics.connections.sessions_max.set(next.config.max_sessions as i64);
        self.addresses.change(&now.config, &next.config);
        self.in_force.store(Arc::new(next));
        Ok(())
    }

    /// What it counts, as text for Prometheus. Looks at the process too, which takes a while where many files are open.
    pub fn scrape(&self) -> Vec<u8> {
        let metrics = &self.metrics;
        metrics.store.follow(self.writer.counts());
        metrics.relay.followed_users.set(self.hub.user_count() as i64);
        for ShardPath { path, shown, .. } in self.paths.all() {
            shown.probe_age.set(path.age(clock::monotonic()).as_secs_f64());
        }
        metrics.syncs.reads_waiting.set(self.sync_reads.waiting() as i64);
        metrics.connections.limited_addresses.set(self.addresses.kept() as i64);
        metrics.render()
    }

    /// Admits a session: it is in the hub from here on, until [`Node::dismiss`].
    pub fn admit(
        self: &Arc<Self>,
        identity: &Identity,
        opening: Opening,
        transport: Transport,
        outbox: Arc<Outbox>,
    ) -> Result<Arc<LiveSession>, ApiError> {
        let in_force = self.in_force();
        if self.hub.session_count() >= in_force.config.max_sessions {
            self.metrics.connections.refusals.with_label_values(&["node_full"]).inc();
            let message = "this node has as many sessions as it may have, try again";
            return Err(ApiError { retry_after_ms: Some(1_000), ..ApiError::new(ErrorKind::TooFrequent, message) });
        }
        if let Err(error) = in_force.rates.take_connect(&identity.user) {
            self.metrics.connections.refusals.with_label_values(&["connect_rate"]).inc();
            return Err(error);
        }
        let session = LiveSession::new(
            self.sync_reads.clone(),
            self.metrics.clone(),
            &self.name,
            identity,
            opening,
            transport,
            outbox,
        );
        let surplus = self.hub.join(&session, in_force.config.sessions_per_user);
        for oldest in surplus {
            oldest.input(Input::Kick { reason: "this user has too many sessions, the oldest ends".to_owned() });
        }
        self.leases.begun(session.lease().clone());
        self.metrics.connections.connects.with_label_values(&[transport.name()]).inc();
        self.metrics.connections.sessions.with_label_values(&[transport.name()]).inc();
        if self.is_closing.load(Ordering::Relaxed) {
            session.input(Input::Drain { after_ms: rand::random_range(0..1_000) });
        }
        Ok(session)
    }

    /// The head of a user's list as it is now.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn head(&self, user: &UserId) -> Result<Head, ApiError> {
        let heads = self.store.heads(std::slice::from_ref(user)).await;
        heads.into_iter().next().unwrap_or_else(|| Ok(Head::empty())).map_err(|error| crate::api::store_error(&error))
    }

    /// A session's connection is gone.
    pub fn dismiss(&self, session: &LiveSession) {
        self.hub.leave(session);
        self.leases.ended(session.lease().clone());
        self.metrics.connections.sessions.with_label_values(&[session.transport().name()]).dec();
    }
}
