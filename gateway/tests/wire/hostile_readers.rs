//! Does a client that takes nothing of what it is sent hold anything for longer than it may?

use crate::support::{
    Gateway, Value, json, keys,
    raw::upgrade_head,
    soon,
    tcp::{DRIP, connect_narrow},
    until,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Times that are short enough for a test, and still give a busy machine some.
const HASTY: [&str; 4] = ["--write-timeout-ms", "800", "--request-timeout-ms", "1000"];
/// Bytes of a page of the list of [`fill`], at least.
const PAGE_BYTES: usize = 7_000_000;

/// A list that no socket takes in without being read.
async fn fill(gateway: &Gateway, user: &str) {
    let long = "x".repeat(1_000);
    let row = |n: usize| {
        json!({"conversationID": format!("group_{n}"), "showName": long, "faceUrl": long, "draftText": "x".repeat(4_000),
            "lastMessage": {"msgID": "m7", "seq": 7, "sender": "bob", "isSelf": false, "timestamp": 1_795_000_007,
                "elemType": 1, "text": long, "status": 2}})
    };
    let rows: Vec<Value> = (0..1_000).map(row).collect();
    let result = gateway.post("importConversations", json!({"userID": user, "conversationList": rows})).await;
    assert_eq!(result["applied"], 1_000, "{result}");
}

fn page_request(gateway: &Gateway, token: &str) -> String {
    let body = json!({"nextSeq": 0, "count": 1_000}).to_string();
    let (address, length) = (gateway.address, body.len());
    let head = format!("POST /v1/getConversationList HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn who_takes_nothing_is_cut_off_whatever_it_asked_for() {
    let gateway = Gateway::with(&HASTY).await;
    fill(&gateway, "alice").await;
    let before = gateway.descriptors_at_rest().await;
    let (token, address) = (keys::token("alice"), gateway.address);
    let bearer = format!("authorization: Bearer {token}\r\n");
    let requests = [
        ("a page", page_request(&gateway, &token)),
        ("files", format!("GET /openapi.json HTTP/1.1\r\nhost: {address}\r\n\r\n").repeat(200)),
        ("events", format!("GET /v1/events?window=1000 HTTP/1.1\r\nhost: {address}\r\n{bearer}\r\n")),
        ("a WebSocket", upgrade_head("/v1/ws?window=1000", address, &bearer)),
    ];
    let mut held = Vec::new();
    for (count, (name, request)) in requests.iter().enumerate() {
        let mut stream = connect_narrow(address).await;
        stream.write_all(request.as_bytes()).await.expect("a request is taken");
        held.push(stream);
        until(&format!("the end of {name}"), async || {
            gateway.metric("gateway_timeouts_total{what=\"write\"}").await == count as u64 + 1
        })
        .await;
    }
    assert_eq!(gateway.descriptors_at_rest().await, before);
    for transport in ["websocket", "sse"] {
        let sessions = format!("gateway_sessions{{transport=\"{transport}\"}}");
        until("no session is left", async || gateway.metric(&sessions).await == 0).await;
        assert_eq!(gateway.metric(&format!("gateway_connects_total{{transport=\"{transport}\"}}")).await, 1);
    }
    drop(held);
}

#[tokio::test]
async fn who_takes_slowly_gets_everything() {
    let gateway = Gateway::with(&HASTY).await;
    fill(&gateway, "alice").await;
    let mut stream = connect_narrow(gateway.address).await;
    let request = page_request(&gateway, &keys::token("alice"));
    stream.write_all(request.as_bytes()).await.expect("a request is taken");
    let (mut received, mut part) = (0, vec![0; 32 * 1024]);
    soon("the whole page", async {
        while received < PAGE_BYTES {
            tokio::time::sleep(DRIP).await;
            let mut left = part.len();
            while left > 0 && received < PAGE_BYTES {
                let count = stream.read(&mut part[..left]).await.expect("the connection stands");
                assert_ne!(count, 0, "the connection ended after {received} bytes");
                (left, received) = (left - count, received + count);
            }
        }
    })
    .await;
    assert_eq!(gateway.metric("gateway_timeouts_total{what=\"write\"}").await, 0);
}
