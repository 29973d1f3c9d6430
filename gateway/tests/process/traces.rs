//! Is the way of a message told to a collector, from the backend's call to the connections of its recipients?

use crate::support::{
    Call, Gateway, Value, c2c, collector::Collector, group, json, keys::API_KEY, redis_server::RedisServer, until,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Two nodes that tell their spans soon, and trace of their own accord what this share says.
async fn two_nodes(store: &str, collector: &Collector, ratio: &str) -> [Gateway; 2] {
    let url = collector.url();
    let arguments = ["OTEL_BSP_SCHEDULE_DELAY=50", "--store", store, "--otlp-endpoint", &url, "--otlp-ratio", ratio];
    [Gateway::with(&arguments).await, Gateway::with(&arguments).await]
}

/// A backend's call that comes with a traceparent.
async fn post(gateway: &Gateway, method: &str, params: &Value, flags: &str) -> Value {
    let parent = format!("00-{TRACE}-{PARENT}-{flags}");
    let call = Call::post(&format!("/server/v1/{method}")).bearer(&API_KEY).header("traceparent", &parent);
    call.json(params).send(gateway.address).await.json()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_message_is_traced_from_the_backends_span_to_each_session_on_another_node_also_through_the_queue() {
    let (redis, collector) = (RedisServer::start().await, Collector::start());
    let [a, b] = two_nodes(&redis.url(), &collector, "0").await;
    let _sessions = (b.live("alice").await, b.live("alice").await);
    let members: Vec<String> = (0..150).map(|number| format!("u{number}")).chain(["alice".to_owned()]).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    for (message, count) in [(c2c("bob", "alice", 1), 1), (group("crowd", "u0", &members, 1), 2)] {
        post(&a, "sendMessage", &message, "01").await;
        until("the spans of both sessions", async || collector.spans("deliver").len() == 2 * count).await;
        until("the call's span", async || collector.spans("sendMessage").len() == count).await;
    }
    let (calls, deliveries) = (collector.spans("sendMessage"), collector.spans("deliver"));
    for call in &calls {
        assert_eq!((hex(&call.trace_id), hex(&call.parent_span_id)), (TRACE.to_owned(), PARENT.to_owned()));
        let of_call = deliveries.iter().filter(|delivery| delivery.parent_span_id == call.span_id);
        assert_eq!(of_call.count(), 2);
    }
    for delivery in &deliveries {
        assert_eq!(hex(&delivery.trace_id), TRACE);
        assert!(delivery.end_time_unix_nano >= delivery.start_time_unix_nano);
        assert!(!format!("{delivery:?}").contains("alice"), "no span names a user");
    }
}

#[tokio::test]
async fn what_the_backend_does_not_trace_is_traced_by_its_share_and_a_failure_shows() {
    let (redis, collector) = (RedisServer::start().await, Collector::start());
    let [never, _] = two_nodes(&redis.url(), &collector, "0").await;
    never.send(c2c("bob", "alice", 1)).await;
    post(&never, "sendMessage", &c2c("bob", "alice", 2), "00").await;
    let [always, _] = two_nodes(&redis.url(), &collector, "1").await;
    let refused = always.backend("sendMessage", json!({})).await.expect_err("it says nothing");
    until("the span of what was refused", async || collector.spans("sendMessage").len() == 1).await;
    let span = &collector.spans("sendMessage")[0];
    assert!(span.parent_span_id.is_empty(), "it begins a trace");
    assert_eq!(span.status.as_ref().map(|status| status.code), Some(2));
    assert!(format!("{:?}", span.attributes).contains(&refused["code"].to_string()));
}

#[tokio::test]
async fn a_node_that_goes_sends_its_last_spans_and_a_collector_that_is_away_delays_nothing() {
    let collector = Collector::start();
    let mut gateway = Gateway::with(&["--otlp-endpoint", &collector.url(), "--otlp-ratio", "1"]).await;
    gateway.send(c2c("bob", "alice", 1)).await;
    gateway.signal("INT");
    assert!(gateway.ended().await.success());
    assert_eq!(collector.spans("sendMessage").len(), 1);
    let nobody = format!("http://{}", crate::support::gateway::free_address());
    let gateway = Gateway::with(&["--otlp-endpoint", &nobody, "--otlp-ratio", "1"]).await;
    gateway.send(c2c("bob", "alice", 1)).await;
    assert_eq!(gateway.total("alice").await, 1);
}
