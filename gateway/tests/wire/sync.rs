//! What does a client get when it connects without a cursor?

use crate::support::{BOTH, Gateway, Session, Transport, Value, c2c, group, ids, json};

/// Gives a user so many groups, in one call each to the backend's batch; the last is on top.
pub(super) async fn fill(gateway: &Gateway, user: &str, rows: u64) {
    for from in (0..rows).step_by(500) {
        let entry = |n: u64| json!({"method": "sendMessage", "params": group(&format!("g{n}"), "zoe", &[user], 1)});
        let entries: Vec<Value> = (from..rows.min(from + 500)).map(entry).collect();
        let result = gateway.post("batch", json!(entries)).await;
        assert!(result["resultList"].as_array().unwrap().iter().all(|one| one["result"]["applied"] == 1), "{result}");
    }
}

#[tokio::test]
async fn a_user_without_data_gets_a_full_sync_without_rows() {
    let gateway = Gateway::start().await;
    for transport in BOTH {
        let sync = gateway.open(transport, "alice").await.sync().await;
        assert_eq!((sync.mode.as_str(), sync.events.len(), sync.cursor.as_str()), ("full", 1, "0:0"));
        assert_eq!(sync.events[0].data, json!({"totalUnreadCount": 0, "version": 0}));
        let expected = json!({"mode": "full", "nextSeq": 0, "isFinished": true, "conversationGroupList": [],
            "conversationCount": 0});
        assert_eq!(sync.finish, expected);
    }
}

#[tokio::test]
async fn a_full_sync_has_the_rows_in_list_order_then_the_total_then_the_finish_with_the_only_cursor() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    gateway.send(group("g1", "bob", &["alice"], 1)).await;
    gateway.send(c2c("carol", "alice", 1)).await;
    gateway.call("alice", "pinConversation", json!({"conversationID": "c2c_bob", "isPinned": true})).await.unwrap();
    for transport in BOTH {
        let mut session = gateway.open(transport, "alice").await;
        let sync = session.sync().await;
        assert_eq!(sync.mode, "full");
        assert_eq!(sync.created(), ["c2c_bob", "c2c_carol", "group_g1"]);
        assert_eq!(
            sync.events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(),
            ["newConversation", "totalUnreadMessageCountChanged"]
        );
        assert!(sync.events.iter().all(|event| event.cursor.is_none()), "{sync:?}");
        assert_eq!((&sync.finish["conversationCount"], &sync.finish["isFinished"]), (&json!(3), &json!(true)));
        session.converge(&gateway).await;
    }
}

#[tokio::test]
async fn a_row_has_the_fields_of_the_conversation_object_and_no_others() {
    let gateway = Gateway::start().await;
    let mut message = c2c("bob", "alice", 7);
    message["profiles"] = json!({"bob": {"showName": "Bob", "faceUrl": "https://faces.example/bob"}});
    gateway.send(message).await;
    let mut session = gateway.live("alice").await;
    let mut row = session.list.rows()[0].clone();
    let version = row["version"].take();
    assert!(version.as_u64() < Some(1 << 53) && version == row["orderKey"].take(), "{version}");
    let expected = json!({
        "conversationID": "c2c_bob", "type": 1, "userID": "bob", "showName": "Bob",
        "faceUrl": "https://faces.example/bob", "unreadCount": 1, "recvOpt": 0,
        "lastMessage": {"msgID": "m7", "seq": 7, "sender": "bob", "isSelf": false, "timestamp": 1_795_000_007,
            "elemType": 1, "text": "text 7", "status": 2},
        "groupAtInfoList": [], "draftText": "", "draftTimestamp": 0, "isPinned": false, "orderKey": null,
        "markList": [], "customData": "", "conversationGroupList": [], "c2cReadTimestamp": 0, "version": null
    });
    assert_eq!(row, expected);
    gateway.send(group("g1", "bob", &["alice"], 3)).await;
    let event = session.expect("newConversation").await;
    let row = event.row();
    let shown = ["type", "groupID", "groupType", "showName", "groupReadSequence"].map(|field| row[field].clone());
    assert_eq!(shown, [json!(2), json!("g1"), json!("Work"), json!("Team"), json!(0)]);
    assert!(row.get("userID").is_none() && row.get("c2cReadTimestamp").is_none(), "{row}");
}

async fn page_on(session: &mut Session, mut next_seq: Value) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let page = session.done("getConversationList", json!({"nextSeq": next_seq, "count": 5})).await;
        all.extend(ids(page["conversationList"].as_array().unwrap()).into_iter().map(str::to_owned));
        if page["isFinished"] == true {
            return all;
        }
        assert_ne!(page["nextSeq"], next_seq, "nextSeq advances");
        next_seq = page["nextSeq"].clone();
    }
}

#[tokio::test]
async fn a_window_ends_a_full_sync_and_paging_goes_on_from_its_next_seq() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 15).await;
    let expected: Vec<String> = (0..15).rev().map(|n| format!("group_g{n}")).collect();
    for transport in BOTH {
        let sync = gateway.opening(transport, "alice").window(5).open().await.sync().await;
        assert_eq!(sync.created(), expected[..5]);
        assert_eq!((&sync.finish["isFinished"], &sync.finish["conversationCount"]), (&json!(false), &json!(15)));
        let mut session = gateway.live("alice").await;
        assert_eq!(page_on(&mut session, sync.finish["nextSeq"].clone()).await, expected[5..]);
    }
}

#[tokio::test]
async fn a_window_of_exactly_all_rows_is_finished() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 5).await;
    let sync = gateway.opening(Transport::WebSocket, "alice").window(5).open().await.sync().await;
    assert_eq!((sync.created().len(), &sync.finish["isFinished"]), (5, &json!(true)));
}

#[tokio::test]
async fn a_large_sync_comes_in_frames_of_at_most_100_rows() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 250).await;
    for transport in BOTH {
        let mut session = gateway.opening(transport, "alice").window(1_000).open().await;
        let sync = session.sync().await;
        let sizes: Vec<usize> = sync.events.iter().map(|event| event.ids().len()).collect();
        assert_eq!(sizes, [100, 100, 50, 0]);
        session.converge(&gateway).await;
        let default = gateway.open(transport, "alice").await.sync().await;
        assert_eq!(default.created().len(), 100, "the default window");
    }
}

#[tokio::test]
async fn sessions_that_connect_while_messages_pour_in_end_with_the_servers_list() {
    let gateway = Gateway::start().await;
    fill(&gateway, "alice", 20).await;
    let posting = async {
        for seq in 2..60 {
            gateway.send(group(&format!("g{}", seq % 25), "zoe", &["alice"], seq)).await;
        }
    };
    let connecting = async {
        let mut sessions = Vec::new();
        for n in 0..12 {
            let mut session = gateway.open(BOTH[n % 2], "alice").await;
            session.sync().await;
            sessions.push(session);
        }
        sessions
    };
    let ((), mut sessions) = tokio::join!(posting, connecting);
    for session in &mut sessions {
        session.converge(&gateway).await;
    }
}
