//! Holds every request against the limits of the address that it comes from.

use super::{Address, Place};
use crate::{config::Listener, node::Node, request::error_response};
use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header::HeaderMap},
    middleware::Next,
    web,
};
use bytes::Bytes;
use conversation_protocol::ApiError;
use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// Marks a connection that is one too many.
pub struct SurplusConnection;

/// Who is behind a request, for whoever authenticates.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub Address);

/// Why a WebSocket must be refused, once it stands: a browser cannot see the status of an upgrade.
#[derive(Debug, Clone)]
pub struct OverLimit(pub ApiError);

/// Lets a request pass if its address may do more, and counts it if it is refused for who sends it.
pub async fn limit(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    // What may reach the internal address is trusted.
    if request.app_data::<Listener>() == Some(&Listener::Internal) {
        return next.call(request).await;
    }
    let node = request.app_data::<web::Data<Arc<Node>>>().cloned();
    let (Some(node), Some(peer)) = (node, request.peer_addr()) else { return next.call(request).await };
    let is_surplus = request.conn_data::<SurplusConnection>().is_some();
    let Some(Judged { address, place, outcome }) =
        judge(&node, peer.ip(), request.headers(), request.path(), is_surplus)
    else {
        return next.call(request).await;
    };
    if let Err(error) = outcome {
        if request.path() != "/v1/ws" {
            if is_surplus || request.path() == "/v1/events" {
                node.refusals.tell("http", &format!("{:?}", error.kind), Some(address));
            }
            let mut response = error_response(&error);
            response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
            return Ok(request.into_response(response));
        }
        request.extensions_mut().insert(OverLimit(error));
    }
    request.extensions_mut().insert(ClientAddress(address));
    let response = next.call(request).await?;
    if response.status() == StatusCode::UNAUTHORIZED {
        node.addresses.authentication_refused(address);
    }
    Ok(match place {
        None => response,
        Some(place) => response.map_body(|_, body| BoxBody::new(Held { body, _place: place })),
    })
}

/// Whom a request comes from, and whether that address may do more.
pub struct Judged {
    /// The client's address.
    pub address: Address,
    /// Its place among the open connections of that address, where a proxy stands between; held as long as it is served.
    pub place: Option<Place>,
    /// An error says what it did too much.
    pub outcome: Result<(), ApiError>,
}

/// Judges a request by its address; `None` for a proxy's own requests, which are not limited.
pub fn judge(node: &Node, peer: IpAddr, headers: &HeaderMap, path: &str, is_surplus: bool) -> Option<Judged> {
    let addresses = &node.addresses;
    let limits = addresses.limits.load();
    let is_forwarded = limits.proxies.trusts(peer);
    let client = if is_forwarded { limits.proxies.client(peer, headers)? } else { peer };
    let address = Address::from(client);
    let place = if is_forwarded { addresses.place(client).map(|(place, _)| place) } else { None };
    let is_surplus = is_surplus || place.as_ref().is_some_and(Place::is_surplus);
    Some(Judged { address, place, outcome: admit(node, address, is_surplus, path) })
}

fn admit(node: &Node, address: Address, is_surplus: bool, path: &str) -> Result<(), ApiError> {
    if ["/healthz", "/readyz", "/metrics"].contains(&path) {
        return Ok(());
    }
    if is_surplus {
        return Err(node.addresses.surplus());
    }
    node.addresses.check_refusals(address)?;
    // A backend calls as often as it must.
    if path.starts_with("/server/v1/") { Ok(()) } else { node.addresses.take_request(address) }
}

/// The body of an answer, which holds a place until it is taken.
struct Held {
    body: BoxBody,
    _place: Place,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
