//! Is a session whose store lost writes, and wrote others in their place, brought to what is there?

use super::script::Script;

const BROKEN: &str = "failed 50004 0 ms";

#[test]
fn a_cursor_among_lost_writes_is_a_full_sync_older_and_newer_ones_are_replays() {
    let fork = "head=12 fork=8>11";
    Script::followed("9").check(&format!("slice {fork} a@12"), "read top 100");
    let replay = "start replay; changed a@12 #7:12; total 0 @12; finish replay #7:12";
    Script::followed("8").check(&format!("slice {fork} a@12"), replay);
    Script::followed("11").check(&format!("slice {fork} a@12"), replay);
}

#[test]
fn a_live_session_that_saw_lost_writes_and_no_hint_since_is_found_ahead_and_gets_a_full_sync() {
    Script::live_at("9")
        .check("compare", "")
        .check("compared 12", "")
        .check("at 1", "read since 7:9")
        .check("slice head=12 fork=8>11 a@12", "read top 100");
}

#[test]
fn a_live_session_that_missed_the_first_hint_after_the_loss_gets_a_full_sync() {
    Script::live_at("9")
        .check("hint 11>12 a@12", "read since 7:9")
        .check("slice head=12 fork=8>11 a@11 b@12", "read top 100");
}

#[test]
fn the_cursor_of_a_slice_tells_when_it_was_read_so_that_what_it_left_out_is_not_lost() {
    Script::followed("7")
        .check("slice head=10 changed=3 a@8", "start replay; changed a@8 #7:8:10")
        .check("writable", "read since 7:8:10")
        .check("slice head=12 fork=8>11 a@12", BROKEN);
    Script::followed("7:8:10").check("slice head=12 fork=8>11 a@12", "read top 100");
    Script::followed("7:8:10").check("slice head=9 a@9", "read top 100");
    Script::followed("7:8:12")
        .check("slice head=12 fork=8>11 a@12", "start replay; changed a@12 #7:12; total 0 @12; finish replay #7:12");
}

#[test]
fn a_sync_that_read_lost_writes_before_the_loss_was_hinted_is_followed_by_a_full_one() {
    Script::followed("7")
        .check("hint 8>12 a@12 fork=8>11", "")
        .check("slice head=10 b@9", "start replay; changed b@9 #7:9:10; total 0 @10; finish replay #7:10")
        .check("writable", "read since 7:10")
        .check("slice head=12 fork=8>11 a@12", "read top 100");
    Script::followed("7")
        .check("hint 8>12 a@12 fork=8>11", "")
        .check("slice head=8 b@8", "start replay; changed b@8 #7:8; total 0 @8; finish replay #7:8")
        .check("writable", "changed a@12 #7:12");
}

#[test]
fn a_sync_that_read_lost_writes_is_found_also_after_two_losses() {
    Script::followed("7")
        .check("hint 8>12 a@12 fork=8>11", "")
        .check("hint 12>16 b@16 fork=12>15", "")
        .check("slice head=10", "start replay; total 0 @10; finish replay #7:10")
        .check("writable", "read since 7:10");
}

#[test]
fn totals_of_filters_that_were_read_among_lost_writes_are_read_again() {
    let mut script = Script::watching(&["all"]);
    script.run("followed");
    script.check("slice head=7", "start replay; total 0 @7; finish replay #7:7").check("writable", "read unread");
    script.check("unread 9 a=2", "all 2 @9 #7:7").check("writable", "");
    script.check("hint 7>11 b@11+11 f=b:0>1 total=1 fork=7>10", "read unread; new b@11; total 1 @11 #7:11");
    script.check("writable", "").check("unread 11 b=1", "all 1 @11 #7:11");
}
