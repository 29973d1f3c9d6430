//! Which local sessions follow a user, and how a hint reaches them.

use crate::{clock, live::LiveSession, session::Input};
use conversation_protocol::{Hint, UserId};
use conversation_store::{ShardId, Topology, Wakes};
use dashmap::{DashMap, mapref::entry::Entry};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, watch};

/// How long a user is followed after the last session left: who comes back soon needs no new subscription.
pub const LINGER: Duration = Duration::from_secs(30);

/// What a relay is to do: follow a user, and confirm it to the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Whom.
    pub user: UserId,
    /// Where the user's hints come.
    pub shard: ShardId,
    /// Whether the user was followed before, so that something may have been missed since.
    pub is_again: bool,
}

/// The sessions of this node, by user.
pub struct Hub {
    users: DashMap<UserId, Followers>,
    wishes: mpsc::UnboundedSender<Wish>,
    topology: watch::Receiver<Topology>,
    sessions: AtomicUsize,
    compare_interval: Duration,
}

/// The sessions of one user. Shared as a whole, so that a hint's way needs no copy.
struct Followers {
    sessions: Arc<[Arc<LiveSession>]>,
    /// The shard on whose path hints of this user come, or will.
    shard: ShardId,
    /// Whether they are received, on the relay's present path.
    is_followed: bool,
    /// When the last session left.
    empty_since: Option<Duration>,
    /// When the user's clock is to be compared with the store's.
    compare_at: Duration,
}

impl Hub {
    /// An empty hub, and the wishes it will have: one for each user that joins, or is in another shard by now.
    pub fn new(
        compare_interval: Duration,
        topology: watch::Receiver<Topology>,
    ) -> (Self, mpsc::UnboundedReceiver<Wish>) {
        let (wishes, receiver) = mpsc::unbounded_channel();
        let (users, sessions) = (DashMap::new(), AtomicUsize::new(0));
        (Self { users, wishes, topology, sessions, compare_interval }, receiver)
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
                let (user, shard) = (session.user().clone(), self.topology.borrow().shard_of(session.user()));
                entry.insert(Followers {
                    sessions: Arc::from([session.clone()]),
                    shard,
                    is_followed: false,
                    empty_since: None,
                    compare_at: clock::monotonic() + self.jittered_interval(),
                });
                // The relays outlive the hub's sessions.
                let _ = self.wishes.send(Wish { user, shard, is_again: false });
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

    /// Hints of these users are received from a shard from now on.
    pub fn followed(&self, users: &[UserId], shard: ShardId) {
        for user in users {
            let sessions = match self.users.get_mut(user) {
                Some(mut followers) if followers.shard == shard => {
                    followers.is_followed = true;
                    followers.sessions.clone()
                }
                Some(_) | None => continue,
            };
            for session in sessions.iter() {
                session.input(Input::Followed);
            }
        }
    }

    /// No hints are received from a shard any more; answers all its users, to be followed anew.
    pub fn interrupted(&self, shard: ShardId) -> Vec<UserId> {
        let mut users = Vec::new();
        for mut followers in self.users.iter_mut().filter(|followers| followers.shard == shard) {
            followers.is_followed = false;
            users.push(followers.key().clone());
        }
        users
    }

    /// No hints of a user are received from a shard any more: they come from another one, as far as is known.
    pub fn moved(&self, user: &UserId, from: ShardId) {
        if let Some(mut followers) = self.users.get_mut(user)
            && followers.shard == from
        {
            self.follow_again(user, &mut followers);
        }
    }

    /// Looks which users are in another shard by now, and wishes to follow them there.
    pub fn look_for_moved(&self) {
        let topology = self.topology.borrow().clone();
        for mut followers in self.users.iter_mut() {
            let (user, followers) = followers.pair_mut();
            if topology.shard_of(user) != followers.shard {
                self.follow_again(user, followers);
            }
        }
    }

    fn follow_again(&self, user: &UserId, followers: &mut Followers) {
        followers.is_followed = false;
        followers.shard = self.topology.borrow().shard_of(user);
        let _ = self.wishes.send(Wish { user: user.clone(), shard: followers.shard, is_again: true });
    }

    /// Users of a shard who left long enough ago; they are forgotten here and may be unfollowed.
    pub fn forget_left(&self, shard: ShardId) -> Vec<UserId> {
        let now = clock::monotonic();
        let is_over = |followers: &Followers| {
            followers.shard == shard && followers.empty_since.is_some_and(|since| since + LINGER <= now)
        };
        let left: Vec<UserId> =
            self.users.iter().filter(|followers| is_over(followers)).map(|followers| followers.key().clone()).collect();
        left.into_iter()
            .filter(|user| self.users.remove_if(user, |_, followers| is_over(followers)).is_some())
            .collect()
    }

    /// All users who are followed in a shard, or are to be.
    pub fn users_of(&self, shard: ShardId) -> Vec<UserId> {
        self.users
            .iter()
            .filter(|followers| followers.shard == shard)
            .map(|followers| followers.key().clone())
            .collect()
    }

    /// Whether a user has sessions here, or had some a moment ago.
    pub fn wants(&self, user: &UserId) -> bool {
        self.users.contains_key(user)
    }

    /// Users whose clock is due for a comparison, by shard; each is due again after an interval with jitter.
    pub fn due_for_comparison(&self) -> BTreeMap<ShardId, Vec<UserId>> {
        let now = clock::monotonic();
        let mut due: BTreeMap<ShardId, Vec<UserId>> = BTreeMap::new();
        for mut followers in self.users.iter_mut() {
            if followers.compare_at <= now && !followers.sessions.is_empty() {
                followers.compare_at = now + self.jittered_interval();
                due.entry(followers.shard).or_default().push(followers.key().clone());
            }
        }
        due
    }

    fn jittered_interval(&self) -> Duration {
        self.compare_interval.mul_f64(rand::random_range(0.8..1.2))
    }
}
