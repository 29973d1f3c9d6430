//! Which web pages may talk to the gateway?

use crate::support::{Call, Gateway, Transport, c2c, json, keys, keys::API_KEY};
use conversation_protocol::CloseCode;

const PAGE: &str = "https://chat.example";

#[tokio::test]
async fn a_foreign_page_is_refused_with_403_and_on_a_websocket_with_4002() {
    let gateway = Gateway::with(&["--allowed-origin", PAGE]).await;
    for origin in [
        "https://evil.example",
        "null",
        "https://chat.example.evil.example",
        "http://chat.example",
        "https://chat.example:8443",
    ] {
        let opening = |transport| gateway.opening(transport, "alice").header("origin", origin);
        opening(Transport::WebSocket).refused_websocket(CloseCode::Forbidden).await;
        assert_eq!(opening(Transport::Events).refused_events().await.refusal(), (403, 6014), "{origin}");
        let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("alice")).header("origin", origin);
        let answer = call.send(gateway.address).await;
        assert_eq!((answer.refusal(), answer.header("access-control-allow-origin")), ((403, 6014), None), "{origin}");
        let call = Call::post("/server/v1/sendMessage").bearer(&API_KEY).header("origin", origin);
        assert_eq!(call.json(&c2c("bob", "alice", 1)).send(gateway.address).await.status, 403);
    }
    assert_eq!(gateway.list("alice").await.len(), 0);
}

#[tokio::test]
async fn an_allowed_page_and_the_gateways_own_may_do_everything() {
    let gateway = Gateway::with(&["--allowed-origin", PAGE]).await;
    for origin in [PAGE.to_owned(), format!("http://{}", gateway.address)] {
        for transport in [Transport::WebSocket, Transport::Events] {
            let mut session = gateway.opening(transport, "alice").header("origin", &origin).open().await;
            session.sync().await;
        }
        let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("alice")).header("origin", &origin);
        let answer = call.send(gateway.address).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin.as_str()));
        assert!(answer.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("origin")));
    }
}

#[tokio::test]
async fn a_page_can_read_errors_and_the_time_to_wait() {
    let gateway = Gateway::with(&["--allowed-origin", PAGE]).await;
    let call = Call::post("/v1/getTotalUnreadMessageCount").bearer("garbage").header("origin", PAGE);
    let answer = call.send(gateway.address).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (401, Some(PAGE)));
}

#[tokio::test]
async fn a_preflight_is_answered_for_allowed_pages_alone() {
    let gateway = Gateway::with(&["--allowed-origin", PAGE]).await;
    let preflight = |origin: &str| {
        let call = Call::options("/v1/pinConversation").header("origin", origin);
        let call = call.header("access-control-request-method", "POST");
        call.header("access-control-request-headers", "authorization,content-type").send(gateway.address)
    };
    let answer = preflight(PAGE).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some(PAGE)));
    let allows = |header: &str, value: &str| answer.header(header).unwrap().to_ascii_lowercase().contains(value);
    assert!(allows("access-control-allow-methods", "post"));
    assert!(
        allows("access-control-allow-headers", "authorization")
            && allows("access-control-allow-headers", "content-type")
    );
    let refused = preflight("https://evil.example").await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
}

#[tokio::test]
async fn without_an_origin_list_only_the_gateways_own_page_is_let_in() {
    let gateway = Gateway::start().await;
    let opening = |origin: &str| gateway.opening(Transport::WebSocket, "alice").header("origin", origin);
    opening(PAGE).refused_websocket(CloseCode::Forbidden).await;
    opening(&format!("http://{}", gateway.address)).open().await.sync().await;
    let another_port = format!("http://127.0.0.1:{}", gateway.address.port() ^ 1);
    opening(&another_port).refused_websocket(CloseCode::Forbidden).await;
    assert_eq!(gateway.call("alice", "getTotalUnreadMessageCount", json!({})).await.unwrap()["totalUnreadCount"], 0);
}
