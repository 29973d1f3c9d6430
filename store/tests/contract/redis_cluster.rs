//! How a test gets a Redis Cluster of its own, and Sentinels of its own.

use super::redis_server::{GATEWAY_USER, RedisServer, USERS, free_port};
use redis::FromRedisValue;
use std::{
    io::Write,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Slots of a cluster.
const SLOTS: usize = 16_384;
/// How often, 10 ms apart, it is looked whether servers have come to terms.
const LOOKS_MAX: usize = 2_000;
/// Milliseconds after which a server that does not answer is taken for dead.
const DEAD_AFTER_MS: u64 = 1_000;

/// Asks a server.
pub(super) async fn ask<T: FromRedisValue>(server: &RedisServer, command: &str) -> T {
    let client = redis::Client::open(server.url()).unwrap();
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
    let mut words = command.split(' ');
    let mut question = redis::cmd(words.next().unwrap());
    for word in words {
        question.arg(word);
    }
    question.query_async(&mut connection).await.unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// Waits until something holds.
pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..LOOKS_MAX {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not in time");
}

/// Primaries that share the slots evenly, with or without a replica each.
pub(super) struct RedisCluster {
    pub(super) primaries: Vec<RedisServer>,
    /// Of the primary at the same place.
    pub(super) replicas: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster without replicas.
    pub(super) async fn start(primaries: usize) -> Self {
        Self::start_all(primaries, 0).await
    }

    /// Starts one with a replica for each primary.
    pub(super) async fn start_with_replicas(primaries: usize) -> Self {
        Self::start_all(primaries, primaries).await
    }

    async fn start_all(primaries: usize, replicas: usize) -> Self {
        let member = || {
            let (bus, timeout) = (free_port().to_string(), DEAD_AFTER_MS.to_string());
            RedisServer::start_with(&[
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-node-timeout",
                &timeout,
                "--cluster-replica-validity-factor",
                "0",
                "--aclfile",
                USERS,
            ])
        };
        let servers: Vec<RedisServer> = (0..primaries + replicas).map(|_| member()).collect();
        for (at, server) in servers.iter().enumerate() {
            ask::<String>(server, &format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1)).await;
            if at < primaries {
                let (first, end) = (SLOTS * at / primaries, SLOTS * (at + 1) / primaries);
                ask::<String>(server, &format!("CLUSTER ADDSLOTSRANGE {first} {}", end - 1)).await;
            }
            if at > 0 {
                let bus = ask::<Vec<String>>(server, "CONFIG GET cluster-port").await[1].clone();
                let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.port());
                ask::<String>(&servers[0], &meet).await;
            }
        }
        for server in &servers {
            until("a cluster whose nodes know each other", async || {
                let known = format!("cluster_known_nodes:{}", servers.len());
                let info = ask::<String>(server, "CLUSTER INFO").await;
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384") && info.contains(&known)
            })
            .await;
        }
        let mut servers = servers.into_iter();
        let primaries: Vec<_> = servers.by_ref().take(primaries).collect();
        let replicas: Vec<_> = servers.collect();
        for (replica, primary) in replicas.iter().zip(&primaries) {
            let id = ask::<String>(primary, "CLUSTER MYID").await;
            ask::<String>(replica, &format!("CLUSTER REPLICATE {id}")).await;
            until("a replica that has everything", async || {
                ask::<String>(replica, "INFO replication").await.contains("master_link_status:up")
            })
            .await;
        }
        Self { primaries, replicas }
    }

    pub(super) fn url(&self) -> String {
        let addresses: Vec<String> = self.primaries.iter().map(RedisServer::address).collect();
        format!("redis+cluster://{GATEWAY_USER}@{}", addresses.join(","))
    }

    /// Moves a slot and all that is in it.
    pub(super) async fn move_slot(&self, slot: u16, from: &RedisServer, to: &RedisServer) {
        self.begin_move(slot, from, to).await;
        self.finish_move(slot, from, to).await;
    }

    /// The slot is on its way, and its keys with it.
    pub(super) async fn begin_move(&self, slot: u16, from: &RedisServer, to: &RedisServer) {
        let (giving, taking) = (ask::<String>(from, "CLUSTER MYID").await, ask::<String>(to, "CLUSTER MYID").await);
        ask::<String>(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {giving}")).await;
        ask::<String>(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {taking}")).await;
        loop {
            let keys: Vec<String> = ask(from, &format!("CLUSTER GETKEYSINSLOT {slot} 100")).await;
            if keys.is_empty() {
                return;
            }
            let keys = keys.join(" ");
            ask::<String>(from, &format!("MIGRATE 127.0.0.1 {}  0 5000 KEYS {keys}", to.port())).await;
        }
    }

    /// The slot has arrived.
    pub(super) async fn finish_move(&self, slot: u16, from: &RedisServer, to: &RedisServer) {
        let taking = ask::<String>(to, "CLUSTER MYID").await;
        for server in [to, from] {
            ask::<String>(server, &format!("CLUSTER SETSLOT {slot} NODE {taking}")).await;
        }
    }
}

/// Three Sentinels that watch one primary with a replica.
pub(super) struct Sentinels {
    pub(super) primary: RedisServer,
    pub(super) replica: RedisServer,
    ports: Vec<u16>,
    processes: Vec<Child>,
    _directory: TempDir,
}

impl Sentinels {
    /// The name of the service.
    const SERVICE: &'static str = "lists";

    pub(super) async fn start() -> Self {
        let (primary, replica) = (RedisServer::start(), RedisServer::start());
        ask::<String>(&replica, &format!("REPLICAOF 127.0.0.1 {}", primary.port())).await;
        until("a replica that has everything", async || {
            ask::<String>(&replica, "INFO replication").await.contains("master_link_status:up")
        })
        .await;
        let directory = tempfile::tempdir().unwrap();
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let processes = ports.iter().map(|port| launch(&directory, *port, primary.port())).collect();
        let sentinels = Self { primary, replica, ports, processes, _directory: directory };
        until("Sentinels that know each other and the replica", async || sentinels.are_whole().await).await;
        sentinels
    }

    async fn are_whole(&self) -> bool {
        for port in &self.ports {
            let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
            let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return false };
            let mut question = redis::cmd("SENTINEL");
            question.arg("MASTER").arg(Self::SERVICE);
            let fields: Result<std::collections::HashMap<String, String>, _> =
                question.query_async(&mut connection).await;
            let is = |fields: &std::collections::HashMap<String, String>, name: &str, value: &str| {
                fields.get(name).is_some_and(|found| found == value)
            };
            if !fields.is_ok_and(|fields| is(&fields, "num-slaves", "1") && is(&fields, "num-other-sentinels", "2")) {
                return false;
            }
        }
        true
    }

    pub(super) fn url(&self) -> String {
        let addresses: Vec<String> = self.ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/{}", addresses.join(","), Self::SERVICE)
    }
}

impl Drop for Sentinels {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn launch(directory: &TempDir, port: u16, primary: u16) -> Child {
    let service = Sentinels::SERVICE;
    let path = directory.path().join(format!("{port}.conf"));
    let mut file = std::fs::File::create(&path).unwrap();
    write!(
        file,
        "bind 127.0.0.1\nport {port}\ndir {}\nsentinel monitor {service} 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds {service} {DEAD_AFTER_MS}\nsentinel failover-timeout {service} 5000\n",
        directory.path().display()
    )
    .unwrap();
    let mut command = Command::new("redis-server");
    command.arg(&path).arg("--sentinel").stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("redis-server runs as a Sentinel")
}
