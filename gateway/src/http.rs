//! Which address does what: routes, who may call them, and how errors look over HTTP.

use crate::{
    api::{self, Caller},
    auth::Identity,
    body, clock,
    config::{Listener, Mode},
    demo, documents,
    node::Node,
    path::{ShardPath, Standing},
    request::{ConnectQuery, bearer_token, error_response},
    transport::{Transport, sse, websocket},
};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web::{self, QueryConfig, ServiceConfig},
};
use conversation_protocol::{
    ApiError, ErrorKind, UserId,
    limits::{CLIENT_BODY_BYTES_MAX, SERVER_BODY_BYTES_MAX},
    method::ClientCall,
};
use conversation_store::Shard;
use serde::Deserialize;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How long the store may take to show that it is there.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// The routes of a listener.
pub fn routes(listener: Listener, mode: Mode) -> impl Fn(&mut ServiceConfig) + Clone {
    move |config| {
        config.app_data(QueryConfig::default().error_handler(|error, _| {
            let response = error_response(&ApiError::invalid(format!("query: {error}")));
            InternalError::from_response(error, response).into()
        }));
        config.route("/healthz", web::get().to(alive)).route("/readyz", web::get().to(ready));
        if listener != Listener::Public {
            config.route("/metrics", web::get().to(metrics)).route("/server/v1/{method}", web::post().to(server_call));
        }
        if listener != Listener::Internal {
            config
                .route("/v1/ws", web::get().to(websocket::upgrade))
                .route("/v1/events", web::get().to(sse::events))
                .route("/v1/{method}", web::post().to(client_call))
                .configure(demo::routes)
                .configure(documents::routes);
            if mode == Mode::Development {
                config.route("/dev/token", web::get().to(development_token));
            }
        }
        config.default_service(web::to(not_found));
    }
}

fn respond(outcome: api::CallResult) -> HttpResponse {
    match outcome {
        Ok(result) => HttpResponse::Ok().content_type("application/json").body(result.get().to_owned()),
        Err(error) => error_response(&error),
    }
}

/// Lets pass who may: in development mode only this machine, and of web pages only those that are allowed.
pub async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(node) = request.app_data::<web::Data<Arc<Node>>>().cloned() else {
        return Ok(request.into_response(HttpResponse::InternalServerError()).map_into_boxed_body());
    };
    let refuse = |request: ServiceRequest, message: &str| {
        let response = error_response(&ApiError::new(ErrorKind::Forbidden, message));
        Ok(request.into_response(response).map_into_boxed_body())
    };
    if let Some(why) = node.in_force().origins.refuses_in_development(request.headers()) {
        return refuse(request, why);
    }
    // A browser cannot see why a WebSocket's upgrade was refused, so that one is closed with a code instead.
    if request.path() != "/v1/ws" && !node.in_force().origins.allows(request.headers()) {
        if request.path() == "/v1/events" {
            // Without an address: the peer may be a proxy, which is looked into further below.
            node.refusals.tell(Transport::Sse.name(), "origin", None);
        }
        return refuse(request, "this Origin is not allowed");
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight {
        let response = HttpResponse::NoContent()
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
            .insert_header((
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, last-event-id, x-request-id",
            ))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
            .finish();
        request.into_response(response).map_into_boxed_body()
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after, x-request-id"));
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    Ok(response)
}

async fn client_call(
    node: web::Data<Arc<Node>>,
    request: HttpRequest,
    method: web::Path<String>,
    query: ConnectQuery,
    payload: web::Payload,
) -> HttpResponse {
    let outcome = async {
        let identity = identify(&node, &request, &query).await?;
        let params = body::read(&node, payload, CLIENT_BODY_BYTES_MAX).await?;
        let call = node.in_force().rates.admit(&identity.user, || ClientCall::parse(&method, &params))?;
        let caller = Caller { user: identity.user, session: None };
        api::client::execute(&node, &caller, call).await
    }
    .await;
    api::count(&node, "client", &method, outcome.as_ref().err());
    respond(outcome)
}

/// Reads the token of a call, and whether it was kicked.
async fn identify(node: &Node, request: &HttpRequest, query: &ConnectQuery) -> Result<Identity, ApiError> {
    let token = query.token(request.headers())?;
    let token =
        token.ok_or_else(|| ApiError::new(ErrorKind::NotAuthenticated, "token: expected Authorization: Bearer"))?;
    let identity = node.in_force().authenticator.identify(&token).await?;
    let opening = query.opening()?;
    if node.head(&identity.user).await?.is_kicked(opening.device.as_ref(), identity.issued_at_us) {
        return Err(ApiError::new(ErrorKind::NotAuthenticated, "token: expected one issued after the kick"));
    }
    Ok(identity)
}

async fn server_call(
    node: web::Data<Arc<Node>>,
    request: HttpRequest,
    method: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let is_known = bearer_token(request.headers()).is_some_and(|key| node.in_force().authenticator.knows_api_key(&key));
    if !is_known {
        let message = "API key: expected Authorization: Bearer with a configured key";
        return error_response(&ApiError::new(ErrorKind::NotAuthenticated, message));
    }
    match body::read(&node, payload, SERVER_BODY_BYTES_MAX).await {
        Ok(params) => {
            let parent =
                request.headers().get("traceparent").and_then(|parent| parent.to_str().ok()).map(str::to_owned);
            respond(api::server::execute(&node, method.into_inner(), params, parent).await)
        }
        Err(error) => error_response(&error),
    }
}

#[derive(Deserialize)]
struct TokenQuery {
    user: Option<String>,
}

async fn development_token(node: web::Data<Arc<Node>>, query: web::Query<TokenQuery>) -> HttpResponse {
    let user: Result<UserId, _> = query.user.as_deref().unwrap_or("").parse();
    match user {
        Ok(user) => match node.in_force().authenticator.development_token(&user) {
            Some(token) => HttpResponse::Ok().json(serde_json::json!({ "token": token })),
            None => not_found().await,
        },
        Err(error) => error_response(&ApiError::invalid(format!("user: {error}"))),
    }
}

async fn alive() -> &'static str {
    "alive\n"
}

async fn ready(node: web::Data<Arc<Node>>) -> HttpResponse {
    let is_store_there = matches!(tokio::time::timeout(READY_TIMEOUT, node.store.ping()).await, Ok(Ok(())));
    let problem = if node.is_draining.load(Ordering::Relaxed) {
        Some("draining")
    } else if !is_store_there {
        Some("the store does not answer")
    } else if node.in_force().authenticator.followed().is_some_and(|keys| !keys.are_there()) {
        Some("the token keys at --jwks were not read yet")
    } else {
        None
    };
    if let Some(problem) = problem {
        return HttpResponse::ServiceUnavailable().body(format!("not ready: {problem}\n"));
    }
    let now = clock::monotonic();
    let paths = node.paths.all();
    let problems: Vec<(&Shard, &str)> = paths
        .iter()
        .filter_map(|ShardPath { shard, path, .. }| match path.standing(now) {
            Standing::Interrupted => Some((shard, "the path of hints is interrupted")),
            Standing::Unproven => Some((shard, "hints do not arrive")),
            Standing::Proven => None,
        })
        .collect();
    // Every node misses a shard that is away; what is left of the others serves nobody if it is taken out.
    let is_ready = problems.len() < paths.len();
    let mut text = (if is_ready { "ready" } else { "not ready" }).to_owned();
    for (shard, problem) in problems {
        text += &match paths.len() {
            1 => format!(": {problem}"),
            _ => format!("; shard {} at {}: {problem}", shard.id.0, shard.place),
        };
    }
    text.push('\n');
    let mut answer = if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.body(text)
}

async fn metrics(node: web::Data<Arc<Node>>) -> HttpResponse {
    let node = node.get_ref().clone();
    match web::block(move || node.scrape()).await {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().json(serde_json::json!({
        "error": { "code": 6017, "message": "expected POST /v1/<method>, GET /v1/ws, GET /v1/events or POST /server/v1/<method>" }
    }))
}
