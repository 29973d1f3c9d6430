//! What does a session cost between a hint and its client's bytes, and what do its client's bytes?

#![allow(missing_docs, reason = "criterion's macro makes public functions without any")]

mod samples;
#[path = "../../store/benches/samples/mod.rs"]
mod store_samples;

use bytes::BytesMut;
use conversation_gateway::transport::Transport;
use conversation_protocol::{Cursor, EventName, Frame};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use samples::{deliver, hear, live_before, masked_call, pieces, receive};
use std::{hint::black_box, sync::Arc, time::Duration};
use store_samples::hint;

const TRANSPORTS: [Transport; 2] = [Transport::WebSocket, Transport::Sse];

fn hints(criterion: &mut Criterion) {
    let hint = Arc::new(hint());
    let mut group = criterion.benchmark_group("session");
    group.bench_function("hint to outputs", |bencher| {
        bencher.iter_batched_ref(|| live_before(&hint), |session| hear(session, &hint), BatchSize::SmallInput);
    });
    for transport in TRANSPORTS {
        group.bench_function(format!("hint to bytes/{}", transport.name()), |bencher| {
            let deliver = |session: &mut _| deliver(session, &hint, transport);
            bencher.iter_batched_ref(|| live_before(&hint), deliver, BatchSize::SmallInput);
        });
    }
}

fn frames(criterion: &mut Criterion) {
    let hint = hint();
    let mut group = criterion.benchmark_group("encode");
    for count in [1, 100] {
        let rows = vec![&*hint.rows[0].json; count];
        let cursor = Some(Cursor::new(hint.epoch, hint.clock));
        let frame = Frame { cursor, ..Frame::rows(EventName::ConversationChanged, &rows) };
        group.throughput(Throughput::Bytes(frame.data.len() as u64));
        for transport in TRANSPORTS {
            group.bench_function(format!("{}/{count}", transport.name()), |bencher| {
                bencher.iter(|| {
                    let mut bytes = BytesMut::new();
                    transport.encode_frame(black_box(&frame), &mut bytes);
                    bytes
                });
            });
        }
    }
}

fn calls(criterion: &mut Criterion) {
    let frame = masked_call();
    let mut group = criterion.benchmark_group("read");
    for (name, bytes) in [("in one piece", frame.len()), ("byte by byte", 1)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| pieces(&frame, bytes), receive, BatchSize::SmallInput);
        });
    }
}

criterion_group! {
    name = delivery;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = hints, frames, calls
}
criterion_main!(delivery);
