//! Which servers are refused for their settings?

use super::{redis_cluster::RedisCluster, redis_faults::ask, redis_server::RedisServer};
use conversation_store::{StoreError, open};

/// Opening what evicts keys is an error that names the place and what is expected.
async fn is_refused(url: &str, server: &RedisServer, policy: &str) {
    match open(url).await.map(|_| "open") {
        Err(StoreError::Unavailable(why)) => {
            let expected = ["noeviction", policy, &server.address()];
            assert!(expected.iter().all(|part| why.contains(part)), "{why}");
        }
        other => panic!("a server that evicts keys: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_evicts_keys_is_refused() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = RedisServer::start_with(&["--maxmemory-policy", policy]);
        is_refused(&server.url(), &server, policy).await;
        ask::<()>(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
        open(&server.url()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_shard_that_evicts_keys_is_enough_to_refuse_a_cluster() {
    let cluster = RedisCluster::start(3).await;
    let last = &cluster.primaries[2];
    ask::<()>(last, &["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]).await;
    is_refused(&cluster.url(), last, "allkeys-random").await;
}
