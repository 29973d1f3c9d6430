//! One user's data in memory: values, and the indexes over them.

use crate::{Indexed, IndexedKind, Load, Loaded, RowSelection, StoreError, Write, record::read_facets_of};
use conversation_protocol::{ConversationId, Facets};
use std::collections::{BTreeSet, HashMap};

/// A conversation at a number. Without one it stands before all at that number, for ranges to begin or end there.
type Place = (u64, Option<ConversationId>);

/// A conversation with its value.
type Found<'l> = (&'l ConversationId, &'l str);

/// Everything of one user.
#[derive(Debug, Default)]
pub(super) struct List {
    /// 0 for a user without data.
    pub(super) clock: u64,
    pub(super) head: Option<String>,
    /// Rows and tombstones.
    pub(super) values: HashMap<ConversationId, String>,
    /// The list by orderKey.
    order: BTreeSet<Place>,
    /// Rows and tombstones by their last change.
    log: BTreeSet<Place>,
    /// Rows with something to read.
    unread: BTreeSet<ConversationId>,
    /// Rows in conversation groups.
    grouped: BTreeSet<ConversationId>,
    /// Tombstones by age.
    tombstones: BTreeSet<Place>,
}

fn no_value() -> StoreError {
    StoreError::Corrupt("an index names a conversation without a value".to_owned())
}

impl List {
    fn value(&self, id: &ConversationId) -> Result<&String, StoreError> {
        self.values.get(id).ok_or_else(no_value)
    }

    pub(super) fn load(&self, load: &Load, now_us: u64) -> Result<Loaded, StoreError> {
        let rows = match &load.rows {
            RowSelection::Ids(ids) => ids.iter().map(|id| (id.clone(), self.values.get(id).cloned())).collect(),
            RowSelection::Unread(count) => self.members(&self.unread, *count)?,
            RowSelection::Grouped(count) => self.members(&self.grouped, *count)?,
        };
        let (mut tombstones, mut lowest) = (load.tombstones, Vec::new());
        if let Some(wanted) = load.lowest
            && self.order.len() as u64 >= wanted.rows_at_least
        {
            tombstones = wanted.tombstones;
            let last = self.order.iter().filter_map(|(_, id)| id.as_ref()).take(wanted.count);
            lowest = last.map(|id| Ok((id.clone(), self.value(id)?.clone()))).collect::<Result<_, StoreError>>()?;
        }
        let oldest = self.tombstones.iter().filter_map(|(version, id)| Some((id.clone()?, *version)));
        Ok(Loaded { now_us, head: self.head.clone(), rows, tombstones: oldest.take(tombstones).collect(), lowest })
    }

    fn members(
        &self,
        index: &BTreeSet<ConversationId>,
        count: usize,
    ) -> Result<Vec<(ConversationId, Option<String>)>, StoreError> {
        index.iter().take(count).map(|id| Ok((id.clone(), Some(self.value(id)?.clone())))).collect()
    }

    /// How many entries the log has after a version, and the values of the first of them.
    pub(super) fn log_after(
        &self,
        after: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<(u64, Vec<Found<'_>>), StoreError> {
        let (mut changed, mut bytes, mut values) = (0, 0, Vec::new());
        for id in self.log.range((after.saturating_add(1), None)..).filter_map(|(_, id)| id.as_ref()) {
            changed += 1;
            if values.len() < rows_max && (bytes < bytes_max || values.is_empty()) {
                let value = self.value(id)?;
                bytes += value.len();
                values.push((id, value.as_str()));
            }
        }
        Ok((changed, values))
    }

    /// The rows of the list below an orderKey (0: from the top) by falling orderKey, and whether nothing lies below them.
    pub(super) fn below(&self, below: u64, count: u32) -> Result<(Vec<(u64, Found<'_>)>, bool), StoreError> {
        let below = if below == 0 { u64::MAX } else { below };
        let (mut rows, count) = (Vec::new(), count as usize);
        for (order_key, id) in self.order.range(..(below, None)).rev() {
            if rows.len() >= count {
                return Ok((rows, false));
            }
            let id = id.as_ref().ok_or_else(no_value)?;
            rows.push((*order_key, (id, self.value(id)?.as_str())));
        }
        Ok((rows, true))
    }

    /// What filters need to know of the rows with something to read.
    pub(super) fn unread_facets(&self) -> Result<Vec<(ConversationId, Facets)>, StoreError> {
        self.unread.iter().map(|id| Ok((id.clone(), read_facets_of(self.value(id)?)?))).collect()
    }

    /// Makes a step whose clock was the expected one.
    pub(super) fn write(&mut self, clock: u64, head: String, writes: Vec<Write>) {
        for Write { conversation_id, before, after } in writes {
            let now = after.as_ref().map(|(after, _)| *after);
            if let Some(before) = before {
                self.take_out(&conversation_id, before, now);
            }
            match after {
                Some((after, value)) => {
                    self.put_in(&conversation_id, after, before);
                    self.values.insert(conversation_id, value);
                }
                None => {
                    self.values.remove(&conversation_id);
                }
            }
        }
        self.clock = clock;
        self.head = Some(head);
    }

    /// Takes a value out of the indexes, but for those that it stays in.
    fn take_out(&mut self, id: &ConversationId, before: Indexed, after: Option<Indexed>) {
        let place = |number| (number, Some(id.clone()));
        self.log.remove(&place(before.version));
        match before.kind {
            IndexedKind::Row { order_key, has_unread, is_grouped } => {
                self.order.remove(&place(order_key));
                if has_unread && !is_unread(after) {
                    self.unread.remove(id);
                }
                if is_grouped && !in_group(after) {
                    self.grouped.remove(id);
                }
            }
            IndexedKind::Tombstone => {
                self.tombstones.remove(&place(before.version));
            }
        }
    }

    /// Puts a value into the indexes, but for those that it was in.
    fn put_in(&mut self, id: &ConversationId, after: Indexed, before: Option<Indexed>) {
        let place = |number| (number, Some(id.clone()));
        self.log.insert(place(after.version));
        match after.kind {
            IndexedKind::Row { order_key, has_unread, is_grouped } => {
                self.order.insert(place(order_key));
                if has_unread && !is_unread(before) {
                    self.unread.insert(id.clone());
                }
                if is_grouped && !in_group(before) {
                    self.grouped.insert(id.clone());
                }
            }
            IndexedKind::Tombstone => {
                self.tombstones.insert(place(after.version));
            }
        }
    }
}

fn is_unread(indexed: Option<Indexed>) -> bool {
    matches!(indexed, Some(Indexed { kind: IndexedKind::Row { has_unread: true, .. }, .. }))
}

fn in_group(indexed: Option<Indexed>) -> bool {
    matches!(indexed, Some(Indexed { kind: IndexedKind::Row { is_grouped: true, .. }, .. }))
}
