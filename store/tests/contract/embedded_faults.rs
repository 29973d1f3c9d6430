//! What is left of an embedded store that was closed, killed, opened twice or damaged.

use super::{
    book::{Book, commit_all, user},
    hints::next,
    paths,
};
use conversation_protocol::UserId;
use conversation_store::{Committed, Store, StoreError, open};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

/// Tells the child process which directory to write to.
const CHILD_DIRECTORY: &str = "CONTRACT_CHILD_DIRECTORY";
/// Answered steps after which the child is killed.
const STEPS_BEFORE_KILL: usize = 40;
const USERS: usize = 4;

async fn open_in(directory: &Path) -> Result<Arc<dyn Store>, StoreError> {
    open(&format!("embedded:{}", directory.display())).await
}

/// A user's book after so many steps: rows come, change, go and are purged.
fn book_after(user: &UserId, steps: u64) -> Book {
    (0..steps).fold(Book::new(user.clone()), |book, step| next_step(&book, step).1)
}

fn next_step(book: &Book, number: u64) -> (conversation_store::Commit, Book) {
    book.step(|step| {
        let name = format!("c2c_{}", number % 7);
        match number % 5 {
            0..=2 => step.put(&name, number + 1, number.is_multiple_of(2)),
            3 => step.bury(&name),
            _ => step.purge(&name),
        }
    })
}

fn users() -> [UserId; USERS] {
    std::array::from_fn(|number| user(&format!("user{number}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_closing() {
    let directory = tempfile::tempdir().unwrap();
    let (mut book, inside) = (Book::new(user("alice")), directory.path().join("made/for/us"));
    for round in 1..=3 {
        let store = open_in(&inside).await.unwrap();
        book.check(&*store).await;
        let (mut sink, mut stream) = paths::open(&*store).await.unwrap();
        sink.follow(std::slice::from_ref(&book.user)).await.unwrap();
        let hint = book.commit(&*store, |step| step.put("c2c_bob", round, true)).await;
        drop(store);
        assert_eq!(next(&mut stream).await, Some((book.user.clone(), hint)));
        assert_eq!(next(&mut stream).await, None, "the path ends with the store");
        assert!(sink.ping().await.is_err());
    }
}

/// Not a test by itself: the process that `what_was_answered_survives_a_kill` starts and kills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes_until_killed() {
    let Ok(directory) = std::env::var(CHILD_DIRECTORY) else { return };
    let store = open_in(directory.as_ref()).await.unwrap();
    let mut tasks = Vec::new();
    for (number, user) in users().into_iter().enumerate() {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut book = Book::new(user);
            for steps in 0.. {
                let (commit, after) = next_step(&book, steps);
                assert_eq!(commit_all(&*store, vec![commit]).await.remove(0).unwrap(), Committed::Done);
                book = after;
                // One write, so that a line is whole or not there.
                std::io::stdout().write_all(format!("\nanswered {number} {}\n", steps + 1).as_bytes()).unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "contract::embedded_faults::child_that_writes_until_killed", "--nocapture"])
        .env(CHILD_DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut answered = [0; USERS];
    let mut note = |line: &str| {
        let numbers: Vec<u64> = line.split(' ').skip(1).map(|word| word.parse().unwrap()).collect();
        answered[numbers[0] as usize] = numbers[1];
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut answers = lines.by_ref().filter(|line| line.starts_with("answered "));
    for _ in 0..STEPS_BEFORE_KILL {
        note(&answers.next().expect("the child writes"));
    }
    match open_in(directory.path()).await {
        Err(StoreError::Unavailable(why)) => {
            assert!(why.contains("another process") && why.contains(&*directory.path().to_string_lossy()), "{why}");
        }
        other => panic!("a second process got the store: {:?}", other.map(|_| "open")),
    }
    child.kill().unwrap();
    child.wait().unwrap();
    answers.for_each(|line| note(&line));

    let store = open_in(directory.path()).await.unwrap();
    for (user, answered) in users().iter().zip(answered) {
        let found = store.heads(std::slice::from_ref(user)).await[0].as_ref().unwrap().cursor.version;
        let is_next = [answered, answered + 1].into_iter().find(|steps| book_after(user, *steps).clock == found);
        let steps = is_next.unwrap_or_else(|| panic!("{answered} steps were answered, the clock stands at {found}"));
        let mut book = book_after(user, steps);
        book.check(&*store).await;
        book.commit(&*store, |step| step.put("c2c_after", 1_000_000, true)).await;
        book.check(&*store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_cannot_be_used_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "").unwrap();
    std::fs::write(directory.path().join("conversations.redb"), "not a database ".repeat(1_000)).unwrap();
    for inside in [directory.path().to_owned(), directory.path().join("file")] {
        let error = open_in(&inside).await.err().expect("nothing to open").to_string();
        assert!(error.contains(&*inside.to_string_lossy()), "{error}");
    }
}
