//! Are the totals of filters told exactly, over subscriptions and queries, also after a reconnect?

use crate::support::{BOTH, Gateway, Session, Transport, Value, c2c, group, json};
use conversation_protocol::CloseCode;

const SUBSCRIBE: &str = "subscribeUnreadMessageCountByFilter";
const UNSUBSCRIBE: &str = "unsubscribeUnreadMessageCountByFilter";
const EVENT: &str = "unreadMessageCountChangedByFilter";

async fn call(gateway: &Gateway, method: &str, params: Value) {
    gateway.call("alice", method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"));
}

/// Alice with 2 unread of bob, 1 of carol and 3 of a group.
async fn with_three_rows() -> Gateway {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    gateway.send(c2c("bob", "alice", 2)).await;
    gateway.send(c2c("carol", "alice", 1)).await;
    for seq in 1..=3 {
        gateway.send(group("g1", "bob", &["alice"], seq)).await;
    }
    gateway
}

/// Reads up to the next event of a filter: its filter and its total, which is what a read gives.
async fn next_total(session: &mut Session, gateway: &Gateway) -> (Value, u64) {
    loop {
        let event = session.next().await;
        if event.name == EVENT {
            let (filter, total) = (event.data["filter"].clone(), event.data["totalUnreadCount"].clone());
            let read = gateway.call("alice", "getUnreadMessageCountByFilter", json!({"filter": filter})).await.unwrap();
            assert_eq!(read["totalUnreadCount"], total, "{filter}");
            return (filter, total.as_u64().expect("a number"));
        }
    }
}

#[tokio::test]
async fn whatever_changes_a_filtered_total_is_told_with_the_new_one() {
    let gateway = with_three_rows().await;
    let mut session = gateway.live("alice").await;
    let marked = json!({"markType": 1});
    let reply = session.done(SUBSCRIBE, json!({"filter": marked})).await;
    assert_eq!((&reply["totalUnreadCount"], reply["version"].is_u64()), (&json!(0), true));
    let ids = json!(["c2c_bob", "c2c_carol"]);
    let mark = |enable: bool| json!({"conversationIDList": ids, "markType": 1, "enableMark": enable});
    let mute = |recv_opt: u64| json!({"conversationIDList": ["c2c_bob"], "recvOpt": recv_opt});
    let read = json!({"conversationID": "c2c_carol", "cleanTimestamp": 0, "cleanSequence": 0});
    for (method, params, total) in [
        ("markConversation", mark(true), 3),
        ("setReceiveMessageOpt", mute(2), 1),
        ("setReceiveMessageOpt", mute(0), 3),
        ("cleanConversationUnreadMessageCount", read, 2),
        ("deleteConversation", json!({"conversationID": "c2c_bob"}), 0),
    ] {
        call(&gateway, method, params).await;
        assert_eq!(next_total(&mut session, &gateway).await, (marked.clone(), total), "{method}");
    }
    gateway.send(c2c("carol", "alice", 2)).await;
    assert_eq!(next_total(&mut session, &gateway).await, (marked.clone(), 1));
    call(&gateway, "markConversation", mark(false)).await;
    assert_eq!(next_total(&mut session, &gateway).await, (marked, 0));
    session.converge(&gateway).await;
}

#[tokio::test]
async fn a_filters_event_is_the_last_of_its_flush_and_only_for_what_it_counts() {
    let gateway = with_three_rows().await;
    let mut session = gateway.live("alice").await;
    let groups = json!({"type": 2});
    let reply = session.done(SUBSCRIBE, json!({"filter": groups})).await;
    assert_eq!(reply["totalUnreadCount"], 3);
    gateway.send(group("g1", "bob", &["alice"], 4)).await;
    assert_eq!(session.expect("conversationChanged").await.cursor, None);
    assert_eq!(session.expect("totalUnreadMessageCountChanged").await.cursor, None);
    let event = session.expect(EVENT).await;
    assert_eq!((&event.data["filter"], &event.data["totalUnreadCount"]), (&groups, &json!(4)));
    assert!(event.data["version"].as_u64() > reply["version"].as_u64() && event.cursor.is_some());
    gateway.send(c2c("bob", "alice", 3)).await;
    session.expect("conversationChanged").await;
    session.expect("totalUnreadMessageCountChanged").await;
    session.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn a_filter_that_is_unsubscribed_is_told_no_more() {
    let gateway = with_three_rows().await;
    let mut session = gateway.live("alice").await;
    for _ in 0..2 {
        let reply = session.done(SUBSCRIBE, json!({"filter": {}})).await;
        assert_eq!(reply["totalUnreadCount"], 6);
    }
    for filter in [json!({}), json!({}), json!({"type": 1})] {
        assert_eq!(session.done(UNSUBSCRIBE, json!({"filter": filter})).await, json!({}));
    }
    gateway.send(c2c("bob", "alice", 3)).await;
    session.expect("conversationChanged").await;
    session.expect("totalUnreadMessageCountChanged").await;
    session.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn filters_of_the_query_are_told_once_after_each_connect() {
    let gateway = with_three_rows().await;
    for transport in BOTH {
        let mut since: Option<String> = None;
        for connects in 0..2 {
            let mut opening = gateway.opening(transport, "alice");
            for filter in [r#"{"type":2}"#, r#"{"conversationGroup":"none"}"#, r#"{"type":2}"#] {
                opening = opening.query("filter", filter);
            }
            if let Some(since) = &since {
                opening = opening.since(since);
            }
            let mut session = opening.open().await;
            assert_eq!(session.sync().await.mode, if connects == 0 { "full" } else { "replay" });
            let first = next_total(&mut session, &gateway).await;
            let second = next_total(&mut session, &gateway).await;
            assert_eq!((first.0, second), (json!({"type": 2}), (json!({"conversationGroup": "none"}), 0)));
            session.expect_silence_until_marker(&gateway).await;
            gateway.send(group(&format!("{transport:?}{connects}"), "bob", &["alice"], 1)).await;
            assert_eq!(next_total(&mut session, &gateway).await, (json!({"type": 2}), first.1 + 1));
            since = session.list.cursor.clone();
        }
    }
}

#[tokio::test]
async fn moving_between_groups_moves_between_filters() {
    let gateway = with_three_rows().await;
    let (work, none) = (json!({"conversationGroup": "work"}), json!({"conversationGroup": ""}));
    let mut session = gateway.live("alice").await;
    assert_eq!(session.done(SUBSCRIBE, json!({"filter": work})).await["totalUnreadCount"], 0);
    assert_eq!(session.done(SUBSCRIBE, json!({"filter": none})).await["totalUnreadCount"], 6);
    let params = json!({"groupName": "work", "conversationIDList": ["c2c_bob", "group_g1"]});
    call(&gateway, "createConversationGroup", params).await;
    assert_eq!(next_total(&mut session, &gateway).await, (work.clone(), 5));
    assert_eq!(next_total(&mut session, &gateway).await, (none.clone(), 1));
    call(&gateway, "deleteConversationGroup", json!({"groupName": "work"})).await;
    assert_eq!(next_total(&mut session, &gateway).await, (work, 0));
    assert_eq!(next_total(&mut session, &gateway).await, (none, 6));
}

#[tokio::test]
async fn a_twenty_first_filter_and_one_that_is_none_are_refused() {
    let gateway = with_three_rows().await;
    let filter = |number: u32| json!({"conversationGroup": number.to_string()});
    let mut session = gateway.live("alice").await;
    for number in 0..20 {
        session.done(SUBSCRIBE, json!({"filter": filter(number)})).await;
    }
    let error = session.call(SUBSCRIBE, json!({"filter": filter(20)})).await.expect_err("a refusal");
    assert_eq!(error["code"], 6017);
    assert!(error["message"].as_str().unwrap().contains("at most 20 filters"), "{error}");
    session.done(SUBSCRIBE, json!({"filter": filter(3)})).await;
    session.done(UNSUBSCRIBE, json!({"filter": filter(3)})).await;
    session.done(SUBSCRIBE, json!({"filter": filter(20)})).await;

    let many: Vec<String> = (0..21).map(|number| filter(number).to_string()).collect();
    for filters in [many, vec!["{".to_owned()], vec![r#"{"type":3}"#.to_owned()]] {
        let opening = |transport| {
            let opening = gateway.opening(transport, "alice");
            filters.iter().fold(opening, |opening, filter| opening.query("filter", filter))
        };
        let answer = opening(Transport::Events).refused_events().await;
        assert_eq!(answer.status, 400);
        let error = &answer.json()["error"];
        assert_eq!(error["code"], 6017);
        assert!(error["message"].as_str().unwrap().starts_with("filter: "), "{error}");
        opening(Transport::WebSocket).refused_websocket(CloseCode::ProtocolError).await;
    }
}

#[tokio::test]
async fn over_http_nobody_subscribes() {
    let gateway = with_three_rows().await;
    for method in [SUBSCRIBE, UNSUBSCRIBE] {
        let error = gateway.call("alice", method, json!({"filter": {}})).await.expect_err("a refusal");
        assert!(error["message"].as_str().unwrap().contains("WebSocket sessions only"), "{error}");
    }
}
