//! docs/DOMAIN.md, 2: rows that a user deletes, one or many.

use super::lists::{CHANGED, DELETED, TOTAL, codes_of, counts, devices, refused, row};
use crate::support::{Gateway, c2c, group, ids, json};

scenario!(domain_2_delete_conversation_tells_every_device_the_deletion_and_the_total, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    assert_eq!(devices.done("deleteConversation", json!({"conversationID": "c2c_bob"})).await, json!({}));
    let [deleted, total] = devices.flush([DELETED, TOTAL]).await;
    assert_eq!((deleted.ids(), &total.data["totalUnreadCount"]), (vec!["c2c_bob".to_owned()], &json!(4)));
    assert_eq!(ids(&gateway.list("alice").await), ["group_g", "c2c_carol"]);
    assert!(gateway.row("bob", "c2c_alice").await.is_some(), "the other side keeps its row");
});

scenario!(domain_2_delete_conversation_of_what_is_not_there_succeeds_and_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("deleteConversation", json!({"conversationID": "group_g"})).await;
    devices.flush([DELETED, TOTAL]).await;
    for id in ["group_g", "c2c_nobody"] {
        assert_eq!(devices.done("deleteConversation", json!({"conversationID": id})).await, json!({}));
    }
    devices.silence(gateway).await;
});

scenario!(domain_2_delete_conversation_of_a_read_row_leaves_the_total_untold, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("cleanConversationUnreadMessageCount", json!({"conversationID": "group_g"})).await;
    devices.flush([CHANGED, TOTAL]).await;
    devices.done("deleteConversation", json!({"conversationID": "group_g"})).await;
    devices.flush([DELETED]).await;
    devices.silence(gateway).await;
});

scenario!(domain_2_delete_conversation_drops_everything_but_the_receive_option, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let one = json!(["group_g"]);
    for (method, params) in [
        ("setReceiveMessageOpt", json!({"conversationIDList": one, "recvOpt": 2})),
        ("markConversation", json!({"conversationIDList": one, "markType": 1, "enableMark": true})),
        ("setConversationCustomData", json!({"conversationIDList": one, "customData": "x"})),
        ("createConversationGroup", json!({"groupName": "work", "conversationIDList": one})),
        ("pinConversation", json!({"conversationID": "group_g", "isPinned": true})),
        ("setConversationDraft", json!({"conversationID": "group_g", "draftText": "d"})),
        ("deleteConversation", json!({"conversationID": "group_g"})),
    ] {
        devices.done(method, params).await;
    }
    let repeated = gateway.post("sendMessage", group("g", "bob", &["alice"], 3)).await;
    assert_eq!(counts(&repeated), (0, 1), "what it had does not bring it back");
    gateway.send(group("g", "bob", &["alice"], 4)).await;
    let back = row(gateway, "group_g").await;
    assert_eq!((&back["recvOpt"], &back["unreadCount"], &back["isPinned"]), (&json!(2), &json!(1), &json!(false)));
    assert_eq!((&back["draftText"], &back["customData"]), (&json!(""), &json!("")));
    assert_eq!((&back["markList"], &back["conversationGroupList"]), (&json!([]), &json!([])));
});

scenario!(domain_2_delete_conversation_says_what_an_id_is, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    for id in ["bob", "", "c2c_", "room_7"] {
        let answer = devices.call("deleteConversation", json!({"conversationID": id})).await;
        refused(answer, 6017, "conversationID");
    }
    devices.silence(gateway).await;
});

scenario!(domain_2_delete_conversation_list_answers_for_each_id_and_is_one_event, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let asked = ["group_g", "c2c_nobody", "c2c_bob"];
    let result = devices.done("deleteConversationList", json!({"conversationIDList": asked})).await;
    assert_eq!(codes_of(&result, &asked), [0, 0, 0], "deleting what is not there is done");
    let [deleted, total] = devices.flush([DELETED, TOTAL]).await;
    assert_eq!((deleted.ids(), &total.data["totalUnreadCount"]), (vec![asked[0].into(), asked[2].into()], &json!(1)));
    assert_eq!(ids(&gateway.list("alice").await), ["c2c_carol"]);
});

scenario!(domain_2_delete_conversation_list_repeated_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let both = json!({"conversationIDList": ["group_g", "c2c_bob", "group_g"]});
    devices.done("deleteConversationList", both.clone()).await;
    devices.flush([DELETED, TOTAL]).await;
    devices.done("deleteConversationList", both).await;
    devices.silence(gateway).await;
});

scenario!(domain_2_delete_conversation_list_keeps_barrier_and_receive_option_of_each, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let both = json!(["group_g", "c2c_bob"]);
    devices.done("setReceiveMessageOpt", json!({"conversationIDList": both, "recvOpt": 1})).await;
    devices.done("deleteConversationList", json!({"conversationIDList": both})).await;
    assert_eq!(counts(&gateway.post("sendMessage", c2c("bob", "alice", 2)).await), (0, 2));
    gateway.send(c2c("bob", "alice", 3)).await;
    let back = row(gateway, "c2c_bob").await;
    assert_eq!((&back["recvOpt"], &back["unreadCount"]), (&json!(1), &json!(1)));
});

scenario!(domain_2_delete_conversation_list_with_a_wrong_id_deletes_none, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let answer = devices.call("deleteConversationList", json!({"conversationIDList": ["c2c_bob", "bob"]})).await;
    refused(answer, 6017, "conversationIDList");
    refused(devices.call("deleteConversationList", json!({"conversationIDList": "c2c_bob"})).await, 6017, "IDList");
    devices.silence(gateway).await;
});
