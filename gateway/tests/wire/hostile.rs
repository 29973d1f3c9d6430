//! Does a request that is slow, endless or none hold anything for longer than it may?

use crate::support::{
    Gateway, json, keys,
    keys::API_KEY,
    soon,
    tcp::{connect, outlast},
};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Times that are short enough for a test, and still give a busy machine some.
const HASTY: [&str; 2] = ["--request-timeout-ms", "1000"];

/// A complete request that keeps its connection.
const ALIVE: &str = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

/// What is sent, and then again and again.
type Slow = (&'static str, Option<&'static [u8]>);

#[tokio::test]
async fn a_head_that_does_not_come_is_given_up_also_behind_other_requests() {
    let gateway = Gateway::with(&HASTY).await;
    let before = gateway.descriptors_at_rest().await;
    let heads: [Slow; 9] = [
        ("", None),
        ("G", None),
        ("GET /healthz HTTP/1.1\r\n", None),
        ("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n", None),
        ("GET /v1/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\n", None),
        ("", Some(b"\r\n")),
        ("GET /", Some(b"x")),
        ("GET /healthz HTTP/1.1\r\nx-slow: ", Some(b"x")),
        ("GET /healthz HTTP/1.1\r\n", Some(b"x: y\r\n")),
    ];
    for behind in ["", ALIVE] {
        let slow = heads.map(|(head, then)| outlast(gateway.address, format!("{behind}{head}"), then));
        for (received, (head, _)) in join_all(slow).await.iter().zip(heads) {
            assert_eq!(received.contains("200 OK"), !behind.is_empty(), "{head:?}: {received}");
            assert_eq!(received.matches("HTTP/1.1").count(), usize::from(!behind.is_empty()), "{head:?}: {received}");
        }
    }
    let counted = gateway.metric("gateway_timeouts_total{what=\"request\"}").await;
    assert_eq!(counted, 2 * heads.len() as u64);
    assert_eq!(gateway.descriptors_at_rest().await, before);
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
}

/// Requests by method, path and headers, with the status that answers them where their body never ends.
fn requests() -> Vec<(&'static str, &'static str, String, &'static str)> {
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    let (user, backend) = (bearer(&keys::token("alice")), bearer(&API_KEY));
    let none = String::new;
    vec![
        ("POST", "/v1/getTotalUnreadMessageCount", user.clone(), "400"),
        ("POST", "/v1/getTotalUnreadMessageCount", none(), "401"),
        ("POST", "/v1/getTotalUnreadMessageCount", bearer("nonsense"), "401"),
        ("POST", "/v1/getTotalUnreadMessageCount?token=a&token=b", none(), "400"),
        ("POST", "/v1/nonsense", user.clone(), "400"),
        ("POST", "/server/v1/sendMessage", backend.clone(), "400"),
        ("POST", "/server/v1/sendMessage", none(), "401"),
        ("POST", "/server/v1/nonsense", backend, "400"),
        ("POST", "/nonsense", none(), "404"),
        ("PUT", "/v1/getTotalUnreadMessageCount", user.clone(), "404"),
        ("POST", "/v1/getTotalUnreadMessageCount", format!("{user}origin: https://evil.example\r\n"), "403"),
        ("OPTIONS", "/v1/pinConversation", "access-control-request-method: POST\r\n".to_owned(), "204"),
        ("GET", "/healthz", none(), "200"),
        ("GET", "/docs", none(), "200"),
        ("GET", "/v1/events", none(), "401"),
        ("GET", "/v1/ws", user, "400"),
    ]
}

#[tokio::test]
async fn a_body_that_does_not_come_or_not_end_is_answered_and_its_connection_ends() {
    let gateway = Gateway::with(&HASTY).await;
    let before = gateway.descriptors_at_rest().await;
    let bodies: [Slow; 7] = [
        ("content-length: 60000\r\n\r\n", None),
        ("content-length: 60000\r\n\r\n{", Some(b" ")),
        ("transfer-encoding: chunked\r\n\r\n", None),
        ("transfer-encoding: chunked\r\n\r\n1\r\n{\r\n", None),
        ("transfer-encoding: chunked\r\n\r\n", Some(b"1\r\n \r\n")),
        ("transfer-encoding: chunked\r\n\r\nffff\r\n", Some(b" ")),
        ("content-length: 60000\r\nexpect: 100-continue\r\n\r\n", None),
    ];
    let requests = requests();
    let mut slow = Vec::new();
    for (method, path, headers, status) in &requests {
        for upgrade in ["", "upgrade: h2c\r\nconnection: upgrade\r\n", "connection: close\r\n"] {
            for (body, then) in bodies {
                let request =
                    format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}{upgrade}{body}", gateway.address);
                let received = outlast(gateway.address, request.clone(), then);
                slow.push(async move {
                    let received = received.await;
                    let answer = received.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
                    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {received}");
                    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{request:?}: {received}");
                });
            }
        }
    }
    join_all(slow).await;
    assert_eq!(gateway.descriptors_at_rest().await, before);
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
}

#[tokio::test]
async fn who_sends_a_body_too_slowly_is_told_so() {
    let gateway = Gateway::with(&HASTY).await;
    let head = |length: usize| {
        let (token, address) = (keys::token("alice"), gateway.address);
        let path = "/v1/getTotalUnreadMessageCount";
        format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let received = outlast(gateway.address, head(9), None).await;
    assert!(received.contains(r#""code":6017"#) && received.contains("more of it within 1000 ms"), "{received}");
    let received = outlast(gateway.address, head(9_999), Some(b" ")).await;
    assert!(received.contains(r#""code":6017"#) && received.contains("all of it within 6000 ms"), "{received}");
    assert_eq!(gateway.metric("gateway_timeouts_total{what=\"body\"}").await, 2);
    // Slow, and quick enough: a body of 25 bytes takes a second.
    let received = outlast(gateway.address, head(25), Some(b" ")).await;
    assert!(received.starts_with("HTTP/1.1 200 OK"), "{received}");
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_ends_its_connection() {
    let gateway = Gateway::start().await;
    let before = gateway.descriptors_at_rest().await;
    let long = "x".repeat(200_000);
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let tls_hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0x5a; 506]].concat();
    let garbage: Vec<u8> = (0..=255u8).cycle().skip(128).take(4_096).collect();
    let wrong: [(&str, Vec<u8>, &str); 16] = [
        ("a TLS hello", tls_hello, "400"),
        ("garbage", garbage, "400"),
        ("zeros", vec![0; 4_096], "400"),
        ("a preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), "400"),
        ("no request line", b"hello\r\n\r\n".to_vec(), "400"),
        ("no version", b"GET /healthz\r\n\r\n".to_vec(), "400"),
        ("a version that is none", b"GET /healthz HTTP/9.9\r\n\r\n".to_vec(), "400"),
        ("a method that is none", b"G\0T /healthz HTTP/1.1\r\n\r\n".to_vec(), "400"),
        ("a header that is none", b"GET /healthz HTTP/1.1\r\nnonsense\r\n\r\n".to_vec(), "400"),
        ("a length that is none", b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_vec(), "400"),
        ("two lengths", b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_vec(), "400"),
        (
            "a length and chunks",
            b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
            "400",
        ),
        ("a huge header", format!("GET /healthz HTTP/1.1\r\nx: {long}\r\n\r\n").into(), "431"),
        ("a header without end", format!("GET /healthz HTTP/1.1\r\nx: {long}").into(), "431"),
        ("a huge URL", format!("GET /{long} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").into(), "4"),
        ("too many headers", format!("GET /healthz HTTP/1.1\r\n{}\r\n", many(1_000)).into(), "4"),
    ];
    for (name, bytes, status) in wrong {
        for behind in ["", ALIVE] {
            let received = outlast(gateway.address, [behind.as_bytes(), &bytes].concat(), None).await;
            let answer = match received.strip_prefix("HTTP/1.1 200 OK") {
                Some(rest) if !behind.is_empty() => rest.split_once("alive\n").expect("a body").1,
                _ => &received,
            };
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{name}: {received}");
        }
    }
    assert_eq!(gateway.descriptors_at_rest().await, before);
    assert_eq!(gateway.total("alice").await, 0, "others are served");
    assert!(!gateway.log().contains("ERROR"), "what a client sends is no error of the server:\n{}", gateway.log());
}

#[tokio::test]
async fn requests_sent_without_waiting_are_answered_in_their_order() {
    let gateway = Gateway::start().await;
    let mut stream = connect(gateway.address).await;
    let token = keys::token("alice");
    let mut requests = String::new();
    for n in 0..100 {
        let body = json!({"conversationID": format!("c2c_u{n}"), "draftText": "x"}).to_string();
        let length = body.len();
        requests.push_str(&format!(
            "POST /v1/setConversationDraft HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n\
             content-length: {length}\r\n\r\n{body}GET /nonsense{n} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
        ));
    }
    requests.push_str("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    let mut received = String::new();
    let (mut reader, mut writer) = stream.split();
    soon("all answers", async {
        let (written, read) = tokio::join!(writer.write_all(requests.as_bytes()), reader.read_to_string(&mut received));
        written.expect("everything is taken");
        read.expect("the connection ends well");
    })
    .await;
    let statuses: Vec<_> = received.match_indices("HTTP/1.1 ").map(|(at, _)| &received[at + 9..at + 12]).collect();
    let expected: Vec<_> = ["200", "404"].into_iter().cycle().take(200).chain(["200"]).collect();
    assert_eq!(statuses, expected);
    assert_eq!(gateway.list("alice").await.len(), 100);
}
