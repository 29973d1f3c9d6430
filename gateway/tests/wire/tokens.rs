//! What happens to a session whose token ends?

use crate::support::{Gateway, Session, Transport, keys};
use conversation_protocol::CloseCode;

async fn ended(mut session: Session) -> (Option<u16>, Vec<String>) {
    session.sync().await;
    let (code, events) = session.closed().await;
    (code, events.into_iter().map(|event| event.name).collect())
}

#[tokio::test]
async fn a_session_whose_token_ends_is_told_and_closed_with_4202() {
    let gateway = Gateway::start().await;
    let token = keys::token_until("alice", -3);
    let open = async |transport| gateway.opening(transport, "alice").token(&token).open().await;
    let (websocket, events) = tokio::join!(async { ended(open(Transport::WebSocket).await).await }, async {
        ended(open(Transport::Events).await).await
    });
    assert_eq!(websocket, (Some(CloseCode::TokenExpired.code()), vec!["tokenExpired".to_owned()]));
    assert_eq!(events, (None, vec!["tokenExpired".to_owned()]));
    assert_eq!(gateway.opening(Transport::Events, "alice").token(&token).refused_events().await.refusal(), (401, 6014));
}
