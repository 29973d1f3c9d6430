//! What does a cluster say of itself: which nodes are primaries, and of which slots?

use super::{
    endpoint::Endpoint,
    keys::slot_of_bucket,
    link::{unavailable, unexpected},
    reply,
};
use crate::{StoreError, bucket::BUCKETS};
use futures_util::{StreamExt, stream::FuturesUnordered};
use redis::{Pipeline, Value};
use std::{collections::BTreeMap, time::Duration};

/// How long a node may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// One node's view of the cluster.
pub(super) struct Slots {
    /// How new the view is.
    pub(super) epoch: u64,
    /// The primaries that have slots, by the name of the node.
    pub(super) primaries: BTreeMap<String, Endpoint>,
    /// They and their replicas.
    pub(super) nodes: Vec<Endpoint>,
    /// The primary of each bucket.
    by_bucket: Vec<Option<String>>,
}

impl Slots {
    /// A view for tests.
    #[cfg(test)]
    pub(super) fn of(primaries: BTreeMap<String, Endpoint>, by_bucket: Vec<Option<String>>) -> Self {
        Self { epoch: 1, primaries, nodes: Vec::new(), by_bucket }
    }

    /// The node that has a bucket's slot.
    pub(super) fn primary_of(&self, bucket: u16) -> Option<&String> {
        self.by_bucket.get(usize::from(bucket))?.as_ref()
    }

    /// Whether each bucket is somewhere.
    pub(super) fn is_whole(&self) -> bool {
        self.by_bucket.iter().all(Option::is_some)
    }

    /// Asks some nodes at once; what the first of them says whose view is not older than an epoch.
    pub(super) async fn ask(endpoints: &[Endpoint], not_before: u64) -> Result<Self, StoreError> {
        let mut answers: FuturesUnordered<_> = endpoints.iter().map(Self::ask_one).collect();
        let mut problem = StoreError::Unavailable("redis: no node of the cluster to ask".to_owned());
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(slots) if slots.epoch >= not_before => return Ok(slots),
                Ok(_) => problem = StoreError::Unavailable("redis: an old view of the cluster".to_owned()),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    async fn ask_one(endpoint: &Endpoint) -> Result<Self, StoreError> {
        let mut connection = endpoint.connect(ANSWER_WITHIN).await?;
        let mut question = Pipeline::with_capacity(2);
        question.cmd("CLUSTER").arg("INFO").cmd("CLUSTER").arg("SLOTS");
        let answers: Result<(String, Value), _> = question.query_async(&mut connection).await;
        let (info, slots) = answers.map_err(|error| unavailable(&error))?;
        let epoch = info.lines().find_map(|line| line.trim().strip_prefix("cluster_current_epoch:")?.parse().ok());
        Self::read(epoch.ok_or_else(|| unexpected("CLUSTER INFO without an epoch"))?, slots, endpoint)
    }

    /// Reads what CLUSTER SLOTS answered.
    fn read(epoch: u64, value: Value, asked: &Endpoint) -> Result<Self, StoreError> {
        let mut of_slots = Vec::new();
        let (mut primaries, mut nodes) = (BTreeMap::new(), Vec::new());
        for range in reply::list(value)? {
            let mut range = reply::list(range)?.into_iter();
            let (Some(first), Some(last), Some(primary)) = (range.next(), range.next(), range.next()) else {
                return Err(unexpected("a range of slots without a primary"));
            };
            let (name, endpoint) = node(primary, asked)?;
            of_slots.push((reply::number(first)?..=reply::number(last)?, name.clone()));
            for other in range {
                nodes.push(node(other, asked)?.1);
            }
            nodes.push(endpoint.clone());
            primaries.insert(name, endpoint);
        }
        nodes.sort_unstable_by_key(Endpoint::shown);
        nodes.dedup();
        let of_bucket = |bucket| {
            let slot = u64::from(slot_of_bucket(bucket));
            of_slots.iter().find(|(range, _)| range.contains(&slot)).map(|(_, name)| name.clone())
        };
        Ok(Self { epoch, primaries, nodes, by_bucket: (0..BUCKETS).map(of_bucket).collect() })
    }
}

/// A node's name and address; one without an address is the one that was asked.
fn node(value: Value, asked: &Endpoint) -> Result<(String, Endpoint), StoreError> {
    let mut fields = reply::list(value)?.into_iter();
    let (Some(host), Some(port), Some(name)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(unexpected("a node without its name"));
    };
    let host = reply::text(host)?.filter(|host| !host.is_empty() && host != "?");
    let port = u16::try_from(reply::number(port)?).map_err(|_| unexpected("a port above 65535"))?;
    let name = reply::text(name)?.ok_or_else(|| unexpected("a node without a name"))?;
    Ok((name, asked.at(host.as_deref().unwrap_or(asked.place().0), port)))
}
