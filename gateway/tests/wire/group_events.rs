//! What do a user's other devices hear of conversation groups?

use crate::support::{BOTH, Gateway, Value, c2c, group, json};

async fn call(gateway: &Gateway, method: &str, params: Value) {
    gateway.call("alice", method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"));
}

#[tokio::test]
async fn what_one_device_does_to_groups_the_others_hear_after_the_rows() {
    for transport in BOTH {
        let gateway = Gateway::start().await;
        gateway.send(c2c("bob", "alice", 1)).await;
        gateway.send(group("g1", "bob", &["alice"], 1)).await;
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        let (work, both) = (json!({"groupName": "work"}), json!(["c2c_bob", "group_g1"]));
        let members = json!({"groupName": "work", "conversationIDList": both});
        call(&gateway, "createConversationGroup", json!({"groupName": "work", "conversationIDList": ["c2c_bob"]}))
            .await;
        let rows = session.expect("conversationChanged").await;
        assert_eq!((&rows.row()["conversationGroupList"], &rows.cursor), (&json!(["work"]), &None));
        let created = session.expect("conversationGroupCreated").await;
        assert_eq!(created.data, json!({"groupName": "work", "conversationIDList": ["c2c_bob"]}));
        assert!(created.cursor.is_some(), "the last frame of a flush");

        call(&gateway, "addConversationsToGroup", members.clone()).await;
        assert_eq!(session.expect("conversationChanged").await.ids(), ["group_g1"]);
        let added = session.expect("conversationsAddedToGroup").await;
        assert_eq!(added.data, json!({"groupName": "work", "conversationIDList": ["group_g1"]}));

        call(&gateway, "renameConversationGroup", json!({"oldName": "work", "newName": "play"})).await;
        assert_eq!(session.expect("conversationChanged").await.ids().len(), 2);
        let renamed = session.expect("conversationGroupNameChanged").await;
        assert_eq!(renamed.data, json!({"oldName": "work", "newName": "play"}));
        call(&gateway, "renameConversationGroup", json!({"oldName": "play", "newName": "work"})).await;
        session.expect("conversationChanged").await;
        session.expect("conversationGroupNameChanged").await;

        let removal = json!({"groupName": "work", "conversationIDList": ["c2c_bob"]});
        call(&gateway, "deleteConversationsFromGroup", removal.clone()).await;
        assert_eq!(session.expect("conversationChanged").await.row()["conversationGroupList"], json!([]));
        assert_eq!(session.expect("conversationsDeletedFromGroup").await.data, removal);

        call(&gateway, "deleteConversationGroup", work.clone()).await;
        assert_eq!(session.expect("conversationChanged").await.ids(), ["group_g1"]);
        let deleted = session.expect("conversationGroupDeleted").await;
        assert_eq!((&deleted.data, deleted.cursor.is_some()), (&work, true));
        session.converge(&gateway).await;
    }
}

#[tokio::test]
async fn an_empty_group_is_heard_of_without_any_row() {
    for transport in BOTH {
        let gateway = Gateway::start().await;
        let mut session = gateway.open(transport, "alice").await;
        session.sync().await;
        let empty = json!({"groupName": "work", "conversationIDList": []});
        call(&gateway, "createConversationGroup", empty.clone()).await;
        let created = session.expect("conversationGroupCreated").await;
        assert_eq!((&created.data, created.cursor.is_some()), (&empty, true));
    }
}

#[tokio::test]
async fn a_device_that_was_away_learns_the_names_from_its_sync_alone() {
    let gateway = Gateway::start().await;
    gateway.send(c2c("bob", "alice", 1)).await;
    let before = gateway.live("alice").await.list.cursor.clone().expect("a cursor");
    call(&gateway, "createConversationGroup", json!({"groupName": "old", "conversationIDList": []})).await;
    call(&gateway, "createConversationGroup", json!({"groupName": "work", "conversationIDList": ["c2c_bob"]})).await;
    call(&gateway, "renameConversationGroup", json!({"oldName": "old", "newName": "play"})).await;
    for transport in BOTH {
        let mut session = gateway.opening(transport, "alice").since(&before).open().await;
        let sync = session.sync().await;
        assert_eq!((sync.mode.as_str(), sync.changed()), ("replay", vec!["c2c_bob".to_owned()]));
        let mut names: Vec<&str> = sync.finish["conversationGroupList"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["play", "work"]);
        session.expect_silence_until_marker(&gateway).await;
    }
}
