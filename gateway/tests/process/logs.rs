//! What does an operator read in the log of connections and calls?

use crate::support::{
    Call, Gateway, Transport, Value, json,
    keys::{self, API_KEY},
    redis_server::RedisServer,
    until,
};

/// The lines of a log of JSON with this message.
fn lines(gateway: &Gateway, message: &str) -> Vec<Value> {
    let log = gateway.log();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    lines.filter(|line| line["message"] == message).collect()
}

fn refusals(gateway: &Gateway) -> Vec<Value> {
    lines(gateway, "a connection is refused")
}

#[tokio::test]
async fn a_refused_connection_has_its_line_and_a_flood_of_them_does_not_fill_the_log() {
    let gateway = Gateway::with(&["--log-format", "json"]).await;
    let opening = gateway.opening(Transport::WebSocket, "alice").anonymous().query("token", "nonsense");
    assert_eq!(opening.open().await.first().await, Some(4001));
    let refuse =
        async || assert_eq!(Call::get("/v1/events").bearer("nonsense").send(gateway.address).await.status, 401);
    refuse().await;
    let [websocket, sse] = &refusals(&gateway)[..] else { panic!("{}", gateway.log()) };
    assert_eq!((&websocket["transport"], &sse["transport"]), (&json!("websocket"), &json!("sse")));
    assert_eq!((&websocket["reason"], &sse["reason"]), (&json!("unauthenticated"), &json!("NotAuthenticated")));
    assert_eq!((&sse["address"], &sse["left_out"]), (&json!("127.0.0.1"), &json!(0)));

    let mut count = 2;
    let left_out = || refusals(&gateway).iter().map(|line| line["left_out"].as_u64().expect("a number")).sum::<u64>();
    until("some are left out", async || {
        refuse().await;
        count += 1;
        left_out() > 0
    })
    .await;
    assert_eq!(refusals(&gateway).len() as u64 + left_out(), count, "the last line counts all that were left out");
}

#[tokio::test]
async fn a_call_has_the_id_of_its_request_in_its_answer_and_in_the_log() {
    let mut redis = RedisServer::start().await;
    let gateway = Gateway::with(&["--store", &redis.url(), "--log", "debug", "--log-format", "json"]).await;
    let calls = || {
        [
            Call::post("/v1/getTotalUnreadMessageCount").bearer(&keys::token("alice")).body("{}"),
            Call::post("/server/v1/getTotalUnreadMessageCount").bearer(&API_KEY).json(&json!({"userID": "alice"})),
        ]
    };
    let too_long = "x".repeat(65);
    for wrong in ["", "two words", "semi;colon", "quote\"", &too_long] {
        for call in calls() {
            let answer = call.header("x-request-id", wrong).send(gateway.address).await;
            let made = answer.header("x-request-id").expect("an id");
            assert!(made.len() == 16 && made != wrong, "{made}");
        }
    }
    redis.stop();
    for (call, id) in calls().into_iter().zip(["a.client-1", "A_backend"]) {
        let answer = call.header("x-request-id", id).send(gateway.address).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (503, Some(id)));
        let lines = lines(&gateway, "the store does not answer");
        assert!(lines.iter().any(|line| line["span"]["request_id"] == id), "{}", gateway.log());
    }
}
