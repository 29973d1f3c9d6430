//! Conversation groups, filters and imports: docs/DOMAIN.md, 2.

use super::*;
use conversation_protocol::Filter;

fn filter(json: Value) -> Filter {
    serde_json::from_value(json).unwrap()
}

fn listed(scenario: &Scenario, json: Value) -> Vec<String> {
    let rows = scenario.model.filtered(&bob(), &filter(json));
    rows.into_iter().map(|row| row.conversation_id.to_string()).collect()
}

#[test]
fn a_group_holds_what_is_put_into_it_until_it_goes() {
    let mut scenario = Scenario::default();
    scenario.send_in("a", 1, json!({}));
    scenario.send_in("b", 1, json!({}));
    let params = json!({"groupName": "work", "conversationIDList": ["group_a", "group_x"]});
    let outcome = scenario.client("createConversationGroup", params.clone());
    let expected = |first| {
        let ids = ["group_a", "group_x"].map(|id| id.parse::<ConversationId>().unwrap());
        let [a, x] = ids;
        ClientOutcome::PerId(vec![(a, Ok(first)), (x, Err(ErrorKind::UnknownConversation))])
    };
    assert_eq!(outcome, expected(Effect::Changed));
    assert_eq!(scenario.client("createConversationGroup", params), expected(Effect::Unchanged));
    assert_eq!(listed(&scenario, json!({"conversationGroup": "work"})), ["group_a"]);
    assert_eq!(listed(&scenario, json!({"conversationGroup": ""})), ["group_b"]);
    let rename = json!({"oldName": "work", "newName": "office"});
    assert_eq!(scenario.client("renameConversationGroup", rename.clone()), ClientOutcome::Whole(Ok(Effect::Changed)));
    let absent = ClientOutcome::Whole(Err(ErrorKind::UnknownGroup));
    assert_eq!(scenario.client("renameConversationGroup", rename), absent);
    assert_eq!(scenario.model.group_names(&bob()), ["office"]);
    scenario.client("deleteConversationGroup", json!({"groupName": "office"}));
    assert_eq!(listed(&scenario, json!({"conversationGroup": ""})), ["group_b", "group_a"]);
}

#[test]
fn a_filter_is_all_of_its_conditions_and_its_total_what_is_received() {
    let mut scenario = Scenario::default();
    scenario.send_in("a", 1, json!({"atUserList": ["bob"]}));
    scenario.send_in("b", 1, json!({}));
    scenario.client("markConversation", json!({"conversationIDList": ["group_a"], "markType": 3, "enableMark": true}));
    assert_eq!(listed(&scenario, json!({"hasGroupAtInfo": true})), ["group_a"]);
    assert_eq!(listed(&scenario, json!({"markType": 0, "hasUnreadCount": true})), ["group_b"]);
    assert_eq!(listed(&scenario, json!({"markType": 4})), Vec::<String>::new());
    assert_eq!(scenario.model.filtered_total(&bob(), &filter(json!({"markType": [2, 8]}))), 1);
    scenario.client("setReceiveMessageOpt", json!({"conversationIDList": ["group_a"], "recvOpt": 1}));
    assert_eq!(scenario.model.filtered_total(&bob(), &filter(json!({"markType": 2}))), 0);
}

#[test]
fn an_import_makes_a_list_in_its_order_and_leaves_what_is_there() {
    let mut scenario = Scenario::default();
    scenario.send_in("b", 1, json!({}));
    let last = json!({"msgID": "m", "seq": 5, "sender": "alice", "isSelf": false, "timestamp": 5, "elemType": 1,
        "text": "hi", "status": 2});
    let list = json!([
        {"conversationID": "group_a", "unreadCount": 2, "lastMessage": last, "conversationGroupList": ["work"]},
        {"conversationID": "group_b", "customData": "not taken"},
        {"conversationID": "c2c_zoe", "recvOpt": 2},
    ]);
    let params = json!({"userID": "bob", "conversationList": list});
    assert_eq!(scenario.server("importConversations", params).applied_bounds(), (2, 2));
    assert_eq!(listed(&scenario, json!({})), ["group_a", "c2c_zoe", "group_b"]);
    let rows = scenario.model.rows(&bob());
    assert_eq!((rows[0].unread_count, rows[0].group_read_sequence, rows[2].custom_data.as_str()), (2, Some(3), ""));
    assert_eq!(scenario.model.group_names(&bob()), ["work"]);
    scenario.server("deleteUser", json!({"userID": "bob"}));
    assert!(scenario.model.rows(&bob()).is_empty() && scenario.model.group_names(&bob()).is_empty());
}
