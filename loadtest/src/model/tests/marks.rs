//! What marks, custom data and calls on lists of ids must do.

use super::*;

fn batch(s: &mut Scenario, method: &str, ids: &[&str], extra: Value) -> Vec<RowOutcome> {
    let mut params = json!({ "conversationIDList": ids });
    merge(&mut params, extra);
    match s.client(method, params) {
        ClientOutcome::PerId(outcomes) => outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
        other => panic!("not per id: {other:?}"),
    }
}

#[test]
fn marks_are_single_bits_and_keep_the_place() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    let mark = |s: &mut Scenario, mark_type: Value, enable: bool| {
        batch(s, "markConversation", &["group_g7"], json!({"markType": mark_type, "enableMark": enable})).remove(0)
    };
    assert!(!s.activates(|s| assert_eq!(mark(s, json!([8, "4294967296", 1]), true), Ok(Effect::Changed))));
    assert_eq!(s.g7().mark_list, [1, 8, 1 << 32]);
    assert_eq!(mark(&mut s, json!(9), true), Ok(Effect::Unchanged));
    assert_eq!(mark(&mut s, json!("9"), false), Ok(Effect::Changed));
    assert_eq!(s.g7().mark_list, [1 << 32]);
    s.check(1, 1);
}

#[test]
fn custom_data_keeps_the_place_and_goes_with_the_row() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    let set =
        |s: &mut Scenario| batch(s, "setConversationCustomData", &["group_g7"], json!({"customData": "x"})).remove(0);
    assert!(!s.activates(|s| assert_eq!(set(s), Ok(Effect::Changed))));
    assert_eq!((set(&mut s), s.g7().custom_data.as_str()), (Ok(Effect::Unchanged), "x"));
    s.on("deleteConversation", "group_g7", json!({})).unwrap();
    assert_eq!(set(&mut s), Err(ErrorKind::UnknownConversation));
    s.send(2, json!({}));
    assert_eq!(s.g7().custom_data, "");
}

#[test]
fn deleting_a_list_deletes_each_and_what_is_not_there_is_done() {
    let mut s = Scenario::default();
    s.send(1, json!({}));
    s.send_in("a", 1, json!({}));
    let ids = ["group_g7", "group_none", "group_g7"];
    let outcomes = batch(&mut s, "deleteConversationList", &ids, json!({}));
    assert_eq!(outcomes, [Ok(Effect::Changed), Ok(Effect::Unchanged), Ok(Effect::Unchanged)]);
    assert_eq!(s.order(), ["group_a"]);
}
