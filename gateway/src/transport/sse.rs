//! Server-sent events: the stream, and the task that gives its session the time.

use super::{
    Transport,
    outbox::{Ending, Outbox, OutboxBody},
    sleep_until,
};
use crate::{
    addresses::limit::ClientAddress,
    clock,
    live::LiveSession,
    node::Node,
    request::{ConnectQuery, error_response},
    session::Input,
};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::BoxBody,
    http::header::{self, ContentEncoding},
    web,
};
use conversation_protocol::{ApiError, ErrorKind};
use std::{sync::Arc, time::Duration};
use tokio::time;

/// How long an ending stream may take to write what is left.
const LINGER: Duration = Duration::from_secs(5);

/// `GET /v1/events`.
pub async fn events(node: web::Data<Arc<Node>>, query: ConnectQuery, request: HttpRequest) -> HttpResponse {
    let node = node.get_ref().clone();
    match open(&node, &query, &request).await {
        Ok(Some((session, outbox))) => {
            actix_web::rt::spawn(live(node, session, outbox.clone()));
            HttpResponse::Ok()
                .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header(("x-accel-buffering", "no"))
                .insert_header(ContentEncoding::Identity)
                .body(BoxBody::new(OutboxBody::new(outbox)))
        }
        // 204 stops an EventSource for good.
        Ok(None) => HttpResponse::NoContent().finish(),
        Err(error) => {
            node.metrics.connections.refusals.with_label_values(&["sse"]).inc();
            // Without the message, which may repeat what the client sent.
            let address = request.extensions().get::<ClientAddress>().map(|client| client.0);
            node.refusals.tell(Transport::Sse.name(), &format!("{:?}", error.kind), address);
            error_response(&error)
        }
    }
}

type Opened = (Arc<LiveSession>, Arc<Outbox>);

/// Admits a session; `None`: its token was kicked.
async fn open(node: &Arc<Node>, query: &ConnectQuery, request: &HttpRequest) -> Result<Option<Opened>, ApiError> {
    if !node.in_force().origins.allows(request.headers()) {
        return Err(ApiError::new(ErrorKind::Forbidden, "this Origin is not allowed"));
    }
    let token = query.token(request.headers())?;
    let token = token.ok_or_else(|| {
        ApiError::new(ErrorKind::NotAuthenticated, "token: expected Authorization: Bearer or ?token=")
    })?;
    let identity = node.in_force().authenticator.identify(&token).await?;
    let mut opening = query.opening()?;
    if let Some(last) = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()) {
        opening.since = last.parse().ok();
    }
    if node.head(&identity.user).await?.is_kicked(opening.device.as_ref(), identity.issued_at_us) {
        return Ok(None);
    }
    let outbox = Arc::new(Outbox::default());
    // The client sees at once that the stream stands; an admitted session may already be writing.
    outbox.write(|bytes| Transport::Sse.encode_comment(bytes));
    let session = node.admit(&identity, opening, Transport::Sse, outbox.clone())?;
    Ok(Some((session, outbox)))
}

async fn live(node: Arc<Node>, session: Arc<LiveSession>, outbox: Arc<Outbox>) {
    while outbox.ending() == Ending::Open {
        let tick_at = session.arm_tick().map(clock::instant);
        tokio::select! {
            () = outbox.wake.notified() => {}
            () = sleep_until(tick_at) => session.input(Input::Tick),
        }
    }
    let deadline = clock::instant(clock::monotonic() + LINGER);
    while outbox.ending() != Ending::Gone {
        tokio::select! {
            () = outbox.wake.notified() => {}
            () = time::sleep_until(deadline) => {
                outbox.abort();
                break;
            }
        }
    }
    node.dismiss(&session);
}
