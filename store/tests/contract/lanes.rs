//! Does the durable queue keep what it took, in order, and is each lane one node's at a time?

use super::{book::user, hints, paths, stores::Stores};
use conversation_protocol::server::{Message, Profile};
use conversation_store::{
    Limits, Writer,
    lanes::{Backlog, Enqueued, Entry, EntryId, Lane, LaneQueue},
    rules::{Change, MessageSent},
};
use std::{sync::Arc, time::Duration};

const MINUTE_MS: u64 = 60_000;
const SOON: Duration = Duration::from_secs(10);

fn lane(number: u16) -> Lane {
    Lane::from_number(number).unwrap()
}

async fn put(queue: &dyn LaneQueue, lane: Lane, entries: &[&str]) {
    let entries: Vec<_> = entries.iter().map(|entry| (lane, (*entry).to_owned())).collect();
    for answer in queue.enqueue(&entries).await {
        assert_eq!(answer.unwrap(), Enqueued::Done);
    }
}

async fn texts(queue: &dyn LaneQueue, lane: Lane) -> Vec<String> {
    queue.lane_entries(lane, 100).await.unwrap().into_iter().map(|(_, text)| text).collect()
}

pub(super) async fn entries_wait_in_order_until_they_are_done(stores: &Stores) {
    put(&*stores.first, lane(0), &["a", "b\n\"ü", "c"]).await;
    put(&*stores.first, lane(63), &["z"]).await;
    let found = stores.second.lane_entries(lane(0), 2).await.unwrap();
    assert_eq!(found.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["a", "b\n\"ü"]);
    assert!(found[0].0 < found[1].0);
    stores.second.finish_entries(lane(0), &[found[0].0], &["dead".to_owned()]).await.unwrap();
    stores.second.finish_entries(lane(0), &[], &[]).await.unwrap();
    assert_eq!(texts(&*stores.first, lane(0)).await, ["b\n\"ü", "c"]);
    assert_eq!(texts(&*stores.first, lane(63)).await, ["z"]);
    assert!(texts(&*stores.first, lane(1)).await.is_empty());
}

pub(super) async fn what_waits_in_a_lane_is_counted_and_grows_older(stores: &Stores) {
    let lanes = [lane(3), lane(4)];
    assert_eq!(stores.first.backlogs(&lanes).await.unwrap(), [Backlog::default(); 2]);
    put(&*stores.first, lane(4), &["a", "b"]).await;
    let ages = async {
        loop {
            let backlogs = stores.second.backlogs(&lanes).await.unwrap();
            assert_eq!((backlogs[0], backlogs[1].entries), (Backlog::default(), 2));
            if backlogs[1].oldest_ms >= 30 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, ages).await.expect("the oldest grows older");
    let first = stores.first.lane_entries(lane(4), 1).await.unwrap()[0].0;
    stores.first.finish_entries(lane(4), &[first], &[]).await.unwrap();
    assert_eq!(stores.first.backlogs(&lanes).await.unwrap()[1].entries, 1);
}

pub(super) async fn ids_of_entries_rise_also_after_a_lane_was_empty(stores: &Stores) {
    let mut last = EntryId(0, 0);
    for _ in 0..20 {
        put(&*stores.first, lane(5), &["x", "y"]).await;
        let ids: Vec<_> = stores.first.lane_entries(lane(5), 10).await.unwrap().into_iter().map(|(id, _)| id).collect();
        assert!(ids.len() == 2 && last < ids[0] && ids[0] < ids[1], "{last:?} {ids:?}");
        last = ids[1];
        stores.first.finish_entries(lane(5), &ids, &[]).await.unwrap();
    }
}

pub(super) async fn a_lane_that_was_empty_wakes_whoever_listens(stores: &Stores) {
    let mut wakes = stores.second.lane_wakes().await.unwrap();
    put(&*stores.first, lane(7), &["a", "b"]).await;
    put(&*stores.first, lane(9), &["a"]).await;
    for expected in [7, 9] {
        let woken = tokio::time::timeout(SOON, wakes.next()).await.expect("a wake");
        assert_eq!(woken, Some(lane(expected)), "once for each lane that was empty");
    }
}

/// What only a queue that nodes share can show.
pub(super) async fn a_lane_is_held_by_one_node_until_its_lease_ends(stores: &Stores) {
    let lanes = [lane(1), lane(2)];
    assert_eq!(stores.first.hold_lanes("a", &lanes, MINUTE_MS).await.unwrap(), lanes);
    assert_eq!(stores.first.hold_lanes("a", &lanes, MINUTE_MS).await.unwrap(), lanes, "renewed");
    assert_eq!(stores.second.hold_lanes("b", &[lane(1), lane(3)], MINUTE_MS).await.unwrap(), [lane(3)]);
    stores.second.release_lanes("b", &lanes).await.unwrap();
    assert_eq!(stores.second.hold_lanes("b", &lanes, MINUTE_MS).await.unwrap(), [], "nobody gives up another's");
    stores.first.release_lanes("a", &[lane(1)]).await.unwrap();
    assert_eq!(stores.second.hold_lanes("b", &lanes, MINUTE_MS).await.unwrap(), [lane(1)]);
    stores.first.hold_lanes("a", &[lane(2)], 50).await.unwrap();
    let taken = async {
        while stores.second.hold_lanes("b", &[lane(2)], MINUTE_MS).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, taken).await.expect("the lease ends");
}

/// What only a queue that nodes share can show.
pub(super) async fn nodes_are_counted_while_they_live(stores: &Stores) {
    assert_eq!(stores.first.count_nodes("a", MINUTE_MS).await.unwrap(), 1);
    assert_eq!(stores.second.count_nodes("b", 50).await.unwrap(), 2);
    let gone = async {
        while stores.first.count_nodes("a", MINUTE_MS).await.unwrap() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the lease ends");
}

fn message(seq: u64) -> Arc<Change> {
    let text = format!(r#"{{"msgID": "m{seq}", "seq": {seq}, "timestamp": 1795373813, "text": "hi"}}"#);
    let message: Message = serde_json::from_str(&text).unwrap();
    let profile = Profile { show_name: None, face_url: None };
    let (conversation_id, sender) = ("group_g".parse().unwrap(), user("bob"));
    Arc::new(Change::Sent(Arc::new(MessageSent { conversation_id, group_type: None, profile, sender, message })))
}

pub(super) async fn an_entry_that_was_made_is_not_made_again(stores: &Stores) {
    let writer = Writer::new(stores.first.clone(), Limits::default());
    let delete = Arc::new(Change::Delete("group_g".parse().unwrap()));
    let queued = |entry, change: &Arc<Change>| Change::Queued { entry, change: change.clone(), trace: None };
    let history =
        [queued(EntryId(5, 0), &delete), queued(EntryId(5, 1), &message(1)), queued(EntryId(6, 0), &message(2))];
    let apply = async |changes: &[Change]| {
        let of_alice = changes.iter().map(|change| (user("alice"), change.clone()));
        let outcomes = writer.apply_all(of_alice).await;
        outcomes.into_iter().map(|outcome| outcome.unwrap().changed).collect::<Vec<_>>()
    };
    assert_eq!(apply(&history).await, [0, 1, 1]);
    assert_eq!(apply(&history).await, [0, 0, 0], "a deletion that came again would take the row");
    assert_eq!(apply(&[queued(EntryId(6, 1), &message(3))]).await, [1]);
    let entry = Entry { users: vec![user("alice")], change: message(3), trace: None };
    assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
}

pub(super) async fn a_hint_tells_when_its_oldest_change_was_accepted_and_where_it_is_traced(stores: &Stores) {
    let writer = Writer::new(stores.first.clone(), Limits::default());
    let (mut sink, mut stream) = paths::open(&*stores.second).await.unwrap();
    sink.follow(&[user("alice")]).await.unwrap();
    let queued = |entry, seq, trace: Option<&str>| {
        (user("alice"), Change::Queued { entry, change: message(seq), trace: trace.map(Arc::from) })
    };
    writer.apply_all([queued(EntryId(5, 0), 1, None), queued(EntryId(6, 0), 2, Some("of the lane"))]).await;
    let (_, of_lane) = hints::next(&mut stream).await.unwrap();
    assert_eq!(of_lane.accepted_us, Some(5_000), "since then it waited in its lane");
    assert_eq!(of_lane.trace.as_deref(), Some("of the lane"));
    writer.traced(Some("of the call".into())).apply(user("alice"), Change::clone(&message(3))).await.unwrap();
    let (_, direct) = hints::next(&mut stream).await.unwrap();
    assert_eq!(direct.trace.as_deref(), Some("of the call"));
    let accepted_us = direct.accepted_us.expect("the store's time is known");
    assert!((of_lane.clock..=direct.clock).contains(&accepted_us), "{accepted_us} of {direct:?}");
}
