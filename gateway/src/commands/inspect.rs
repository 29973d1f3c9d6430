//! What has the store of a user? It is asked directly, whether a node runs or not.

use super::{Problem, open};
use crate::config::Config;
use conversation_protocol::{Conversation, ConversationId, Head, UserId, limits::TOMBSTONES_MAX};
use conversation_store::{Load, RowSelection, SessionLease, ShardId, Store, StoreError};
use serde::Serialize;
use std::{fmt, path::Path, process::ExitCode};

/// Rows read in one step.
const PAGE_ROWS: u32 = 1_000;

/// A user as the store has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspected {
    #[serde(rename = "userID")]
    user: UserId,
    shard: u16,
    cursor: String,
    total_unread: u64,
    /// How many rows the head counts; other than those here where the list was written meanwhile.
    row_count: u64,
    tombstone_floor: u64,
    /// Conversations that were deleted and the versions of that, the oldest first.
    tombstones: Vec<(ConversationId, u64)>,
    /// Pairs of clocks between which writes were lost.
    forks: Vec<(u64, u64)>,
    groups: Vec<String>,
    /// Tokens issued before this are refused, in microseconds since 1970.
    not_before: u64,
    rows: Vec<Conversation>,
    sessions: Vec<SessionLease>,
}

pub(super) async fn print(config: &Config, user: &UserId, as_json: bool) -> Result<ExitCode, Problem> {
    let directory = config.store.strip_prefix("embedded:").map(Path::new);
    // To open it would make it.
    if directory.is_some_and(|directory| !directory.is_dir()) {
        return Err(format!("--store {}: expected a directory that is there", config.store).into());
    }
    let store = open(config).await.map_err(|error| match directory.is_some() {
        true => format!("{error}; while a node runs, its file is its own"),
        false => error.to_string(),
    })?;
    let ShardId(shard) = store.topology().borrow().shard_of(user);
    let (mut rows, mut below) = (Vec::new(), 0);
    let head: Head = loop {
        let page = store.page(user, below, PAGE_ROWS).await?;
        for row in &page.rows {
            rows.push(serde_json::from_str(&row.json)?);
        }
        if page.is_finished {
            break page.head;
        }
        below = page.next_seq;
    };
    let sessions = store.sessions(std::slice::from_ref(user)).await?.pop().unwrap_or_default();
    let inspected = Inspected {
        user: user.clone(),
        shard,
        cursor: head.cursor.to_string(),
        total_unread: head.total_unread,
        row_count: head.row_count,
        tombstone_floor: head.tombstone_floor,
        tombstones: tombstones(&*store, user).await?,
        forks: head.forks.iter().map(|fork| (fork.from, fork.to)).collect(),
        groups: head.group_names,
        not_before: head.not_before,
        rows,
        sessions,
    };
    if as_json {
        println!("{}", serde_json::to_string_pretty(&inspected)?)
    } else {
        print!("{inspected}")
    }
    Ok(ExitCode::SUCCESS)
}

async fn tombstones(store: &dyn Store, user: &UserId) -> Result<Vec<(ConversationId, u64)>, StoreError> {
    let rows = RowSelection::Ids(Vec::new());
    let load = Load { user: user.clone(), rows, tombstones: TOMBSTONES_MAX as usize, lowest: None };
    let mut loaded = Vec::new();
    for answer in store.load(&[load]).await {
        loaded.extend(answer?.tombstones);
    }
    Ok(loaded)
}

impl fmt::Display for Inspected {
    /// Texts of messages and drafts are left out: they are nobody's business but the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "user       {} in shard {}", self.user, self.shard)?;
        writeln!(f, "cursor     {} (epoch and clock, microseconds since 1970)", self.cursor)?;
        writeln!(f, "unread     {} in all", self.total_unread)?;
        writeln!(f, "tombstones {}, those up to {} were purged", self.tombstones.len(), self.tombstone_floor)?;
        for (from, to) in &self.forks {
            writeln!(f, "fork       writes after {from} and before {to} were lost in a failover")?;
        }
        writeln!(f, "folders    {}", self.groups.join(", "))?;
        writeln!(f, "sessions   {}", self.sessions.len())?;
        for SessionLease { node, session, device, transport, connected_at, .. } in &self.sessions {
            let device = device.as_ref().map_or("-", |device| device.as_str());
            writeln!(f, "  {transport:<10} node {node} number {session} device {device} since {connected_at}")?;
        }
        writeln!(f, "rows       {}", self.row_count)?;
        for row in &self.rows {
            let pin = if row.is_pinned { "pinned" } else { "" };
            let (id, version, order_key, unread) = (&row.conversation_id, row.version, row.order_key, row.unread_count);
            writeln!(f, "  {id} version {version} orderKey {order_key} unread {unread} {pin}")?;
        }
        Ok(())
    }
}
