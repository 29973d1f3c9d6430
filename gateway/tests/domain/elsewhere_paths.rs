//! docs/DOMAIN.md, 6.10 to 6.13: which faults of other services on the way to a client and in numbers are not ours?

use super::lists::{both, come_back, converge, import, number, rows};
use crate::support::{BOTH, Gateway, Value, backend::but, c2c, group, ids, json};

/// One call with a message from bob to alice in each of these groups.
async fn send_to_all(gateway: &Gateway, groups: std::ops::Range<u64>, seq: u64) {
    let entry = |n: u64| json!({"method": "sendMessage", "params": group(&n.to_string(), "bob", &["alice"], seq)});
    let result = gateway.post("batch", groups.map(entry).collect::<Value>()).await;
    assert!(result["resultList"].as_array().expect("results").iter().all(|one| one["result"]["applied"] == 1));
}

scenario!(
    domain_6_10_a_change_between_snapshot_and_subscription_is_not_lost,
    with ["--connects-per-user", "1000", "--call-units-per-second", "1000"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 3).await;
        let client = gateway.live("alice").await.list;
        for round in 0..30 {
            let connecting = async {
                let transport = BOTH[round % 2];
                let mut device = match round % 3 {
                    0 => gateway.open(transport, "alice").await,
                    _ => come_back(gateway, transport, &client).await,
                };
                device.sync().await;
                device
            };
            // A little later each time, and nothing after it that would reveal a gap.
            let posting = async {
                for _ in 0..round % 5 {
                    gateway.get("/healthz").await;
                }
                gateway.send(group("0", "bob", &["alice"], 8 + round as u64)).await;
            };
            let (mut device, ()) = tokio::join!(connecting, posting);
            device.converge(gateway).await;
        }
    }
);

scenario!(domain_6_10_the_last_message_of_a_burst_is_told_without_one_after_it, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let mut devices = both(gateway).await;
    for first in [8, 48] {
        let burst = (first..first + 40).map(|seq| gateway.send(group(&(seq % 3).to_string(), "bob", &["alice"], seq)));
        futures_util::future::join_all(burst).await;
        // The comparison that would find a loss comes later than the test's patience ends.
        converge(gateway, &mut devices).await;
    }
    send_to_all(gateway, 0..60, 100).await;
    converge(gateway, &mut devices).await;
});

scenario!(domain_6_11_what_one_device_reads_the_others_show_as_read, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    let [mut reader, mut other] = both(gateway).await;
    for id in ["group_1", ""] {
        reader.done("cleanConversationUnreadMessageCount", json!({"conversationID": id})).await;
        other.expect("conversationChanged").await;
        other.expect("totalUnreadMessageCountChanged").await;
        other.converge(gateway).await;
    }
    assert_eq!(other.list.total(), Some(0));
    gateway.send(group("0", "bob", &["alice"], 8)).await;
    gateway.call("alice", "cleanConversationUnreadMessageCount", json!({"conversationID": "c2c"})).await.unwrap();
    gateway.call("alice", "cleanConversationUnreadMessageCount", json!({"conversationID": "group"})).await.unwrap();
    converge(gateway, &mut [reader, other]).await;
});

scenario!(domain_6_11_the_next_user_of_a_device_is_shown_nothing_of_the_previous_one, async |gateway: &Gateway| {
    import(gateway, "alice", 3).await;
    gateway.send(c2c("zoe", "bob", 1)).await;
    for transport in BOTH {
        let mut alice = gateway.opening(transport, "alice").device("phone").open().await;
        alice.sync().await;
        let left = alice.list.clone();
        drop(alice);
        for (user, rows) in [("bob", &["c2c_zoe"][..]), ("nobody", &[])] {
            let cursor = left.cursor.as_deref().unwrap();
            let mut next = gateway.opening(transport, user).device("phone").since(cursor).open().await;
            next.list = left.clone();
            assert_eq!(next.sync().await.mode, "full");
            assert_eq!(ids(&next.list.rows()), rows);
            gateway.send(group("0", "bob", &["alice"], number_of_messages(gateway).await + 1)).await;
            next.expect_silence_until_marker(gateway).await;
        }
        gateway.post("deleteUser", json!({"userID": "nobody"})).await;
        gateway.post("deleteUser", json!({"userID": "bob"})).await;
        gateway.send(c2c("zoe", "bob", 2)).await;
    }
});

/// The seq of the newest message in `group_0`.
async fn number_of_messages(gateway: &Gateway) -> u64 {
    number(&gateway.row("alice", "group_0").await.unwrap()["lastMessage"], "seq")
}

scenario!(
    domain_6_12_a_push_channel_that_dies_while_health_is_green_loses_nothing,
    with ["--compare-interval-ms", "1000"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 3).await;
        let mut devices = both(gateway).await;
        for seq in 8..38 {
            if seq % 10 == 0 {
                gateway.redis("CLIENT KILL TYPE pubsub").await;
            }
            gateway.send(group(&(seq % 3).to_string(), "bob", &["alice"], seq)).await;
        }
        // Over every store: hints that are too large to carry their rows.
        send_to_all(gateway, 0..60, 100).await;
        let killed = gateway.redis("CLIENT KILL TYPE pubsub").await;
        gateway.send(group("1", "bob", &["alice"], 101)).await;
        assert_eq!(gateway.get("/healthz").await.status, 200);
        converge(gateway, &mut devices).await;
        assert_eq!(gateway.metric("gateway_relay_interruptions_total").await > 0, killed.is_some());
    }
);

/// Copies the state of alice's list in Redis; no hint tells anybody.
async fn copy_state(gateway: &Gateway, from: &str, to: &str) {
    let Some(answer) = gateway.redis("KEYS *:alice:*").await else { return };
    let keys = answer.lines().filter(|line| line.starts_with("conv:"));
    for key in keys.filter(|key| key.ends_with(from) && (!from.is_empty() || !key.contains('#'))) {
        let name = key.strip_suffix(from).expect("filtered by it");
        gateway.redis(&format!("COPY {key} {name}{to} REPLACE")).await;
    }
}

scenario!(
    domain_6_12_what_no_push_channel_told_is_found_by_comparing,
    with ["--compare-interval-ms", "1000"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 1).await;
        let mut devices = both(gateway).await;
        copy_state(gateway, "", "#1").await;
        gateway.send(group("0", "bob", &["alice"], 8)).await;
        gateway.send(c2c("bob", "alice", 1)).await;
        converge(gateway, &mut devices).await;
        copy_state(gateway, "", "#2").await;
        // Redis goes back as after a failover to a replica that lagged, and then forward; elsewhere nothing happens.
        for state in ["#1", "#2"] {
            copy_state(gateway, state, "").await;
            converge(gateway, &mut devices).await;
        }
        assert_eq!(gateway.total("alice").await, 3);
    }
);

/// Whether these are all different, in rising order.
fn rise_strictly(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

scenario!(domain_6_13_changes_in_one_microsecond_have_different_versions_and_keys, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    let mut devices = both(gateway).await;
    send_to_all(gateway, 0..300, 8).await;
    let mut rows = gateway.list("alice").await;
    rows.reverse();
    assert_eq!(rows.len(), 300);
    for field in ["version", "orderKey"] {
        let numbers: Vec<u64> = rows.iter().map(|row| number(row, field)).collect();
        assert!(rise_strictly(&numbers), "{field}: {numbers:?}");
    }
    for device in &mut devices {
        device.read_until(|list| list.rows().len() == 300).await;
        device.converge(gateway).await;
    }
});

scenario!(
    domain_6_13_versions_and_keys_of_a_rapid_burst_rise_strictly,
    with ["--call-units-per-second", "1000"],
    async |gateway: &Gateway| {
        import(gateway, "alice", 3).await;
        let [mut versions, mut order_keys] = [Vec::new(), Vec::new()];
        for seq in 8..58 {
            let id = (seq % 3).to_string();
            gateway.send(group(&id, "bob", &["alice"], seq)).await;
            let row = gateway.row("alice", &format!("group_{id}")).await.unwrap();
            versions.push(number(&row, "version"));
            order_keys.push(number(&row, "orderKey"));
        }
        assert!(rise_strictly(&versions) && rise_strictly(&order_keys), "{versions:?} {order_keys:?}");
    }
);

const TWO_TO_THE_53: u64 = 1 << 53;

/// A backend's call is refused for its seq alone.
async fn refused_for_its_seq(gateway: &Gateway, method: &str, params: Value) {
    let error = gateway.backend(method, params).await.unwrap_err();
    let names_it = error["message"].as_str().is_some_and(|message| message.contains("seq"));
    assert!(error["code"] == 6017 && names_it, "{method}: {error}");
}

scenario!(domain_6_13_seqs_from_2_to_the_53_on_are_refused, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    let before = gateway.list("alice").await;
    for seq in [TWO_TO_THE_53, TWO_TO_THE_53 + 1, u64::MAX] {
        let message = but(group("0", "bob", &["alice"], 8), "/message/seq", json!(seq));
        refused_for_its_seq(gateway, "sendMessage", message).await;
        let join = json!({"conversation": {"type": 2, "groupID": "1"}, "recipients": ["alice"], "seq": seq});
        refused_for_its_seq(gateway, "joinGroup", join).await;
        let mut list = rows(2);
        list[1]["lastMessage"]["seq"] = json!(seq);
        let list = json!({"userID": "alice", "conversationList": list});
        refused_for_its_seq(gateway, "importConversations", list).await;
    }
    assert_eq!(gateway.list("alice").await, before);
});

scenario!(domain_6_13_numbers_are_exact_in_json, async |gateway: &Gateway| {
    import(gateway, "alice", 1).await;
    let mut devices = both(gateway).await;
    let newest = but(group("0", "bob", &["alice"], 8), "/message/seq", json!(TWO_TO_THE_53 - 1));
    gateway.send(newest).await;
    gateway.call("alice", "pinConversation", json!({"conversationID": "group_0", "isPinned": true})).await.unwrap();
    let mark = json!({"conversationIDList": ["group_0"], "markType": ["9223372036854775808", 1], "enableMark": true});
    gateway.call("alice", "markConversation", mark).await.unwrap();
    converge(gateway, &mut devices).await;
    for device in &devices {
        let row = device.list.row("group_0").unwrap();
        let (seq, order_key) = (number(&row["lastMessage"], "seq"), number(row, "orderKey"));
        assert_eq!((seq, &row["markList"]), (TWO_TO_THE_53 - 1, &json!([1, 1_u64 << 63])));
        // Any double holds a whole number below 2^53 exactly.
        assert!(order_key < TWO_TO_THE_53 && order_key as f64 as u64 == order_key, "{row}");
        assert!(number(row, "version") < TWO_TO_THE_53, "{row}");
    }
});
