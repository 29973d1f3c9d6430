//! How sessions are driven: connecting, sending, taking, ticking, closing.

use crate::{
    device::{Connection, Link, Pace},
    world::{Happening, World},
};
use conversation_gateway::session::{Heartbeat, Input, Output, Session, SessionConfig};
use conversation_protocol::{CloseCode, EventName, Frame};
use std::time::Duration;

impl World {
    pub(crate) fn connection(&mut self, (device, generation): Link) -> Option<&mut Connection> {
        let device = &mut self.devices[device];
        if device.generation == generation { device.connection.as_mut() } else { None }
    }

    pub(crate) fn connect(&mut self, device: usize) {
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
        let filters = if self.random.percent(30) { vec![self.filter()] } else { Vec::new() };
        let is_lost = is_lost || {
            let state = &self.devices[device];
            let has_lost_rows = state.client.has_lost_rows(&self.users[state.user].store);
            if has_lost_rows {
                self.seen.count("a client that was cut among lost writes");
            }
            has_lost_rows
        };
        let state = &mut self.devices[device];
        state.generation += 1;
        state.client.connect();
        filters.iter().for_each(|filter| state.client.watch(filter, None));
        let config = SessionConfig {
            since: state.client.cursor.filter(|_| !is_lost),
            window: self.faults.window,
            device: Some("phone".parse().unwrap()),
            filters,
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

    pub(crate) fn subscribed(&mut self, link: Link) {
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
    pub(crate) fn disconnect(&mut self, device: usize) {
        if self.devices[device].connection.take().is_some() {
            let delay = Duration::from_millis(1 + self.random.below(5_000));
            self.after(delay, Happening::Connect { device });
        }
    }

    pub(crate) fn feed(&mut self, link: Link, input: Input) {
        let now = self.now;
        if let Some(connection) = self.connection(link) {
            let mut outputs = Vec::new();
            connection.session.handle(input, now, &mut outputs);
            self.perform(link, outputs);
        }
    }

    pub(crate) fn perform(&mut self, link: Link, outputs: Vec<Output>) {
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
                    let delay = self.read_time();
                    self.after(delay, Happening::ReadStore(link, request));
                }
                Output::ReadUnread { number } => self.read_unread(link, number),
                Output::Ping => {
                    if !is_mute && pace != Pace::Never {
                        let delay = self.random.millis(5_000);
                        self.after(delay, Happening::Pong(link));
                    }
                }
                Output::Comment | Output::Note(_) => {}
                Output::Close { code, .. } => return self.close(link, code),
            }
        }
        if was_idle {
            self.take_later(link);
        }
        self.want_tick(link);
    }

    pub(crate) fn take_later(&mut self, link: Link) {
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

    pub(crate) fn taken(&mut self, link: Link) {
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

    pub(crate) fn receive(&mut self, device: usize, frame: &Frame) {
        let device = &mut self.devices[device];
        let further_slice = frame.cursor.is_some() && !device.client.is_in_sync();
        device.client.receive(frame, &self.users[device.user].store);
        assert!(!self.faults.is_calm || device.client.session.starts <= 1, "a sync without a gap");
        if frame.event == EventName::SyncServerFinish {
            self.seen.count(if frame.data.contains("full") { "a full sync" } else { "a replay" });
        } else if frame.event == EventName::SyncServerFailed && frame.data.contains("no longer serve") {
            self.seen.count("a replay that breaks off");
        } else if further_slice {
            self.seen.count("a further slice");
        }
    }

    /// What is pending still goes out, where the client takes anything.
    pub(crate) fn close(&mut self, link: Link, code: CloseCode) {
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

    pub(crate) fn want_tick(&mut self, link: Link) {
        let now = self.now;
        let Some(connection) = self.connection(link) else { return };
        let Some(at) = connection.session.next_tick() else { return };
        let at = at.max(now);
        if connection.tick_at.is_none_or(|known| at < known) {
            connection.tick_at = Some(at);
            self.at(at, Happening::Tick(link));
        }
    }

    pub(crate) fn tick(&mut self, link: Link) {
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
}
