//! The floor: the least that a push server can do on the same actix-ws. It has no store and no state, checks no token,
//! replays nothing; so what the gateway costs beyond it is what the gateway's promises cost.

mod process;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use actix_ws::{Message, Session};
use bytes::Bytes;
use clap::Args;
use dashmap::DashMap;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, sync::Arc};

pub(crate) use process::Floor;

/// Bytes of a published body.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The subprotocol that clients offer.
const SUBPROTOCOL: &str = "conversations.v1";
/// Connections that wait to be accepted.
const BACKLOG: u32 = 4_096;

/// How the floor is started.
#[derive(Debug, Clone, Args)]
pub struct FloorOptions {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// Threads that serve connections; 0: one per core.
    #[arg(long, default_value_t = 0)]
    pub workers: usize,
}

/// Whether the floor is measured beside a server.
#[derive(Debug, Clone, Args)]
pub struct Beside {
    /// Measures the floor too, after the gateway: the same work on the least that a server on actix-ws can be.
    #[arg(long)]
    pub floor: bool,
    /// Threads of the floor; 0: one per core.
    #[arg(long, default_value_t = 0)]
    pub floor_workers: usize,
}

/// What `POST /publish` takes: a frame for each of some clients, its name and the text.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Publish {
    pub(crate) recipients: Vec<String>,
    pub(crate) text: String,
}

/// Who is connected, by name.
type Sessions = Arc<DashMap<String, Session>>;

#[derive(Deserialize)]
struct Query {
    /// The name: where the gateway has a device.
    device: String,
}

/// Serves until the process is ended.
///
/// # Errors
/// Where it cannot listen.
pub fn floor(options: &FloorOptions) -> std::io::Result<()> {
    let sessions = Sessions::default();
    actix_web::rt::System::new().block_on(async {
        let data = web::Data::new(sessions);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
                .route("/healthz", web::get().to(async || "alive\n"))
                .route("/v1/ws", web::get().to(upgrade))
                .route("/publish", web::post().to(publish))
        });
        let server = if options.workers > 0 { server.workers(options.workers) } else { server };
        server.max_connections(1 << 20).backlog(BACKLOG).tcp_nodelay(true).bind(options.listen)?.run().await
    })
}

async fn upgrade(
    sessions: web::Data<Sessions>,
    request: HttpRequest,
    query: web::Query<Query>,
    payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, mut session, mut messages) = actix_ws::handle_with_protocols(&request, payload, &[SUBPROTOCOL])?;
    let name = query.into_inner().device;
    sessions.insert(name.clone(), session.clone());
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                Message::Ping(bytes) if session.pong(&bytes).await.is_err() => break,
                Message::Close(_) => break,
                _ => {}
            }
        }
        sessions.remove(&name);
        let _ = session.close(None).await;
    });
    Ok(response)
}

/// Answers to how many clients it went.
async fn publish(sessions: web::Data<Sessions>, body: Bytes) -> HttpResponse {
    let Ok(Publish { recipients, text }) = serde_json::from_slice(&body) else {
        return HttpResponse::BadRequest().body("expected recipients and a text\n");
    };
    let mut sent = 0;
    for name in recipients {
        let session = sessions.get(&name).map(|session| session.clone());
        if let Some(mut session) = session
            && session.text(frame(&name, &text)).await.is_ok()
        {
            sent += 1;
        }
    }
    HttpResponse::Ok().json(serde_json::json!({ "sent": sent }))
}

/// A frame of its own for each client.
fn frame(name: &str, text: &str) -> String {
    format!(r#"{{"to":"{name}","text":"{text}"}}"#)
}

/// Bytes of a frame without its text.
pub(crate) fn frame_bytes_without_text(name: &str) -> usize {
    frame(name, "").len()
}
