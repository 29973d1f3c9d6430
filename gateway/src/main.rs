//! Wires a node together and runs it.

use conversation_gateway::{
    config::{Config, Listener, Mode},
    drain,
    node::Node,
    server::serve,
    traces,
};
use std::{io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};
use tikv_jemallocator::Jemalloc;
use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

/// A change of a row makes and drops dozens of small values on whichever thread it comes in; see docs/decisions/0018.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What the HTTP service takes for errors is what clients send, and nobody could stop them from filling the log with it;
/// a directive of --log by the same name overrules this one.
const QUIET: &str = "actix_http=off";

fn main() -> ExitCode {
    let (config, command, matches) = Config::from_process();
    if let Some(command) = command {
        return command.run(&config, &matches);
    }
    let filter = match format!("{QUIET},{}", config.log).parse::<tracing_subscriber::EnvFilter>() {
        Ok(filter) => filter,
        Err(error) => return fail(&format!("--log {:?}: expected tracing directives like info: {error}", config.log)),
    };
    let is_terminal = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal);
    log.finish().with(filter_fn(is_safe)).init();
    let background = match tokio::runtime::Builder::new_multi_thread().thread_name("background").enable_all().build() {
        Ok(background) => background,
        Err(error) => return fail(&error.to_string()),
    };
    let result = actix_web::rt::System::new().block_on(run(config, background.handle()));
    traces::stop();
    background.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Libraries are heard from info up: below it they repeat what clients sent.
fn is_safe(metadata: &tracing::Metadata<'_>) -> bool {
    let is_ours = ["gateway", "conversation_"].iter().any(|name| metadata.target().starts_with(name));
    is_ours || *metadata.level() <= tracing::Level::INFO
}

fn fail(message: &str) -> ExitCode {
    eprintln!("gateway: {message}");
    ExitCode::FAILURE
}

async fn run(config: Config, background: &tokio::runtime::Handle) -> Result<(), Box<dyn std::error::Error>> {
    let mode = config.mode()?;
    traces::start(&config)?;
    let (listen, internal_listen, store_url) = (config.listen, config.internal_listen, config.store.clone());
    let workers = match config.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let node = background
        .spawn(async move {
            let open = conversation_store::open(&store_url).await;
            let store = open.map_err(|error| format!("--store: {error}"))?;
            Node::start(config, mode, store).map_err(|error| error.to_string())
        })
        .await??;
    let public = if internal_listen.is_some() { Listener::Public } else { Listener::Single };
    let mut servers = vec![serve(&node, public, listen, workers, node.config.max_sessions)?];
    if let Some(address) = internal_listen {
        servers.push(serve(&node, Listener::Internal, address, 1, 1_024)?);
    }
    greet(&node, listen);
    let handles: Vec<_> = servers.iter().map(actix_web::dev::Server::handle).collect();
    let serving = futures_util::future::try_join_all(servers);
    let signalled = drain::on_signal(node.clone());
    tokio::select! {
        result = serving => result.map(|_| ())?,
        result = signalled => result?,
    }
    for handle in handles {
        handle.stop(false).await;
    }
    node.fanout.stop().await;
    Ok(())
}

/// Tells who started the gateway what to do next.
fn greet(node: &Node, listen: SocketAddr) {
    tracing::info!(%listen, store = node.config.shown_store(), mode = ?node.mode, "listening");
    if node.mode == Mode::Production {
        return;
    }
    println!(
        r#"
  Development mode: anybody on this machine gets a token, and the API key is "dev".

  See it        http://{listen}/
  A token       curl 'http://{listen}/dev/token?user=bob'
  Send a message to bob:

curl http://{listen}/server/v1/sendMessage -H 'Authorization: Bearer dev' -d '{{
  "conversation": {{"type": 1}}, "sender": "alice", "recipients": ["bob"],
  "message": {{"msgID": "m1", "seq": 1, "timestamp": 1795373813, "text": "Hello Bob"}},
  "profiles": {{"alice": {{"showName": "Alice"}}, "bob": {{"showName": "Bob"}}}}
}}'
"#
    );
}
