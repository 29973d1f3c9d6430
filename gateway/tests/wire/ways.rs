//! In which ways does a token come in, and what comes of it?

use crate::support::{Call, Gateway, Session, Transport, json, soon};
use conversation_protocol::{CloseCode, limits::cut};

/// How a token comes in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    WebSocketHeader,
    WebSocketQuery,
    Authenticate,
    EventsHeader,
    EventsQuery,
    CallHeader,
    CallQuery,
}

const WAYS: [Way; 7] = [
    Way::WebSocketHeader,
    Way::WebSocketQuery,
    Way::Authenticate,
    Way::EventsHeader,
    Way::EventsQuery,
    Way::CallHeader,
    Way::CallQuery,
];

/// Bytes of a close's reason, which the others are cut to for the comparison.
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// What a session comes to: `None` if it syncs, else why it was closed with 4001.
async fn of_websocket(mut session: Session) -> Option<String> {
    match soon("the first word", session.first_or_close()).await {
        None => None,
        Some((code, reason)) => {
            assert_eq!(code, CloseCode::Unauthenticated.code(), "{reason}");
            Some(reason)
        }
    }
}

/// What a token comes to over one way: `None` if it opens alice's list, else the reason of the refusal.
pub(super) async fn refusal(gateway: &Gateway, way: Way, token: &str) -> Option<String> {
    let (websocket, events) = (Transport::WebSocket, Transport::Events);
    let opening = |transport| gateway.opening(transport, "alice").anonymous();
    let answer = match way {
        Way::WebSocketHeader => return of_websocket(opening(websocket).token(token).open().await).await,
        Way::WebSocketQuery => return of_websocket(opening(websocket).query("token", token).open().await).await,
        Way::Authenticate => {
            let mut session = opening(websocket).open().await;
            session.ask("authenticate", json!({ "token": token })).await;
            return of_websocket(session).await;
        }
        Way::EventsHeader => opening(events).token(token).events_or_answer().await?,
        Way::EventsQuery => opening(events).query("token", token).events_or_answer().await?,
        Way::CallHeader => Call::post("/v1/getTotalUnreadMessageCount").bearer(token).send(gateway.address).await,
        Way::CallQuery => {
            let path = format!("/v1/getTotalUnreadMessageCount?token={token}");
            Call::post(&path).send(gateway.address).await
        }
    };
    if answer.status == 200 {
        return None;
    }
    assert_eq!(answer.refusal(), (401, 6014), "{way:?}");
    Some(cut(answer.json()["error"]["message"].as_str().expect("a message"), CLOSE_REASON_BYTES_MAX).to_owned())
}

/// What a token comes to over every way alike.
pub(super) async fn everywhere(gateway: &Gateway, name: &str, token: &str) -> Option<String> {
    let mut outcomes = Vec::new();
    for way in WAYS {
        let outcome = refusal(gateway, way, token).await;
        let is_shown = outcome.as_ref().is_some_and(|reason| token.len() > 8 && reason.contains(token));
        assert!(!is_shown, "{name}: an error never shows the token");
        outcomes.push(outcome);
    }
    let first = outcomes[0].clone();
    assert!(outcomes.iter().all(|outcome| *outcome == first), "{name}: {outcomes:?}");
    first
}
