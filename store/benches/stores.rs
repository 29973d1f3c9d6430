//! What does a change cost through the writer, down to the store's commit?

#![allow(missing_docs, reason = "criterion's macro makes public functions without any")]

#[path = "../tests/contract/redis_cluster.rs"]
#[allow(dead_code, reason = "the tests use what is left")]
mod redis_cluster;
#[path = "../tests/contract/redis_server.rs"]
#[allow(dead_code, reason = "a benchmark never ends, pauses or restarts its server")]
mod redis_server;
mod samples;
#[path = "../tests/contract/stores.rs"]
#[allow(dead_code, reason = "one connection is enough here")]
mod stores;

use conversation_protocol::UserId;
use conversation_store::{Limits, Store, Writer, rules::Change};
use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group, criterion_main};
use samples::{GROUP, group_message, user};
use std::{cell::Cell, sync::Arc, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// A store whose users get message after message.
struct Busy<'a> {
    runtime: &'a Runtime,
    store: Arc<dyn Store>,
    seq: Cell<u64>,
}

impl<'a> Busy<'a> {
    fn new(runtime: &'a Runtime, store: Arc<dyn Store>) -> Self {
        Self { runtime, store, seq: Cell::new(0) }
    }

    /// A writer that remembers nobody yet.
    fn writer(&self) -> Writer {
        Writer::new(self.store.clone(), Limits::default())
    }

    /// The next message, to some users of a group.
    fn next(&self, group: &str, users: &[UserId]) -> Vec<(UserId, Change)> {
        self.seq.set(self.seq.get() + 1);
        let change = group_message(group, self.seq.get());
        users.iter().map(|user| (user.clone(), change.clone())).collect()
    }

    /// Messages to some users of a group, each through the writer that is given for it.
    fn bench(&self, bencher: &mut Bencher<'_>, writer: impl Fn() -> Writer, group: &str, users: &[UserId]) {
        let next = || (writer(), self.next(group, users));
        let apply = |(writer, changes)| async move { apply(&writer, changes).await };
        bencher.to_async(self.runtime).iter_batched(next, apply, BatchSize::SmallInput);
    }
}

/// Every change must change a row, or it would not be the work that is meant.
async fn apply(writer: &Writer, changes: Vec<(UserId, Change)>) {
    let outcomes = writer.apply_all(changes).await;
    let is_done = outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|outcome| outcome.changed == 1));
    assert!(is_done, "{outcomes:?}");
}

/// One thread, as each worker of the gateway is one.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The same message to some users, in each store: by a writer that remembers them, and by one that must read them.
fn commits(criterion: &mut Criterion) {
    let runtime = runtime();
    let all = [
        ("memory", runtime.block_on(stores::memory())),
        ("embedded", runtime.block_on(stores::embedded())),
        ("redis", runtime.block_on(stores::redis())),
    ];
    for (name, stores) in &all {
        let busy = Busy::new(&runtime, stores.first.clone());
        let writer = busy.writer();
        let mut group = criterion.benchmark_group(format!("commit/{name}"));
        for count in [1, 100] {
            let users: Vec<_> = (0..count).map(user).collect();
            group.throughput(Throughput::Elements(count as u64));
            group.bench_function(format!("remembered/{count}"), |bencher| {
                busy.bench(bencher, || writer.clone(), GROUP, &users);
            });
            group.bench_function(format!("read/{count}"), |bencher| {
                busy.bench(bencher, || busy.writer(), GROUP, &users);
            });
        }
    }
}

/// A message to a user with so many rows, in the memory store, by a writer that must read them.
fn lists(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("list/memory");
    for rows in [50, 5_000] {
        let stores = runtime.block_on(stores::memory());
        let (busy, users) = (Busy::new(&runtime, stores.first.clone()), [user(0)]);
        let groups: Vec<_> = (0..rows).map(|number| format!("group_{number}")).collect();
        let writer = busy.writer();
        for group in &groups {
            runtime.block_on(apply(&writer, busy.next(group, &users)));
        }
        group.bench_function(format!("{rows} rows"), |bencher| {
            busy.bench(bencher, || busy.writer(), &groups[rows / 2], &users);
        });
    }
}

criterion_group! {
    name = writes;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = commits, lists
}
criterion_main!(writes);
