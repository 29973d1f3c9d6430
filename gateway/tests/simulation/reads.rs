//! How the store is read: for syncs, for comparisons and for probes.

use crate::{
    device::Link,
    world::{Happening, Rows, World},
};
use conversation_gateway::session::{GapCause, Input, ReadRequest, Subscription, SyncRead};
use conversation_protocol::{ApiError, Cursor, ErrorKind, Filter, Head, UnreadFacets};
use std::{sync::Arc, time::Duration};

impl World {
    /// Whether a read fails now.
    fn is_refused(&mut self) -> bool {
        self.now < self.stopped_until || self.random.percent(self.faults.read_failed)
    }

    /// How long one way of a read takes; a pause of the store comes on top.
    pub(crate) fn read_time(&mut self) -> Duration {
        self.paused_until.saturating_sub(self.now) + self.random.millis(self.faults.read_ms)
    }

    pub(crate) fn read_store(&mut self, link: Link, request: ReadRequest) {
        let is_refused = self.is_refused();
        let store = &self.users[self.devices[link.0].user].store;
        let read = if is_refused {
            SyncRead::Failed(ApiError::new(ErrorKind::StoreUnavailable, "simulated"))
        } else {
            match request {
                ReadRequest::Replay { since } => SyncRead::Replay(store.replay(since.version, self.faults.slice_rows)),
                ReadRequest::Full { window } => SyncRead::Page(store.page(window)),
            }
        };
        let delay = self.read_time();
        self.after(delay, Happening::Answer(link, Box::new(read)));
    }

    pub(crate) fn read_unread(&mut self, link: Link, number: u32) {
        let unread = self.unread(link);
        let delay = self.read_time();
        self.after(delay, Happening::Unread { link, number, unread });
    }

    /// What filter totals are summed up from, if the store answers.
    fn unread(&mut self, link: Link) -> Option<Arc<UnreadFacets>> {
        (!self.is_refused()).then(|| Arc::new(self.users[self.devices[link.0].user].store.unread()))
    }

    pub(crate) fn subscription_read(&mut self, link: Link, filter: Filter, subscription: Subscription) {
        let unread = self.unread(link);
        let delay = self.read_time();
        self.after(delay, Happening::SubscriptionDone { link, filter, subscription, unread });
    }

    pub(crate) fn subscription_done(
        &mut self,
        link: Link,
        filter: &Filter,
        subscription: Subscription,
        unread: Option<&UnreadFacets>,
    ) {
        let now = self.now;
        let Some(connection) = self.connection(link) else { return };
        if let Some(unread) = unread {
            let mut outputs = Vec::new();
            let total = connection.session.subscribed(filter, subscription, unread, now, &mut outputs);
            self.devices[link.0].client.watch(filter, Some((total, unread.head.cursor.version)));
            self.perform(link, outputs);
        } else {
            if subscription.is_new {
                connection.session.unsubscribe(filter);
                self.devices[link.0].client.unwatch(filter);
            }
            if let Some(number) = subscription.read {
                self.feed(link, Input::UnreadRead { number, unread: None });
            }
        }
    }

    pub(crate) fn compare(&mut self, user: usize) {
        if std::mem::replace(&mut self.users[user].is_comparing, true) {
            self.users[user].compare_again = true;
            return;
        }
        let mut asked = Vec::new();
        for device in 0..self.devices.len() {
            let link = (device, self.devices[device].generation);
            if self.devices[device].user == user && self.connection(link).is_some() {
                self.feed(link, Input::Compare(GapCause::Comparison));
                asked.push(link);
            }
        }
        let delay = self.read_time();
        self.after(delay, Happening::CompareRead { user, asked });
    }

    pub(crate) fn compare_read(&mut self, user: usize, asked: Vec<Link>) {
        if self.is_refused() {
            return self.comparison_over(user);
        }
        let head = Arc::new(self.users[user].store.head());
        let delay = self.read_time();
        self.after(delay, Happening::Compared { user, asked, head });
    }

    pub(crate) fn comparison_over(&mut self, user: usize) {
        self.users[user].is_comparing = false;
        if std::mem::take(&mut self.users[user].compare_again) {
            self.compare(user);
        }
    }

    pub(crate) fn probed(
        &mut self,
        link: Link,
        cursor: Option<Cursor>,
        rows: Option<Rows>,
        stored: &Rows,
        head: &Head,
    ) {
        let now = self.now;
        let Some(connection) = self.connection(link) else { return };
        let mut outputs = Vec::new();
        let up_to_date = connection.session.probe(cursor, head, now, &mut outputs);
        if up_to_date {
            assert!(rows.is_none_or(|rows| rows == *stored), "a client is told that it is up to date, and is not");
            self.seen.count("up to date");
        } else {
            self.devices[link.0].client.session.probed = true;
            self.seen.count("not up to date");
        }
        self.perform(link, outputs);
    }
}
