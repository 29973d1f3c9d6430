//! Do connections without number stop a gateway, or stay with it?

use crate::support::{BOTH, Call, Gateway, c2c, keys::API_KEY, tcp::connect, until};
use tokio::io::AsyncWriteExt;

/// Connections at once, within what a process may have open.
const FLOOD: usize = 4_000;

#[tokio::test]
async fn thousands_of_half_open_upgrades_leave_others_served_and_are_given_up() {
    let gateway = Gateway::with(&["--request-timeout-ms", "4000"]).await;
    let before = gateway.descriptors_at_rest().await;
    let mut flood = Vec::new();
    for n in 0..FLOOD {
        let mut stream = connect(gateway.address).await;
        let half =
            ["GET /v1/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nsec-websocket-key: dGhl", ""][n % 2];
        stream.write_all(half.as_bytes()).await.expect("the connection stands");
        flood.push(stream);
    }
    assert!(gateway.descriptors() > before + FLOOD / 2, "the flood is there");
    for transport in BOTH {
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        gateway.send(c2c(&format!("{transport:?}"), "alice", 1)).await;
        session.expect("newConversation").await;
    }
    until("the flood is given up", async || gateway.descriptors() <= before).await;
    drop(flood);
    gateway.live("alice").await;
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
}

#[tokio::test]
async fn a_gateway_without_descriptors_serves_who_is_there_and_soon_everybody() {
    let gateway = Gateway::with(&["--request-timeout-ms", "1500"]).await;
    let mut session = gateway.live("alice").await;
    let before = gateway.descriptors_at_rest().await;
    let mut backend = connect(gateway.address).await;
    let message = c2c("bob", "alice", 1).to_string();
    let head = format!(
        "POST /server/v1/sendMessage HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        *API_KEY,
        message.len()
    );
    // The backend's connection is there before the flood.
    until("the connection is accepted", async || gateway.descriptors() > before).await;
    let room = 50;
    gateway.limit_descriptors(gateway.descriptors() + room);
    let mut flood = Vec::new();
    for _ in 0..4 * room {
        flood.push(connect(gateway.address).await);
    }
    backend.write_all(format!("{head}{message}").as_bytes()).await.expect("the connection stands");
    session.expect("newConversation").await;
    // The accept loop and this task share no order: it may come to the flood after the message.
    until("the gateway runs out of descriptors", async || gateway.log().contains("Too many open files")).await;
    // Every client of the flood has its turn, and is given up.
    let again =
        async || matches!(Call::get("/healthz").try_send(gateway.address).await, Ok(answer) if answer.status == 200);
    until("everybody is served", again).await;
    until("the flood is given up", async || gateway.descriptors() <= before).await;
    drop(flood);
}
