//! docs/DOMAIN.md, 2: what a backend says of profiles, members, reading and rows that go.

use super::lists::{CHANGED, DELETED, NEW, TOTAL, counts, devices, refused, row};
use crate::support::{Gateway, Value, backend::but, c2c, group, json};

fn profile(name: &str) -> Value {
    json!({"conversation": {"type": 1, "userID": "bob", "showName": name}, "recipients": ["alice", "carol"]})
}

fn join(group_id: &str) -> Value {
    let conversation = json!({"type": 2, "groupID": group_id, "groupType": "Public", "showName": "Team"});
    json!({"conversation": conversation, "recipients": ["alice"], "seq": 10})
}

scenario!(domain_2_server_set_profile_shows_a_user_anew_on_every_device_and_makes_no_row, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "c2c_bob").await;
    assert_eq!(counts(&gateway.post("setProfile", profile("Bob B.")).await), (1, 1));
    let row = devices.flush([CHANGED]).await[0].row().clone();
    assert_eq!((&row["showName"], &row["orderKey"]), (&json!("Bob B."), &before["orderKey"]));
    assert_eq!(gateway.row("carol", "c2c_bob").await, None);
    assert_eq!(counts(&gateway.post("setProfile", profile("Bob B.")).await), (0, 2));
    devices.silence(gateway).await;
});

scenario!(domain_2_server_set_profile_of_a_group_leaves_absent_fields, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let face = json!({"type": 2, "groupID": "g", "faceUrl": "https://f/g.png", "groupType": "Public"});
    gateway.post("setProfile", json!({"conversation": face, "recipients": ["alice"]})).await;
    let row = devices.flush([CHANGED]).await[0].row().clone();
    assert_eq!((&row["showName"], &row["faceUrl"]), (&json!("Team"), &json!("https://f/g.png")));
    assert_eq!(row["groupType"], "Public");
});

scenario!(domain_2_server_set_profile_ignores_a_revision_that_is_not_greater, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let revised = |name: &str, revision: u64| but(profile(name), "/revision", json!(revision));
    assert_eq!(counts(&gateway.post("setProfile", revised("Bob", 5)).await), (1, 1));
    devices.flush([CHANGED]).await;
    for revision in [5, 4] {
        assert_eq!(counts(&gateway.post("setProfile", revised("Robert", revision)).await), (0, 2));
    }
    devices.silence(gateway).await;
    gateway.post("setProfile", revised("Rob", 6)).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["showName"], "Rob");
    let nobody = json!({"conversation": {"type": 1, "showName": "x"}, "recipients": ["alice"]});
    refused(gateway.backend("setProfile", nobody).await, 6017, "expected whose profile it is");
});

scenario!(domain_2_server_join_group_makes_the_row_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let message = json!({"msgID": "m10", "seq": 10, "timestamp": 1, "text": "alice joined"});
    let with_message = but(but(join("new"), "/message", message), "/sender", json!("zoe"));
    assert_eq!(counts(&gateway.post("joinGroup", with_message.clone()).await), (1, 0));
    let row = devices.flush([NEW]).await[0].row().clone();
    assert_eq!(
        (&row["showName"], &row["groupType"], &row["unreadCount"]),
        (&json!("Team"), &json!("Public"), &json!(0))
    );
    assert_eq!((&row["lastMessage"]["text"], &row["groupReadSequence"]), (&json!("alice joined"), &json!(10)));
    assert_eq!(gateway.list("alice").await[0], row);
    assert_eq!(counts(&gateway.post("joinGroup", with_message).await), (0, 1));
    devices.silence(gateway).await;
});

scenario!(domain_2_server_join_group_where_the_row_is_changes_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "group_g").await;
    assert_eq!(counts(&gateway.post("joinGroup", join("g")).await), (0, 1));
    assert_eq!(row(gateway, "group_g").await, before);
    devices.silence(gateway).await;
});

scenario!(domain_2_server_join_group_counts_only_what_comes_after_its_seq, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    gateway.post("joinGroup", join("new")).await;
    assert_eq!(devices.flush([NEW]).await[0].row()["lastMessage"], Value::Null);
    gateway.post("sendMessage", group("new", "zoe", &["alice"], 9)).await;
    gateway.send(group("new", "zoe", &["alice"], 11)).await;
    assert_eq!(row(gateway, "group_new").await["unreadCount"], 1);
});

scenario!(domain_2_server_join_group_says_what_is_wrong_with_its_params, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let message = json!({"msgID": "m10", "seq": 10, "timestamp": 1});
    for (params, says) in [
        (but(join("new"), "/conversation", json!({"type": 1, "userID": "bob"})), "expected 2 (group), got 1"),
        (but(join("new"), "/message", message), "params.sender: expected the message's sender, got none"),
        (but(join("new"), "/seq", json!(0)), "params.seq: expected 1 to 2^53 − 1, got 0"),
    ] {
        refused(gateway.backend("joinGroup", params).await, 6017, says);
    }
    devices.silence(gateway).await;
});

scenario!(domain_2_server_mark_read_reads_for_a_user_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let read = json!({"userID": "alice", "conversationID": "group_g", "cleanSequence": 2});
    assert_eq!(counts(&gateway.post("markRead", read.clone()).await), (1, 0));
    let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
    assert_eq!((&changed.row()["unreadCount"], &total.data["totalUnreadCount"]), (&json!(1), &json!(4)));
    assert_eq!(counts(&gateway.post("markRead", read).await), (0, 1));
    devices.silence(gateway).await;
});

scenario!(domain_2_server_mark_read_reads_by_time_or_all_of_a_kind, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let by_time = json!({"userID": "alice", "conversationID": "c2c_bob", "cleanTimestamp": 1_795_000_001});
    gateway.post("markRead", by_time).await;
    assert_eq!(devices.flush([CHANGED, TOTAL]).await[1].data["totalUnreadCount"], 5);
    let all = gateway.post("markRead", json!({"userID": "alice", "conversationID": "c2c"})).await;
    assert_eq!(counts(&all), (2, 0));
    assert_eq!(devices.flush([CHANGED, TOTAL]).await[1].data["totalUnreadCount"], 3);
});

scenario!(domain_2_server_mark_read_of_a_row_that_is_not_there_is_6004, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let nowhere = json!({"userID": "alice", "conversationID": "group_nowhere"});
    refused(gateway.backend("markRead", nowhere).await, 6004, "the conversation is not in the list");
    refused(gateway.backend("markRead", json!({"conversationID": "group_g"})).await, 6017, "userID");
    devices.silence(gateway).await;
});

scenario!(domain_2_server_delete_conversation_takes_the_row_from_each_recipient, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    gateway.send(group("g", "bob", &["carol"], 3)).await;
    let delete = json!({"recipients": ["alice", "carol", "dora"], "conversationID": "group_g"});
    assert_eq!(counts(&gateway.post("deleteConversation", delete.clone()).await), (2, 1));
    let [deleted, total] = devices.flush([DELETED, TOTAL]).await;
    assert_eq!((deleted.ids(), &total.data["totalUnreadCount"]), (vec!["group_g".to_owned()], &json!(3)));
    assert_eq!(gateway.list("carol").await.len(), 1, "only the row of the C2C conversation is left");
    assert_eq!(counts(&gateway.post("deleteConversation", delete).await), (0, 3));
    devices.silence(gateway).await;
});

scenario!(domain_2_server_delete_conversation_keeps_the_barrier_like_the_users_own, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    gateway.post("deleteConversation", json!({"recipients": ["alice"], "conversationID": "c2c_bob"})).await;
    devices.flush([DELETED, TOTAL]).await;
    assert_eq!(counts(&gateway.post("sendMessage", c2c("bob", "alice", 2)).await), (0, 2));
    devices.silence(gateway).await;
    gateway.send(c2c("bob", "alice", 3)).await;
    assert_eq!(devices.flush([NEW, TOTAL]).await[0].row()["unreadCount"], 1);
    let wrong = json!({"recipients": ["alice"], "conversationID": "bob"});
    refused(gateway.backend("deleteConversation", wrong).await, 6017, "conversationID");
});
