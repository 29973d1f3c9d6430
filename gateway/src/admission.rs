//! Which read for a sync comes next? The one that heals the shortest gap; and none waits so long that it seems lost.
//!
//! When all clients of a node come back at once, those who were away for a moment are served first: their reads are
//! small, and they are most. Who would wait too long is told when to ask again, instead of holding a place.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time};

/// How urgent a read is; the smallest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Of a client that stands at this version: the newer, the shorter is its gap.
    Gap(u64),
    /// What filter totals are summed up from.
    Filters,
    /// Of a client that has nothing.
    Full,
}

/// The read must be asked for again, later.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused;

/// Admits reads by their urgency, as far as there is room.
pub struct Admission {
    state: Mutex<State>,
    /// Units in all; a unit is what one slice of a replay reads.
    units: u32,
    waiting_max: usize,
    wait_max: Duration,
}

struct State {
    free: u32,
    tickets: u64,
    waiting: BTreeMap<Place, Waiting>,
}

/// Rank, then what orders those of a rank, then the order of asking.
type Place = (u8, u64, u64);

struct Waiting {
    units: u32,
    turn: oneshot::Sender<Permit>,
}

/// Room for a read, until it is dropped.
pub struct Permit {
    admission: Arc<Admission>,
    units: u32,
}

impl Urgency {
    fn place(self, ticket: u64) -> Place {
        match self {
            Self::Gap(version) => (0, u64::MAX - version, ticket),
            Self::Filters => (1, 0, ticket),
            Self::Full => (2, 0, ticket),
        }
    }
}

impl Admission {
    /// Room for `units` at once; at most `waiting_max` reads wait, none for longer than `wait_max`.
    pub fn new(units: u32, waiting_max: usize, wait_max: Duration) -> Arc<Self> {
        let state = State { free: units, tickets: 0, waiting: BTreeMap::new() };
        Arc::new(Self { state: Mutex::new(state), units, waiting_max, wait_max })
    }

    /// How many reads wait.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Waits for room for so many units; more than there are count as all.
    ///
    /// # Errors
    /// [`Refused`] after a wait that was too long, or to make room for what is more urgent.
    pub async fn admit(self: &Arc<Self>, urgency: Urgency, units: u32) -> Result<Permit, Refused> {
        let units = units.clamp(1, self.units);
        let (turn, mut called) = oneshot::channel();
        let place = {
            let mut state = self.state();
            state.tickets += 1;
            let place = urgency.place(state.tickets);
            state.waiting.insert(place, Waiting { units, turn });
            place
        };
        self.call();
        match time::timeout(self.wait_max, &mut called).await {
            Ok(permit) => permit.map_err(|_| Refused),
            Err(_) => {
                self.state().waiting.remove(&place);
                // It may have been called at the same moment.
                called.try_recv().map_err(|_| Refused)
            }
        }
    }

    /// Calls whoever comes next, as long as there is room, and sends away the least urgent of too many.
    fn call(self: &Arc<Self>) {
        let mut called = Vec::new();
        {
            let mut state = self.state();
            while let Some(next) = state.waiting.first_entry() {
                let is_gone = next.get().turn.is_closed();
                let units = next.get().units;
                if !is_gone && units > state.free {
                    break;
                }
                if let Some((_, next)) = state.waiting.pop_first()
                    && !is_gone
                {
                    state.free -= units;
                    called.push(next);
                }
            }
            while state.waiting.len() > self.waiting_max {
                // Dropping its turn tells it.
                state.waiting.pop_last();
            }
        }
        // Without the lock: a permit that nobody takes any more is given back at once.
        for Waiting { units, turn } in called {
            let _ = turn.send(Permit { admission: self.clone(), units });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.state().free += self.units;
        self.admission.call();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);

    /// Asks in this order while there is no room; the names in the order in which they were admitted.
    async fn order(asked: &[(&'static str, Urgency)], waiting_max: usize) -> Vec<&'static str> {
        let admission = Admission::new(1, waiting_max, LONG);
        let only = admission.admit(Urgency::Full, 1).await.unwrap();
        let (names, mut admitted) = mpsc::unbounded_channel();
        for (count, (name, urgency)) in asked.iter().enumerate() {
            let (admission, names, name, urgency) = (admission.clone(), names.clone(), *name, *urgency);
            let of_it = admission.clone();
            tokio::spawn(async move {
                if let Ok(_permit) = of_it.admit(urgency, 1).await {
                    names.send(name).unwrap();
                }
            });
            while admission.state().tickets < count as u64 + 2 {
                tokio::task::yield_now().await;
            }
        }
        drop((only, names));
        let mut order = Vec::new();
        while let Some(name) = admitted.recv().await {
            order.push(name);
        }
        order
    }

    const STORM: [(&str, Urgency); 5] = [
        ("full", Urgency::Full),
        ("old", Urgency::Gap(10)),
        ("filters", Urgency::Filters),
        ("new", Urgency::Gap(20)),
        ("full too", Urgency::Full),
    ];

    #[tokio::test]
    async fn the_shortest_gap_comes_first_and_whoever_has_nothing_last() {
        assert_eq!(order(&STORM, 10).await, ["new", "old", "filters", "full", "full too"]);
    }

    #[tokio::test]
    async fn when_too_many_wait_the_least_urgent_is_sent_away() {
        assert_eq!(order(&STORM, 2).await, ["new", "old"]);
    }

    #[tokio::test]
    async fn whoever_waits_too_long_is_refused_and_takes_no_room() {
        let admission = Admission::new(3, 10, Duration::from_millis(20));
        let some = admission.admit(Urgency::Full, 2).await.unwrap();
        assert_eq!(admission.admit(Urgency::Full, 9).await.err(), Some(Refused), "9 count as all 3");
        assert_eq!(admission.waiting(), 0);
        let rest = admission.admit(Urgency::Full, 1).await.unwrap();
        drop((some, rest));
        assert!(admission.admit(Urgency::Full, 3).await.is_ok());
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_takes_no_room() {
        let admission = Admission::new(1, 10, LONG);
        let only = admission.admit(Urgency::Full, 1).await.unwrap();
        let waits = tokio::spawn({
            let admission = admission.clone();
            async move { admission.admit(Urgency::Full, 1).await.is_ok() }
        });
        while admission.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        waits.abort();
        assert!(waits.await.is_err());
        drop(only);
        assert!(admission.admit(Urgency::Full, 1).await.is_ok());
    }
}
