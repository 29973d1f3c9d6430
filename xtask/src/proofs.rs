//! Which test proves which rule? The table docs/PROOFS.md, made from docs/DOMAIN.md, the protocol's names and a test log.
//!
//! A test says in its name what it proves: `domain_3_7_…` rule 3.7, `domain_1_is_pinned_…` a field, `domain_2_pin_conversation_…`
//! an operation of clients, `domain_2_server_send_message_…` one of backends, `domain_event_conversation_changed_…` an event.

use conversation_protocol::{EventName, method::CLIENT_METHODS, server::SERVER_METHODS};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// Where the rules are and where the table goes.
const DOMAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/DOMAIN.md");
const PROOFS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROOFS.md");

/// What the command takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What `cargo test --workspace` printed.
    #[arg(long)]
    log: PathBuf,
    /// Compare with the table that is there, and change nothing.
    #[arg(long)]
    check: bool,
}

/// The stores that a rule must be proven on; each is the last part of the name of a test.
const STORES: [&str; 3] = ["embedded", "memory", "redis"];
/// The chapter whose rules are bounds, some of them of what no client can see: any test proves one.
const LIMITS_CHAPTER: &str = "7";

/// One line of the table.
struct Rule {
    /// How names of its tests begin, without the last `_`.
    prefix: String,
    /// What it is called in the document.
    label: String,
    /// What it says, shortened.
    text: String,
    needs_every_store: bool,
}

/// Tests by name; the stores they passed on, none for a test without a store; `None` once one failed.
type Tests = BTreeMap<String, Option<BTreeSet<&'static str>>>;

/// Makes the table, or checks that it is current.
///
/// # Errors
/// Names every rule without a passing test, or says that the table is not current.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let chapters = chapters(&read(DOMAIN.as_ref())?);
    let table = table(&chapters, &tests_of(&read(&arguments.log)?))?;
    if !arguments.check {
        return fs::write(PROOFS, table).map_err(|error| format!("{PROOFS}: {error}"));
    }
    if read(PROOFS.as_ref())? == table {
        return Ok(());
    }
    Err("docs/PROOFS.md is not current: run `make proofs` and commit it".to_owned())
}

/// The rules, chapter by chapter.
fn chapters(document: &str) -> Vec<(String, Vec<Rule>)> {
    let mut chapters = Vec::new();
    for chapter in document.split("\n## ").skip(1) {
        let (title, text) = chapter.split_once('\n').unwrap_or((chapter, ""));
        let number = title.split('.').next().unwrap_or_default();
        let rules = match number {
            "1" => fields(text),
            "2" => operations(),
            _ => numbered(number, text),
        };
        chapters.push((title.to_owned(), rules));
        if number == "2" {
            chapters.push(("Events".to_owned(), events()));
        }
    }
    chapters
}

/// The rows of the table of fields.
fn fields(text: &str) -> Vec<Rule> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| field"));
    let field = |line: &str| {
        let label = line.split('|').nth(1)?.trim().to_owned();
        let first = label.split([',', '/']).next()?.trim();
        let prefix = format!("domain_1_{}", snake_case(first));
        Some(Rule { prefix, label, text: String::new(), needs_every_store: true })
    };
    rows.filter_map(field).collect()
}

fn operations() -> Vec<Rule> {
    let rule = |prefix: &str, method: &str, who: &str| Rule {
        prefix: format!("{prefix}{}", snake_case(method)),
        label: method.to_owned(),
        text: who.to_owned(),
        needs_every_store: true,
    };
    let of_clients = CLIENT_METHODS.iter().map(|method| rule("domain_2_", method, "client"));
    of_clients.chain(SERVER_METHODS.iter().map(|method| rule("domain_2_server_", method, "backend"))).collect()
}

fn events() -> Vec<Rule> {
    let rule = |event: &EventName| Rule {
        prefix: format!("domain_event_{}", snake_case(event.as_str())),
        label: event.as_str().to_owned(),
        text: String::new(),
        needs_every_store: true,
    };
    EventName::ALL.iter().map(rule).collect()
}

/// Bullets and rows that begin with a number.
fn numbered(chapter: &str, text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for line in text.lines() {
        let (label, rest) =
            if let Some((label, rest)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("**")) {
                (label, rest.trim())
            } else if let Some((label, rest)) = line.strip_prefix("| ").and_then(|rest| rest.split_once('|')) {
                (label.trim(), rest.split('|').next().unwrap_or_default().trim())
            } else {
                continue;
            };
        if label.split_once('.').is_none_or(|(number, _)| number != chapter) {
            continue;
        }
        rules.push(Rule {
            prefix: format!("domain_{}", label.replace('.', "_")),
            label: label.to_owned(),
            text: rest.split(['.', ';', ':']).next().unwrap_or_default().trim().to_owned(),
            needs_every_store: chapter != LIMITS_CHAPTER,
        });
    }
    rules
}

/// `conversationID` as `conversation_id`.
fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 8);
    for (at, character) in characters.iter().enumerate() {
        let follows_lower = at > 0 && !characters[at - 1].is_uppercase();
        let begins_word = at > 0 && characters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if character.is_uppercase() && (follows_lower || begins_word) {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

/// The tests of a log of `cargo test` whose names say that they prove something.
fn tests_of(log: &str) -> Tests {
    let mut tests = Tests::new();
    for line in log.lines() {
        let Some((path, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else {
            continue;
        };
        let mut parts = path.split("::");
        let Some(name) = parts.find(|part| part.starts_with("domain_")) else { continue };
        let store = parts.next().and_then(|last| STORES.into_iter().find(|store| *store == last));
        let entry = tests.entry(name.to_owned()).or_insert_with(|| Some(BTreeSet::new()));
        if outcome != "ok" {
            *entry = None;
        } else if let (Some(stores), Some(store)) = (entry, store) {
            stores.insert(store);
        }
    }
    tests
}

fn table(chapters: &[(String, Vec<Rule>)], tests: &Tests) -> Result<String, String> {
    let prefixes: Vec<&str> = chapters.iter().flat_map(|(_, rules)| rules).map(|rule| rule.prefix.as_str()).collect();
    let mut of_rule: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in tests.keys() {
        // The longest one: getConversation is a beginning of getConversationList.
        let begins = |prefix: &&&str| name.strip_prefix(**prefix).is_some_and(|rest| rest.starts_with('_'));
        if let Some(prefix) = prefixes.iter().filter(begins).max_by_key(|prefix| prefix.len()) {
            of_rule.entry(prefix).or_default().push(name);
        }
    }
    let mut text = String::from(
        "# Proofs\n\nWhich test proves which rule of [DOMAIN.md](DOMAIN.md), made from the names of the tests that passed (`make proofs`).\n\
         A test that names stores ran against a real gateway on each of them, through the real wire.\n",
    );
    let mut missing = Vec::new();
    for (title, rules) in chapters {
        let _ = write!(text, "\n## {title}\n| rule | | proven by |\n|---|---|---|\n");
        for rule in rules {
            let names = of_rule.get(rule.prefix.as_str()).map_or(&[][..], Vec::as_slice);
            let passed = |name: &&&str| match &tests[**name] {
                Some(stores) => !rule.needs_every_store || stores.len() == STORES.len(),
                None => false,
            };
            if names.iter().filter(passed).count() == 0 {
                missing.push(format!("{} ({}_…)", rule.label, rule.prefix));
            }
            let proofs: Vec<String> = names.iter().map(|name| proof(name, tests[*name].as_ref())).collect();
            let _ = writeln!(text, "| {} | {} | {} |", rule.label, rule.text, proofs.join("<br>"));
        }
    }
    if missing.is_empty() {
        Ok(text)
    } else {
        Err(format!("no passing test on every store for: {}", missing.join(", ")))
    }
}

fn proof(name: &str, stores: Option<&BTreeSet<&'static str>>) -> String {
    match stores {
        None => format!("`{name}` **failed**"),
        Some(stores) if stores.is_empty() => format!("`{name}`"),
        Some(stores) => format!("`{name}` ({})", stores.iter().copied().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "# The domain\n\n## 1. Object\n| field | type |\n|---|---|\n| userID / groupID | string |\n\n## 3. Keys\n\
        | rule | what |\n|---|---|\n| 3.1 | received | up |\n- **3.10** Ticks. More.\n\n## 7. Limits\n| 7.1 | ids |\n";

    fn rules() -> Vec<(String, Vec<Rule>)> {
        chapters(DOCUMENT)
    }

    fn log(names: &[&str]) -> String {
        let line = |name: &&str| STORES.map(|store| format!("test domain::x::{name}::{store} ... ok\n")).concat();
        names.iter().map(line).collect()
    }

    #[test]
    fn names_of_the_wire_become_names_of_tests() {
        for (name, snake) in [
            ("conversationID", "conversation_id"),
            ("c2cReadTimestamp", "c2c_read_timestamp"),
            ("faceURL", "face_url"),
            ("getUnreadMessageCountByFilter", "get_unread_message_count_by_filter"),
        ] {
            assert_eq!(snake_case(name), snake);
        }
    }

    #[test]
    fn rules_are_the_fields_the_rows_and_the_bullets_with_numbers() {
        let labels: Vec<_> = rules().iter().flat_map(|(_, rules)| rules).map(|rule| rule.label.clone()).collect();
        assert_eq!(labels, ["userID / groupID", "3.1", "3.10", "7.1"]);
    }

    #[test]
    fn a_rule_without_a_passing_test_on_every_store_is_named() {
        let whole = log(&["domain_1_user_id_is_there", "domain_3_1_rises", "domain_3_10_ticks"]);
        let error = table(&rules(), &tests_of(&whole)).unwrap_err();
        assert_eq!(error, "no passing test on every store for: 7.1 (domain_7_1_…)");
        let whole = whole + "test rules::domain_7_1_ids ... ok\n";
        let text = table(&rules(), &tests_of(&whole)).unwrap();
        assert!(text.contains("| 3.1 | received | `domain_3_1_rises` (embedded, memory, redis) |"), "{text}");
        let failed = whole.replace("domain_3_1_rises::redis ... ok", "domain_3_1_rises::redis ... FAILED");
        assert!(table(&rules(), &tests_of(&failed)).unwrap_err().contains("3.1 (domain_3_1_…)"));
    }
}
