//! Is what happens to a session noted, so that it can be counted?

use super::script::Script;

#[test]
fn changes_are_noted_with_the_time_at_which_the_oldest_was_accepted() {
    Script::live_at("7")
        .check_notes("hint 7>8 a@8 accepted=5", "1 changes, 0 coalesced since 5")
        .check_notes("hint 8>9 b@9 accepted=6", "")
        .check_notes("hint 9>10 b@10 -c@10 accepted=9", "")
        .check_notes("writable", "2 changes, 1 coalesced since 6")
        .check_notes("writable", "")
        .check_notes("hint 10>11 a@11", "1 changes, 0 coalesced");
}

#[test]
fn a_step_that_shows_clients_nothing_has_no_time_that_a_later_one_would_be_blamed_for() {
    Script::live_at("7")
        .check_notes("hint 7>8 accepted=5", "")
        .check_notes("hint 8>9 a@9 accepted=8", "1 changes, 0 coalesced since 8");
}

#[test]
fn the_time_of_what_a_sync_has_told_is_forgotten() {
    Script::followed("7")
        .check_notes("hint 8>9 a@9 accepted=5", "")
        .check_notes("slice head=9 a@9", "Replay started; Replay 1 rows; Replay finished in 0 s")
        .check_notes("writable", "")
        .check_notes("hint 9>10 a@10 accepted=9", "1 changes, 0 coalesced since 9");
}

#[test]
fn a_replay_is_noted_from_its_first_read_to_its_finish() {
    Script::followed("7")
        .check_notes("at 1.5", "")
        .check_notes("slice head=12 changed=3 a@9 b@10", "Replay started; Replay 2 rows")
        .check_notes("at 2", "")
        .check_notes("writable", "")
        .check_notes("slice head=12 c@12", "Replay 1 rows; Replay finished in 2 s");
}

#[test]
fn a_full_sync_is_noted_and_so_is_one_that_fails() {
    Script::followed("7")
        .check_notes("fails", "Replay started; Replay failed")
        .check_notes("writable", "")
        .check_notes("at 1", "")
        .check_notes("slice head=12 floor=9", "")
        .check_notes("at 1.25", "")
        .check_notes("page head=12 a@9", "Full started; Full 1 rows; Full finished in 0.25 s");
}

#[test]
fn a_gap_is_noted_with_its_cause() {
    let check = |line: &str, expected: &str| {
        Script::live_at("7").check_notes(line, expected);
    };
    check("hint 8>9 a@9", "gap lost_hint");
    check("hint 7>9 truncated", "gap truncated_hint");
    check("hint 6>9 a@9", "gap lost_writes");
    check("hint 0>9 epoch=8 a@9", "gap other_data");
    check("hint 7>600 a*513@88", "overflow; gap mailbox_overflow");
    check("probe 7:6 head=7", "gap client_probe");
}

#[test]
fn a_gap_that_a_comparison_finds_is_put_down_to_why_it_was_made() {
    for (compare, cause) in [("compare", "gap comparison"), ("compare anew", "gap interruption")] {
        Script::live_at("7").check_notes(compare, "").check_notes("compared 8", "").check_notes("at 1", cause);
    }
}

#[test]
fn a_gap_during_a_sync_is_noted_once() {
    Script::followed("7")
        .check_notes("slice head=12 changed=3 a@9", "Replay started; Replay 1 rows")
        .check_notes("probe 7:8 head=12", "gap client_probe")
        .check_notes("writable", "")
        .check_notes("slice head=12 c@12 b@11", "Replay 2 rows; Replay finished in 0 s")
        .check_notes("writable", "");
}
