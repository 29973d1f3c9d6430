//! Which paths for hints follow a user, and how hints reach them inside one process.

use crate::{HintSink, HintStream, StoreError, Told};
use async_trait::async_trait;
use conversation_protocol::{Hint, UserId, limits::HINT_BYTES_MAX};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::mpsc;

/// Hints that may wait on one path; one more ends the path, and the relay heals it.
const PATH_HINTS_MAX: usize = 16_384;

/// All paths of a store.
#[derive(Default)]
pub(super) struct Followers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_path: u64,
    paths: HashMap<u64, Path>,
    by_user: HashMap<UserId, Vec<u64>>,
}

struct Path {
    queue: mpsc::Sender<Told>,
    users: HashSet<UserId>,
}

impl Followers {
    /// A new path, as yet following nobody.
    pub(super) fn connect(this: &Arc<Self>) -> (Sink, Stream) {
        let (queue, received) = mpsc::channel(PATH_HINTS_MAX);
        let mut state = this.state();
        state.last_path += 1;
        let path = state.last_path;
        state.paths.insert(path, Path { queue, users: HashSet::new() });
        drop(state);
        (Sink { followers: this.clone(), path }, Stream { followers: this.clone(), path, received })
    }

    /// Hands hints to every path that follows their users; a path that is full ends.
    pub(super) fn tell(&self, hints: Vec<(UserId, Hint)>) {
        let mut state = self.state();
        for (user, hint) in hints {
            let Some(paths) = state.by_user.get(&user) else { continue };
            let hint = Arc::new(as_encoded(hint));
            let is_full = |path: &&u64| {
                let told = || Told::Hint(user.clone(), hint.clone());
                state.paths.get(path).is_some_and(|path| path.queue.try_send(told()).is_err())
            };
            let ended = paths.iter().filter(is_full).copied().collect();
            state.end(ended);
        }
    }

    /// Hands a probe to every path.
    pub(super) fn probe(&self, number: u64) {
        let mut state = self.state();
        let is_full = |(_, path): &(&u64, &Path)| path.queue.try_send(Told::Probe(number)).is_err();
        let ended = state.paths.iter().filter(is_full).map(|(path, _)| *path).collect();
        state.end(ended);
    }

    /// Ends all paths.
    pub(super) fn interrupt_all(&self) {
        let mut state = self.state();
        state.paths.clear();
        state.by_user.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between lock and unlock leaves the maps half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, paths: Vec<u64>) {
        for path in paths {
            tracing::warn!(hints = PATH_HINTS_MAX, "a path for hints was full or given up, and ends");
            self.remove(path);
        }
    }

    fn remove(&mut self, path: u64) {
        let Some(removed) = self.paths.remove(&path) else { return };
        for user in removed.users {
            self.forget(&user, path);
        }
    }

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

/// Says whom a path follows.
pub(super) struct Sink {
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
    async fn follow(&mut self, users: &[UserId]) -> Result<(), StoreError> {
        let mut state = self.followers.state();
        let State { paths, by_user, .. } = &mut *state;
        let path = paths.get_mut(&self.path).ok_or_else(Self::interrupted)?;
        for user in users {
            if path.users.insert(user.clone()) {
                by_user.entry(user.clone()).or_default().push(self.path);
            }
        }
        Ok(())
    }

    async fn unfollow(&mut self, users: &[UserId]) -> Result<(), StoreError> {
        let mut state = self.followers.state();
        for user in users {
            let path = state.paths.get_mut(&self.path).ok_or_else(Self::interrupted)?;
            if path.users.remove(user) {
                state.forget(user, self.path);
            }
        }
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), StoreError> {
        if self.followers.state().paths.contains_key(&self.path) { Ok(()) } else { Err(Self::interrupted()) }
    }
}

/// Yields what a path was told.
pub(super) struct Stream {
    followers: Arc<Followers>,
    path: u64,
    received: mpsc::Receiver<Told>,
}

#[async_trait]
impl HintStream for Stream {
    async fn next(&mut self) -> Option<Told> {
        self.received.recv().await
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.followers.state().remove(self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(clock: u64) -> Hint {
        Hint {
            epoch: 1,
            previous: clock - 1,
            clock,
            total_unread: 0,
            rows: Vec::new(),
            deleted: Vec::new(),
            facets: Vec::new(),
            groups: Vec::new(),
            truncated: false,
            kick: None,
            fork: None,
        }
    }

    #[tokio::test]
    async fn a_path_that_is_not_read_ends_and_does_not_grow() {
        let followers = Arc::new(Followers::default());
        let (mut sink, mut stream) = Followers::connect(&followers);
        let user: UserId = "alice".parse().unwrap();
        sink.follow(std::slice::from_ref(&user)).await.unwrap();
        for clock in 1..=PATH_HINTS_MAX as u64 + 1 {
            followers.tell(vec![(user.clone(), hint(clock))]);
        }
        for clock in 1..=PATH_HINTS_MAX as u64 {
            assert_eq!(stream.next().await, Some(Told::Hint(user.clone(), Arc::new(hint(clock)))));
        }
        assert!(stream.next().await.is_none());
        assert!(sink.ping().await.is_err() && sink.follow(&[user]).await.is_err());
        assert!(followers.state().by_user.is_empty());
    }
}
