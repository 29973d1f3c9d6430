//! docs/DOMAIN.md, 2 and PROTOCOL.md, 6: what a session does for itself.

use super::lists::{NEW, TOTAL, devices, flush, refused, three_rows};
use crate::support::{BOTH, Call, Gateway, Transport, c2c, json, keys};

scenario!(domain_2_ping_is_answered_on_a_websocket_and_only_there, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    assert_eq!(devices.done("ping", json!({})).await, json!({}));
    devices.silence(gateway).await;
    refused(devices.call("ping", json!({"more": 1})).await, 6017, "more");
    let call = Call::post("/v1/ping").bearer(&keys::token("alice")).send(gateway.address).await;
    assert_eq!(call.refusal(), (404, 6017));
    assert!(call.text().contains("ping is for WebSocket sessions only"));
});

scenario!(domain_2_probe_with_the_newest_cursor_is_up_to_date_and_sends_nothing, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    let newest = json!({"cursor": devices.websocket.list.cursor});
    assert_eq!(devices.done("probe", newest.clone()).await, json!({"upToDate": true}));
    devices.silence(gateway).await;
    let over_http = gateway.call("alice", "probe", newest).await.unwrap();
    assert_eq!(over_http, json!({"upToDate": false}), "the marker came after it");
    let of_events = json!({"cursor": devices.events.list.cursor});
    assert_eq!(gateway.call("alice", "probe", of_events).await.unwrap(), json!({"upToDate": true}));
});

scenario!(domain_2_probe_with_an_older_cursor_is_followed_by_a_sync_of_what_is_missing, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let mut device = gateway.live("alice").await;
    let old = device.list.cursor.clone();
    gateway.send(c2c("dora", "alice", 1)).await;
    flush(&mut device, &[NEW, TOTAL]).await;
    // As if the client had lost what it was told since.
    device.list = crate::support::list::List::default();
    assert_eq!(device.done("probe", json!({"cursor": old})).await, json!({"upToDate": false}));
    let sync = device.sync().await;
    assert_eq!((sync.mode.as_str(), sync.created()), ("replay", vec!["c2c_dora".to_owned()]));
    device.list = crate::support::list::List::default();
    assert_eq!(device.done("probe", json!({"cursor": "garbage"})).await, json!({"upToDate": false}));
    assert_eq!(device.sync().await.mode, "full");
    refused(device.call("probe", json!({})).await, 6017, "cursor");
});

scenario!(domain_2_refresh_token_keeps_the_session_past_the_end_of_the_old_token, async |gateway: &Gateway| {
    three_rows(gateway).await;
    let token = keys::token_until("alice", -3);
    let [mut refreshed, mut other] = [
        gateway.opening(BOTH[0], "alice").token(&token).open().await,
        gateway.opening(BOTH[1], "alice").token(&token).open().await,
    ];
    refreshed.sync().await;
    other.sync().await;
    assert_eq!(refreshed.done("refreshToken", json!({"token": keys::token("alice")})).await, json!({}));
    let (_, last) = other.closed().await;
    assert_eq!(last[0].name, "tokenExpired", "the old token has ended");
    refreshed.expect_silence_until_marker(gateway).await;
});

scenario!(domain_2_refresh_token_takes_only_a_good_token_of_the_same_user, async |gateway: &Gateway| {
    let mut devices = devices(gateway).await;
    for (token, says) in [
        (keys::token("bob"), "expected a token of the same user"),
        (keys::token_until("alice", -7), "token"),
        ("garbage".to_owned(), "token"),
    ] {
        let answer = devices.call("refreshToken", json!({"token": token})).await;
        refused(answer, 6014, says);
    }
    refused(devices.call("refreshToken", json!({})).await, 6017, "token");
    devices.silence(gateway).await;
    let over_http = gateway.call("alice", "refreshToken", json!({"token": keys::token("alice")})).await;
    refused(over_http, 6017, "refreshToken is for WebSocket sessions only");
});

scenario!(domain_2_refresh_token_from_before_a_kick_is_6014, async |gateway: &Gateway| {
    three_rows(gateway).await;
    gateway.post("kickUser", json!({"userID": "alice"})).await;
    let issued = |in_s: i64| {
        let iat = keys::now_s().checked_add_signed(in_s).expect("a time after 1970");
        keys::sign(&json!({"sub": "alice", "iat": iat, "exp": keys::now_s() + 3_600}))
    };
    let mut device = gateway.opening(Transport::WebSocket, "alice").token(&issued(1)).open().await;
    device.sync().await;
    let answer = device.call("refreshToken", json!({"token": issued(-10)})).await;
    refused(answer, 6014, "expected a token issued after the kick");
    assert_eq!(device.done("refreshToken", json!({"token": issued(1)})).await, json!({}));
});
