//! How conversation lists are kept in Redis 7 or Valkey, shared by all nodes: in one server, in the primary that Sentinels
//! name, or in the shards of a cluster.
//!
//! Every step is one script on the keys of one user, which lie in one cluster slot; many users make one pipeline for each
//! shard. What has no user (lanes, nodes) has a slot of its own.

mod cluster;
mod endpoint;
mod hints;
mod keys;
mod lanes;
mod link;
mod primary;
mod reply;
mod request;
mod router;
mod scripts;
mod sentinel;
mod server;
mod settings;
mod shard;
mod shards;
mod slots;
mod subscription;
mod time;
mod url;

use crate::{
    Commit, Committed, FacetPage, FacetRow, HintReceiver, HintSink, HintsEnd, Load, Loaded, RowSelection, SessionLease,
    ShardId, Store, StoreError, Topology, bucket,
    layout::{self, LAYOUT},
    record::{read_entry, read_facets, read_head, read_row},
};
use async_trait::async_trait;
use conversation_protocol::{ConversationId, Head, Page, ReplaySlice, RowState, UnreadFacets, UserId};
use futures_util::future;
use link::{checked, unexpected};
use primary::Primary;
use redis::{Cmd, Pipeline, Value};
use router::{Call, Router};
use sentinel::Sentinels;
use shard::{Purpose, Shard};
use shards::Shards;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use url::Target;

pub(crate) use url::is_redis;

/// A store in Redis.
pub struct RedisStore {
    router: Router,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the addresses: they hold the password.
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

impl RedisStore {
    /// Connects to what a URL names (`redis://…`, `redis+sentinel://…`, `redis+cluster://…`, all with `rediss` for TLS), and makes
    /// sure that it answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the URL cannot be used, or a primary does not answer or evicts keys;
    /// [`StoreError::Corrupt`] if the data have a newer layout.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let url::Parsed { target, keys } = url::parse(url)?;
        let shards = match target {
            Target::Server(endpoint) => Arc::new(Shards::single(Primary::fixed(endpoint))),
            Target::Sentinel { sentinels, service, primary } => {
                Arc::new(Shards::single(Sentinels::follow(sentinels, service, primary).await?))
            }
            Target::Cluster(nodes) => cluster::follow(nodes).await?,
        };
        // The links try for ever and so cannot say why the first attempt fails.
        future::try_join_all(shards.all().iter().map(|shard| first_attempt(shard.primary.clone()))).await?;
        let store = Self { router: Router::new(shards, keys) };
        store.ping().await?;
        store.mark_layout().await?;
        Ok(store)
    }

    /// Checks how the data are laid out, and marks those that say nothing. One mark is enough for all shards of a cluster: the
    /// same nodes write all of them.
    async fn mark_layout(&self) -> Result<(), StoreError> {
        let ask = async |command| {
            let call = Call::of_bucket(keys::LAYOUT_BUCKET, command);
            match self.router.run_one(Purpose::Commits, call).await? {
                Value::Nil => Ok(None),
                found => layout::check(reply::number(found)?).map(Some),
            }
        };
        let (key, mut read, mut mark) = (self.router.keys().layout(), redis::cmd("GET"), redis::cmd("SET"));
        read.arg(&key);
        // Not written again where it stands: a server whose memory is full takes no writes.
        if ask(read).await?.is_none() {
            mark.arg(&key).arg(LAYOUT).arg("NX").arg("GET");
            ask(mark).await?;
        }
        Ok(())
    }

    /// The channel of a shard's probes, in one of its slots.
    fn probe_channel(&self, shard: &Shard) -> Result<String, StoreError> {
        let topology = self.router.shards().topology();
        let channel = shard.probe_channel(self.router.keys(), topology.borrow().buckets_of(shard.id));
        channel.ok_or_else(|| StoreError::Unavailable("redis: the shard has no slots".to_owned()))
    }

    /// One read about a user.
    async fn read(&self, user: &UserId, command: Cmd) -> Result<Value, StoreError> {
        self.router.run_one(Purpose::Reads, Call::of_user(user, command)).await
    }
}

/// Makes sure that a primary can be reached, and keeps what it is given.
async fn first_attempt(primary: Primary) -> Result<(), StoreError> {
    let endpoint = primary.endpoint();
    let (mut connection, _) = link::connect(&endpoint).await?;
    settings::check(&mut connection, &endpoint.shown()).await
}

/// Whether a shard answers, for a purpose.
async fn answers(shard: &Shard, purpose: Purpose) -> Result<(), StoreError> {
    let link = shard.link(purpose);
    let mut ping = Pipeline::with_capacity(1);
    ping.cmd("PING");
    let answers = link.run_on(&link.connected().await?, &ping).await?;
    answers.into_iter().try_for_each(|answer| checked(answer).map(drop))
}

fn head(value: Value) -> Result<Head, StoreError> {
    read_head(reply::text(value)?.as_deref())
}

#[async_trait]
impl Store for RedisStore {
    fn topology(&self) -> watch::Receiver<Topology> {
        self.router.shards().topology()
    }

    async fn load(&self, loads: &[Load]) -> Vec<Result<Loaded, StoreError>> {
        let calls: Vec<Call<'_>> = loads.iter().map(Call::load).collect();
        let values = self.router.run(Purpose::Reads, &calls).await;
        let read = |(load, value): (&Load, Result<Value, StoreError>)| {
            let loaded = reply::loaded(load, value?)?;
            if let Ok(shard) = self.router.shards().of_bucket(bucket::of(&load.user)) {
                shard.time.told(loaded.now_us);
            }
            Ok(loaded)
        };
        loads.iter().zip(values).map(read).collect()
    }

    fn now_us(&self, user: &UserId) -> Option<u64> {
        self.router.shards().of_bucket(bucket::of(user)).ok()?.time.now_us()
    }

    fn replication_id(&self, user: &UserId) -> u64 {
        let shard = self.router.shards().of_bucket(bucket::of(user));
        shard.map_or(0, |shard| shard.link(Purpose::Commits).replication_id())
    }

    async fn commit(&self, commits: Vec<Commit>) -> Vec<Result<Committed, StoreError>> {
        let calls: Vec<Call<'_>> = commits.iter().map(Call::commit).collect();
        let values = self.router.run(Purpose::Commits, &calls).await;
        commits.iter().zip(values).map(|(commit, value)| reply::committed(&commit.load, value?)).collect()
    }

    async fn heads(&self, users: &[UserId]) -> Vec<Result<Head, StoreError>> {
        let calls = users.iter().map(|user| {
            let mut command = redis::cmd("HGET");
            command.arg(self.router.keys().head(user)).arg("head");
            Call::of_user(user, command)
        });
        let values = self.router.run(Purpose::Reads, &calls.collect::<Vec<_>>()).await;
        values.into_iter().map(|value| head(value?)).collect()
    }

    async fn replay(
        &self,
        user: &UserId,
        after: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<ReplaySlice, StoreError> {
        let mut call = scripts::REPLAY.call(&self.router.keys().data(user));
        call.arg(format!("({after}")).arg(rows_max.min(i32::MAX as usize)).arg(bytes_max);
        let [found, changed, values] = reply::fields(self.read(user, call).await?)?;
        let mut values = reply::list(values)?.into_iter();
        let mut entries = Vec::with_capacity(values.len() / 2);
        while let (Some(id), Some(value)) = (values.next(), values.next()) {
            entries.push(read_entry(&reply::conversation_id(id)?, &reply::indexed(value)?)?);
        }
        Ok(ReplaySlice { head: head(found)?, changed: reply::number(changed)?, entries })
    }

    async fn page(&self, user: &UserId, below: u64, count: u32) -> Result<Page, StoreError> {
        let mut call = scripts::PAGE.call(&self.router.keys().data(user));
        let from = if below == 0 { "+inf".to_owned() } else { format!("({below}") };
        call.arg(from).arg(count).arg(u64::from(count) + 1);
        let [found, values, has_more] = reply::fields(self.read(user, call).await?)?;
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
        let loaded = reply::loaded(&load, self.router.run_one(Purpose::Reads, Call::load(&load)).await?)?;
        let rows = loaded.rows.iter().map(|(id, value)| match value {
            Some(value) => read_row(id, value),
            None => Ok(None),
        });
        Ok((read_head(loaded.head.as_deref())?, rows.collect::<Result<_, _>>()?))
    }

    async fn facets(&self, user: &UserId, below: u64, count: u32) -> Result<FacetPage, StoreError> {
        let mut call = scripts::FACETS.call(&self.router.keys().data(user));
        let from = if below == 0 { "+inf".to_owned() } else { format!("({below}") };
        call.arg(from).arg(count).arg(u64::from(count) + 1);
        let [found, ids, order_keys, lines, has_more] = reply::fields(self.read(user, call).await?)?;
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
        let call = scripts::UNREAD.call(&self.router.keys().data(user));
        let [found, ids, lines] = reply::fields(self.read(user, call).await?)?;
        let rows = reply::list(ids)?.into_iter().zip(reply::list(lines)?);
        let rows = rows.map(|(id, line)| Ok((reply::conversation_id(id)?, read_facets(&reply::indexed(line)?)?)));
        let rows = rows.collect::<Result<_, StoreError>>()?;
        Ok(UnreadFacets { head: head(found)?, rows })
    }

    async fn delete_user(&self, user: &UserId) -> Result<(), StoreError> {
        let mut command = redis::cmd("UNLINK");
        command.arg(&self.router.keys().data(user));
        self.router.run_one(Purpose::Commits, Call::of_user(user, command)).await.map(drop)
    }

    async fn forget_idle(&self, idle: Duration) -> Result<u64, StoreError> {
        self.router.forget_after(idle.as_secs().max(1));
        Ok(0)
    }

    async fn hints(
        &self,
        shard: ShardId,
        receiver: Arc<dyn HintReceiver>,
    ) -> Result<(Box<dyn HintSink>, HintsEnd), StoreError> {
        let shard = self.router.shards().get(shard)?;
        let (sink, end) = hints::open(&shard, self.router.keys(), self.probe_channel(&shard)?, receiver).await?;
        Ok((Box::new(sink), end))
    }

    async fn probe(&self, shard: ShardId, number: u64) -> Result<(), StoreError> {
        let shard = self.router.shards().get(shard)?;
        let (channel, commits) = (self.probe_channel(&shard)?, shard.link(Purpose::Commits));
        let connected = commits.connected().await?;
        let mut pipeline = Pipeline::with_capacity(3);
        pipeline.cmd("SPUBLISH").arg(channel).arg(number).add_command(server::question()).cmd("TIME");
        let mut answers = commits.run_on(&connected, &pipeline).await?.into_iter().map(checked);
        let (published, about, time) = (answers.next(), answers.next(), answers.next());
        // A server can become another one behind an open connection, a replica and a primary again.
        let about = about.unwrap_or_else(|| Err(unexpected("no answer"))).and_then(server::read);
        if about.is_ok_and(|id| id == connected.replication_id) {
            // So that the time is known also where nothing is read for long.
            if let Some(now_us) = time.and_then(Result::ok).and_then(|time| reply::time_us(time).ok()) {
                shard.time.told(now_us);
            }
            // What still leads elsewhere leads to a server that was replaced.
            for link in [Purpose::Reads, Purpose::Lanes].map(|purpose| shard.link(purpose)) {
                if link.replication_id() != connected.replication_id {
                    link.renew();
                }
            }
            return published.unwrap_or_else(|| Err(unexpected("no answer"))).map(drop);
        }
        commits.give_up(&connected);
        Err(StoreError::Unavailable("redis: the server is another one by now".to_owned()))
    }

    async fn renew_sessions(&self, leases: &[SessionLease], lease_ms: u64) -> Result<(), StoreError> {
        let calls = by_user(leases)?.into_iter().map(|(user, values)| {
            let mut call = scripts::RENEW.call(&[self.router.keys().sessions(user)]);
            call.arg(lease_ms).arg(values);
            Call::of_user(user, call)
        });
        let answers = self.router.run(Purpose::Commits, &calls.collect::<Vec<_>>()).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }

    async fn end_sessions(&self, leases: &[SessionLease]) -> Result<(), StoreError> {
        let calls = by_user(leases)?.into_iter().map(|(user, values)| {
            let mut command = redis::cmd("ZREM");
            command.arg(self.router.keys().sessions(user)).arg(values);
            Call::of_user(user, command)
        });
        let answers = self.router.run(Purpose::Commits, &calls.collect::<Vec<_>>()).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }

    async fn sessions(&self, users: &[UserId]) -> Result<Vec<Vec<SessionLease>>, StoreError> {
        let lease = |value| {
            let text = reply::text(value)?.unwrap_or_default();
            serde_json::from_str(&text).map_err(|_| unexpected("not a session's lease"))
        };
        let calls =
            users.iter().map(|user| Call::of_user(user, scripts::SESSIONS.call(&[self.router.keys().sessions(user)])));
        let of_users = self.router.run(Purpose::Reads, &calls.collect::<Vec<_>>()).await;
        of_users.into_iter().map(|values| reply::list(values?)?.into_iter().map(lease).collect()).collect()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let shards = self.router.shards().all();
        // As long as one shard answers there is somebody to serve.
        let pings = shards
            .iter()
            .map(|shard| Box::pin(future::try_join(answers(shard, Purpose::Commits), answers(shard, Purpose::Reads))));
        future::select_ok(pings).await.map(drop)
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
