//! Does any method, of any kind of key, reach what is another user's? Every method of the catalogue has its row here.

use crate::support::{
    BOTH, Call, Gateway, Session, Transport, Value, c2c, group, json,
    keys::{self, API_KEY},
};
use conversation_protocol::{CloseCode, method::CLIENT_METHODS, server::SERVER_METHODS};

/// What stands in bob's rows alone.
const SECRET_OF_BOB: &str = "nobody-but-bob";
/// A folder of bob's.
const FOLDER_OF_BOB: &str = "folder";
/// Methods that need a session.
const WEBSOCKET_ALONE: [&str; 4] =
    ["ping", "refreshToken", "subscribeUnreadMessageCountByFilter", "unsubscribeUnreadMessageCountByFilter"];

/// Alice with a row of her own, bob with one and a folder, and a group that both are in.
async fn two_users() -> Gateway {
    let gateway = Gateway::with(&["--call-units-per-second", "100000", "--connects-per-user", "1000"]).await;
    gateway.send(c2c("carol", "alice", 1)).await;
    let mut message = c2c("dora", "bob", 1);
    message["message"]["text"] = json!(SECRET_OF_BOB);
    gateway.send(message).await;
    gateway.send(group("common", "carol", &["alice", "bob"], 1)).await;
    let of_bob = [
        ("setConversationDraft", json!({"conversationID": "group_common", "draftText": SECRET_OF_BOB})),
        ("setConversationCustomData", json!({"conversationIDList": ["group_common"], "customData": SECRET_OF_BOB})),
        ("markConversation", json!({"conversationIDList": ["group_common"], "markType": 1, "enableMark": true})),
        (
            "createConversationGroup",
            json!({"groupName": FOLDER_OF_BOB, "conversationIDList": ["c2c_dora", "group_common"]}),
        ),
    ];
    for (method, params) in of_bob {
        gateway.call("bob", method, params).await.unwrap();
    }
    gateway
}

/// Calls of a method that aim at what bob has, besides `cursor`, where he stands.
fn aimed(method: &str, cursor: &str) -> Vec<Value> {
    let (both, list) = (["c2c_dora", "group_common"], json!(["c2c_dora", "group_common"]));
    let each = |more: Value| {
        let with = |id: &&str| {
            let mut params = more.clone();
            params["conversationID"] = json!(id);
            params
        };
        both.iter().map(with).collect()
    };
    let filters = [json!({"conversationGroup": FOLDER_OF_BOB}), json!({"markType": 1}), json!({})];
    let group = |more: Value| {
        let mut params = more;
        params["groupName"] = json!(FOLDER_OF_BOB);
        vec![params]
    };
    match method {
        "getConversationList" => vec![json!({"nextSeq": 0, "count": 1_000})],
        "getConversationListByFilter" => {
            filters.map(|filter| json!({"filter": filter, "nextSeq": 0, "count": 1_000})).to_vec()
        }
        "getUnreadMessageCountByFilter"
        | "subscribeUnreadMessageCountByFilter"
        | "unsubscribeUnreadMessageCountByFilter" => filters.map(|filter| json!({ "filter": filter })).to_vec(),
        "getConversation" | "deleteConversation" | "clearHistoryMessage" => each(json!({})),
        "getConversations" | "deleteConversationList" => vec![json!({ "conversationIDList": list })],
        "pinConversation" => each(json!({"isPinned": true})),
        "setConversationDraft" => each(json!({"draftText": "of alice"})),
        "setReceiveMessageOpt" => vec![json!({"conversationIDList": list, "recvOpt": 2})],
        "markConversation" => vec![json!({"conversationIDList": list, "markType": 2, "enableMark": true})],
        "setConversationCustomData" => vec![json!({"conversationIDList": list, "customData": "of alice"})],
        "cleanConversationUnreadMessageCount" => {
            vec![json!({"conversationID": "c2c_dora"}), json!({"conversationID": ""})]
        }
        "createConversationGroup" | "addConversationsToGroup" | "deleteConversationsFromGroup" => {
            group(json!({ "conversationIDList": list }))
        }
        "deleteConversationGroup" => group(json!({})),
        "renameConversationGroup" => vec![json!({"oldName": FOLDER_OF_BOB, "newName": "of alice"})],
        "getTotalUnreadMessageCount" | "getConversationGroupList" | "ping" => vec![json!({})],
        "probe" => vec![json!({ "cursor": cursor })],
        "refreshToken" => vec![json!({"token": keys::token("bob")})],
        unknown => panic!("{unknown} has no row in this table: what of bob's could it reach?"),
    }
}

/// All that the gateway keeps for bob.
async fn of_bob(gateway: &Gateway) -> Value {
    gateway.post("exportUser", json!({"userID": "bob"})).await
}

async fn cursor_of_bob(gateway: &Gateway) -> String {
    gateway.open(Transport::WebSocket, "bob").await.sync().await.cursor
}

/// The answers of alice to a call, over each way that the method has.
async fn answers(gateway: &Gateway, session: &mut Session, method: &str, params: &Value) -> Vec<Result<Value, Value>> {
    let mut answers = vec![session.call(method, params.clone()).await];
    if !WEBSOCKET_ALONE.contains(&method) {
        answers.push(gateway.call("alice", method, params.clone()).await);
    }
    answers
}

#[tokio::test]
async fn no_method_reaches_what_another_user_has() {
    let gateway = two_users().await;
    let (before, cursor) = (of_bob(&gateway).await, cursor_of_bob(&gateway).await);
    let mut bob = gateway.live("bob").await;
    for method in CLIENT_METHODS {
        let mut session = gateway.live("alice").await;
        for params in aimed(method, &cursor) {
            for answer in answers(&gateway, &mut session, method, &params).await {
                let text = answer.as_ref().unwrap_or_else(|error| error).to_string();
                assert!(!text.contains(SECRET_OF_BOB), "{method}: {text}");
                assert!(!text.contains("dora") || params.to_string().contains("dora"), "{method}: {text}");
                assert!(method != "refreshToken" || answer.is_err_and(|error| error["code"] == 6014));
            }
        }
        assert_eq!(of_bob(&gateway).await, before, "{method} changed what is bob's");
    }
    bob.expect_silence_until_marker(&gateway).await;
    assert!(!json!(gateway.list("alice").await).to_string().contains(SECRET_OF_BOB));
}

#[tokio::test]
async fn no_method_takes_another_users_name() {
    let gateway = two_users().await;
    let (before, cursor) = (of_bob(&gateway).await, cursor_of_bob(&gateway).await);
    let mut session = gateway.live("alice").await;
    let of_alice = gateway.list("alice").await;
    for method in CLIENT_METHODS {
        for mut params in aimed(method, &cursor) {
            for field in ["userID", "userId", "user", "sub", "recipients", "device"] {
                params[field] = json!("bob");
                for answer in answers(&gateway, &mut session, method, &params).await {
                    let error = answer.expect_err(method);
                    let message = error["message"].as_str().unwrap();
                    assert!(error["code"] == 6017 && message.contains("unknown field"), "{method}: {error}");
                }
                params.as_object_mut().unwrap().remove(field);
            }
        }
    }
    assert_eq!((of_bob(&gateway).await, gateway.list("alice").await), (before, of_alice));
}

#[tokio::test]
async fn nothing_in_the_url_or_the_headers_opens_another_users_list() {
    let gateway = two_users().await;
    let own = ["group_common", "c2c_carol"];
    let cursor = cursor_of_bob(&gateway).await;
    for transport in BOTH {
        let mut bob = gateway.opening(transport, "bob").device("phone").open().await;
        bob.sync().await;
        let token = keys::sign(&later("alice"));
        let mut opening = gateway.opening(transport, "alice").token(&token).device("phone").since(&cursor);
        for name in ["user", "userID", "sub", "uid"] {
            opening = opening.query(name, "bob");
        }
        for name in ["x-user", "x-user-id", "x-forwarded-user", "x-remote-user", "cookie", "last-event-id"] {
            opening = opening.header(name, if name == "last-event-id" { &cursor } else { "bob" });
        }
        let filter = json!({"conversationGroup": FOLDER_OF_BOB}).to_string();
        let mut alice = opening.query("filter", &filter).open().await;
        let sync = alice.sync().await;
        assert_eq!((sync.mode.as_str(), sync.created()), ("full", own.map(str::to_owned).to_vec()), "{transport:?}");
        let text = json!(sync.events.iter().map(|event| &event.data).collect::<Vec<_>>()).to_string();
        assert!(!text.contains(SECRET_OF_BOB), "{text}");
        // The device of the same name is another user's.
        let kicked = gateway.post("kickUser", json!({"userID": "alice", "device": "phone"})).await;
        assert_eq!(kicked["kicked"], 1);
        bob.expect_silence_until_marker(&gateway).await;
    }
    let mut session = gateway.opening(Transport::WebSocket, "alice").anonymous().open().await;
    session.done("authenticate", json!({"token": keys::sign(&later("alice")), "since": cursor})).await;
    assert_eq!(session.sync().await.created(), own);
}

/// Claims of a token that outlives a kick of this second.
fn later(user: &str) -> Value {
    json!({"sub": user, "iat": keys::now_s() + 1, "exp": keys::now_s() + 3_600})
}

#[tokio::test]
async fn a_clients_token_is_no_key_of_a_backend_and_a_backends_key_no_token() {
    let gateway = two_users().await;
    let before = of_bob(&gateway).await;
    let params = json!({"userID": "bob", "recipients": ["bob"], "conversationID": "c2c_dora"});
    for method in SERVER_METHODS.into_iter().chain(["nonsense"]) {
        let call = || Call::post(&format!("/server/v1/{method}")).json(&params);
        let token = keys::token("bob");
        let query = Call::post(&format!("/server/v1/{method}?token={}&key={}", *API_KEY, *API_KEY)).json(&params);
        let short = &API_KEY[..API_KEY.len() - 1];
        let keys = [token.as_str(), "", short, &format!("{}x", *API_KEY), &API_KEY.to_uppercase(), "dev", "*"];
        let calls = keys.map(|key| call().bearer(key)).into_iter().chain([
            call(),
            query,
            call().header("authorization", &API_KEY),
            call().header("authorization", &format!("Basic {}", *API_KEY)),
            call().header("x-api-key", &API_KEY),
        ]);
        for call in calls {
            assert_eq!(call.clone().send(gateway.address).await.refusal(), (401, 6014), "{method}: {call:?}");
        }
    }
    for method in CLIENT_METHODS.into_iter().chain(["nonsense"]) {
        for path in [format!("/v1/{method}"), format!("/v1/{method}?user=bob&token={}", *API_KEY)] {
            let call = Call::post(&path).json(&params);
            let calls = if path.contains("token=") { vec![call] } else { vec![call.clone(), call.bearer(&API_KEY)] };
            for call in calls {
                assert_eq!(call.send(gateway.address).await.refusal(), (401, 6014), "{path}");
            }
        }
    }
    let opening = |transport| gateway.opening(transport, "bob").token(&API_KEY);
    assert_eq!(opening(Transport::Events).refused_events().await.refusal(), (401, 6014));
    opening(Transport::WebSocket).refused_websocket(CloseCode::Unauthenticated).await;
    assert_eq!(of_bob(&gateway).await, before);
}
