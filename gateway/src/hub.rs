//! Which local sessions follow a user, and how a hint reaches them.

use crate::{clock, live::LiveSession, session::Input};
use conversation_protocol::{Hint, UserId};
use conversation_store::Wakes;
use dashmap::{DashMap, mapref::entry::Entry};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// How long a user is followed after the last session left: who comes back soon needs no new subscription.
pub const LINGER: Duration = Duration::from_secs(30);

/// What the relay is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Follow a user, and confirm it to the hub.
    Follow(UserId),
}

/// The sessions of this node, by user.
pub struct Hub {
    users: DashMap<UserId, Followers>,
    wishes: mpsc::UnboundedSender<Wish>,
    sessions: AtomicUsize,
    compare_interval: Duration,
}

/// The sessions of one user. Shared as a whole, so that a hint's way needs no copy.
struct Followers {
    sessions: Arc<[Arc<LiveSession>]>,
    /// Whether hints of this user are received, on the relay's present path.
    is_followed: bool,
    /// When the last session left.
    empty_since: Option<Duration>,
    /// When the user's clock is to be compared with the store's.
    compare_at: Duration,
}

impl Hub {
    /// An empty hub, and the wishes it will have: at most one for each user that joins.
    pub fn new(compare_interval: Duration) -> (Self, mpsc::UnboundedReceiver<Wish>) {
        let (wishes, receiver) = mpsc::unbounded_channel();
        (Self { users: DashMap::new(), wishes, sessions: AtomicUsize::new(0), compare_interval }, receiver)
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// How many users are followed, those who left a moment ago included.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// Adds a session; it is told [`Input::Followed`] once its user's hints are received. Answers the sessions that
    /// are too many, the oldest.
    pub fn join(&self, session: &Arc<LiveSession>, sessions_max: usize) -> Vec<Arc<LiveSession>> {
        let (is_followed, surplus) = match self.users.entry(session.user().clone()) {
            Entry::Occupied(mut entry) => {
                let followers = entry.get_mut();
                followers.empty_since = None;
                let surplus = (followers.sessions.len() + 1).saturating_sub(sessions_max);
                let oldest = followers.sessions[..surplus.min(followers.sessions.len())].to_vec();
                followers.sessions = followers.sessions.iter().chain([session]).cloned().collect();
                (followers.is_followed, oldest)
            }
            Entry::Vacant(entry) => {
                entry.insert(Followers {
                    sessions: Arc::from([session.clone()]),
                    is_followed: false,
                    empty_since: None,
                    compare_at: clock::monotonic() + self.jittered_interval(),
                });
                // The relay outlives the hub's sessions.
                let _ = self.wishes.send(Wish::Follow(session.user().clone()));
                (false, Vec::new())
            }
        };
        self.sessions.fetch_add(1, Ordering::Relaxed);
        if is_followed {
            session.input(Input::Followed);
        }
        surplus
    }

    /// Removes a session.
    pub fn leave(&self, session: &LiveSession) {
        let Some(mut followers) = self.users.get_mut(session.user()) else { return };
        let before = followers.sessions.len();
        followers.sessions = followers.sessions.iter().filter(|other| other.id() != session.id()).cloned().collect();
        if followers.sessions.len() < before {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
        }
        if followers.sessions.is_empty() {
            followers.empty_since = Some(clock::monotonic());
        }
    }

    /// The sessions of a user.
    pub fn sessions_of(&self, user: &UserId) -> Arc<[Arc<LiveSession>]> {
        self.users.get(user).map(|followers| followers.sessions.clone()).unwrap_or_else(|| Arc::from([]))
    }

    /// All sessions.
    pub fn all_sessions(&self) -> Vec<Arc<LiveSession>> {
        self.users.iter().flat_map(|followers| followers.sessions.to_vec()).collect()
    }

    /// Hands a hint to the sessions of its user.
    pub fn deliver(&self, user: &UserId, hint: &Arc<Hint>, wakes: &mut Wakes) {
        for session in self.sessions_of(user).iter() {
            session.hint(hint.clone(), wakes);
        }
    }

    /// Hints of these users are received from now on.
    pub fn followed(&self, users: &[UserId]) {
        for user in users {
            let sessions = match self.users.get_mut(user) {
                Some(mut followers) => {
                    followers.is_followed = true;
                    followers.sessions.clone()
                }
                None => continue,
            };
            for session in sessions.iter() {
                session.input(Input::Followed);
            }
        }
    }

    /// Hints are received no more; answers all users, to be followed anew.
    pub fn interrupted(&self) -> Vec<UserId> {
        let mut users = Vec::with_capacity(self.users.len());
        for mut followers in self.users.iter_mut() {
            followers.is_followed = false;
            users.push(followers.key().clone());
        }
        users
    }

    /// Users who left long enough ago; they are forgotten here and may be unfollowed.
    pub fn forget_left(&self) -> Vec<UserId> {
        let now = clock::monotonic();
        let is_over = |followers: &Followers| followers.empty_since.is_some_and(|since| since + LINGER <= now);
        let left: Vec<UserId> =
            self.users.iter().filter(|followers| is_over(followers)).map(|followers| followers.key().clone()).collect();
        left.into_iter()
            .filter(|user| self.users.remove_if(user, |_, followers| is_over(followers)).is_some())
            .collect()
    }

    /// All users who are followed, or are to be.
    pub fn users(&self) -> Vec<UserId> {
        self.users.iter().map(|followers| followers.key().clone()).collect()
    }

    /// Whether a user has sessions here, or had some a moment ago.
    pub fn wants(&self, user: &UserId) -> bool {
        self.users.contains_key(user)
    }

    /// Users whose clock is due for a comparison; each is due again after an interval with jitter.
    pub fn due_for_comparison(&self) -> Vec<UserId> {
        let now = clock::monotonic();
        let mut due = Vec::new();
        for mut followers in self.users.iter_mut() {
            if followers.compare_at <= now && !followers.sessions.is_empty() {
                followers.compare_at = now + self.jittered_interval();
                due.push(followers.key().clone());
            }
        }
        due
    }

    fn jittered_interval(&self) -> Duration {
        self.compare_interval.mul_f64(rand::random_range(0.8..1.2))
    }
}
