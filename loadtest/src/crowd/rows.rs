//! The rows of a measurement's users: conversations of groups of some of them, imported, and changed by a message later.

use super::{Expected, ask_all};
use crate::{
    clock,
    http::{BaseUrl, Http},
    progress::Progress,
    target::Target,
};
use conversation_protocol::{
    UserId,
    server::{ApplyResult, ImportResult},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::time::Duration;

/// Members of a group: few enough for their rows to be there with the answer.
const MEMBERS: usize = 100;
/// Bytes of the rows that one call imports, about, unless a single user has more; and of a row without its text.
const CALL_BYTES: usize = 256 * 1024;
const ROW_BYTES: usize = 250;
/// Calls under way at once.
const CALLS_MAX: usize = 8;
/// How long everybody may take to have what was queued.
const PATIENCE_US: u64 = 60_000_000;
/// Between two looks at everybody.
const LOOK: Duration = Duration::from_millis(200);

/// Users and the backend that makes their rows.
pub(crate) struct Rows {
    http: Http,
    url: BaseUrl,
    api_key: String,
    run: String,
    progress: Progress,
    pub(crate) users: Vec<UserId>,
}

impl Rows {
    /// The users of a run, which have no rows yet.
    pub(crate) fn new(
        target: &Target,
        api_key: &str,
        run: &str,
        users: usize,
        http: &Http,
        progress: &Progress,
    ) -> Result<Self, String> {
        Ok(Self {
            http: http.clone(),
            url: target.url[0].clone(),
            api_key: api_key.to_owned(),
            run: run.to_owned(),
            progress: progress.clone(),
            users: super::users(run, users)?,
        })
    }

    /// Imports so many rows of each user, each with one unread message whose text has so many bytes.
    pub(crate) async fn import(&self, rows: u32, text_bytes: usize) -> Result<(), String> {
        if rows == 0 {
            return Ok(());
        }
        let at_once = (CALL_BYTES / (rows as usize * (ROW_BYTES + text_bytes))).clamp(1, MEMBERS);
        let parts = self.users.chunks(MEMBERS).enumerate();
        let parts = parts.flat_map(|(group, members)| members.chunks(at_once).map(move |some| (group, some)));
        let step = self.progress.step("making rows", self.users.len() as u64 * u64::from(rows));
        stream::iter(parts)
            .map(async |(group, some)| {
                self.import_some(group, some, rows, text_bytes).await.map(|()| some.len() as u64 * u64::from(rows))
            })
            .buffer_unordered(CALLS_MAX)
            .try_fold(0, async |done, more| {
                step.reach(done + more);
                Ok(done + more)
            })
            .await
            .map(drop)
    }

    async fn import_some(&self, group: usize, users: &[UserId], rows: u32, text_bytes: usize) -> Result<(), String> {
        let (text, timestamp) = ("x".repeat(text_bytes), clock::unix_seconds());
        let row = |n: u32| {
            let id = self.group(group, n);
            json!({"conversationID": format!("group_{id}"), "unreadCount": 1, "lastMessage": {"msgID": format!("{id}-m1"), "seq": 1,
                "sender": self.sender(), "isSelf": false, "timestamp": timestamp, "elemType": 1, "text": text, "status": 2}})
        };
        let list: Vec<Value> = (0..rows).map(row).collect();
        let params = |user: &UserId| json!({"userID": user, "conversationList": list});
        let results = ask_all(&self.http, &self.url, &self.api_key, users, "importConversations", params).await;
        for (user, result) in users.iter().zip(results.map_err(|error| format!("no import: {error}"))?) {
            match serde_json::from_value::<ImportResult>(result.clone()) {
                Ok(ImportResult { applied, .. }) if applied == u64::from(rows) => {}
                _ => return Err(format!("{user}: expected {rows} imported rows, got {result}")),
            }
        }
        Ok(())
    }

    /// Sends each user a message in so many conversations.
    pub(crate) async fn send(&self, conversations: u32, seq: u64) -> Result<(), String> {
        let groups = self.users.chunks(MEMBERS).enumerate();
        let groups = groups.flat_map(|(group, members)| (0..conversations).map(move |n| (group, n, members)));
        let calls = self.users.chunks(MEMBERS).len() as u64 * u64::from(conversations);
        let step = self.progress.step("changing rows", calls);
        stream::iter(groups)
            .map(|(group, n, members)| self.send_one(self.group(group, n), members, seq))
            .buffer_unordered(CALLS_MAX)
            .inspect(|_| step.advance())
            .try_collect()
            .await
    }

    async fn send_one(&self, group: String, members: &[UserId], seq: u64) -> Result<(), String> {
        let message = json!({"msgID": format!("{group}-m{seq}"), "seq": seq, "timestamp": clock::unix_seconds(), "text": "hello"});
        let params = json!({"conversation": {"type": 2, "groupID": group}, "sender": self.sender(),
            "recipients": members, "message": message});
        let answer = self.http.post(&self.url, "/server/v1/sendMessage", &self.api_key, params.to_string()).await;
        let result = answer.map_err(|error| format!("{group}: {error}"))?;
        let result: ApplyResult = serde_json::from_value(result).map_err(|error| format!("{group}: {error}"))?;
        match result.failed.first() {
            None => Ok(()),
            Some(failed) => Err(format!("{group}: a message was not taken: {failed:?}")),
        }
    }

    /// Waits until each of the first so many users has so many unread messages.
    pub(crate) async fn wait_for_unread(&self, users: usize, unread: u64) -> Result<(), String> {
        let begun_us = clock::now_us();
        loop {
            let params = |user: &UserId| json!({ "userID": user });
            let users = &self.users[..users];
            let totals =
                ask_all(&self.http, &self.url, &self.api_key, users, "getTotalUnreadMessageCount", params).await;
            let totals = totals.map_err(|error| error.to_string())?;
            if totals.iter().all(|total| total["totalUnreadCount"] == unread) {
                return Ok(());
            }
            if clock::now_us() - begun_us > PATIENCE_US {
                return Err(format!("not everybody has {unread} unread messages"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn group(&self, group: usize, n: u32) -> String {
        format!("{}-g{group}-{n}", self.run)
    }

    fn sender(&self) -> String {
        format!("{}-sender", self.run)
    }
}

/// What a user has after an import of `rows`, of which some then got another message.
pub(crate) fn expected(rows: u32, changed: u32) -> Expected {
    let (rows, changed) = (u64::from(rows), u64::from(changed));
    Expected { rows, changed: Some(changed), unread: rows + changed..=rows + changed }
}
