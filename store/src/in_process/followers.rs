//! Which paths for hints follow a user, and how hints reach them inside one process.

use crate::{HintReceiver, HintSink, HintsEnd, StoreError, Told, Wakes};
use async_trait::async_trait;
use conversation_protocol::{Hint, UserId, limits::HINT_BYTES_MAX};
use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use tokio::sync::oneshot;

/// All paths of a store.
#[derive(Default)]
pub(crate) struct Followers {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    last_path: u64,
    paths: HashMap<u64, Path>,
    by_user: HashMap<UserId, Vec<u64>>,
}

struct Path {
    receiver: Arc<dyn HintReceiver>,
    users: HashSet<UserId>,
    /// Dropped with the path.
    _alive: oneshot::Sender<Infallible>,
}

impl Followers {
    /// A new path, as yet following nobody.
    pub(crate) fn connect(this: &Arc<Self>, receiver: Arc<dyn HintReceiver>) -> (Sink, HintsEnd) {
        let (alive, end) = HintsEnd::new();
        let mut state = this.write();
        state.last_path += 1;
        let path = state.last_path;
        state.paths.insert(path, Path { receiver, users: HashSet::new(), _alive: alive });
        (Sink { followers: this.clone(), path }, end)
    }

    /// Hands a hint to every path that follows its user.
    pub(crate) fn tell(&self, user: &UserId, hint: Hint, wakes: &mut Wakes) {
        let receivers: Vec<Arc<dyn HintReceiver>> = {
            let state = self.read();
            let Some(paths) = state.by_user.get(user) else { return };
            paths.iter().filter_map(|path| Some(state.paths.get(path)?.receiver.clone())).collect()
        };
        let hint = Arc::new(as_encoded(hint));
        // Whoever is told may want to follow somebody, so nothing is locked here.
        for receiver in receivers {
            receiver.told(Told::Hint(user.clone(), hint.clone()), wakes);
        }
    }

    /// Hands a probe to every path.
    pub(crate) fn probe(&self, number: u64) {
        let receivers: Vec<_> = self.read().paths.values().map(|path| path.receiver.clone()).collect();
        let mut wakes = Wakes::default();
        receivers.iter().for_each(|receiver| receiver.told(Told::Probe(number), &mut wakes));
    }

    /// Ends all paths.
    pub(crate) fn interrupt_all(&self) {
        let mut state = self.write();
        state.paths.clear();
        state.by_user.clear();
    }

    // Nothing between lock and unlock leaves the maps half-changed.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, user: &UserId, path: u64) {
        if let Some(paths) = self.by_user.get_mut(user) {
            paths.retain(|other| *other != path);
            if paths.is_empty() {
                self.by_user.remove(user);
            }
        }
    }
}

/// What a path over the network would deliver: without rows where they are too large.
fn as_encoded(hint: Hint) -> Hint {
    let rows_bytes: usize = hint.rows.iter().map(|row| row.json.len() + row.conversation_id.as_str().len() + 64).sum();
    let deleted_bytes: usize = hint.deleted.iter().map(|(id, _)| id.as_str().len() + 64).sum();
    if rows_bytes + deleted_bytes < HINT_BYTES_MAX / 2 {
        return hint;
    }
    // Only the encoding knows the exact bound.
    match Hint::decode(&hint.encode()) {
        Ok(hint) => hint,
        Err(_) => Hint { rows: Vec::new(), deleted: Vec::new(), truncated: true, ..hint },
    }
}

/// Says whom a path follows; the path ends with it.
pub(crate) struct Sink {
    followers: Arc<Followers>,
    path: u64,
}

impl Sink {
    fn interrupted() -> StoreError {
        StoreError::Unavailable("this path for hints has ended".to_owned())
    }
}

#[async_trait]
impl HintSink for Sink {
    async fn follow(&mut self, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        let mut state = self.followers.write();
        let State { paths, by_user, .. } = &mut *state;
        let path = paths.get_mut(&self.path).ok_or_else(Self::interrupted)?;
        for user in users {
            if path.users.insert(user.clone()) {
                by_user.entry(user.clone()).or_default().push(self.path);
            }
        }
        Ok(Vec::new())
    }

    async fn unfollow(&mut self, users: &[UserId]) -> Result<(), StoreError> {
        let mut state = self.followers.write();
        for user in users {
            let path = state.paths.get_mut(&self.path).ok_or_else(Self::interrupted)?;
            if path.users.remove(user) {
                state.forget(user, self.path);
            }
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), StoreError> {
        if self.followers.read().paths.contains_key(&self.path) { Ok(()) } else { Err(Self::interrupted()) }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let mut state = self.followers.write();
        let Some(removed) = state.paths.remove(&self.path) else { return };
        for user in removed.users {
            state.forget(&user, self.path);
        }
    }
}
