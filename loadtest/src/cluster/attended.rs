//! A cluster to play with: it says what to try, starts nodes again that have ended, and tells where the sessions are.

use super::{Cluster, ClusterPrograms, prometheus::Prometheus};
use crate::{
    clock,
    processes::{API_KEY, SECRET},
    token::sign,
};
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

/// Between two looks at the nodes.
const LOOK: Duration = Duration::from_millis(500);

/// What to start.
#[derive(Debug, Clone, Args)]
pub struct ClusterOptions {
    /// The programs.
    #[command(flatten)]
    pub programs: ClusterPrograms,
    /// Where clients connect, on this machine.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = loopback)]
    pub listen: SocketAddr,
    /// Milliseconds until a node that has ended is started again.
    #[arg(long, default_value_t = 5_000)]
    pub restart_after_ms: u64,
    /// A directory with a configuration of Prometheus, which is started then.
    #[arg(long)]
    pub prometheus_configuration: Option<PathBuf>,
    /// Prometheus.
    #[arg(long, default_value = "prometheus")]
    pub prometheus: PathBuf,
}

/// The keys of such a cluster are known to everybody.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}"))?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("expected an address of this machine, like 127.0.0.1:8080".to_owned())
    }
}

/// Runs until it is told to end.
pub async fn cluster(options: &ClusterOptions) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let running = async {
        let mut cluster = Cluster::start(&options.programs, Some(options.listen), &[]).await?;
        let prometheus = match &options.prometheus_configuration {
            Some(configuration) => {
                Some(Prometheus::start(&options.prometheus, configuration, &cluster.addresses).await?)
            }
            None => None,
        };
        println!("{}", greeting(&mut cluster, prometheus.as_ref())?);
        attend(&mut cluster, Duration::from_millis(options.restart_after_ms)).await
    };
    tokio::select! {
        done = running => done,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Starts nodes again that have ended, and tells of each change.
async fn attend(cluster: &mut Cluster, restart_after: Duration) -> Result<(), String> {
    let (mut told, mut due) = (Vec::new(), Vec::new());
    let due_us = || clock::now_us() + restart_after.as_micros() as u64;
    loop {
        for node in cluster.ended() {
            println!("node {} has ended; it is started again in {restart_after:?}", cluster.names()[node]);
            due.push((due_us(), node));
        }
        if let Some(place) = due.iter().position(|(due_us, _)| clock::now_us() >= *due_us) {
            let (_, node) = due.remove(place);
            match cluster.start_again(node).await {
                Ok(process) => println!("node {} is ready again, process {process}", cluster.names()[node]),
                Err(problem) => {
                    println!("node {} does not start: {problem}", cluster.names()[node]);
                    due.push((due_us(), node));
                }
            }
        }
        // A node that is ending has no figures to tell.
        if let Ok(sessions) = cluster.sessions().await
            && sessions != told
        {
            let of_nodes = cluster.names().into_iter().zip(&sessions);
            let words: Vec<String> = of_nodes.map(|(name, sessions)| format!("{name} {sessions}")).collect();
            println!("sessions: {}", words.join(", "));
            told = sessions;
        }
        sleep(LOOK).await;
    }
}

/// What runs where, and what to try.
fn greeting(cluster: &mut Cluster, prometheus: Option<&Prometheus>) -> Result<String, String> {
    let mut nodes = String::new();
    for (node, name) in cluster.names().into_iter().enumerate() {
        let gateway = cluster.running(node)?;
        let (url, process) = (gateway.url(), gateway.process.id());
        nodes.push_str(&format!("  node {name}      {url}    process {process}\n"));
    }
    if let Some(prometheus) = prometheus {
        nodes.push_str(&format!("  Prometheus  {}\n", prometheus.url));
    }
    let process = cluster.running(0)?.process.id();
    let (url, figures, redis) = (&cluster.balancer.url, &cluster.balancer.figures, cluster.redis.address);
    let token = |user: &str| {
        let user = user.parse().map_err(|_| format!("{user:?} is no user"))?;
        sign(SECRET, &user).map_err(|error| error.to_string())
    };
    let (alice, bob) = (token("alice")?, token("bob")?);
    let tool = std::env::current_exe().map_err(|error| error.to_string())?;
    let tool = tool.display();
    Ok(format!(
        r#"
Three nodes on one Redis behind HAProxy. Ctrl-C ends them all, and what they keep is gone then.

  clients     {url}
{nodes}  HAProxy     {figures}/stats
  Redis       {redis}

In other terminals, after these two lines:

export URL={url} GATEWAY_JWT_SECRET='{SECRET}'
alias loadtest={tool}

  Listen as Bob      loadtest tail --url $URL --user bob
  Many sessions      loadtest run --url $URL --sessions 300 --rate 100 --sse 0.3 --seconds 60 --tolerate-restart
  Send a message to Bob:

curl $URL/server/v1/sendMessage -H 'Authorization: Bearer {API_KEY}' -d '{{
  "conversation": {{"type": 1}}, "sender": "alice", "recipients": ["bob"],
  "message": {{"msgID": "m1", "seq": 1, "timestamp": 1795373813, "text": "Hello Bob"}},
  "profiles": {{"alice": {{"showName": "Alice"}}, "bob": {{"showName": "Bob"}}}}
}}'

  The page           {url}/ asks for the API key, {API_KEY}, and for tokens of two users:

alice {alice}
bob   {bob}

  Let a node go      kill {process}          its sessions are told to go elsewhere, one after the other
  Let a node die     kill -9 {process}
  Either is started again after a while. Who was there goes on at another node; what changed meanwhile comes as a replay.
"#
    ))
}
