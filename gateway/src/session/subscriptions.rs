//! How a session's filters come and go, and when their totals are read.

use super::{
    Output, Session,
    filters::{Answer, FilterTotals, TooManyFilters, total_of},
    notes::GapCause,
};
use conversation_protocol::{Filter, SyncMode, UnreadFacets};
use std::time::Duration;

/// A subscription whose total is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Whether the session did not have the filter before.
    pub is_new: bool,
    /// The number of the read, for [`super::Input::UnreadRead`] if it fails; `None`: its failure moves nothing.
    pub read: Option<u32>,
}

impl Session {
    /// The client wants to be told the total of a filter. The caller must read now what totals are summed up from, and
    /// hand it to [`Session::subscribed`], or its failure to [`super::Input::UnreadRead`].
    ///
    /// # Errors
    /// [`TooManyFilters`] if it has as many as it may.
    pub fn subscribe(&mut self, filter: Filter) -> Result<Subscription, TooManyFilters> {
        let (is_live, seen) = (self.is_live(), self.mailbox.seen());
        let filters = self.filters.get_or_insert_with(|| Box::new(FilterTotals::empty()));
        let is_new = filters.watch(filter)?;
        // A session that is not live reads for itself once it is; until then an answer moves no total.
        Ok(Subscription { is_new, read: is_live.then(|| filters.begin_read(seen)) })
    }

    /// The read for a subscription is done. Answers the filter's total, which counts as told.
    pub fn subscribed(
        &mut self,
        filter: &Filter,
        subscription: Subscription,
        unread: &UnreadFacets,
        now: Duration,
        outputs: &mut Vec<Output>,
    ) -> u64 {
        let total = total_of(filter, unread);
        if let Some(filters) = &mut self.filters {
            filters.tell(filter, total, unread.head.cursor.version);
        }
        if let Some(number) = subscription.read {
            self.unread_read(number, Some(unread), now, outputs);
        }
        self.advance(now, outputs);
        total
    }

    /// The client wants to be told no more, or its subscription failed.
    pub fn unsubscribe(&mut self, filter: &Filter) {
        // What is being read stays of use to the next filter.
        if let Some(filters) = &mut self.filters {
            filters.unwatch(filter);
        }
    }

    /// Begins to read what totals are summed up from, if they are not known.
    pub(super) fn read_unread(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        let seen = self.mailbox.seen();
        if let Some(filters) = &mut self.filters
            && filters.wants_read(now)
        {
            outputs.push(Output::ReadUnread { number: filters.begin_read(seen) });
        }
    }

    pub(super) fn unread_read(
        &mut self,
        number: u32,
        unread: Option<&UnreadFacets>,
        now: Duration,
        outputs: &mut Vec<Output>,
    ) {
        let Some(filters) = &mut self.filters else { return };
        match filters.answer(number, unread, self.jitter, now) {
            Answer::Fine => {}
            Answer::OtherData => self.request_sync(SyncMode::Replay, GapCause::OtherData, now, outputs),
            Answer::WentBack => self.request_sync(SyncMode::Full, GapCause::LostWrites, now, outputs),
        }
    }
}
