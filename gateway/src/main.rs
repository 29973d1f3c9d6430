//! Wires a node together and runs it.

use conversation_gateway::{
    config::{Config, Listener, Mode},
    drain,
    logs::{self, LogFilter},
    node::Node,
    reload,
    server::serve,
    traces,
};
use std::{net::SocketAddr, process::ExitCode, time::Duration};
use tikv_jemallocator::Jemalloc;

/// A change of a row makes and drops dozens of small values on whichever thread it comes in; see docs/decisions/0018.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let (config, command, matches) = Config::from_process();
    if let Some(command) = command {
        return command.run(&config, &matches);
    }
    let filter = match logs::start(&config) {
        Ok(filter) => filter,
        Err(error) => return fail(&error.to_string()),
    };
    let background = match tokio::runtime::Builder::new_multi_thread().thread_name("background").enable_all().build() {
        Ok(background) => background,
        Err(error) => return fail(&error.to_string()),
    };
    let result = actix_web::rt::System::new().block_on(run(config, filter, background.handle()));
    traces::stop();
    background.shutdown_timeout(Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("gateway: {message}");
    ExitCode::FAILURE
}

async fn run(
    config: Config,
    filter: LogFilter,
    background: &tokio::runtime::Handle,
) -> Result<(), Box<dyn std::error::Error>> {
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
    reload::start(&node, filter)?;
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
