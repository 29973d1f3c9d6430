//! Does a message that a backend deletes go from counts and previews, on both sides?

use crate::support::{Call, Gateway, Value, backend::but, c2c, group, json, keys::API_KEY};

fn deletion(group_id: &str, recipients: &[&str], seq: u64) -> Value {
    json!({"conversation": {"type": 2, "groupID": group_id}, "sender": "bob", "recipients": recipients,
        "msgID": format!("m{seq}"), "seq": seq})
}

fn previous(seq: u64) -> Value {
    json!({"msgID": format!("m{seq}"), "seq": seq, "timestamp": 1, "text": "before it", "sender": "carol"})
}

#[tokio::test]
async fn a_deleted_preview_gives_way_to_the_one_that_the_backend_names() {
    let gateway = Gateway::start().await;
    let mut alice = gateway.live("alice").await;
    for seq in 1..=3 {
        gateway.send(c2c("bob", "alice", seq)).await;
    }
    alice.converge(&gateway).await;
    let before = gateway.row("alice", "c2c_bob").await.unwrap();
    let mut delete = json!({"conversation": {"type": 1}, "sender": "bob", "recipients": ["alice"], "msgID": "m3",
        "seq": 3, "previousMessage": previous(2)});
    delete["previousMessage"]["sender"] = json!("alice");
    let result = gateway.post("deleteMessage", delete.clone()).await;
    assert_eq!((&result["applied"], &result["failed"]), (&json!(2), &json!([])));
    let event = alice.expect("conversationChanged").await;
    let last = &event.row()["lastMessage"];
    assert_eq!((&last["seq"], &last["text"], &last["isSelf"]), (&json!(2), &json!("before it"), &json!(true)));
    assert_eq!((&event.row()["unreadCount"], &event.row()["orderKey"]), (&json!(2), &before["orderKey"]));
    assert_eq!(gateway.row("bob", "c2c_alice").await.unwrap()["lastMessage"]["isSelf"], false);
    alice.converge(&gateway).await;
    assert_eq!(gateway.total("alice").await, 2);
    assert_eq!(gateway.post("deleteMessage", delete).await["duplicates"], 2);
    alice.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn a_deletion_before_its_message_keeps_it_out_and_one_without_a_row_makes_none() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let result = gateway.post("deleteMessage", deletion("g1", &["alice", "anna"], 2)).await;
    assert_eq!((&result["applied"], &result["duplicates"]), (&json!(0), &json!(2)));
    gateway.post("sendMessage", group("g1", "bob", &["alice"], 2)).await;
    let row = gateway.row("alice", "group_g1").await.unwrap();
    assert_eq!((&row["unreadCount"], &row["lastMessage"]["seq"]), (&json!(1), &json!(1)));
    assert_eq!(gateway.row("anna", "group_g1").await, None);
    gateway.post("deleteMessage", deletion("g1", &["alice"], 1)).await;
    let row = gateway.row("alice", "group_g1").await.unwrap();
    assert_eq!((&row["unreadCount"], &row["lastMessage"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn a_bad_deletion_is_refused_as_a_whole() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let before = gateway.list("alice").await;
    let good = || but(deletion("g1", &["alice"], 1), "/previousMessage", previous(1));
    let bad = [
        good(),
        but(deletion("g1", &["alice"], 0), "/more", json!(1)),
        but(deletion("g1", &["alice"], 1), "/seq", json!(0)),
        but(deletion("g1", &["alice"], 2), "/previousMessage", json!({"msgID": "m1", "seq": 1, "timestamp": 1})),
        but(deletion("g1", &[], 1), "/msgID", json!("m1")),
    ];
    for params in bad {
        let call = Call::post("/server/v1/deleteMessage").bearer(&API_KEY).json(&params);
        assert_eq!(call.send(gateway.address).await.refusal(), (400, 6017), "{params}");
    }
    assert_eq!(gateway.list("alice").await, before);
}
