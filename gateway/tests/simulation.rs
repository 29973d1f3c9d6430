//! Do the guarantees hold whatever happens? Whole worlds of users, devices, lossy relays and stores that lose data, in
//! virtual time around the real session code; each seed draws its own mix of faults.
//!
//! `SIMULATION_SEEDS=100000` runs more seeds, `SIMULATION_SEED=7` runs one and tells its story.

#[path = "simulation/client.rs"]
mod client;
#[path = "simulation/deeds.rs"]
mod deeds;
#[path = "simulation/device.rs"]
mod device;
#[path = "simulation/faults.rs"]
mod faults;
#[path = "simulation/links.rs"]
mod links;
#[path = "simulation/reads.rs"]
mod reads;
#[path = "simulation/store.rs"]
mod store;
#[path = "simulation/world.rs"]
mod world;

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicU64, Ordering},
};
use world::{Seen, World};

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} must be a number, got {value:?}")))
}

fn run(seed: u64, tell: bool) -> Seen {
    catch_unwind(AssertUnwindSafe(|| World::new(seed, tell).run())).unwrap_or_else(|panic| {
        eprintln!("seed {seed} failed; SIMULATION_SEED={seed} cargo test -p conversation-gateway --test simulation");
        resume_unwind(panic)
    })
}

#[test]
fn whatever_happens_every_client_ends_with_the_servers_list() {
    if let Some(seed) = number("SIMULATION_SEED") {
        println!("{:#?}", run(seed, true));
        return;
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(1_000);
    let next = AtomicU64::new(0);
    let some = || {
        let mut seen = Seen::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return seen;
            }
            seen.add(&run(seed, false));
        }
    };
    let mut seen = Seen::default();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        for thread in threads {
            seen.add(&thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    println!("{seeds} seeds: {seen:#?}");
    // A simulation in which the faults do not happen proves nothing.
    if seeds >= 1_000 {
        assert_eq!(seen.missing(), Vec::<&str>::new(), "these did not happen in {seeds} seeds");
    }
}
