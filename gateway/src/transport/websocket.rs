//! WebSocket: the upgrade, and the task that reads a client's frames and answers its calls.

use super::{
    Transport, encode_websocket, encode_websocket_close, encode_websocket_text,
    incoming::{Incoming, Message, Unreadable},
    outbox::{Ending, Outbox, OutboxBody},
    sleep_until,
};
use crate::{
    addresses::limit::{ClientAddress, OverLimit},
    api::{self, Caller},
    auth::Identity,
    clock,
    live::{LiveSession, Opening},
    node::Node,
    rate::SessionRate,
    request::{ConnectQuery, error_response},
    session::Input,
};
use actix_http::ws;
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    body::BoxBody,
    dev::Payload,
    http::header::{self, HeaderMap, HeaderValue},
    web,
};
use bytes::Bytes;
use conversation_protocol::{
    ApiError, CloseCode, ErrorKind,
    limits::{AUTHENTICATE_TIMEOUT_MS, CALLS_IN_FLIGHT_MAX, MALFORMED_FRAMES_MAX, MALFORMED_FRAMES_WINDOW_MS},
    method::{AuthenticateParams, ClientCall, Request, encode_reply, parse_params},
};
use futures_util::Stream;
use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio::time;

/// The subprotocol that a client may offer.
pub(super) const SUBPROTOCOL: &str = "conversations.v1";
/// How long a closing connection may take to write what is left.
const LINGER: Duration = Duration::from_secs(5);
/// RFC 6455: a protocol error.
const CLOSE_PROTOCOL: u16 = 1002;
/// RFC 6455: text that is not UTF-8.
const CLOSE_NOT_UTF8: u16 = 1007;

/// `GET /v1/ws`.
pub async fn upgrade(
    node: web::Data<Arc<Node>>,
    query: ConnectQuery,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let node = node.get_ref().clone();
    // The library's own reader would keep all of a frame before it looks at its length, so it gets nothing to read.
    let nothing = web::Payload::from_request(&request, &mut Payload::None).await?;
    let (response, _, _) = match actix_ws::handle_with_protocols(&request, nothing, &[SUBPROTOCOL]) {
        Ok(handshake) => handshake,
        Err(error) => return Ok(no_websocket(&error)),
    };
    let outbox = Arc::new(Outbox::default());
    let body = OutboxBody::new(outbox.clone());
    let response = response.map_body(|_, _| BoxBody::new(body));
    let address = request.extensions().get::<ClientAddress>().copied();
    let over_limit = request.extensions().get::<OverLimit>().cloned();
    let first = Greeting::read(&node, request.headers(), &query, over_limit);
    let connection = Connection { node, address, outbox, messages: Incoming::new(payload) };
    actix_web::rt::spawn(connection.run(first));
    Ok(response)
}

/// The answer to a request that is no handshake.
pub(super) fn no_websocket(error: &dyn std::fmt::Display) -> HttpResponse {
    let mut response = error_response(&ApiError::invalid(format!("expected a WebSocket: {error}")));
    response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

/// What the upgrade request said.
pub(super) struct Greeting {
    over_limit: Option<OverLimit>,
    is_origin_allowed: bool,
    token: Result<Option<String>, ApiError>,
    opening: Result<Opening, ApiError>,
}

impl Greeting {
    pub(super) fn read(node: &Node, headers: &HeaderMap, query: &ConnectQuery, over_limit: Option<OverLimit>) -> Self {
        let (token, opening) = (query.token(headers), query.opening());
        Self { over_limit, is_origin_allowed: node.in_force().origins.allows(headers), token, opening }
    }
}

/// One WebSocket.
pub(super) struct Connection<S> {
    pub(super) node: Arc<Node>,
    pub(super) address: Option<ClientAddress>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) messages: Incoming<S>,
}

/// A call that is under way; answers the text of its reply.
type RunningCall = Pin<Box<dyn Future<Output = String>>>;

impl<S, E> Connection<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::error::Error + Send + Sync + 'static,
{
    /// Serves the client until the connection has ended.
    pub(super) async fn run(mut self, greeting: Greeting) {
        // In a box: what is needed to let a client in is much, and is over soon.
        match Box::pin(self.greet(greeting)).await {
            Ok(session) => {
                self.live(&session).await;
                self.drain().await;
                self.node.dismiss(&session);
            }
            Err(Some(refusal)) => {
                self.node.metrics.connections.refusals.with_label_values(&[refusal.code.name()]).inc();
                // Without the reason, which may repeat what the client sent.
                let address = self.address.map(|client| client.0);
                self.node.refusals.tell(Transport::WebSocket.name(), refusal.code.name(), address);
                self.close(refusal.code.code(), &refusal.reason);
                self.drain().await;
            }
            Err(None) => self.drain().await,
        }
    }

    /// Checks origin and token and admits the session; an error says how to close, unless the client is gone.
    async fn greet(&mut self, greeting: Greeting) -> Result<Arc<LiveSession>, Option<Refusal>> {
        if !greeting.is_origin_allowed {
            return Err(Refusal::of(CloseCode::Forbidden, "this Origin is not allowed"));
        }
        if let Some(OverLimit(error)) = greeting.over_limit {
            return Err(Refusal::of(CloseCode::Overloaded, &error.message));
        }
        let mut opening = match greeting.opening {
            Ok(opening) => opening,
            Err(error) => return Err(Refusal::of(CloseCode::ProtocolError, &error.message)),
        };
        let token = greeting.token.map_err(|error| Refusal::of(CloseCode::Unauthenticated, &error.message))?;
        let (identity, reply_to) = match token {
            Some(token) => (self.identify(&token).await?, None),
            None => {
                let timeout = Duration::from_millis(AUTHENTICATE_TIMEOUT_MS);
                let request = match time::timeout(timeout, self.first_request()).await {
                    Ok(request) => request?,
                    Err(_) => return Err(Refusal::of(CloseCode::Unauthenticated, "expected authenticate in time")),
                };
                if request.method != "authenticate" {
                    return Err(Refusal::of(CloseCode::Unauthenticated, "expected authenticate before other calls"));
                }
                let params: AuthenticateParams = parse_params(request.params.as_deref().map_or("{}", |raw| raw.get()))
                    .map_err(|error| Refusal::of(CloseCode::Unauthenticated, &error.message))?;
                if let Some(since) = params.since {
                    opening.since = since.parse().ok();
                }
                (self.identify(&params.token).await?, Some(request.id))
            }
        };
        if let Some(id) = reply_to {
            let reply = encode_reply(Some(&id), &Ok(api::empty_result()));
            self.send(reply);
        }
        let admitted = self.node.admit(&identity, opening, Transport::WebSocket, self.outbox.clone());
        admitted.map_err(|error| Refusal::of(CloseCode::Overloaded, &error.message))
    }

    async fn identify(&self, token: &str) -> Result<Identity, Option<Refusal>> {
        let identity = self.node.in_force().authenticator.identify(token).await;
        identity.map_err(|error| {
            // A client must not give up for good where nobody can tell yet.
            if error.kind == ErrorKind::StoreUnavailable {
                return Refusal::of(CloseCode::Overloaded, &error.message);
            }
            if let Some(ClientAddress(address)) = self.address {
                self.node.addresses.authentication_refused(address);
            }
            Refusal::of(CloseCode::Unauthenticated, &error.message)
        })
    }

    /// The first call of a client that brought no token in its URL.
    async fn first_request(&mut self) -> Result<Request, Option<Refusal>> {
        loop {
            if !self.outbox.has_room() {
                return Err(Refusal::of(CloseCode::Unauthenticated, "expected authenticate before so many pings"));
            }
            match self.messages.next().await {
                Some(Ok(Message::Text(text))) => {
                    let request = Request::parse(&text);
                    return request.map_err(|error| Refusal::of(CloseCode::Unauthenticated, &error.message));
                }
                Some(Ok(Message::Ping(bytes))) => self.pong(bytes),
                Some(Ok(Message::Pong)) => {}
                Some(Ok(Message::Binary)) => {
                    return Err(Refusal::of(CloseCode::Unauthenticated, "expected authenticate as a text frame"));
                }
                Some(Ok(Message::Close(code))) => {
                    self.close(code, "");
                    return Err(None);
                }
                Some(Err(error)) => {
                    self.close_for(&error);
                    return Err(None);
                }
                None => return Err(None),
            }
        }
    }

    /// Serves a session until either side ends it.
    async fn live(&mut self, session: &Arc<LiveSession>) {
        let caller = Caller { user: session.user().clone(), session: Some(session.clone()) };
        let rate = SessionRate::new(self.node.in_force().config.call_units_per_second);
        let mut malformed = Malformed::default();
        let mut queue: VecDeque<(Request, ClientCall)> = VecDeque::new();
        let mut running: Option<RunningCall> = None;
        loop {
            if self.outbox.ending() != Ending::Open {
                return;
            }
            // Who asks for much and takes nothing is not heard until there is room again.
            let has_room = self.outbox.has_room();
            if running.is_none()
                && has_room
                && let Some((request, call)) = queue.pop_front()
            {
                running = Some(Box::pin(answer(self.node.clone(), caller.clone(), request, call)));
            }
            let tick_at = session.arm_tick().map(clock::instant);
            tokio::select! {
                message = self.messages.next(), if has_room => {
                    session.input(Input::Received);
                    let frame = match message {
                        Some(Ok(Message::Text(text))) => read_call(&text, &rate),
                        Some(Ok(Message::Binary)) => {
                            let error = ApiError::invalid("expected a text frame, got a binary one");
                            Err(Refused { request: None, error })
                        }
                        Some(Ok(Message::Ping(bytes))) => {
                            self.pong(bytes);
                            continue;
                        }
                        Some(Ok(Message::Pong)) => continue,
                        Some(Ok(Message::Close(code))) => return self.close(code, ""),
                        Some(Err(error)) => return self.close_for(&error),
                        None => return self.outbox.abort(),
                    };
                    match frame {
                        Ok(call) if queue.len() >= CALLS_IN_FLIGHT_MAX => {
                            let error = ApiError {
                                retry_after_ms: Some(100),
                                ..ApiError::new(ErrorKind::TooFrequent, "too many calls are under way")
                            };
                            self.send(encode_reply(Some(&call.0.id), &Err(error)));
                        }
                        Ok(call) => queue.push_back(call),
                        Err(Refused { request, error }) => {
                            if let Some(request) = &request {
                                api::count(&self.node, "client", &request.method, Some(&error));
                            }
                            self.send(encode_reply(request.as_ref().map(|request| &request.id), &Err(error)));
                            if request.is_none() && malformed.is_too_many() {
                                let code = CloseCode::ProtocolError;
                                self.node.metrics.connections.closes.with_label_values(&[code.name()]).inc();
                                return self.close(code.code(), "too many malformed frames");
                            }
                        }
                    }
                }
                reply = async { running.as_mut().expect("polled only if there").await }, if running.is_some() => {
                    running = None;
                    self.send(reply);
                }
                () = self.outbox.wake.notified() => {}
                () = sleep_until(tick_at) => session.input(Input::Tick),
            }
        }
    }

    /// Waits until what is left has been written, or for too long.
    async fn drain(&mut self) {
        let deadline = clock::instant(clock::monotonic() + LINGER);
        while self.outbox.ending() != Ending::Gone {
            let is_lingering = self.outbox.ending() == Ending::Lingering;
            tokio::select! {
                () = self.outbox.wake.notified() => {}
                () = self.messages.discard(), if is_lingering => self.outbox.close(),
                () = time::sleep_until(deadline) => {
                    self.outbox.abort();
                    return;
                }
            }
        }
    }

    fn send(&self, text: String) {
        self.outbox.write(|bytes| encode_websocket_text(&text, bytes));
    }

    fn pong(&self, payload: Bytes) {
        self.outbox.write(|bytes| encode_websocket(ws::Message::Pong(payload), bytes));
    }

    fn close(&self, code: u16, reason: &str) {
        self.outbox.close_with(|bytes| encode_websocket_close(code, reason, bytes));
    }

    /// Closes because of what cannot be read.
    fn close_for(&self, error: &Unreadable) {
        let code = match error {
            Unreadable::TooLarge => {
                let code = CloseCode::FrameTooLarge;
                self.node.metrics.connections.closes.with_label_values(&[code.name()]).inc();
                code.code()
            }
            Unreadable::NotUtf8 => CLOSE_NOT_UTF8,
            Unreadable::Malformed(_) => CLOSE_PROTOCOL,
            Unreadable::Broken(_) => return self.outbox.abort(),
        };
        // It lingers: bytes left unread would reset the connection, and take the close that is on its way with it.
        self.outbox.linger_with(|bytes| encode_websocket_close(code, &error.to_string(), bytes));
    }
}

/// Why a WebSocket is closed before it becomes a session.
struct Refusal {
    code: CloseCode,
    reason: String,
}

impl Refusal {
    fn of(code: CloseCode, reason: &str) -> Option<Self> {
        Some(Self { code, reason: reason.to_owned() })
    }
}

/// How many malformed frames came lately.
#[derive(Default)]
struct Malformed {
    count: u32,
    window_began: Duration,
}

impl Malformed {
    fn is_too_many(&mut self) -> bool {
        let now = clock::monotonic();
        if now > self.window_began + Duration::from_millis(MALFORMED_FRAMES_WINDOW_MS) {
            *self = Self { count: 0, window_began: now };
        }
        self.count += 1;
        self.count >= MALFORMED_FRAMES_MAX
    }
}

/// A frame that is no call; without a request it was malformed.
struct Refused {
    request: Option<Request>,
    error: ApiError,
}

fn read_call(text: &str, rate: &SessionRate) -> Result<(Request, ClientCall), Refused> {
    let request = Request::parse(text).map_err(|error| Refused { request: None, error })?;
    let params = request.params.as_deref().map_or("{}", |raw| raw.get());
    match rate.admit(|| ClientCall::parse(&request.method, params)) {
        Ok(call) => Ok((request, call)),
        Err(error) => Err(Refused { request: Some(request), error }),
    }
}

async fn answer(node: Arc<Node>, caller: Caller, request: Request, call: ClientCall) -> String {
    let outcome = api::client::execute(&node, &caller, call).await;
    api::count(&node, "client", &request.method, outcome.as_ref().err());
    encode_reply(Some(&request.id), &outcome)
}
