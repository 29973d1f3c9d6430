//! What does a step of the rules cost, and what the values that it reads and writes?

#![allow(missing_docs, reason = "criterion's macro makes public functions without any")]

mod samples;

use conversation_store::record::{Lines, StoredHead, read_facets, read_row};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use samples::{GROUP, Held, c2c_message, decide, decide_on, group_message, pin, read, remembered};
use std::{hint::black_box, time::Duration};

fn steps(criterion: &mut Criterion) {
    let held = Held::typical();
    let mut group = criterion.benchmark_group("step");
    let changes = [
        ("group message", group_message(GROUP, 4)),
        ("C2C message", c2c_message(4)),
        ("read", read(2)),
        ("pin", pin()),
    ];
    for (name, change) in changes {
        let (loaded, changes) = (held.found(&change), [change]);
        group.bench_function(name, |bencher| bencher.iter(|| decide(black_box(&loaded), black_box(&changes))));
    }
    let first = [group_message(GROUP, 1)];
    let nothing = Held::default().found(&first[0]);
    group.bench_function("first group message", |bencher| {
        bencher.iter(|| decide(black_box(&nothing), black_box(&first)));
    });
    let next = [group_message(GROUP, 5)];
    group.bench_function("group message, remembered", |bencher| {
        bencher.iter_batched(remembered, |remembered| decide_on(remembered, black_box(&next)), BatchSize::SmallInput);
    });
}

fn records(criterion: &mut Criterion) {
    let held = Held::typical();
    let (head_text, row_text) = (held.head(), held.group_row());
    let (id, head) = (GROUP.parse().expect("an id"), StoredHead::decode(head_text).expect("a head"));
    let lines = Lines::read(row_text).expect("a row");
    let mut group = criterion.benchmark_group("record");
    group.bench_function("head encode", |bencher| bencher.iter(|| black_box(&head).encode()));
    group.bench_function("head decode", |bencher| bencher.iter(|| StoredHead::decode(black_box(head_text))));
    group.bench_function("row write", |bencher| bencher.iter(|| black_box(&lines).write()));
    group.bench_function("row split", |bencher| bencher.iter(|| Lines::read(black_box(row_text)).is_ok()));
    group.bench_function("row to send", |bencher| bencher.iter(|| read_row(&id, black_box(row_text))));
    group.bench_function("row facets", |bencher| bencher.iter(|| read_facets(black_box(row_text))));
}

criterion_group! {
    name = rules;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = steps, records
}
criterion_main!(rules);
