//! What deleting a message does to a row (DOMAIN: orderKey, "last message deleted", "other message deleted"; unread).

use super::*;

fn deleted_before(conversation: &str, seq: u64, previous: Option<Message>) -> Change {
    let previous = previous.map(|message| (user("carol"), message));
    Change::MessageDeleted(Arc::new(MessageDeleted { conversation_id: id(conversation), seq, previous }))
}

fn deleted(conversation: &str, seq: u64) -> Change {
    deleted_before(conversation, seq, None)
}

#[test]
fn domain_3_last_message_deleted_keeps_place_shows_the_previous_and_counts_one_less_if_unread() {
    let mut user = User::with(&[received(C, 1), received(C, 2)]);
    assert!(!user.activates(C, deleted_before(C, 2, Some(message(1)))));
    let preview = user.row(C).last_message.unwrap();
    assert_eq!((preview.seq, preview.sender.as_str(), preview.text.as_str()), (1, "carol", "text 1"));
    assert_eq!(user.unread(C), 1);
    user.ignores(deleted_before(C, 2, Some(message(1))));
    user.ignores(received(C, 2));
    assert!(user.activates(C, received(C, 3)));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 3", 2));
}

#[test]
fn domain_3_last_message_deleted_without_a_previous_one_leaves_none() {
    let mut user = User::with(&[received(C, 1), received(C, 2), read_to(C, 0)]);
    assert!(!user.activates(C, deleted(C, 2)));
    assert_eq!((user.preview(C), user.unread(C)), (None, 0));
    user.ignores(deleted_before(C, 2, Some(message(1))));
    user.ignores(received(C, 1));
    assert!(user.activates(C, received(C, 3)));
}

#[test]
fn domain_3_other_message_deleted_keeps_place_and_preview_and_counts_one_less_if_unread() {
    let uncounted = Message { is_excluded_from_unread_count: true, ..message(2) };
    let mut user = User::with(&[received(C, 1), sent_by("bob", C, uncounted), received(C, 3), received(C, 4)]);
    user.apply(read_to(C, 1));
    assert!(!user.activates(C, deleted_before(C, 3, Some(message(2)))));
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 4", 1));
    for seq in [1, 2, 3] {
        assert_eq!(user.apply(deleted(C, seq)).changed, 0, "{seq}");
        assert_eq!(user.unread(C), 1, "{seq}");
    }
}

#[test]
fn the_preview_that_was_named_can_be_revoked_edited_and_deleted_like_any_other() {
    let start = [received(C, 1), received(C, 2), modified(C, 2, "x", Some(7)), deleted_before(C, 2, Some(message(1)))];
    let mut user = User::with(&start);
    user.apply(modified(C, 1, "edited", Some(1)));
    assert_eq!(user.preview(C).unwrap(), "edited");
    user.apply(deleted(C, 1));
    assert_eq!((user.preview(C), user.unread(C)), (None, 0));
    let mut user = User::with(&start);
    user.apply(revoked(C, 1));
    assert_eq!((user.row(C).last_message.unwrap().status, user.unread(C)), (MessageStatus::Revoked, 0));
}

#[test]
fn a_named_preview_that_has_not_come_is_revoked_before_it_comes() {
    let mut user = User::with(&[received(C, 1), received(C, 3), deleted_before(C, 3, Some(message(2)))]);
    user.apply(revoked(C, 2));
    user.apply(received(C, 2));
    assert_eq!((user.row(C).last_message.unwrap().status, user.unread(C)), (MessageStatus::Revoked, 1));
}

#[test]
fn no_message_from_before_a_clear_or_a_deletion_of_the_row_becomes_the_preview() {
    for forget in [Change::ClearHistory(id(C)), Change::Delete(id(C))] {
        let mut user = User::with(&[received(C, 1), forget, received(C, 2)]);
        user.apply(deleted_before(C, 2, Some(message(1))));
        assert_eq!((user.preview(C), user.unread(C)), (None, 0));
    }
}

#[test]
fn the_previews_barrier_does_not_go_back() {
    let mut user = User::with(&[received(C, 1), received(C, 4), deleted_before(C, 4, Some(message(1)))]);
    assert!(!user.activates(C, received(C, 3)), "a late one");
    assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 1", 2));
}

#[test]
fn domain_4_a_deletion_before_its_message_is_remembered() {
    let mention = Message { at_user_list: vec![ALICE.to_owned()], ..message(3) };
    let mut user = User::with(&[received(G, 1)]);
    for early in [revoked(G, 3), deleted(G, 3), revoked(G, 3), modified(G, 3, "edited", Some(9))] {
        assert_eq!(user.apply(early).changed, 0);
    }
    assert!(!user.activates(G, sent_by("bob", G, mention)));
    assert_eq!((user.preview(G).unwrap().as_str(), user.unread(G)), ("text 1", 1));
    assert_eq!(user.row(G).group_at_info_list, []);
    assert!(user.activates(G, received(G, 2)), "it is the newest that was not deleted");
    assert_eq!((user.preview(G).unwrap().as_str(), user.unread(G)), ("text 2", 2));
}

#[test]
fn a_repeat_of_a_message_that_was_deleted_before_it_came_does_not_show_it() {
    let mut user = User::with(&[received(C, 1), deleted(C, 2), received(C, 2), read_to(C, 0)]);
    user.ignores(received(C, 2));
    assert_eq!(user.preview(C).unwrap(), "text 1");
    let mut user = User::with(&[received(C, 1), deleted(C, 2), sent_by(ALICE, C, message(2))]);
    user.ignores(sent_by(ALICE, C, message(2)));
    assert_eq!(user.preview(C).unwrap(), "text 1");
}

#[test]
fn domain_4_at_most_64_early_deletions_are_kept_and_the_lowest_seq_goes() {
    let mut user = User::with(&[received(C, 1)]);
    for seq in 2..=66 {
        user.apply(deleted(C, seq));
    }
    user.apply(received(C, 2));
    user.apply(received(C, 3));
    assert_eq!((user.unread(C), user.preview(C).unwrap().as_str()), (2, "text 2"));
}

#[test]
fn domain_4_a_deletion_takes_its_mention() {
    let at = |seq| sent_by("bob", G, Message { at_user_list: vec![AT_ALL.to_owned()], ..message(seq) });
    let mut user = User::with(&[at(1), at(2), deleted(G, 1)]);
    assert_eq!(user.row(G).group_at_info_list, [GroupAtInfo { seq: 2, at_type: AtType::All }]);
    user.apply(deleted(G, 2));
    assert_eq!(user.row(G).group_at_info_list, []);
}

#[test]
fn a_revoke_or_an_edit_of_a_deleted_message_does_nothing() {
    let mut user = User::with(&[received(C, 1), received(C, 2), deleted(C, 2)]);
    user.ignores(revoked(C, 2));
    user.ignores(modified(C, 2, "edited", Some(1)));
}

#[test]
fn a_deletion_makes_no_row() {
    User::new().ignores(deleted(C, 1));
    User::with(&[received(C, 1), Change::Delete(id(C))]).ignores(deleted(C, 2));
}
