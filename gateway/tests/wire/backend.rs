//! What does each method of a backend do?

use crate::support::{BOTH, Gateway, Value, backend::but, c2c, group, ids, json};

const DONE: [u64; 3] = [1, 0, 0];

/// Applied, duplicates and queued.
fn counts(result: &Value) -> [u64; 3] {
    ["applied", "duplicates", "queued"].map(|name| result[name].as_u64().expect("a number"))
}

#[tokio::test]
async fn a_c2c_message_changes_both_sides_each_as_it_sees_the_other() {
    let gateway = Gateway::start().await;
    let (mut alice, mut bob) = (gateway.live("alice").await, gateway.live("bob").await);
    let mut message = c2c("bob", "alice", 1);
    message["profiles"] = json!({"alice": {"showName": "Alice"}, "bob": {"showName": "Bob", "faceUrl": "f"}});
    let result = gateway.send(message).await;
    assert_eq!(result, json!({"applied": 2, "duplicates": 0, "queued": 0, "failed": []}));
    let event = alice.expect("newConversation").await;
    let shown = ["conversationID", "showName", "faceUrl", "unreadCount"].map(|field| event.row()[field].clone());
    assert_eq!(shown, [json!("c2c_bob"), json!("Bob"), json!("f"), json!(1)]);
    let event = bob.expect("newConversation").await;
    let shown = ["conversationID", "showName", "faceUrl", "unreadCount"].map(|field| event.row()[field].clone());
    assert_eq!(shown, [json!("c2c_alice"), json!("Alice"), json!(""), json!(0)]);
    for session in [&mut alice, &mut bob] {
        session.converge(&gateway).await;
    }
}

#[tokio::test]
async fn a_message_counts_what_it_changed_and_what_was_there_already() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let result = gateway.post("sendMessage", group("g1", "bob", &["alice", "anna", "bob", "anna"], 1)).await;
    assert_eq!(counts(&result), [2, 1, 0], "a recipient that is named twice is one: {result}");
    assert_eq!(result["failed"], json!([]));
    let rows = (gateway.row("alice", "group_g1").await, gateway.row("bob", "group_g1").await);
    assert_eq!((&rows.0.unwrap()["unreadCount"], &rows.1.unwrap()["unreadCount"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_groups_sender_has_a_row_only_as_a_recipient() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    assert_eq!(gateway.row("bob", "group_g1").await, None);
}

#[tokio::test]
async fn a_group_message_reaches_300_members_and_their_sessions() {
    let gateway = Gateway::start().await;
    let names: Vec<String> = (0..300).map(|n| format!("u{n}")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut sessions = Vec::new();
    for (n, member) in members.iter().step_by(30).enumerate() {
        let mut session = gateway.open(BOTH[n % 2], member).await;
        session.sync().await;
        sessions.push(session);
    }
    let result = gateway.post("sendMessage", group("g1", "u0", &members, 1)).await;
    assert_eq!(counts(&result), [0, 0, 300], "answered once it is safe in the queue");
    for (n, session) in sessions.iter_mut().enumerate() {
        let event = session.expect("newConversation").await;
        assert_eq!(event.row()["unreadCount"], json!(u64::from(n > 0)), "the sender's own does not count");
    }
    for member in ["u1", "u150", "u299"] {
        crate::support::until("the message", async || gateway.total(member).await == 1).await;
    }
    let few = &members[..100];
    assert_eq!(counts(&gateway.post("sendMessage", group("g1", "u0", few, 1)).await), [0, 100, 0]);
}

#[tokio::test]
async fn the_rows_that_fail_are_named_and_the_others_change() {
    let gateway = Gateway::start().await;
    // A row of at most 16 KiB: a long draft and long profile fields, each of which is six bytes in JSON.
    let control = "\u{1}".repeat(1_000);
    let draft = json!({"conversationID": "group_g1", "draftText": "\u{1}".repeat(2_000)});
    gateway.call("alice", "setConversationDraft", draft).await.unwrap();
    let mut message = group("g1", "bob", &["anna", "alice", "ada"], 1);
    message["message"]["text"] = json!(control);
    let result = gateway.backend("sendMessage", message).await.unwrap();
    assert_eq!(counts(&result), [2, 0, 0], "{result}");
    assert_eq!((&result["failed"][0]["userID"], &result["failed"][0]["code"]), (&json!("alice"), &json!(6017)));
    assert_eq!(gateway.row("alice", "group_g1").await.unwrap()["lastMessage"], Value::Null, "not half applied");
}

#[tokio::test]
async fn a_late_message_counts_and_is_not_shown() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 5)).await;
    gateway.send(group("g1", "bob", &["alice"], 3)).await;
    let row = gateway.row("alice", "group_g1").await.unwrap();
    assert_eq!((&row["unreadCount"], &row["lastMessage"]["seq"]), (&json!(2), &json!(5)));
}

#[tokio::test]
async fn messages_may_be_left_out_of_the_preview_or_of_the_count() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let quiet = but(group("g1", "bob", &["alice"], 2), "/message/isExcludedFromLastMessage", json!(true));
    gateway.send(quiet).await;
    let row = gateway.row("alice", "group_g1").await.unwrap();
    assert_eq!((&row["unreadCount"], &row["lastMessage"]["seq"]), (&json!(2), &json!(1)));
    let uncounted = but(group("g1", "bob", &["alice"], 3), "/message/isExcludedFromUnreadCount", json!(true));
    gateway.send(uncounted).await;
    let row = gateway.row("alice", "group_g1").await.unwrap();
    assert_eq!((&row["unreadCount"], &row["lastMessage"]["seq"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn a_mention_is_told_until_it_is_read() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    let mention = but(group("g1", "bob", &["alice"], 1), "/message/atUserList", json!(["alice"]));
    gateway.send(mention).await;
    let all = json!(["__kImSDK_MesssageAtALL__"]);
    gateway.send(but(group("g1", "bob", &["alice"], 2), "/message/atUserList", all)).await;
    session.converge(&gateway).await;
    let told = json!([{"seq": 1, "atType": 1}, {"seq": 2, "atType": 2}]);
    assert_eq!(session.list.row("group_g1").unwrap()["groupAtInfoList"], told);
    gateway.post("markRead", json!({"userID": "alice", "conversationID": "group_g1", "cleanSequence": 1})).await;
    session.converge(&gateway).await;
    assert_eq!(session.list.row("group_g1").unwrap()["groupAtInfoList"], json!([{"seq": 2, "atType": 2}]));
}

#[tokio::test]
async fn a_revoked_message_loses_its_text_and_its_count_once_on_both_sides() {
    let gateway = Gateway::start().await;
    let mut alice = gateway.live("alice").await;
    gateway.send(c2c("bob", "alice", 1)).await;
    alice.converge(&gateway).await;
    let revoke = json!({"conversation": {"type": 1}, "sender": "bob", "recipients": ["alice"], "msgID": "m1", "seq": 1,
        "revoker": "admin", "revokeReason": "spam"});
    assert_eq!(counts(&gateway.post("revokeMessage", revoke.clone()).await), [2, 0, 0]);
    let event = alice.expect("conversationChanged").await;
    let last = &event.row()["lastMessage"];
    let shown = ["status", "text", "revoker", "revokeReason"].map(|field| last[field].clone());
    assert_eq!(shown, [json!(6), json!(""), json!("admin"), json!("spam")]);
    assert_eq!(event.row()["unreadCount"], 0);
    assert_eq!(gateway.row("bob", "c2c_alice").await.unwrap()["lastMessage"]["status"], 6);
    alice.converge(&gateway).await;
    assert_eq!(counts(&gateway.post("revokeMessage", revoke).await), [0, 2, 0]);
    alice.expect_silence_until_marker(&gateway).await;
}

#[tokio::test]
async fn a_modified_message_shows_its_newest_revision_in_its_place() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    let before = gateway.row("alice", "group_g1").await.unwrap();
    let modified = |text: &str, revision: u64| {
        let params = but(group("g1", "bob", &["alice"], 1), "/message/text", json!(text));
        but(params, "/revision", json!(revision))
    };
    assert_eq!(counts(&gateway.post("modifyMessage", modified("second", 2)).await), DONE);
    assert_eq!(counts(&gateway.post("modifyMessage", modified("first", 1)).await), [0, 1, 0]);
    let row = gateway.row("alice", "group_g1").await.unwrap();
    assert_eq!((&row["lastMessage"]["text"], &row["orderKey"]), (&json!("second"), &before["orderKey"]));
    assert_eq!(row["unreadCount"], 1);
}

#[tokio::test]
async fn a_profile_is_set_where_there_is_a_row_and_older_revisions_are_ignored() {
    let gateway = Gateway::start().await;
    let mut alice = gateway.live("alice").await;
    gateway.send(c2c("bob", "alice", 1)).await;
    alice.converge(&gateway).await;
    let set = |name: &str, revision: u64| {
        json!({"conversation": {"type": 1, "userID": "bob", "showName": name}, "recipients": ["alice", "anna"],
            "revision": revision})
    };
    assert_eq!(counts(&gateway.post("setProfile", set("Bob", 5)).await), [1, 1, 0]);
    assert_eq!(alice.expect("conversationChanged").await.row()["showName"], "Bob");
    assert_eq!(counts(&gateway.post("setProfile", set("Robert", 5)).await), [0, 2, 0]);
    assert_eq!(counts(&gateway.post("setProfile", set("Bob", 6)).await), [0, 2, 0], "the same name again");
    alice.expect_silence_until_marker(&gateway).await;
    assert_eq!(counts(&gateway.post("setProfile", set("Rob", 7)).await), [1, 1, 0]);
    assert_eq!(gateway.row("anna", "c2c_bob").await, None, "a profile makes no row");
}

#[tokio::test]
async fn joining_makes_a_row_that_counts_from_its_seq_on() {
    let gateway = Gateway::start().await;
    let mut alice = gateway.live("alice").await;
    let mut join = json!({"conversation": {"type": 2, "groupID": "g1", "groupType": "Public", "showName": "Team"},
        "recipients": ["alice"], "seq": 10, "sender": "bob"});
    join["message"] = json!({"msgID": "m10", "seq": 10, "timestamp": 1, "text": "alice joined"});
    assert_eq!(counts(&gateway.post("joinGroup", join.clone()).await), DONE);
    let event = alice.expect("newConversation").await;
    let row = event.row();
    assert_eq!((&row["unreadCount"], &row["lastMessage"]["text"]), (&json!(0), &json!("alice joined")));
    assert_eq!((&row["showName"], &row["groupType"]), (&json!("Team"), &json!("Public")));
    assert_eq!(counts(&gateway.post("joinGroup", join).await), [0, 1, 0]);
    gateway.post("sendMessage", group("g1", "bob", &["alice"], 9)).await;
    gateway.send(group("g1", "bob", &["alice"], 11)).await;
    assert_eq!(gateway.total("alice").await, 1, "what was missed before joining does not count");
}

#[tokio::test]
async fn a_backend_reads_and_deletes_for_its_users() {
    let gateway = Gateway::start().await;
    gateway.send(group("g1", "bob", &["alice", "anna"], 1)).await;
    let read = json!({"userID": "alice", "conversationID": "group_g1"});
    assert_eq!(counts(&gateway.post("markRead", read.clone()).await), DONE);
    assert_eq!(counts(&gateway.post("markRead", read).await), [0, 1, 0]);
    assert_eq!((gateway.total("alice").await, gateway.total("anna").await), (0, 1));
    let unknown = json!({"userID": "alice", "conversationID": "group_g2"});
    assert_eq!(gateway.backend("markRead", unknown).await.unwrap_err()["code"], 6004);
    let delete = json!({"recipients": ["alice", "anna", "ada"], "conversationID": "group_g1"});
    assert_eq!(counts(&gateway.post("deleteConversation", delete).await), [2, 1, 0]);
    assert_eq!((gateway.list("alice").await.len(), gateway.total("anna").await), (0, 0));
}

#[tokio::test]
async fn a_batch_answers_in_its_order_and_a_wrong_entry_stops_no_other() {
    let gateway = Gateway::start().await;
    let entries = json!([
        {"method": "sendMessage", "params": group("g1", "bob", &["alice"], 1)},
        {"method": "sendMessage", "params": {"sender": "bob"}},
        {"method": "markRead", "params": {"userID": "alice", "conversationID": "group_nowhere"}},
        {"method": "markRead", "params": {"userID": "alice", "conversationID": "group_g1"}},
        {"method": "nonsense", "params": {}},
        {"method": "sendMessage", "params": c2c("bob", "alice", 1)},
        {"method": "batch", "params": []},
        {"method": "kickUser", "params": {"userID": "nobody", "reason": "x"}},
        {"method": "deleteConversation", "params": {"recipients": ["alice"], "conversationID": "group_g1"}},
    ]);
    let result = gateway.post("batch", entries).await;
    let outcome = |entry: &Value| match entry.get("error") {
        Some(error) => error["code"].as_u64().expect("a code"),
        None => entry["result"]["applied"].as_u64().unwrap_or(0),
    };
    let outcomes: Vec<u64> = result["resultList"].as_array().unwrap().iter().map(outcome).collect();
    assert_eq!(outcomes, [1, 6017, 6004, 1, 6017, 2, 6017, 0, 1], "{result}");
    assert_eq!(result["resultList"][7]["result"], json!({"kicked": 0, "unconfirmed": 0}));
    assert_eq!(ids(&gateway.list("alice").await), ["c2c_bob"]);
}
