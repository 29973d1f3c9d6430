//! What do malformed frames do to a session?

use crate::support::{Gateway, Transport, Value, c2c, json, keys, padded};
use conversation_protocol::CloseCode;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

/// Texts that are no request with an id.
fn malformed() -> [String; 9] {
    [
        "{".to_owned(),
        "[]".to_owned(),
        r#"[{"id":1,"method":"ping"}]"#.to_owned(),
        "ping".to_owned(),
        String::new(),
        r#"{"method":"ping","params":{}}"#.to_owned(),
        r#"{"id":null,"method":"ping"}"#.to_owned(),
        r#"{"id":1,"method":"ping","extra":1}"#.to_owned(),
        format!(r#"{{"id":"{}","method":"ping"}}"#, "x".repeat(65)),
    ]
}

#[tokio::test]
async fn a_malformed_frame_is_answered_without_an_id_and_the_session_survives() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    for text in malformed() {
        session.say(&text).await;
        let reply = session.reply().await;
        assert_eq!((reply.get("id"), &reply["error"]["code"]), (None, &json!(6017)), "{text}");
    }
    session.done("ping", json!({})).await;
    gateway.send(c2c("bob", "alice", 1)).await;
    session.expect("newConversation").await;
}

#[tokio::test]
async fn a_binary_frame_is_answered_without_an_id() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    session.send(Message::binary(br#"{"id":1,"method":"ping"}"#.to_vec())).await;
    let reply = session.reply().await;
    assert_eq!((reply.get("id"), &reply["error"]["code"]), (None, &json!(6017)), "{reply}");
    session.done("ping", json!({})).await;
}

#[tokio::test]
async fn the_tenth_malformed_frame_in_a_minute_closes_with_4000() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    for n in 0..9 {
        session.send(if n % 2 == 0 { Message::text("{") } else { Message::binary(vec![0]) }).await;
        session.reply().await;
    }
    session.done("ping", json!({})).await;
    assert!(session.call("nonsense", json!({})).await.is_err(), "a refused call is no malformed frame");
    session.say("{").await;
    assert_eq!(session.reply().await["error"]["code"], 6017);
    assert_eq!(session.closed().await.0, Some(CloseCode::ProtocolError.code()));
}

#[tokio::test]
async fn a_frame_over_64_kib_closes_with_1009_and_one_of_64_kib_is_read() {
    let gateway = Gateway::start().await;
    let padded = |bytes: usize| padded(r#"{"id":1,"method":"ping"}"#, bytes);
    let mut session = gateway.live("alice").await;
    session.say(&padded(65_536)).await;
    assert_eq!(session.reply().await, json!({"id": 1, "result": {}}));
    for bytes in [65_537, 200_000, 5_000_000] {
        let mut session = gateway.live("alice").await;
        session.try_send(Message::text(padded(bytes))).await;
        assert_eq!(session.closed().await.0, Some(CloseCode::FrameTooLarge.code()), "{bytes}");
    }
}

#[tokio::test]
async fn a_message_in_parts_is_read_as_one_and_is_limited_as_one() {
    let gateway = Gateway::start().await;
    let part = |text: &str, code: Data, is_last: bool| {
        Message::Frame(Frame::message(text.as_bytes().to_vec(), OpCode::Data(code), is_last))
    };
    let mut session = gateway.live("alice").await;
    session.send(part(r#"{"id":1,"#, Data::Text, false)).await;
    session.send(part(r#""method":"#, Data::Continue, false)).await;
    session.send(part(r#""ping"}"#, Data::Continue, true)).await;
    assert_eq!(session.reply().await, json!({"id": 1, "result": {}}));
    session.try_send(part(&"x".repeat(40_000), Data::Text, false)).await;
    session.try_send(part(&"x".repeat(40_000), Data::Continue, true)).await;
    assert_eq!(session.closed().await.0, Some(CloseCode::FrameTooLarge.code()));
}

#[tokio::test]
async fn text_that_is_not_utf8_ends_the_session() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    session.send(Message::Frame(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true))).await;
    assert_eq!(session.closed().await.0, Some(1007));
}

#[tokio::test]
async fn an_id_may_be_a_number_or_a_text_and_comes_back_as_it_was() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    for id in [json!(0), json!(9_007_199_254_740_991_u64), json!("x".repeat(64)), json!("")] {
        session.say(&json!({"id": id, "method": "ping"}).to_string()).await;
        assert_eq!(session.reply().await, json!({"id": id, "result": {}}));
    }
}

#[tokio::test]
async fn calls_are_answered_in_their_order() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    let mut asked = Vec::new();
    for n in 0..12 {
        let (method, params) = match n % 3 {
            0 => ("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": format!("{n}")})),
            1 => ("getConversation", json!({"conversationID": "c2c_bob"})),
            _ => ("ping", json!({})),
        };
        asked.push(session.ask(method, params).await);
    }
    let mut drafts: Vec<Value> = Vec::new();
    for id in asked {
        let mut reply = session.reply().await;
        assert_eq!(reply["id"], id);
        drafts.extend(reply.pointer_mut("/result/conversation/draftText").map(Value::take));
    }
    assert_eq!(drafts, ["0", "3", "6", "9"], "each reads what was written before it");
}

#[tokio::test]
async fn pings_are_answered_before_and_after_authenticate() {
    let gateway = Gateway::start().await;
    let mut session = gateway.opening(Transport::WebSocket, "alice").anonymous().open().await;
    session.pinged(b"before").await;
    session.done("authenticate", json!({"token": keys::token("alice")})).await;
    session.sync().await;
    session.pinged(b"after").await;
}

#[tokio::test]
async fn a_frame_that_only_declares_to_be_large_is_refused_at_once() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    let mut frame = vec![0x81, 0x80 | 127];
    frame.extend_from_slice(&(1_u64 << 40).to_be_bytes());
    frame.extend_from_slice(&[0; 100]);
    session.raw(&frame).await;
    assert_eq!(session.closed().await.0, Some(CloseCode::FrameTooLarge.code()));
}

#[tokio::test]
async fn large_answers_follow_one_another_at_once() {
    let gateway = Gateway::start().await;
    super::sync::fill(&gateway, "alice", 1_000).await;
    let mut session = gateway.live("alice").await;
    let begun = tokio::time::timeout(std::time::Duration::from_secs(5), async {
        for _ in 0..8 {
            session.ask("getConversationList", json!({"nextSeq": 0, "count": 1_000})).await;
        }
        for _ in 0..8 {
            session.reply().await;
        }
    });
    begun.await.expect("no answer waits for a heartbeat");
}

#[tokio::test]
async fn who_calls_and_never_reads_is_not_heard_until_there_is_room_again() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    let mut sent = 0;
    let blocked = loop {
        let text = json!({"id": sent, "method": "nonsense", "params": {}}).to_string();
        let send = session.say(&text);
        if tokio::time::timeout(std::time::Duration::from_millis(500), send).await.is_err() {
            break true;
        }
        sent += 1;
        if sent == 200_000 {
            break false;
        }
    };
    assert!(blocked, "200,000 answers are kept for a client that reads none of them");
    for n in 0..sent {
        assert_eq!(session.reply().await["id"], n);
    }
}
