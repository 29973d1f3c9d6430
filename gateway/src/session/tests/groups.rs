//! When does a session tell of conversation groups?

use super::script::{Script, config};

#[test]
fn a_notice_follows_the_rows_and_comes_before_the_total() {
    Script::live_at("7")
        .check("hint 7>10 total=1 -c@9 a@8 g+work", "changed a@8; deleted c @9; created work; total 1 @10 #7:10");
}

#[test]
fn a_step_that_only_makes_a_group_is_told() {
    Script::live_at("7").check("hint 7>8 g+work", "created work #7:8");
}

#[test]
fn notices_keep_their_order_while_the_client_is_busy() {
    Script::live_at("7")
        .check("hint 7>8 g+work", "created work #7:8")
        .check("hint 8>9 g~work~home", "")
        .check("hint 9>10 g-home", "")
        .check("writable", "renamed work home; dissolved home #7:10");
}

#[test]
fn a_sync_drops_the_notices_that_its_names_cover_and_keeps_later_ones() {
    Script::followed("7")
        .check("hint 7>8 g+work", "")
        .check("hint 8>9 g+home", "")
        .check("slice head=8", "start replay; total 0 @8; finish replay #7:8")
        .check("writable", "created home #7:9");
}

#[test]
fn more_than_64_notices_are_forgotten_for_a_replay() {
    let names = |count: usize| (0..count).map(|n| format!("g+n{n}")).collect::<Vec<_>>().join(" ");
    let mut script = Script::live_at("7");
    script.run("hint 7>8 a@8");
    script.check(&format!("hint 8>9 {}", names(64)), "");
    let told = script.run("writable");
    assert_eq!(told.split("; ").count(), 64, "{told}");
    script.check(&format!("hint 9>10 {}", names(65)), "").check("writable", "read since 7:9");
}

#[test]
fn what_is_known_at_a_gap_is_told_before_the_sync_that_heals_it() {
    Script::live_at("7")
        .check("hint 7>8 truncated g~work~home", "renamed work home #7:7")
        .check("writable", "read since 7:7")
        .check("slice head=8 a@8", "start replay; changed a@8 #7:8; total 0 @8; finish replay #7:8")
        .check("hint 8>9 g+x", "")
        .check("hint 10>11 g+y", "")
        .check("writable", "created x; created y #7:8")
        .check("hint 11>12 g-y", "")
        .check("writable", "read since 7:8");
}

#[test]
fn a_sync_that_fails_tells_no_notice() {
    Script::followed("7")
        .check("hint 7>8 g+work", "")
        .check("fails", "start replay; failed 50004 500 ms")
        .check("writable", "")
        .check("at 0.5", "read since 7:7");
}

#[test]
fn a_truncated_hint_brings_the_names_by_a_sync() {
    Script::live_at("7")
        .check("hint 7>8 truncated", "read since 7:7")
        .check("slice head=8 a@8", "start replay; changed a@8 #7:8; total 0 @8; finish replay #7:8");
}

#[test]
fn the_first_frame_of_a_client_without_data_has_no_notice_beside_it() {
    let mut script = Script::new(config(Some("0:0")));
    script.run("followed");
    script.run("slice head=0:0");
    script.run("writable");
    script.check("hint 0>9 a@8+8 g+work total=1", "new a@8 #7:9").check("writable", "created work; total 1 @9 #7:9");
}

#[test]
fn notices_of_another_data_set_are_dropped_by_the_sync_that_leads_away_from_it() {
    Script::followed("7")
        .check("hint 19>20 g+far", "")
        .check("hint 5>6 g+old epoch=8", "")
        .check("slice head=8:5", "read top 100")
        .check("page head=8:5 finished", "start full; total 0 @5; finish full next 3 true #8:5")
        .check("writable", "created old #8:6");
}
