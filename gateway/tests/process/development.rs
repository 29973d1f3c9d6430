//! Who may use a gateway without keys?

use crate::support::{Call, Gateway, c2c, json};

#[tokio::test]
async fn in_development_mode_anybody_on_this_machine_gets_a_token_and_the_api_key_is_dev() {
    let gateway = Gateway::development().await;
    let token = gateway.get("/dev/token?user=alice").await.json()["token"].as_str().expect("a token").to_owned();
    let call = Call::post("/server/v1/sendMessage").bearer("dev").json(&c2c("bob", "alice", 1));
    assert_eq!(call.send(gateway.address).await.status, 200);
    let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&token);
    assert_eq!(call.send(gateway.address).await.json()["totalUnreadCount"], 1);
    for path in ["/dev/token", "/dev/token?user=", "/dev/token?user=a%20b"] {
        assert_eq!(gateway.get(path).await.refusal(), (400, 6017), "{path}");
    }
    let of_this_run = Call::post("/v1/getTotalUnreadMessageCount").bearer(&crate::support::keys::token("alice"));
    assert_eq!(of_this_run.send(gateway.address).await.refusal(), (401, 6014), "its secret is its own");
}

#[tokio::test]
async fn in_development_mode_a_foreign_host_or_a_proxy_is_refused_everywhere() {
    let gateway = Gateway::development().await;
    let foreign = [
        ("host", "gateway.example"),
        ("host", "192.168.0.1:8080"),
        ("host", "127.0.0.1.evil.example"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-host", "gateway.example"),
        ("forwarded", "for=1.2.3.4"),
    ];
    for (name, value) in foreign {
        for path in ["/dev/token?user=alice", "/v1/events", "/", "/metrics"] {
            assert_eq!(
                Call::get(path).header(name, value).send(gateway.address).await.refusal(),
                (403, 6014),
                "{path} {value}"
            );
        }
        let call = Call::post("/server/v1/sendMessage").bearer("dev").header(name, value).json(&c2c("bob", "alice", 1));
        assert_eq!(call.send(gateway.address).await.refusal(), (403, 6014), "{value}");
    }
    for host in ["localhost", "127.0.0.1", "[::1]:8080"] {
        let call = Call::get("/dev/token?user=alice").header("host", host);
        assert_eq!(call.send(gateway.address).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn in_production_there_is_no_token_for_anybody_and_a_proxy_is_fine() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/dev/token?user=alice").await.status, 404);
    let call = Call::post("/server/v1/getTotalUnreadMessageCount").bearer("dev").json(&json!({}));
    assert_eq!(call.send(gateway.address).await.refusal(), (401, 6014));
    let call = Call::get("/healthz").header("host", "gateway.example").header("x-forwarded-for", "1.2.3.4");
    assert_eq!(call.send(gateway.address).await.status, 200);
}
