//! What do hints and frames cost to write and to read?

#![allow(missing_docs, reason = "criterion's macro makes public functions without any")]

use conversation_protocol::{Cursor, EventName, FacetChange, Facets, Frame, Hint, RecvOpt, RowState};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{hint::black_box, time::Duration};

/// A typical row of a group as clients see it.
const ROW: &str = concat!(
    r#"{"conversationID":"group_g1024","type":2,"groupID":"g1024","groupType":"Work","showName":"Release team","#,
    r#""faceUrl":"https://cdn.example.com/groups/g1024.png","unreadCount":3,"recvOpt":0,"lastMessage":{"msgID":"m-1024-3","#,
    r#""seq":3,"sender":"alice","nickName":"Alice","faceURL":"https://cdn.example.com/users/alice.png","isSelf":false,"#,
    r#""timestamp":1795373813,"elemType":1,"text":"The build is green again, we can ship it this afternoon.","status":2},"#,
    r#""groupAtInfoList":[],"draftText":"","draftTimestamp":0,"isPinned":false,"orderKey":1795373813000003,"markList":[],"#,
    r#""customData":"","conversationGroupList":[],"groupReadSequence":0,"version":1795373813000003}"#,
);

/// The hint of a message to a group.
fn hint() -> Hint {
    let conversation_id = "group_g1024".parse().expect("an id");
    let facets = |unread_count| Facets {
        unread_count,
        recv_opt: RecvOpt::Receive,
        marks: 0,
        has_at_info: false,
        groups: vec![],
    };
    Hint {
        epoch: 0x5ef6_c754_ce4b_4ecf,
        previous: 1_795_373_813_000_002,
        clock: 1_795_373_813_000_003,
        total_unread: 12,
        facets: vec![FacetChange { conversation_id, before: Some(facets(2)), after: Some(facets(3)) }],
        rows: vec![RowState {
            conversation_id: "group_g1024".parse().expect("an id"),
            version: 1_795_373_813_000_003,
            created: 1_795_373_813_000_001,
            json: ROW.into(),
        }],
        deleted: Vec::new(),
        groups: Vec::new(),
        truncated: false,
        kick: None,
        fork: None,
        accepted_us: None,
        trace: None,
    }
}

fn hints(criterion: &mut Criterion) {
    let hint = hint();
    let text = hint.encode();
    let mut group = criterion.benchmark_group("hint");
    group.bench_function("encode", |bencher| bencher.iter(|| black_box(&hint).encode()));
    group.bench_function("decode", |bencher| bencher.iter(|| Hint::decode(black_box(&text)).expect("a hint")));
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame");
    for count in [1, 100] {
        let rows = vec![ROW; count];
        let build = || Frame::rows(EventName::ConversationChanged, black_box(&rows));
        let frame = Frame { cursor: Some(Cursor::new(0x5ef6_c754_ce4b_4ecf, 1_795_373_813_000_003)), ..build() };
        group.throughput(Throughput::Bytes(frame.data.len() as u64));
        group.bench_function(format!("rows/{count}"), |bencher| bencher.iter(build));
        group.bench_function(format!("to_json/{count}"), |bencher| bencher.iter(|| black_box(&frame).to_json()));
    }
}

criterion_group! {
    name = wire;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = hints, frames
}
criterion_main!(wire);
