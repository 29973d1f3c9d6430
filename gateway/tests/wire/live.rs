//! What does a live client hear, and in what form?

use super::sync::fill;
use crate::support::{BOTH, Gateway, Transport, c2c, group, json};

#[tokio::test]
async fn a_conversation_is_new_then_changed_then_deleted_each_time_with_the_total_and_one_cursor() {
    let gateway = Gateway::start().await;
    for (transport, user) in BOTH.into_iter().zip(["alice", "anna"]) {
        gateway.send(group("g1", user, &[user], 1)).await;
        let mut session = gateway.open(transport, user).await;
        session.sync().await;
        for (seq, name) in [(1, "newConversation"), (2, "conversationChanged")] {
            gateway.send(c2c("bob", user, seq)).await;
            let event = session.expect(name).await;
            assert_eq!((event.ids(), &event.cursor), (vec!["c2c_bob".to_owned()], &None), "the total comes after it");
            assert_eq!(event.row()["unreadCount"], seq);
            let total = session.expect("totalUnreadMessageCountChanged").await;
            assert_eq!(total.data, json!({"totalUnreadCount": seq, "version": event.row()["version"]}));
            assert!(total.cursor.is_some(), "the last frame of a flush");
        }
        gateway.post("deleteConversation", json!({"recipients": [user], "conversationID": "c2c_bob"})).await;
        let event = session.expect("conversationDeleted").await;
        assert_eq!(event.ids(), ["c2c_bob"]);
        assert!(event.data["version"].is_u64(), "{event:?}");
        let total = session.expect("totalUnreadMessageCountChanged").await;
        assert_eq!((&total.data["totalUnreadCount"], total.cursor.is_some()), (&json!(0), true));
        session.converge(&gateway).await;
    }
}

#[tokio::test]
async fn a_change_that_leaves_the_total_alone_sends_no_total_and_carries_the_cursor_itself() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    for transport in BOTH {
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        let draft = json!({"conversationID": "c2c_bob", "draftText": format!("{transport:?}")});
        gateway.call("alice", "setConversationDraft", draft).await.unwrap();
        let event = session.expect("conversationChanged").await;
        let cursor = event.cursor.expect("the last frame of a flush");
        let again = gateway.opening(transport, "alice").since(&cursor).open().await.sync().await;
        assert_eq!((again.mode.as_str(), again.changed().len()), ("replay", 0));
        session.expect_silence_until_marker(&gateway).await;
    }
}

#[tokio::test]
async fn a_deleted_conversation_that_is_there_again_is_new() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let mut session = gateway.live("alice").await;
    gateway.post("deleteConversation", json!({"recipients": ["alice"], "conversationID": "c2c_bob"})).await;
    session.expect("conversationDeleted").await;
    session.expect("totalUnreadMessageCountChanged").await;
    gateway.send(c2c("bob", "alice", 2)).await;
    let event = session.expect("newConversation").await;
    assert_eq!(event.row()["unreadCount"], 1, "it counts from the beginning");
    session.converge(&gateway).await;
}

#[tokio::test]
async fn a_burst_reaches_an_idle_client_to_its_last_message() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let mut sessions = [gateway.live("alice").await, gateway.open(Transport::Events, "alice").await];
    sessions[1].sync().await;
    fill(&gateway, "alice", 300).await;
    for session in &mut sessions {
        session.read_until(|list| list.row("group_g299").is_some()).await;
        session.converge(&gateway).await;
    }
}

#[tokio::test]
async fn an_event_stream_stands_at_once_and_must_not_be_stored_or_buffered() {
    let gateway = Gateway::start().await;
    let mut session = gateway.open(Transport::Events, "alice").await;
    session.sync().await;
    let stream = session.events();
    assert_eq!(stream.comments, 1, "a comment at once");
    assert!(stream.header("content-type").is_some_and(|value| value.starts_with("text/event-stream")));
    assert_eq!((stream.header("cache-control"), stream.header("x-accel-buffering")), (Some("no-store"), Some("no")));
    assert_eq!(stream.header("content-encoding").unwrap_or("identity"), "identity");
}

#[tokio::test]
async fn text_in_any_language_arrives_as_it_was_posted() {
    let gateway = Gateway::start().await;
    let text = "日本語 \u{1F600} \"quoted\" \\ \u{2028} \r\n\t\u{1} data: x\n\nevent: y";
    for (transport, user) in BOTH.into_iter().zip(["alice", "anna"]) {
        let mut session = gateway.open(transport, user).await;
        session.sync().await;
        let mut message = group("g1", "bob", &[user], 1);
        message["message"]["text"] = json!(text);
        gateway.send(message).await;
        assert_eq!(session.expect("newConversation").await.row()["lastMessage"]["text"], text);
    }
}

#[tokio::test]
async fn the_first_changes_of_a_user_without_data_reach_a_live_client_whole() {
    let gateway = Gateway::start().await;
    for (transport, user) in BOTH.into_iter().zip(["alice", "anna"]) {
        let mut session = gateway.open(transport, user).await;
        assert_eq!(session.sync().await.cursor, "0:0");
        fill(&gateway, user, 300).await;
        session.converge(&gateway).await;
    }
}
