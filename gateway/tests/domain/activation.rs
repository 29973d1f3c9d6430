//! docs/DOMAIN.md, 3.16 to 3.19: when does the orderKey rise, by how many ticks, and how does it sort the list?

use super::lists::import;
use super::steps::{
    Step, batch, cleared, client, custom_data, deleted, draft, gone, joined, marked, modified, option, own, pinned,
    profile, read_to, received, revoked,
};
use super::watched::{BOTH_TYPES, C2C, GROUP, Key, Last, PIN_BIT, find, number, read, watch};
use crate::support::{Gateway, c2c, group, ids, json};

scenario!(domain_3_16_the_key_rises_by_a_newer_preview_and_a_draft_and_by_nothing_else, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 2]).await;
        let excluded = received(id, 3).with("/message/isExcludedFromLastMessage", true);
        row.after(excluded).await.is(Key::Same, Last::Same, 3);
        row.after(received(id, 4)).await.is(Key::Up, Last::Replaced(4), 4);
        row.after(modified(id, 4, "edited")).await.is(Key::Same, Last::Edited, 4);
        row.after(revoked(id, 4)).await.is(Key::Same, Last::Edited, 3);
        row.after(own(id, 5)).await.is(Key::Up, Last::Replaced(5), 0);
        row.after(deleted(id, 5)).await.is(Key::Same, Last::Null, 0);
        row.after(draft(id, "hello")).await.is(Key::Up, Last::Same, 0);
        row.after(draft(id, "")).await.is(Key::Same, Last::Same, 0);
        row.after(received(id, 6)).await.is(Key::Up, Last::Replaced(6), 1);
        row.after(read_to(id, 0)).await.is(Key::Same, Last::Same, 0);
        for step in [marked(id, 1, true), custom_data(id, "red"), option(id, 1), profile(id, "New")] {
            row.after(step).await.is(Key::Same, Last::Same, 0);
        }
        row.after(cleared(id)).await.is(Key::Same, Last::Null, 0);
    }
});

scenario!(domain_3_16_the_key_rises_when_the_row_is_made, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        let excluded = received(id, 1).with("/message/isExcludedFromLastMessage", true);
        row.after(excluded).await.is(Key::Up, Last::Null, 1);
        for (made, unread) in [(pinned(id, true), 0), (draft(id, "hello"), 0), (imported(id), 1)] {
            row.goes(gone(id)).await;
            row.after(made).await.is(Key::Up, if unread == 0 { Last::Null } else { Last::Replaced(9) }, unread);
        }
        if id == GROUP {
            row.goes(gone(id)).await;
            row.after(joined("g")).await.is(Key::Up, Last::Null, 0);
        }
    }
});

/// A row from elsewhere, its last message unread.
fn imported(id: &str) -> Step {
    let message = json!({"msgID": "m9", "seq": 9, "sender": "bob", "isSelf": false, "timestamp": 1_795_000_009,
        "elemType": 1, "text": "text 9", "status": 2});
    let rows = json!([{"conversationID": id, "unreadCount": 1, "lastMessage": message}]);
    super::steps::backend("importConversations", json!({"userID": "alice", "conversationList": rows}))
}

scenario!(domain_3_16_a_late_message_counts_but_neither_activates_nor_replaces, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[1, 5]).await;
        row.after(received(id, 3)).await.is(Key::Same, Last::Same, 3);
    }
});

scenario!(domain_3_17_a_call_with_many_ids_takes_one_tick_for_each, async |gateway: &Gateway| {
    for number in 0..5 {
        received(&format!("group_{number}"), 1).run(gateway).await;
    }
    let mut device = gateway.live("alice").await;
    let order = ["group_3", "group_0", "group_4", "group_1", "group_2"];
    client("setConversationCustomData", json!({"conversationIDList": order, "customData": "x"})).run(gateway).await;
    let told = device.expect("conversationChanged").await;
    let (rows, _) = read(gateway, "alice").await;
    assert_consecutive(&order.map(|id| number(&find(&rows, id).unwrap(), "version")));
    let mut ids = told.ids();
    ids.sort_by_key(|id| number(device.list.row(id).unwrap(), "version"));
    assert_eq!((ids, device.list.rows()), (order.map(str::to_owned).to_vec(), rows));
});

fn assert_consecutive(ticks: &[u64]) {
    assert!(ticks.windows(2).all(|pair| pair[0] + 1 == pair[1]), "one tick each: {ticks:?}");
}

scenario!(domain_3_17_an_imported_list_takes_one_tick_for_each_row_from_its_end, async |gateway: &Gateway| {
    import(gateway, "alice", 5).await;
    let (mut rows, _) = read(gateway, "alice").await;
    rows.reverse();
    assert_eq!(ids(&rows), ["group_4", "group_3", "group_2", "group_1", "group_0"]);
    for field in ["orderKey", "version"] {
        assert_consecutive(&rows.iter().map(|row| number(row, field)).collect::<Vec<_>>());
    }
});

scenario!(domain_3_17_a_batch_of_messages_takes_a_tick_for_each_in_its_order, async |gateway: &Gateway| {
    let mut device = gateway.live("alice").await;
    let order = [GROUP, C2C, "group_a", "c2c_carol", "c2c_ann"];
    batch(gateway, order.map(|id| received(id, 1))).await;
    batch(gateway, [received(C2C, 2), received(GROUP, 2), received(C2C, 3)]).await;
    device.converge(gateway).await;
    let (rows, _) = read(gateway, "alice").await;
    assert_eq!(ids(&rows), [C2C, GROUP, "c2c_ann", "c2c_carol", "group_a"]);
    let step = number(&find(&rows, C2C).unwrap(), "version") - number(&find(&rows, GROUP).unwrap(), "version");
    assert!(step >= 1, "a row that changed twice has the tick of its last change");
    assert!(rows.iter().all(|row| row["orderKey"] == row["version"]));
});

scenario!(domain_3_18_names_in_a_message_that_is_repeated_or_late_change_nothing, async |gateway: &Gateway| {
    for id in BOTH_TYPES {
        let mut row = watch(gateway, id, &[]).await;
        row.after(named(id, 5, "Five")).await;
        row.stays(named(id, 5, "Other")).await;
        row.after(named(id, 4, "Four")).await.is(Key::Same, Last::Same, 2);
        assert_eq!((&row.row()["showName"], &row.row()["faceUrl"]), (&json!("Five"), &json!("Five.png")));
        row.after(named(id, 6, "Six")).await;
        assert_eq!((&row.row()["showName"], &row.row()["faceUrl"]), (&json!("Six"), &json!("Six.png")));
        row.after(read_to(id, 0)).await;
        row.stays(named(id, 4, "Four")).await;
    }
});

/// A message that says how the conversation is shown to alice.
fn named(id: &str, seq: u64, name: &str) -> Step {
    let shown = json!({"showName": name, "faceUrl": format!("{name}.png")});
    if id == C2C {
        return received(id, seq).with("/profiles", json!({"bob": shown}));
    }
    let message = received(id, seq).with("/conversation/showName", name);
    message.with("/conversation/faceUrl", shown["faceUrl"].clone())
}

scenario!(domain_3_19_pinned_rows_stay_in_activity_order_among_themselves, async |gateway: &Gateway| {
    let order =
        async || -> Vec<String> { ids(&read(gateway, "alice").await.0).into_iter().map(str::to_owned).collect() };
    for id in ["c2c_a", "c2c_b", "c2c_c", "c2c_d"] {
        received(id, 1).run(gateway).await;
    }
    for id in ["c2c_b", "c2c_a"] {
        pinned(id, true).run(gateway).await;
    }
    assert_eq!(order().await, ["c2c_b", "c2c_a", "c2c_d", "c2c_c"], "pinning is no activity");
    gateway.send(c2c("a", "alice", 2)).await;
    assert_eq!(order().await, ["c2c_a", "c2c_b", "c2c_d", "c2c_c"]);
    gateway.send(c2c("c", "alice", 2)).await;
    assert_eq!(order().await, ["c2c_a", "c2c_b", "c2c_c", "c2c_d"]);
    pinned("c2c_a", false).run(gateway).await;
    assert_eq!(order().await, ["c2c_b", "c2c_c", "c2c_a", "c2c_d"]);
});

scenario!(domain_3_19_one_number_below_2_53_sorts_the_whole_list, async |gateway: &Gateway| {
    let mut device = gateway.live("alice").await;
    for name in ["a", "b", "c"] {
        gateway.send(group(name, "bob", &["alice"], 1)).await;
    }
    pinned("group_b", true).run(gateway).await;
    device.converge(gateway).await;
    let rows = device.list.rows();
    assert_eq!(ids(&rows), ["group_b", "group_c", "group_a"]);
    let now_us = crate::support::keys::now_s() * 1_000_000;
    for row in rows {
        let key = number(&row, "orderKey");
        assert!(key < 1 << 53 && row["orderKey"].as_f64().unwrap() as u64 == key, "exact in a double");
        let activation = if row["isPinned"] == json!(true) { key - PIN_BIT } else { key };
        assert!(activation.abs_diff(now_us) < 60_000_000, "microseconds since 1970, the pin bit on top");
    }
});
