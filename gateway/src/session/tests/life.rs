//! How does a session keep alive, and how does it end?

use super::script::{Script, config};
use crate::session::{Heartbeat, Session, SessionConfig};
use std::time::Duration;

#[test]
fn an_idle_session_is_small() {
    let bytes = size_of::<Session>();
    assert!(bytes <= 400, "{bytes} bytes");
}

#[test]
fn a_ping_goes_out_every_25_seconds_and_its_pong_is_awaited() {
    let mut script = Script::live_at("7");
    script.check("at 12.5", "ping").check("received", "");
    script.check_next_tick(Some(37.5));
    script.check("at 37.5", "ping").check("at 47.4", "").check("at 47.5", "close 4201").check("at 60", "");
    script.check_next_tick(None);
}

#[test]
fn first_pings_are_spread_over_half_an_interval() {
    let script = Script::new(SessionConfig { jitter: 12_499, ..config(None) });
    script.check_next_tick(Some(10.0));
    let mut script = Script::new(SessionConfig { jitter: 12_499, ..config(None) });
    script.check("followed", "read top 100").check("at 24.9", "").check("at 24.999", "ping");
}

#[test]
fn a_pong_that_waits_behind_output_is_not_missed_while_the_output_moves() {
    Script::live_at("7")
        .check("at 12.5", "ping")
        .check("at 15", "")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("at 22.5", "")
        .check("progress", "")
        .check("at 32.5", "")
        .check("writable", "")
        .check("at 42.5", "close 4201");
}

#[test]
fn a_comment_goes_out_every_15_seconds_unless_output_is_pending() {
    let mut script = Script::new(SessionConfig { heartbeat: Heartbeat::Comment, ..config(Some("7")) });
    script
        .check("followed", "read since 7:7")
        .check("at 7.5", "comment")
        .check("at 22.5", "comment")
        .check("slice head=7", "start replay; total 0 @7; finish replay #7:7")
        .check("at 37.5", "")
        .check("writable", "")
        .check("at 52.5", "comment");
}

#[test]
fn a_client_that_takes_nothing_for_30_seconds_is_closed() {
    let mut script = Script::new(SessionConfig { heartbeat: Heartbeat::Comment, ..config(None) });
    script
        .check("followed", "read top 100")
        .check("page head=7", "start full; total 0 @7; finish full next 3 false #7:7")
        .check("at 29.9", "")
        .check("progress", "")
        .check("at 59.8", "")
        .check("at 59.9", "close 4203");
}

#[test]
fn an_expired_token_ends_the_session_and_a_new_one_moves_the_end() {
    let expiring = SessionConfig { token_expires_at: Duration::from_secs(5), ..config(None) };
    Script::new(expiring.clone()).check("at 4.9", "").check("at 5", "token expired; close 4202").check("at 6", "");
    Script::new(expiring).check("refresh 70 9", "").check("at 5", "").check("at 9", "token expired; close 4202");
}

#[test]
fn a_kick_ends_the_sessions_it_means() {
    Script::live_at("7").check("hint 7>8 kick=61 a@8", "kicked (bye); close 4003").check("hint 8>9 a@9", "");
    Script::live_at("7").check("hint 7>7 kick=61 device=phone", "kicked (bye); close 4003");
    Script::live_at("7").check("hint 7>7 kick=61 device=tablet", "");
    Script::live_at("7").check("hint 7>7 kick=60", "").check("hint 7>8 a@8", "changed a@8 #7:8");
    Script::live_at("7").check("refresh 90 900", "").check("hint 7>7 kick=61", "");
    Script::live_at("7").check("refresh no 900", "").check("hint 7>7 kick=1", "kicked (bye); close 4003");
}

#[test]
fn a_kick_counts_in_every_phase() {
    Script::new(config(None)).check("hint 7>7 kick=61", "kicked (bye); close 4003");
    Script::followed("7").check("hint 7>7 epoch=8 kick=61", "kicked (bye); close 4003").check("slice head=9", "");
}

#[test]
fn a_kick_alone_is_no_change() {
    Script::live_at("7").check("hint 7>7 kick=60 total=5", "").check("hint 3>3 epoch=8 kick=60", "");
    Script::live_at("0:0").check("hint 0>0 epoch=8 kick=60", "").check("compare", "").check("compared 8:0", "");
}

#[test]
fn a_busy_session_still_says_why_it_ends() {
    let mut busy = Script::live_at("7");
    busy.check("hint 7>8 a@8", "changed a@8 #7:8").check("hint 8>9 a@9", "");
    busy.check("make room", "kicked (a newer session); close 4003").check("writable", "").check("drain 5", "");
}

#[test]
fn a_draining_node_tells_when_to_come_back() {
    Script::live_at("7").check("drain 1500", "reconnect after 1500 ms; close 4200").check("followed", "");
}

#[test]
fn a_client_that_has_everything_is_up_to_date() {
    Script::live_at("7").check("probe 7:7 head=7", "true");
    Script::live_at("7").check("hint 7>8", "").check("probe 7:7 head=8", "true");
    Script::followed("7").check("probe 7:9 head=9", "true");
}

#[test]
fn a_probe_that_is_not_up_to_date_is_followed_by_a_replay_from_there() {
    Script::live_at("7").check("probe 7:7 head=9", "false; read since 7:7");
    Script::live_at("7").check("probe 7:4 head=7", "false; read since 7:4");
    Script::live_at("7").check("probe nonsense head=7", "false; read top 100");
    Script::live_at("7").check("probe 7:7 head=6", "false; read since 7:7").check("slice head=6", "read top 100");
    Script::live_at("7")
        .check("hint 7>8 a@8", "changed a@8 #7:8")
        .check("hint 8>9 a@9", "")
        .check("probe 7:8 head=9", "false")
        .check("writable", "read since 7:8");
}

#[test]
fn a_client_at_the_cursor_of_no_data_is_up_to_date_only_if_it_was_given_nothing() {
    Script::live_at("0:0").check("probe 0:0 head=0:0", "true");
    // Found by the simulation: the frames under way had already given it rows of data that are gone.
    Script::live_at("0:0")
        .check("hint 0>5 epoch=8 a@5+5", "new a@5 #8:5")
        .check("writable", "")
        .check("probe 0:0 head=0:0", "false; read top 100");
}

#[test]
fn a_probe_before_the_first_read_came_is_answered_by_that_sync() {
    Script::followed("7")
        .check("probe 7:7 head=9", "false")
        .check("slice head=9", "start replay; total 0 @9; finish replay #7:9")
        .check("writable", "");
}

#[test]
fn a_probe_finds_a_kick() {
    Script::live_at("7").check("probe 7:7 head=7 before=61", "false; kicked (kicked by the backend); close 4003");
}
