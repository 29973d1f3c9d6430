//! Do random changes, through the real rules and the real store, give what the plain model gives?
//!
//! A failing run names its seed; `CONTRACT_SEED` repeats it.

mod actor;
mod changes;
mod reader;

use super::stores::Stores;
use actor::Actor;
use changes::{Posted, changes_of};
use conversation_loadtest::model::{ClientOutcome, Effect, Model, RowOutcome, assert_same};
use conversation_protocol::Conversation;
use conversation_store::{Limits, WriteError, Writer, rules::Outcome};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reader::Reader;

/// Seeds that every run has; one more is new each time.
const SEEDS: u64 = 3;
const STEPS: u64 = 160;
/// Steps between two comparisons of everything, at most.
const STEPS_UNCHECKED_MAX: u64 = 5;

/// Names the seed if the run fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat this run with CONTRACT_SEED={}", self.0);
        }
    }
}

pub(super) async fn random_changes_give_what_the_plain_model_gives(stores: &Stores) {
    let seeds = match std::env::var("CONTRACT_SEED") {
        Ok(seed) => vec![seed.parse().expect("CONTRACT_SEED is a number")],
        Err(_) => (1..=SEEDS).chain([rand::rng().random()]).collect(),
    };
    for (run, seed) in seeds.into_iter().enumerate() {
        let seed = Seed(seed);
        compare(stores, &format!("run{run}-"), StdRng::seed_from_u64(seed.0)).await;
    }
}

async fn compare(stores: &Stores, prefix: &str, mut random: StdRng) {
    let writers = [&stores.first, &stores.second].map(|store| Writer::start(store.clone(), Limits::default()));
    let mut actor = Actor::new(prefix);
    let mut model = Model::new();
    let mut readers = Vec::new();
    for user in actor.users() {
        readers.push(Reader::connect(&*stores.second, user).await);
    }
    let mut unchecked = 0;
    for step in 0..STEPS {
        let posted = actor.post(&mut random);
        let changes = changes_of(&posted);
        let writer = &writers[usize::from(random.random_bool(0.5))];
        let answers = writer.apply_all(changes).await;
        check_answers(&posted, &mut model, answers);
        unchecked += 1;
        if unchecked == STEPS_UNCHECKED_MAX || random.random_bool(0.4) || step + 1 == STEPS {
            unchecked = 0;
            for reader in &mut readers {
                let expected = model.rows(reader.user());
                let seen = reader.read(&*stores.first).await;
                assert_rows(&expected, &seen.rows, step, &posted);
                assert_eq!(seen.head.total_unread, model.total(reader.user()), "total after step {step}, {posted:?}");
                assert_eq!(seen.head.row_count, expected.len() as u64);
            }
        }
    }
}

fn assert_rows(expected: &[Conversation], actual: &[Conversation], step: u64, posted: &Posted) {
    if let Err(difference) = assert_same(expected, actual) {
        panic!("after step {step}, {posted:?}: {difference}");
    }
}

fn check_answers(posted: &Posted, model: &mut Model, answers: Vec<Result<Outcome, WriteError>>) {
    let expected: Vec<RowOutcome> = match posted {
        Posted::Server(call) => model.apply_server(call).rows.into_iter().map(|(_, outcome)| outcome).collect(),
        Posted::Client(user, call) => match model.apply_client(user, call) {
            ClientOutcome::Whole(outcome) => vec![outcome],
            ClientOutcome::PerId(outcomes) => outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
            ClientOutcome::Query => Vec::new(),
        },
    };
    assert_eq!(answers.len(), expected.len(), "{posted:?}");
    for (answer, expected) in answers.into_iter().zip(expected) {
        match (answer, expected) {
            (Ok(outcome), Ok(Effect::Changed)) => assert!(outcome.changed > 0, "{posted:?}: expected a change"),
            (Ok(outcome), Ok(Effect::Unchanged)) => assert_eq!(outcome.changed, 0, "{posted:?}: expected no change"),
            (Ok(_), Ok(Effect::Hidden)) | (Err(WriteError::Refused(_)), Err(_)) => {}
            (answer, expected) => panic!("{posted:?}: expected {expected:?}, got {answer:?}"),
        }
    }
}
