//! Do random changes, through the real rules and the real store, give what the plain model gives?
//!
//! A failing run names its seed; `CONTRACT_SEED` repeats it, and `CONTRACT_SEEDS=500` runs more of them.

mod actor;
mod changes;
mod reader;

use super::stores::Stores;
use actor::{Actor, Beginning};
use changes::{Posted, changes_of, names_to_make};
use conversation_loadtest::model::{ClientOutcome, Effect, Model, RowOutcome, assert_same};
use conversation_protocol::{Conversation, ErrorKind, method::ClientCall, server::ServerCall};
use conversation_store::{Limits, Store, WriteError, Writer, filtered_page, rules::Outcome};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IteratorRandom};
use reader::Reader;

/// Seeds that every run has, one of each beginning; one more is new each time.
const SEEDS: u64 = 3;
const STEPS: u64 = 160;
/// Steps between two comparisons of everything, at most.
const STEPS_UNCHECKED_MAX: u64 = 5;
/// The same where the list has a thousand rows.
const LONG_STEPS: u64 = 80;
const LONG_STEPS_UNCHECKED_MAX: u64 = 20;
/// Filters that are looked at with each comparison.
const FILTERS_CHECKED: usize = 3;

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
    let number = |name: &str| Some(std::env::var(name).ok()?.parse::<u64>().expect("a number"));
    let seeds = match (number("CONTRACT_SEED"), number("CONTRACT_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, seeds) => (1..=seeds.unwrap_or(SEEDS)).chain([rand::rng().random()]).collect(),
    };
    for (run, seed) in seeds.into_iter().enumerate() {
        let seed = Seed(seed);
        compare(stores, &format!("run{run}-"), seed.0).await;
    }
}

async fn compare(stores: &Stores, prefix: &str, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let writers = [&stores.first, &stores.second].map(|store| Writer::new(store.clone(), Limits::default()));
    let (beginning, steps, unchecked_max) = match seed % 3 {
        0 => (Beginning::FewGroupedLeft, LONG_STEPS, LONG_STEPS_UNCHECKED_MAX),
        1 => (Beginning::Empty, STEPS, STEPS_UNCHECKED_MAX),
        _ => (Beginning::FewPinsLeft, STEPS, STEPS_UNCHECKED_MAX),
    };
    let mut actor = Actor::new(prefix, beginning);
    let mut model = Model::new();
    let mut readers = Vec::new();
    for user in actor.users() {
        readers.push(Reader::connect(&*stores.second, user).await);
    }
    let mut first = actor.begin();
    let mut unchecked = 0;
    for step in 0..steps {
        let posted = first.take().unwrap_or_else(|| actor.post(&mut random));
        if let Posted::Server(call) = &posted
            && let ServerCall::DeleteUser(params) = &**call
        {
            let reader = readers.iter_mut().find(|reader| *reader.user() == params.user_id).expect("it has a reader");
            reader.read(&*stores.first).await;
            stores.second.delete_user(&params.user_id).await.unwrap();
            reader.forget(&*stores.first).await;
        }
        let writer = &writers[usize::from(random.random_bool(0.5))];
        let answers = writer.apply_all(changes_of(&posted)).await;
        check_answers(&posted, &mut model, answers);
        unchecked += 1;
        let share = 2.0 / unchecked_max as f64;
        if step > 0 && (unchecked >= unchecked_max || random.random_bool(share) || step + 1 == steps) {
            unchecked = 0;
            for reader in &mut readers {
                let expected = model.rows(reader.user());
                let seen = reader.read(&*stores.first).await;
                assert_rows(&expected, &seen.rows, step, &posted);
                assert_eq!(seen.head.total_unread, model.total(reader.user()), "total after step {step}, {posted:?}");
                assert_eq!(seen.head.row_count, expected.len() as u64);
                assert_eq!(seen.head.group_names, model.group_names(reader.user()), "after step {step}, {posted:?}");
                check_filters(&*stores.second, &model, reader, &mut random).await;
            }
        }
    }
}

/// Compares filtered pages, and filtered totals read and followed, with the model.
async fn check_filters(store: &dyn Store, model: &Model, reader: &Reader, random: &mut StdRng) {
    let user = reader.user();
    for (filter, followed) in reader.totals().choose_multiple(random, FILTERS_CHECKED) {
        let expected = model.filtered_total(user, filter);
        let unread = store.unread(user).await.unwrap();
        let read: u64 = unread.rows.iter().map(|(id, facets)| filter.share(id, facets)).sum();
        assert_eq!((read, followed), (expected, expected), "the total of {filter:?}, read and followed by hints");
        let (mut below, mut ids) = (0, Vec::new());
        loop {
            let count = if ids.len() > 20 { 500 } else { random.random_range(1..4) };
            let page = filtered_page(store, user, filter, below, count).await.unwrap();
            assert!(page.rows.len() <= count as usize && (page.is_finished || page.next_seq != below));
            ids.extend(page.rows.into_iter().map(|row| row.conversation_id));
            below = page.next_seq;
            if page.is_finished {
                break;
            }
        }
        let expected: Vec<_> = model.filtered(user, filter).into_iter().map(|row| row.conversation_id).collect();
        assert_eq!(ids, expected, "the pages of {filter:?}");
    }
}

fn assert_rows(expected: &[Conversation], actual: &[Conversation], step: u64, posted: &Posted) {
    if let Err(difference) = assert_same(expected, actual) {
        panic!("after step {step}, {posted:?}: {difference}");
    }
}

fn check_answers(posted: &Posted, model: &mut Model, mut answers: Vec<Result<Outcome, WriteError>>) {
    let per_id = |outcomes: Vec<(_, RowOutcome)>| outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let expected: Vec<RowOutcome> = match posted {
        Posted::Server(call) => {
            // Groups that an import names but cannot make refuse the rows that are to be in them.
            answers.drain(..names_to_make(call).len());
            model.apply_server(call).rows.into_iter().map(|(_, outcome)| outcome).collect()
        }
        Posted::Client(user, call) => match (call, model.apply_client(user, call)) {
            (ClientCall::CreateConversationGroup(_), ClientOutcome::PerId(outcomes)) => {
                let made = answers.remove(0);
                assert!(made.is_ok(), "{posted:?}: {made:?}");
                per_id(outcomes)
            }
            (ClientCall::CreateConversationGroup(params), ClientOutcome::Whole(outcome)) => {
                // Without the group nothing can be put into it.
                let others = vec![Err(ErrorKind::UnknownGroup); params.conversation_id_list.len()];
                std::iter::once(outcome).chain(others).collect()
            }
            (
                ClientCall::AddConversationsToGroup(_) | ClientCall::DeleteConversationsFromGroup(_),
                ClientOutcome::Whole(outcome),
            ) => vec![outcome; answers.len()],
            (_, ClientOutcome::Whole(outcome)) => vec![outcome],
            (_, ClientOutcome::PerId(outcomes)) => per_id(outcomes),
            (_, ClientOutcome::Query) => Vec::new(),
        },
    };
    assert_eq!(answers.len(), expected.len(), "{posted:?}");
    for (answer, expected) in answers.into_iter().zip(expected) {
        match (answer, expected) {
            (Ok(outcome), Ok(Effect::Changed)) => assert!(outcome.changed > 0, "{posted:?}: expected a change"),
            (Ok(outcome), Ok(Effect::Unchanged)) => assert_eq!(outcome.changed, 0, "{posted:?}: expected no change"),
            (Ok(_), Ok(Effect::Hidden)) => {}
            (Err(WriteError::Refused(refusal)), Err(kind)) => {
                assert_eq!(refusal.kind(), kind, "{posted:?}: refused with {refusal:?}");
            }
            (answer, expected) => panic!("{posted:?}: expected {expected:?}, got {answer:?}"),
        }
    }
}
