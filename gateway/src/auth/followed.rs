//! Keys that change while the node runs: read again and again, and sooner for a token that names an unknown one.

use super::{
    jwks,
    source::{FETCH_TIMEOUT, JwksSource, Reader},
    token::{Key, Rules, Token},
};
use crate::{clock, config::ConfigError, metrics::Metrics};
use conversation_protocol::{ApiError, ErrorKind};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time,
};

/// Between two reads that tokens ask for: who makes kids up must not make the gateway hammer an address.
const ASKED_PAUSE: Duration = Duration::from_secs(10);
/// Between two tries at most, after a read that failed.
const RETRY: Duration = Duration::from_secs(10);
/// What a client is told to wait where nobody can tell yet.
const RETRY_AFTER_MS: u64 = 5_000;

type Keys = Arc<Vec<Key>>;

/// What is known of a source.
struct State {
    /// `None` until the first read that worked.
    keys: Option<Keys>,
    /// Reads so far.
    reads: u64,
    /// Whether the last one failed.
    has_failed: bool,
    /// Until when no token has it read again, on the monotonic clock.
    quiet_until: Duration,
}

/// The keys of one source, as they were when it was last read.
pub struct FollowedKeys {
    source: JwksSource,
    reader: Reader,
    rules: Rules,
    refresh: Duration,
    metrics: Arc<Metrics>,
    state: watch::Sender<State>,
    asked: Notify,
}

/// Reads keys again and again, until it is dropped.
pub(super) struct Following {
    keys: Arc<FollowedKeys>,
    _reads: JoinSet<()>,
}

impl Following {
    /// Starts on the current tokio runtime.
    pub(super) fn start(keys: FollowedKeys) -> Self {
        let keys = Arc::new(keys);
        let mut reads = JoinSet::new();
        reads.spawn(keys.clone().run());
        Self { keys, _reads: reads }
    }

    pub(super) fn keys(&self) -> &FollowedKeys {
        &self.keys
    }
}

impl FollowedKeys {
    /// Reads a file, which must be good, and an address that must be there now; else an address is read by
    /// [`FollowedKeys::run`], as often as it takes. Blocks where it reads.
    pub(super) fn new(
        source: JwksSource,
        rules: Rules,
        refresh: Duration,
        metrics: Arc<Metrics>,
        must_be_there: bool,
    ) -> Result<Self, String> {
        let reader = Reader::new(source.clone())?;
        let state = State { keys: None, reads: 0, has_failed: false, quiet_until: Duration::ZERO };
        let (state, asked) = (watch::Sender::new(state), Notify::new());
        let followed = Self { source, reader, rules, refresh, metrics, state, asked };
        if must_be_there || !followed.is_address() {
            let (keys, left_out) = jwks::read(&followed.reader.read()?, &followed.rules)?;
            if keys.is_empty() {
                return Err(format!("expected a key that tokens can be signed with; {}", left_out.join("; ")));
            }
            followed.settle(Ok((keys, left_out)), false);
        }
        if matches!(&followed.source, JwksSource::Address(uri) if uri.scheme_str() == Some("http")) {
            tracing::warn!(jwks = %followed.source, "token keys come over http: whoever is on the way can replace them");
        }
        Ok(followed)
    }

    fn is_address(&self) -> bool {
        matches!(self.source, JwksSource::Address(_))
    }

    /// Whether they come from this address, under these rules and as often.
    pub(super) fn follows(&self, source: &JwksSource, rules: &Rules, refresh: Duration) -> bool {
        self.is_address() && (&self.source, &self.rules, self.refresh) == (source, rules, refresh)
    }

    /// Whether keys were read at all.
    pub fn are_there(&self) -> bool {
        self.state.borrow().keys.is_some()
    }

    /// The keys for a token. Those that are known, where one of them is named by the token or the source was read just now;
    /// else those of a new read. An error: nobody can tell, try again.
    pub(super) async fn keys_for(&self, token: &Token<'_>) -> Result<Keys, ApiError> {
        let mut states = self.state.subscribe();
        let reads = {
            let state = states.borrow_and_update();
            if let Some(keys) = known(&state, token) {
                return Ok(keys);
            }
            if clock::monotonic() < state.quiet_until {
                return latest(&state);
            }
            state.reads
        };
        self.asked.notify_one();
        // Whatever read ends next, also one that was under way already.
        let read = time::timeout(2 * FETCH_TIMEOUT, states.wait_for(|state| state.reads != reads)).await;
        match read {
            Ok(Ok(state)) => known(&state, token).map_or_else(|| latest(&state), Ok),
            Ok(Err(_)) | Err(_) => Err(unknown()),
        }
    }

    /// Reads the source for ever.
    async fn run(self: Arc<Self>) {
        if !self.are_there() {
            self.read(false).await;
        }
        loop {
            let is_asked = self.wait().await;
            self.read(is_asked).await;
        }
    }

    /// Waits until the source should be read; answers whether a token wants it.
    async fn wait(&self) -> bool {
        let pause = if self.state.borrow().has_failed { RETRY.min(self.refresh) } else { self.refresh };
        // Nodes that were started together do not ask together.
        let due = clock::instant(clock::monotonic() + pause.mul_f64(rand::random_range(0.9..1.1)));
        loop {
            tokio::select! {
                () = time::sleep_until(due) => return false,
                () = self.asked.notified() => {
                    if clock::monotonic() >= self.state.borrow().quiet_until {
                        return true;
                    }
                }
            }
        }
    }

    /// Whether the source can be read now; an error names it and says why not.
    pub async fn check(&self) -> Result<(), ConfigError> {
        let read = self.fetch().await.map(drop);
        read.map_err(|why| ConfigError(format!("--jwks {}: {why}", self.source)))
    }

    async fn read(&self, is_asked: bool) {
        self.settle(self.fetch().await, is_asked);
    }

    /// The keys that are there now, and why others are left out.
    async fn fetch(&self) -> Result<(Vec<Key>, Vec<String>), String> {
        let reader = self.reader.clone();
        let bytes = tokio::task::spawn_blocking(move || reader.read()).await;
        let bytes = bytes.unwrap_or_else(|error| Err(error.to_string()));
        bytes.and_then(|bytes| jwks::read(&bytes, &self.rules))
    }

    /// Takes what was read; a read that failed leaves the keys as they are.
    fn settle(&self, read: Result<(Vec<Key>, Vec<String>), String>, is_asked: bool) {
        let label = if read.is_ok() { "done" } else { "failed" };
        self.metrics.jwks_reads.with_label_values(&[label]).inc();
        self.state.send_modify(|state| {
            self.log(state, &read);
            state.reads += 1;
            state.has_failed = read.is_err();
            if is_asked {
                state.quiet_until = clock::monotonic() + ASKED_PAUSE;
            }
            if let Ok((keys, _)) = read {
                self.metrics.jwks_keys.set(keys.len() as i64);
                state.keys = Some(Arc::new(keys));
            }
        });
    }

    /// Says what is new.
    fn log(&self, state: &State, read: &Result<(Vec<Key>, Vec<String>), String>) {
        let ids = |keys: &[Key]| keys.iter().map(|key| (key.id.clone(), key.algorithm)).collect::<Vec<_>>();
        match read {
            Ok((keys, left_out)) => {
                let is_new = state.keys.as_deref().is_none_or(|known| ids(known) != ids(keys));
                if is_new {
                    tracing::info!(jwks = %self.source, keys = keys.len(), ?left_out, "token keys were read");
                } else if state.has_failed {
                    tracing::info!(jwks = %self.source, "token keys can be read again");
                }
            }
            Err(error) if !state.has_failed => {
                tracing::warn!(jwks = %self.source, error, "token keys cannot be read; those that are known stay");
            }
            Err(_) => {}
        }
    }
}

/// The keys, if the token's is among them.
fn known(state: &State, token: &Token<'_>) -> Option<Keys> {
    state.keys.clone().filter(|keys| keys.iter().any(|key| token.names(key)))
}

/// The keys of a source that was read just now.
fn latest(state: &State) -> Result<Keys, ApiError> {
    state.keys.clone().filter(|_| !state.has_failed).ok_or_else(unknown)
}

fn unknown() -> ApiError {
    let message = "token: its key cannot be looked up now, try again";
    ApiError { retry_after_ms: Some(RETRY_AFTER_MS), ..ApiError::new(ErrorKind::StoreUnavailable, message) }
}
