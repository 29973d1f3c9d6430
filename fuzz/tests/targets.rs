//! Do the properties of all targets hold for the corpus, and for mutations of it?
//!
//! By default each target gets a few thousand inputs, always the same. `FUZZ_SECONDS=600` runs all of them for ten
//! minutes in all, with a seed that is printed; `FUZZ_SEED=7` repeats one. An input that breaks a property is written down.

use conversation_fuzz::{TARGETS, Target, mutate::mutated, seeds::seeds};
use rand::{SeedableRng, rngs::SmallRng};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};

/// Inputs of a target without `FUZZ_SECONDS`.
const INPUTS: u64 = 3_000;

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} must be a number, got {value:?}")))
}

#[allow(clippy::disallowed_methods, reason = "how long a test runs is no time of the gateway")]
fn now() -> Instant {
    Instant::now()
}

/// Runs one input; one that breaks a property is kept beside the build.
fn feed(target: Target, input: &[u8], seed: u64) {
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if let Err(panic) = result {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}-{seed}", target.name));
        std::fs::write(&file, input).expect("the input can be written");
        eprintln!("{}: FUZZ_SEED={seed}, the input is in {}", target.name, file.display());
        resume_unwind(panic);
    }
}

fn run(name: &str) {
    let target = *TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = seeds(name);
    for seed in &seeds {
        feed(target, seed, 0);
    }
    let limit = number("FUZZ_SECONDS").map(|seconds| now() + Duration::from_secs(seconds) / TARGETS.len() as u32);
    let seed = number("FUZZ_SEED").unwrap_or_else(|| if limit.is_some() { rand::random() } else { 1 });
    let mut random = SmallRng::seed_from_u64(seed);
    let mut inputs = 0;
    while limit.map_or(inputs < INPUTS, |limit| now() < limit) {
        feed(target, &mutated(&seeds, target.bytes_max, &mut random), seed);
        inputs += 1;
    }
    println!("{name}: {} seeds, {inputs} inputs, FUZZ_SEED={seed}", seeds.len());
}

macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })+

        #[test]
        fn every_target_is_run() {
            assert_eq!([$(stringify!($name)),+], TARGETS.map(|target| target.name));
        }
    };
}

tests!(frames, requests, methods, backend, cursors, filters, tokens, hints, records, entries);
