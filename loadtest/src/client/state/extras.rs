//! What a client knows besides its rows: the names of the conversation groups, and the totals of its filters.

use conversation_protocol::{Event, Filter, SyncMode};
use std::collections::BTreeSet;

/// A filter whose total the client asked to be told.
#[derive(Debug)]
struct Watched {
    filter: Filter,
    /// The last total and its version; a full sync begins with versions anew.
    told: Option<(u64, Option<u64>)>,
    /// Whether it was told in this session.
    is_fresh: bool,
}

/// Group names and filter totals of one client.
#[derive(Debug, Default)]
pub(super) struct Extras {
    group_names: BTreeSet<String>,
    watched: Vec<Watched>,
}

impl Extras {
    pub(super) fn watching(filters: &[Filter]) -> Self {
        let watch = |filter: &Filter| Watched { filter: filter.clone(), told: None, is_fresh: false };
        Self { group_names: BTreeSet::new(), watched: filters.iter().map(watch).collect() }
    }

    pub(super) fn connected(&mut self) {
        self.watched.iter_mut().for_each(|watched| watched.is_fresh = false);
    }

    /// A sync tells all names; a full one begins with versions anew.
    pub(super) fn finished(&mut self, mode: SyncMode, names: &[String]) {
        self.group_names = names.iter().cloned().collect();
        match mode {
            SyncMode::Full => {
                self.watched.iter_mut().for_each(|watched| watched.told = watched.told.map(|(total, _)| (total, None)));
            }
            SyncMode::Replay => {}
        }
    }

    /// Takes what is neither of rows nor of syncs; answers what is wrong with it.
    pub(super) fn event(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::ConversationGroupCreated { group_name, .. } => {
                self.group_names.insert(group_name.clone());
                None
            }
            Event::ConversationGroupDeleted { group_name } => {
                self.group_names.remove(group_name);
                None
            }
            Event::ConversationGroupNameChanged { old_name, new_name } => {
                self.group_names.remove(old_name);
                self.group_names.insert(new_name.clone());
                None
            }
            Event::UnreadMessageCountChangedByFilter { filter, total_unread_count, version } => {
                self.total(filter, *total_unread_count, *version)
            }
            Event::ConversationsAddedToGroup { .. }
            | Event::ConversationsDeletedFromGroup { .. }
            | Event::SyncServerStart { .. }
            | Event::NewConversation { .. }
            | Event::ConversationChanged { .. }
            | Event::ConversationDeleted { .. }
            | Event::TotalUnreadMessageCountChanged { .. }
            | Event::SyncServerFinish { .. }
            | Event::SyncServerFailed { .. }
            | Event::KickedOffline { .. }
            | Event::TokenExpired {}
            | Event::Reconnect { .. } => None,
        }
    }

    fn total(&mut self, filter: &Filter, total: u64, version: u64) -> Option<String> {
        let Some(watched) = self.watched.iter_mut().find(|watched| watched.filter == *filter) else {
            return Some(format!("a total came of {filter:?}, which was not asked for"));
        };
        let last = watched.told.replace((total, Some(version)));
        let was_fresh = std::mem::replace(&mut watched.is_fresh, true);
        match last {
            Some((last, at)) if was_fresh && last == total => {
                Some(format!("total {total} of {filter:?} came at {at:?} and again at {version}"))
            }
            Some((_, at)) if was_fresh && Some(version) <= at => {
                Some(format!("the total of {filter:?} at {version} came after that at {at:?}"))
            }
            Some(_) | None => None,
        }
    }

    pub(super) fn group_names(&self) -> &BTreeSet<String> {
        &self.group_names
    }

    /// Each filter with its total, if one was told in this session.
    pub(super) fn totals(&self) -> impl Iterator<Item = (&Filter, Option<u64>)> {
        self.watched.iter().map(|watched| {
            let told = watched.told.filter(|_| watched.is_fresh);
            (&watched.filter, told.map(|(total, _)| total))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(total_unread_count: u64, version: u64) -> Event {
        Event::UnreadMessageCountChangedByFilter { filter: Filter::default(), total_unread_count, version }
    }

    #[test]
    fn a_total_that_did_not_change_or_went_back_in_time_is_wrong() {
        let mut extras = Extras::watching(&[Filter::default()]);
        assert_eq!(extras.event(&total(0, 5)), None);
        assert!(extras.event(&total(0, 6)).unwrap().contains("came at Some(5) and again at 6"));
        assert!(extras.event(&total(1, 6)).unwrap().contains("came after that at Some(6)"));
        extras.connected();
        assert_eq!(extras.totals().next().unwrap().1, None);
        assert_eq!(extras.event(&total(1, 6)), None, "each session says it once");
        assert_eq!(extras.totals().next().unwrap().1, Some(1));
        assert!(Extras::default().event(&total(1, 1)).unwrap().contains("not asked for"));
    }

    #[test]
    fn names_follow_the_notices_from_the_last_finish_on() {
        let mut extras = Extras::default();
        extras.finished(SyncMode::Replay, &["a".to_owned()]);
        let renamed = Event::ConversationGroupNameChanged { old_name: "a".to_owned(), new_name: "b".to_owned() };
        assert_eq!(extras.event(&renamed), None);
        assert_eq!(extras.group_names().iter().collect::<Vec<_>>(), ["b"]);
        assert_eq!(extras.event(&Event::ConversationGroupDeleted { group_name: "b".to_owned() }), None);
        assert!(extras.group_names().is_empty());
    }
}
