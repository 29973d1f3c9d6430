//! Do connections without number stop a gateway, or stay with it?

use crate::support::{BOTH, Gateway, c2c, tcp::connect, until};
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
        let half = ["GET /v1/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nsec-websocket-key: dGhl", ""][n % 2];
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
