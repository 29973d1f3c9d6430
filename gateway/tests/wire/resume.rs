//! What does a client get when it comes back with a cursor?

use super::sync::fill;
use crate::support::{BOTH, Gateway, Session, Transport, c2c, group, json};
use conversation_protocol::CloseCode;

/// Three rows, a cursor that knows them, and then fifty changes to each.
async fn three_rows_changed_fifty_times(gateway: &Gateway) -> String {
    fill(gateway, "alice", 3).await;
    let cursor = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    let entry =
        |seq: u64, n: u64| json!({"method": "sendMessage", "params": group(&format!("g{n}"), "zoe", &["alice"], seq)});
    let entries: Vec<_> = (2..52).flat_map(|seq| (0..3).map(move |n| entry(seq, n))).collect();
    gateway.post("batch", json!(entries)).await;
    cursor
}

#[tokio::test]
async fn three_rows_that_changed_fifty_times_are_replayed_once_each_in_their_newest_state() {
    let gateway = Gateway::start().await;
    let cursor = three_rows_changed_fifty_times(&gateway).await;
    for transport in BOTH {
        let mut session = gateway.opening(transport, "alice").since(&cursor).open().await;
        let sync = session.sync().await;
        assert_eq!((sync.mode.as_str(), sync.created().len(), sync.deleted().len()), ("replay", 0, 0));
        assert_eq!(sync.changed(), ["group_g0", "group_g1", "group_g2"]);
        assert!(sync.finish.get("nextSeq").is_none() && sync.finish.get("isFinished").is_none(), "{}", sync.finish);
        assert_eq!(sync.finish["conversationCount"], 3);
        session.converge(&gateway).await;
        assert_eq!(session.list.row("group_g1").unwrap()["unreadCount"], 51);
    }
}

#[tokio::test]
async fn a_replay_at_the_newest_cursor_has_no_rows() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 3).await;
    for transport in BOTH {
        let first = gateway.open(transport, "alice").await.sync().await;
        let again = gateway.opening(transport, "alice").since(&first.cursor).open().await.sync().await;
        assert_eq!((again.mode.as_str(), again.events.len()), ("replay", 1));
        assert_eq!(again.cursor, first.cursor);
    }
}

#[tokio::test]
async fn a_replay_tells_new_changed_and_deleted_rows_apart() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 3).await;
    let cursor = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    gateway.send(group("g0", "zoe", &["alice"], 2)).await;
    gateway.send(c2c("bob", "alice", 1)).await;
    gateway.post("deleteConversation", json!({"recipients": ["alice"], "conversationID": "group_g1"})).await;
    gateway.post("deleteConversation", json!({"recipients": ["alice"], "conversationID": "group_g2"})).await;
    gateway.send(group("g2", "zoe", &["alice"], 2)).await;
    for transport in BOTH {
        let sync = gateway.opening(transport, "alice").since(&cursor).open().await.sync().await;
        assert_eq!(sync.changed(), ["group_g0"]);
        assert_eq!(sync.created(), ["c2c_bob", "group_g2"], "a row that is there again is new");
        assert_eq!(sync.deleted(), ["group_g1"]);
    }
}

#[tokio::test]
async fn the_last_event_id_of_a_stream_wins_over_since() {
    let gateway = Gateway::start().await;
    let old = three_rows_changed_fifty_times(&gateway).await;
    let newest = gateway.open(Transport::Events, "alice").await.sync().await.cursor;
    let opening = gateway.opening(Transport::Events, "alice").since(&old).header("last-event-id", &newest);
    let sync = opening.open().await.sync().await;
    assert_eq!((sync.mode.as_str(), sync.changed().len()), ("replay", 0));
    let opening = gateway.opening(Transport::Events, "alice").since(&newest).header("last-event-id", "garbage");
    assert_eq!(opening.open().await.sync().await.mode, "full");
}

#[tokio::test]
async fn a_cursor_that_cannot_be_served_gives_a_full_sync_without_an_error() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 2).await;
    fill(&gateway, "bob", 1).await;
    let of_bob = gateway.open(Transport::WebSocket, "bob").await.sync().await.cursor;
    let of_alice = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    let (epoch, version) = of_alice.split_once(':').unwrap();
    let ahead = format!("{epoch}:{}", version.parse::<u64>().unwrap() + 1);
    for cursor in ["", "garbage", "1:2:3", "ffff:1", "-1:-1", "%00", of_bob.as_str(), ahead.as_str()] {
        for transport in BOTH {
            let sync = gateway.opening(transport, "alice").since(cursor).open().await.sync().await;
            assert_eq!((sync.mode.as_str(), sync.created().len()), ("full", 2), "{cursor}");
        }
    }
}

#[tokio::test]
async fn the_cursor_of_a_user_without_data_replays_every_row() {
    let gateway = Gateway::start().await;
    let cursor = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    assert_eq!(cursor, "0:0");
    fill(&gateway, "alice", 3).await;
    for transport in BOTH {
        let mut session = gateway.opening(transport, "alice").since(&cursor).open().await;
        let sync = session.sync().await;
        assert_eq!((sync.mode.as_str(), sync.created().len()), ("replay", 3));
        session.converge(&gateway).await;
    }
}

#[tokio::test]
async fn the_last_frame_of_each_slice_of_a_replay_carries_a_cursor_from_which_the_rest_is_given() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let cursor = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    fill(&gateway, "alice", 250).await;
    for transport in BOTH {
        let sync = gateway.opening(transport, "alice").since(&cursor).open().await.sync().await;
        assert_eq!((sync.mode.as_str(), sync.created().len()), ("replay", 250));
        let slices: Vec<_> = sync.events.iter().filter(|event| !event.ids().is_empty()).collect();
        assert_eq!(slices.iter().map(|event| event.ids().len()).collect::<Vec<_>>(), [100, 100, 50]);
        let after_first = slices[0].cursor.as_ref().expect("a cursor on the slice's last frame");
        let rest = gateway.opening(transport, "alice").since(after_first).open().await.sync().await;
        assert_eq!((rest.created(), rest.cursor), (sync.created()[100..].to_vec(), sync.cursor));
    }
}

#[tokio::test]
async fn more_than_1000_changed_rows_are_not_replayed() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let cursor = gateway.open(Transport::WebSocket, "alice").await.sync().await.cursor;
    fill(&gateway, "alice", 1_000).await;
    let replay = gateway.opening(Transport::Events, "alice").since(&cursor).open().await.sync().await;
    assert_eq!((replay.mode.as_str(), replay.created().len()), ("replay", 1_000));
    gateway.send(c2c("carol", "alice", 1)).await;
    let full = gateway.opening(Transport::Events, "alice").since(&cursor).open().await.sync().await;
    assert_eq!((full.mode.as_str(), full.created().len()), ("full", 100));
}

#[tokio::test]
async fn the_cursor_of_a_first_page_over_http_can_be_followed() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 3).await;
    let page = gateway.call("alice", "getConversationList", json!({"nextSeq": 0, "count": 2})).await.unwrap();
    let cursor = page["cursor"].as_str().expect("the first page has a cursor");
    let next = gateway.call("alice", "getConversationList", json!({"nextSeq": page["nextSeq"], "count": 2})).await;
    assert!(next.unwrap().get("cursor").is_none(), "only the first page has one");
    gateway.send(group("g0", "zoe", &["alice"], 2)).await;
    let sync = gateway.opening(Transport::WebSocket, "alice").since(cursor).open().await.sync().await;
    assert_eq!((sync.mode.as_str(), sync.changed()), ("replay", vec!["group_g0".to_owned()]));
}

#[tokio::test]
async fn a_client_that_comes_back_again_and_again_misses_nothing() {
    let gateway = Gateway::start().await;
    let mut list = gateway.live("alice").await.list;
    for round in 1..=10 {
        gateway.send(c2c("bob", "alice", round)).await;
        gateway.send(group(&format!("g{}", round % 4), "bob", &["alice"], round)).await;
        let cursor = list.cursor.clone().expect("a cursor");
        let mut session: Session = gateway.opening(BOTH[round as usize % 2], "alice").since(&cursor).open().await;
        session.list = list;
        session.sync().await;
        gateway.send(c2c("carol", "alice", round)).await;
        session.converge(&gateway).await;
        list = session.list;
    }
}

#[tokio::test]
async fn a_window_or_a_device_that_is_wrong_is_refused() {
    let gateway = Gateway::start().await;
    for (name, value) in [("window", "0"), ("window", "1001"), ("window", "many"), ("device", &"d".repeat(65))] {
        let answer = gateway.opening(Transport::Events, "alice").query(name, value).refused_events().await;
        assert_eq!(answer.refusal(), (400, 6017), "{name}");
        let opening = gateway.opening(Transport::WebSocket, "alice").query(name, value);
        opening.refused_websocket(CloseCode::ProtocolError).await;
    }
}
