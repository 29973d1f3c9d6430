//! What conversation groups (folders) do to rows, names and the user's numbers (DOMAIN: operations).

use super::*;
use conversation_protocol::limits::{GROUPED_MAX, GROUPS_MAX};

pub(super) fn create(name: &str) -> Change {
    Change::CreateGroup(name.to_owned())
}

pub(super) fn add(conversation: &str, name: &str) -> Change {
    Change::AddToGroup { conversation_id: id(conversation), name: name.to_owned() }
}

fn remove(conversation: &str, name: &str) -> Change {
    Change::RemoveFromGroup { conversation_id: id(conversation), name: name.to_owned() }
}

fn delete(name: &str) -> Change {
    Change::DeleteGroup(name.to_owned())
}

fn rename(old_name: &str, new_name: &str) -> Change {
    Change::RenameGroup { old_name: old_name.to_owned(), new_name: new_name.to_owned() }
}

fn groups(user: &User, conversation: &str) -> Vec<String> {
    user.row(conversation).conversation_group_list
}

#[test]
fn domain_2_a_group_is_made_once_and_rows_name_their_groups_in_the_order_of_adding() {
    let mut user = User::with(&[received(C, 1), create("b"), create("a"), add(C, "a"), add(C, "b")]);
    assert_eq!(
        (user.head().group_names, groups(&user, C)),
        (vec!["b".into(), "a".into()], vec!["a".into(), "b".into()])
    );
    for change in [create("a"), add(C, "b")] {
        user.ignores(change);
    }
    user.apply(remove(C, "a"));
    user.ignores(remove(C, "a"));
    assert_eq!((groups(&user, C), user.head().grouped), (vec!["b".to_owned()], 1));
}

#[test]
fn domain_2_group_data_needs_a_group_and_a_row_and_never_makes_one() {
    let mut user = User::with(&[create("a")]);
    for change in [add(C, "a"), remove(C, "a")] {
        assert_eq!(user.try_apply(change), Err(Refusal::UnknownConversation));
    }
    user.apply(received(C, 1));
    for change in [add(C, "x"), remove(C, "x"), delete("x"), rename("x", "y"), rename("x", "x")] {
        assert_eq!(user.try_apply(change), Err(Refusal::UnknownGroup));
    }
    assert_eq!((user.ids().len(), user.head().group_names), (1, vec!["a".to_owned()]));
}

#[test]
fn domain_2_the_21st_group_is_refused_and_an_existing_name_is_not() {
    let mut user = User::new();
    for number in 0..GROUPS_MAX {
        user.apply(create(&format!("g{number}")));
    }
    assert_eq!(user.try_apply(create("more")), Err(Refusal::TooManyGroups));
    user.ignores(create("g0"));
    user.apply(delete("g0"));
    user.apply(create("more"));
    assert_eq!(user.head().group_names.len(), GROUPS_MAX);
}

#[test]
fn domain_2_the_1001st_grouped_conversation_is_refused_and_nothing_is_evicted() {
    let mut user = User::with(&[create("a"), create("b")]);
    let names: Vec<String> = (0..=GROUPED_MAX).map(|number| format!("c2c_u{number}")).collect();
    for some in names.chunks(100) {
        let made = some.iter().map(|name| received(name, 1));
        let added = some.iter().map(|name| add(name, "a"));
        user.try_steps(&made.chain(added).collect::<Vec<_>>());
    }
    let last = names.last().unwrap();
    assert_eq!((user.head().grouped, groups(&user, last)), (GROUPED_MAX, Vec::<String>::new()));
    assert_eq!(user.try_apply(add(last, "a")), Err(Refusal::TooManyGrouped));
    user.apply(add("c2c_u0", "b"));
    user.apply(remove("c2c_u0", "a"));
    assert_eq!(user.try_apply(add(last, "a")), Err(Refusal::TooManyGrouped), "it is in another group still");
    user.apply(remove("c2c_u0", "b"));
    user.apply(add(last, "a"));
}

#[test]
fn domain_2_a_renamed_group_keeps_its_places_and_a_taken_name_is_refused() {
    let mut user = User::with(&[received(C, 1), create("a"), create("b"), create("c")]);
    for name in ["b", "a", "c"] {
        user.apply(add(C, name));
    }
    assert_eq!(user.try_apply(rename("a", "b")), Err(Refusal::GroupNameTaken));
    user.ignores(rename("a", "a"));
    user.apply(rename("a", "z"));
    assert_eq!(user.head().group_names, ["z", "b", "c"]);
    assert_eq!(groups(&user, C), ["b", "z", "c"]);
    assert_eq!(user.try_apply(rename("a", "y")), Err(Refusal::UnknownGroup));
    assert_eq!(user.notices.last(), Some(&GroupEvent::Renamed("a".into(), "z".into())));
}

#[test]
fn domain_2_a_deleted_group_leaves_its_rows_and_their_other_groups() {
    let mut user =
        User::with(&[received(C, 1), received(G, 1), create("a"), create("b"), add(C, "a"), add(C, "b"), add(G, "a")]);
    assert_eq!(user.apply(delete("a")).changed, 2);
    assert_eq!((groups(&user, C), groups(&user, G)), (vec!["b".to_owned()], Vec::new()));
    assert_eq!((user.head().grouped, user.head().group_names), (1, vec!["b".to_owned()]));
    assert_eq!(user.try_apply(delete("a")), Err(Refusal::UnknownGroup));
    user.apply(create("a"));
    assert_eq!(groups(&user, G), Vec::<String>::new(), "a group of the same name begins empty");
}

#[test]
fn domain_2_a_deleted_row_leaves_its_groups_and_comes_back_in_none() {
    let mut user = User::with(&[received(C, 1), create("a"), add(C, "a"), Change::Delete(id(C))]);
    assert_eq!(user.head().grouped, 0);
    user.apply(received(C, 2));
    assert_eq!(groups(&user, C), Vec::<String>::new());
    assert_eq!(user.head().group_names, ["a"], "the group is there without rows");
}

#[test]
fn domain_3_groups_keep_place_preview_and_unread() {
    let mut user = User::with(&[received(C, 1), received(C, 2), create("a")]);
    for change in [add(C, "a"), rename("a", "b"), remove(C, "b"), add(C, "b"), delete("b")] {
        assert!(!user.activates(C, change));
        assert_eq!((user.preview(C).unwrap().as_str(), user.unread(C)), ("text 2", 2));
    }
}

#[test]
fn domain_2_what_is_told_of_groups_names_what_changed_alone() {
    let mut user = User::with(&[received(C, 1), received(G, 1)]);
    user.try_steps(&[create("a"), add(C, "a"), add("c2c_none", "a"), add(G, "a"), add(C, "a")]);
    assert_eq!(user.notices, [GroupEvent::Created("a".into(), vec![id(C), id(G)])]);
    user.try_steps(&[remove(C, "a"), remove(C, "a"), add(C, "a")]);
    let added = GroupEvent::Added("a".into(), vec![id(C)]);
    assert_eq!(user.notices[1..], [GroupEvent::Removed("a".into(), vec![id(C)]), added]);
}

#[test]
fn domain_2_a_group_of_600_rows_goes_in_steps_of_256_and_is_told_once_at_the_end() {
    let rows: Vec<String> = (0..600).map(|number| format!("c2c_u{number}")).collect();
    for (change, notice) in [
        (delete("a"), GroupEvent::Deleted("a".into())),
        (rename("a", "z"), GroupEvent::Renamed("a".into(), "z".into())),
    ] {
        let mut user = User::with(&[create("a")]);
        for some in rows.chunks(100) {
            let made = some.iter().map(|name| received(name, 1));
            user.try_steps(&made.chain(some.iter().map(|name| add(name, "a"))).collect::<Vec<_>>());
        }
        user.notices.clear();
        for (written, is_last) in [(256, false), (256, false), (88, true)] {
            let next = user.unfinished.clone().map_or_else(|| change.clone(), Change::Continue);
            assert_eq!(user.apply(next).changed, written);
            assert_eq!((user.unfinished.is_none(), user.notices.len()), (is_last, usize::from(is_last)));
        }
        assert_eq!(user.notices, [notice]);
        let left = user.rows().iter().filter(|row| row.conversation_group_list.contains(&"a".to_owned())).count();
        assert_eq!(left, 0);
    }
}
