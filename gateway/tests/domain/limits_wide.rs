//! docs/DOMAIN.md, 7.11 to 7.19: what is remembered and kept, up to the bound and one past it.

use super::lists::{
    CHANGED, DELETED, Devices, NEW, TOTAL, call, counts, devices, import, import_rows, refused, row, rows, three_rows,
};
use crate::support::{Gateway, Transport, Value, backend::but, c2c, group, ids, json};

/// Posts calls of one method as one batch; all must be done.
async fn post_all(gateway: &Gateway, method: &str, all: impl IntoIterator<Item = Value>) {
    let entries: Vec<Value> = all.into_iter().map(|params| json!({"method": method, "params": params})).collect();
    let result = gateway.post("batch", json!(entries)).await;
    assert!(result["resultList"].as_array().unwrap().iter().all(|entry| entry.get("error").is_none()), "{result}");
}

fn revoke(group_id: &str, seq: u64) -> Value {
    json!({"conversation": {"type": 2, "groupID": group_id}, "sender": "bob", "recipients": ["alice"],
        "msgID": format!("m{seq}"), "seq": seq})
}

async fn read(gateway: &Gateway, id: &str, timestamp: u64, sequence: u64) -> Value {
    let params = json!({"conversationID": id, "cleanTimestamp": timestamp, "cleanSequence": sequence});
    call(gateway, "cleanConversationUnreadMessageCount", params).await.unwrap();
    row(gateway, id).await
}

scenario!(domain_7_11_a_read_mark_is_at_most_1000_ahead_of_the_newest_message, async |gateway: &Gateway| {
    three_rows(gateway).await;
    gateway.send(group("h", "bob", &["alice"], 3)).await;
    for (name, ahead, mark) in [("g", 1_003, 1_003), ("h", 1_004, 3)] {
        let read = read(gateway, &format!("group_{name}"), 0, ahead).await;
        assert_eq!((&read["unreadCount"], &read["groupReadSequence"]), (&json!(0), &json!(mark)));
        for seq in [1_003, 1_005] {
            gateway.send(group(name, "bob", &["alice"], seq)).await;
        }
    }
    let unread =
        [row(gateway, "group_g").await["unreadCount"].clone(), row(gateway, "group_h").await["unreadCount"].clone()];
    assert_eq!(unread, [json!(1), json!(2)], "further ahead covers nothing that comes");
});

scenario!(domain_7_12_past_256_ranges_the_lowest_counts_as_seen, async |gateway: &Gateway| {
    three_rows(gateway).await;
    for (name, ranges) in [("full", 256_u64), ("past", 257)] {
        let even = (1..=ranges).map(|number| group(name, "bob", &["alice"], 2 * number));
        post_all(gateway, "sendMessage", even).await;
        assert_eq!(row(gateway, &format!("group_{name}")).await["unreadCount"], ranges);
    }
    let of = async |name: &str| {
        let late = counts(&gateway.post("sendMessage", group(name, "bob", &["alice"], 1)).await);
        let revoked = counts(&gateway.post("revokeMessage", revoke(name, 2)).await);
        (late, revoked, row(gateway, &format!("group_{name}")).await["unreadCount"].clone())
    };
    assert_eq!(of("full").await, ((1, 0), (1, 0), json!(256)));
    assert_eq!(of("past").await, ((0, 1), (0, 1), json!(257)));
    assert_eq!(read(gateway, "group_past", 0, 0).await["unreadCount"], 0);
});

scenario!(domain_7_13_past_256_messages_an_older_time_moves_nothing, async |gateway: &Gateway| {
    three_rows(gateway).await;
    for (peer, messages) in [("dora", 256), ("eve", 257)] {
        post_all(gateway, "sendMessage", (1..=messages).map(|seq| c2c(peer, "alice", seq))).await;
    }
    let first = 1_795_000_001;
    assert_eq!(read(gateway, "c2c_dora", first, 0).await["unreadCount"], 255);
    let before = row(gateway, "c2c_eve").await;
    assert_eq!(read(gateway, "c2c_eve", first, 0).await, before);
    let second = read(gateway, "c2c_eve", first + 1, 0).await;
    assert_eq!((&second["unreadCount"], &second["c2cReadTimestamp"]), (&json!(255), &json!(first + 1)));
});

scenario!(domain_7_14_past_64_early_changes_the_lowest_seq_goes, async |gateway: &Gateway| {
    three_rows(gateway).await;
    gateway.send(group("h", "bob", &["alice"], 3)).await;
    for (name, last, unread) in [("g", 67_u64, 3), ("h", 68, 2)] {
        post_all(gateway, "revokeMessage", (4..=last).map(|seq| revoke(name, seq))).await;
        post_all(gateway, "sendMessage", (4..=last).map(|seq| group(name, "bob", &["alice"], seq))).await;
        let told = row(gateway, &format!("group_{name}")).await;
        assert_eq!((&told["unreadCount"], &told["lastMessage"]["status"]), (&json!(unread), &json!(6)), "{name}");
    }
});

scenario!(domain_7_15_more_than_1000_changed_rows_are_a_full_sync, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let cursor = gateway.open(Transport::Events, "alice").await.sync().await.cursor;
    let replay = async || gateway.opening(Transport::WebSocket, "alice").since(&cursor).open().await.sync().await;
    import(gateway, "alice", 1_000).await;
    let sync = replay().await;
    assert_eq!((sync.mode.as_str(), sync.created().len()), ("replay", 1_000));
    gateway.send(c2c("bob", "alice", 3)).await;
    let sync = replay().await;
    assert_eq!((sync.mode.as_str(), sync.created().len()), ("full", 100));
});

scenario!(domain_7_16_past_1000_tombstones_the_oldest_goes_and_with_it_older_cursors, async |gateway: &Gateway| {
    import(gateway, "alice", 1_001).await;
    let sync = async |cursor: &str| gateway.opening(Transport::Events, "alice").since(cursor).open().await.sync().await;
    let before = gateway.open(Transport::Events, "alice").await.sync().await.cursor;
    let delete = |number: u64| json!({"recipients": ["alice"], "conversationID": format!("group_{number}")});
    gateway.post("deleteConversation", delete(0)).await;
    let after = gateway.open(Transport::Events, "alice").await.sync().await.cursor;
    post_all(gateway, "deleteConversation", (1..1_000).map(delete)).await;
    let at_limit = sync(&before).await;
    assert_eq!((at_limit.mode.as_str(), at_limit.deleted().len()), ("replay", 1_000));
    gateway.post("deleteConversation", delete(1_000)).await;
    assert_eq!(sync(&before).await.mode, "full");
    let later = sync(&after).await;
    assert_eq!((later.mode.as_str(), later.deleted().len()), ("replay", 1_000));
    let message = async |number: u64| {
        counts(&gateway.post("sendMessage", group(&number.to_string(), "bob", &["alice"], 7)).await)
    };
    assert_eq!((message(1).await, message(0).await), ((0, 1), (1, 0)), "the delete barrier went with it");
});

scenario!(
    domain_7_17_past_the_rows_of_a_user_the_lowest_unpinned_row_goes,
    with ["--rows-per-user", "100"],
    async |gateway: &Gateway| {
        let mut list = rows(99);
        list[98]["isPinned"] = json!(true);
        import_rows(gateway, "alice", list).await;
        let mut devices = Devices::of_alice(gateway).await;
        gateway.send(c2c("bob", "alice", 1)).await;
        devices.flush([NEW, TOTAL]).await;
        assert_eq!(gateway.list("alice").await.len(), 100);
        devices.done("pinConversation", json!({"conversationID": "c2c_carol", "isPinned": true})).await;
        let [new, deleted, total] = devices.flush([NEW, DELETED, TOTAL]).await;
        assert_eq!((new.ids(), deleted.ids()), (vec!["c2c_carol".to_owned()], vec!["group_97".to_owned()]));
        assert_eq!(total.data["totalUnreadCount"], 99);
        let listed = gateway.list("alice").await;
        assert_eq!((listed.len(), ids(&listed)[1]), (100, "group_98"), "the pinned one stays");
        let repeated = gateway.post("sendMessage", group("97", "bob", &["alice"], 7)).await;
        assert_eq!(counts(&repeated), (0, 1), "it left a tombstone");
    }
);

scenario!(domain_7_18_a_call_has_at_most_10000_recipients, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let users = |count: usize| -> Vec<String> {
        ["alice".to_owned()].into_iter().chain((1..count).map(|number| format!("u{number}"))).collect()
    };
    // A profile makes no row, so that all of them are quickly done.
    let profile = |count: usize| {
        let conversation = json!({"type": 2, "groupID": "g", "showName": "New"});
        json!({"conversation": conversation, "recipients": users(count)})
    };
    let answer = gateway.backend("setProfile", profile(10_001)).await;
    refused(answer, 6017, "params.recipients: expected 1 to 10000 users, got 10001");
    devices.silence(gateway).await;
    let answer = gateway.post("setProfile", profile(10_000)).await;
    assert_eq!(answer, json!({"applied": 0, "duplicates": 0, "queued": 10_000, "failed": []}));
    devices.flush([CHANGED]).await;
});

scenario!(domain_7_18_a_batch_has_at_most_1000_entries_and_10000_recipients, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let entry = |recipients: usize| {
        let users: Vec<String> = (0..recipients).map(|number| format!("u{number}")).collect();
        json!({"method": "deleteConversation", "params": {"recipients": users, "conversationID": "group_g"}})
    };
    let read = json!({"method": "markRead", "params": {"userID": "alice", "conversationID": "group_g"}});
    let too_many = [vec![read.clone()], vec![entry(1); 1_000]].concat();
    refused(gateway.backend("batch", json!(too_many)).await, 6017, "params: expected 1 to 1000 entries, got 1001");
    let expected = "params: expected at most 10000 recipients in all entries together, got 10001";
    refused(gateway.backend("batch", json!([read, entry(5_000), entry(5_000)])).await, 6017, expected);
    devices.silence(gateway).await;
    let result = gateway.post("batch", json!(vec![entry(10); 1_000])).await;
    let results = result["resultList"].as_array().unwrap();
    assert!(results.len() == 1_000 && results.iter().all(|entry| counts(&entry["result"]) == (0, 10)));
});

scenario!(domain_7_18_an_import_has_at_most_5000_rows, async |gateway: &Gateway| {
    let of = |count: usize| json!({"userID": "alice", "conversationList": rows(count)});
    let answer = gateway.backend("importConversations", of(5_001)).await;
    refused(answer, 6017, "params.conversationList: expected at most 5000 rows, got 5001");
    assert_eq!(gateway.list("alice").await.len(), 0);
    let result = gateway.post("importConversations", of(5_000)).await;
    assert_eq!(result, json!({"applied": 5_000, "duplicates": 0, "failed": []}));
    assert_eq!(gateway.total("alice").await, 5_000);
});

/// The first number that a double does not tell from its neighbour.
const LIMIT: u64 = 1 << 53;

fn with_seq(seq: u64) -> Value {
    but(group("g", "bob", &["alice"], 4), "/message/seq", json!(seq))
}

scenario!(domain_7_19_a_seq_is_below_2_53, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let expected = "expected 1 to 2^53 − 1, got 9007199254740992";
    refused(gateway.backend("sendMessage", with_seq(LIMIT)).await, 6017, expected);
    refused(gateway.backend("revokeMessage", revoke("g", LIMIT)).await, 6017, expected);
    devices.silence(gateway).await;
    gateway.send(with_seq(LIMIT - 1)).await;
    let [changed, _] = devices.flush([CHANGED, TOTAL]).await;
    assert_eq!((&changed.row()["lastMessage"]["seq"], &changed.row()["unreadCount"]), (&json!(LIMIT - 1), &json!(4)));
});

scenario!(domain_7_19_a_read_mark_ahead_of_the_newest_message_stays_below_2_53, async |gateway: &Gateway| {
    three_rows(gateway).await;
    gateway.send(with_seq(LIMIT - 2)).await;
    for (sequence, mark) in [(LIMIT, LIMIT - 2), (u64::MAX, LIMIT - 2), (LIMIT - 1, LIMIT - 1)] {
        assert_eq!(read(gateway, "group_g", 0, sequence).await["groupReadSequence"], mark);
    }
});

scenario!(domain_7_19_order_key_and_version_are_below_2_53_also_of_a_pinned_row, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    devices.done("pinConversation", json!({"conversationID": "c2c_bob", "isPinned": true})).await;
    let [changed] = devices.flush([CHANGED]).await;
    for field in ["orderKey", "version"] {
        let number = changed.row()[field].as_u64().expect("a whole number");
        assert!(number < LIMIT && (number as f64) as u64 == number, "{field} {number}");
    }
    assert!(changed.row()["orderKey"].as_u64() >= Some(1 << 52));
});
