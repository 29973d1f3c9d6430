//! Does everything pass through a balancer as it should? HAProxy and nginx, with the configurations of deploy/.

use crate::support::{
    BOTH, Call, Gateway, Transport,
    balancer::{BALANCERS, Balancer},
    c2c, json, keys,
    keys::API_KEY,
    padded, soon,
};
use conversation_loadtest::clock;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Who asks too much, and who does not.
const BUSY: &str = "127.0.0.2";
const OTHER: &str = "127.0.0.3";
/// How much one address may do: so many requests a second, and four times that at once.
const REQUESTS: &str = "2";
const AT_ONCE: usize = 8;
/// Messages whose way is timed. A proxy that waits for more before it passes something on does so with each.
const TIMED: u64 = 5;
/// Below what such a proxy waits, 200 ms; the fastest message takes a few.
const AT_ONCE_US: u64 = 100_000;

fn total(token: &str) -> Call {
    Call::post("/v1/getTotalUnreadMessageCount").bearer(token).json(&json!({}))
}

#[tokio::test]
async fn sessions_calls_and_cursors_pass_through_and_each_event_at_once() {
    let gateway = Gateway::start().await;
    for program in BALANCERS {
        let balancer = Balancer::start(program, &[gateway.address]).await;
        for (n, transport) in (0_u64..).zip(BOTH) {
            let user = format!("{program:?}{n}").to_lowercase();
            let mut session = gateway.opening(transport, &user).at(balancer.address).open().await;
            assert_eq!(session.sync().await.mode, "full");
            let (mut fastest_us, mut cursor) = (u64::MAX, None);
            for seq in 1..=TIMED {
                let sent = Call::post("/server/v1/sendMessage").bearer(&API_KEY).json(&c2c("bob", &user, seq));
                let begun_us = clock::now_us();
                assert_eq!(sent.send(balancer.address).await.json()["applied"], 2);
                session.expect(if seq == 1 { "newConversation" } else { "conversationChanged" }).await;
                cursor = session.expect("totalUnreadMessageCountChanged").await.cursor;
                fastest_us = fastest_us.min(clock::now_us() - begun_us);
            }
            assert!(fastest_us < AT_ONCE_US, "{program:?} holds events of {transport:?} back for {fastest_us} µs");
            if transport == Transport::WebSocket {
                let called = session.done("getTotalUnreadMessageCount", json!({})).await;
                assert_eq!(called["totalUnreadCount"], TIMED);
            }
            let answer = total(&keys::token(&user)).send(balancer.address).await;
            assert_eq!((answer.status, &answer.json()["totalUnreadCount"]), (200, &json!(TIMED)));
            let resumed = gateway.opening(transport, &user).at(balancer.address).since(&cursor.expect("a cursor"));
            assert_eq!(resumed.open().await.sync().await.mode, "replay");
        }
        let large = Call::post("/server/v1/sendMessage").bearer(&API_KEY);
        let large = large.body(padded(&c2c("bob", "alice", 1).to_string(), 4 << 20));
        assert_eq!(large.send(balancer.address).await.status, 200, "{program:?}: as much as a node takes");
    }
}

#[tokio::test]
async fn behind_a_balancer_a_client_is_known_by_its_own_address_whatever_it_says() {
    for program in BALANCERS {
        let gateway = Gateway::with(&["--trusted-proxy", "127.0.0.1", "--requests-per-address", REQUESTS]).await;
        let balancer = Balancer::start(program, &[gateway.address]).await;
        let token = keys::token("alice");
        let from = async |address: &'static str, said: &str| {
            let call = total(&token).from(address).header("x-forwarded-for", said);
            call.send(balancer.address).await.status
        };
        let mut statuses = Vec::new();
        for n in 0..3 * AT_ONCE {
            statuses.push(from(BUSY, &format!("192.0.2.{n}")).await);
        }
        assert!(statuses.contains(&429), "{program:?}: {statuses:?}");
        assert_eq!(from(OTHER, "127.0.0.2").await, 200, "{program:?}: another one is not held to it");
        let mut session = gateway.opening(Transport::WebSocket, "alice").from(OTHER).at(balancer.address).open().await;
        session.sync().await;
    }
}

/// A node that is ready, takes calls, and ends each connection instead of answering; counts them.
async fn node_that_answers_no_call() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (address, calls) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let counted = calls.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = answer_no_call(stream, &counted).await;
        }
    });
    (address, calls)
}

async fn answer_no_call(stream: TcpStream, calls: &AtomicUsize) -> std::io::Result<()> {
    let (mut stream, mut line) = (BufReader::new(stream), String::new());
    stream.read_line(&mut line).await?;
    let is_call = line.starts_with("POST");
    while !line.trim().is_empty() {
        line.clear();
        stream.read_line(&mut line).await?;
    }
    if is_call {
        calls.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await
}

#[tokio::test]
async fn a_call_that_a_node_has_taken_is_never_repeated_by_the_balancer() {
    for program in BALANCERS {
        let (a, taken_by_a) = node_that_answers_no_call().await;
        let (b, taken_by_b) = node_that_answers_no_call().await;
        let balancer = Balancer::start(program, &[a, b]).await;
        let answer = soon("an answer of the balancer's own", total("token").send(balancer.address)).await;
        assert_eq!(answer.status, 502, "{program:?}");
        let taken = taken_by_a.load(Ordering::Relaxed) + taken_by_b.load(Ordering::Relaxed);
        assert_eq!(taken, 1, "{program:?}: the node may have done it");
    }
}

#[tokio::test]
async fn a_call_that_finds_a_node_gone_goes_to_another_one() {
    for program in BALANCERS {
        let (a, mut b) = (Gateway::start().await, Gateway::start().await);
        let balancer = Balancer::start(program, &[a.address, b.address]).await;
        b.kill();
        for n in 0..6 {
            assert_eq!(total(&keys::token("alice")).send(balancer.address).await.status, 200, "{program:?}, call {n}");
        }
    }
}
