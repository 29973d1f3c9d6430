//! How conversation lists are kept in Redis 7 or Valkey, shared by all nodes.
//!
//! Every step is one script on the keys of one user, which lie in one cluster slot; many users make one pipeline.
//! Commits, reads and hints have connections of their own, so that a large answer delays no commit.

mod hints;
mod keys;
mod lanes;
mod link;
mod reply;
mod request;
mod scripts;
mod server;
mod time;

use crate::{
    Commit, Committed, FacetPage, FacetRow, HintReceiver, HintSink, HintsEnd, Load, Loaded, RowSelection, SessionLease,
    Store, StoreError,
    record::{read_entry, read_facets, read_head, read_row},
};
use async_trait::async_trait;
use conversation_protocol::{ConversationId, Head, Page, ReplaySlice, RowState, UnreadFacets, UserId};
use link::{Link, unavailable, unexpected};
use redis::{Client, Cmd, IntoConnectionInfo, Pipeline, Value, io::tcp::TcpSettings};
use std::{collections::HashMap, sync::Arc};
use time::ServerTime;

/// Commits or reads in one pipeline; more go in the next.
const PIPELINE_CALLS_MAX: usize = 512;

/// A store in a Redis server.
pub struct RedisStore {
    client: Client,
    commits: Link,
    reads: Link,
    /// Of the lanes' holder, so that a large backlog delays nobody else.
    lanes: Link,
    /// The channel of this value's probes.
    probes: String,
    time: ServerTime,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the client: it holds the password.
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Connects to the server that a URL names, and makes sure that it answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the URL cannot be used or the server does not answer.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let info = url.into_connection_info().map_err(|error| unavailable(&error))?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(|error| unavailable(&error))?;
        // The links try for ever and so cannot say why the first attempt fails.
        link::connect(&client).await?;
        let link = |purpose| Link::new(purpose, client.clone());
        let probes = keys::probe_channel(rand::random());
        let (commits, reads, lanes) = (link("commits"), link("reads"), link("lanes"));
        let store = Self { commits, reads, lanes, client, probes, time: ServerTime::default() };
        store.ping().await?;
        Ok(store)
    }

    /// The answers to a pipeline of commits, which all go to one server.
    async fn commit_some(
        &self,
        replication_id: u64,
        commits: &[Commit],
    ) -> Result<Vec<Result<Value, StoreError>>, StoreError> {
        let connected = self.commits.connected().await?;
        let is_same = connected.replication_id == replication_id;
        let server = if is_same { request::Server::Same } else { request::Server::Another };
        let mut pipeline = Pipeline::with_capacity(commits.len());
        for commit in commits {
            pipeline.add_command(request::commit(commit, server));
        }
        self.commits.run_on(&connected, &pipeline).await
    }

    async fn read_all(
        &self,
        commands: impl Iterator<Item = Cmd>,
    ) -> Result<Vec<Result<Value, StoreError>>, StoreError> {
        let mut values = Vec::new();
        for pipeline in pipelines(commands) {
            values.extend(self.reads.run(&pipeline).await?);
        }
        Ok(values)
    }
}

/// As few pipelines as hold the commands.
fn pipelines(commands: impl Iterator<Item = Cmd>) -> Vec<Pipeline> {
    let mut pipelines: Vec<Pipeline> = Vec::new();
    for command in commands {
        match pipelines.last_mut() {
            Some(last) if last.len() < PIPELINE_CALLS_MAX => last.add_command(command),
            Some(_) | None => {
                pipelines.push(Pipeline::new());
                let at = pipelines.len() - 1;
                pipelines[at].add_command(command)
            }
        };
    }
    pipelines
}

fn head(value: Value) -> Result<Head, StoreError> {
    read_head(reply::text(value)?.as_deref())
}

#[async_trait]
impl Store for RedisStore {
    async fn load(&self, loads: &[Load]) -> Result<Vec<Loaded>, StoreError> {
        let values = self.read_all(loads.iter().map(request::load)).await?;
        let loaded = loads.iter().zip(values).map(|(load, value)| reply::loaded(load, value?));
        let loaded: Vec<Loaded> = loaded.collect::<Result<_, _>>()?;
        if let Some(last) = loaded.last() {
            self.time.told(last.now_us);
        }
        Ok(loaded)
    }

    fn now_us(&self) -> Option<u64> {
        self.time.now_us()
    }

    fn replication_id(&self) -> u64 {
        self.commits.replication_id()
    }

    async fn commit(&self, replication_id: u64, commits: Vec<Commit>) -> Vec<Result<Committed, StoreError>> {
        let mut outcomes = Vec::with_capacity(commits.len());
        for some in commits.chunks(PIPELINE_CALLS_MAX) {
            match self.commit_some(replication_id, some).await {
                Ok(values) => outcomes
                    .extend(some.iter().zip(values).map(|(commit, value)| reply::committed(&commit.load, value?))),
                Err(error) => outcomes.extend(some.iter().map(|_| Err(error.clone()))),
            }
        }
        outcomes
    }

    async fn heads(&self, users: &[UserId]) -> Result<Vec<Head>, StoreError> {
        let commands = users.iter().map(|user| {
            let mut command = redis::cmd("HGET");
            command.arg(keys::head_key(user)).arg("head");
            command
        });
        self.read_all(commands).await?.into_iter().map(|value| head(value?)).collect()
    }

    async fn replay(
        &self,
        user: &UserId,
        after: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<ReplaySlice, StoreError> {
        let mut call = scripts::REPLAY.call(&keys::data_keys(&keys::channel(user)));
        call.arg(format!("({after}")).arg(rows_max.min(i32::MAX as usize)).arg(bytes_max);
        let [found, changed, values] = reply::fields(self.reads.run_one(call).await?)?;
        let mut values = reply::list(values)?.into_iter();
        let mut entries = Vec::with_capacity(values.len() / 2);
        while let (Some(id), Some(value)) = (values.next(), values.next()) {
            entries.push(read_entry(&reply::conversation_id(id)?, &reply::indexed(value)?)?);
        }
        Ok(ReplaySlice { head: head(found)?, changed: reply::number(changed)?, entries })
    }

    async fn page(&self, user: &UserId, below: u64, count: u32) -> Result<Page, StoreError> {
        let mut call = scripts::PAGE.call(&keys::data_keys(&keys::channel(user)));
        let from = if below == 0 { "+inf".to_owned() } else { format!("({below}") };
        call.arg(from).arg(count).arg(u64::from(count) + 1);
        let [found, values, has_more] = reply::fields(self.reads.run_one(call).await?)?;
        let mut values = reply::list(values)?.into_iter();
        let (mut rows, mut next_seq) = (Vec::with_capacity(values.len() / 3), below);
        while let (Some(id), Some(order_key), Some(value)) = (values.next(), values.next(), values.next()) {
            let row = read_row(&reply::conversation_id(id)?, &reply::indexed(value)?)?;
            rows.push(row.ok_or_else(|| StoreError::Corrupt("a tombstone stands in the list".to_owned()))?);
            next_seq = reply::number(order_key)?;
        }
        Ok(Page { head: head(found)?, rows, next_seq, is_finished: reply::number(has_more)? == 0 })
    }

    async fn rows(
        &self,
        user: &UserId,
        conversation_ids: &[ConversationId],
    ) -> Result<(Head, Vec<Option<RowState>>), StoreError> {
        let rows = RowSelection::Ids(conversation_ids.to_vec());
        let load = Load { user: user.clone(), rows, tombstones: 0, lowest: None };
        let loaded = reply::loaded(&load, self.reads.run_one(request::load(&load)).await?)?;
        let rows = loaded.rows.iter().map(|(id, value)| match value {
            Some(value) => read_row(id, value),
            None => Ok(None),
        });
        Ok((read_head(loaded.head.as_deref())?, rows.collect::<Result<_, _>>()?))
    }

    async fn facets(&self, user: &UserId, below: u64, count: u32) -> Result<FacetPage, StoreError> {
        let mut call = scripts::FACETS.call(&keys::data_keys(&keys::channel(user)));
        let from = if below == 0 { "+inf".to_owned() } else { format!("({below}") };
        call.arg(from).arg(count).arg(u64::from(count) + 1);
        let [found, ids, order_keys, lines, has_more] = reply::fields(self.reads.run_one(call).await?)?;
        let entries = reply::list(ids)?.into_iter().zip(reply::list(order_keys)?).zip(reply::list(lines)?);
        let rows = entries.map(|((id, order_key), line)| {
            Ok(FacetRow {
                conversation_id: reply::conversation_id(id)?,
                order_key: reply::number(order_key)?,
                facets: read_facets(&reply::indexed(line)?)?,
            })
        });
        let rows = rows.collect::<Result<_, StoreError>>()?;
        Ok(FacetPage { head: head(found)?, rows, is_finished: reply::number(has_more)? == 0 })
    }

    async fn unread(&self, user: &UserId) -> Result<UnreadFacets, StoreError> {
        let call = scripts::UNREAD.call(&keys::data_keys(&keys::channel(user)));
        let [found, ids, lines] = reply::fields(self.reads.run_one(call).await?)?;
        let rows = reply::list(ids)?.into_iter().zip(reply::list(lines)?);
        let rows = rows.map(|(id, line)| Ok((reply::conversation_id(id)?, read_facets(&reply::indexed(line)?)?)));
        let rows = rows.collect::<Result<_, StoreError>>()?;
        Ok(UnreadFacets { head: head(found)?, rows })
    }

    async fn delete_user(&self, user: &UserId) -> Result<(), StoreError> {
        let mut command = redis::cmd("UNLINK");
        command.arg(&keys::data_keys(&keys::channel(user)));
        self.commits.run_one(command).await.map(drop)
    }

    async fn hints(&self, receiver: Arc<dyn HintReceiver>) -> Result<(Box<dyn HintSink>, HintsEnd), StoreError> {
        let (sink, end) = hints::open(&self.client, &self.probes, receiver).await?;
        Ok((Box::new(sink), end))
    }

    async fn probe(&self, number: u64) -> Result<(), StoreError> {
        let connected = self.commits.connected().await?;
        let mut pipeline = Pipeline::with_capacity(3);
        pipeline.cmd("PUBLISH").arg(&self.probes).arg(number).add_command(server::question()).cmd("TIME");
        let mut answers = self.commits.run_on(&connected, &pipeline).await?.into_iter();
        let (published, about, time) = (answers.next(), answers.next(), answers.next());
        // A server can become another one behind an open connection, a replica and a primary again.
        let about = about.unwrap_or_else(|| Err(unexpected("no answer"))).and_then(server::read);
        if about.is_ok_and(|id| id == connected.replication_id) {
            // So that the time is known also where nothing is read for long.
            if let Some(now_us) = time.and_then(Result::ok).and_then(|time| reply::time_us(time).ok()) {
                self.time.told(now_us);
            }
            // What still leads elsewhere leads to a server that was replaced.
            for link in [&self.reads, &self.lanes] {
                if link.replication_id() != connected.replication_id {
                    link.renew();
                }
            }
            return published.unwrap_or_else(|| Err(unexpected("no answer"))).map(drop);
        }
        self.commits.give_up(&connected);
        Err(StoreError::Unavailable("redis: the server is another one by now".to_owned()))
    }

    async fn renew_sessions(&self, leases: &[SessionLease], lease_ms: u64) -> Result<(), StoreError> {
        let calls = by_user(leases)?.into_iter().map(|(user, values)| {
            let mut call = scripts::RENEW.call(&[keys::sessions_key(user)]);
            call.arg(lease_ms).arg(values);
            call
        });
        for pipeline in pipelines(calls) {
            self.commits.run(&pipeline).await?.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }

    async fn end_sessions(&self, leases: &[SessionLease]) -> Result<(), StoreError> {
        let commands = by_user(leases)?.into_iter().map(|(user, values)| {
            let mut command = redis::cmd("ZREM");
            command.arg(keys::sessions_key(user)).arg(values);
            command
        });
        for pipeline in pipelines(commands) {
            self.commits.run(&pipeline).await?.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(())
    }

    async fn sessions(&self, users: &[UserId]) -> Result<Vec<Vec<SessionLease>>, StoreError> {
        let lease = |value| {
            let text = reply::text(value)?.unwrap_or_default();
            serde_json::from_str(&text).map_err(|_| unexpected("not a session's lease"))
        };
        let calls = users.iter().map(|user| scripts::SESSIONS.call(&[keys::sessions_key(user)]));
        let of_users = self.read_all(calls).await?;
        of_users.into_iter().map(|values| reply::list(values?)?.into_iter().map(lease).collect()).collect()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let (commits, reads) =
            tokio::join!(self.commits.run_one(redis::cmd("PING")), self.reads.run_one(redis::cmd("PING")));
        commits.and(reads).map(drop)
    }
}

/// Leases as they are kept, by user.
fn by_user(leases: &[SessionLease]) -> Result<HashMap<&UserId, Vec<String>>, StoreError> {
    let mut by_user: HashMap<&UserId, Vec<String>> = HashMap::new();
    for lease in leases {
        let value = serde_json::to_string(lease).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        by_user.entry(&lease.user).or_default().push(value);
    }
    Ok(by_user)
}
