//! How does a client come up to date: replays, full syncs, and their failures?

use super::script::{Script, config};

#[test]
fn nothing_is_read_before_the_hints_are_followed() {
    Script::new(config(Some("7")))
        .check("writable", "")
        .check("hint 7>8 a@8", "")
        .check("followed", "read since 7:7")
        .check("followed", "");
}

#[test]
fn a_client_whose_hints_cannot_be_followed_is_told() {
    Script::new(config(Some("7")))
        .check("at 9", "")
        .check("at 10", "start replay; failed 50004 10000 ms")
        .check("writable", "")
        .check("followed", "read since 7:7");
}

#[test]
fn a_client_without_a_cursor_gets_a_full_sync() {
    Script::new(config(None))
        .check("followed", "read top 100")
        .check("page head=9 total=4 b@9 a@3", "start full; new b@9 a@3; total 4 @9; finish full next 3 false #7:9");
}

#[test]
fn a_full_sync_of_nothing_has_a_total_and_a_finish() {
    Script::new(config(None))
        .check("followed", "read top 100")
        .check("page head=0:0 finished", "start full; total 0 @0; finish full next 3 true #0:0");
}

#[test]
fn a_replay_tells_what_the_client_cannot_know_as_new() {
    Script::followed("7").check(
        "slice head=12 total=2 a@8+7 b@9+8 -c@10 d@11+11",
        "start replay; new b@9 d@11; changed a@8; deleted c @10 #7:11:12; total 2 @12; finish replay #7:12",
    );
}

#[test]
fn a_replay_without_changes_still_moves_the_cursor() {
    Script::followed("7").check("slice head=9", "start replay; total 0 @9; finish replay #7:9");
}

#[test]
fn the_next_slice_is_read_when_the_client_has_taken_the_last() {
    Script::followed("7")
        .check("slice head=20 changed=3 a@9", "start replay; changed a@9 #7:9:20")
        .check("progress", "")
        .check("writable", "read since 7:9:20")
        .check("slice head=21 changed=2 b@10", "changed b@10 #7:10:21")
        .check("writable", "read since 7:10:21")
        .check("slice head=21 c@21+8", "new c@21 #7:21; total 0 @21; finish replay #7:21");
}

#[test]
fn a_cursor_that_cannot_be_served_gives_a_full_sync_that_says_so() {
    for unservable in ["head=12 floor=8", "head=6", "head=8:12", "head=0:0", "head=2000 changed=1001"] {
        Script::followed("7")
            .check(&format!("slice {unservable}"), "read top 100")
            .check("page head=12", "start full; total 0 @12; finish full next 3 false #7:12");
    }
}

#[test]
fn the_cursor_of_a_user_without_data_fits_every_data_set_and_its_first_frame_has_the_next_cursor() {
    // Found by the simulation: a client cut between two frames kept 0:0 and had rows; then the store was replaced, and
    // a replay from 0:0, which fits every data set, left those rows.
    Script::new(config(Some("0:0")))
        .check("followed", "read since 0:0")
        .check("slice head=9 floor=3 changed=4 a@5+5 b@6+6 -c@7 d@8+8", "start replay; new a@5 b@6 #7:6:9")
        .check("writable", "read since 7:6:9")
        .check("slice head=9 floor=3 -c@7 d@8+8", "new d@8; deleted c @7 #7:8:9; total 0 @9; finish replay #7:9");
}

#[test]
fn a_floor_that_rises_in_the_middle_of_a_replay_ends_it_and_a_full_sync_follows() {
    for lost in ["head=20 floor=10", "head=8:20", "head=0:0", "head=20 changed=1001"] {
        Script::followed("7")
            .check("slice head=20 changed=3 a@9", "start replay; changed a@9 #7:9:20")
            .check("writable", "read since 7:9:20")
            .check(&format!("slice {lost} b@11"), "failed 50004 0 ms")
            .check("writable", "read top 100")
            .check("page head=20", "start full; total 0 @20; finish full next 3 false #7:20");
    }
}

#[test]
fn a_failed_read_is_told_within_a_bracket_and_tried_again() {
    Script::followed("7")
        .check("fails", "start replay; failed 50004 500 ms")
        .check("writable", "")
        .check("at 0.4", "")
        .check("at 0.5", "read since 7:7")
        .check("fails", "start replay; failed 50004 1000 ms")
        .check("at 1.5", "")
        .check("writable", "read since 7:7")
        .check("slice head=9", "start replay; total 0 @9; finish replay #7:9");
}

#[test]
fn a_failed_full_sync_stays_a_full_sync() {
    Script::followed("7")
        .check("slice head=8:12", "read top 100")
        .check("fails", "start full; failed 50004 500 ms")
        .check("writable", "")
        .check("at 0.5", "read top 100");
}

#[test]
fn a_replay_that_fails_goes_on_from_where_it_came() {
    Script::followed("7")
        .check("slice head=20 changed=3 a@9", "start replay; changed a@9 #7:9:20")
        .check("writable", "read since 7:9:20")
        .check("fails 2000", "failed 50004 2000 ms")
        .check("writable", "")
        .check("at 2", "read since 7:9:20");
}

#[test]
fn pauses_after_failures_grow_to_a_bound_and_spread() {
    let mut last = String::new();
    for jitter in [0, u64::MAX] {
        let mut script = Script::new(crate::session::SessionConfig { jitter, ..config(Some("7")) });
        script.run("followed");
        for second in 1..12 {
            last = script.run("fails");
            script.run("received");
            script.run("writable");
            script.run(&format!("at {}", second * 30));
            script.run("received");
        }
        let pause_ms: u64 = last.rsplit(' ').nth(1).unwrap().parse().unwrap();
        assert!((20_000..=30_000).contains(&pause_ms), "{last}");
    }
}

#[test]
fn a_large_list_comes_in_frames_of_a_hundred_rows() {
    Script::new(config(None)).check("followed", "read top 100").check(
        "page head=900 a*250@9",
        "start full; new *100; new *100; new *50; total 0 @900; finish full next 3 false #7:900",
    );
}

#[test]
fn a_frame_has_bounded_bytes() {
    Script::new(config(None)).check("followed", "read top 100").check(
        "page head=900 a*40x16000@9",
        "start full; new *16; new *16; new *8; total 0 @900; finish full next 3 false #7:900",
    );
}

#[test]
fn a_kick_in_the_head_that_a_sync_reads_ends_the_session() {
    Script::followed("7").check("slice head=12 before=61 a@9", "kicked (kicked by the backend); close 4003");
    Script::followed("7").check("slice head=7 before=60", "start replay; total 0 @7; finish replay #7:7");
}
