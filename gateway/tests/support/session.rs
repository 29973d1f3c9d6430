//! What does a test do with a session? It reads events, calls, and compares its list with the server's.

use super::{
    Gateway, Value,
    connection::Stream,
    json,
    list::{Event, List},
    soon,
};
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

/// What comes in.
#[derive(Debug)]
enum Received {
    Event(Event),
    Reply(Value),
    /// The close code and its reason, where there was a close frame.
    Closed(Option<(u16, String)>),
}

/// One device of a user.
pub(crate) struct Session {
    stream: Stream,
    user: String,
    /// Events that came while something else was awaited.
    waiting: VecDeque<Event>,
    last_id: u64,
    pub(crate) list: List,
}

/// A whole sync.
#[derive(Debug)]
pub(crate) struct Sync {
    pub(crate) mode: String,
    /// Everything between start and finish.
    pub(crate) events: Vec<Event>,
    /// The data of the finish.
    pub(crate) finish: Value,
    /// The cursor of the finish.
    pub(crate) cursor: String,
}

impl Sync {
    fn ids_of(&self, name: &str) -> Vec<String> {
        self.events.iter().filter(|event| event.name == name).flat_map(Event::ids).collect()
    }

    pub(crate) fn created(&self) -> Vec<String> {
        self.ids_of("newConversation")
    }

    pub(crate) fn changed(&self) -> Vec<String> {
        self.ids_of("conversationChanged")
    }

    pub(crate) fn deleted(&self) -> Vec<String> {
        self.ids_of("conversationDeleted")
    }
}

impl Session {
    pub(crate) fn new(stream: Stream, user: String) -> Self {
        Self { stream, user, waiting: VecDeque::new(), last_id: 0, list: List::default() }
    }

    /// The event stream below.
    pub(crate) fn events(&mut self) -> &mut super::events::EventStream {
        match &mut self.stream {
            Stream::Events(stream) => stream,
            Stream::WebSocket(_) => panic!("not an event stream"),
        }
    }

    async fn receive(&mut self) -> Received {
        match &mut self.stream {
            Stream::Events(stream) => stream.next().await.map_or(Received::Closed(None), Received::Event),
            Stream::WebSocket(stream) => loop {
                match stream.next().await {
                    Some(Ok(Message::Text(text))) => break read(&text),
                    Some(Ok(Message::Close(frame))) => {
                        break Received::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break Received::Closed(None),
                }
            },
        }
    }

    /// The next event.
    #[track_caller]
    pub(crate) fn next(&mut self) -> impl Future<Output = Event> {
        soon("an event", async move {
            let event = match self.waiting.pop_front() {
                Some(event) => event,
                None => match self.receive().await {
                    Received::Event(event) => event,
                    other => panic!("expected an event, got {other:?}"),
                },
            };
            self.list.apply(&event);
            event
        })
    }

    /// The next event, which must have this name.
    #[track_caller]
    pub(crate) fn expect(&mut self, name: &str) -> impl Future<Output = Event> {
        let (name, caller) = (name.to_owned(), std::panic::Location::caller());
        let next = self.next();
        async move {
            let event = next.await;
            assert_eq!(event.name, name, "{event:?} at {caller}");
            event
        }
    }

    /// One whole sync, in its right order.
    pub(crate) async fn sync(&mut self) -> Sync {
        let start = self.expect("syncServerStart").await;
        assert_eq!(start.cursor, None);
        let mut events = Vec::new();
        loop {
            let event = self.next().await;
            assert_ne!(event.name, "syncServerFailed", "{event:?}");
            if event.name == "syncServerFinish" {
                assert_eq!(event.data["mode"], start.data["mode"]);
                assert_eq!(
                    events.last().map(|last: &Event| last.name.as_str()),
                    Some("totalUnreadMessageCountChanged")
                );
                let mode = start.data["mode"].as_str().expect("a mode").to_owned();
                return Sync { mode, events, finish: event.data, cursor: event.cursor.expect("a finish has a cursor") };
            }
            events.push(event);
        }
    }

    /// Sends a call; its answer is for [`Session::reply`].
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        self.say(&json!({"id": self.last_id, "method": method, "params": params}).to_string()).await;
        self.last_id
    }

    /// A call over WebSocket: its result, or its error object.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.ask(method, params).await;
        let mut reply = self.reply().await;
        assert_eq!(reply["id"], json!(id), "{reply}");
        match reply.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(reply["result"].take()),
        }
    }

    /// A call that is done.
    pub(crate) async fn done(&mut self, method: &str, params: Value) -> Value {
        self.call(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The next answer to a call; events are kept for later.
    pub(crate) async fn reply(&mut self) -> Value {
        soon("a reply", async {
            loop {
                match self.receive().await {
                    Received::Event(event) => self.waiting.push_back(event),
                    Received::Reply(reply) => return reply,
                    closed @ Received::Closed(_) => panic!("expected a reply, got {closed:?}"),
                }
            }
        })
        .await
    }

    /// Sends a text frame as it is.
    pub(crate) async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends any frame.
    pub(crate) async fn send(&mut self, message: Message) {
        match &mut self.stream {
            Stream::WebSocket(stream) => stream.send(message).await.expect("the connection stands"),
            Stream::Events(_) => panic!("an event stream cannot be written to"),
        }
    }

    /// Sends a frame on a connection that may be closed already.
    pub(crate) async fn try_send(&mut self, message: Message) {
        if let Stream::WebSocket(stream) = &mut self.stream {
            let _ = stream.send(message).await;
        }
    }

    /// What comes first: `None` if it is an event, else the close code.
    pub(crate) async fn first(&mut self) -> Option<u16> {
        self.first_or_close().await.map(|(code, _)| code)
    }

    /// What comes first: `None` if it is an event or the answer to a call that is done, else the close code and its reason.
    pub(crate) async fn first_or_close(&mut self) -> Option<(u16, String)> {
        match self.receive().await {
            Received::Reply(reply) if reply.get("result").is_some() => None,
            Received::Event(_) => None,
            Received::Closed(close) => Some(close.expect("a close frame")),
            Received::Reply(reply) => panic!("expected an event or the close, got {reply}"),
        }
    }

    /// Sends a ping and waits for its pong.
    pub(crate) async fn pinged(&mut self, payload: &'static [u8]) {
        self.send(Message::Ping(payload.into())).await;
        let Stream::WebSocket(stream) = &mut self.stream else { panic!("not a WebSocket") };
        soon("the pong", async {
            loop {
                match stream.next().await.expect("the connection stands").expect("a frame") {
                    Message::Pong(bytes) => break assert_eq!(bytes, payload),
                    Message::Ping(_) => {}
                    other => panic!("expected a pong, got {other}"),
                }
            }
        })
        .await;
    }

    /// Writes bytes below the WebSocket.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let Stream::WebSocket(stream) = &mut self.stream else { panic!("not a WebSocket") };
        stream.get_mut().write_all(bytes).await.expect("the connection stands");
    }

    /// Waits for the end: its close code, and the events before it. Replies are dropped.
    pub(crate) async fn closed(&mut self) -> (Option<u16>, Vec<Event>) {
        let mut events: Vec<Event> = self.waiting.drain(..).collect();
        let code = soon("the close", async {
            loop {
                match self.receive().await {
                    Received::Event(event) => events.push(event),
                    Received::Reply(_) => {}
                    Received::Closed(close) => return close.map(|(code, _)| code),
                }
            }
        })
        .await;
        (code, events)
    }

    /// Reads until the client's list satisfies a condition.
    pub(crate) async fn read_until(&mut self, mut holds: impl FnMut(&List) -> bool) {
        while !holds(&self.list) {
            self.next().await;
        }
    }

    /// Reads until the client has what the server has, rows and total; for times when nobody writes.
    pub(crate) async fn converge(&mut self, gateway: &Gateway) {
        let (rows, total) = (gateway.list(&self.user).await, gateway.total(&self.user).await);
        let arrived = async {
            while self.list.rows() != rows || self.list.total() != Some(total) {
                self.next().await;
            }
        };
        if tokio::time::timeout(super::PATIENCE, arrived).await.is_err() {
            panic!("not converged: has {:#?} {:?}, server has {rows:#?} {total}", self.list.rows(), self.list.total());
        }
        assert_eq!(self.list.sum(), total, "the total is the sum");
    }

    /// Shows that nothing is on its way: a message to the user comes next, alone.
    pub(crate) async fn expect_silence_until_marker(&mut self, gateway: &Gateway) {
        static MARKERS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let marker = format!("marker{}", MARKERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let silent = json!({"recipients": [self.user], "conversation": {"type": 2, "groupID": marker}});
        gateway.post("joinGroup", silent).await;
        loop {
            let event = self.expect("newConversation").await;
            let id = event.ids().remove(0);
            if id == format!("group_{marker}") {
                return;
            }
            assert!(id.starts_with("group_marker"), "{event:?}");
        }
    }
}

fn read(text: &str) -> Received {
    let mut value: Value = serde_json::from_str(text).expect("frames are JSON");
    match value.get("event") {
        None => Received::Reply(value),
        Some(name) => {
            let name = name.as_str().expect("a name").to_owned();
            let cursor = value.get("cursor").map(|cursor| cursor.as_str().expect("a text").to_owned());
            Received::Event(Event { name, cursor, data: value["data"].take() })
        }
    }
}
