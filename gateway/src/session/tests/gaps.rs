//! Is every gap seen, and healed by a sync?

use super::script::Script;

const FINISH: &str = "start replay; total 0 @12; finish replay #7:12";

#[test]
fn a_gap_triggers_replay() {
    Script::live_at("7").check("hint 8>9 a@9", "read since 7:7");
}

#[test]
fn the_replay_of_a_gap_begins_at_the_last_cursor_given() {
    Script::live_at("7")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("hint 8>9 a@9", "")
        .check("hint 10>11 b@11", "")
        .check("writable", "read since 7:8")
        .check("slice head=11 a@9 b@11", "start replay; changed a@9 b@11 #7:11; total 0 @11; finish replay #7:11");
}

#[test]
fn a_hint_without_its_rows_is_a_gap() {
    Script::live_at("7").check("hint 7>9 truncated", "read since 7:7");
}

#[test]
fn hints_during_a_sync_wait_for_its_finish() {
    Script::followed("7")
        .check("hint 11>12 a@12", "")
        .check("hint 12>13 b@13+13 total=1", "")
        .check("slice head=12 a@12", "start replay; changed a@12 #7:12; total 0 @12; finish replay #7:12")
        .check("hint 13>14 c@14 total=1", "")
        .check("writable", "new b@13; changed c@14; total 1 @14 #7:14");
}

#[test]
fn what_a_sync_has_told_is_not_told_again() {
    Script::followed("7")
        .check("hint 10>11 a@11", "")
        .check("hint 11>12 b@12", "")
        .check("slice head=12 a@11 b@12", "start replay; changed a@11 b@12 #7:12; total 0 @12; finish replay #7:12")
        .check("writable", "")
        .check("hint 12>13 a@13", "changed a@13 #7:13");
}

#[test]
fn a_hint_lost_between_the_read_and_the_first_one_held_is_a_gap() {
    Script::followed("7")
        .check("hint 13>14 a@14", "")
        .check("slice head=12", FINISH)
        .check("writable", "read since 7:12");
}

#[test]
fn a_hint_lost_among_those_held_is_a_gap_only_after_the_read() {
    Script::followed("7")
        .check("hint 8>9 a@9", "")
        .check("hint 10>12 b@12", "")
        .check("hint 12>13 c@13", "")
        .check("slice head=12 b@12", "start replay; changed b@12 #7:12; total 0 @12; finish replay #7:12")
        .check("writable", "changed c@13 #7:13");
    Script::followed("7")
        .check("hint 12>13 c@13", "")
        .check("hint 14>15 a@15", "")
        .check("slice head=12", FINISH)
        .check("writable", "read since 7:12");
}

#[test]
fn hints_in_the_wrong_order_during_a_sync_are_a_gap_unless_it_read_them() {
    Script::followed("7")
        .check("hint 12>13 b@13", "")
        .check("hint 11>12 a@12", "")
        .check("slice head=11", "start replay; total 0 @11; finish replay #7:11")
        .check("writable", "read since 7:11");
}

#[test]
fn a_hint_without_its_rows_during_a_sync_is_a_gap_unless_it_was_read() {
    Script::followed("7").check("hint 11>12 truncated", "").check("slice head=12", FINISH).check("writable", "");
    Script::followed("7")
        .check("hint 12>13 truncated", "")
        .check("slice head=12", FINISH)
        .check("writable", "read since 7:12");
}

#[test]
fn hints_between_the_slices_of_a_replay_are_held_too() {
    Script::followed("7")
        .check("slice head=12 changed=2 a@9", "start replay; changed a@9 #7:9:12")
        .check("hint 12>13 a@13", "")
        .check("writable", "read since 7:9:12")
        .check("hint 13>14 c@14", "")
        .check("slice head=13 b@10 a@13", "changed b@10 a@13 #7:13; total 0 @13; finish replay #7:13")
        .check("writable", "changed c@14 #7:14");
}

#[test]
fn a_full_mailbox_forgets_and_replays_when_writable() {
    for flood in ["b*200@9 c*57@300", "b*70x16000@9"] {
        Script::live_at("7")
            .check("hint 7>8 a@8", "changed a@8 #7:8")
            .check(&format!("hint 8>500 {flood}"), "")
            .check("hint 500>501 d@501", "")
            .check("writable", "read since 7:8");
    }
}

#[test]
fn a_mailbox_at_its_bound_is_kept() {
    Script::live_at("7")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("hint 8>300 b*256@9", "")
        .check("writable", "changed *100; changed *100; changed *56 #7:300");
}

#[test]
fn a_mailbox_that_overflows_during_a_sync_is_a_gap_unless_it_was_read() {
    Script::followed("7").check("hint 8>12 b*257@9", "").check("slice head=12", FINISH).check("writable", "");
    Script::followed("7")
        .check("hint 12>300 b*257@13", "")
        .check("slice head=12", FINISH)
        .check("writable", "read since 7:12");
}

#[test]
fn another_data_set_is_read_again() {
    Script::live_at("7")
        .check("hint 0>5 epoch=8 a@5+5", "read since 7:7")
        .check("slice head=8:5 a@5+5", "read top 100")
        .check("page head=8:5 a@5+5", "start full; new a@5; total 0 @5; finish full next 3 false #8:5")
        .check("writable", "")
        .check("hint 7>8 a@8", "read since 8:5")
        .check("slice head=8:5", "start replay; total 0 @5; finish replay #8:5");
}

#[test]
fn data_that_came_while_nothing_was_there_is_read_if_its_first_step_was_lost() {
    Script::live_at("0:0")
        .check("hint 5>6 epoch=8 a@6", "read since 0:0")
        .check("slice head=8:6 a@6+6", "start replay; new a@6 #8:6; total 0 @6; finish replay #8:6");
}

#[test]
fn a_step_from_before_what_was_seen_to_after_it_shows_lost_writes() {
    Script::live_at("7").check("hint 5>9 a@9", "read top 100");
    Script::followed("7")
        .check("hint 12>13 a@13", "")
        .check("hint 12>15 a@15", "")
        .check("slice head=15", "start replay; total 0 @15; finish replay #7:15")
        .check("writable", "read top 100");
}

#[test]
fn a_store_that_stays_ahead_for_a_second_is_replayed() {
    let mut script = Script::live_at("7");
    script.check("compare", "").check("compared 9", "");
    script.check_next_tick(Some(1.0));
    script.check("at 0.9", "").check("at 1", "read since 7:7");
}

#[test]
fn a_store_that_was_ahead_of_its_hints_only_for_a_moment_is_fine() {
    Script::live_at("7")
        .check("compare", "")
        .check("compared 9", "")
        .check("hint 7>9 a@9", "changed a@9 #7:9")
        .check("writable", "")
        .check("at 1", "");
}

#[test]
fn a_second_comparison_finds_the_first_unanswered_and_replays() {
    Script::live_at("7").check("compare", "").check("compared 9", "").check("compare", "read since 7:7");
}

#[test]
fn a_store_that_went_back_gives_a_full_sync() {
    for head in ["6", "8:20", "0:0"] {
        Script::live_at("7").check("compare", "").check(&format!("compared {head}"), "read top 100");
    }
}

#[test]
fn a_store_that_goes_back_in_the_middle_of_a_replay_ends_it() {
    // Found by the simulation: the slices left out a row whose newer state was then lost.
    Script::followed("7")
        .check("slice head=20 changed=3 a@9", "start replay; changed a@9 #7:9:20")
        .check("writable", "read since 7:9:20")
        .check("slice head=19 b@10", "failed 50004 0 ms")
        .check("writable", "read top 100");
    Script::followed("7")
        .check("slice head=20 changed=3 a@9", "start replay; changed a@9 #7:9:20")
        .check("writable", "read since 7:9:20")
        .check("fails", "failed 50004 500 ms")
        .check("writable", "")
        .check("at 0.5", "read since 7:9:20")
        .check("slice head=19 b@10", "read top 100");
}

#[test]
fn a_store_that_is_behind_the_hint_of_a_gap_gives_a_full_sync() {
    Script::live_at("7").check("hint 8>12 a@12", "read since 7:7").check("slice head=11", "read top 100");
}

#[test]
fn the_clock_counts_as_it_was_when_asked() {
    Script::live_at("7")
        .check("compare", "")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("writable", "")
        .check("compared 7", "");
}

#[test]
fn the_head_of_a_user_who_had_nothing_may_be_of_any_data_set() {
    Script::live_at("0:0").check("compare", "").check("compared 8:5", "").check("at 1", "read since 0:0");
}

#[test]
fn a_comparison_during_a_sync_is_judged_at_its_finish() {
    Script::followed("7")
        .check("compare", "")
        .check("compared 14", "")
        .check("slice head=12", FINISH)
        .check("writable", "")
        .check("at 1", "read since 7:12");
    Script::followed("7")
        .check("slice head=12 changed=2 a@9", "start replay; changed a@9 #7:9:12")
        .check("compare", "")
        .check("compared 11", "")
        .check("writable", "read since 7:9:12")
        .check("slice head=12 b@12", "changed b@12 #7:12; total 0 @12; finish replay #7:12")
        .check("writable", "read top 100");
}

#[test]
fn a_kick_found_by_a_comparison_ends_the_session() {
    Script::live_at("7")
        .check("compare", "")
        .check("compared 7 before=61", "kicked (kicked by the backend); close 4003");
}

#[test]
fn a_gap_during_a_sync_runs_another_one_after_it() {
    Script::followed("7")
        .check("slice head=12 changed=2 a@9", "start replay; changed a@9 #7:9:12")
        .check("probe 7:9 head=12", "false")
        .check("writable", "read since 7:9:12")
        .check("slice head=12 b@12", "changed b@12 #7:12; total 0 @12; finish replay #7:12")
        .check("writable", "read since 7:12")
        .check("slice head=12", FINISH)
        .check("writable", "");
}
