//! Who is out after a kick, and who may come back?

use crate::support::{BOTH, Call, Gateway, Transport, json, keys, keys::now_s, until};
use conversation_protocol::CloseCode;

const KICKED: Option<u16> = Some(CloseCode::KickedOffline.code());

/// A token issued so many seconds from now, good for an hour.
fn token_issued(user: &str, in_s: i64) -> String {
    let iat = now_s().checked_add_signed(in_s).expect("a time after 1970");
    keys::sign(&json!({"sub": user, "iat": iat, "exp": now_s() + 3_600}))
}

/// Waits until a kick can find so many sessions of alice: they are written down behind their backs.
async fn leased(gateway: &Gateway, sessions: usize) {
    until("the leases of the sessions", async || {
        let listed = gateway.post("getUserSessions", json!({"userID": "alice"})).await;
        listed["sessionList"].as_array().is_some_and(|list| list.len() == sessions)
    })
    .await;
}

#[tokio::test]
async fn a_kick_ends_every_session_of_the_user_with_its_reason_and_no_session_of_others() {
    let gateway = Gateway::start().await;
    let mut sessions = Vec::new();
    for transport in BOTH {
        let mut session = gateway.opening(transport, "alice").device(&format!("{transport:?}")).open().await;
        session.sync().await;
        sessions.push((transport, session));
    }
    let mut bystander = gateway.live("bob").await;
    leased(&gateway, 2).await;
    let result = gateway.post("kickUser", json!({"userID": "alice", "reason": "signed in elsewhere"})).await;
    assert_eq!(result, json!({"kicked": 2, "unconfirmed": 0}));
    for (transport, session) in &mut sessions {
        let (code, events) = session.closed().await;
        assert_eq!(code, if *transport == Transport::WebSocket { KICKED } else { None });
        assert_eq!((events.len(), events[0].name.as_str()), (1, "kickedOffline"));
        assert_eq!(events[0].data, json!({"reason": "signed in elsewhere"}));
    }
    bystander.expect_silence_until_marker(&gateway).await;
    let again = gateway.post("kickUser", json!({"userID": "alice"})).await;
    assert_eq!(again, json!({"kicked": 0, "unconfirmed": 0}));
}

#[tokio::test]
async fn a_kick_of_one_device_leaves_the_others() {
    let gateway = Gateway::start().await;
    let mut phone = gateway.opening(Transport::WebSocket, "alice").device("phone").open().await;
    let mut tablet = gateway.opening(Transport::WebSocket, "alice").device("tablet").open().await;
    let mut nameless = gateway.live("alice").await;
    phone.sync().await;
    tablet.sync().await;
    leased(&gateway, 3).await;
    let result = gateway.post("kickUser", json!({"userID": "alice", "device": "phone", "reason": "lost"})).await;
    assert_eq!(result, json!({"kicked": 1, "unconfirmed": 0}));
    assert_eq!(phone.closed().await.0, KICKED);
    tablet.expect_silence_until_marker(&gateway).await;
    nameless.expect_silence_until_marker(&gateway).await;
    let old = gateway.opening(Transport::Events, "alice").token(&token_issued("alice", -10)).device("phone");
    assert_eq!(old.refused_events().await.status, 204);
    let other = gateway.opening(Transport::Events, "alice").token(&token_issued("alice", -10)).device("tablet");
    other.open().await.sync().await;
}

#[tokio::test]
async fn after_a_kick_older_tokens_are_refused_everywhere_and_a_later_one_works() {
    let gateway = Gateway::start().await;
    gateway.post("kickUser", json!({"userID": "alice", "reason": "stolen"})).await;
    let nameless = keys::sign(&json!({"sub": "alice", "exp": now_s() + 3_600}));
    for old in [token_issued("alice", -10), nameless] {
        let mut session = gateway.opening(Transport::WebSocket, "alice").token(&old).open().await;
        let (code, events) = session.closed().await;
        assert_eq!((code, events.len(), events[0].name.as_str()), (KICKED, 1, "kickedOffline"), "no list, no sync");
        let answer = gateway.opening(Transport::Events, "alice").token(&old).refused_events().await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "which stops an EventSource");
        let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&old).json(&json!({}));
        assert_eq!(call.send(gateway.address).await.refusal(), (401, 6014));
        let mut other = gateway.opening(Transport::WebSocket, "alice").token(&token_issued("alice", 1)).open().await;
        other.sync().await;
        assert_eq!(other.call("refreshToken", json!({"token": old})).await.unwrap_err()["code"], 6014);
    }
    let new = token_issued("alice", 1);
    for transport in BOTH {
        gateway.opening(transport, "alice").token(&new).open().await.sync().await;
    }
    let call = Call::post("/v1/getTotalUnreadMessageCount").bearer(&new).json(&json!({}));
    assert_eq!(call.send(gateway.address).await.status, 200);
}

#[tokio::test]
async fn a_session_is_kicked_though_the_clock_of_who_signed_its_token_is_ahead() {
    let gateway = Gateway::start().await;
    for transport in BOTH {
        let mut session = gateway.opening(transport, "alice").token(&token_issued("alice", 3)).open().await;
        session.sync().await;
        leased(&gateway, 1).await;
        assert_eq!(gateway.post("kickUser", json!({"userID": "alice"})).await, json!({"kicked": 1, "unconfirmed": 0}));
        assert_eq!(session.closed().await.1[0].name, "kickedOffline");
    }
}

#[tokio::test]
async fn nothing_reaches_a_session_after_its_kick_was_answered() {
    let gateway = Gateway::start().await;
    let mut session = gateway.live("alice").await;
    gateway.post("kickUser", json!({"userID": "alice", "reason": "x"})).await;
    gateway.send(crate::support::c2c("bob", "alice", 1)).await;
    let (code, events) = session.closed().await;
    assert_eq!((code, events.len()), (KICKED, 1), "{events:?}");
}

#[tokio::test]
async fn the_seventeenth_session_of_a_user_ends_the_oldest() {
    let gateway = Gateway::start().await;
    let mut sessions = Vec::new();
    for n in 0..17 {
        let mut session = gateway.open(BOTH[n % 2], "alice").await;
        session.sync().await;
        sessions.push(session);
    }
    let (code, events) = sessions.remove(0).closed().await;
    assert_eq!((code, events[0].name.as_str()), (KICKED, "kickedOffline"));
    gateway.send(crate::support::c2c("bob", "alice", 1)).await;
    for session in &mut sessions {
        session.expect("newConversation").await;
    }
    assert_eq!(sessions[0].expect("totalUnreadMessageCountChanged").await.data["totalUnreadCount"], 1);
}
