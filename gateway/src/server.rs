//! How a listener serves: connections are taken, watched over, and handed to the HTTP service.

pub mod watchdog;

use crate::{
    addresses::limit::{self, SurplusConnection},
    config::{Listener, WebSocketDriver},
    http,
    node::Node,
    request_id,
    transport::lean,
};
use actix_http::{HttpService, error::DispatchError};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{App, dev::AppConfig, middleware::from_fn, rt::net::TcpStream, web};
use futures_util::TryFutureExt;
use std::{future::ready, io, net::SocketAddr, sync::Arc, time::Duration};
use watchdog::{Timeouts, Watched};

/// Bytes of a connection's write buffer: small, as most frames are.
const WRITE_BUFFER_BYTES: usize = 8 * 1024;
/// Bytes that the system keeps for a client that has no room for them. By default it keeps megabytes, and says that there is
/// room for more only after a third of them is gone: a slow client would seem to take nothing for minutes.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 256 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;
/// Connections of a worker beyond those that its sessions need.
const SPARE_CONNECTIONS: usize = 1_024;
/// How long a connection without a request is kept for the next one.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long a client that was answered early may go on sending before it is cut.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves an address until the server is stopped.
///
/// # Errors
/// Says why the address cannot be listened on.
pub fn serve(
    node: &Arc<Node>,
    listener: Listener,
    address: SocketAddr,
    workers: usize,
    connections_max: usize,
) -> Result<Server, String> {
    let node = node.clone();
    let server = ServerBuilder::default()
        .workers(workers)
        // Above its limit a worker stops accepting without a word, so it must never be reached before ours.
        .max_concurrent_connections(connections_max + SPARE_CONNECTIONS)
        .backlog(BACKLOG)
        .disable_signals()
        .bind("gateway", address, move || service(&node, listener))
        .map_err(|error| format!("--listen {address}: cannot listen there: {error}"))?;
    Ok(server.run())
}

/// What a worker does with each connection.
fn service(
    node: &Arc<Node>,
    listener: Listener,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<> {
    let app = App::new()
        .app_data(web::Data::new(node.clone()))
        .app_data(listener)
        .wrap(from_fn(limit::limit))
        .wrap(from_fn(http::guard))
        .wrap(from_fn(request_id::name))
        .wrap(from_fn(watchdog::watch))
        .configure(http::routes(listener, node.mode))
        .into_factory()
        .map_err(|error| error.error_response());
    let timeouts = node.config.timeouts();
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        // It knows of a connection's first request alone; the watchdog, of all.
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .h1_allow_half_closed(false)
        .h1_write_buffer_size(WRITE_BUFFER_BYTES)
        .on_connect_ext(|connection: &Watched<TcpStream>, data| {
            data.insert(connection.watch().clone());
            if connection.is_surplus() {
                data.insert(SurplusConnection);
            }
        })
        .h1(map_config(app, |()| AppConfig::default()))
        .upgrade(upgrades(node, listener));
    let node = node.clone();
    fn_service(move |stream| ready(accept(&node, listener, timeouts, stream))).and_then(http)
}

/// What takes requests to upgrade away from the HTTP service, where something does.
fn upgrades(
    node: &Arc<Node>,
    listener: Listener,
) -> Option<
    impl ServiceFactory<lean::Handed, Config = (), Response = (), Error = actix_web::Error, InitError = ()> + use<>,
> {
    let is_lean = listener != Listener::Internal && node.config.websocket == WebSocketDriver::Lean;
    let node = node.clone();
    is_lean.then(|| {
        fn_service(move |handed: lean::Handed| {
            // In a box: every connection has room for what is done here, be it a WebSocket or not.
            Box::pin(lean::upgrade(node.clone(), handed)).map_err(actix_web::Error::from)
        })
    })
}

fn accept(
    node: &Node,
    listener: Listener,
    timeouts: Timeouts,
    stream: TcpStream,
) -> Result<(Watched<TcpStream>, Option<SocketAddr>), DispatchError> {
    stream.set_nodelay(true)?;
    // Other systems are for development alone.
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    let peer = stream.peer_addr()?;
    let place = match listener {
        Listener::Internal => None,
        Listener::Single | Listener::Public => {
            let place = node.addresses.connect(peer.ip());
            place.map_err(|_| {
                node.refusals.tell("tcp", "address_flood", Some(peer.ip().into()));
                io::Error::from(io::ErrorKind::ConnectionRefused)
            })?
        }
    };
    Ok((Watched::new(stream, timeouts, node.metrics.clone(), place), Some(peer)))
}
