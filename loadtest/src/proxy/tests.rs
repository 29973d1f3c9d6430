//! Does the proxy do to connections what it says?

use super::*;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(5);
const NOT_NOW: Duration = Duration::from_millis(150);

/// A server that answers everything with itself, one connection after the other.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
                let _ = to.write_all(b"end").await;
            });
        }
    });
    address
}

async fn proxied() -> (Proxy, TcpStream) {
    let proxy = Proxy::start(echo().await, None).await.unwrap();
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    (proxy, stream)
}

async fn say(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
}

async fn hear(stream: &mut TcpStream, text: &[u8]) {
    let mut bytes = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut bytes)).await.expect("in time").expect("no end");
    assert_eq!(bytes, text);
}

async fn hear_nothing(stream: &mut TcpStream) {
    let mut byte = [0];
    assert!(timeout(NOT_NOW, stream.read(&mut byte)).await.is_err(), "something came");
}

#[tokio::test]
async fn bytes_pass_and_a_stall_holds_them_until_it_ends() {
    let (proxy, mut stream) = proxied().await;
    say(&mut stream, b"one").await;
    hear(&mut stream, b"one").await;
    for rule in [Rule::Stall, Rule::StallAnswers] {
        proxy.set(Kind::Calls, rule);
        say(&mut stream, b"two").await;
        hear_nothing(&mut stream).await;
        proxy.heal();
        hear(&mut stream, b"two").await;
    }
}

#[tokio::test]
async fn a_cut_connection_is_reset_and_the_next_one_may_go_elsewhere() {
    let (proxy, mut stream) = proxied().await;
    say(&mut stream, b"GET /v1/ws").await;
    hear(&mut stream, b"GET /v1/ws").await;
    assert_eq!((proxy.cut(&[Kind::Calls]), proxy.cut(&[Kind::Session])), (0, 1));
    let error = timeout(SOON, stream.read(&mut [0])).await.expect("in time").expect_err("a reset");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    proxy.switch(([127, 0, 0, 1], 1).into());
    let mut refused = TcpStream::connect(proxy.address).await.unwrap();
    assert!(timeout(SOON, refused.read(&mut [0])).await.expect("in time").is_err());
    proxy.switch(echo().await);
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    say(&mut stream, b"again").await;
    hear(&mut stream, b"again").await;
}

#[tokio::test]
async fn a_half_closed_connection_still_carries_answers() {
    let (proxy, mut stream) = proxied().await;
    say(&mut stream, b"one").await;
    hear(&mut stream, b"one").await;
    proxy.set(Kind::Calls, Rule::HalfClosed);
    hear(&mut stream, b"end").await;
}

#[tokio::test]
async fn a_rule_is_for_one_kind_and_may_be_for_some_of_its_connections() {
    let (proxy, mut first) = proxied().await;
    say(&mut first, b"x").await;
    hear(&mut first, b"x").await;
    let mut second = TcpStream::connect(proxy.address).await.unwrap();
    say(&mut second, b"y").await;
    hear(&mut second, b"y").await;
    proxy.set(Kind::Session, Rule::Stall);
    say(&mut first, b"x").await;
    hear(&mut first, b"x").await;
    proxy.set_some(Kind::Calls, Rule::Stall, 2);
    say(&mut first, b"x").await;
    hear(&mut first, b"x").await;
    say(&mut second, b"y").await;
    hear_nothing(&mut second).await;
}

#[tokio::test]
async fn delays_and_slow_answers_lose_nothing() {
    let (proxy, mut stream) = proxied().await;
    proxy.set(Kind::Calls, Rule::Delay(NOT_NOW));
    say(&mut stream, b"one").await;
    hear_nothing(&mut stream).await;
    hear(&mut stream, b"one").await;
    proxy.set(Kind::Calls, Rule::Slow(1_000));
    let many = vec![b'x'; 300];
    say(&mut stream, &many).await;
    hear_nothing(&mut stream).await;
    hear(&mut stream, &many).await;
}

#[tokio::test]
async fn a_deaf_subscriber_gets_everything_but_what_is_published() {
    let (proxy, mut stream) = proxied().await;
    let subscribe: &[u8] = b"*2\r\n$10\r\nSSUBSCRIBE\r\n$1\r\nc\r\n";
    let published: &[u8] = b"*3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nx\r\n";
    say(&mut stream, subscribe).await;
    hear(&mut stream, subscribe).await;
    say(&mut stream, published).await;
    hear(&mut stream, published).await;
    proxy.set(Kind::Subscriber, Rule::Deaf);
    say(&mut stream, &[published, b"+PONG\r\n"].concat()).await;
    hear(&mut stream, b"+PONG\r\n").await;
}
