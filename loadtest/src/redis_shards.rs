//! Redis of several servers: a cluster with replicas, and a primary with a replica that Sentinels watch.

use crate::{
    clock,
    measure::redis,
    processes::{Process, Programs, Redis, free_address},
};
use std::{fs, net::SocketAddr, ops::Range, process::Command, time::Duration};
use tempfile::TempDir;

/// Slots of a cluster.
const SLOTS: usize = 16_384;
/// Primaries of a cluster.
const PRIMARIES: usize = 3;
/// Sentinels.
const SENTINELS: usize = 3;
/// What the Sentinels call the primary.
const SERVICE: &str = "lists";
/// Milliseconds after which a server that does not answer is taken for dead.
const DEAD_AFTER_MS: u64 = 2_000;
/// How long servers may take to come to terms.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(10);
/// Keys that are moved together.
const KEYS_TOGETHER: usize = 50;

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) -> Result<(), String> {
    let begun_us = clock::now_us();
    while !holds().await {
        if clock::now_us() - begun_us > PATIENCE.as_micros() as u64 {
            return Err(format!("{what}: not within {PATIENCE:?}"));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn says(server: &Redis, command: &str, what: &str) -> bool {
    server.command(command).await.is_ok_and(|answer| answer.contains(what))
}

/// Commands that are answered with OK, or it is an error.
async fn order(server: &Redis, command: &str) -> Result<(), String> {
    match server.command(command).await? {
        answer if answer.starts_with('-') => Err(format!("{command}: {answer}")),
        _ => Ok(()),
    }
}

/// The texts of an answer.
fn texts(answer: &str) -> Vec<&str> {
    answer.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with(['*', '$'])).collect()
}

async fn node_id(server: &Redis) -> Result<String, String> {
    let answer = server.command("CLUSTER MYID").await?;
    texts(&answer).first().map(ToString::to_string).ok_or_else(|| format!("CLUSTER MYID: {answer}"))
}

/// Three primaries that share the slots evenly, with a replica each.
#[derive(Debug)]
pub struct RedisCluster {
    /// Those that had the slots at first.
    pub primaries: Vec<Redis>,
    /// Of the primary at the same place.
    pub replicas: Vec<Redis>,
}

impl RedisCluster {
    /// Starts an empty one.
    ///
    /// # Errors
    /// Where the servers do not start, or do not come to terms; here and below in words.
    pub async fn start(programs: &Programs) -> Result<Self, String> {
        let mut servers = Vec::new();
        for _ in 0..2 * PRIMARIES {
            let (bus, timeout) = (free_address()?.port().to_string(), DEAD_AFTER_MS.to_string());
            let settings = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", &timeout];
            servers.push((Redis::start_with(programs, &settings).await?, bus));
        }
        for (at, (server, bus)) in servers.iter().enumerate() {
            order(server, &format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1)).await?;
            if at < PRIMARIES {
                let (first, last) = (SLOTS * at / PRIMARIES, SLOTS * (at + 1) / PRIMARIES - 1);
                order(server, &format!("CLUSTER ADDSLOTSRANGE {first} {last}")).await?;
            }
            if at > 0 {
                order(&servers[0].0, &format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.address.port())).await?;
            }
        }
        let known = format!("cluster_known_nodes:{}", servers.len());
        for (server, _) in &servers {
            until("a cluster whose nodes know each other", async || {
                let info = server.command("CLUSTER INFO").await.unwrap_or_default();
                ["cluster_state:ok", &known].iter().all(|what| info.contains(what))
            })
            .await?;
        }
        let mut servers = servers.into_iter().map(|(server, _)| server);
        let primaries: Vec<Redis> = servers.by_ref().take(PRIMARIES).collect();
        let replicas: Vec<Redis> = servers.collect();
        for (replica, primary) in replicas.iter().zip(&primaries) {
            order(replica, &format!("CLUSTER REPLICATE {}", node_id(primary).await?)).await?;
            is_in_sync(replica).await?;
        }
        Ok(Self { primaries, replicas })
    }

    /// What the gateways take for `--store`.
    pub fn url(&self) -> String {
        let addresses: Vec<String> = self.primaries.iter().map(|server| server.address.to_string()).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }

    /// The slots that a primary had at first.
    pub fn slots_of(&self, primary: usize) -> Range<u16> {
        let slot = |at: usize| (SLOTS * at / PRIMARIES) as u16;
        slot(primary)..slot(primary + 1)
    }

    /// The slot of a user's data, if there are any.
    pub async fn slot_of(&self, user: &str) -> Option<u16> {
        for server in &self.primaries {
            let answer = server.command(&format!("KEYS conv:*:{user}:head")).await.unwrap_or_default();
            if let Some(key) = texts(&answer).first() {
                let answer = server.command(&format!("CLUSTER KEYSLOT {key}")).await.ok()?;
                return answer.trim().strip_prefix(':')?.parse().ok();
            }
        }
        None
    }

    /// The slots of the first primary that have keys.
    pub async fn slots_in_use(&self) -> Result<Vec<u16>, String> {
        let mut slots = Vec::new();
        // What belongs to users lies in every fourth slot.
        for slot in (0..SLOTS / PRIMARIES).step_by(4) {
            if !says(&self.primaries[0], &format!("CLUSTER COUNTKEYSINSLOT {slot}"), ":0").await {
                slots.push(slot as u16);
            }
        }
        Ok(slots)
    }

    /// Moves a slot with all that is in it from one primary to another.
    pub async fn move_slot(&self, slot: u16, from: usize, to: usize) -> Result<(), String> {
        let (from, to) = (&self.primaries[from], &self.primaries[to]);
        let (giving, taking) = (node_id(from).await?, node_id(to).await?);
        order(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {giving}")).await?;
        order(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {taking}")).await?;
        loop {
            let answer = from.command(&format!("CLUSTER GETKEYSINSLOT {slot} {KEYS_TOGETHER}")).await?;
            let keys = texts(&answer).join(" ");
            if keys.is_empty() {
                break;
            }
            order(from, &format!("MIGRATE 127.0.0.1 {} \"\" 0 5000 KEYS {keys}", to.address.port())).await?;
        }
        for server in [to, from] {
            order(server, &format!("CLUSTER SETSLOT {slot} NODE {taking}")).await?;
        }
        Ok(())
    }
}

async fn is_in_sync(replica: &Redis) -> Result<(), String> {
    until("a replica that has everything", async || says(replica, "INFO replication", "master_link_status:up").await)
        .await
}

/// Waits until a replica is a primary.
pub async fn is_promoted(replica: &Redis) -> Result<(), String> {
    until("the replica in the place of its primary", async || says(replica, "INFO replication", "role:master").await)
        .await
}

/// A primary with a replica, watched by three Sentinels.
#[derive(Debug)]
pub struct Watched {
    /// The primary at first.
    pub primary: Redis,
    /// Its replica.
    pub replica: Redis,
    addresses: Vec<SocketAddr>,
    /// Where each keeps its configuration.
    _directory: TempDir,
    _sentinels: Vec<Process>,
}

impl Watched {
    /// Starts an empty one.
    pub async fn start(programs: &Programs) -> Result<Self, String> {
        let (primary, replica) = (Redis::start(programs).await?, Redis::start(programs).await?);
        order(&replica, &format!("REPLICAOF 127.0.0.1 {}", primary.address.port())).await?;
        is_in_sync(&replica).await?;
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (mut addresses, mut sentinels) = (Vec::new(), Vec::new());
        for _ in 0..SENTINELS {
            let address = free_address()?;
            let file = directory.path().join(format!("{}.conf", address.port()));
            let configuration = format!(
                "bind 127.0.0.1\nport {}\ndir {}\nsentinel monitor {SERVICE} 127.0.0.1 {} 2\n\
                 sentinel down-after-milliseconds {SERVICE} {DEAD_AFTER_MS}\nsentinel failover-timeout {SERVICE} 10000\n",
                address.port(),
                directory.path().display(),
                primary.address.port()
            );
            fs::write(&file, configuration).map_err(|error| error.to_string())?;
            let mut command = Command::new(&programs.redis);
            sentinels.push(Process::spawn("sentinel", command.arg(&file).arg("--sentinel"))?);
            addresses.push(address);
        }
        for address in &addresses {
            until("Sentinels that know each other and the replica", async || {
                let answer = redis::command(&address.to_string(), &format!("SENTINEL MASTER {SERVICE}")).await;
                let answer = answer.unwrap_or_default();
                let fields = texts(&answer);
                let is = |name: &str, value: &str| fields.windows(2).any(|pair| pair == [name, value]);
                is("num-slaves", "1") && is("num-other-sentinels", "2")
            })
            .await?;
        }
        Ok(Self { primary, replica, addresses, _directory: directory, _sentinels: sentinels })
    }

    /// What the gateways take for `--store`.
    pub fn url(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        format!("redis+sentinel://{}/{SERVICE}", addresses.join(","))
    }
}
