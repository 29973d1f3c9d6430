//! docs/DOMAIN.md, 2: what a backend does with all that is kept of a user.

use super::lists::{Devices, NEW, TOTAL, code, devices, import, import_rows, known_sessions, refused, row, rows};
use crate::support::{Gateway, Transport, Value, group, ids, json};

scenario!(
    domain_2_server_import_conversations_makes_rows_in_list_order_under_those_that_come_later,
    async |gateway: &Gateway| {
        gateway.send(group("old", "bob", &["alice"], 1)).await;
        let mut list = rows(600);
        list[10]["isPinned"] = json!(true);
        let mut device = gateway.live("alice").await;
        import_rows(gateway, "alice", list).await;
        let mut expected: Vec<String> = (0..600).map(|number| format!("group_{number}")).collect();
        let pinned = expected.remove(10);
        expected.insert(0, pinned);
        expected.push("group_old".to_owned());
        assert_eq!(ids(&gateway.list("alice").await), expected, "above the rows that are there");
        assert_eq!(gateway.total("alice").await, 601);
        device.converge(gateway).await;
    }
);

scenario!(domain_2_server_import_conversations_repeated_leaves_what_is_there, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    import(gateway, "alice", 3).await;
    devices.flush([NEW, TOTAL]).await;
    let before = gateway.list("alice").await;
    let again = gateway.post("importConversations", json!({"userID": "alice", "conversationList": rows(3)})).await;
    assert_eq!(again, json!({"applied": 0, "duplicates": 3, "failed": []}));
    assert_eq!(gateway.list("alice").await, before);
    devices.silence(gateway).await;
});

scenario!(domain_2_server_import_conversations_takes_the_last_messages_as_unread, async |gateway: &Gateway| {
    let mut list = rows(1);
    list[0]["unreadCount"] = json!(3);
    list[0]["groupAtInfoList"] = json!([{"seq": 6, "atType": 1}]);
    import_rows(gateway, "alice", list).await;
    let imported = row(gateway, "group_0").await;
    assert_eq!((&imported["unreadCount"], &imported["groupReadSequence"]), (&json!(3), &json!(4)));
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    assert_eq!(row(gateway, "group_0").await["unreadCount"], 4);
    let read = json!({"userID": "alice", "conversationID": "group_0", "cleanSequence": 6});
    gateway.post("markRead", read).await;
    let read = row(gateway, "group_0").await;
    assert_eq!((&read["unreadCount"], &read["groupAtInfoList"]), (&json!(2), &json!([])));
});

scenario!(domain_2_server_import_conversations_refuses_what_is_wrong_as_a_whole, async |gateway: &Gateway| {
    let of = |list: Vec<Value>| json!({"userID": "alice", "conversationList": list});
    let mut bad = rows(3);
    bad[2]["unreadCount"] = json!(8);
    let message = "params.conversationList[2].unreadCount: expected at most lastMessage.seq, 7, got 8";
    refused(gateway.backend("importConversations", of(bad)).await, 6017, message);
    let twice = of([rows(1), rows(1)].concat());
    refused(gateway.backend("importConversations", twice).await, 6017, "conversationList[1].conversationID");
    let mut marked = rows(1);
    marked[0]["markList"] = json!([16]);
    refused(gateway.backend("importConversations", of(marked)).await, 6017, "conversationList[0].markList");
    let mut named = rows(1);
    named[0]["conversationGroupList"] = json!([""]);
    assert_eq!(code(gateway.backend("importConversations", of(named)).await), 51011);
    assert!(gateway.list("alice").await.is_empty());
});

scenario!(domain_2_server_import_conversations_names_in_failed_what_a_limit_forbids, async |gateway: &Gateway| {
    let mut pinned = rows(52);
    pinned.iter_mut().for_each(|row| row["isPinned"] = json!(true));
    let result = gateway.post("importConversations", json!({"userID": "alice", "conversationList": pinned})).await;
    assert_eq!((&result["applied"], &result["failed"][0]["resultCode"]), (&json!(50), &json!(51012)));
    assert_eq!(result["failed"][1]["conversationID"], "group_1", "the rows at the end of the list come first");
});

scenario!(domain_2_server_import_conversations_leaves_what_the_user_deleted, async |gateway: &Gateway| {
    import(gateway, "alice", 2).await;
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_0"})).await.unwrap();
    let again = gateway.post("importConversations", json!({"userID": "alice", "conversationList": rows(2)})).await;
    assert_eq!((&again["applied"], &again["duplicates"]), (&json!(0), &json!(2)));
    assert_eq!(ids(&gateway.list("alice").await), ["group_1"]);
    let mut newer = rows(1);
    newer[0]["lastMessage"]["seq"] = json!(8);
    import_rows(gateway, "alice", newer).await;
    assert_eq!(ids(&gateway.list("alice").await), ["group_0", "group_1"], "with a newer message it comes back");
});

scenario!(domain_2_server_export_user_gives_what_an_import_takes, async |gateway: &Gateway| {
    import(gateway, "alice", 4).await;
    let call = async |method: &str, params| gateway.call("alice", method, params).await.unwrap();
    call("createConversationGroup", json!({"groupName": "work", "conversationIDList": ["group_2"]})).await;
    call("createConversationGroup", json!({"groupName": "empty"})).await;
    let marks = json!({"conversationIDList": ["group_1"], "markType": "9223372036854775809", "enableMark": true});
    call("markConversation", marks).await;
    call("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": "draft"})).await;
    call("pinConversation", json!({"conversationID": "group_3", "isPinned": true})).await;
    call("setReceiveMessageOpt", json!({"conversationIDList": ["group_0"], "recvOpt": 2})).await;
    let mut exported = gateway.post("exportUser", json!({"userID": "alice"})).await;
    exported["userID"] = json!("zoe");
    gateway.post("importConversations", exported).await;
    let plain = |mut row: Value| {
        for field in ["orderKey", "version"] {
            row[field] = json!(0);
        }
        row
    };
    let of_alice: Vec<_> = gateway.list("alice").await.into_iter().map(plain).collect();
    let of_zoe: Vec<_> = gateway.list("zoe").await.into_iter().map(plain).collect();
    assert_eq!(of_zoe, of_alice);
    let names = gateway.call("zoe", "getConversationGroupList", json!({})).await.unwrap();
    assert_eq!(names["conversationGroupList"], json!(["work", "empty"]));
    assert_eq!(gateway.total("zoe").await, 3);
});

scenario!(domain_2_server_export_user_gives_the_whole_list_and_changes_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let exported = gateway.post("exportUser", json!({"userID": "alice"})).await;
    assert_eq!(exported, json!({"conversationList": gateway.list("alice").await, "conversationGroupList": []}));
    devices.silence(gateway).await;
    let nobody = gateway.post("exportUser", json!({"userID": "nobody"})).await;
    assert_eq!(nobody, json!({"conversationList": [], "conversationGroupList": []}));
    refused(gateway.backend("exportUser", json!({})).await, 6017, "userID");
});

scenario!(domain_2_server_delete_user_ends_the_sessions_and_forgets_everything, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    gateway.call("alice", "deleteConversation", json!({"conversationID": "group_0"})).await.unwrap();
    let Devices { mut websocket, mut events, .. } = Devices::of_alice(gateway).await;
    known_sessions(gateway, "alice", 2).await;
    let result = gateway.post("deleteUser", json!({"userID": "alice"})).await;
    assert_eq!(result, json!({"kicked": 2, "unconfirmed": 0}));
    assert_eq!((websocket.closed().await.0, events.closed().await.0), (Some(4003), None));
    assert_eq!((gateway.list("alice").await.len(), gateway.total("alice").await), (0, 0));
    gateway.send(group("0", "bob", &["alice"], 1)).await;
    assert_eq!(ids(&gateway.list("alice").await), ["group_0"], "the delete barrier went too");
});

scenario!(
    domain_2_server_delete_user_repeated_is_done_and_a_cursor_from_before_it_is_none,
    async |gateway: &Gateway| {
        import(gateway, "alice", 2).await;
        let cursor = gateway.open(Transport::Events, "alice").await.sync().await.cursor;
        for _ in 0..2 {
            gateway.post("deleteUser", json!({"userID": "alice"})).await;
        }
        gateway.send(group("new", "bob", &["alice"], 1)).await;
        let sync = gateway.opening(Transport::Events, "alice").since(&cursor).open().await.sync().await;
        assert_eq!((sync.mode.as_str(), sync.created()), ("full", vec!["group_new".to_owned()]));
        assert_eq!(
            gateway.post("deleteUser", json!({"userID": "nobody"})).await,
            json!({"kicked": 0, "unconfirmed": 0})
        );
        refused(gateway.backend("deleteUser", json!({"userID": ""})).await, 6017, "userID");
    }
);
