//! What can be seen of a node, and at which of its addresses?

use crate::support::{Answer, Call, Gateway, Transport, c2c, gateway::free_address, json, keys, keys::API_KEY};
use std::net::SocketAddr;

async fn get(address: SocketAddr, path: &str) -> Answer {
    Call::get(path).send(address).await
}

#[tokio::test]
async fn a_node_is_alive_ready_and_counted_without_a_token() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/healthz").await.status, 200);
    assert_eq!(gateway.get("/readyz").await.status, 200);
    gateway.send(c2c("bob", "alice", 1)).await;
    let mut session = gateway.live("alice").await;
    let _ = session.call("nonsense", json!({})).await;
    let answer = gateway.get("/metrics").await;
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let text = answer.text();
    for line in [
        "gateway_sessions{transport=\"websocket\"} 1",
        "gateway_connects_total{transport=\"websocket\"} 1",
        "gateway_calls_total{api=\"server\",code=\"0\",method=\"sendMessage\"} 1",
        "gateway_relay_connected{shard=\"0\"} 1",
        "gateway_draining 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}:\n{text}");
    }
    assert!(!text.contains("nonsense") && !text.contains("alice"), "nobody can make labels up:\n{text}");
}

#[tokio::test]
async fn an_internal_address_takes_the_backends_methods_and_the_metrics_away_from_the_public_one() {
    let internal = free_address();
    let gateway = Gateway::with(&["--internal-listen", &internal.to_string()]).await;
    assert_eq!(gateway.get("/metrics").await.status, 404);
    let post = || Call::post("/server/v1/sendMessage").bearer(&API_KEY).json(&c2c("bob", "alice", 1));
    assert_eq!(post().send(gateway.address).await.status, 404);
    assert_eq!(gateway.total("alice").await, 0);
    assert_eq!(post().send(internal).await.status, 200);
    assert_eq!(get(internal, "/metrics").await.status, 200);
    assert_eq!(gateway.total("alice").await, 1);
    for address in [internal, gateway.address] {
        assert_eq!(get(address, "/healthz").await.status, 200);
        assert_eq!(get(address, "/readyz").await.status, 200);
    }
    let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("alice"));
    assert_eq!(call.send(internal).await.status, 404, "clients are not served there");
    for path in ["/", "/docs", "/openapi.json", "/asyncapi.json"] {
        assert_eq!(get(internal, path).await.status, 404, "{path}");
        assert_eq!(get(gateway.address, path).await.status, 200, "{path}");
    }
    gateway.open(Transport::WebSocket, "alice").await.sync().await;
}

#[tokio::test]
async fn the_pages_are_served_with_a_policy_that_lets_no_other_script_in() {
    let gateway = Gateway::start().await;
    for path in ["/", "/docs"] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("script-src 'self'")));
    }
    assert_eq!(gateway.get("/demo/nonsense.js").await.status, 404);
}
