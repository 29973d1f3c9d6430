//! Which tables there are in the embedded database, and how steps read and write them.
//!
//! Keys are tuples that begin with the user, so that what belongs to a user lies together and in order.

use crate::{
    Commit, Committed, IndexedKind, Load, Loaded, RowSelection, StoreError, Write,
    layout::{self, LAYOUT},
    record::{read_facets_of, read_row_count},
};
use conversation_protocol::{ConversationId, Facets, UserId};
use redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableTable, StorageError, Table, TableDefinition, TableError,
    WriteTransaction,
};

/// User → clock, head.
const HEADS: TableDefinition<'_, &str, (u64, &str)> = TableDefinition::new("heads");
/// User, conversation → row or tombstone.
const ROWS: TableDefinition<'_, (&str, &str), &str> = TableDefinition::new("rows");
/// User, orderKey, conversation: the list.
const ORDER: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("order");
/// User, version, conversation: rows and tombstones by their last change.
const LOG: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("log");
/// User, conversation: rows with something to read.
const UNREAD: TableDefinition<'_, (&str, &str), ()> = TableDefinition::new("unread");
/// User, conversation: rows in conversation groups.
const GROUPED: TableDefinition<'_, (&str, &str), ()> = TableDefinition::new("grouped");
/// User, version, conversation: tombstones by age.
const TOMBSTONES: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("tombstones");

/// The layout of all data, under the empty key.
const LAYOUT_MARK: TableDefinition<'_, (), u64> = TableDefinition::new("layout");

type HeadValue = (u64, &'static str);
type OfUser = (&'static str, &'static str);
type OfUserByNumber = (&'static str, u64, &'static str);

/// Sorts an error of the database by what the caller does next.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    let error = error.into();
    let text = error.to_string();
    match error {
        redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::UpgradeRequired(_) => StoreError::Corrupt(text),
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => StoreError::Corrupt(text),
        _ => StoreError::Unavailable(text),
    }
}

fn parsed(conversation_id: &str) -> Result<ConversationId, StoreError> {
    conversation_id.parse().map_err(|_| StoreError::Corrupt("a key holds no conversationID".to_owned()))
}

fn no_value() -> StoreError {
    StoreError::Corrupt("an index names a conversation without a value".to_owned())
}

/// Makes the tables that are not there, so that reads find all of them; data of a newer layout are left as they are.
pub(super) fn create(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    mark_layout(&transaction)?;
    ForCommit::open(&transaction).map(drop)?;
    super::lanes::Tables::open(&transaction).map(drop)?;
    transaction.commit().map_err(failed)
}

/// Checks how the data are laid out, and marks those that say nothing.
fn mark_layout(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let mut mark = transaction.open_table(LAYOUT_MARK).map_err(failed)?;
    let found = mark.get(()).map_err(failed)?.map(|layout| layout.value());
    match found {
        Some(layout) => layout::check(layout),
        None => mark.insert((), LAYOUT).map(drop).map_err(failed),
    }
}

/// Heads alone.
pub(super) struct Heads<T>(T);

impl Heads<ReadOnlyTable<&'static str, HeadValue>> {
    pub(super) fn open(snapshot: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self(snapshot.open_table(HEADS).map_err(failed)?))
    }
}

impl<T: ReadableTable<&'static str, HeadValue>> Heads<T> {
    pub(super) fn head(&self, user: &UserId) -> Result<Option<String>, StoreError> {
        let found = self.0.get(user.as_str()).map_err(failed)?;
        Ok(found.map(|value| value.value().1.to_owned()))
    }

    /// The users whose clock is below a time, and their clocks.
    pub(super) fn last_written_before(&self, before_us: u64) -> Result<Vec<(UserId, u64)>, StoreError> {
        let mut users = Vec::new();
        for entry in self.0.iter().map_err(failed)? {
            let (user, value) = entry.map_err(failed)?;
            let clock = value.value().0;
            if clock < before_us {
                let user = user.value().parse();
                users.push((user.map_err(|_| StoreError::Corrupt("a head has no userID".to_owned()))?, clock));
            }
        }
        Ok(users)
    }

    fn clock(&self, user: &UserId) -> Result<u64, StoreError> {
        Ok(self.0.get(user.as_str()).map_err(failed)?.map_or(0, |value| value.value().0))
    }
}

/// What a step reads: the same before it and, in case of a conflict, inside the writing transaction.
pub(super) struct Loading<H, R, U, T> {
    heads: Heads<H>,
    rows: R,
    unread: U,
    grouped: U,
    order: T,
    tombstones: T,
}

/// What a step reads, in a snapshot.
pub(super) type ForLoad = Loading<
    ReadOnlyTable<&'static str, HeadValue>,
    ReadOnlyTable<OfUser, &'static str>,
    ReadOnlyTable<OfUser, ()>,
    ReadOnlyTable<OfUserByNumber, ()>,
>;

impl ForLoad {
    pub(super) fn open(snapshot: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            heads: Heads::open(snapshot)?,
            rows: snapshot.open_table(ROWS).map_err(failed)?,
            unread: snapshot.open_table(UNREAD).map_err(failed)?,
            grouped: snapshot.open_table(GROUPED).map_err(failed)?,
            order: snapshot.open_table(ORDER).map_err(failed)?,
            tombstones: snapshot.open_table(TOMBSTONES).map_err(failed)?,
        })
    }
}

impl<H, R, U, T> Loading<H, R, U, T>
where
    H: ReadableTable<&'static str, HeadValue>,
    R: ReadableTable<OfUser, &'static str>,
    U: ReadableTable<OfUser, ()>,
    T: ReadableTable<OfUserByNumber, ()>,
{
    pub(super) fn head(&self, user: &UserId) -> Result<Option<String>, StoreError> {
        self.heads.head(user)
    }

    pub(super) fn row(&self, user: &UserId, id: &ConversationId) -> Result<Option<String>, StoreError> {
        let found = self.rows.get((user.as_str(), id.as_str())).map_err(failed)?;
        Ok(found.map(|value| value.value().to_owned()))
    }

    pub(super) fn load(&self, load: &Load, now_us: u64) -> Result<Loaded, StoreError> {
        let rows = match &load.rows {
            RowSelection::Ids(ids) => {
                ids.iter().map(|id| Ok((id.clone(), self.row(&load.user, id)?))).collect::<Result<_, StoreError>>()?
            }
            RowSelection::Unread(count) => self.members(&self.unread, &load.user, *count)?,
            RowSelection::Grouped(count) => self.members(&self.grouped, &load.user, *count)?,
        };
        let head = self.head(&load.user)?;
        let (mut tombstones, mut lowest) = (load.tombstones, Vec::new());
        if let (Some(wanted), Some(head)) = (load.lowest, &head)
            && read_row_count(head)? >= wanted.rows_at_least
        {
            tombstones = wanted.tombstones;
            lowest = self.lowest_rows(&load.user, wanted.count)?;
        }
        let tombstones = self.oldest_tombstones(&load.user, tombstones)?;
        Ok(Loaded { now_us, head, rows, tombstones, lowest })
    }

    fn lowest_rows(&self, user: &UserId, count: usize) -> Result<Vec<(ConversationId, String)>, StoreError> {
        let range = (user.as_str(), 0, "")..(user.as_str(), u64::MAX, "");
        let mut rows = Vec::new();
        for entry in self.order.range(range).map_err(failed)?.take(count) {
            let (key, _) = entry.map_err(failed)?;
            let (_, _, id) = key.value();
            let id = parsed(id)?;
            let value = self.row(user, &id)?.ok_or_else(no_value)?;
            rows.push((id, value));
        }
        Ok(rows)
    }

    fn members(
        &self,
        index: &U,
        user: &UserId,
        count: usize,
    ) -> Result<Vec<(ConversationId, Option<String>)>, StoreError> {
        let mut rows = Vec::new();
        for entry in index.range((user.as_str(), "")..).map_err(failed)?.take(count) {
            let (key, _) = entry.map_err(failed)?;
            let (owner, id) = key.value();
            if owner != user.as_str() {
                break;
            }
            let id = parsed(id)?;
            let value = self.row(user, &id)?.ok_or_else(no_value)?;
            rows.push((id, Some(value)));
        }
        Ok(rows)
    }

    fn oldest_tombstones(&self, user: &UserId, count: usize) -> Result<Vec<(ConversationId, u64)>, StoreError> {
        let range = (user.as_str(), 0, "")..(user.as_str(), u64::MAX, "");
        let mut tombstones = Vec::new();
        for entry in self.tombstones.range(range).map_err(failed)?.take(count) {
            let (key, _) = entry.map_err(failed)?;
            let (_, version, id) = key.value();
            tombstones.push((parsed(id)?, version));
        }
        Ok(tombstones)
    }
}

/// How many entries the log has after a version, and the values of the first of them.
pub(super) fn log_after(
    snapshot: &ReadTransaction,
    user: &UserId,
    after: u64,
    rows_max: usize,
    bytes_max: usize,
) -> Result<(u64, Vec<(ConversationId, String)>), StoreError> {
    let log = snapshot.open_table(LOG).map_err(failed)?;
    let rows = snapshot.open_table(ROWS).map_err(failed)?;
    let range = (user.as_str(), after.saturating_add(1), "")..(user.as_str(), u64::MAX, "");
    let (mut changed, mut bytes, mut values) = (0, 0, Vec::new());
    for entry in log.range(range).map_err(failed)? {
        let (key, _) = entry.map_err(failed)?;
        let (_, _, id) = key.value();
        changed += 1;
        if values.len() < rows_max && (bytes < bytes_max || values.is_empty()) {
            let value = rows.get((user.as_str(), id)).map_err(failed)?.ok_or_else(no_value)?;
            bytes += value.value().len();
            values.push((parsed(id)?, value.value().to_owned()));
        }
    }
    Ok((changed, values))
}

/// A part of the list.
pub(super) struct Below<V> {
    /// orderKey, conversation, what was read of the value, by falling orderKey.
    pub(super) rows: Vec<(u64, ConversationId, V)>,
    /// Whether nothing lies below.
    pub(super) is_last: bool,
}

/// What `read` takes of the rows of the list below an orderKey; 0: from the top.
pub(super) fn list_below<V>(
    snapshot: &ReadTransaction,
    user: &UserId,
    below: u64,
    count: u32,
    read: impl Fn(&str) -> Result<V, StoreError>,
) -> Result<Below<V>, StoreError> {
    let order = snapshot.open_table(ORDER).map_err(failed)?;
    let rows = snapshot.open_table(ROWS).map_err(failed)?;
    let below = if below == 0 { u64::MAX } else { below };
    let range = (user.as_str(), 0, "")..(user.as_str(), below, "");
    let mut found = Below { rows: Vec::new(), is_last: true };
    for entry in order.range(range).map_err(failed)?.rev() {
        let (key, _) = entry.map_err(failed)?;
        let (_, order_key, id) = key.value();
        if found.rows.len() >= count as usize {
            found.is_last = false;
            break;
        }
        let value = rows.get((user.as_str(), id)).map_err(failed)?.ok_or_else(no_value)?;
        found.rows.push((order_key, parsed(id)?, read(value.value())?));
    }
    Ok(found)
}

/// What filters need to know of the rows with something to read.
pub(super) fn unread_facets(
    snapshot: &ReadTransaction,
    user: &UserId,
) -> Result<Vec<(ConversationId, Facets)>, StoreError> {
    let unread = snapshot.open_table(UNREAD).map_err(failed)?;
    let rows = snapshot.open_table(ROWS).map_err(failed)?;
    let mut found = Vec::new();
    for entry in unread.range((user.as_str(), "")..).map_err(failed)? {
        let (key, _) = entry.map_err(failed)?;
        let (owner, id) = key.value();
        if owner != user.as_str() {
            break;
        }
        let value = rows.get((owner, id)).map_err(failed)?.ok_or_else(no_value)?;
        found.push((parsed(id)?, read_facets_of(value.value())?));
    }
    Ok(found)
}

type HeadTable<'t> = Table<'t, &'static str, HeadValue>;
type RowTable<'t> = Table<'t, OfUser, &'static str>;
type Index<'t> = Table<'t, OfUser, ()>;
type IndexByNumber<'t> = Table<'t, OfUserByNumber, ()>;

/// All tables, to be written.
pub(super) struct ForCommit<'t> {
    loading: Loading<HeadTable<'t>, RowTable<'t>, Index<'t>, IndexByNumber<'t>>,
    log: IndexByNumber<'t>,
}

impl<'t> ForCommit<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        let open = || -> Result<Self, TableError> {
            Ok(Self {
                loading: Loading {
                    heads: Heads(transaction.open_table(HEADS)?),
                    rows: transaction.open_table(ROWS)?,
                    unread: transaction.open_table(UNREAD)?,
                    grouped: transaction.open_table(GROUPED)?,
                    order: transaction.open_table(ORDER)?,
                    tombstones: transaction.open_table(TOMBSTONES)?,
                },
                log: transaction.open_table(LOG)?,
            })
        };
        open().map_err(failed)
    }

    /// Applies one step if the clock is still the expected one. After an error the transaction must be dropped.
    pub(super) fn commit(&mut self, commit: &Commit, now_us: u64) -> Result<Committed, StoreError> {
        if self.loading.heads.clock(&commit.user)? != commit.expected_clock {
            return Ok(Committed::Conflict(self.loading.load(&commit.load, now_us)?));
        }
        for write in &commit.writes {
            self.write(&commit.user, write).map_err(failed)?;
        }
        let head = (commit.clock, commit.head.as_str());
        self.loading.heads.0.insert(commit.user.as_str(), head).map_err(failed)?;
        Ok(Committed::Done)
    }

    /// Removes everything of a user. After an error the transaction must be dropped.
    /// A user's clock as it is in this transaction.
    pub(super) fn clock(&self, user: &UserId) -> Result<u64, StoreError> {
        self.loading.heads.clock(user)
    }

    pub(super) fn delete_user(&mut self, user: &UserId) -> Result<(), StoreError> {
        let user = user.as_str();
        let loading = &mut self.loading;
        let mut delete = || -> Result<(), StorageError> {
            loading.heads.0.remove(user)?;
            // No conversationID is above this.
            let of_user = (user, "")..(user, "\u{10FFFF}");
            loading.rows.retain_in(of_user.clone(), |_, _| false)?;
            loading.unread.retain_in(of_user.clone(), |_, _| false)?;
            loading.grouped.retain_in(of_user, |_, _| false)?;
            let by_number = (user, 0, "")..(user, u64::MAX, "");
            loading.order.retain_in(by_number.clone(), |_, _| false)?;
            loading.tombstones.retain_in(by_number.clone(), |_, _| false)?;
            self.log.retain_in(by_number, |_, _| false)
        };
        delete().map_err(failed)
    }

    fn write(&mut self, user: &UserId, write: &Write) -> Result<(), StorageError> {
        let (user, id) = (user.as_str(), write.conversation_id.as_str());
        if let Some(before) = write.before {
            self.log.remove((user, before.version, id))?;
            match before.kind {
                IndexedKind::Row { order_key, has_unread, is_grouped } => {
                    self.loading.order.remove((user, order_key, id))?;
                    if has_unread {
                        self.loading.unread.remove((user, id))?;
                    }
                    if is_grouped {
                        self.loading.grouped.remove((user, id))?;
                    }
                }
                IndexedKind::Tombstone => {
                    self.loading.tombstones.remove((user, before.version, id))?;
                }
            }
        }
        let Some((after, value)) = &write.after else {
            self.loading.rows.remove((user, id))?;
            return Ok(());
        };
        self.loading.rows.insert((user, id), value.as_str())?;
        self.log.insert((user, after.version, id), ())?;
        match after.kind {
            IndexedKind::Row { order_key, has_unread, is_grouped } => {
                self.loading.order.insert((user, order_key, id), ())?;
                if has_unread {
                    self.loading.unread.insert((user, id), ())?;
                }
                if is_grouped {
                    self.loading.grouped.insert((user, id), ())?;
                }
            }
            IndexedKind::Tombstone => {
                self.loading.tombstones.insert((user, after.version, id), ())?;
            }
        }
        Ok(())
    }
}
