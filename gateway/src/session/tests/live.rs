//! What does a live session tell, when, and in which order?

use super::script::Script;

#[test]
fn an_idle_session_tells_a_change_at_once() {
    Script::live_at("7").check("hint 7>8 a@8", "changed a@8 #7:8");
}

#[test]
fn a_flush_is_new_then_changed_then_deleted_then_the_total() {
    Script::live_at("7").check(
        "hint 7>11 total=5 a@8 b@9+9 -c@10 d@11+11",
        "new b@9 d@11; changed a@8; deleted c @10; total 5 @11 #7:11",
    );
}

#[test]
fn a_row_that_came_before_the_clients_cursor_is_not_new() {
    Script::live_at("7")
        .check("hint 7>8 a@8+7", "changed a@8 #7:8")
        .check("writable", "")
        .check("hint 8>9 b@9+9", "new b@9 #7:9");
}

#[test]
fn the_total_is_told_only_when_it_differs() {
    Script::live_at("7")
        .check("hint 7>8 total=1 a@8", "changed a@8; total 1 @8 #7:8")
        .check("writable", "")
        .check("hint 8>9 total=1 a@9", "changed a@9 #7:9")
        .check("writable", "")
        .check("hint 9>10 total=0", "total 0 @10 #7:10");
}

#[test]
fn the_total_of_a_sync_is_not_told_again() {
    Script::followed("7")
        .check("slice head=9 total=2", "start replay; total 2 @9; finish replay #7:9")
        .check("writable", "")
        .check("hint 9>10 total=2 a@10", "changed a@10 #7:10");
}

#[test]
fn a_step_that_changes_no_row_tells_nothing_and_is_no_gap_later() {
    Script::live_at("7").check("hint 7>8", "").check("hint 8>9 a@9", "changed a@9 #7:9");
}

#[test]
fn an_old_or_doubled_hint_tells_nothing() {
    Script::live_at("7")
        .check("hint 6>7 a@7", "")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("writable", "")
        .check("hint 7>8 a@8", "")
        .check("hint 5>6 a@6 truncated", "");
}

#[test]
fn a_busy_session_merges_to_the_newest_state() {
    Script::live_at("7")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("hint 8>9 a@9 total=1", "")
        .check("hint 9>10 b@10 total=2", "")
        .check("hint 10>11 a@11 total=0", "")
        .check("writable", "changed b@10 a@11 #7:11")
        .check("writable", "");
}

#[test]
fn a_deletion_is_told_also_where_its_row_was_still_pending() {
    Script::live_at("7")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("hint 8>9 b@9+9", "")
        .check("hint 9>10 -b@10", "")
        .check("writable", "deleted b @10 #7:10");
}

#[test]
fn a_row_that_is_there_again_is_new_and_not_among_the_deleted() {
    Script::live_at("7")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("hint 8>9 -b@9", "")
        .check("hint 9>10 -c@10", "")
        .check("hint 10>11 b@11+11", "")
        .check("writable", "new b@11; deleted c @10 #7:11");
}

#[test]
fn one_step_that_brings_a_row_back_and_one_that_takes_it_again_keep_the_newest() {
    Script::live_at("7")
        .check("hint 7>9 -a@8 a@9+9", "new a@9 #7:9")
        .check("writable", "")
        .check("hint 9>11 a@10 -a@11", "deleted a @11 #7:11");
}

#[test]
fn new_stays_new_while_it_is_pending() {
    Script::live_at("7")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("hint 8>9 b@9+9", "")
        .check("hint 9>10 b@10+9", "")
        .check("writable", "new b@10 #7:10");
}

#[test]
fn many_changes_at_once_are_cut_into_frames_and_only_the_last_has_the_cursor() {
    Script::live_at("7")
        .check("hint 7>300 a*250@9 total=1", "changed *100; changed *100; changed *50; total 1 @300 #7:300");
    Script::live_at("7").check("hint 7>300 -a*150@9", "deleted *100 @108; deleted *50 @158 #7:300");
}

#[test]
fn the_first_data_of_a_user_is_adopted_and_comes_in_one_frame_with_its_cursor() {
    Script::live_at("0:0")
        .check("hint 0>5 epoch=9 a@5+5 total=1", "new a@5 #9:5")
        .check("writable", "total 1 @5 #9:5")
        .check("writable", "")
        .check("hint 5>6 epoch=9 a@6+5 total=1", "changed a@6 #9:6");
    Script::live_at("0:0").check("hint 0>150 epoch=9 a*150@1+1", "read since 0:0");
}
