//! docs/DOMAIN.md, 2: messages that a backend sends, modifies, revokes and deletes.

use super::lists::{CHANGED, NEW, TOTAL, counts, devices, import, known_sessions, refused, row};
use crate::support::{Gateway, Value, backend::but, c2c, group, json};

/// What names message `seq` of bob in `group_g`, for alice.
fn of_group(seq: u64) -> Value {
    json!({"conversation": {"type": 2, "groupID": "g"}, "sender": "bob", "recipients": ["alice"],
        "msgID": format!("m{seq}"), "seq": seq})
}

/// Message `seq` of bob in `group_g` with another text.
fn edit(seq: u64, text: &str) -> Value {
    but(group("g", "bob", &["alice"], seq), "/message/text", json!(text))
}

scenario!(domain_2_server_send_message_changes_both_sides_of_a_c2c_conversation, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let profiles = json!({"alice": {"showName": "Alice"}, "dora": {"showName": "Dora", "faceUrl": "https://f/d.png"}});
    let result = gateway.post("sendMessage", but(c2c("dora", "alice", 1), "/profiles", profiles)).await;
    assert_eq!(counts(&result), (2, 0));
    let [new, total] = devices.flush([NEW, TOTAL]).await;
    let of_alice = new.row();
    assert_eq!((&of_alice["conversationID"], &of_alice["unreadCount"]), (&json!("c2c_dora"), &json!(1)));
    assert_eq!((&of_alice["showName"], &of_alice["faceUrl"]), (&json!("Dora"), &json!("https://f/d.png")));
    assert_eq!((&of_alice["lastMessage"]["isSelf"], &total.data["totalUnreadCount"]), (&json!(false), &json!(7)));
    let of_dora = gateway.row("dora", "c2c_alice").await.unwrap();
    assert_eq!((&of_dora["unreadCount"], &of_dora["showName"]), (&json!(0), &json!("Alice")));
    assert_eq!(of_dora["lastMessage"]["isSelf"], true);
});

scenario!(
    domain_2_server_send_message_to_a_group_changes_the_rows_of_its_recipients_once,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let result = gateway.post("sendMessage", group("g", "zoe", &["alice", "carol", "alice", "zoe"], 4)).await;
        assert_eq!(counts(&result), (3, 0));
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!((&changed.row()["unreadCount"], &total.data["totalUnreadCount"]), (&json!(4), &json!(7)));
        assert_eq!((gateway.total("carol").await, gateway.total("zoe").await), (1, 0));
        gateway.send(group("g", "eve", &["alice"], 5)).await;
        assert_eq!(gateway.row("eve", "group_g").await, None, "a sender that is no recipient has no row");
    }
);

scenario!(domain_2_server_send_message_repeated_is_a_duplicate_and_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = gateway.list("alice").await;
    for message in [c2c("bob", "alice", 2), c2c("bob", "alice", 1)] {
        assert_eq!(counts(&gateway.post("sendMessage", message).await), (0, 2));
    }
    assert_eq!(counts(&gateway.post("sendMessage", group("g", "bob", &["alice"], 2)).await), (0, 1));
    assert_eq!(gateway.list("alice").await, before);
    devices.silence(gateway).await;
});

scenario!(domain_2_server_send_message_names_in_failed_who_could_not_have_it, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    // Each of these characters is six bytes of the row's 16 KiB.
    let draft = json!({"conversationID": "group_g", "draftText": "\u{1}".repeat(2_000)});
    devices.done("setConversationDraft", draft).await;
    let [before] = devices.flush([CHANGED]).await;
    let large = but(group("g", "bob", &["carol", "alice"], 4), "/message/text", json!("\u{1}".repeat(1_000)));
    let result = gateway.post("sendMessage", large).await;
    let failed = &result["failed"][0];
    assert_eq!((&result["applied"], &failed["userID"], &failed["code"]), (&json!(1), &json!("alice"), &json!(6017)));
    assert!(failed["message"].as_str().unwrap().contains("larger than 16 KiB"), "{failed}");
    assert_eq!(row(gateway, "group_g").await, *before.row());
    devices.silence(gateway).await;
});

scenario!(domain_2_server_send_message_says_what_is_wrong_with_its_params, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let good = || group("g", "bob", &["alice"], 4);
    for (params, says) in [
        (but(good(), "/message/seq", json!(0)), "params.message.seq: expected 1 to 2^53 − 1, got 0"),
        (but(good(), "/message/msgID", json!(null)), "msgID"),
        (but(good(), "/recipients", json!([])), "params.recipients: expected 1 to 10000 users, got 0"),
        (but(good(), "/conversation/groupID", json!(null)), "expected the group's id"),
        (but(good(), "/mesage", json!(1)), "mesage"),
        (but(c2c("bob", "alice", 3), "/recipients", json!(["alice", "carol"])), "expected the one peer"),
        (but(c2c("bob", "alice", 3), "/recipients", json!(["bob"])), "expected somebody other than the sender"),
    ] {
        refused(gateway.backend("sendMessage", params).await, 6017, says);
    }
    devices.silence(gateway).await;
});

scenario!(domain_2_server_send_message_with_want_totals_tells_what_an_offline_push_needs, async |gateway: &Gateway| {
    import(gateway, "bob", 2).await;
    let _device = gateway.live("carol").await;
    known_sessions(gateway, "carol", 1).await;
    let mut message = group("9", "alice", &["alice", "bob", "carol"], 1);
    message["wantTotals"] = json!(true);
    let first = gateway.send(message.clone()).await;
    let of = |total: u64, online: bool, recv_opt: u64| json!({"totalUnreadCount": total, "online": online, "recvOpt": recv_opt});
    assert_eq!(first["users"], json!({"bob": of(3, false, 0), "carol": of(1, true, 0)}), "without the sender");
    let mute = json!({"conversationIDList": ["group_9"], "recvOpt": 2});
    gateway.call("bob", "setReceiveMessageOpt", mute).await.unwrap();
    let again = gateway.post("sendMessage", message).await;
    assert_eq!((counts(&again), &again["users"]["bob"]), ((0, 3), &of(2, false, 2)));
    assert_eq!(gateway.send(c2c("alice", "bob", 1)).await.get("users"), None);
});

scenario!(domain_2_server_modify_message_replaces_the_previews_content_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let before = row(gateway, "group_g").await;
    assert_eq!(counts(&gateway.post("modifyMessage", edit(3, "edited")).await), (1, 0));
    let row = devices.flush([CHANGED]).await[0].row().clone();
    assert_eq!((&row["lastMessage"]["text"], &row["lastMessage"]["seq"]), (&json!("edited"), &json!(3)));
    assert_eq!((&row["orderKey"], &row["unreadCount"]), (&before["orderKey"], &json!(3)));
    for (seq, text) in [(3, "edited"), (2, "not the preview")] {
        assert_eq!(counts(&gateway.post("modifyMessage", edit(seq, text)).await), (0, 1));
    }
    let nowhere = but(edit(3, "x"), "/conversation/groupID", json!("nowhere"));
    assert_eq!(counts(&gateway.post("modifyMessage", nowhere).await), (0, 1), "it makes no row");
    devices.silence(gateway).await;
});

scenario!(domain_2_server_modify_message_ignores_a_revision_that_is_not_greater, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let revised = |text: &str, revision: u64| but(edit(3, text), "/revision", json!(revision));
    assert_eq!(counts(&gateway.post("modifyMessage", revised("second", 2)).await), (1, 0));
    devices.flush([CHANGED]).await;
    for (text, revision) in [("first", 1), ("other second", 2)] {
        assert_eq!(counts(&gateway.post("modifyMessage", revised(text, revision)).await), (0, 1));
    }
    devices.silence(gateway).await;
    gateway.post("modifyMessage", revised("third", 3)).await;
    assert_eq!(devices.flush([CHANGED]).await[0].row()["lastMessage"]["text"], "third");
    refused(gateway.backend("modifyMessage", but(edit(3, "x"), "/revision", json!("4"))).await, 6017, "revision");
});

scenario!(domain_2_server_modify_message_before_its_message_is_remembered_for_it, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    assert_eq!(counts(&gateway.post("modifyMessage", edit(4, "edited")).await), (0, 1));
    devices.silence(gateway).await;
    gateway.send(group("g", "bob", &["alice"], 4)).await;
    assert_eq!(devices.flush([CHANGED, TOTAL]).await[0].row()["lastMessage"]["text"], "edited");
});

scenario!(domain_2_server_revoke_message_takes_text_and_count_once_on_every_device, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let mention = but(group("g", "bob", &["alice"], 4), "/message/atUserList", json!(["alice"]));
    gateway.send(mention).await;
    devices.flush([CHANGED, TOTAL]).await;
    let before = row(gateway, "group_g").await;
    let revoke = but(but(of_group(4), "/revoker", json!("admin")), "/revokeReason", json!("spam"));
    assert_eq!(counts(&gateway.post("revokeMessage", revoke.clone()).await), (1, 0));
    let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
    let (row, last) = (changed.row(), &changed.row()["lastMessage"]);
    let shown = ["status", "text", "revoker", "revokeReason"].map(|field| last[field].clone());
    assert_eq!(shown, [json!(6), json!(""), json!("admin"), json!("spam")]);
    assert_eq!((&row["unreadCount"], &row["groupAtInfoList"]), (&json!(3), &json!([])));
    assert_eq!((&row["orderKey"], &total.data["totalUnreadCount"]), (&before["orderKey"], &json!(6)));
    assert_eq!(counts(&gateway.post("revokeMessage", revoke).await), (0, 1));
    devices.silence(gateway).await;
});

scenario!(
    domain_2_server_revoke_message_changes_both_sides_and_its_revoker_is_the_sender,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let revoke =
            json!({"conversation": {"type": 1}, "sender": "bob", "recipients": ["alice"], "msgID": "m2", "seq": 2});
        assert_eq!(counts(&gateway.post("revokeMessage", revoke).await), (2, 0));
        let [changed, _] = devices.flush([CHANGED, TOTAL]).await;
        assert_eq!(
            (&changed.row()["unreadCount"], &changed.row()["lastMessage"]["revoker"]),
            (&json!(1), &json!("bob"))
        );
        assert_eq!(gateway.row("bob", "c2c_alice").await.unwrap()["lastMessage"]["status"], 6);
    }
);

scenario!(
    domain_2_server_revoke_message_before_its_message_is_remembered_if_the_row_is_there,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        assert_eq!(counts(&gateway.post("revokeMessage", of_group(4)).await), (0, 1));
        let nowhere = but(of_group(1), "/conversation/groupID", json!("nowhere"));
        assert_eq!(counts(&gateway.post("revokeMessage", nowhere).await), (0, 1));
        devices.silence(gateway).await;
        gateway.send(group("g", "bob", &["alice"], 4)).await;
        let row = devices.flush([CHANGED]).await[0].row().clone();
        assert_eq!((&row["unreadCount"], &row["lastMessage"]["status"]), (&json!(3), &json!(6)));
        assert_eq!(gateway.row("alice", "group_nowhere").await, None);
        refused(gateway.backend("revokeMessage", of_group(0)).await, 6017, "params.seq: expected 1 to 2^53 − 1, got 0");
    }
);

scenario!(
    domain_2_server_delete_message_puts_the_previous_one_in_its_place_on_every_device,
    async |gateway: &Gateway| {
        let mut devices = devices(gateway).await;
        let before = row(gateway, "group_g").await;
        let previous =
            json!({"msgID": "m2", "seq": 2, "timestamp": 1_795_000_002, "text": "before it", "sender": "alice"});
        let delete = but(of_group(3), "/previousMessage", previous);
        assert_eq!(counts(&gateway.post("deleteMessage", delete.clone()).await), (1, 0));
        let [changed, total] = devices.flush([CHANGED, TOTAL]).await;
        let (row, last) = (changed.row(), &changed.row()["lastMessage"]);
        assert_eq!((&last["seq"], &last["text"], &last["isSelf"]), (&json!(2), &json!("before it"), &json!(true)));
        assert_eq!((&row["unreadCount"], &row["orderKey"]), (&json!(2), &before["orderKey"]));
        assert_eq!(total.data["totalUnreadCount"], 5);
        assert_eq!(counts(&gateway.post("deleteMessage", delete).await), (0, 1));
        devices.silence(gateway).await;
    }
);

scenario!(domain_2_server_delete_message_without_a_previous_one_leaves_no_preview, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let other = but(of_group(2), "/previousMessage", json!({"msgID": "m1", "seq": 1, "timestamp": 1, "sender": "bob"}));
    gateway.post("deleteMessage", other).await;
    let [changed, _] = devices.flush([CHANGED, TOTAL]).await;
    assert_eq!((&changed.row()["unreadCount"], &changed.row()["lastMessage"]["seq"]), (&json!(2), &json!(3)));
    gateway.post("deleteMessage", of_group(3)).await;
    let [changed, _] = devices.flush([CHANGED, TOTAL]).await;
    assert_eq!((&changed.row()["unreadCount"], &changed.row()["lastMessage"]), (&json!(1), &Value::Null));
});

scenario!(domain_2_server_delete_message_before_its_message_keeps_it_out, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    assert_eq!(counts(&gateway.post("deleteMessage", of_group(4)).await), (0, 1));
    gateway.post("sendMessage", group("g", "bob", &["alice"], 4)).await;
    devices.silence(gateway).await;
    assert_eq!(row(gateway, "group_g").await["lastMessage"]["seq"], 3);
    let later = json!({"msgID": "m4", "seq": 4, "timestamp": 1, "sender": "bob"});
    let answer = gateway.backend("deleteMessage", but(of_group(4), "/previousMessage", later)).await;
    refused(answer, 6017, "expected a seq below that of the deleted message, 4, got 4");
});
