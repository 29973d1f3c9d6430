//! The client against scripted servers: it resumes with its cursor, obeys codes, pages on and reports violations.

use super::*;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::CloseFrame,
    },
};

const WAIT: Duration = Duration::from_secs(10);

fn options(url: &str, transport: Transport) -> ClientOptions {
    ClientOptions {
        urls: vec![url.parse().unwrap()],
        first_url: 0,
        user: "alice".parse().unwrap(),
        device: Some("phone".to_owned()),
        transport,
        tokens: Tokens::Secret("s".repeat(32)),
        http: Http::new(),
        window: None,
        since: None,
        filters: Vec::new(),
        source: Some(Ipv4Addr::new(127, 0, 0, 3)),
    }
}

/// A server whose connections the test takes one by one.
struct Script {
    listener: TcpListener,
    url: String,
}

impl Script {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    async fn accept(&self) -> TcpStream {
        tokio::time::timeout(WAIT, self.listener.accept()).await.expect("the client connects").unwrap().0
    }

    /// The next WebSocket and the query it came with.
    #[allow(clippy::result_large_err, reason = "the callback's type is the library's")]
    async fn websocket(&self) -> (WebSocketStream<TcpStream>, String) {
        let mut query = String::new();
        let callback = |request: &Request, mut response: Response| {
            query = request.uri().query().unwrap_or_default().to_owned();
            let protocol = request.headers().get("sec-websocket-protocol").unwrap().clone();
            response.headers_mut().insert("sec-websocket-protocol", protocol);
            Ok(response)
        };
        let stream = tokio_tungstenite::accept_hdr_async(self.accept().await, callback).await.unwrap();
        (stream, query)
    }
}

fn start(mode: &str) -> Value {
    json!({"event": "syncServerStart", "data": {"mode": mode}})
}

fn total(total: u64, version: u64) -> Value {
    let data = json!({"totalUnreadCount": total, "version": version});
    json!({"event": "totalUnreadMessageCountChanged", "data": data})
}

fn finish(mode: &str, cursor: u64) -> Value {
    let mut data = json!({"mode": mode, "conversationGroupList": [], "conversationCount": 0});
    if mode == "full" {
        data["nextSeq"] = 0.into();
        data["isFinished"] = true.into();
    }
    json!({"event": "syncServerFinish", "cursor": format!("7:{cursor}"), "data": data})
}

async fn send(stream: &mut WebSocketStream<TcpStream>, frames: &[Value]) {
    for frame in frames {
        stream.send(Message::text(frame.to_string())).await.unwrap();
    }
}

#[tokio::test]
async fn a_cut_client_resumes_with_its_cursor() {
    let script = Script::new().await;
    let client = Client::start(options(&script.url, Transport::WebSocket), NoObserver);
    let (mut first, query) = script.websocket().await;
    assert_eq!(query, "device=phone");
    send(&mut first, &[start("full"), total(0, 5), finish("full", 5)]).await;
    assert!(client.wait_complete(WAIT).await);
    client.cut(Duration::ZERO).await;
    let (mut second, query) = script.websocket().await;
    assert_eq!(query, "since=7%3A5&device=phone");
    send(&mut second, &[start("replay"), total(0, 5), finish("replay", 5)]).await;
    assert!(client.wait_complete(WAIT).await);
    let (why, state) = client.stop().await;
    assert_eq!(why, None);
    assert_eq!(state.lock().unwrap().violations(), [] as [String; 0]);
    assert_eq!(state.lock().unwrap().counters().replays, 1);
}

#[tokio::test]
async fn a_client_that_left_comes_back_when_it_is_told_and_without_a_cursor_if_it_forgot() {
    let script = Script::new().await;
    let client = Client::start(options(&script.url, Transport::WebSocket), NoObserver);
    for forgets in [false, true] {
        let (mut stream, query) = script.websocket().await;
        let is_first = !query.contains("since");
        let mode = if is_first { "full" } else { "replay" };
        send(&mut stream, &[start(mode), total(0, 5), finish(mode, 5)]).await;
        assert!(client.wait_complete(WAIT).await);
        client.leave().await;
        while client.with_state(|state| state.phase()) != Phase::Offline {
            tokio::task::yield_now().await;
        }
        if forgets {
            client.forget().await;
        }
        client.come_back().await;
    }
    let (_, query) = script.websocket().await;
    assert_eq!(query, "device=phone");
    assert_eq!(client.with_state(|state| (state.counters().full_syncs, state.counters().replays)), (1, 1));
    client.stop().await;
}

#[tokio::test]
async fn a_violation_on_the_wire_is_reported() {
    let script = Script::new().await;
    let client = Client::start(options(&script.url, Transport::WebSocket), NoObserver);
    let (mut stream, _) = script.websocket().await;
    send(&mut stream, &[start("full"), total(0, 5), finish("full", 5), total(0, 6), json!({"event": "nonsense"})])
        .await;
    send(&mut stream, &[start("replay"), total(0, 6), finish("replay", 6)]).await;
    while client.with_state(|state| state.counters().replays) == 0 {
        tokio::task::yield_now().await;
    }
    let violations = client.with_state(|state| state.violations().to_vec());
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(violations[0].contains("came again though it had not changed"), "{violations:?}");
    assert!(violations[1].contains("unreadable"), "{violations:?}");
    client.stop().await;
}

#[tokio::test]
async fn a_code_from_4000_to_4099_stops_the_client() {
    let script = Script::new().await;
    let client = Client::start(options(&script.url, Transport::WebSocket), NoObserver);
    let (mut stream, _) = script.websocket().await;
    let frame = CloseFrame { code: 4003.into(), reason: "kicked".into() };
    stream.close(Some(frame)).await.unwrap();
    while !client.is_stopped() {
        tokio::task::yield_now().await;
    }
    assert!(client.call("ping", json!({})).await.is_err());
    assert_eq!(client.stop().await.0.as_deref(), Some("closed with 4003"));
}

#[tokio::test]
async fn a_call_gets_its_own_answer_and_a_page_is_asked_for_after_the_sync() {
    let script = Script::new().await;
    let client = Client::start(options(&script.url, Transport::WebSocket), NoObserver);
    let server = async {
        let (mut stream, _) = script.websocket().await;
        let mut partial = finish("full", 5);
        partial["data"]["nextSeq"] = 44.into();
        partial["data"]["isFinished"] = false.into();
        send(&mut stream, &[start("full"), total(0, 5), partial]).await;
        let mut asked = Vec::new();
        while asked.len() < 2 {
            let Some(Ok(Message::Text(text))) = stream.next().await else { continue };
            let call: Value = serde_json::from_str(text.as_str()).unwrap();
            let method = call["method"].as_str().unwrap().to_owned();
            let answer = match method.as_str() {
                "ping" => json!({"id": call["id"], "error": {"code": 6017, "message": "event"}}),
                _ => {
                    assert_eq!(call["params"]["nextSeq"], 44);
                    let result = json!({"conversationList": [], "nextSeq": 44, "isFinished": true});
                    json!({"id": call["id"], "result": result})
                }
            };
            send(&mut stream, &[answer]).await;
            asked.push(method);
        }
        asked.sort();
        (asked, stream)
    };
    let ((asked, _stream), answer) = tokio::join!(server, client.call("ping", json!({})));
    assert_eq!(asked, ["getConversationList", "ping"]);
    assert_eq!(answer.unwrap_err().code(), Some(6017));
    assert!(client.wait_complete(WAIT).await);
    client.stop().await;
}

#[tokio::test]
async fn an_event_stream_gives_the_same_state_and_resumes() {
    let script = Script::new().await;
    let client = Client::start(options(&script.url, Transport::EventStream), NoObserver);
    let serve = |mode: &'static str, cursor: u64| {
        let script = &script;
        async move {
            let mut stream = script.accept().await;
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let body: String = [start(mode), total(0, cursor), finish(mode, cursor)]
                .iter()
                .map(|frame| {
                    let id = frame["cursor"].as_str().map(|id| format!("id: {id}\n")).unwrap_or_default();
                    format!("event: {}\n{id}data: {}\n\n", frame["event"].as_str().unwrap(), frame["data"])
                })
                .collect();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n: hi\n\n";
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            (stream, String::from_utf8_lossy(&request[..length]).into_owned())
        }
    };
    let (stream, request) = serve("full", 5).await;
    assert!(request.starts_with("GET /v1/events?device=phone ") && request.contains("Bearer "), "{request}");
    assert!(client.wait_complete(WAIT).await);
    drop(stream);
    let (_stream, request) = serve("replay", 6).await;
    assert!(request.starts_with("GET /v1/events?since=7%3A5&device=phone "), "{request}");
    while client.with_state(|state| state.counters().replays) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.with_state(|state| state.violations().to_vec()), [] as [String; 0]);
    client.stop().await;
}
