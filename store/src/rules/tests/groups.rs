//! Conversation groups (folders) and imports: docs/DOMAIN.md, 2.

use super::*;
use conversation_protocol::server::ImportedConversation;
use serde_json::{Value, json};

const G: &str = "group_g";

fn create(name: &str) -> Change {
    Change::CreateGroup(name.to_owned())
}

fn add(conversation: &str, name: &str) -> Change {
    Change::AddToGroup { conversation_id: id(conversation), name: name.to_owned() }
}

fn remove(conversation: &str, name: &str) -> Change {
    Change::RemoveFromGroup { conversation_id: id(conversation), name: name.to_owned() }
}

fn rename(old_name: &str, new_name: &str) -> Change {
    Change::RenameGroup { old_name: old_name.to_owned(), new_name: new_name.to_owned() }
}

fn imported(conversation: &str, fields: Value) -> Change {
    let mut row = json!({ "conversationID": conversation });
    row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Change::Import(Arc::new(serde_json::from_value::<ImportedConversation>(row).unwrap()))
}

/// The preview of seq 7, and so many unread messages.
fn preview(unread: u64) -> Value {
    json!({"unreadCount": unread, "lastMessage": {"msgID": "m7", "seq": 7, "sender": "bob", "isSelf": true,
        "timestamp": 7, "elemType": 1, "text": "hi", "status": 2}})
}

#[test]
fn domain_2_a_group_and_its_conversations_are_one_notice_of_one_step() {
    let mut user = User::with(&[received(G, 1), received("c2c_bob", 1)]);
    let changes = [create("work"), add(G, "work"), add("c2c_nobody", "work"), add("c2c_bob", "work")];
    let outcomes = user.try_steps(&changes);
    assert_eq!(outcomes[2], Err(Refusal::UnknownConversation));
    let ids = vec![id(G), id("c2c_bob")];
    assert_eq!(user.notices, [GroupEvent::Created("work".to_owned(), ids)]);
    assert_eq!((user.head().group_names, user.head().grouped), (vec!["work".to_owned()], 2));
    for change in [create("work"), add(G, "work"), remove("group_other", "work"), rename("work", "work")] {
        if change.conversation_id() != Some(&id("group_other")) {
            user.ignores(change);
        }
    }
    assert_eq!(user.notices.len(), 1, "what changes nothing tells nothing");
}

#[test]
fn domain_2_group_limits_refuse_and_take_nothing_out() {
    let mut user = User::with(&[received(G, 1)]);
    assert_eq!(user.try_apply(add(G, "absent")), Err(Refusal::UnknownGroup));
    assert_eq!(user.try_apply(remove(G, "absent")), Err(Refusal::UnknownGroup));
    assert_eq!(user.try_apply(rename("absent", "x")), Err(Refusal::UnknownGroup));
    assert_eq!(user.try_apply(Change::DeleteGroup("absent".to_owned())), Err(Refusal::UnknownGroup));
    for number in 0..20 {
        user.apply(create(&number.to_string()));
    }
    assert_eq!(user.try_apply(create("more")), Err(Refusal::TooManyGroups));
    assert_eq!(user.try_apply(rename("1", "2")), Err(Refusal::GroupNameTaken));
    user.ignores(create("7"));
    let conversations: Vec<String> = (0..1_000).map(|number| format!("group_{number}")).collect();
    for part in conversations.chunks(100) {
        let made = part.iter().flat_map(|conversation| [received(conversation, 1), add(conversation, "1")]);
        assert!(user.try_steps(&made.collect::<Vec<_>>()).iter().all(Result::is_ok));
    }
    assert_eq!(user.try_apply(add(G, "1")), Err(Refusal::TooManyGrouped));
    user.apply(add("group_5", "2"));
    user.apply(Change::Delete(id("group_5")));
    user.apply(add(G, "1"));
    assert_eq!(user.head().grouped, 1_000);
}

#[test]
fn domain_2_renaming_and_deleting_keep_the_rows_and_their_places() {
    let mut user = User::with(&[received(G, 1), create("a"), create("b"), add(G, "a"), add(G, "b")]);
    let before = user.row(G);
    user.notices.clear();
    user.apply(rename("a", "c"));
    assert_eq!(user.row(G).conversation_group_list, ["c", "b"]);
    user.apply(Change::DeleteGroup("b".to_owned()));
    assert_eq!((user.row(G).conversation_group_list, user.head().group_names), (vec!["c".into()], vec!["c".into()]));
    assert_eq!((user.row(G).order_key, user.row(G).unread_count), (before.order_key, before.unread_count));
    let renamed = GroupEvent::Renamed("a".to_owned(), "c".to_owned());
    assert_eq!(user.notices, [renamed, GroupEvent::Deleted("b".to_owned())]);
}

#[test]
fn domain_2_an_imported_row_counts_like_one_that_received_its_messages() {
    let mut user = User::with(&[imported(G, preview(3))]);
    let row = user.row(G);
    assert_eq!((row.unread_count, row.group_read_sequence), (3, Some(4)));
    assert!(!row.last_message.unwrap().is_self, "bob is not alice");
    user.ignores(imported(G, preview(1)));
    user.ignores(received(G, 6));
    user.ignores(received(G, 3));
    user.apply(revoked(G, 5));
    assert_eq!(user.row(G).unread_count, 2);
    user.apply(read_to(G, 6));
    assert_eq!(user.row(G).unread_count, 1);
    user.apply(received(G, 8));
    assert_eq!((user.row(G).unread_count, user.head().total_unread), (2, 2));
}

#[test]
fn domain_2_an_import_does_not_bring_back_what_was_deleted_with_all_it_knows() {
    let mut user = User::with(&[imported(G, preview(1)), Change::Delete(id(G))]);
    user.ignores(imported(G, preview(1)));
    user.ignores(imported(G, json!({})));
    user.apply(received(G, 8));
    user.apply(Change::Delete(id(G)));
    user.ignores(imported(G, preview(7)));
}

#[test]
fn domain_2_an_import_keeps_the_limits_and_an_audience_never_counts() {
    let mut user = User::new();
    for number in 0..50 {
        user.apply(imported(&format!("group_{number}"), json!({"isPinned": true})));
    }
    assert_eq!(user.try_apply(imported(G, json!({"isPinned": true}))), Err(Refusal::TooManyPinned));
    let grouped = json!({"conversationGroupList": ["work"]});
    assert_eq!(user.try_apply(imported(G, grouped.clone())), Err(Refusal::UnknownGroup));
    user.apply(create("work"));
    user.apply(imported(G, grouped));
    assert_eq!(user.head().grouped, 1);
    let mut audience = preview(3);
    audience["groupType"] = "AVChatRoom".into();
    user.apply(imported("group_live", audience));
    assert_eq!((user.row("group_live").unread_count, user.head().total_unread), (0, 0));
}

#[test]
fn facets_in_the_first_line_are_those_of_the_row() {
    let muted = json!({"recvOpt": 2, "markList": [1, 1_u64 << 63], "unreadCount": 0});
    let user = User::with(&[create("a b"), imported(G, preview(2)), imported("c2c_x", muted), add(G, "a b")]);
    for (conversation, value) in &user.values {
        let Lines::Row { facets, visible, .. } = Lines::read(value).unwrap() else { panic!("a tombstone") };
        let facets: conversation_protocol::Facets = serde_json::from_str(facets).unwrap();
        let row: Conversation = serde_json::from_str(visible).unwrap();
        assert_eq!(facets, conversation_protocol::Facets::of(&row), "{conversation}");
    }
}
