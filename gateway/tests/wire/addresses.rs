//! What happens to an address that does too much, and to all others meanwhile?

use crate::support::{
    Answer, BOTH, Call, Gateway, Transport, gateway::free_address, json, keys, keys::API_KEY, tcp::connect_from, until,
};
use conversation_protocol::CloseCode;

/// Who does too much.
const BUSY: &str = "127.0.0.2";
/// Who does not.
const OTHER: &str = "127.0.0.3";
/// Between clients and the gateway, in some tests.
const PROXY: &str = "127.0.0.9";

/// A call of alice, with any token, behind what a proxy may have written.
async fn call(gateway: &Gateway, from: &'static str, forwarded: &[&str], token: &str) -> Answer {
    let mut call = Call::post("/v1/getTotalUnreadMessageCount").bearer(token).from(from);
    for value in forwarded {
        call = call.header("x-forwarded-for", value);
    }
    call.send(gateway.address).await
}

/// Whether a good call of alice from there is refused for its address.
async fn is_refused(gateway: &Gateway, from: &'static str, forwarded: &[&str]) -> bool {
    let answer = call(gateway, from, forwarded, &keys::token("alice")).await;
    if answer.status == 200 {
        return false;
    }
    assert_eq!(answer.refusal(), (429, 7008));
    let seconds: u64 = answer.header("retry-after").expect("a time to wait").parse().expect("seconds");
    assert!((1..=5).contains(&seconds), "{seconds}");
    true
}

async fn refusals(gateway: &Gateway, reason: &str) -> u64 {
    gateway.metric(&format!("gateway_refusals_total{{reason=\"{reason}\"}}")).await
}

/// A client from there is told to back off, over both transports.
async fn told_to_back_off(gateway: &Gateway, from: &'static str) {
    gateway.opening(Transport::WebSocket, "alice").from(from).refused_websocket(CloseCode::Overloaded).await;
    let answer = gateway.opening(Transport::Events, "alice").from(from).refused_events().await;
    assert_eq!((answer.refusal(), answer.header("retry-after").is_some()), ((429, 7008), true));
}

#[tokio::test]
async fn an_address_with_too_many_connections_is_told_so_then_nothing_and_others_are_served() {
    let gateway = Gateway::with(&["--connections-per-address", "8"]).await;
    let mut held = Vec::new();
    for n in 0..8 {
        let mut session = gateway.opening(BOTH[n % 2], "alice").from(BUSY).open().await;
        session.sync().await;
        held.push(session);
    }
    told_to_back_off(&gateway, BUSY).await;
    assert!(is_refused(&gateway, BUSY, &[]).await);
    assert!(is_refused(&gateway, BUSY, &["192.0.2.1"]).await, "nobody asked for this header");
    assert_eq!(Call::get("/healthz").from(BUSY).send(gateway.address).await.status, 200);
    let counted = refusals(&gateway, "address_connections").await;
    assert_eq!((counted, refusals(&gateway, "address_flood").await), (4, 0));

    let mut silent = Vec::new();
    until("one that is not even answered", async || {
        silent.push(connect_from(BUSY, gateway.address).await);
        silent.iter().any(|stream| matches!(stream.try_read(&mut [0]), Ok(0)))
    })
    .await;
    assert!(refusals(&gateway, "address_flood").await > 0);

    assert!(!is_refused(&gateway, OTHER, &[]).await);
    gateway.opening(Transport::WebSocket, "bob").from(OTHER).open().await.sync().await;
    drop((silent, held));
    let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("alice")).from(BUSY);
    let is_served = async || matches!(call.try_send(gateway.address).await, Ok(answer) if answer.status == 200);
    until("there is room again", is_served).await;
    // Only the connection that asks is left.
    until("nobody else is kept", async || gateway.metric("gateway_limited_addresses").await == 1).await;
}

#[tokio::test]
async fn an_address_with_too_many_requests_waits_and_others_and_backends_do_not() {
    let gateway = Gateway::with(&["--requests-per-address", "1"]).await;
    let mut refused = 0;
    for n in 0..12 {
        let is_refused = is_refused(&gateway, BUSY, &[]).await;
        assert!(!is_refused || n >= 4, "a burst of four is allowed");
        refused += u64::from(is_refused);
    }
    assert!(refused > 0, "nothing is refused");
    assert_eq!(refusals(&gateway, "address_requests").await, refused);
    for _ in 0..12 {
        let backend = Call::post("/server/v1/getTotalUnreadMessageCount").bearer(&API_KEY).from(BUSY);
        assert_eq!(backend.json(&json!({"userID": "alice"})).send(gateway.address).await.status, 200);
        assert_eq!(Call::get("/readyz").from(BUSY).send(gateway.address).await.status, 200);
    }
    for _ in 0..4 {
        assert!(!is_refused(&gateway, OTHER, &[]).await);
    }
    while !is_refused(&gateway, BUSY, &[]).await {}
    told_to_back_off(&gateway, BUSY).await;
    until("it may again", async || !is_refused(&gateway, BUSY, &[]).await).await;
}

#[tokio::test]
async fn an_address_with_too_many_refused_tokens_or_keys_is_not_heard_for_a_while() {
    let gateway = Gateway::with(&["--refusals-per-address", "1"]).await;
    let backend = || Call::post("/server/v1/sendMessage").bearer("wrong").from(BUSY).send(gateway.address);
    let by_websocket = || gateway.opening(Transport::WebSocket, "alice").token("wrong").from(BUSY);
    let mut wrong = 0;
    loop {
        let is_heard = match wrong % 3 {
            0 => call(&gateway, BUSY, &[], "wrong").await.status == 401,
            1 => backend().await.status == 401,
            _ => by_websocket().open().await.first().await == Some(CloseCode::Unauthenticated.code()),
        };
        if !is_heard {
            break;
        }
        wrong += 1;
        assert!(wrong < 200, "nothing is refused");
    }
    assert!(wrong >= 4, "a burst of four is answered, {wrong} were");
    assert!(refusals(&gateway, "address_authentications").await > 0);
    for _ in 0..5 {
        assert!(!is_refused(&gateway, OTHER, &[]).await);
    }
    // Whoever guesses on is not told whether it was right.
    until("a good token is not heard", async || {
        backend().await;
        is_refused(&gateway, BUSY, &[]).await
    })
    .await;
    until("it is heard again", async || !is_refused(&gateway, BUSY, &[]).await).await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_limits() {
    let limits = ["--trusted-proxy", PROXY, "--connections-per-address", "1", "--refusals-per-address", "1"];
    let gateway = Gateway::with(&limits).await;
    let open = |client: &str| {
        let opening = gateway.opening(Transport::WebSocket, "alice").from(PROXY);
        opening.header("x-forwarded-for", &format!("198.51.100.7, {client}"))
    };
    let mut session = open("192.0.2.1").open().await;
    session.sync().await;
    open("192.0.2.1").refused_websocket(CloseCode::Overloaded).await;
    assert!(is_refused(&gateway, PROXY, &["192.0.2.1"]).await);
    assert!(is_refused(&gateway, PROXY, &["192.0.2.2", "192.0.2.1:4711"]).await, "the last address counts");
    assert!(is_refused(&gateway, PROXY, &["192.0.2.2,192.0.2.1, 127.0.0.9"]).await, "that is no proxy");
    for client in ["192.0.2.2", "2001:db8::1"] {
        assert!(!is_refused(&gateway, PROXY, &[client]).await, "{client}");
    }
    let mut v6 = open("2001:db8::1").open().await;
    v6.sync().await;
    assert!(is_refused(&gateway, PROXY, &["2001:db8::2"]).await, "it is in the same network");
    assert!(!is_refused(&gateway, PROXY, &["2001:db8:0:1::1"]).await);
    for _ in 0..5 {
        call(&gateway, PROXY, &["192.0.2.3"], "wrong").await;
    }
    until("bad tokens of one client", async || {
        call(&gateway, PROXY, &["192.0.2.3"], "wrong").await;
        is_refused(&gateway, PROXY, &["192.0.2.3"]).await
    })
    .await;
    assert!(!is_refused(&gateway, PROXY, &["192.0.2.4"]).await);
    for _ in 0..10 {
        assert!(!is_refused(&gateway, PROXY, &[]).await, "the proxy itself is not limited");
    }
    drop(session);
    until("there is room again", async || !is_refused(&gateway, PROXY, &["192.0.2.1"]).await).await;
}

#[tokio::test]
async fn what_an_untrusted_peer_says_of_its_address_changes_nothing() {
    let gateway = Gateway::with(&["--trusted-proxy", PROXY, "--requests-per-address", "1"]).await;
    let mut refused = 0;
    for n in 0..12 {
        refused += u32::from(is_refused(&gateway, BUSY, &[&format!("192.0.2.{n}")]).await);
    }
    assert!(refused > 0, "it has one rate, whatever it says");
    assert!(!is_refused(&gateway, OTHER, &["192.0.2.1"]).await);
    assert!(!is_refused(&gateway, PROXY, &["192.0.2.1"]).await, "and takes nothing from those it names");
}

#[tokio::test]
async fn an_internal_address_has_no_limits() {
    let internal = free_address();
    let limits = ["--connections-per-address", "1", "--requests-per-address", "1", "--refusals-per-address", "1"];
    let address = internal.to_string();
    let gateway = Gateway::with(&[&["--internal-listen", address.as_str()][..], &limits].concat()).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(connect_from(BUSY, internal).await);
        let backend = |key| Call::post("/server/v1/getTotalUnreadMessageCount").bearer(key).from(BUSY);
        let call = |key| backend(key).json(&json!({"userID": "alice"})).send(internal);
        assert_eq!(call("wrong").await.status, 401);
        assert_eq!(call(&API_KEY).await.status, 200);
    }
    assert_eq!(gateway.address.ip(), internal.ip());
}
