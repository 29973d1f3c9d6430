//! How changes become one atomic step: each takes its tick of the user's clock, and the total follows the rows.

use super::{
    Change, Effect, Refusal, groups, import, message, profile, read,
    row::{Row, Slot},
    settings,
};
use crate::{
    Commit, Load, Loaded, Lowest, RowSelection, StoreError, Write,
    record::{StoredHead, Unfinished},
};
use conversation_protocol::{
    ConversationId, Cursor, FacetChange, Facets, GroupEvent, Hint, Kick, RecvOpt, RowState, UserId,
    conversation::PIN_BIT,
    limits::{
        GROUPED_MAX, GROUPS_MAX, ROW_BYTES_MAX, STEP_ROWS_MAX, TOMBSTONE_AGE_MAX_US, TOMBSTONES_MAX, USER_ROWS_MAX,
    },
    method::ReadScope,
};
use std::{collections::HashMap, sync::Arc};

/// How many tombstones a step may purge beyond those it makes.
const PURGE_EXTRA: usize = 4;
/// How many rows a step may retire beyond those it makes, so that a list gets shorter under a limit that was lowered.
const RETIRE_EXTRA: usize = 4;
/// Conversations that are found by looking at each.
const FEW: usize = 8;
/// Conversations of one user that are remembered.
const REMEMBERED_SLOTS_MAX: usize = 4;
/// A row's fields take more memory than its text, about so many times.
const REMEMBERED_BYTES_PER_BYTE: usize = 2;
/// Devices whose kicks are remembered one by one; past it the oldest kick is forgotten.
const KICKED_DEVICES_MAX: usize = 64;

/// Bounds of a user's data that a deployment may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of a user; past it the unpinned row with the smallest orderKey goes.
    pub rows_per_user: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows_per_user: USER_ROWS_MAX }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How many rows changed in a way that clients see.
    pub changed: u64,
    /// The user's total unread after it.
    pub total_unread: u64,
    /// How messages of its conversation are received; `None` where it is about several, or the row is not there.
    pub recv_opt: Option<RecvOpt>,
}

/// A step, ready to be committed.
#[derive(Debug)]
pub struct Step {
    /// What became of each change, in order.
    pub outcomes: Vec<Result<Outcome, Refusal>>,
    /// What to commit; `None` when nothing changed.
    pub commit: Option<Commit>,
    /// What further steps must go on with; only after a change that steps alone.
    pub unfinished: Option<Unfinished>,
    /// What the user is like once the commit stands, as far as it is worth keeping.
    pub remembered: Option<Remembered>,
}

/// A part of a user's data as a step left it: what the next step would read, as long as nobody else writes the user.
/// Whether somebody did, the commit of that step finds out by the clock.
#[derive(Debug)]
pub struct Remembered {
    head: StoredHead,
    slots: Vec<RememberedSlot>,
}

#[derive(Debug)]
struct RememberedSlot {
    conversation_id: ConversationId,
    slot: Slot,
    /// Bytes of its value, as it is kept.
    bytes: usize,
}

impl Remembered {
    /// Whether it has all that a step reads.
    pub fn has_all(&self, load: &Load) -> bool {
        let RowSelection::Ids(ids) = &load.rows else { return false };
        let slot =
            |id: &ConversationId| self.slots.iter().find(|slot| slot.conversation_id == *id).map(|slot| &slot.slot);
        // A full list, where the step only changes what is in it, does not get too long.
        let is_row = |id: &ConversationId| matches!(slot(id), Some(Slot::Row(_)));
        let may_be_too_long = load.lowest.is_some_and(|Lowest { rows_at_least, .. }| {
            self.head.rows > rows_at_least || self.head.rows == rows_at_least && !ids.iter().all(is_row)
        });
        load.tombstones == 0 && !may_be_too_long && ids.iter().all(|id| slot(id).is_some())
    }

    /// Adds what was remembered before `commit`, if that shows it to have been true still.
    pub fn add(&mut self, earlier: Self, commit: &Commit) {
        if earlier.head.cursor != Cursor::new(self.head.cursor.epoch, commit.expected_clock) {
            return;
        }
        let is_written = |id: &ConversationId| commit.writes.iter().any(|write| write.conversation_id == *id);
        for slot in earlier.slots {
            let is_known = self.slots.iter().any(|known| known.conversation_id == slot.conversation_id);
            if self.slots.len() < REMEMBERED_SLOTS_MAX && !is_known && !is_written(&slot.conversation_id) {
                self.slots.push(slot);
            }
        }
    }

    /// How much memory it takes, about.
    pub fn bytes(&self) -> usize {
        let slots = self.slots.iter().map(|slot| slot.bytes * REMEMBERED_BYTES_PER_BYTE);
        slots.sum::<usize>() + self.slots.len() * size_of::<RememberedSlot>() + size_of::<Self>()
    }
}

/// What the rules say to some changes.
#[derive(Debug)]
pub enum Decided {
    /// They are done by this step.
    Step(Box<Step>),
    /// [`Change::Continue`] must come first.
    Unfinished(Unfinished),
}

/// Whether a change takes a step of its own, because which rows it touches is only known in the store.
pub fn steps_alone(change: &Change) -> bool {
    unfinished_of(change).is_some()
}

/// What is left to do of a change that steps alone, before its first step.
fn unfinished_of(change: &Change) -> Option<Unfinished> {
    match change {
        Change::Read(ReadScope::All, _) => Some(Unfinished::ReadAll),
        Change::Read(ReadScope::AllC2c, _) => Some(Unfinished::ReadC2c),
        Change::Read(ReadScope::AllGroups, _) => Some(Unfinished::ReadGroups),
        Change::DeleteGroup(name) => Some(Unfinished::DeleteGroup(name.clone())),
        Change::RenameGroup { old_name, new_name } => Some(Unfinished::RenameGroup(old_name.clone(), new_name.clone())),
        Change::Continue(unfinished) => Some(unfinished.clone()),
        Change::Read(ReadScope::One(_), _)
        | Change::Sent(_)
        | Change::Revoked(_)
        | Change::MessageDeleted(_)
        | Change::Modified(_)
        | Change::Pin { .. }
        | Change::ReceiveOption { .. }
        | Change::Draft { .. }
        | Change::Mark { .. }
        | Change::CustomData { .. }
        | Change::Delete(_)
        | Change::ClearHistory(_)
        | Change::Profile(_)
        | Change::Joined(_)
        | Change::Import(_)
        | Change::CreateGroup(_)
        | Change::AddToGroup { .. }
        | Change::RemoveFromGroup { .. }
        | Change::Kick { .. } => None,
        Change::Queued { change, .. } => unfinished_of(change),
    }
}

/// What must be read for some changes of one user.
pub fn load_for(user: &UserId, changes: &[Change], limits: Limits) -> Load {
    let mut lowest = None;
    let rows = match changes.iter().find_map(unfinished_of) {
        Some(Unfinished::ReadAll | Unfinished::ReadC2c | Unfinished::ReadGroups) => {
            RowSelection::Unread(limits.rows_per_user.clamp(USER_ROWS_MAX, u64::from(u32::MAX)) as usize)
        }
        Some(Unfinished::DeleteGroup(_) | Unfinished::RenameGroup(..)) => RowSelection::Grouped(GROUPED_MAX as usize),
        None => {
            let ids = ids_of(changes.iter());
            lowest = lowest_for(ids.len(), changes, limits);
            RowSelection::Ids(ids.into_iter().cloned().collect())
        }
    };
    let deletions = changes.iter().filter(|change| matches!(change.plain(), Change::Delete(_))).count();
    let tombstones = if deletions > 0 { deletions + PURGE_EXTRA } else { 0 };
    Load { user: user.clone(), rows, tombstones, lowest }
}

/// The conversations that changes are about, each once.
fn ids_of<'c>(changes: impl Iterator<Item = &'c Change>) -> Vec<&'c ConversationId> {
    let mut ids: Vec<_> = changes.filter_map(Change::conversation_id).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// What a step on so many conversations must read to keep a list within its limit; nothing if it makes no row.
fn lowest_for(ids: usize, changes: &[Change], limits: Limits) -> Option<Lowest> {
    let made = ids_of(changes.iter().filter(|change| change.may_make_row())).len();
    // A conversation of the step is made, so that a row must go, or was there, so that it may itself be among the
    // lowest; the same with tombstones.
    let count = ids + RETIRE_EXTRA;
    let rows_at_least = limits.rows_per_user.saturating_add(1).saturating_sub(made as u64);
    (made > 0).then_some(Lowest { rows_at_least, count, tombstones: count + ids + PURGE_EXTRA })
}

/// Applies changes, in order, to what a store holds of a user: what [`load_for`] asked for under the same limits.
/// `new_epoch` names the data set of a user without data, `replication_id` the server that is to take the step.
pub fn step(
    load: Load,
    loaded: &Loaded,
    changes: &[Change],
    limits: Limits,
    new_epoch: u64,
    replication_id: u64,
) -> Result<Decided, StoreError> {
    let state = State::read(&load.user, loaded, new_epoch)?;
    decide(state, load, loaded, changes, limits, replication_id)
}

/// The same, to what is remembered of a user, which must have all that is asked for ([`Remembered::has_all`]).
pub fn step_on(
    remembered: Remembered,
    load: Load,
    now_us: u64,
    changes: &[Change],
    limits: Limits,
    replication_id: u64,
) -> Result<Decided, StoreError> {
    let nothing = Loaded { now_us, head: None, rows: Vec::new(), tombstones: Vec::new(), lowest: Vec::new() };
    decide(State::recall(&load.user, remembered, now_us), load, &nothing, changes, limits, replication_id)
}

fn decide(
    mut state: State,
    load: Load,
    loaded: &Loaded,
    changes: &[Change],
    limits: Limits,
    replication_id: u64,
) -> Result<Decided, StoreError> {
    if let Some(unfinished) = &state.head.unfinished
        && !matches!(changes, [Change::Continue(_)])
    {
        return Ok(Decided::Unfinished(unfinished.clone()));
    }
    let outcomes = changes.iter().map(|change| state.apply(change)).collect();
    state.retire_rows(loaded, limits)?;
    let unfinished = state.head.unfinished.clone();
    let (commit, remembered) = state.into_commit(load, loaded, replication_id).unzip();
    Ok(Decided::Step(Box::new(Step { outcomes, commit, unfinished, remembered: remembered.flatten() })))
}

/// A conversation before and after the step.
struct Touched {
    slot: Slot,
    before: Option<crate::Indexed>,
    facets_before: Option<Facets>,
    /// Bytes of its value, as it is kept.
    bytes: usize,
    is_dirty: bool,
}

impl Touched {
    fn read(value: Option<&str>) -> Result<Self, StoreError> {
        Ok(Self::of(Slot::decode(value)?, value.map_or(0, str::len)))
    }

    fn of(mut slot: Slot, bytes: usize) -> Self {
        let (before, facets_before) = (slot.indexed(), slot.row().map(|row| row.facets()));
        Self { slot, before, facets_before, bytes, is_dirty: false }
    }
}

/// A user in the middle of a step.
struct State {
    user: UserId,
    now_us: u64,
    head: StoredHead,
    clock_before: u64,
    /// In the order of loading, which is stable.
    touched: Vec<(ConversationId, Touched)>,
    /// Where the first of them stand, if they are many.
    index: HashMap<ConversationId, usize>,
    kick: Option<Kick>,
    group_events: Vec<GroupEvent>,
}

impl State {
    fn read(user: &UserId, loaded: &Loaded, new_epoch: u64) -> Result<Self, StoreError> {
        let head = match &loaded.head {
            Some(value) => StoredHead::decode(value)?,
            None => StoredHead::new(new_epoch),
        };
        let mut touched = Vec::with_capacity(loaded.rows.len());
        for (id, value) in &loaded.rows {
            touched.push((id.clone(), Touched::read(value.as_deref())?));
        }
        let (user, now_us, clock_before) = (user.clone(), loaded.now_us, head.cursor.version);
        let mut index = HashMap::new();
        if touched.len() > FEW {
            index.extend(touched.iter().enumerate().map(|(position, (id, _))| (id.clone(), position)));
        }
        Ok(Self { user, now_us, head, clock_before, touched, index, kick: None, group_events: Vec::new() })
    }

    /// Everything that is remembered, whether the step touches it or not.
    fn recall(user: &UserId, remembered: Remembered, now_us: u64) -> Self {
        let Remembered { head, slots } = remembered;
        let touched = slots.into_iter().map(|slot| (slot.conversation_id, Touched::of(slot.slot, slot.bytes)));
        let (user, clock_before, index) = (user.clone(), head.cursor.version, HashMap::new());
        let touched = touched.collect();
        Self { user, now_us, head, clock_before, touched, index, kick: None, group_events: Vec::new() }
    }

    /// Where a conversation stands that the step touches.
    fn position(&self, id: &ConversationId) -> Option<usize> {
        let after = self.index.len();
        let further = || self.touched[after..].iter().position(|(other, _)| other == id);
        self.index.get(id).copied().or_else(|| Some(after + further()?))
    }

    /// The next tick: the store's time, but always forward, and below the pin bit.
    fn tick(&mut self) -> Result<u64, Refusal> {
        let tick = self.tick_after(self.head.cursor.version);
        if tick >= PIN_BIT {
            return Err(Refusal::ClockExhausted);
        }
        self.head.cursor = Cursor::new(self.head.cursor.epoch, tick);
        Ok(tick)
    }

    fn tick_after(&self, clock: u64) -> u64 {
        (clock + 1).max(self.now_us)
    }

    fn apply(&mut self, change: &Change) -> Result<Outcome, Refusal> {
        if let Change::Queued { entry, change, .. } = change {
            if self.head.last_entry.is_some_and(|last| *entry <= last) {
                return Ok(Outcome { changed: 0, total_unread: self.head.total_unread, recv_opt: None });
            }
            self.head.last_entry = Some(*entry);
            return self.apply(change);
        }
        let mut recv_opt = None;
        let changed = if let Change::Kick { device, reason } = change {
            self.kick(device.clone(), reason.clone())?
        } else if let Change::CreateGroup(name) = change {
            self.create_group(name)?
        } else if let Some(id) = change.conversation_id() {
            let position = self.position(id).expect("a step reads all that its changes are about");
            let changed = self.apply_to(position, change)?;
            recv_opt = self.touched[position].1.slot.row().map(|row| row.visible.recv_opt);
            changed
        } else {
            self.apply_widely(change)?
        };
        Ok(Outcome { changed, total_unread: self.head.total_unread, recv_opt })
    }

    /// A change that steps alone: its first step, or a further one.
    fn apply_widely(&mut self, change: &Change) -> Result<u64, Refusal> {
        let Some(unfinished) = unfinished_of(change) else { return Ok(0) };
        let goes_on = if matches!(change, Change::Continue(_)) {
            // Somebody else may have done it meanwhile.
            self.head.unfinished.as_ref() == Some(&unfinished)
        } else {
            self.begin(&unfinished)?
        };
        if !goes_on {
            return Ok(0);
        }
        let (mut changed, mut written) = (0, 0);
        for position in 0..self.touched.len() {
            if !self.concerns(&unfinished, position) {
                continue;
            }
            if written == STEP_ROWS_MAX {
                self.head.unfinished = Some(unfinished);
                return Ok(changed);
            }
            changed += self.apply_to(position, &Change::Continue(unfinished.clone()))?;
            written += usize::from(self.touched[position].1.is_dirty);
        }
        // The last step may have had nothing left to write, but it must not come again.
        if self.head.unfinished.take().is_some() && written == 0 {
            self.tick()?;
        }
        match unfinished {
            Unfinished::ReadAll | Unfinished::ReadC2c | Unfinished::ReadGroups => {}
            // The rows come before the notice.
            Unfinished::DeleteGroup(name) => self.group_events.push(GroupEvent::Deleted(name)),
            Unfinished::RenameGroup(old_name, new_name) => {
                self.group_events.push(GroupEvent::Renamed(old_name, new_name));
            }
        }
        Ok(changed)
    }

    /// What a change that steps alone does to the head; answers whether there may be rows for it.
    fn begin(&mut self, unfinished: &Unfinished) -> Result<bool, Refusal> {
        match unfinished {
            Unfinished::ReadAll | Unfinished::ReadC2c | Unfinished::ReadGroups => {}
            Unfinished::DeleteGroup(name) => {
                let place = self.place_of_group(name)?;
                self.tick()?;
                self.head.group_names.remove(place);
            }
            Unfinished::RenameGroup(old_name, new_name) => {
                let place = self.place_of_group(old_name)?;
                if old_name == new_name {
                    return Ok(false);
                }
                if self.place_of_group(new_name).is_ok() {
                    return Err(Refusal::GroupNameTaken);
                }
                self.tick()?;
                self.head.group_names[place].clone_from(new_name);
            }
        }
        Ok(true)
    }

    /// Whether a change that steps alone has something to do with a conversation.
    fn concerns(&self, unfinished: &Unfinished, position: usize) -> bool {
        let (id, touched) = &self.touched[position];
        match unfinished {
            Unfinished::ReadAll => true,
            Unfinished::ReadC2c => id.is_c2c(),
            Unfinished::ReadGroups => !id.is_c2c(),
            Unfinished::DeleteGroup(name) | Unfinished::RenameGroup(name, _) => match &touched.slot {
                Slot::Row(row) => row.visible.conversation_group_list.contains(name),
                Slot::Absent | Slot::Tombstone(_) => false,
            },
        }
    }

    fn place_of_group(&self, name: &str) -> Result<usize, Refusal> {
        self.head.group_names.iter().position(|other| other == name).ok_or(Refusal::UnknownGroup)
    }

    fn create_group(&mut self, name: &str) -> Result<u64, Refusal> {
        if self.place_of_group(name).is_ok() {
            return Ok(0);
        }
        if self.head.group_names.len() >= GROUPS_MAX {
            return Err(Refusal::TooManyGroups);
        }
        self.tick()?;
        self.head.group_names.push(name.to_owned());
        self.group_events.push(GroupEvent::Created(name.to_owned(), Vec::new()));
        Ok(0)
    }

    /// Applies a change to one conversation; answers how many rows clients see changed by it, 0 or 1.
    fn apply_to(&mut self, position: usize, change: &Change) -> Result<u64, Refusal> {
        let before = self.touched[position].1.slot.clone();
        let result = self.decide(position, change).and_then(|effect| self.settle(position, &before, effect));
        if result.is_err() {
            self.touched[position].1.slot = before;
        }
        let changed = result?;
        if changed > 0
            && let Some(event) = groups::event_of(change)
        {
            groups::notice(&mut self.group_events, event);
        }
        Ok(changed)
    }

    /// What the rule of the change's family does to the slot.
    fn decide(&mut self, position: usize, change: &Change) -> Result<Effect, Refusal> {
        let (id, touched) = &mut self.touched[position];
        let slot = &mut touched.slot;
        if let (Some(if_version), Some(row)) = (change.if_version(), slot.row())
            && row.visible.version > if_version
        {
            return Err(Refusal::Newer(Box::new(row.visible.clone())));
        }
        match change {
            Change::Sent(sent) => Ok(message::sent(slot, &self.user, sent)),
            Change::Revoked(revoked) => Ok(message::revoked(slot, revoked)),
            Change::MessageDeleted(deleted) => Ok(message::deleted(slot, &self.user, deleted)),
            Change::Modified(modified) => Ok(message::modified(slot, modified)),
            Change::Read(ReadScope::One(_), up_to) => read::read(slot, *up_to),
            Change::Continue(Unfinished::ReadAll | Unfinished::ReadC2c | Unfinished::ReadGroups) => {
                read::read(slot, read::ReadUpTo { timestamp: 0, sequence: 0 })
            }
            Change::Continue(Unfinished::DeleteGroup(name)) => groups::remove(slot, name),
            Change::Continue(Unfinished::RenameGroup(old_name, new_name)) => {
                Ok(groups::rename(slot, old_name, new_name))
            }
            Change::AddToGroup { name, .. } | Change::RemoveFromGroup { name, .. }
                if !self.head.group_names.contains(name) =>
            {
                Err(Refusal::UnknownGroup)
            }
            Change::AddToGroup { name, .. } => groups::add(slot, name, self.head.grouped),
            Change::RemoveFromGroup { name, .. } => groups::remove(slot, name),
            Change::Import(imported) => import::import(slot, &self.user, imported, &self.head, self.now_us / 1_000_000),
            Change::Pin { is_pinned, .. } => settings::pin(slot, id, *is_pinned, self.head.pinned),
            Change::ReceiveOption { recv_opt, .. } => settings::receive_option(slot, *recv_opt),
            Change::Draft { text, .. } => Ok(settings::draft(slot, id, text, self.now_us / 1_000_000)),
            Change::Mark { marks, is_set, .. } => settings::mark(slot, *marks, *is_set),
            Change::CustomData { custom_data, .. } => settings::custom_data(slot, custom_data),
            Change::Delete(_) => Ok(settings::delete(slot)),
            Change::ClearHistory(_) => read::clear_history(slot),
            Change::Profile(set) => Ok(profile::profile_set(slot, set)),
            Change::Joined(joined) => Ok(profile::joined(slot, &self.user, joined)),
            // These are not about one conversation.
            Change::Read(ReadScope::All | ReadScope::AllC2c | ReadScope::AllGroups, _)
            | Change::CreateGroup(_)
            | Change::DeleteGroup(_)
            | Change::RenameGroup { .. }
            | Change::Queued { .. }
            | Change::Kick { .. } => Ok(Effect::Nothing),
        }
    }

    /// Gives the change its tick, if it did something, and brings the head along.
    fn settle(&mut self, position: usize, before: &Slot, effect: Effect) -> Result<u64, Refusal> {
        let touched = &self.touched[position].1;
        if effect == Effect::Nothing || touched.slot == *before {
            return Ok(0);
        }
        if let Slot::Row(row) = &touched.slot
            && row.is_too_large()
        {
            return Err(Refusal::RowTooLarge);
        }
        let tick = self.tick()?;
        let touched = &mut self.touched[position].1;
        touched.is_dirty = true;
        let is_visible = match (&mut touched.slot, before) {
            (Slot::Row(row), Slot::Row(before)) => {
                // What only the rules remember is kept, but no client is told.
                let is_visible = row.visible != before.visible;
                if effect == Effect::Activated {
                    row.set_activation(tick);
                }
                if is_visible {
                    row.visible.version = tick;
                }
                is_visible
            }
            (Slot::Row(row), Slot::Absent | Slot::Tombstone(_)) => {
                row.created = tick;
                row.visible.version = tick;
                row.set_activation(tick);
                true
            }
            (Slot::Tombstone(tombstone), _) => {
                tombstone.version = tick;
                true
            }
            (Slot::Absent, _) => unreachable!("a change never forgets a conversation"),
        };
        let (now, was) = (HeadShare::of(&touched.slot), HeadShare::of(before));
        let head = &mut self.head;
        head.total_unread = head.total_unread + now.total - was.total;
        head.rows = head.rows + now.rows - was.rows;
        head.pinned = head.pinned + now.pinned - was.pinned;
        head.grouped = head.grouped + now.grouped - was.grouped;
        head.tombstones = head.tombstones + now.tombstones - was.tombstones;
        Ok(u64::from(is_visible))
    }

    fn kick(&mut self, device: Option<conversation_protocol::DeviceId>, reason: String) -> Result<u64, Refusal> {
        let tick = self.tick()?;
        match &device {
            None => {
                self.head.not_before = tick;
                self.head.device_not_before.clear();
            }
            Some(device) => {
                let devices = &mut self.head.device_not_before;
                devices.insert(device.clone(), tick);
                while devices.len() > KICKED_DEVICES_MAX {
                    let oldest = devices.iter().min_by_key(|(_, tick)| **tick).map(|(device, _)| device.clone());
                    oldest.map(|device| devices.remove(&device));
                }
            }
        }
        self.kick = Some(Kick { device, not_before: tick, reason });
        Ok(0)
    }

    /// Deletes the lowest unpinned rows that this step left alone, as long as there are more rows than a user may have.
    fn retire_rows(&mut self, loaded: &Loaded, limits: Limits) -> Result<(), StoreError> {
        if self.head.cursor.version == self.clock_before {
            return Ok(());
        }
        for (id, value) in &loaded.lowest {
            if self.head.rows <= limits.rows_per_user {
                break;
            }
            let position = match self.position(id) {
                Some(position) => position,
                None => {
                    self.touched.push((id.clone(), Touched::read(Some(value))?));
                    self.touched.len() - 1
                }
            };
            let touched = &mut self.touched[position].1;
            let may_go = !touched.is_dirty && touched.slot.row().is_some_and(|row| !row.visible.is_pinned);
            // At the end of the clock there is no tick for it, and the list stays too long.
            if may_go && self.apply_to(position, &Change::Delete(id.clone())).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn into_commit(mut self, load: Load, loaded: &Loaded, replication_id: u64) -> Option<(Commit, Option<Remembered>)> {
        if self.head.cursor.version == self.clock_before {
            return None;
        }
        let (mut writes, mut slots) = (Vec::new(), Vec::new());
        let is_worth_keeping = self.touched.len() <= REMEMBERED_SLOTS_MAX;
        let mut hint = Hint {
            epoch: self.head.cursor.epoch,
            previous: self.clock_before,
            clock: self.head.cursor.version,
            total_unread: self.head.total_unread,
            rows: Vec::new(),
            deleted: Vec::new(),
            facets: Vec::new(),
            groups: std::mem::take(&mut self.group_events),
            truncated: false,
            kick: self.kick.take(),
            fork: None,
            accepted_us: None,
            trace: None,
        };
        let purged = self.purge_tombstones(loaded);
        for (conversation_id, mut touched) in std::mem::take(&mut self.touched) {
            let (Some(now), true) = (touched.slot.indexed(), touched.is_dirty) else {
                slots.push(RememberedSlot { conversation_id, slot: touched.slot, bytes: touched.bytes });
                continue;
            };
            let facets = touched.slot.row().map(|row| row.facets());
            hint.facets.extend(FacetChange::between(&conversation_id, touched.facets_before, facets));
            let value = match &touched.slot {
                Slot::Absent => continue,
                Slot::Row(row) => {
                    let (value, visible) = row.encode();
                    let visible = &value[visible];
                    if now.version > self.clock_before {
                        hint.rows.push(RowState {
                            conversation_id: conversation_id.clone(),
                            version: now.version,
                            created: row.created,
                            json: Arc::from(visible),
                        });
                    }
                    value
                }
                Slot::Tombstone(tombstone) => {
                    hint.deleted.push((conversation_id.clone(), tombstone.version));
                    tombstone.encode()
                }
            };
            if is_worth_keeping {
                let (conversation_id, bytes) = (conversation_id.clone(), value.len());
                slots.push(RememberedSlot { conversation_id, slot: touched.slot, bytes });
            }
            writes.push(Write { conversation_id, before: touched.before, after: Some((now, value)) });
        }
        writes.extend(purged);
        let first_tick = self.tick_after(self.clock_before);
        hint.fork = self.head.follow(replication_id, self.clock_before, first_tick);
        let commit = Commit {
            user: self.user,
            replication_id,
            expected_clock: self.clock_before,
            clock: self.head.cursor.version,
            head: self.head.encode(),
            writes,
            hint,
            load,
        };
        let remembered = is_worth_keeping.then_some(Remembered { head: self.head, slots });
        Some((commit, remembered))
    }

    /// Drops the oldest tombstones that are over the bounds; cursors older than them are served no more.
    fn purge_tombstones(&mut self, loaded: &Loaded) -> Vec<Write> {
        let mut writes = Vec::new();
        for (conversation_id, version) in &loaded.tombstones {
            let is_old = version.saturating_add(TOMBSTONE_AGE_MAX_US) < self.now_us;
            if !is_old && self.head.tombstones <= TOMBSTONES_MAX {
                break;
            }
            // One that this step touched is a row now, or has a newer tombstone.
            if self.position(conversation_id).is_some() {
                continue;
            }
            self.head.tombstones -= 1;
            self.head.tombstone_floor = self.head.tombstone_floor.max(*version);
            let before = Some(crate::Indexed { version: *version, kind: crate::IndexedKind::Tombstone });
            writes.push(Write { conversation_id: conversation_id.clone(), before, after: None });
        }
        writes
    }
}

/// What one conversation adds to the head's numbers.
struct HeadShare {
    total: u64,
    rows: u64,
    pinned: u64,
    grouped: u64,
    tombstones: u64,
}

impl HeadShare {
    fn of(slot: &Slot) -> Self {
        let nothing = Self { total: 0, rows: 0, pinned: 0, grouped: 0, tombstones: 0 };
        match slot {
            Slot::Absent => nothing,
            Slot::Row(row) => Self {
                total: row.total_share(),
                rows: 1,
                pinned: u64::from(row.visible.is_pinned),
                grouped: u64::from(!row.visible.conversation_group_list.is_empty()),
                tombstones: 0,
            },
            Slot::Tombstone(_) => Self { tombstones: 1, ..nothing },
        }
    }
}

impl Row {
    /// Whether clients would get a row of more than 16 KiB.
    fn is_too_large(&self) -> bool {
        let visible = &self.visible;
        let message = visible.last_message.as_ref();
        let raw = visible.show_name.len()
            + visible.face_url.len()
            + visible.draft_text.len()
            + visible.custom_data.len()
            + visible.group_at_info_list.len() * 8
            + visible.mark_list.len() * 4
            + visible.conversation_group_list.iter().map(String::len).sum::<usize>()
            + message.map_or(0, |message| {
                message.text.len()
                    + message.cloud_custom_data.len()
                    + message.nick_name.len()
                    + message.face_url.len()
                    + message.revoke_reason.as_ref().map_or(0, String::len)
                    + message.at_user_list.iter().map(|user| user.len() + 3).sum::<usize>()
            });
        // One byte becomes at most six in JSON; only what might be too large is measured.
        raw * 6 + 2_048 > ROW_BYTES_MAX && self.encode().1.len() > ROW_BYTES_MAX
    }
}
