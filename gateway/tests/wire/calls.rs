//! What does each method of a client do, over WebSocket and over HTTP alike?

use crate::support::{Gateway, Session, Value, backend::but, c2c, group, ids, json};

/// The two ways to call.
pub(super) enum Via<'a> {
    WebSocket(Box<Session>),
    Http(&'a Gateway),
}

impl Via<'_> {
    pub(super) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        match self {
            Self::WebSocket(session) => session.call(method, params).await,
            Self::Http(gateway) => gateway.call("alice", method, params).await,
        }
    }

    pub(super) async fn done(&mut self, method: &str, params: Value) -> Value {
        self.call(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The code of a refusal.
    pub(super) async fn code(&mut self, method: &str, params: Value) -> u64 {
        self.call(method, params).await.expect_err("a refusal")["code"].as_u64().expect("a code")
    }

    pub(super) async fn row(&mut self, id: &str) -> Value {
        self.done("getConversation", json!({"conversationID": id})).await["conversation"].take()
    }
}

/// Alice with three rows, twice: once to call over WebSocket, once over HTTP.
pub(super) async fn both_ways(scenario: impl AsyncFn(&Gateway, Via<'_>)) {
    for over_websocket in [true, false] {
        let gateway = Gateway::start().await;
        gateway.send(c2c("bob", "alice", 1)).await;
        gateway.send(c2c("bob", "alice", 2)).await;
        gateway.send(c2c("carol", "alice", 1)).await;
        for seq in 1..=3 {
            gateway.send(group("g1", "bob", &["alice"], seq)).await;
        }
        let via = match over_websocket {
            true => Via::WebSocket(Box::new(gateway.live("alice").await)),
            false => Via::Http(&gateway),
        };
        scenario(&gateway, via).await;
    }
}

#[tokio::test]
async fn the_list_is_paged_by_falling_order_key_with_any_count() {
    both_ways(async |_, mut via| {
        let first = via.done("getConversationList", json!({"nextSeq": 0, "count": 2})).await;
        assert_eq!(ids(first["conversationList"].as_array().unwrap()), ["group_g1", "c2c_carol"]);
        assert_eq!((&first["isFinished"], first["cursor"].is_string()), (&json!(false), true));
        let second = via.done("getConversationList", json!({"nextSeq": first["nextSeq"], "count": 2})).await;
        assert_eq!(ids(second["conversationList"].as_array().unwrap()), ["c2c_bob"]);
        assert_eq!((&second["isFinished"], second.get("cursor")), (&json!(true), None));
        for (count, rows) in [(0, 1), (1, 1), (3, 3), (1_000, 3), (2_147_483_647_u64, 3), (u64::MAX, 3)] {
            let page = via.done("getConversationList", json!({"nextSeq": 0, "count": count})).await;
            assert_eq!(page["conversationList"].as_array().unwrap().len(), rows, "{count}");
            assert_eq!(page["isFinished"], json!(rows == 3), "{count}");
        }
        let unasked = via.done("getConversationList", json!({"count": 3})).await;
        assert_eq!(unasked["conversationList"].as_array().unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn one_conversation_is_given_or_6004() {
    both_ways(async |gateway, mut via| {
        assert_eq!(via.row("c2c_bob").await, gateway.list("alice").await[2]);
        assert_eq!(via.code("getConversation", json!({"conversationID": "c2c_nobody"})).await, 6004);
    })
    .await;
}

#[tokio::test]
async fn pinning_lifts_a_row_and_keeps_the_pinned_in_order_of_activity() {
    both_ways(async |gateway, mut via| {
        for id in ["c2c_carol", "c2c_bob"] {
            let result = via.done("pinConversation", json!({"conversationID": id, "isPinned": true})).await;
            assert_eq!(result, json!({}));
        }
        assert_eq!(ids(&gateway.list("alice").await), ["c2c_carol", "c2c_bob", "group_g1"]);
        assert_eq!(via.row("c2c_bob").await["isPinned"], true);
        via.done("pinConversation", json!({"conversationID": "c2c_carol", "isPinned": false})).await;
        assert_eq!(ids(&gateway.list("alice").await), ["c2c_bob", "group_g1", "c2c_carol"]);
    })
    .await;
}

#[tokio::test]
async fn a_draft_lifts_its_row_and_clearing_it_does_not_lower_it() {
    both_ways(async |gateway, mut via| {
        let draft = |text: &str| json!({"conversationID": "c2c_bob", "draftText": text});
        assert_eq!(via.done("setConversationDraft", draft("a draft")).await, json!({}));
        let row = gateway.list("alice").await.remove(0);
        assert_eq!((&row["conversationID"], &row["draftText"]), (&json!("c2c_bob"), &json!("a draft")));
        assert!(row["draftTimestamp"].as_u64() > Some(1_700_000_000), "{row}");
        via.done("setConversationDraft", draft("")).await;
        let cleared = gateway.list("alice").await.remove(0);
        assert_eq!((&cleared["draftText"], &cleared["draftTimestamp"]), (&json!(""), &json!(0)));
        assert_eq!(cleared["orderKey"], row["orderKey"]);
    })
    .await;
}

#[tokio::test]
async fn a_muted_row_keeps_its_count_and_leaves_the_total() {
    both_ways(async |gateway, mut via| {
        let list = json!(["group_g1", "c2c_nobody", "c2c_bob"]);
        let result = via.done("setReceiveMessageOpt", json!({"conversationIDList": list, "recvOpt": 2})).await;
        let results = result["resultList"].as_array().unwrap();
        assert_eq!(ids(results), ["group_g1", "c2c_nobody", "c2c_bob"], "in the order asked");
        assert_eq!([0, 1, 2].map(|n| results[n]["resultCode"].as_u64().unwrap()), [0, 6004, 0]);
        assert_eq!(results[0]["resultInfo"], "");
        assert!(!results[1]["resultInfo"].as_str().unwrap().is_empty());
        assert_eq!(via.row("group_g1").await["unreadCount"], 3);
        assert_eq!(gateway.total("alice").await, 1);
        for recv_opt in [0, 1, 3, 4] {
            let params = json!({"conversationIDList": ["group_g1"], "recvOpt": recv_opt});
            via.done("setReceiveMessageOpt", params).await;
            assert_eq!(gateway.total("alice").await, if recv_opt == 0 { 4 } else { 1 });
        }
    })
    .await;
}

#[tokio::test]
async fn reading_goes_up_to_a_sequence_a_time_or_everything_and_never_back() {
    both_ways(async |gateway, mut via| {
        let read = |id: &str, timestamp: u64, sequence: u64| {
            json!({"conversationID": id, "cleanTimestamp": timestamp, "cleanSequence": sequence})
        };
        for (sequence, unread) in [(1, 2), (2, 1), (1, 1), (0, 0)] {
            let method = "cleanConversationUnreadMessageCount";
            assert_eq!(via.done(method, read("group_g1", 0, sequence)).await, json!({}));
            let row = via.row("group_g1").await;
            assert_eq!((&row["unreadCount"], &row["groupReadSequence"]), (&json!(unread), &json!(3 - unread)));
        }
        via.done("cleanConversationUnreadMessageCount", read("c2c_bob", 1_795_000_001, 0)).await;
        let row = via.row("c2c_bob").await;
        assert_eq!((&row["unreadCount"], &row["c2cReadTimestamp"]), (&json!(1), &json!(1_795_000_001)));
        assert_eq!(gateway.total("alice").await, 2);
    })
    .await;
}

#[tokio::test]
async fn reading_all_of_a_kind_leaves_the_other_kind() {
    both_ways(async |gateway, mut via| {
        for (scope, total) in [("c2c", 3), ("c2c", 3), ("group", 0)] {
            via.done("cleanConversationUnreadMessageCount", json!({"conversationID": scope})).await;
            assert_eq!(gateway.total("alice").await, total, "{scope}");
        }
        gateway.send(c2c("bob", "alice", 3)).await;
        gateway.send(group("g1", "bob", &["alice"], 4)).await;
        via.done("cleanConversationUnreadMessageCount", json!({"conversationID": ""})).await;
        assert_eq!(gateway.total("alice").await, 0);
    })
    .await;
}

#[tokio::test]
async fn clearing_the_history_keeps_the_rows_place_without_a_preview() {
    both_ways(async |gateway, mut via| {
        let before = via.row("c2c_bob").await;
        assert_eq!(via.done("clearHistoryMessage", json!({"conversationID": "c2c_bob"})).await, json!({}));
        let row = via.row("c2c_bob").await;
        assert_eq!((&row["lastMessage"], &row["unreadCount"]), (&Value::Null, &json!(0)));
        assert_eq!(row["orderKey"], before["orderKey"]);
        assert_eq!(gateway.total("alice").await, 4);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_row_is_gone_and_its_receive_option_comes_back_with_it() {
    both_ways(async |gateway, mut via| {
        via.done("setReceiveMessageOpt", json!({"conversationIDList": ["c2c_bob"], "recvOpt": 2})).await;
        assert_eq!(via.done("deleteConversation", json!({"conversationID": "c2c_bob"})).await, json!({}));
        assert_eq!(via.code("getConversation", json!({"conversationID": "c2c_bob"})).await, 6004);
        assert_eq!(ids(&gateway.list("alice").await), ["group_g1", "c2c_carol"]);
        let late = gateway.post("sendMessage", c2c("bob", "alice", 2)).await;
        assert_eq!(late["duplicates"], 2, "what was there when it was deleted stays out: {late}");
        gateway.send(c2c("bob", "alice", 3)).await;
        let row = via.row("c2c_bob").await;
        assert_eq!((&row["unreadCount"], &row["recvOpt"]), (&json!(1), &json!(2)));
    })
    .await;
}

#[tokio::test]
async fn the_total_comes_with_the_clock_at_which_it_held() {
    both_ways(async |gateway, mut via| {
        let result = via.done("getTotalUnreadMessageCount", json!({})).await;
        assert_eq!(result["totalUnreadCount"], 6);
        assert_eq!(result["version"], gateway.list("alice").await[0]["version"]);
    })
    .await;
}

#[tokio::test]
async fn on_a_row_that_is_not_there_some_calls_succeed_some_make_it_and_the_rest_answer_6004() {
    both_ways(async |gateway, mut via| {
        via.done("deleteConversation", json!({"conversationID": "c2c_x"})).await;
        via.done("pinConversation", json!({"conversationID": "c2c_x", "isPinned": false})).await;
        via.done("setConversationDraft", json!({"conversationID": "c2c_x", "draftText": ""})).await;
        for method in ["clearHistoryMessage", "cleanConversationUnreadMessageCount", "getConversation"] {
            assert_eq!(via.code(method, json!({"conversationID": "c2c_x"})).await, 6004, "{method}");
        }
        assert_eq!(gateway.list("alice").await.len(), 3);
        via.done("pinConversation", json!({"conversationID": "c2c_x", "isPinned": true})).await;
        via.done("setConversationDraft", json!({"conversationID": "group_y", "draftText": "d"})).await;
        assert_eq!(ids(&gateway.list("alice").await)[..2], ["c2c_x", "group_y"]);
        assert_eq!(via.row("c2c_x").await["lastMessage"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_call_on_a_row_that_is_newer_is_refused_with_the_row_as_it_is() {
    both_ways(async |gateway, mut via| {
        let row = via.row("c2c_bob").await;
        let older = row["version"].as_u64().unwrap() - 1;
        let calls = [
            ("pinConversation", json!({"conversationID": "c2c_bob", "isPinned": true})),
            ("setConversationDraft", json!({"conversationID": "c2c_bob", "draftText": "d"})),
        ];
        for (method, params) in calls {
            let error = via.call(method, but(params, "/ifVersion", json!(older))).await.unwrap_err();
            assert_eq!((&error["code"], &error["conversation"]), (&json!(6017), &row), "{method}");
        }
        let params = json!({"conversationIDList": ["c2c_bob", "c2c_carol"], "recvOpt": 2, "ifVersion": older});
        let result = via.done("setReceiveMessageOpt", params).await;
        let refused = result["resultList"][0].clone();
        assert_eq!((&refused["resultCode"], &refused["conversation"]), (&json!(6017), &row));
        let carol = &result["resultList"][1];
        assert_eq!(carol["resultCode"], 6017, "it is newer still");
        assert_eq!(via.row("c2c_bob").await, row, "nothing was done");
        let params = json!({"conversationID": "c2c_bob", "isPinned": true, "ifVersion": row["version"]});
        via.done("pinConversation", params).await;
        assert_eq!(gateway.list("alice").await[0]["isPinned"], true);
    })
    .await;
}

#[tokio::test]
async fn a_probe_says_whether_a_cursor_is_the_newest() {
    both_ways(async |gateway, mut via| {
        let page = via.done("getConversationList", json!({"nextSeq": 0, "count": 1})).await;
        let probe = json!({"cursor": page["cursor"]});
        assert_eq!(via.done("probe", probe.clone()).await, json!({"upToDate": true}));
        gateway.send(c2c("bob", "alice", 3)).await;
        assert_eq!(via.done("probe", probe).await, json!({"upToDate": false}));
        for cursor in ["", "garbage", "0:0"] {
            assert_eq!(via.done("probe", json!({"cursor": cursor})).await, json!({"upToDate": false}), "{cursor}");
        }
    })
    .await;
}
