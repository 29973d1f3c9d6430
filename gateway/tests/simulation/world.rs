//! What happens in one world, in which order: users change their lists, faults strike, and at the end all is quiet.

use crate::{
    device::{Device, Link, Pace},
    faults::{Faults, Random},
    store::{Change, Store},
};
use conversation_gateway::session::{Input, ReadRequest, Subscription, SyncRead};
use conversation_protocol::{CloseCode, ConversationId, Cursor, EventName, Filter, Head, Hint, UnreadFacets};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
    time::Duration,
};

pub(crate) const HOUR_US: u64 = 3_600_000_000;

pub(crate) type Rows = BTreeMap<String, String>;

/// What happens at a moment.
#[derive(Debug)]
pub(crate) enum Happening {
    Change { user: usize },
    Fault,
    Connect { device: usize },
    Subscribed(Link),
    Followed(Link),
    Hint { link: Link, relay: u64, hint: Arc<Hint> },
    ReadStore(Link, ReadRequest),
    Answer(Link, Box<SyncRead>),
    Unread { link: Link, number: u32, unread: Option<Arc<UnreadFacets>> },
    SubscriptionRead { link: Link, filter: Filter, subscription: Subscription },
    SubscriptionDone { link: Link, filter: Filter, subscription: Subscription, unread: Option<Arc<UnreadFacets>> },
    Taken(Link),
    Pong(Link),
    Tick(Link),
    Restored { user: usize },
    CompareTime { user: usize },
    CompareRead { user: usize, asked: Vec<Link> },
    Compared { user: usize, asked: Vec<Link>, head: Arc<Head> },
    ProbeRead { link: Link, cursor: Option<Cursor>, rows: Option<Rows> },
    Probed { link: Link, cursor: Option<Cursor>, rows: Option<Rows>, stored: Rows, head: Box<Head> },
    Quiet,
    End,
}

/// One user and its relay.
#[derive(Debug, Default)]
pub(crate) struct User {
    pub(crate) store: Store,
    /// An older state of the store, to fall back to.
    pub(crate) backup: Store,
    /// Rises with each interruption: what was under way is lost.
    pub(crate) relay: u64,
    pub(crate) is_interrupted: bool,
    /// How far the store's clock is ahead of an hour ago; another number after it was put forward or back.
    pub(crate) clock_ahead_us: u64,
    pub(crate) is_comparing: bool,
    pub(crate) compare_again: bool,
}

/// How often what was seen, to show that the faults do happen.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen(BTreeMap<&'static str, u64>);

impl Seen {
    pub(crate) fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    /// What should be seen in many seeds, and was not.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let closes = [CloseCode::KickedOffline, CloseCode::Draining, CloseCode::NoPong, CloseCode::TokenExpired];
        let events = [
            EventName::SyncServerFailed,
            EventName::NewConversation,
            EventName::ConversationDeleted,
            EventName::ConversationGroupNameChanged,
            EventName::ConversationsAddedToGroup,
            EventName::ConversationsDeletedFromGroup,
            EventName::UnreadMessageCountChangedByFilter,
        ];
        let others = [
            "a further slice",
            "a full sync",
            "a replay",
            "a replay that breaks off",
            "up to date",
            "not up to date",
            "ended behind",
            "a lost hint",
            "a race",
            "a store that is paused",
            "a replica that lagged behind takes over",
            "a store that is stopped",
            "a clock that is wrong",
            "all come back at once",
            "tombstones purged during a replay",
        ];
        let wanted = closes.map(CloseCode::name).into_iter().chain(events.map(EventName::as_str)).chain(others);
        wanted.chain([CloseCode::TooSlow.name()]).filter(|what| !self.0.contains_key(what)).collect()
    }
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) faults: Faults,
    pub(crate) tell: bool,
    pub(crate) now: Duration,
    pub(crate) queue: BinaryHeap<Reverse<(Duration, u64)>>,
    pub(crate) happenings: BTreeMap<u64, Happening>,
    pub(crate) count: u64,
    pub(crate) ids: Vec<ConversationId>,
    pub(crate) users: Vec<User>,
    pub(crate) devices: Vec<Device>,
    pub(crate) is_quiet: bool,
    /// Until then the store answers nothing.
    pub(crate) paused_until: Duration,
    /// Until then the store refuses everything.
    pub(crate) stopped_until: Duration,
    pub(crate) seen: Seen,
}

impl World {
    pub(crate) fn new(seed: u64, tell: bool) -> Self {
        let mut random = Random::new(seed);
        let faults = Faults::draw(&mut random);
        let ids = (0..faults.conversations).map(|number| format!("c2c_{number}").parse().unwrap()).collect();
        let mut world = Self {
            random,
            faults,
            tell,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            count: 0,
            ids,
            users: Vec::new(),
            devices: Vec::new(),
            is_quiet: false,
            paused_until: Duration::ZERO,
            stopped_until: Duration::ZERO,
            seen: Seen::default(),
        };
        if tell {
            println!("{:#?}", world.faults);
        }
        for user in 0..1 + world.random.below(3) as usize {
            world.add_user(user);
        }
        let quiet = Duration::from_millis(5_000 + world.random.below(30_000));
        world.at(Duration::ZERO, Happening::Fault);
        world.at(quiet, Happening::Quiet);
        // Two comparisons, the longest pause after failures, and the closing of a client that takes nothing.
        world.at(quiet + Duration::from_secs(150), Happening::End);
        world
    }

    fn add_user(&mut self, user: usize) {
        self.users.push(User { clock_ahead_us: HOUR_US, ..User::default() });
        // A comparison that meets the first data of a user cannot tell it from other data, and reads again.
        if self.faults.is_calm || self.random.percent(60) {
            for part in self.ids.clone().chunks(200) {
                let changes: Vec<_> = part.iter().map(|id| (id.clone(), Change::Message)).collect();
                let now_us = self.store_now_us(user);
                self.users[user].store.step(&changes, now_us, &mut self.random);
            }
        }
        for _ in 0..1 + self.random.below(3) {
            let device = self.devices.len();
            self.devices.push(Device {
                user,
                client: Default::default(),
                connection: None,
                generation: 0,
                token_issued_at_us: self.now_us(),
            });
            let delay = self.random.millis(5_000);
            self.after(delay, Happening::Connect { device });
        }
        self.at(Duration::ZERO, Happening::Change { user });
        let first = Duration::from_millis(self.random.below(30_000));
        self.after(first, Happening::CompareTime { user });
    }

    /// The time of whoever signs tokens and kicks.
    pub(crate) fn now_us(&self) -> u64 {
        2 * HOUR_US + self.now.as_micros() as u64
    }

    /// The time of a user's store.
    pub(crate) fn store_now_us(&self, user: usize) -> u64 {
        self.now_us() - HOUR_US + self.users[user].clock_ahead_us
    }

    pub(crate) fn at(&mut self, at: Duration, happening: Happening) {
        self.count += 1;
        self.queue.push(Reverse((at, self.count)));
        self.happenings.insert(self.count, happening);
    }

    pub(crate) fn after(&mut self, delay: Duration, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    pub(crate) fn run(mut self) -> Seen {
        while let Some(Reverse((at, number))) = self.queue.pop() {
            self.now = at;
            let happening = self.happenings.remove(&number).expect("each happens once");
            if self.tell {
                println!("{:>10.3} {happening:?}", at.as_secs_f64());
            }
            if matches!(happening, Happening::End) {
                break;
            }
            self.happen(happening);
        }
        self.check_end();
        self.seen
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Change { user } => self.change(user),
            Happening::Fault => self.fault(),
            Happening::Connect { device } => self.connect(device),
            Happening::Subscribed(link) => self.subscribed(link),
            Happening::Followed(link) => {
                if let Some(connection) = self.connection(link) {
                    connection.is_followed = true;
                }
                self.feed(link, Input::Followed);
            }
            Happening::Hint { link, relay, hint } => {
                if self.users[self.devices[link.0].user].relay == relay {
                    let not_before = hint.kick.as_ref().map_or(0, |kick| kick.not_before);
                    self.feed(link, Input::Hint(hint));
                    let left = self.connection(link).is_none_or(|one| one.token_issued_at_us >= not_before);
                    assert!(left, "a session lives on after its kick");
                }
            }
            Happening::ReadStore(link, request) => self.read_store(link, request),
            Happening::Answer(link, read) => {
                if let Some(connection) = self.connection(link) {
                    connection.is_reading = false;
                }
                self.feed(link, Input::SyncRead(*read));
            }
            Happening::Unread { link, number, unread } => self.feed(link, Input::UnreadRead { number, unread }),
            Happening::SubscriptionRead { link, filter, subscription } => {
                self.subscription_read(link, filter, subscription);
            }
            Happening::SubscriptionDone { link, filter, subscription, unread } => {
                self.subscription_done(link, &filter, subscription, unread.as_deref());
            }
            Happening::Taken(link) => self.taken(link),
            Happening::Pong(link) => self.feed(link, Input::Received),
            Happening::Tick(link) => self.tick(link),
            Happening::Restored { user } => {
                self.users[user].is_interrupted = false;
                self.compare(user);
            }
            Happening::CompareTime { user } => {
                let next = Duration::from_millis(24_000 + self.random.below(12_000));
                self.after(next, Happening::CompareTime { user });
                self.compare(user);
            }
            Happening::CompareRead { user, asked } => self.compare_read(user, asked),
            Happening::Compared { user, asked, head } => {
                for link in asked {
                    self.feed(link, Input::Compared(head.clone()));
                }
                self.comparison_over(user);
            }
            Happening::ProbeRead { link, cursor, rows } => {
                let store = &self.users[self.devices[link.0].user].store;
                let stored = store.rows().into_iter().map(|(id, row)| (id.to_owned(), row.to_owned())).collect();
                let head = Box::new(store.head());
                let delay = self.read_time();
                self.after(delay, Happening::Probed { link, cursor, rows, stored, head });
            }
            Happening::Probed { link, cursor, rows, stored, head } => self.probed(link, cursor, rows, &stored, &head),
            Happening::Quiet => self.quiet(),
            Happening::End => {}
        }
    }

    fn quiet(&mut self) {
        self.is_quiet = true;
        self.faults.stop();
        for connection in self.devices.iter_mut().filter_map(|device| device.connection.as_mut()) {
            if connection.pace == Pace::Slow {
                connection.pace = Pace::Fast;
            }
        }
        for user in 0..self.users.len() {
            // A client that was cut has seen writes that its cursor does not tell. Where the store goes back within its
            // data set, and behind those writes only, no session can know of them.
            let at_risk = self.devices.iter().filter(|device| device.user == user).any(|device| {
                let is_steady = device.connection.as_ref().is_some_and(|connection| {
                    connection.pace == Pace::Fast && !connection.is_mute && !connection.token_is_short
                });
                device.client.is_beyond_cursor() && (device.client.session.resumed || !is_steady)
            });
            let state = &mut self.users[user];
            if self.faults.ends_behind && !at_risk && state.backup.cursor().epoch == state.store.cursor().epoch {
                if state.backup.cursor().version < state.store.cursor().version {
                    self.seen.count("ended behind");
                }
                state.store = state.backup.clone();
            }
        }
    }

    fn check_end(&self) {
        for (number, device) in self.devices.iter().enumerate() {
            let store = &self.users[device.user].store;
            let connection = device.connection.as_ref().unwrap_or_else(|| panic!("device {number} is not connected"));
            assert!(connection.session.is_live() && connection.outbox.is_empty(), "device {number}: {connection:?}");
            assert!(device.client.is_in_sync(), "device {number} is in a sync");
            assert!(connection.token_issued_at_us >= store.head().not_before, "device {number} was kicked");
            device.client.check_same(store);
        }
    }
}
