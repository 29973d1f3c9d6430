//! docs/DOMAIN.md, 1: does each field of a conversation say what the table says?

use super::steps::{
    batch, cleared, client, custom_data, deleted, deleted_after, draft, gone, grouped, joined, marked, option, own,
    pinned, profile, read_at_time_of, read_to, received, revoked, sent,
};
use super::watched::{BOTH_TYPES, C2C, GROUP, find, number, read, watch};
use crate::support::{Gateway, Value, c2c, group, json, keys::now_s};

scenario!(
    domain_1_conversation_id_names_the_peer_or_the_group_and_splits_at_the_first_underscore,
    async |gateway: &Gateway| {
        let mut device = gateway.live("a_b").await;
        gateway.send(c2c("c_d", "a_b", 1)).await;
        gateway.send(group("e_f_", "c_d", &["a_b", "c_d"], 1)).await;
        device.converge(gateway).await;
        let named = |id: &str| device.list.row(id).map(|row| (row["userID"].clone(), row["groupID"].clone()));
        assert_eq!(named("c2c_c_d"), Some((json!("c_d"), Value::Null)));
        assert_eq!(named("group_e_f_"), Some((Value::Null, json!("e_f_"))));
        assert!(gateway.row("c_d", "c2c_a_b").await.is_some(), "seen from the other user: the peer");
        assert!(gateway.row("c_d", "group_e_f_").await.is_some());
    }
);

scenario!(domain_1_type_is_1_for_c2c_and_2_for_a_group, async |gateway: &Gateway| {
    for (id, expected) in [(C2C, 1), (GROUP, 2)] {
        assert_eq!(watch(gateway, id, &[]).await.after(received(id, 1)).await.row["type"], expected);
    }
});

scenario!(domain_1_user_id_is_the_peer_or_group_id_the_group_and_the_other_is_absent, async |gateway: &Gateway| {
    for (id, present, absent) in [(C2C, ("userID", "bob"), "groupID"), (GROUP, ("groupID", "g"), "userID")] {
        let made = watch(gateway, id, &[]).await.after(received(id, 1)).await;
        assert_eq!((&made.row[present.0], made.row.get(absent)), (&json!(present.1), None));
    }
});

scenario!(domain_1_group_type_is_one_of_five_or_absent, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    let unsaid = received(GROUP, 1).with("/conversation", json!({"type": 2, "groupID": "g"}));
    assert_eq!(row.after(unsaid).await.row.get("groupType"), None);
    for (name, seq) in ["Work", "Public", "Meeting", "AVChatRoom", "Community"].into_iter().zip(2..) {
        let said = received(GROUP, seq).with("/conversation/groupType", name);
        assert_eq!(row.after(said).await.row["groupType"], name);
    }
    let unsaid = received(GROUP, 7).with("/conversation", json!({"type": 2, "groupID": "g"}));
    assert_eq!(row.after(unsaid).await.row["groupType"], "Community");
    let other = received(GROUP, 8).with("/conversation/groupType", "Other").params;
    assert_eq!(gateway.backend("sendMessage", other).await.unwrap_err()["code"], 6017);
    assert_eq!(watch(gateway, C2C, &[1]).await.row().get("groupType"), None);
});

scenario!(domain_1_show_name_and_face_url_are_as_the_backend_says, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let plain = if id == C2C { json!({"type": 1}) } else { json!({"type": 2, "groupID": "g"}) };
        let mut row = watch(gateway, id, &[]).await;
        let shown = |row: &Value| (row["showName"].clone(), row["faceUrl"].clone());
        let made = row.after(received(id, 1).with("/conversation", plain)).await.row;
        assert_eq!(shown(&made), (json!(""), json!("")), "the backend never said");
        let both = profile(id, "Name").with("/conversation/faceUrl", "face.png");
        assert_eq!(shown(&row.after(both).await.row), (json!("Name"), json!("face.png")));
        assert_eq!(shown(&row.after(profile(id, "Other")).await.row), (json!("Other"), json!("face.png")));
        row.stays(profile(id, "Other")).await;
    }
});

scenario!(domain_1_unread_count_is_the_number_of_unread_messages, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        for seq in 1..=3 {
            assert_eq!(row.after(received(id, seq)).await.row["unreadCount"], seq);
        }
        assert_eq!(row.after(read_to(id, 2)).await.row["unreadCount"], 1);
        assert_eq!(row.after(own(id, 4)).await.row["unreadCount"], 0);
    }
});

scenario!(domain_1_recv_opt_is_0_at_first_and_one_of_five, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        assert_eq!(row.row()["recvOpt"], 0);
        for recv_opt in [1, 2, 3, 4, 0] {
            assert_eq!(row.after(option(id, recv_opt)).await.row["recvOpt"], recv_opt);
        }
        let refused = gateway.call("alice", "setReceiveMessageOpt", option(id, 5).params).await;
        assert_eq!(refused.unwrap_err()["code"], 6017);
    }
});

scenario!(domain_1_last_message_has_every_field_of_the_message, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        let plain = row.after(received(id, 1)).await.last().clone();
        let sparse = json!({"msgID": "m1", "seq": 1, "sender": "bob", "isSelf": false, "timestamp": 1_795_000_001,
            "elemType": 1, "text": "text 1", "status": 2});
        assert_eq!(plain, sparse, "what is empty is absent");
        let mut full = json!({"msgID": "m2", "seq": 2, "timestamp": 1_795_000_002, "elemType": 3, "text": "[image]",
            "nickName": "Bob", "faceURL": "bob.png", "atUserList": ["alice"], "cloudCustomData": "{}"});
        let sent = received(id, 2).with("/message", full.clone());
        for (field, value) in [("sender", json!("bob")), ("isSelf", json!(false)), ("status", json!(2))] {
            full[field] = value;
        }
        assert_eq!(row.after(sent).await.last(), &full);
        full["status"] = json!(6);
        full["text"] = json!("");
        full["revoker"] = json!("admin");
        full["revokeReason"] = json!("typo");
        full.as_object_mut().unwrap().remove("cloudCustomData");
        assert_eq!(row.after(revoked(id, 2).with("/revoker", "admin")).await.last(), &full);
    }
});

scenario!(domain_1_last_message_is_the_newest_that_is_not_excluded_from_it, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        let excluded = |seq| received(id, seq).with("/message/isExcludedFromLastMessage", true);
        batch(gateway, [received(id, 2), excluded(4), received(id, 3), excluded(5), received(id, 1)]).await;
        row.refresh().await;
        assert_eq!(row.row()["lastMessage"]["seq"], 3);
    }
});

scenario!(
    domain_1_last_message_is_null_when_cleared_or_when_the_last_was_deleted_without_another,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[1]).await;
            assert_eq!(row.after(cleared(id)).await.last(), &Value::Null);
            assert_eq!(row.after(received(id, 3)).await.last()["seq"], 3);
            assert_eq!(row.after(deleted_after(id, 3, 2)).await.last()["seq"], 2);
            assert_eq!(row.after(deleted(id, 2)).await.last(), &Value::Null);
        }
    }
);

scenario!(
    domain_1_last_message_is_null_when_pin_join_draft_or_excluded_messages_made_the_row,
    async |gateway: &Gateway| {
        for id in BOTH_TYPES {
            let mut row = watch(gateway, id, &[]).await;
            let excluded = received(id, 1).with("/message/isExcludedFromLastMessage", true);
            for made in [excluded, pinned(id, true), draft(id, "hi")] {
                assert_eq!(row.after(made).await.last(), &Value::Null);
                row.goes(gone(id)).await;
            }
            if id == GROUP {
                assert_eq!(row.after(joined("g")).await.last(), &Value::Null);
            }
        }
    }
);

scenario!(domain_1_group_at_info_list_has_unread_mentions_of_me_all_or_both, async |gateway: &Gateway| {
    let mut row = watch(gateway, GROUP, &[]).await;
    let all = "__kImSDK_MesssageAtALL__";
    let mentions = [(3, json!([all, "alice"])), (1, json!(["alice", "bob"])), (2, json!([all])), (4, json!(["bob"]))];
    for (seq, names) in mentions {
        row.after(received(GROUP, seq).with("/message/atUserList", names)).await;
    }
    let expected = json!([{"seq": 1, "atType": 1}, {"seq": 2, "atType": 2}, {"seq": 3, "atType": 3}]);
    assert_eq!(row.row()["groupAtInfoList"], expected);
});

scenario!(domain_1_group_at_info_list_is_never_for_own_messages_nor_in_c2c, async |gateway: &Gateway| {
    for (id, sender) in [(GROUP, "alice"), (C2C, "bob")] {
        let mut row = watch(gateway, id, &[]).await;
        let step = sent(id, sender, 1).with("/message/atUserList", json!(["alice"]));
        assert_eq!(row.after(step).await.row["groupAtInfoList"], json!([]));
    }
});

scenario!(domain_1_draft_text_and_its_time_are_shared_by_the_devices, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        assert_eq!((&row.row()["draftText"], &row.row()["draftTimestamp"]), (&json!(""), &json!(0)));
        let before = now_s();
        let set = row.after(draft(id, "see you")).await.row;
        assert_eq!(set["draftText"], "see you");
        assert!((before - 1..=now_s() + 1).contains(&number(&set, "draftTimestamp")));
        let mut other = gateway.live("alice").await;
        other.read_until(|list| list.row(id) == Some(&set)).await;
        let cleared = row.after(draft(id, "")).await.row;
        assert_eq!((&cleared["draftText"], &cleared["draftTimestamp"]), (&json!(""), &json!(0)));
    }
});

scenario!(domain_1_is_pinned_says_whether_the_row_is_pinned, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        assert_eq!(row.row()["isPinned"], false);
        for is_pinned in [true, false] {
            assert_eq!(row.after(pinned(id, is_pinned)).await.row["isPinned"], is_pinned);
        }
    }
});

scenario!(domain_1_order_key_below_2_53_is_the_list_descending_and_nothing_else, async |gateway: &Gateway| {
    let mut device = gateway.live("alice").await;
    for id in ["c2c_z", "group_a", "c2c_m", "group_n"] {
        received(id, 1).run(gateway).await;
    }
    pinned("c2c_m", true).run(gateway).await;
    draft("c2c_z", "up").run(gateway).await;
    device.converge(gateway).await;
    let mut told = device.list.rows();
    told.sort_by_key(|row| std::cmp::Reverse(number(row, "orderKey")));
    assert_eq!(crate::support::ids(&told), ["c2c_m", "c2c_z", "group_n", "group_a"]);
    assert_eq!(told, gateway.list("alice").await);
    assert!(told.iter().all(|row| number(row, "orderKey") < 1 << 53));
});

scenario!(domain_1_mark_list_has_single_bits_by_rising_value, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        assert_eq!(row.row()["markList"], json!([]));
        let all = row.after(marked(id, json!([8, "9223372036854775808", 3, 4_294_967_296_u64, 4]), true)).await;
        assert_eq!(all.row["markList"], json!([1, 2, 4, 8, 4_294_967_296_u64, 9_223_372_036_854_775_808_u64]));
        let fewer = row.after(marked(id, "9223372036854775812", false)).await;
        assert_eq!(fewer.row["markList"], json!([1, 2, 8, 4_294_967_296_u64]));
    }
});

scenario!(domain_1_custom_data_has_up_to_256_bytes, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        assert_eq!(row.row()["customData"], "");
        let longest = "é".repeat(128);
        assert_eq!(row.after(custom_data(id, &longest)).await.row["customData"], json!(longest));
        let longer = custom_data(id, &format!("{longest}x")).params;
        let refused = gateway.call("alice", "setConversationCustomData", longer).await;
        assert_eq!(refused.unwrap_err()["code"], 6017);
        assert_eq!(row.after(custom_data(id, "")).await.row["customData"], "");
    }
});

scenario!(domain_1_conversation_group_list_names_the_folders_it_is_in, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        assert_eq!(row.row()["conversationGroupList"], json!([]));
        let (first, second) = (format!("z {id}"), format!("a {id}"));
        row.after(grouped(id, &first)).await;
        assert_eq!(row.after(grouped(id, &second)).await.row["conversationGroupList"], json!([first, second]));
        let out = client("deleteConversationsFromGroup", json!({"groupName": first, "conversationIDList": [id]}));
        assert_eq!(row.after(out).await.row["conversationGroupList"], json!([second]));
    }
});

scenario!(
    domain_1_c2c_read_timestamp_or_group_read_sequence_says_how_far_this_user_has_read,
    async |gateway: &Gateway| {
        let second = 1_795_000_000_u64;
        for (id, field, absent, base) in [
            (C2C, "c2cReadTimestamp", "groupReadSequence", second),
            (GROUP, "groupReadSequence", "c2cReadTimestamp", 0),
        ] {
            let mut row = watch(gateway, id, &[1, 2, 3, 5]).await;
            assert_eq!((&row.row()[field], row.row().get(absent)), (&json!(0), None));
            let some = if id == C2C { read_at_time_of(id, 2) } else { read_to(id, 2) };
            assert_eq!(row.after(some).await.row[field], base + 2);
            assert_eq!(row.after(own(id, 4)).await.row[field], base + 4);
            assert_eq!(row.after(read_to(id, 0)).await.row[field], base + 5);
        }
        received(C2C, 6).run(gateway).await;
        for (user, id, read_to) in [("alice", C2C, 5), ("bob", "c2c_alice", 6)] {
            let row = find(&read(gateway, user).await.0, id).unwrap();
            assert_eq!(row["c2cReadTimestamp"], second + read_to, "{user} has read this far, whatever the peer has");
        }
    }
);

scenario!(domain_1_version_below_2_53_rises_with_any_change_on_the_users_own_clock, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1]).await;
        // Each step shows that the version rises above all others of the user.
        for step in
            [marked(id, 1, true), option(id, 2), draft(id, "x"), read_to(id, 0), received(id, 2), profile(id, "N")]
        {
            assert!(number(&row.after(step).await.row, "version") < 1 << 53);
        }
    }
    let (of_alice, _) = read(gateway, "alice").await;
    let (of_bob, _) = read(gateway, "bob").await;
    let version = |rows: &[Value]| number(&find(rows, GROUP).unwrap(), "version");
    assert!(version(&of_bob) < version(&of_alice), "what alice does to her row does not touch bob's");
});
