//! The load tool's command line.

use clap::{Args, Parser, Subcommand};
use conversation_loadtest::{
    burst::{BurstOptions, burst},
    client::{ClientOptions, connection::Transport},
    cluster::attended::{ClusterOptions, cluster},
    compare::{CompareOptions, compare},
    crowd,
    faults::{Conditions, FaultOptions, Outcome, Scenario, elapsed_seconds, faults, write_table},
    floor::{FloorOptions, floor},
    http::Http,
    idle::{IdleOptions, idle},
    processes::Programs,
    progress::Progress,
    publish::{PublishOptions, publish},
    reconnect::{ReconnectOptions, reconnect},
    report::{Outputs, conclude, write_json},
    rolling::{RollingOptions, rolling},
    run::{RunOptions, run},
    soak::{SoakOptions, soak},
    tail::tail,
    target::Target,
};
use conversation_protocol::{Cursor, UserId};
use std::{path::PathBuf, process::ExitCode};

/// Loads a conversation gateway and checks everything that it promises.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Opens sessions, publishes, cuts and resumes, and checks every promise; exits with 1 if one was broken.
    Run(RunArguments),
    /// Opens sessions without rows and tells what each costs, beside the floor if wanted.
    Idle(IdleOptions),
    /// Sends messages at a fixed rate and tells what a delivery costs and how long it takes, beside the floor if wanted.
    Publish(PublishOptions),
    /// Gives the same work to other push servers and tells what it costs them and the gateway; exits with 1 if a promise was broken.
    Compare(CompareOptions),
    /// Sends many messages to one group, some of whose members read slowly or not at all; exits with 1 if a promise was broken.
    Burst(BurstOptions),
    /// Drops many sessions at once and lets them come back at once; exits with 1 if a promise was broken.
    Reconnect(ReconnectOptions),
    /// Loads for long, and looks whether memory and descriptors stay flat; exits with 1 if not, or if a promise was broken.
    Soak(SoakOptions),
    /// Starts three gateways on one Redis behind HAProxy, keeps them running, and tells what to try; ends them on Ctrl-C.
    Cluster(ClusterOptions),
    /// Restarts three gateways behind HAProxy one after the other, and kills one; exits with 1 if a promise was broken.
    Rolling(RollingOptions),
    /// Starts gateways and a Redis of its own, breaks them under load, and checks that everything heals.
    Faults(FaultArguments),
    /// Prints the frames of one session as they come.
    Tail(TailArguments),
    /// Is the least that a push server on actix-ws can be, to compare with.
    Floor(FloorOptions),
    /// Has sessions of another process of this tool, which tells it what to do.
    #[command(hide = true)]
    Worker(WorkerArguments),
}

#[derive(Args)]
struct RunArguments {
    #[command(flatten)]
    target: Target,
    /// The backend's API key.
    #[arg(long, default_value = "dev")]
    api_key: String,
    /// Sessions to open; some users have several.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sessions: u32,
    /// Calls a second, made when they are due whatever became of earlier ones.
    #[arg(long, default_value_t = 100.0)]
    rate: f64,
    /// Seconds of calls.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Rows of each user, about.
    #[arg(long, default_value_t = 8)]
    conversations: usize,
    /// Members of each group.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    recipients_per_message: u32,
    /// The share of the sessions that is cut and resumed each second.
    #[arg(long, default_value_t = 0.0)]
    churn: f64,
    /// The share of the sessions that use SSE.
    #[arg(long, default_value_t = 0.0)]
    sse: f64,
    /// The server may be killed and started again during the run.
    #[arg(long)]
    tolerate_restart: bool,
    /// Seconds that clients have to agree with the server once it is quiet.
    #[arg(long, default_value_t = 60.0)]
    quiet_seconds: f64,
    /// A process of the server to measure; may be given several times.
    #[arg(long)]
    pid: Vec<u32>,
    /// What the random choices begin with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the ids of users and groups begin with, 1 to 32 letters and digits: `<name>-u0` is the first user, whom others may
    /// connect too. A name is good for one run on a store.
    #[arg(long, value_parser = run_name)]
    name: Option<String>,
    /// Where the report is written.
    #[command(flatten)]
    outputs: Outputs,
}

#[derive(Args)]
struct TailArguments {
    #[command(flatten)]
    target: Target,
    /// Whose session.
    #[arg(long)]
    user: UserId,
    /// The cursor to begin with.
    #[arg(long)]
    since: Option<Cursor>,
    /// The device's name.
    #[arg(long)]
    device: Option<String>,
    /// SSE instead of WebSocket.
    #[arg(long)]
    sse: bool,
}

#[derive(Args)]
struct WorkerArguments {
    /// When the run began, by the clock that both processes share.
    #[arg(long)]
    began_us: u64,
    /// Sessions to have, at most.
    #[arg(long)]
    sessions: usize,
}

#[derive(Args)]
struct FaultArguments {
    /// The gateway's binary; without it the one beside this tool.
    #[arg(long)]
    gateway: Option<PathBuf>,
    /// The server of Redis or Valkey.
    #[arg(long, default_value = "redis-server")]
    redis: PathBuf,
    /// Scenarios, separated by commas; without it all.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// A few scenarios with small loads, in about a minute.
    #[arg(long)]
    short: bool,
    /// A document whose table is written.
    #[arg(long)]
    report: Option<PathBuf>,
    /// A file for the outcomes as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// What the random choices begin with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        // It has a runtime of its own kind.
        Command::Floor(options) => {
            let done = floor(&options).map(|()| ExitCode::SUCCESS);
            code_of(done.map_err(|error| format!("{}: {error}", options.listen)))
        }
        command => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime can be made").block_on(run_in(command))
        }
    }
}

async fn run_in(command: Command) -> ExitCode {
    let progress = Progress::on_stderr();
    match command {
        Command::Idle(options) => conclude(idle(&options, &progress).await, &options.outputs),
        Command::Publish(options) => conclude(publish(&options, &progress).await, &options.outputs),
        Command::Compare(options) => conclude(compare(&options, &progress).await, &options.outputs),
        Command::Floor(_) => unreachable!("it was started above"),
        Command::Run(arguments) => run_command(arguments, &progress).await,
        Command::Burst(options) => conclude(burst(&options, &progress).await, &options.outputs),
        Command::Reconnect(options) => conclude(reconnect(&options, &progress).await, &options.outputs),
        Command::Soak(options) => conclude(soak(&options, &progress).await, &options.outputs),
        Command::Rolling(options) => {
            let outputs = Outputs { json: options.json.clone(), ..Outputs::default() };
            conclude(rolling(&options, &progress).await, &outputs)
        }
        Command::Worker(WorkerArguments { began_us, sessions }) => {
            code_of(crowd::work(began_us, sessions).await.map(|()| ExitCode::SUCCESS))
        }
        Command::Cluster(options) => code_of(cluster(&options).await.map(|()| ExitCode::SUCCESS)),
        Command::Faults(arguments) => code_of(faults_command(arguments, &progress).await),
        Command::Tail(arguments) => {
            let (target, http) = (arguments.target, Http::new());
            let tokens = target.tokens();
            let options = ClientOptions {
                device: arguments.device,
                transport: if arguments.sse { Transport::EventStream } else { Transport::WebSocket },
                since: arguments.since,
                ..ClientOptions::of(arguments.user, target.url, tokens, http)
            };
            eprintln!("{}", tail(options).await);
            ExitCode::FAILURE
        }
    }
}

fn run_name(name: &str) -> Result<String, String> {
    let is_plain = (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| name.to_owned()).ok_or_else(|| "expected 1 to 32 letters and digits".to_owned())
}

/// An exit code, or 2 for what could not be done, which is told.
fn code_of(done: Result<ExitCode, impl std::fmt::Display>) -> ExitCode {
    done.unwrap_or_else(|problem| {
        eprintln!("{problem}");
        ExitCode::from(2)
    })
}

async fn run_command(arguments: RunArguments, progress: &Progress) -> ExitCode {
    let options = RunOptions {
        sessions: arguments.sessions as usize,
        rate: arguments.rate.max(0.0),
        seconds: arguments.seconds.max(0.0),
        tokens: arguments.target.tokens(),
        urls: arguments.target.url,
        api_key: arguments.api_key,
        conversations: arguments.conversations.max(1),
        recipients: arguments.recipients_per_message as usize,
        churn: arguments.churn,
        sse: arguments.sse,
        tolerate_restart: arguments.tolerate_restart,
        quiet_seconds: arguments.quiet_seconds,
        pids: arguments.pid,
        seed: arguments.seed,
        name: arguments.name,
    };
    conclude(run(&options, progress).await, &arguments.outputs)
}

async fn faults_command(arguments: FaultArguments, progress: &Progress) -> Result<ExitCode, String> {
    let gateway = arguments.gateway.map_or_else(Programs::gateway_beside_tool, Ok)?;
    let scenarios = match (arguments.only.is_empty(), arguments.short) {
        (false, _) => arguments.only,
        (true, true) => Scenario::SHORT.to_vec(),
        (true, false) => Scenario::ALL.to_vec(),
    };
    let options = FaultOptions {
        programs: Programs { gateway, redis: arguments.redis },
        scenarios,
        is_short: arguments.short,
        seed: arguments.seed,
    };
    let conditions = Conditions::of(&options);
    println!("{conditions}");
    let outcomes = faults(&options, progress, |outcome| println!("{:>5.0} s  {outcome}", elapsed_seconds())).await;
    if let Some(path) = arguments.report {
        write_table(&path, &conditions, &outcomes)?;
    }
    if let Some(path) = arguments.json {
        write_json(&path, &serde_json::json!({"conditions": conditions, "outcomes": outcomes}))?;
    }
    let is_good = outcomes.iter().all(Outcome::is_good);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
