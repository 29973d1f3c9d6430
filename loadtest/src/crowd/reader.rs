//! How clients are compared with the server, and the server with what is expected of it.

use crate::{
    client::Client,
    clock,
    http::{BaseUrl, CallError, Http},
    progress::Progress,
    run::{ServerRows, client_agrees, read_server},
    target::Target,
    token::Tokens,
    violations::Violations,
};
use conversation_protocol::UserId;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{ops::RangeInclusive, sync::Arc, time::Duration};

/// Users compared at once.
const COMPARING_MAX: usize = 16;
/// Users read in one call.
const READ_AT_ONCE: usize = 500;
/// Between two reads of one user.
const LOOK: Duration = Duration::from_millis(250);
/// Rows of a page.
const PAGE_ROWS: u32 = 100;

/// What the server must have of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expected {
    pub(crate) rows: u64,
    /// Rows with two unread messages or more, where that is known.
    pub(crate) changed: Option<u64>,
    /// Unread messages in all.
    pub(crate) unread: RangeInclusive<u64>,
}

impl Expected {
    /// Compares it with what the server has.
    pub(crate) fn of(&self, server: &ServerRows) -> Result<(), String> {
        let rows = server.rows.len() as u64;
        let changed = server.rows.iter().filter(|row| row.unread_count >= 2).count() as u64;
        if rows == self.rows && self.changed.is_none_or(|of| changed == of) && self.unread.contains(&server.total) {
            return Ok(());
        }
        Err(format!("expected {self:?}, got {rows} rows, {changed} changed, and {} unread", server.total))
    }
}

/// Who reads lists of the server.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) http: Http,
    pub(crate) url: BaseUrl,
    pub(crate) tokens: Tokens,
}

impl Reader {
    /// One that reads from the first node.
    pub(crate) fn of(target: &Target, http: &Http) -> Self {
        Self { http: http.clone(), url: target.url[0].clone(), tokens: target.tokens() }
    }

    /// Waits until each client has what the server has and the server what is expected of the so-manieth, or the time
    /// is up; then everything that the clients saw broken.
    pub(crate) async fn compare(
        &self,
        clients: &[Arc<Client>],
        at_most: Duration,
        progress: &Progress,
        expected: impl Fn(usize, &ServerRows) -> Result<(), String>,
    ) -> Violations {
        let of_client = |n: usize, server: &ServerRows| {
            expected(n, server)?;
            client_agrees(&clients[n], server)
        };
        let users = clients.iter().map(|client| client.user());
        let mut violations = self.compare_users(users, at_most, progress, of_client).await;
        clients.iter().for_each(|client| violations.add_of_client(client));
        violations
    }

    /// Waits until the server has what is expected of each user, or the time is up.
    pub(crate) async fn compare_users<'a>(
        &self,
        users: impl ExactSizeIterator<Item = &'a UserId>,
        at_most: Duration,
        progress: &Progress,
        expected: impl Fn(usize, &ServerRows) -> Result<(), String>,
    ) -> Violations {
        let step = progress.step("comparing users", users.len() as u64);
        let (deadline_us, expected) = (clock::now_us() + at_most.as_micros() as u64, &expected);
        let problems: Vec<Result<(), String>> = stream::iter(users.enumerate())
            .map(|(n, user)| self.compare_one(user, deadline_us, move |server| expected(n, server)))
            .buffer_unordered(COMPARING_MAX)
            .inspect(|_| step.advance())
            .collect()
            .await;
        let mut violations = Violations::default();
        problems.into_iter().filter_map(Result::err).for_each(|problem| violations.add(problem));
        violations
    }

    async fn compare_one(
        &self,
        user: &UserId,
        deadline_us: u64,
        expected: impl Fn(&ServerRows) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut token = None;
        loop {
            let outcome = async {
                if token.is_none() {
                    let issued = self.tokens.issue(&self.http, &self.url, user).await;
                    token = Some(issued.map_err(|error| error.to_string())?);
                }
                let token = token.as_deref().unwrap_or_default();
                let server = read_server(&self.http, &self.url, token, PAGE_ROWS).await;
                expected(&server.map_err(|error| format!("no list: {error}"))?)
            };
            match outcome.await {
                Ok(()) => return Ok(()),
                Err(problem) if clock::now_us() > deadline_us => return Err(format!("{user}: {problem}")),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// What one of a backend's methods says of each user; an error of one is an error of all.
pub(crate) async fn ask_all(
    http: &Http,
    url: &BaseUrl,
    api_key: &str,
    users: &[UserId],
    method: &str,
    params: impl Fn(&UserId) -> Value,
) -> Result<Vec<Value>, CallError> {
    let mut results = Vec::with_capacity(users.len());
    for some in users.chunks(READ_AT_ONCE) {
        let entries: Vec<Value> = some.iter().map(|user| json!({"method": method, "params": params(user)})).collect();
        let mut answer = http.post(url, "/server/v1/batch", api_key, Value::from(entries).to_string()).await?;
        let of_some = answer["resultList"].as_array_mut().map(std::mem::take).unwrap_or_default();
        for mut entry in of_some {
            if !entry["error"].is_null() {
                return Err(CallError::Unanswered(format!("{method}: {}", entry["error"])));
            }
            results.push(entry["result"].take());
        }
    }
    Ok(results)
}
