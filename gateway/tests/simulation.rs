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

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
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
    let mut seen = Seen::default();
    for seed in 0..seeds {
        seen.add(&run(seed, false));
    }
    println!("{seeds} seeds: {seen:#?}");
    // A simulation in which the faults do not happen proves nothing.
    if seeds >= 1_000 {
        assert_eq!(seen.missing(), Vec::<&str>::new(), "these did not happen in {seeds} seeds");
    }
}
