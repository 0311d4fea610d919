//! Who has an account is nobody's to learn: not from what is answered, not from how long it takes, not from how often one may ask.
//!
//! Time is compared in two ways. What costs (passwords hashed, mails put into the outbox, while the mail server hangs) is counted,
//! exactly; and the clock is asked, in pairs one right after the other, so that a busy machine is as slow for both.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use control_plane::config::{Rate, Secret};
use control_plane_classes::people::accounts::{self, Made};
use control_plane_classes::people::{Locale, Role, password};
use control_plane_classes::{Database, Sql as _, args};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

#[path = "support/both.rs"]
mod both;
#[path = "support/school.rs"]
#[expect(dead_code, reason = "nobody signs in here")]
mod school;

use both::both;
use school::{Answer, Person, School};

both!(
    known_and_unknown_addresses_get_the_same_answer_after_the_same_work,
    known_and_unknown_addresses_take_as_long,
    known_and_unknown_addresses_are_held_up_alike,
);

/// Addresses of each sort. One is asked about few times in a test, as the limits of one address have it.
const ADDRESSES: usize = 40;
const PASSWORD: &str = "a long password";

/// What tells somebody's address from nobody's if anything does.
const QUESTIONS: [(&str, &str, u16); 3] = [
    ("sign-in", "/v1/session", 401),
    ("sign-up", "/v1/accounts", 202),
    ("forgotten", "/v1/password/forgotten", 202),
];

fn body(path: &str, email: &str) -> Value {
    match path {
        "/v1/session" => json!({"email": email, "password": "a wrong password"}),
        "/v1/accounts" => json!({"email": email, "password": PASSWORD, "name": "x", "role": "student"}),
        _ => json!({"email": email}),
    }
}

fn known(index: usize) -> String {
    format!("known{index}@example.org")
}

fn unknown(index: usize) -> String {
    format!("other{index}@example.org")
}

struct Village {
    school: School,
    database: Database,
}

impl Village {
    /// With [`ADDRESSES`] accounts, one that is disabled, and a mail server that takes calls and then says nothing.
    async fn open(database: Secret) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let smtp = format!("smtp://{}", listener.local_addr().expect("bound"));
        let called = Arc::new(Notify::new());
        let calls = called.clone();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok(call) = listener.accept().await {
                held.push(call);
                calls.notify_one();
            }
        });
        let mut place = None;
        let school = School::open(|config| {
            config.database = database;
            config.mail.smtp = Secret::new(smtp);
            place = Some(config.place());
        })
        .await;
        let database = Database::open(&place.expect("set")).await.expect("opens");
        let hash = password::hash(PASSWORD, &AtomicU64::new(0));
        let addresses =
            (0..ADDRESSES).map(known).chain(["disabled@example.org".into(), "first@example.org".into()]);
        for email in addresses {
            let (role, locale) = (Role::Student, Locale::Ko);
            let made = Made { email: Some(&email), name: "x", role, locale, password_hash: Some(&hash) };
            accounts::make(&database, &made, 1).await.expect("an account");
        }
        let disable = "UPDATE accounts SET disabled = 1 WHERE email = 'disabled@example.org'";
        database.execute(disable, args![]).await.expect("disabled");
        let village = Self { school, database };
        // From now on whoever sends mail hangs, for thirty seconds each.
        village.ask("/v1/password/forgotten", "first@example.org").await;
        tokio::time::timeout(Duration::from_secs(20), called.notified())
            .await
            .expect("the mail server is called");
        village
    }

    /// Another control plane for the same village, which has heard nobody yet.
    async fn with_rate(&self, rate: Rate) -> Self {
        let school = self.school.another(|config| config.sign_in_rate = rate).await;
        Self { school, database: self.database.clone() }
    }

    async fn ask(&self, path: &str, email: &str) -> Answer {
        self.school.send(&Person::default(), "POST", path, &body(path, email)).await
    }

    /// Passwords hashed so far, and mails that wait.
    async fn work(&self) -> (u64, u64) {
        let row =
            self.database.row("SELECT COUNT(*) FROM outbox", args![]).await.expect("a row").expect("one");
        let hashes = self.school.metric("seodang_control_plane_password_hashes_total").await;
        (hashes, row.count(0).expect("a count"))
    }
}

/// All that can be seen of an answer but the time of day and the ticket, which is random and as long for everybody.
fn seen(answer: &Answer) -> (u16, BTreeMap<String, String>, Vec<u8>) {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date").map(header).collect();
    let ticket = answer.body["ticket"].as_str().unwrap_or_default();
    let bytes = String::from_utf8_lossy(&answer.bytes).replace(ticket, &"x".repeat(ticket.len()));
    (answer.status.as_u16(), headers, bytes.into_bytes())
}

async fn known_and_unknown_addresses_get_the_same_answer_after_the_same_work(database: Secret) {
    let village = Village::open(database).await;
    for (name, path, status) in QUESTIONS {
        let mut found = Vec::new();
        for email in [known(0), unknown(0), "disabled@example.org".into()] {
            let before = village.work().await;
            let answer = village.ask(path, &email).await;
            let after = village.work().await;
            found.push((seen(&answer), after.0 - before.0, after.1 - before.1));
        }
        let (answer, hashes, mails) = &found[1];
        assert_eq!(answer.0, status, "{name}: {answer:?}");
        assert!(!answer.1.contains_key("set-cookie"), "{name}: {answer:?}");
        let expected = if name == "forgotten" { 0 } else { 1 };
        assert_eq!((*hashes, *mails), (expected, u64::from(name != "sign-in")), "{name}");
        assert!(found.iter().all(|one| one == &found[0]), "{name}: {found:#?}");
    }
    // The right password of an account that may not sign in says no more than a wrong one.
    let right = json!({"email": "disabled@example.org", "password": PASSWORD});
    let right = village.school.send(&Person::default(), "POST", "/v1/session", &right).await;
    assert_eq!(seen(&right), seen(&village.ask("/v1/session", &unknown(1)).await));
}

async fn known_and_unknown_addresses_take_as_long(database: Secret) {
    let village = Village::open(database).await;
    for (name, path, _) in QUESTIONS {
        village.ask(path, "warm@example.org").await;
        // A machine that others use may be wrong once. What takes twice as long does so each time.
        let mut ratios = Vec::new();
        while ratios.len() < 3 && !ratios.last().is_some_and(|ratio| (0.6..1.67).contains(ratio)) {
            let mut times = [Vec::new(), Vec::new()];
            for index in 0..ADDRESSES {
                let pair = [(0, known(index)), (1, unknown(index))];
                let order: [usize; 2] = if index % 2 == 0 { [0, 1] } else { [1, 0] };
                for (sort, email) in order.map(|place| &pair[place]) {
                    let began = Instant::now();
                    village.ask(path, email).await;
                    times[*sort].push(began.elapsed());
                }
            }
            let [known, unknown] = times.map(median);
            ratios.push(known.as_secs_f64() / unknown.as_secs_f64());
            writeln!(
                std::io::stderr(),
                "{name}: known {known:?}, unknown {unknown:?} (medians of {ADDRESSES})"
            )
            .ok();
        }
        assert!(
            ratios.last().is_some_and(|ratio| (0.6..1.67).contains(ratio)),
            "{name}: known to unknown {ratios:?}"
        );
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Limits count addresses of mail and of the network, whether there is anybody behind them or not.
async fn known_and_unknown_addresses_are_held_up_alike(database: Secret) {
    let village = Village::open(database).await;
    let answers = async |village: &Village, path: &'static str, email: String, times: usize| {
        let mut answers = Vec::new();
        for _ in 0..times {
            answers.push(held_up(&village.ask(path, &email).await));
        }
        answers
    };
    for (name, path, status) in QUESTIONS {
        let one = answers(&village, path, known(0), 14).await;
        let other = answers(&village, path, unknown(0), 14).await;
        assert_eq!(one, other, "{name}");
        // Guesses at a password end; mails end too, and that is not told at all.
        let last = if name == "sign-in" { 429 } else { status };
        assert_eq!((one[0].0, one[13].0), (status, last), "{name}: {one:?}");
    }
    let mails = async |email: String| {
        let text = "SELECT COUNT(*) FROM outbox WHERE to_address = $1";
        village
            .database
            .row(text, args![email])
            .await
            .expect("a row")
            .expect("one")
            .count(0)
            .expect("a count")
    };
    // Of each sort five: a code to make an account with or a note that there is one, and codes for a new password.
    assert_eq!((mails(known(0)).await, mails(unknown(0)).await), (10, 5));
    let rate = Rate { burst: 4, per_second: 0.01 };
    for (name, path, _) in QUESTIONS {
        let mut both = Vec::new();
        for email in [known(1), unknown(1)] {
            // The network's burst is spent at the same question, whoever is asked about.
            let village = village.with_rate(rate).await;
            both.push(answers(&village, path, email, 6).await);
        }
        assert_eq!(both[0], both[1], "{name}");
        assert_eq!(both[0].last().map(|answer| answer.0), Some(429), "{name}");
    }
}

/// As [`seen`], but for the seconds to wait, which pass.
fn held_up(answer: &Answer) -> (u16, Vec<String>, String) {
    let (status, headers, _) = seen(answer);
    let message = answer.body["message"].as_str().unwrap_or_default();
    let message = message.chars().filter(|c| !c.is_ascii_digit()).collect();
    (status, headers.into_keys().collect(), message)
}
