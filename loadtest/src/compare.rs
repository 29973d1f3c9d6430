//! The same work on other push servers, one after another in one run: what a session and a delivery cost them, and us.

mod audience;
mod centrifugo;
mod cpus;
mod floor;
mod gateway;
mod meter;
mod nchan;
mod peer;
mod report;
mod socketio;

use crate::{
    crowd::Workers,
    floor::{Beside, Floor},
    http::{BaseUrl, Http},
    measure::machine::machine,
    processes::{API_KEY, Programs, Redis, SECRET},
    progress::Progress,
    publish::{Processes, PublishOptions, play},
    report::Outputs,
    target::Target,
    violations::Violations,
};
use audience::Audience;
use centrifugo::Centrifugo;
use clap::{Args, ValueEnum};
use cpus::Cpus;
use meter::Meter;
use nchan::Nchan;
use peer::Peer;
use socketio::SocketIo;
use std::{path::PathBuf, sync::Arc};

pub use report::{LeftOut, Report, Row, Storage};

/// What to do.
#[derive(Debug, Clone, Args)]
pub struct CompareOptions {
    /// Sessions, each of a user of its own.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=15_000))]
    pub sessions: u32,
    /// Recipients of each call, where it has many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub recipients: u32,
    /// Calls a second with one recipient, made when they are due whatever became of earlier ones.
    #[arg(long, default_value_t = 1_000.0)]
    pub rate: f64,
    /// Calls a second with many recipients.
    #[arg(long, default_value_t = 30.0)]
    pub fanout_rate: f64,
    /// Seconds of calls at each of the two rates.
    #[arg(long, default_value_t = 15.0)]
    pub seconds: f64,
    /// Bytes of a message's text; the others send frames as long as the gateway's for it.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(32..=1_024))]
    pub text_bytes: u32,
    /// Servers to compare with, separated by commas; without it all.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Other>,
    /// Compares once more with everything in Redis: the gateway and each that can, every one with a Redis of its own. The server of
    /// Redis or Valkey may be named.
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true, default_missing_value = "redis-server")]
    pub redis: Option<PathBuf>,
    /// The gateway's binary; without it the one beside this tool.
    #[arg(long)]
    pub gateway: Option<PathBuf>,
    /// What drives the gateway's WebSockets, several separated by commas; without it what it takes by itself.
    #[arg(long, value_delimiter = ',')]
    pub websocket: Vec<String>,
    /// nginx.
    #[arg(long, default_value = "nginx")]
    pub nginx: PathBuf,
    /// Its module nchan.
    #[arg(long, default_value = "/usr/lib/nginx/modules/ngx_nchan_module.so")]
    pub nchan: PathBuf,
    /// Node, for Socket.IO.
    #[arg(long, default_value = "node")]
    pub node: PathBuf,
    /// The directory with the server of Socket.IO and its packages.
    #[arg(long, default_value = "loadtest/peers/socketio")]
    pub socketio: PathBuf,
    /// Centrifugo.
    #[arg(long, default_value = "centrifugo")]
    pub centrifugo: PathBuf,
    /// Where the report is written.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// What the gateway is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Other {
    /// The least that a server on actix-ws can be.
    Floor,
    /// nginx with its module nchan.
    Nchan,
    /// Socket.IO on Node.
    Socketio,
    /// Centrifugo.
    Centrifugo,
}

impl Other {
    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Nchan => "nchan",
            Self::Socketio => "Socket.IO",
            Self::Centrifugo => "Centrifugo",
        }
    }

    fn knows(self, storage: Storage) -> bool {
        self != Self::Floor || storage == Storage::Memory
    }
}

/// Compares; an error is one of measuring the gateway, the others may be left out.
pub async fn compare(options: &CompareOptions, progress: &Progress) -> Result<Report, String> {
    if options.recipients > options.sessions {
        return Err(format!("expected at most {} recipients, as many as sessions", options.sessions));
    }
    let bench = Bench::new(options)?;
    let others = if options.only.is_empty() { Other::value_variants() } else { &options.only };
    let drivers = match &options.websocket[..] {
        [] => vec![None],
        named => named.iter().map(|driver| Some(driver.as_str())).collect(),
    };
    let storages = [Some(Storage::Memory), options.redis.as_ref().map(|_| Storage::Redis)];
    let (mut rows, mut left_out, mut violations) = (Vec::new(), Vec::new(), Violations::default());
    for storage in storages.into_iter().flatten() {
        let mut frame_bytes = [0.0; 2];
        for driver in &drivers {
            let (ours, found) = gateway::measure(&bench, storage, *driver, progress).await?;
            violations.add_all(found);
            frame_bytes = [ours.one.bytes_per_delivery, ours.many.bytes_per_delivery];
            rows.push(ours);
        }
        for other in others.iter().filter(|other| other.knows(storage)) {
            let server = storage.name(other.name());
            match bench.measure_other(*other, storage, frame_bytes, progress).await {
                Ok(row) => rows.push(row),
                // Who is not there for one storage is not there for the other.
                Err(why) if left_out.iter().any(|known: &LeftOut| known.why == why) => {}
                Err(why) => left_out.push(LeftOut { server, why }),
            }
        }
    }
    Ok(Report {
        conditions: bench.conditions(),
        sessions: options.sessions,
        recipients: options.recipients,
        rows,
        left_out,
        violations,
    })
}

/// What all servers have in common.
struct Bench<'a> {
    options: &'a CompareOptions,
    programs: Programs,
    http: Http,
    cpus: Option<Cpus>,
}

impl<'a> Bench<'a> {
    fn new(options: &'a CompareOptions) -> Result<Self, String> {
        let gateway = options.gateway.clone().map_or_else(Programs::gateway_beside_tool, Ok)?;
        let programs = Programs { gateway, redis: options.redis.clone().unwrap_or_default() };
        Ok(Self { options, programs, http: Http::new(), cpus: Cpus::apart() })
    }

    fn conditions(&self) -> String {
        let CompareOptions { sessions, recipients, rate, fanout_rate, seconds, .. } = self.options;
        format!(
            "{sessions} WebSocket sessions, each of a user of its own; {rate} calls/s with one recipient, then {fanout_rate} with {recipients}, {seconds} s each\n\
             every server with one worker or on one core, each Redis with an append-only file; {}\n{}",
            Cpus::describe(self.cpus),
            machine()
        )
    }

    /// An empty Redis, where a storage is one.
    async fn redis(&self, storage: Storage) -> Result<Option<Redis>, String> {
        match storage {
            Storage::Memory => Ok(None),
            Storage::Redis => Redis::start(&self.programs).await.map(Some),
        }
    }

    fn keep_apart(&self, meter: &Meter) -> Result<(), String> {
        self.cpus.map_or(Ok(()), |cpus| cpus.keep_servers(&meter.ids()))
    }

    fn publish_options(&self, url: &BaseUrl, recipients: u32, rate: f64) -> PublishOptions {
        PublishOptions {
            target: Target { url: vec![url.clone()], jwt_secret: Some(SECRET.to_owned()) },
            api_key: API_KEY.to_owned(),
            sessions: self.options.sessions,
            online: 1.0,
            sse: 0.0,
            recipients,
            rows: vec![1],
            rate,
            seconds: self.options.seconds,
            text_bytes: self.options.text_bytes,
            find_limit: None,
            pid: Vec::new(),
            store_pid: Vec::new(),
            beside: Beside { floor: false, floor_workers: 1 },
            workers: Workers { sessions_per_worker: self.options.sessions },
            outputs: Outputs::default(),
        }
    }

    async fn measure_other(
        &self,
        other: Other,
        storage: Storage,
        frame_bytes: [f64; 2],
        progress: &Progress,
    ) -> Result<Row, String> {
        let (options, redis) = (self.options, self.redis(storage).await?);
        let address = redis.as_ref().map(|redis| redis.address);
        let name = other.name();
        match other {
            Other::Floor => {
                let floor = Floor::start(1).await?;
                self.measure(name, floor, redis, frame_bytes, progress).await
            }
            Other::Nchan => {
                let nchan = Nchan::start(&options.nginx, &options.nchan, address, options.recipients).await?;
                self.measure(name, nchan, redis, frame_bytes, progress).await
            }
            Other::Socketio => {
                let socketio = SocketIo::start(&options.node, &options.socketio, address).await?;
                self.measure(name, socketio, redis, frame_bytes, progress).await
            }
            Other::Centrifugo => {
                let centrifugo = Centrifugo::start(&options.centrifugo, address).await?;
                self.measure(name, centrifugo, redis, frame_bytes, progress).await
            }
        }
    }

    async fn measure<P: Peer>(
        &self,
        server: &str,
        peer: P,
        redis: Option<Redis>,
        [one_bytes, many_bytes]: [f64; 2],
        progress: &Progress,
    ) -> Result<Row, String> {
        let meter = Meter::new(peer.ids(), redis.as_ref());
        self.keep_apart(&meter)?;
        let storage = if redis.is_some() { Storage::Redis } else { Storage::Memory };
        let (options, peer, name) = (self.options, Arc::new(peer), storage.name(server));
        let progress = &progress.of(&name);
        let before = meter.look()?;
        let audience = Audience::open(&peer, &self.http, options.sessions, progress).await?;
        let (idle, idle_redis) = meter.costs(&before, options.sessions).await?;
        let phase = async |recipients, rate, frame_bytes| {
            let caller = audience.caller(recipients, frame_bytes).await?;
            let options = self.publish_options(peer.url(), recipients, rate);
            let processes = Processes { name: &name, servers: &meter.ids(), stores: &[] };
            play(&options, rate, &caller, &audience.crowd, processes).await
        };
        let one = phase(1, options.rate, one_bytes).await?;
        let many = phase(options.recipients, options.fanout_rate, many_bytes).await?;
        if let Some(redis) = &redis
            && redis.command("DBSIZE").await?.starts_with(":0")
        {
            return Err("it has kept nothing in its Redis".to_owned());
        }
        let lacks = P::LACKS.to_owned();
        Ok(Row { server: server.to_owned(), storage, idle, idle_redis, one, many, lacks })
    }
}
