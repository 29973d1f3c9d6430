//! What happens in one world, in which order: users change their lists, faults strike, and at the end all is quiet.

use crate::{
    device::{Connection, Device, Pace},
    faults::{FaultEvent, Faults, Random},
    store::{Change, Store},
};
use conversation_gateway::session::{Heartbeat, Input, Output, ReadRequest, Session, SessionConfig, SyncRead};
use conversation_protocol::{ApiError, CloseCode, ConversationId, Cursor, ErrorKind, EventName, Head, Hint};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
    time::Duration,
};

/// A connection: which device, and its how manyth.
type Link = (usize, u64);
type Rows = BTreeMap<String, String>;

#[derive(Debug)]
enum Happening {
    Change { user: usize },
    Fault,
    Connect { device: usize },
    Subscribed(Link),
    Followed(Link),
    Hint { link: Link, relay: u64, hint: Arc<Hint> },
    ReadStore(Link, ReadRequest),
    Answer(Link, Box<SyncRead>),
    Taken(Link),
    Pong(Link),
    Tick(Link),
    Restored { user: usize },
    CompareTime { user: usize },
    CompareRead { user: usize, asked: Vec<Link> },
    Compared { user: usize, asked: Vec<Link>, head: Arc<Head> },
    ProbeRead { link: Link, cursor: Option<Cursor>, rows: Rows },
    Probed { link: Link, cursor: Option<Cursor>, rows: Rows, stored: Rows, head: Box<Head> },
    Quiet,
    End,
}

#[derive(Debug, Default)]
struct User {
    store: Store,
    /// An older state of the store, to fall back to.
    backup: Store,
    /// Rises with each interruption: what was under way is lost.
    relay: u64,
    is_interrupted: bool,
    is_comparing: bool,
    compare_again: bool,
}

/// How often what was seen, to show that the faults do happen.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen(BTreeMap<&'static str, u64>);

impl Seen {
    fn count(&mut self, what: &'static str) {
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
        let events = [EventName::SyncServerFailed, EventName::NewConversation, EventName::ConversationDeleted];
        let others = ["a further slice", "a full sync", "a replay", "up to date", "not up to date", "ended behind"];
        let wanted = closes.map(CloseCode::name).into_iter().chain(events.map(EventName::as_str)).chain(others);
        wanted.chain([CloseCode::TooSlow.name()]).filter(|what| !self.0.contains_key(what)).collect()
    }
}

pub(crate) struct World {
    random: Random,
    faults: Faults,
    tell: bool,
    now: Duration,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    count: u64,
    ids: Vec<ConversationId>,
    users: Vec<User>,
    devices: Vec<Device>,
    is_quiet: bool,
    seen: Seen,
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
            seen: Seen::default(),
        };
        if tell {
            println!("{:#?}", world.faults);
        }
        for user in 0..1 + world.random.below(3) as usize {
            world.add_user(user);
        }
        let quiet = Duration::from_millis(10_000 + world.random.below(40_000));
        world.at(Duration::ZERO, Happening::Fault);
        world.at(quiet, Happening::Quiet);
        // Two comparisons, the longest pause after failures, and the closing of a client that takes nothing.
        world.at(quiet + Duration::from_secs(150), Happening::End);
        world
    }

    fn add_user(&mut self, user: usize) {
        self.users.push(User::default());
        if self.random.percent(60) {
            for part in self.ids.clone().chunks(200) {
                let changes: Vec<_> = part.iter().map(|id| (id.clone(), Change::Message)).collect();
                let now_us = self.now_us();
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

    fn now_us(&self) -> u64 {
        1_000_000 + self.now.as_micros() as u64
    }

    fn at(&mut self, at: Duration, happening: Happening) {
        self.count += 1;
        self.queue.push(Reverse((at, self.count)));
        self.happenings.insert(self.count, happening);
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
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
                    self.feed(link, Input::Hint(hint));
                }
            }
            Happening::ReadStore(link, request) => self.read_store(link, request),
            Happening::Answer(link, read) => {
                if let Some(connection) = self.connection(link) {
                    connection.is_reading = false;
                }
                self.feed(link, Input::SyncRead(*read));
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
                let (head, stored) = (Box::new(store.head()), owned(store.rows()));
                let delay = self.random.millis(self.faults.read_ms);
                self.after(delay, Happening::Probed { link, cursor, rows, stored, head });
            }
            Happening::Probed { link, cursor, rows, stored, head } => self.probed(link, cursor, &rows, &stored, &head),
            Happening::Quiet => self.quiet(),
            Happening::End => {}
        }
    }

    // What users do.

    fn change(&mut self, user: usize) {
        if self.is_quiet {
            return;
        }
        let delay = self.random.millis(2 * self.faults.change_every_ms);
        self.after(delay, Happening::Change { user });
        let now_us = self.now_us();
        let is_group = self.random.percent(4);
        let count = if self.ids.len() > 100 && self.random.percent(20) { 250 } else { 1 + self.random.below(3) };
        let changes: Vec<_> = (0..count)
            .map(|_| {
                let id = self.random.below(self.ids.len() as u64) as usize;
                (self.ids[id].clone(), Change::draw(&mut self.random))
            })
            .collect();
        let store = &mut self.users[user].store;
        let hint = if is_group {
            Some(store.add_group(now_us, &mut self.random))
        } else {
            store.step(&changes, now_us, &mut self.random)
        };
        if let Some(hint) = hint {
            self.publish(user, hint);
        }
        if self.random.percent(2) {
            self.users[user].backup = self.users[user].store.clone();
        }
    }

    fn publish(&mut self, user: usize, mut hint: Hint) {
        if self.users[user].is_interrupted {
            return;
        }
        if self.random.percent(self.faults.hint_truncated) {
            hint = Hint { rows: Vec::new(), deleted: Vec::new(), truncated: true, ..hint };
        }
        let hint = Arc::new(hint);
        let relay = self.users[user].relay;
        for device in 0..self.devices.len() {
            let link = (device, self.devices[device].generation);
            if self.devices[device].user != user || !self.connection(link).is_some_and(|one| one.is_subscribed) {
                continue;
            }
            for _ in 0..1 + u64::from(self.random.percent(self.faults.hint_doubled)) {
                if self.random.percent(self.faults.hint_dropped) {
                    self.seen.count("a lost hint");
                    continue;
                }
                let mut at = self.now + self.random.millis(self.faults.hint_delay_ms);
                if !self.random.percent(self.faults.hint_overtaken) {
                    let connection = self.connection(link).expect("it is subscribed");
                    at = at.max(connection.hints_until);
                    connection.hints_until = at;
                }
                self.at(at, Happening::Hint { link, relay, hint: hint.clone() });
            }
        }
    }

    // What goes wrong.

    fn fault(&mut self) {
        if self.is_quiet {
            return;
        }
        let delay = self.random.millis(2 * self.faults.fault_every_ms);
        self.after(delay, Happening::Fault);
        let Some(&event) = self.faults.events.get(self.random.below(self.faults.events.len() as u64) as usize) else {
            return;
        };
        let user = self.random.below(self.users.len() as u64) as usize;
        let device = self.random.below(self.devices.len() as u64) as usize;
        let link = (device, self.devices[device].generation);
        let now_us = self.now_us();
        if self.tell {
            println!("           {event:?} user {user} device {device}");
        }
        match event {
            FaultEvent::Cut => self.disconnect(device),
            FaultEvent::Interrupted => {
                let user_state = &mut self.users[user];
                user_state.relay += 1;
                if !std::mem::replace(&mut user_state.is_interrupted, true) {
                    let delay = self.random.millis(10_000);
                    self.after(delay, Happening::Restored { user });
                }
            }
            FaultEvent::StoreReplaced => {
                let backup = self.users[user].backup.clone();
                self.users[user].store = backup.reborn(&mut self.random);
            }
            FaultEvent::StoreEmptied => self.users[user].store = Store::default(),
            FaultEvent::TombstonesPurged => {
                let count = 1 + self.random.below(4) as usize;
                self.users[user].store.purge(count);
            }
            FaultEvent::Kicked => {
                let hint = self.users[user].store.kick(now_us, &mut self.random);
                self.publish(user, hint);
            }
            FaultEvent::SessionKicked => self.feed(link, Input::Kick { reason: "room".to_owned() }),
            FaultEvent::Drained => self.feed(link, Input::Drain { after_ms: 100 }),
            FaultEvent::Probed => {
                let client = &self.devices[device].client;
                let rows = client.rows.iter().map(|(id, (_, row))| (id.clone(), row.clone())).collect();
                let cursor = client.cursor;
                let delay = self.random.millis(self.faults.read_ms);
                self.after(delay, Happening::ProbeRead { link, cursor, rows });
            }
            FaultEvent::TokenRefreshed => {
                let expires_at = self.now + Duration::from_secs(3_600);
                if let Some(connection) = self.connection(link) {
                    connection.token_issued_at_us = now_us;
                    self.feed(link, Input::TokenRefreshed { issued_at_us: Some(now_us), expires_at });
                }
            }
        }
    }

    // Connections.

    fn connection(&mut self, (device, generation): Link) -> Option<&mut Connection> {
        let device = &mut self.devices[device];
        if device.generation == generation { device.connection.as_mut() } else { None }
    }

    fn connect(&mut self, device: usize) {
        let now = self.now;
        let is_short = self.random.percent(self.faults.token_short);
        let lifetime = if is_short { self.random.millis(20_000) } else { Duration::from_secs(3_600) };
        let pace = if self.random.percent(self.faults.client_stuck) {
            Pace::Never
        } else if self.random.percent(self.faults.client_slow) {
            Pace::Slow
        } else {
            Pace::Fast
        };
        let is_mute = self.random.percent(self.faults.client_mute);
        let is_lost = self.random.percent(self.faults.cursor_lost);
        let heartbeat = if self.random.percent(50) { Heartbeat::PingPong } else { Heartbeat::Comment };
        let jitter = self.random.next();
        let state = &mut self.devices[device];
        state.generation += 1;
        state.client.connect();
        let config = SessionConfig {
            since: state.client.cursor.filter(|_| !is_lost),
            window: self.faults.window,
            device: Some("phone".parse().unwrap()),
            token_issued_at_us: Some(state.token_issued_at_us),
            token_expires_at: now + lifetime,
            heartbeat,
            jitter,
        };
        state.connection = Some(Connection {
            session: Session::new(config, now),
            token_is_short: is_short,
            token_issued_at_us: state.token_issued_at_us,
            is_subscribed: false,
            is_followed: false,
            is_reading: false,
            pace,
            is_mute,
            outbox: Default::default(),
            hints_until: now,
            tick_at: None,
        });
        let link = (device, state.generation);
        let delay = self.random.millis(500);
        self.after(delay, Happening::Subscribed(link));
        self.want_tick(link);
    }

    fn subscribed(&mut self, link: Link) {
        if self.users[self.devices[link.0].user].is_interrupted {
            return self.after(Duration::from_millis(500), Happening::Subscribed(link));
        }
        if let Some(connection) = self.connection(link) {
            connection.is_subscribed = true;
            let delay = self.random.millis(200);
            self.after(delay, Happening::Followed(link));
        }
    }

    /// The connection is gone; what was not taken is lost. The client comes back.
    fn disconnect(&mut self, device: usize) {
        if self.devices[device].connection.take().is_some() {
            let delay = Duration::from_millis(1 + self.random.below(5_000));
            self.after(delay, Happening::Connect { device });
        }
    }

    fn feed(&mut self, link: Link, input: Input) {
        let now = self.now;
        if let Some(connection) = self.connection(link) {
            let mut outputs = Vec::new();
            connection.session.handle(input, now, &mut outputs);
            self.perform(link, outputs);
        }
    }

    fn perform(&mut self, link: Link, outputs: Vec<Output>) {
        let tell = self.tell;
        let connection = self.connection(link).expect("it is there");
        connection.check(&outputs);
        let was_idle = connection.outbox.is_empty();
        let (pace, is_mute) = (connection.pace, connection.is_mute);
        for output in outputs {
            if tell {
                println!("           {link:?} {output:?}");
            }
            match output {
                Output::Send(frame) => {
                    self.seen.count(frame.event.as_str());
                    self.connection(link).expect("it is there").outbox.push_back(frame);
                }
                Output::Read(request) => {
                    let delay = self.random.millis(self.faults.read_ms);
                    self.after(delay, Happening::ReadStore(link, request));
                }
                Output::Ping => {
                    if !is_mute && pace != Pace::Never {
                        let delay = self.random.millis(5_000);
                        self.after(delay, Happening::Pong(link));
                    }
                }
                Output::Comment => {}
                Output::Close { code, .. } => return self.close(link, code),
            }
        }
        if was_idle {
            self.take_later(link);
        }
        self.want_tick(link);
    }

    fn take_later(&mut self, link: Link) {
        let connection = self.connection(link).expect("it is there");
        let (is_empty, pace) = (connection.outbox.is_empty(), connection.pace);
        let delay = match pace {
            Pace::Fast => Duration::ZERO,
            Pace::Slow => self.random.millis(8_000),
            Pace::Never => return,
        };
        if !is_empty {
            self.after(delay, Happening::Taken(link));
        }
    }

    fn taken(&mut self, link: Link) {
        let Some(connection) = self.connection(link) else { return };
        let frame = connection.outbox.pop_front().expect("something was pending");
        let is_empty = connection.outbox.is_empty();
        self.receive(link.0, &frame);
        if is_empty {
            self.feed(link, Input::Writable);
        } else {
            self.feed(link, Input::Progress);
            if self.connection(link).is_some() {
                self.take_later(link);
            }
        }
    }

    fn receive(&mut self, device: usize, frame: &conversation_protocol::Frame) {
        let device = &mut self.devices[device];
        let further_slice = frame.cursor.is_some() && !device.client.is_in_sync();
        device.client.receive(frame, &self.users[device.user].store);
        if frame.event == EventName::SyncServerFinish {
            self.seen.count(if frame.data.contains("full") { "a full sync" } else { "a replay" });
        } else if further_slice {
            self.seen.count("a further slice");
        }
    }

    /// What is pending still goes out, where the client takes anything.
    fn close(&mut self, link: Link, code: CloseCode) {
        self.seen.count(code.name());
        let now_us = self.now_us();
        let connection = self.connection(link).expect("it is there");
        if connection.pace != Pace::Never {
            for frame in std::mem::take(&mut connection.outbox) {
                self.receive(link.0, &frame);
            }
        }
        if code == CloseCode::KickedOffline {
            self.devices[link.0].token_issued_at_us = now_us;
        }
        self.disconnect(link.0);
    }

    fn want_tick(&mut self, link: Link) {
        let now = self.now;
        let Some(connection) = self.connection(link) else { return };
        let Some(at) = connection.session.next_tick() else { return };
        let at = at.max(now);
        if connection.tick_at.is_none_or(|known| at < known) {
            connection.tick_at = Some(at);
            self.at(at, Happening::Tick(link));
        }
    }

    fn tick(&mut self, link: Link) {
        let now = self.now;
        let Some(connection) = self.connection(link) else { return };
        if connection.tick_at != Some(now) {
            return;
        }
        connection.tick_at = None;
        if connection.session.next_tick().is_some_and(|at| at <= now) {
            self.feed(link, Input::Tick);
            if let Some(connection) = self.connection(link) {
                assert!(connection.session.next_tick().is_some_and(|at| at > now), "a tick that leads nowhere");
            }
        } else {
            self.want_tick(link);
        }
    }

    // Reads.

    fn read_store(&mut self, link: Link, request: ReadRequest) {
        let store = &self.users[self.devices[link.0].user].store;
        let read = if self.random.percent(self.faults.read_failed) {
            SyncRead::Failed(ApiError::new(ErrorKind::StoreUnavailable, "simulated"))
        } else {
            match request {
                ReadRequest::Replay { since } => SyncRead::Replay(store.replay(since.version, self.faults.slice_rows)),
                ReadRequest::Full { window } => SyncRead::Page(store.page(window)),
            }
        };
        let delay = self.random.millis(self.faults.read_ms);
        self.after(delay, Happening::Answer(link, Box::new(read)));
    }

    fn compare(&mut self, user: usize) {
        if std::mem::replace(&mut self.users[user].is_comparing, true) {
            self.users[user].compare_again = true;
            return;
        }
        let mut asked = Vec::new();
        for device in 0..self.devices.len() {
            let link = (device, self.devices[device].generation);
            if self.devices[device].user == user && self.connection(link).is_some() {
                self.feed(link, Input::Compare);
                asked.push(link);
            }
        }
        let delay = self.random.millis(self.faults.read_ms);
        self.after(delay, Happening::CompareRead { user, asked });
    }

    fn compare_read(&mut self, user: usize, asked: Vec<Link>) {
        if self.random.percent(self.faults.read_failed) {
            return self.comparison_over(user);
        }
        let head = Arc::new(self.users[user].store.head());
        let delay = self.random.millis(self.faults.read_ms);
        self.after(delay, Happening::Compared { user, asked, head });
    }

    fn comparison_over(&mut self, user: usize) {
        self.users[user].is_comparing = false;
        if std::mem::take(&mut self.users[user].compare_again) {
            self.compare(user);
        }
    }

    fn probed(&mut self, link: Link, cursor: Option<Cursor>, rows: &Rows, stored: &Rows, head: &Head) {
        let now = self.now;
        let knows_all = self.devices[link.0].client.edge == 0;
        let Some(connection) = self.connection(link) else { return };
        let mut outputs = Vec::new();
        let up_to_date = connection.session.probe(cursor, head, now, &mut outputs);
        if up_to_date {
            assert!(!knows_all || rows == stored, "a client is told that it is up to date, and is not");
            self.seen.count("up to date");
        } else {
            self.devices[link.0].client.session.probed = true;
            self.seen.count("not up to date");
        }
        self.perform(link, outputs);
    }

    // The end.

    fn quiet(&mut self) {
        self.is_quiet = true;
        self.faults.stop();
        for connection in self.devices.iter_mut().filter_map(|device| device.connection.as_mut()) {
            if connection.pace == Pace::Slow {
                connection.pace = Pace::Fast;
            }
        }
        for user in 0..self.users.len() {
            // A cursor from the middle of a replay does not say which writes the replay had seen: a client that comes
            // back with it after the store went back within its data set gets a replay that may lack rows.
            let at_risk = self.devices.iter().filter(|device| device.user == user).any(|device| {
                let is_steady = device.connection.as_ref().is_some_and(|connection| {
                    connection.pace == Pace::Fast && !connection.is_mute && !connection.token_is_short
                });
                device.client.is_within_replay() && (device.client.session.resumed || !is_steady)
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

fn owned(rows: BTreeMap<&str, &str>) -> Rows {
    rows.into_iter().map(|(id, row)| (id.to_owned(), row.to_owned())).collect()
}
