//! Which shards are there, and which is a bucket's? One for ever, or those of a cluster, as that says it.

use super::{endpoint::Endpoint, primary::Primary, shard::Shard, slots::Slots};
use crate::{ShardId, StoreError, Topology, bucket::BUCKETS, topology::Shard as Told};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};
use tokio::sync::{Notify, watch};

/// All shards of a store.
pub(super) struct Shards {
    known: RwLock<Known>,
    /// Told under that lock, so that what is told last is the newest; nobody looks for a shard while it looks at what was told.
    told: watch::Sender<Topology>,
    /// Told where the shards of a cluster may be elsewhere.
    pub(super) doubts: Arc<Notify>,
    node: u64,
}

/// Each shard that the topology names is among the members.
struct Known {
    members: BTreeMap<ShardId, Member>,
    topology: Topology,
}

struct Member {
    shard: Arc<Shard>,
    /// Of a shard of a cluster: the node that is its primary, and where that is.
    primary: Option<(String, watch::Sender<Endpoint>)>,
}

impl Shards {
    /// One shard, whose place is known.
    pub(super) fn single(primary: Primary) -> Self {
        let topology = Topology::single(primary.endpoint().shown());
        let node = rand::random();
        let shard = Arc::new(Shard::new(ShardId::ONLY, primary, node));
        let members = BTreeMap::from([(ShardId::ONLY, Member { shard, primary: None })]);
        Self::new(Known { members, topology }, node)
    }

    /// Those of a cluster.
    pub(super) fn of_cluster(slots: &Slots) -> Self {
        let known = Known { members: BTreeMap::new(), topology: Topology::single("") };
        let shards = Self::new(known, rand::random());
        shards.update(slots);
        shards
    }

    fn new(known: Known, node: u64) -> Self {
        let told = watch::Sender::new(known.topology.clone());
        Self { known: RwLock::new(known), told, doubts: Arc::default(), node }
    }

    /// What everybody may know of them.
    pub(super) fn topology(&self) -> watch::Receiver<Topology> {
        self.told.subscribe()
    }

    /// The shard of an id, if there is one.
    pub(super) fn get(&self, id: ShardId) -> Result<Arc<Shard>, StoreError> {
        self.known().shard(id)
    }

    /// The shard of a bucket.
    pub(super) fn of_bucket(&self, bucket: u16) -> Result<Arc<Shard>, StoreError> {
        let known = self.known();
        known.shard(known.topology.shard_of_bucket(bucket))
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Shard>> {
        self.known().members.values().map(|member| member.shard.clone()).collect()
    }

    /// The shard whose primary is at an address.
    pub(super) fn at(&self, host: &str, port: u16) -> Option<Arc<Shard>> {
        self.all().into_iter().find(|shard| shard.primary.endpoint().place() == (host, port))
    }

    /// A server says that a bucket is in another shard by now.
    pub(super) fn moved(&self, bucket: u16, to: ShardId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.members.contains_key(&to) && known.topology.shard_of_bucket(bucket) != to {
            known.topology = known.topology.with(bucket, to);
            self.told.send_replace(known.topology.clone());
        }
    }

    /// Takes up what a cluster says of itself.
    pub(super) fn update(&self, slots: &Slots) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let Known { members, topology } = &mut *known;
        let before = members.iter().filter_map(|(id, member)| Some((*id, member.primary.as_ref()?.0.clone())));
        let ids = ids_of_primaries(slots, &before.collect(), topology);
        for (node, endpoint) in &slots.primaries {
            let id = ids[node];
            let member = members.entry(id).or_insert_with(|| Member::new(id, endpoint, &self.doubts, self.node));
            member.follow(node, endpoint);
        }
        let by_bucket: Vec<ShardId> = (0..BUCKETS)
            .map(|bucket| {
                let now = slots.primary_of(bucket).and_then(|node| ids.get(node));
                // What nobody serves at the moment is where it was.
                now.copied().unwrap_or_else(|| topology.shard_of_bucket(bucket))
            })
            .collect();
        members.retain(|id, _| by_bucket.contains(id));
        let told = members.iter().map(|(id, member)| Told { id: *id, place: member.shard.primary.endpoint().shown() });
        let now = Topology::of_shards(told.collect(), by_bucket);
        if *topology != now {
            *topology = now.clone();
            self.told.send_replace(now);
        }
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn shard(&self, id: ShardId) -> Result<Arc<Shard>, StoreError> {
        let member = self.members.get(&id).map(|member| member.shard.clone());
        member.ok_or_else(|| StoreError::Unavailable("redis: no such shard".to_owned()))
    }
}

/// Which shard each primary is of: the one it was of; or, of those whose primary has no slots any more, the one most of whose
/// buckets it has; or a new one.
fn ids_of_primaries(slots: &Slots, before: &BTreeMap<ShardId, String>, known: &Topology) -> BTreeMap<String, ShardId> {
    let stays = |node: &String| slots.primaries.contains_key(node);
    let mut ids: BTreeMap<String, ShardId> =
        before.iter().filter(|(_, node)| stays(node)).map(|(id, node)| (node.clone(), *id)).collect();
    let mut orphans: Vec<ShardId> = before.iter().filter(|(_, node)| !stays(node)).map(|(id, _)| *id).collect();
    let mut next = before.keys().next_back().map_or(0, |last| last.0 + 1);
    for node in slots.primaries.keys() {
        if ids.contains_key(node) {
            continue;
        }
        let taken_over = |id: ShardId| {
            (0..BUCKETS)
                .filter(|bucket| slots.primary_of(*bucket) == Some(node) && known.shard_of_bucket(*bucket) == id)
                .count()
        };
        let heir_of = orphans.iter().copied().max_by_key(|id| taken_over(*id)).filter(|id| taken_over(*id) > 0);
        let id = heir_of.unwrap_or_else(|| {
            next += 1;
            ShardId(next - 1)
        });
        orphans.retain(|orphan| *orphan != id);
        ids.insert(node.clone(), id);
    }
    ids
}

impl Member {
    fn new(id: ShardId, endpoint: &Endpoint, doubts: &Arc<Notify>, this: u64) -> Self {
        let (place, places) = watch::channel(endpoint.clone());
        let shard = Arc::new(Shard::new(id, Primary::new(places, doubts.clone()), this));
        Self { shard, primary: Some((String::new(), place)) }
    }

    /// Its primary is this node, at this place.
    fn follow(&mut self, node: &str, endpoint: &Endpoint) {
        let Some((name, place)) = &mut self.primary else { return };
        node.clone_into(name);
        place.send_if_modified(|known| {
            let has_moved = *known != *endpoint;
            if has_moved {
                let (shard, primary) = (self.shard.id.0, endpoint.shown());
                tracing::info!(shard, node, primary, "redis: a shard has another primary");
                *known = endpoint.clone();
            }
            has_moved
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A view in which each primary has every bucket whose number leaves one of these rests.
    fn view(of_rests: &[(&str, &[u16])]) -> Slots {
        let endpoint = Endpoint::parse("redis://127.0.0.1", None).unwrap();
        let primaries = of_rests.iter().map(|(node, _)| (String::from(*node), endpoint.clone())).collect();
        let of = |bucket: u16| of_rests.iter().find(|(_, rests)| rests.contains(&(bucket % 4))).map(|(node, _)| *node);
        Slots::of(primaries, (0..BUCKETS).map(|bucket| of(bucket).map(String::from)).collect())
    }

    fn ids(slots: &Slots, before: &[(u16, &str)], known: &Topology) -> Vec<(String, u16)> {
        let before = before.iter().map(|(id, node)| (ShardId(*id), String::from(*node))).collect();
        ids_of_primaries(slots, &before, known).into_iter().map(|(node, id)| (node, id.0)).collect()
    }

    fn known(of_rests: [u16; 4]) -> Topology {
        Topology::of_shards(Vec::new(), (0..BUCKETS).map(|bucket| ShardId(of_rests[usize::from(bucket % 4)])).collect())
    }

    #[test]
    fn a_primary_keeps_its_shard_and_a_new_one_is_the_heir_of_the_one_whose_slots_it_has() {
        let at_first = view(&[("a", &[0]), ("b", &[1]), ("c", &[2, 3])]);
        let named = |ids: &[(&str, u16)]| ids.iter().map(|(node, id)| (String::from(*node), *id)).collect::<Vec<_>>();
        assert_eq!(ids(&at_first, &[], &Topology::single("")), named(&[("a", 0), ("b", 1), ("c", 2)]));
        let before = [(0, "a"), (1, "b"), (2, "c")];
        let moved = view(&[("a", &[0, 1, 3]), ("b", &[]), ("c", &[2])]);
        assert_eq!(ids(&moved, &before, &known([0, 1, 2, 2])), named(&[("a", 0), ("b", 1), ("c", 2)]));
        // The replicas of b and c.
        let failed_over = view(&[("a", &[0]), ("x", &[2, 3]), ("y", &[1])]);
        assert_eq!(ids(&failed_over, &before, &known([0, 1, 2, 2])), named(&[("a", 0), ("x", 2), ("y", 1)]));
        let grown = view(&[("a", &[0]), ("b", &[1]), ("c", &[2]), ("d", &[3])]);
        assert_eq!(ids(&grown, &before, &known([0, 1, 2, 2])), named(&[("a", 0), ("b", 1), ("c", 2), ("d", 3)]));
    }
}
