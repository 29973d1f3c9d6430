//! Each broken promise is seen, and what is allowed is not mistaken for one.

use super::*;
use serde_json::{Value, json};

/// A row of the group `id`.
fn row(id: &str, version: u64, unread: u64) -> Value {
    json!({
        "conversationID": format!("group_{id}"), "type": 2, "groupID": id, "showName": "", "faceUrl": "",
        "unreadCount": unread, "recvOpt": 0, "lastMessage": null, "groupAtInfoList": [], "draftText": "",
        "draftTimestamp": 0, "isPinned": false, "orderKey": version, "markList": [], "customData": "",
        "conversationGroupList": [], "groupReadSequence": 0, "version": version,
    })
}

fn event(name: &str, data: Value) -> Value {
    json!({"event": name, "data": data})
}

fn at(cursor: u64, mut frame: Value) -> Value {
    frame["cursor"] = format!("7:{cursor}").into();
    frame
}

fn start(mode: &str) -> Value {
    event("syncServerStart", json!({ "mode": mode }))
}

fn new(rows: &[Value]) -> Value {
    event("newConversation", json!({ "conversationList": rows }))
}

fn changed(rows: &[Value]) -> Value {
    event("conversationChanged", json!({ "conversationList": rows }))
}

fn deleted(id: &str, version: u64) -> Value {
    event("conversationDeleted", json!({"conversationIDList": [format!("group_{id}")], "version": version}))
}

fn total(total: u64, version: u64) -> Value {
    event("totalUnreadMessageCountChanged", json!({"totalUnreadCount": total, "version": version}))
}

fn finish_full(count: u64) -> Value {
    event(
        "syncServerFinish",
        json!({"mode": "full", "nextSeq": 0, "isFinished": true, "conversationGroupList": [], "conversationCount": count}),
    )
}

fn finish_replay(count: u64) -> Value {
    event("syncServerFinish", json!({"mode": "replay", "conversationGroupList": [], "conversationCount": count}))
}

fn play(state: &mut ClientState, frames: &[Value]) {
    for frame in frames {
        state.frame(&serde_json::from_value(frame.clone()).unwrap(), |_, _| {});
    }
}

/// A client with the rows a (version 10, unread 1) and b (version 11, unread 2), live at cursor 20.
fn live() -> ClientState {
    let mut state = ClientState::default();
    state.connected();
    let sync = [start("full"), new(&[row("b", 11, 2), row("a", 10, 1)]), total(3, 20), at(20, finish_full(2))];
    play(&mut state, &sync);
    assert_eq!(state.violations(), [] as [String; 0]);
    state
}

#[track_caller]
fn fine(state: &mut ClientState, frames: &[Value]) {
    play(state, frames);
    assert_eq!(state.violations(), [] as [String; 0]);
}

#[track_caller]
fn wrong(state: &mut ClientState, frames: &[Value], expected: &str) {
    play(state, frames);
    let seen = state.violations();
    assert!(seen.iter().any(|violation| violation.contains(expected)), "{seen:?}");
}

fn ids(state: &ClientState) -> Vec<String> {
    state.list().iter().map(|row| row.conversation_id.to_string()).collect()
}

#[test]
fn live_changes_replace_add_and_remove() {
    let mut state = live();
    let flush = [new(&[row("c", 21, 0)]), changed(&[row("a", 22, 5)]), deleted("b", 23), at(23, total(5, 23))];
    fine(&mut state, &flush);
    assert_eq!((ids(&state), state.total()), (vec!["group_a".to_owned(), "group_c".to_owned()], Some(5)));
    assert_eq!(state.cursor().map(|cursor| cursor.version), Some(23));
}

#[test]
fn a_full_sync_replaces_all_at_its_finish_and_not_before() {
    let mut state = live();
    state.disconnected();
    state.connected();
    fine(&mut state, &[start("full"), new(&[row("c", 5, 0)]), total(0, 6)]);
    assert_eq!(ids(&state), ["group_b", "group_a"]);
    fine(&mut state, &[at(6, finish_full(1))]);
    assert_eq!(ids(&state), ["group_c"]);
}

#[test]
fn a_client_cut_in_a_flush_gets_the_rest_again() {
    let mut state = live();
    fine(&mut state, &[changed(&[row("a", 21, 5)])]);
    state.disconnected();
    state.connected();
    let replay =
        [start("replay"), at(22, changed(&[row("a", 21, 5), row("b", 22, 0)])), total(5, 22), at(22, finish_replay(2))];
    fine(&mut state, &replay);
    assert_eq!((state.counters().known_rows, state.counters().replays), (1, 1));
}

#[test]
fn an_event_outside_its_brackets_is_seen() {
    let mut fresh = ClientState::default();
    fresh.connected();
    wrong(&mut fresh, &[new(&[row("a", 1, 0)])], "before the sync of the session");
    wrong(&mut live(), &[start("replay"), start("replay")], "syncServerStart came inside a sync");
    wrong(&mut live(), &[at(20, finish_replay(2))], "without its syncServerStart");
    wrong(&mut live(), &[start("replay"), total(3, 20), at(20, finish_full(2))], "expected mode Replay");
    let failed = event("syncServerFailed", json!({"code": 50004, "message": "x", "retryAfterMs": 5}));
    wrong(&mut live(), &[start("replay"), failed, changed(&[row("a", 21, 0)])], "before the sync of the session");
    let leave = event("reconnect", json!({"afterMs": 10}));
    wrong(&mut live(), &[leave, at(21, changed(&[row("a", 21, 1)]))], "after the last event");
}

#[test]
fn a_version_that_goes_back_or_comes_twice_is_seen() {
    wrong(&mut live(), &[changed(&[row("a", 22, 1)]), changed(&[row("a", 21, 1)])], "version 21 came after version 22");
    wrong(&mut live(), &[changed(&[row("a", 22, 1)]), changed(&[row("a", 22, 1)])], "version 22 came after version 22");
    let twice = changed(&[row("a", 22, 1), row("a", 23, 1)]);
    wrong(&mut live(), &[twice], "expected once in a frame, got twice");
    let again = [start("full"), new(&[row("a", 5, 1)]), new(&[row("a", 5, 1)])];
    wrong(&mut live(), &again, "came twice or went back in a full sync");
}

#[test]
fn a_full_sync_starts_versions_afresh() {
    fine(&mut live(), &[start("full"), new(&[row("a", 5, 1)]), total(1, 5), at(5, finish_full(1))]);
}

#[test]
fn what_a_cursor_covers_must_not_come_after_it() {
    wrong(&mut live(), &[changed(&[row("a", 15, 1)])], "version 15 came after the cursor 7:20");
    wrong(&mut live(), &[deleted("a", 20)], "version 20 came after the cursor 7:20");
}

#[test]
fn a_row_after_its_deletion_needs_a_newer_version() {
    let gone = [deleted("b", 23), at(23, total(1, 23))];
    let mut state = live();
    fine(&mut state, &gone);
    fine(&mut state, &[new(&[row("b", 25, 0)])]);
    wrong(&mut live(), &[deleted("b", 23), new(&[row("b", 22, 0)])], "version 22 came after its deletion at 23");
    wrong(&mut live(), &[deleted("b", 23), deleted("b", 23)], "deletion at 23 came after a deletion at 23");
    wrong(&mut live(), &[changed(&[row("b", 24, 0)]), deleted("b", 23)], "deletion at 23 came after version 24");
}

#[test]
fn cursors_only_stand_where_they_may_and_never_go_back() {
    wrong(&mut live(), &[at(19, changed(&[row("a", 21, 1)]))], "cursor 7:19 came after 7:20");
    wrong(&mut live(), &[at(21, changed(&[row("a", 22, 1)]))], "cursor 7:21 is below version 22");
    wrong(&mut live(), &[at(21, start("replay"))], "expected no cursor");
    wrong(&mut live(), &[start("full"), at(21, new(&[row("a", 21, 1)]))], "before the finish of a full sync");
    wrong(&mut live(), &[start("replay"), total(3, 20), finish_replay(2)], "expected a cursor, got none");
    let mut other = at(30, total(4, 30));
    other["cursor"] = "8:30".into();
    wrong(&mut live(), &[other], "without a full sync");
}

#[test]
fn a_flush_has_its_order() {
    wrong(&mut live(), &[deleted("b", 21), changed(&[row("a", 22, 1)])], "expected new, changed, deleted, total");
    fine(&mut live(), &[deleted("b", 21), at(21, total(1, 21)), changed(&[row("a", 22, 1)])]);
}

#[test]
fn a_total_is_new_differs_and_is_the_sum() {
    wrong(&mut live(), &[total(4, 20)], "version 20 came after version 20");
    wrong(&mut live(), &[total(3, 21)], "came again though it had not changed");
    wrong(&mut live(), &[at(21, changed(&[row("a", 21, 9)]))], "total 3 of version 20 differs from the sum 11");
    wrong(&mut live(), &[start("replay"), at(20, finish_replay(2))], "expected one total in the sync, got 0");
}

#[test]
fn the_list_has_what_the_server_says() {
    wrong(&mut live(), &[changed(&[row("z", 21, 0)])], "expected newConversation for group_z");
    wrong(&mut live(), &[start("replay"), total(3, 20), at(20, finish_replay(3))], "conversationCount 3");
    let mut pinned = row("a", 21, 1);
    pinned["isPinned"] = true.into();
    wrong(&mut live(), &[changed(&[pinned])], "expected the pin bit");
    wrong(&mut live(), &[changed(&[])], "expected 1 to 100 rows");
    let mut never = ClientState::default();
    never.connected();
    let replay = [start("replay"), total(0, 5), at(5, finish_replay(0))];
    wrong(&mut never, &replay, "a replay to a client that never had a full sync");
}

fn page(rows: &[Value], next_seq: u64, is_finished: bool) -> PageResult {
    serde_json::from_value(json!({"conversationList": rows, "nextSeq": next_seq, "isFinished": is_finished})).unwrap()
}

/// A client whose full sync gave only its first row, the rest to be paged from 50.
fn paging() -> ClientState {
    let mut state = ClientState::default();
    state.connected();
    let mut finish = finish_full(3);
    finish["data"]["nextSeq"] = 50.into();
    finish["data"]["isFinished"] = false.into();
    fine(&mut state, &[start("full"), new(&[row("a", 50, 0)]), total(3, 60), at(60, finish)]);
    assert_eq!(state.paging(), Paging::From(50));
    state
}

#[test]
fn a_page_brings_nothing_back_and_overtakes_nothing() {
    let mut state = paging();
    fine(&mut state, &[changed(&[row("b", 61, 4)]), deleted("c", 62), at(62, total(4, 62))]);
    state.page(50, &page(&[row("b", 40, 2), row("c", 30, 1)], 30, true), |_, _| {});
    assert_eq!(ids(&state), ["group_b", "group_a"]);
    assert!(state.is_complete());
    // The last page may be newer than a live change that comes after it.
    fine(&mut state, &[at(63, changed(&[row("d", 63, 1)]))]);
}

#[test]
fn a_page_that_does_not_advance_is_seen() {
    let mut state = paging();
    state.page(50, &page(&[], 50, false), |_, _| {});
    assert!(state.violations()[0].contains("did not advance"));
}

/// A client of a user without data, live.
fn without_data() -> ClientState {
    let mut state = ClientState::default();
    state.connected();
    let mut finish = at(0, finish_full(0));
    finish["cursor"] = "0:0".into();
    fine(&mut state, &[start("full"), total(0, 0), finish]);
    state
}

#[test]
fn the_first_changes_of_a_user_have_their_cursor_twice() {
    let first = at(9, new(&[row("a", 9, 1)]));
    fine(&mut without_data(), &[first.clone(), at(9, total(1, 9)), at(10, changed(&[row("a", 10, 1)]))]);
    wrong(&mut without_data(), &[first.clone(), at(9, total(2, 9))], "total 2 of version 9 differs from the sum 1");
    wrong(&mut without_data(), &[first, at(9, new(&[row("b", 8, 0)]))], "came after the cursor 7:9");
    let again = [at(21, changed(&[row("a", 21, 1)])), at(21, total(4, 21))];
    wrong(&mut live(), &again, "cursor 7:21 came again");
}
