//! What an import makes, and that what follows treats its rows like any other (DOMAIN: operations, unread).

use super::{
    groups::{add, create},
    *,
};
use conversation_protocol::server::ImportedConversation;
use serde_json::json;

/// A row with so many unread messages up to `newest`.
fn row(conversation: &str, newest: u64, unread_count: u64) -> ImportedConversation {
    let last_message = json!({"msgID": format!("m{newest}"), "seq": newest, "sender": "bob", "isSelf": true,
        "timestamp": 1_000 + newest, "elemType": 1, "text": format!("text {newest}"), "status": 2});
    serde_json::from_value(json!({
        "conversationID": conversation, "unreadCount": unread_count, "lastMessage": last_message,
    }))
    .unwrap()
}

fn import(row: ImportedConversation) -> Change {
    Change::Import(Arc::new(row))
}

#[test]
fn domain_2_an_import_makes_what_is_not_there_and_leaves_what_is() {
    let mut user = User::with(&[received(C, 1), import(row(G, 9, 2))]);
    assert_eq!((user.ids(), user.unread(G), user.head().total_unread), (vec![G.to_owned(), C.to_owned()], 2, 3));
    assert!(!user.row(G).last_message.unwrap().is_self, "whose message it is follows from its sender");
    user.ignores(import(row(G, 9, 2)));
    user.ignores(import(row(G, 20, 5)));
    user.ignores(import(row(C, 20, 5)));
}

#[test]
fn domain_2_what_was_deleted_since_comes_back_with_a_newer_message_only() {
    let mut user = User::with(&[import(row(G, 9, 2)), Change::Delete(id(G))]);
    user.ignores(import(row(G, 9, 2)));
    user.ignores(import(ImportedConversation { last_message: None, ..row(G, 9, 0) }));
    user.apply(import(row(G, 10, 4)));
    assert_eq!(user.unread(G), 1, "what was there before the deletion does not count");
}

#[test]
fn domain_2_unread_n_are_the_last_n_seqs() {
    let mut user = User::with(&[import(row(G, 9, 3))]);
    assert_eq!((user.row(G).group_read_sequence, user.unread(G)), (Some(6), 3));
    for seq in 7..=9 {
        user.ignores(received(G, seq));
    }
    user.ignores(received(G, 6));
    user.apply(read_to(G, 8));
    assert_eq!(user.unread(G), 1);
    assert!(user.activates(G, received(G, 10)));
    assert_eq!(user.unread(G), 2);
}

#[test]
fn domain_4_revoking_an_imported_unread_message_takes_it_off_once() {
    let mut user = User::with(&[import(row(G, 9, 3)), revoked(G, 8)]);
    assert_eq!(user.unread(G), 2);
    user.ignores(revoked(G, 8));
    user.ignores(revoked(G, 6));
    user.apply(revoked(G, 9));
    assert_eq!((user.unread(G), user.preview(G).unwrap().as_str()), (1, ""));
}

#[test]
fn domain_2_a_revoked_preview_is_one_of_the_last_n_and_n_stands_as_given() {
    let mut revoked_preview = row(G, 9, 3);
    revoked_preview.last_message.as_mut().unwrap().status = MessageStatus::Revoked;
    let mut user = User::with(&[import(revoked_preview)]);
    assert_eq!((user.unread(G), user.head().total_unread, user.row(G).group_read_sequence), (3, 3, Some(6)));
    user.apply(read_to(G, 8));
    assert_eq!(user.unread(G), 1, "the revoked one is one of the three");
    user.apply(revoked(G, 9));
    assert_eq!(user.unread(G), 0, "decision 0011: a revoke that comes once more takes it off");
    user.ignores(revoked(G, 9));
}

#[test]
fn domain_2_an_avchatroom_is_imported_without_unread_and_a_c2c_row_without_mentions() {
    let mention = vec![GroupAtInfo { seq: 9, at_type: AtType::Me }];
    let audience = ImportedConversation {
        group_type: Some(GroupType::AVChatRoom),
        group_at_info_list: mention.clone(),
        ..row(G, 9, 3)
    };
    let pair = ImportedConversation { group_at_info_list: mention, ..row(C, 9, 3) };
    let user = User::with(&[import(audience), import(pair)]);
    assert_eq!((user.unread(G), user.row(G).group_at_info_list), (0, Vec::new()));
    assert_eq!((user.unread(C), user.row(C).group_at_info_list), (3, Vec::new()));
}

#[test]
fn domain_4_imported_mentions_are_named_once_each_and_go_by_reading() {
    let info = |seq| GroupAtInfo { seq, at_type: AtType::All };
    let with_mentions = ImportedConversation { group_at_info_list: vec![info(9), info(8), info(9)], ..row(G, 9, 3) };
    let mut user = User::with(&[import(with_mentions)]);
    assert_eq!(user.row(G).group_at_info_list, [info(8), info(9)]);
    user.apply(read_to(G, 8));
    assert_eq!(user.row(G).group_at_info_list, [info(9)]);
}

#[test]
fn domain_4_a_revoked_preview_comes_without_its_text() {
    let mut revoked = row(C, 9, 0);
    revoked.last_message.as_mut().unwrap().status = MessageStatus::Revoked;
    let mut user = User::with(&[import(revoked)]);
    assert_eq!(user.preview(C).unwrap(), "");
    user.ignores(modified(C, 9, "edited", None));
}

#[test]
fn domain_4_the_read_time_is_the_given_one_or_that_of_the_message_at_the_mark() {
    let mut user = User::with(&[import(ImportedConversation { c2c_read_timestamp: Some(7), ..row(C, 9, 0) })]);
    assert_eq!(user.row(C).c2c_read_timestamp, Some(7));
    user.apply(received(C, 10));
    user.apply(read_at(C, 1_010));
    assert_eq!((user.row(C).c2c_read_timestamp, user.unread(C)), (Some(1_010), 0));
    assert_eq!(User::with(&[import(row(C, 9, 0))]).row(C).c2c_read_timestamp, Some(1_009));
    assert_eq!(User::with(&[import(row(C, 9, 1))]).row(C).c2c_read_timestamp, Some(0));
}

#[test]
fn domain_2_the_51st_imported_pin_is_refused_and_makes_no_row() {
    let pinned = |number| ImportedConversation { is_pinned: true, ..row(&format!("c2c_u{number}"), 1, 0) };
    let mut user = User::new();
    for number in 0..50 {
        user.apply(import(pinned(number)));
    }
    assert_eq!(user.try_apply(import(pinned(50))), Err(Refusal::TooManyPinned));
    assert_eq!((user.ids().len(), user.head().pinned), (50, 50));
    user.ignores(import(pinned(0)));
}

#[test]
fn domain_2_imported_rows_are_in_their_groups_once_each_and_in_no_unknown_one() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let grouped = ImportedConversation { conversation_group_list: names(&["b", "a", "b"]), ..row(C, 1, 0) };
    let mut user = User::with(&[create("a")]);
    assert_eq!(user.try_apply(import(grouped.clone())), Err(Refusal::UnknownGroup));
    user.apply(create("b"));
    user.apply(import(grouped.clone()));
    assert_eq!((user.row(C).conversation_group_list, user.head().grouped), (names(&["b", "a"]), 1));
    user.ignores(add(C, "a"));
    for number in 2..20 {
        user.apply(create(&format!("g{number}")));
    }
    let other = ImportedConversation { conversation_group_list: names(&["new"]), ..row(G, 1, 0) };
    assert_eq!(user.try_apply(import(other)), Err(Refusal::TooManyGroups));
}

prop_compose! {
    fn any_row(number: usize)(
        newest in 1u64..50, unread in 0u64..50, recv_opt in 0u8..5, marks in 0u64..16, custom in "[a-z]{0,9}",
        draft in "[a-z]{0,4}", (is_group, in_a, in_b) in any::<(bool, bool, bool)>(), is_pinned in any::<bool>(),
    ) -> ImportedConversation {
        let name = format!("{}_u{number}", if is_group { "group" } else { "c2c" });
        let groups = [("a", in_a), ("b", in_b)].into_iter().filter(|(_, is_in)| *is_in);
        ImportedConversation {
            show_name: custom.clone(),
            recv_opt: RecvOpt::try_from(recv_opt).unwrap(),
            mark_list: (0..4).map(|place| 1 << place).filter(|bit| marks & bit != 0).collect(),
            custom_data: custom,
            draft_timestamp: u64::from(!draft.is_empty()) * 77,
            draft_text: draft,
            is_pinned,
            conversation_group_list: groups.map(|(name, _)| name.to_owned()).collect(),
            ..row(&name, newest, unread.min(newest))
        }
    }
}

fn any_list() -> impl Strategy<Value = Vec<ImportedConversation>> {
    (1usize..12).prop_flat_map(|rows| (0..rows).map(any_row).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn domain_2_an_imported_list_has_the_fields_it_was_given_in_its_order(list in any_list()) {
        let mut user = User::with(&[create("a"), create("b")]);
        let changes: Vec<_> = list.iter().rev().cloned().map(import).collect();
        user.try_steps(&changes);
        let expected: Vec<_> = list.iter().filter(|row| row.is_pinned).chain(list.iter().filter(|row| !row.is_pinned)).collect();
        let rows = user.rows();
        prop_assert_eq!(rows.len(), expected.len());
        for (row, given) in rows.iter().zip(expected) {
            prop_assert_eq!(&row.conversation_id, &given.conversation_id);
            prop_assert_eq!((row.unread_count, row.recv_opt, row.is_pinned), (given.unread_count, given.recv_opt, given.is_pinned));
            prop_assert_eq!((&row.show_name, &row.custom_data, &row.draft_text), (&given.show_name, &given.custom_data, &given.draft_text));
            prop_assert_eq!((&row.mark_list, row.draft_timestamp), (&given.mark_list, given.draft_timestamp));
            prop_assert_eq!(&row.conversation_group_list, &given.conversation_group_list);
            let (shown, given) = (row.last_message.as_ref().unwrap(), given.last_message.as_ref().unwrap());
            prop_assert_eq!((shown.seq, &shown.text, shown.timestamp), (given.seq, &given.text, given.timestamp));
        }
        let before = user.rows();
        user.try_steps(&changes);
        prop_assert_eq!(user.rows(), before, "a repeat changes nothing");
    }
}
