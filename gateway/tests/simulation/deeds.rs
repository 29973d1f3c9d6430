//! What users do to their lists, and what goes wrong.

use crate::{
    faults::FaultEvent,
    store::{Change, Store},
    world::{HOUR_US, Happening, World},
};
use conversation_gateway::session::Input;
use conversation_protocol::{Filter, Hint};
use std::{sync::Arc, time::Duration};

impl World {
    pub(crate) fn change(&mut self, user: usize) {
        if self.is_quiet {
            return;
        }
        let delay = self.random.millis(2 * self.faults.change_every_ms);
        self.after(delay, Happening::Change { user });
        if self.now < self.paused_until.max(self.stopped_until) {
            return;
        }
        let now_us = self.store_now_us(user);
        let is_group = self.random.percent(self.faults.group_change);
        let count = if self.ids.len() > 100 && self.random.percent(20) { 250 } else { 1 + self.random.below(3) };
        let changes: Vec<_> = (0..count)
            .map(|_| {
                let id = self.random.below(self.ids.len() as u64) as usize;
                (self.ids[id].clone(), Change::draw(&mut self.random))
            })
            .collect();
        let store = &mut self.users[user].store;
        let hint = if is_group {
            store.change_groups(now_us, &mut self.random)
        } else {
            store.step(&changes, now_us, &mut self.random)
        };
        if let Some(hint) = hint {
            self.publish(user, hint);
        }
        if self.random.percent(self.faults.race) {
            self.seen.count("a race");
            let others: Vec<_> = changes.into_iter().map(|(id, _)| (id, Change::draw(&mut self.random))).collect();
            if let Some(hint) = self.users[user].store.step(&others, now_us, &mut self.random) {
                self.publish(user, hint);
            }
        }
        if self.random.percent(2) {
            self.users[user].backup = self.users[user].store.clone();
        }
    }

    /// One of a few, so that a session has the same ones again.
    pub(crate) fn filter(&mut self) -> Filter {
        const FILTERS: [&str; 4] =
            ["{}", r#"{"markType":1}"#, r#"{"conversationGroup":"work"}"#, r#"{"conversationGroup":""}"#];
        serde_json::from_str(FILTERS[self.random.below(FILTERS.len() as u64) as usize]).expect("a filter")
    }

    pub(crate) fn publish(&mut self, user: usize, mut hint: Hint) {
        if self.users[user].is_interrupted {
            return;
        }
        if self.random.percent(self.faults.hint_truncated) {
            hint = Hint { rows: Vec::new(), deleted: Vec::new(), facets: Vec::new(), truncated: true, ..hint };
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

    /// No hints come for a while; those under way are lost.
    fn interrupt(&mut self, user: usize, delay: Duration) {
        let state = &mut self.users[user];
        state.relay += 1;
        if !std::mem::replace(&mut state.is_interrupted, true) {
            self.after(delay, Happening::Restored { user });
        }
    }

    fn promote_replica(&mut self, user: usize) {
        let now_us = self.store_now_us(user);
        let state = &self.users[user];
        // A client that was cut has seen writes that its cursor does not tell; if just these are lost, nobody knows.
        let at_risk = self.devices.iter().any(|device| {
            device.user == user
                && device.connection.is_some()
                && device.client.session.resumed
                && device.client.is_beyond_cursor()
        });
        // The clocks of a primary and its replica are less apart than the time in which one takes over from the other.
        if at_risk || now_us <= state.store.cursor().version {
            return;
        }
        let Some(replica) = state.store.replaced_by(&state.backup, &mut self.random) else { return };
        self.seen.count("a replica that lagged behind takes over");
        self.users[user].store = replica;
        let changes: Vec<_> =
            self.ids.iter().take(1 + self.random.below(3) as usize).map(|id| (id.clone(), Change::Message)).collect();
        if let Some(hint) = self.users[user].store.step(&changes, now_us, &mut self.random) {
            self.publish(user, hint);
        }
    }

    pub(crate) fn fault(&mut self) {
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
                let delay = self.random.millis(10_000);
                self.interrupt(user, delay);
            }
            FaultEvent::StorePaused => {
                self.seen.count("a store that is paused");
                self.paused_until = self.now + self.random.millis(8_000);
            }
            FaultEvent::StoreStopped => {
                self.seen.count("a store that is stopped");
                let delay = self.random.millis(8_000);
                self.stopped_until = self.now + delay;
                (0..self.users.len()).for_each(|user| self.interrupt(user, delay));
            }
            FaultEvent::ClockWrong => {
                self.seen.count("a clock that is wrong");
                self.users[user].clock_ahead_us = self.random.below(2 * HOUR_US);
            }
            FaultEvent::AllCut => {
                self.seen.count("all come back at once");
                let delay = self.random.millis(1_000);
                for device in 0..self.devices.len() {
                    if self.devices[device].connection.take().is_some() {
                        self.after(delay, Happening::Connect { device });
                    }
                }
            }
            FaultEvent::StoreReplaced => {
                let backup = self.users[user].backup.clone();
                self.users[user].store = backup.reborn(&mut self.random);
            }
            FaultEvent::ReplicaPromoted => self.promote_replica(user),
            FaultEvent::StoreEmptied => self.users[user].store = Store::default(),
            FaultEvent::TombstonesPurged => {
                let count = 1 + self.random.below(4) as usize;
                self.users[user].store.purge(count);
                let replays = self
                    .devices
                    .iter()
                    .any(|device| device.user == user && device.connection.is_some() && device.client.is_in_replay());
                if replays {
                    self.seen.count("tombstones purged during a replay");
                }
            }
            FaultEvent::Kicked => {
                let hint = self.users[user].store.kick(now_us, &mut self.random);
                self.publish(user, hint);
            }
            FaultEvent::SessionKicked => self.feed(link, Input::Kick { reason: "room".to_owned() }),
            FaultEvent::Drained => self.feed(link, Input::Drain { after_ms: 100 }),
            FaultEvent::Probed => {
                let client = &self.devices[device].client;
                // One who has read only the top of the list has not all rows, and is right.
                let rows = || client.rows.iter().map(|(id, (_, row))| (id.clone(), row.clone())).collect();
                let rows = (client.edge == 0).then(rows);
                let cursor = client.cursor;
                let delay = self.random.millis(self.faults.read_ms);
                self.after(delay, Happening::ProbeRead { link, cursor, rows });
            }
            FaultEvent::Subscribed => {
                let filter = self.filter();
                if let Some(connection) = self.connection(link) {
                    let subscription = connection.session.subscribe(filter.clone()).expect("there are few filters");
                    self.devices[device].client.watch(&filter, None);
                    let delay = self.random.millis(self.faults.read_ms);
                    self.after(delay, Happening::SubscriptionRead { link, filter, subscription });
                }
            }
            FaultEvent::Unsubscribed => {
                let filter = self.filter();
                if let Some(connection) = self.connection(link) {
                    connection.session.unsubscribe(&filter);
                    self.devices[device].client.unwatch(&filter);
                }
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
}
