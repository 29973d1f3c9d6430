//! How does a node go away?

use crate::support::{BOTH, Gateway, Session, c2c, until};
use conversation_protocol::CloseCode;

async fn sessions(gateway: &Gateway) -> Vec<Session> {
    let mut sessions = Vec::new();
    for n in 0..6 {
        let mut session = gateway.open(BOTH[n % 2], "alice").await;
        session.sync().await;
        sessions.push(session);
    }
    sessions
}

#[tokio::test]
async fn a_node_that_is_told_to_end_is_not_ready_first_then_sends_every_session_away_then_ends_well() {
    let mut gateway = Gateway::with(&["--drain-delay-ms", "700", "--drain-spread-ms", "300"]).await;
    let mut sessions = sessions(&gateway).await;
    gateway.signal("TERM");
    until("not ready", async || gateway.get("/readyz").await.status == 503).await;
    assert!(gateway.get("/readyz").await.text().contains("draining"));
    assert_eq!(gateway.get("/healthz").await.status, 200);
    gateway.send(c2c("bob", "alice", 1)).await;
    for (n, session) in sessions.iter_mut().enumerate() {
        session.expect("newConversation").await;
        let (code, mut events) = session.closed().await;
        assert_eq!(code, (n % 2 == 0).then_some(CloseCode::Draining.code()));
        let last = events.pop().expect("a last event");
        assert_eq!(last.name, "reconnect");
        assert!(last.data["afterMs"].as_u64() <= Some(60_000), "{last:?}");
        if n % 2 == 1 {
            assert_eq!(session.events().retry_ms, last.data["afterMs"].as_u64(), "an EventSource is told too");
        }
    }
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let mut gateway = Gateway::with(&["--drain-delay-ms", "60000", "--drain-spread-ms", "60000"]).await;
    let mut session = gateway.live("alice").await;
    gateway.signal("TERM");
    until("not ready", async || gateway.get("/readyz").await.status == 503).await;
    gateway.signal("TERM");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), gateway.ended()).await;
    assert!(ended.expect("at once").success());
    assert_eq!(session.closed().await.0, None);
}

#[tokio::test]
async fn an_interrupt_at_a_terminal_waits_for_no_balancer() {
    let mut gateway = Gateway::with(&["--drain-delay-ms", "60000", "--drain-spread-ms", "60000"]).await;
    let mut session = gateway.live("alice").await;
    gateway.signal("INT");
    let (code, events) = session.closed().await;
    assert_eq!((code, events[0].name.as_str()), (Some(CloseCode::Draining.code()), "reconnect"));
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn who_comes_while_sessions_are_being_closed_is_sent_away_too() {
    let mut gateway = Gateway::with(&["--drain-delay-ms", "0", "--drain-spread-ms", "1500"]).await;
    let mut sessions = sessions(&gateway).await;
    gateway.signal("TERM");
    assert_eq!(sessions[0].closed().await.0, Some(CloseCode::Draining.code()));
    let (code, events) = gateway.open(BOTH[0], "alice").await.closed().await;
    assert_eq!(code, Some(CloseCode::Draining.code()));
    assert_eq!(events.last().expect("a last event").name, "reconnect");
    assert!(gateway.ended().await.success());
}
