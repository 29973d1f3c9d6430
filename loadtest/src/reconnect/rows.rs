//! The rows of a storm's users: groups of some of them, each with a message for the first row and one for a change.

use super::ReconnectOptions;
use crate::{clock, crowd::ask_all, http::Http, progress::Step, run::ServerRows};
use conversation_protocol::{UserId, server::ApplyResult};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::time::Duration;

/// Members of a group: few enough for their rows to be there with the answer.
const MEMBERS: usize = 100;
/// Calls under way at once.
const CALLS_MAX: usize = 8;
/// How long everybody may take to have what was queued.
const PATIENCE_US: u64 = 60_000_000;
/// Between two looks at everybody.
const LOOK: Duration = Duration::from_millis(200);

/// Everybody and their rows.
pub(super) struct Rows<'a> {
    options: &'a ReconnectOptions,
    http: &'a Http,
    run: String,
    pub(super) users: Vec<UserId>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(options: &'a ReconnectOptions, http: &'a Http) -> Result<Self, String> {
        if options.changed > options.rows {
            return Err(format!("expected at most {} changed rows, got {}", options.rows, options.changed));
        }
        let run = format!("storm{:x}", clock::unix_seconds());
        let users = (0..options.sessions).map(|n| format!("{run}-u{n}").parse().map_err(|error| format!("{error}")));
        let users = users.collect::<Result<_, String>>()?;
        Ok(Self { options, http, run, users })
    }

    /// The calls of a message to each user in so many conversations.
    pub(super) fn calls(&self, conversations: u32) -> u64 {
        self.users.chunks(MEMBERS).len() as u64 * u64::from(conversations)
    }

    /// Sends each user a message in so many conversations.
    pub(super) async fn send(&self, conversations: u32, seq: u64, step: &Step) -> Result<(), String> {
        let groups =
            self.users.chunks(MEMBERS).enumerate().flat_map(|(chunk, members)| {
                (0..conversations).map(move |conversation| (chunk, conversation, members))
            });
        stream::iter(groups)
            .map(|(chunk, conversation, members)| {
                self.send_one(format!("{}-g{chunk}-{conversation}", self.run), members, seq)
            })
            .buffer_unordered(CALLS_MAX)
            .inspect(|_| step.advance())
            .try_collect()
            .await
    }

    async fn send_one(&self, group: String, members: &[UserId], seq: u64) -> Result<(), String> {
        let message = json!({"msgID": format!("{group}-m{seq}"), "seq": seq, "timestamp": clock::unix_seconds(), "text": "hello"});
        let params = json!({"conversation": {"type": 2, "groupID": group}, "sender": format!("{}-sender", self.run),
            "recipients": members, "message": message});
        let url = &self.options.target.url[0];
        let answer = self.http.post(url, "/server/v1/sendMessage", &self.options.api_key, params.to_string()).await;
        let result = answer.map_err(|error| format!("{group}: {error}"))?;
        let result: ApplyResult = serde_json::from_value(result).map_err(|error| format!("{group}: {error}"))?;
        match result.failed.first() {
            None => Ok(()),
            Some(failed) => Err(format!("{group}: a message was not taken: {failed:?}")),
        }
    }

    /// Waits until everybody has so many unread messages.
    pub(super) async fn everybody_has(&self, unread: u64) -> Result<(), String> {
        let begun_us = clock::now_us();
        let url = &self.options.target.url[0];
        loop {
            let params = |user: &UserId| json!({ "userID": user });
            let totals =
                ask_all(self.http, url, &self.options.api_key, &self.users, "getTotalUnreadMessageCount", params).await;
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

    /// Compares a user's rows with what was sent.
    pub(super) fn expect(&self, server: &ServerRows) -> Result<(), String> {
        let (rows, changed) = (u64::from(self.options.rows), u64::from(self.options.changed));
        let twice = server.rows.iter().filter(|row| row.unread_count == 2).count() as u64;
        if (server.rows.len() as u64, twice, server.total) == (rows, changed, rows + changed) {
            return Ok(());
        }
        Err(format!(
            "expected {rows} rows, {changed} with two messages, and {} unread, got {}, {twice} and {}",
            rows + changed,
            server.rows.len(),
            server.total
        ))
    }
}
