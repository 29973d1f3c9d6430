//! When is a session told the total of a filter?

use super::script::Script;

/// A session that watches filters, live and idle at version 9, and has been told that each total is 2.
fn told(filters: &[&str]) -> Script {
    let mut script = Script::watching(filters);
    script.run("followed");
    script.check("slice head=9", "start replay; total 0 @9; finish replay #7:9").check("writable", "read unread");
    let expected = filters.iter().map(|name| format!("{name} 2 @9")).collect::<Vec<_>>().join("; ");
    script.check("unread 9 *a=2", &format!("{expected} #7:9")).check("writable", "");
    script
}

#[test]
fn totals_of_the_start_are_told_after_the_first_finish() {
    told(&["all", "star"]);
    let mut none = Script::watching(&["star"]);
    none.run("followed");
    none.run("slice head=9");
    none.run("writable");
    none.check("unread 9 a=2", "star 0 @9 #7:9");
}

#[test]
fn a_total_follows_the_hints_and_is_told_last_and_only_if_it_differs() {
    told(&["all", "star"])
        .check(
            "hint 9>10 total=3 a@10 f=*a:2>3 g+work",
            "changed a@10; created work; total 3 @10; all 3 @10; star 3 @10 #7:10",
        )
        .check("writable", "")
        .check("hint 10>11 b@11 total=4 f=b:0>1", "changed b@11; total 4 @11; all 4 @11 #7:11")
        .check("writable", "")
        .check("hint 11>12 total=4 a@12", "changed a@12 #7:12");
}

#[test]
fn a_total_that_changed_and_changed_back_meanwhile_is_not_told() {
    told(&["star"])
        .check("hint 9>10 a@10 f=*a:2>3", "changed a@10; star 3 @10 #7:10")
        .check("hint 10>11 a@11 f=*a:3>0", "")
        .check("hint 11>12 a@12 f=*a:0>3", "")
        .check("writable", "changed a@12 #7:12");
}

#[test]
fn what_is_hinted_during_a_read_counts_once() {
    let mut script = told(&["all"]);
    script.check("hint 9>10 truncated", "read since 7:9");
    script.check("slice head=10", "start replay; total 0 @10; finish replay #7:10").check("writable", "read unread");
    // The read sees 11, and 12 comes after it.
    script
        .check("hint 10>11 a@11 f=*a:2>5", "changed a@11 #7:11")
        .check("hint 11>12 a@12 f=*a:5>6", "")
        .check("writable", "changed a@12 #7:12")
        .check("unread 11 *a=5", "")
        .check("writable", "all 6 @12 #7:12");
}

#[test]
fn what_the_read_saw_before_its_hint_came_counts_once() {
    let mut script = told(&["all"]);
    script.run("hint 9>10 truncated");
    script.run("slice head=10");
    script
        .check("writable", "read unread")
        .check("unread 12 *a=6", "all 6 @12 #7:10")
        .check("writable", "")
        .check("hint 10>11 a@11 f=*a:2>5", "changed a@11 #7:11")
        .check("writable", "")
        .check("hint 11>12 a@12 f=*a:5>6", "changed a@12 #7:12")
        .check("writable", "")
        .check("hint 12>13 a@13 f=*a:6>7", "changed a@13; all 7 @13 #7:13");
}

#[test]
fn after_a_replay_only_what_differs_is_told() {
    let mut script = told(&["all", "star"]);
    script.check("hint 12>13", "read since 7:9");
    script.check("slice head=13 b@12", "start replay; changed b@12 #7:12:13; total 0 @13; finish replay #7:13");
    script.check("writable", "read unread").check("unread 13 *a=2 b=1", "all 3 @13 #7:13");
}

#[test]
fn a_full_sync_begins_with_versions_anew() {
    let mut script = told(&["all"]);
    script.check("hint 2>3 epoch=8", "read since 7:9").check("slice head=8:3", "read top 100");
    script.check("page head=8:3 finished", "start full; total 0 @3; finish full next 3 true #8:3");
    script.check("writable", "read unread").check("unread 8:3", "all 0 @3 #8:3");
}

#[test]
fn a_read_that_fails_is_tried_again_after_a_while() {
    let mut script = told(&["all"]);
    script.run("hint 9>10 truncated");
    script.run("slice head=10");
    script.check("writable", "read unread").check("unread fails", "").check_next_tick(Some(1.0));
    script.check("at 0.9", "").check("at 1", "read unread").check("unread 10 a=7", "all 7 @10 #7:10");
}

#[test]
fn too_many_hints_during_a_read_make_another() {
    let mut script = told(&["all"]);
    script.run("hint 9>10 truncated");
    script.run("slice head=10");
    script.check("writable", "read unread");
    let changes = (0..257).map(|n| format!("f=a{n}:0>1")).collect::<Vec<_>>().join(" ");
    script
        .check(&format!("hint 10>11 {changes}"), "")
        .check("unread 10 *a=2", "read unread")
        .check("unread 11 *a=259", "all 259 @11 #7:11");
}

#[test]
fn a_read_of_lost_writes_or_of_other_data_leads_to_a_sync() {
    let ends = |answer: &str, expected: &str| {
        let mut script = told(&["all"]);
        script.run("hint 9>10 truncated");
        script.run("slice head=10");
        script.check("writable", "read unread").check(answer, expected);
    };
    ends("unread 8", "read top 100");
    ends("unread 8:12", "read since 7:10");
}

#[test]
fn the_answer_of_a_read_from_before_a_gap_is_not_taken() {
    let mut script = told(&["all"]);
    script.run("subscribe star");
    script.check("hint 9>10 truncated", "read since 7:9");
    script.check("slice head=10", "start replay; total 0 @10; finish replay #7:10").check("writable", "read unread");
    script.check("subscribed star 9 *a=1", "answer 1").check("unread 10 *a=3", "all 3 @10; star 3 @10 #7:10");
}

#[test]
fn a_read_that_was_begun_for_another_filter_is_of_use_to_a_new_one() {
    let mut script = Script::watching(&["all"]);
    script.run("followed");
    script.check("slice head=9", "start replay; total 0 @9; finish replay #7:9").check("writable", "read unread");
    script.check("hint 9>10 a@10 f=*a:2>3", "changed a@10 #7:10").check("writable", "").check("unsubscribe all", "");
    script.check("subscribe star", "new").check("unread 9 *a=2", "star 3 @10 #7:10").check("writable", "");
    script.check("subscribed star 10 *a=3", "answer 3");
}

#[test]
fn a_session_without_filters_left_reads_nothing_for_them() {
    let mut script = told(&["all"]);
    script.check("unsubscribe all", "").check("hint 9>10 a@10 f=*a:2>3", "changed a@10 #7:10").check("writable", "");
    script.check("hint 10>11 truncated", "read since 7:10");
    script.check("slice head=11", "start replay; total 0 @11; finish replay #7:11").check("writable", "");
}

#[test]
fn the_answer_to_a_subscription_counts_as_told() {
    let mut script = Script::live_at("9");
    script
        .check("subscribe star", "new")
        .check("subscribed star 9 *a=2", "answer 2")
        .check("hint 9>10 a@10 f=*a:2>1", "changed a@10; star 1 @10 #7:10")
        .check("writable", "")
        .check("subscribe star", "known")
        .check("subscribed star 10 *a=1", "answer 1")
        .check("unsubscribe star", "")
        .check("hint 10>11 a@11 f=*a:1>0", "changed a@11 #7:11");
}

#[test]
fn nothing_older_is_told_after_the_answer_to_a_subscription() {
    let mut script = told(&["all"]);
    script
        .check("subscribe star", "new")
        // The read has seen 11 already, whose hints are on their way.
        .check("subscribed star 11 *a=4", "answer 4; all 4 @11 #7:9")
        .check("writable", "")
        .check("hint 9>10 f=*a:2>3", "")
        .check("hint 10>11 f=*a:3>4", "");
}

#[test]
fn a_subscription_before_the_first_sync_is_answered_and_corrected_after_it() {
    let mut script = Script::watching(&[]);
    script.run("followed");
    script
        .check("subscribe star", "new")
        .check("subscribed star 8 *a=2", "answer 2")
        .check("slice head=9", "start replay; total 0 @9; finish replay #7:9")
        .check("writable", "read unread")
        .check("unread 9 *a=1", "star 1 @9 #7:9");
}

#[test]
fn a_session_has_at_most_20_filters() {
    let mut session = super::super::Session::new(super::script::config(None), std::time::Duration::ZERO);
    let filter = |n: u64| serde_json::from_value(serde_json::json!({"markType": 1_u64 << (40 + n)})).unwrap();
    for n in 0..20 {
        assert!(session.subscribe(filter(n)).unwrap().is_new);
    }
    assert!(session.subscribe(filter(20)).is_err());
    assert!(!session.subscribe(filter(3)).unwrap().is_new);
    session.unsubscribe(&filter(3));
    assert!(session.subscribe(filter(20)).unwrap().is_new);
}
