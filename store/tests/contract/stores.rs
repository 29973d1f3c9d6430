//! Which stores the suite runs on, and how two connections to one of them are made.

use super::{
    redis_cluster::{RedisCluster, Sentinels},
    redis_server::{RedisServer, USERS},
};
use conversation_store::{Store, open};
use std::sync::Arc;
use tempfile::TempDir;

/// Two connections to one empty store; where a store has only one, it is both.
pub(super) struct Stores {
    pub(super) first: Arc<dyn Store>,
    pub(super) second: Arc<dyn Store>,
    /// Ends after the connections.
    _place: Place,
}

enum Place {
    Process,
    Directory { _directory: TempDir },
    Server { _server: RedisServer },
    Cluster { _cluster: RedisCluster },
    Sentinels { _sentinels: Sentinels },
}

pub(super) async fn memory() -> Stores {
    let store = open("memory:").await.unwrap();
    Stores { first: store.clone(), second: store, _place: Place::Process }
}

pub(super) async fn embedded() -> Stores {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&format!("embedded:{}", directory.path().display())).await.unwrap();
    Stores { first: store.clone(), second: store, _place: Place::Directory { _directory: directory } }
}

pub(super) async fn redis() -> Stores {
    let server = RedisServer::start_with(&["--aclfile", USERS]);
    let url = server.url_of_gateway();
    let (first, second) = (open(&url).await.unwrap(), open(&url).await.unwrap());
    Stores { first, second, _place: Place::Server { _server: server } }
}

/// Three primaries.
pub(super) async fn cluster() -> Stores {
    let cluster = RedisCluster::start(3).await;
    let (first, second) = (open(&cluster.url()).await.unwrap(), open(&cluster.url()).await.unwrap());
    Stores { first, second, _place: Place::Cluster { _cluster: cluster } }
}

/// The primary that three Sentinels know.
pub(super) async fn sentinel() -> Stores {
    let sentinels = Sentinels::start().await;
    let (first, second) = (open(&sentinels.url()).await.unwrap(), open(&sentinels.url()).await.unwrap());
    Stores { first, second, _place: Place::Sentinels { _sentinels: sentinels } }
}
