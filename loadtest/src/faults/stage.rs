//! What a scenario plays on: gateways, each with a proxy before it and one between it and its store.

use crate::{
    http::BaseUrl,
    measure::process::Usage,
    processes::{Gateway, Programs, Redis, url_of},
    proxy::{Kind, Proxy, Rule},
    redis_shards::{RedisCluster, Watched},
};
use std::net::SocketAddr;
use tempfile::TempDir;

/// What nodes keep their lists in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum StoreKind {
    /// Two nodes on one Redis, each with a proxy before it.
    #[default]
    Redis,
    /// One node with an embedded store.
    Embedded,
    /// Two nodes on a Redis Cluster.
    Cluster,
    /// Two nodes on a primary that Sentinels watch.
    Watched,
}

/// Which nodes there are, and how they are set up.
#[derive(Debug, Clone, Default)]
pub(super) struct Setup {
    /// What the nodes keep their lists in.
    pub(super) store: StoreKind,
    /// Settings of all nodes, besides those that the suite needs.
    pub(super) settings: Vec<String>,
    /// Variables in the environment of the last node.
    pub(super) variables: Vec<(String, String)>,
    /// Bytes that the kernel holds for a client that does not read; its own choice without.
    pub(super) client_buffer: Option<u32>,
}

/// A gateway and the ways to and from it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) gateway: Gateway,
    /// Where clients and backends connect.
    pub(super) door: Proxy,
    /// Its way to Redis.
    pub(super) path: Option<Proxy>,
    settings: Vec<String>,
    variables: Vec<(String, String)>,
}

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) programs: Programs,
    pub(super) nodes: Vec<Node>,
    redis: Option<Redis>,
    cluster: Option<RedisCluster>,
    watched: Option<Watched>,
    /// Where the embedded store is; kept until the end.
    _directory: Option<TempDir>,
}

impl Stage {
    /// Starts everything and waits until it is ready.
    pub(super) async fn start(programs: &Programs, setup: &Setup) -> Result<Self, String> {
        let mut stage = Self {
            programs: programs.clone(),
            nodes: Vec::new(),
            redis: None,
            cluster: None,
            watched: None,
            _directory: None,
        };
        match setup.store {
            StoreKind::Embedded => {
                let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
                let store = format!("embedded:{}", directory.path().display());
                stage.nodes.push(Node::start(programs, setup, store, None, &[]).await?);
                stage._directory = Some(directory);
            }
            StoreKind::Redis => {
                let redis = Redis::start(programs).await?;
                for variables in [[].as_slice(), &setup.variables] {
                    let path = proxy(redis.address, None).await?;
                    let store = format!("redis://{}", path.address);
                    stage.nodes.push(Node::start(programs, setup, store, Some(path), variables).await?);
                }
                stage.redis = Some(redis);
            }
            StoreKind::Cluster => {
                let cluster = RedisCluster::start(programs).await?;
                stage.start_two(setup, &cluster.url()).await?;
                stage.cluster = Some(cluster);
            }
            StoreKind::Watched => {
                let watched = Watched::start(programs).await?;
                stage.start_two(setup, &watched.url()).await?;
                stage.watched = Some(watched);
            }
        }
        Ok(stage)
    }

    /// Two nodes that reach their servers directly: where those are, they learn from them.
    async fn start_two(&mut self, setup: &Setup, store: &str) -> Result<(), String> {
        for _ in 0..2 {
            let node = Node::start(&self.programs, setup, store.to_owned(), None, &[]).await?;
            self.nodes.push(node);
        }
        Ok(())
    }

    /// Where clients find the nodes.
    pub(super) fn doors(&self) -> Vec<BaseUrl> {
        self.nodes.iter().map(|node| url_of(node.door.address)).collect()
    }

    pub(super) fn redis(&mut self) -> Result<&mut Redis, String> {
        self.redis.as_mut().ok_or_else(|| "this scenario needs Redis".to_owned())
    }

    pub(super) fn cluster(&mut self) -> Result<&mut RedisCluster, String> {
        self.cluster.as_mut().ok_or_else(|| "this scenario needs a cluster".to_owned())
    }

    pub(super) fn watched(&mut self) -> Result<&mut Watched, String> {
        self.watched.as_mut().ok_or_else(|| "this scenario needs Sentinels".to_owned())
    }

    /// Puts another server in the place of Redis; the connections to the old one are cut.
    pub(super) fn replace_redis(&mut self, with: Redis) {
        for path in self.paths() {
            path.switch(with.address);
            path.cut_all();
        }
        self.redis = Some(with);
    }

    fn paths(&self) -> impl Iterator<Item = &Proxy> {
        self.nodes.iter().filter_map(|node| node.path.as_ref())
    }

    /// Sets the rule of clients' sessions on all nodes.
    pub(super) fn set_sessions(&self, rule: Rule) {
        self.nodes.iter().for_each(|node| node.door.set(Kind::Session, rule));
    }

    /// Memory of the gateways in MiB.
    pub(super) fn memory_mib(&self) -> u64 {
        let ids: Vec<u32> = self.nodes.iter().map(|node| node.gateway.process.id()).collect();
        Usage::of(&ids).map_or(0, |usage| usage.rss_kib / 1024)
    }
}

impl Node {
    async fn start(
        programs: &Programs,
        setup: &Setup,
        store: String,
        path: Option<Proxy>,
        variables: &[(String, String)],
    ) -> Result<Self, String> {
        let mut settings = vec!["--store".to_owned(), store, "--workers".to_owned(), "1".to_owned()];
        settings.extend(setup.settings.iter().cloned());
        let gateway = Gateway::start(programs, &settings, variables).await?;
        let door = proxy(gateway.address, setup.client_buffer).await?;
        Ok(Self { gateway, door, path, settings, variables: variables.to_vec() })
    }

    /// Another gateway like this one, on another port.
    pub(super) async fn successor(&self, programs: &Programs) -> Result<Gateway, String> {
        Gateway::start(programs, &self.settings, &self.variables).await
    }

    /// Starts a gateway in the place of one that has ended.
    pub(super) async fn start_again(&mut self, programs: &Programs) -> Result<(), String> {
        self.gateway = self.successor(programs).await?;
        self.door.switch(self.gateway.address);
        Ok(())
    }
}

/// A proxy, before a server that may not be there yet.
pub(super) async fn proxy(target: SocketAddr, receive_buffer: Option<u32>) -> Result<Proxy, String> {
    Proxy::start(target, receive_buffer).await.map_err(|error| format!("no proxy: {error}"))
}
