//! A thousand students answer one quiz within five seconds, over HTTP, each signed in: no answer is lost, none counts
//! twice, and the tally is right; also when the control plane is killed in the middle and started again.
//!
//! The control plane is a process of its own (this binary, called again), so that it can be killed as processes are.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::token::{self, ApiKey, Claims, Grant};
use control_plane_classes::database::Place;
use control_plane_classes::people::session::{self, Session};
use control_plane_classes::{Database, Error, Sql as _, args, transaction};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const STUDENTS: usize = 1_000;
const RUSH: Duration = Duration::from_secs(5);
/// A student's page gives up an attempt after this long and tries again.
const ATTEMPT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(200);
/// Far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Set for the process under test: where its database is.
const CHILD: &str = "SEODANG_QUIZ_RUSH_DATABASE";
const SAYS: &str = "listening on ";

type Http = Client<HttpConnector, Full<Bytes>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("classes.db");
    rush(Place::File(file), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_with_the_control_plane_killed() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("classes.db");
    rush(Place::File(file), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    if let Some(place) = postgres().await {
        rush(place, false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_with_the_control_plane_killed() {
    if let Some(place) = postgres().await {
        rush(place, true).await;
    }
}

/// Not a test: the control plane of the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_under_test() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config { listen: free, admin: free, api_keys: vec![api_key()], ..Config::default() };
    if place.starts_with("postgres://") {
        config.database = serde_json::from_value(json!(place)).expect("a URL");
    } else {
        config.data_dir = std::path::Path::new(&place).parent().expect("a directory").to_owned();
    }
    let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
    let control_plane = ControlPlane::bind(config, store, None).await.expect("binds");
    let address = control_plane.address().expect("bound");
    writeln!(std::io::stdout(), "{SAYS}{address}").expect("somebody listens");
    control_plane.run(CancellationToken::new()).await.expect("runs");
}

async fn postgres() -> Option<Place> {
    let started = tokio::task::spawn_blocking(|| {
        postgres_server::shared().and_then(|server| server.map(|server| server.database()).transpose())
    });
    let url = started.await.expect("no panic").expect("PostgreSQL");
    if url.is_none() {
        writeln!(std::io::stderr(), "SKIPPED on PostgreSQL: it is not installed").ok();
    }
    url.map(Place::Postgres)
}

fn api_key() -> ApiKey {
    ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() }
}

async fn rush(place: Place, killed: bool) {
    let database = Database::open(&place).await.expect("opens");
    let sessions = school(&database).await;
    let mut process = Process::start(&place);
    let (moved, address) = watch::channel(process.address);
    let http: Http = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let quiz = open_quiz(&http, process.address).await;

    let started = Instant::now();
    let students: Vec<_> = sessions
        .into_iter()
        .enumerate()
        .map(|(index, session)| {
            let student = Student { index, session, quiz: quiz.clone(), http: http.clone() };
            tokio::spawn(student.answer(address.clone(), started))
        })
        .collect();
    if killed {
        tokio::time::sleep(RUSH / 2).await;
        process.child.kill().expect("SIGKILL");
        process.child.wait().expect("dead");
        process = tokio::task::spawn_blocking(move || Process::start(&place)).await.expect("starts again");
        moved.send(process.address).expect("students listen");
    }
    let mut receipts = Vec::new();
    for student in students {
        receipts.push(student.await.expect("no panic"));
    }
    let rushed = started.elapsed();
    report(&receipts, rushed, killed);

    let rows = "SELECT id, account_id, received_at_ms FROM quiz_answers ORDER BY account_id";
    let rows = database.rows(rows, args![]).await.expect("rows");
    assert_eq!(rows.len(), STUDENTS, "none lost, none double");
    for receipt in &receipts {
        let row = rows.iter().find(|row| row.text(0).is_ok_and(|id| id == receipt.id)).expect("it is stored");
        assert_eq!(row.count(2).expect("a time"), receipt.received_at_ms, "what was acknowledged stands");
    }
    let tally = tally(&http, process.address, &quiz).await;
    assert_eq!(tally["answered"], json!(STUDENTS), "{tally}");
    assert_eq!(tally["items"]["one"], json!({"a": STUDENTS / 4, "b": STUDENTS - STUDENTS / 4}), "{tally}");
    assert_eq!(tally["correct"]["one"], json!(STUDENTS / 4), "{tally}");
}

/// A class with a thousand students in it, all signed in.
async fn school(database: &Database) -> Vec<Session> {
    let now_ms = control_plane_agent::unix_time_ms();
    let account = "INSERT INTO accounts (id, name, role, locale, created_at_ms) VALUES ($1, $1, $2, 'ko', 1)";
    let class = "INSERT INTO classes (id, title, description, category, level, language, duration_min, time_zone, \
        recorded, instructor_id, capacity, created_at_ms, updated_at_ms) \
        VALUES ('ink', 'ink', '', 'music', 'any', 'ko', 60, 'Asia/Seoul', 0, 'teacher', 5000, 1, 1)";
    let enrol =
        "INSERT INTO enrolments (class_id, account_id, state, at_ms) VALUES ('ink', $1, 'enrolled', 1)";
    transaction!(database, tx => {
        tx.execute(account, args!["teacher", "instructor"]).await?;
        tx.execute(class, args![]).await?;
        let mut sessions = Vec::new();
        for index in 0..STUDENTS {
            let id = format!("s{index}");
            tx.execute(account, args![&id, "student"]).await?;
            tx.execute(enrol, args![&id]).await?;
            sessions.push(session::start(&tx, &id, now_ms).await?);
        }
        Ok::<_, Error>(sessions)
    })
    .expect("a school")
}

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(place: &Place) -> Self {
        let place = match place {
            Place::File(file) => file.to_str().expect("a path").to_owned(),
            Place::Postgres(url) => url.clone(),
        };
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["--exact", "the_process_under_test", "--nocapture"])
            .env(CHILD, place)
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = lines
            .find_map(|line| line.expect("text").split_once(SAYS).map(|(_, address)| address.to_owned()))
            .expect("it says where it listens");
        // What it says later is of no interest, but it must not wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.trim().parse().expect("an address") }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

struct Student {
    index: usize,
    session: Session,
    quiz: String,
    http: Http,
}

struct Receipt {
    id: String,
    received_at_ms: u64,
    took: Duration,
    attempts: u32,
}

impl Student {
    /// As a page does it: one id for the answer, sent until somebody says that it is stored.
    async fn answer(self, address: watch::Receiver<SocketAddr>, started: Instant) -> Receipt {
        // Spread over the rush, in an order that has nothing to do with the accounts'.
        let step = u32::try_from(self.index * 7_919 % STUDENTS).expect("small");
        let due = RUSH.mul_f64(f64::from(step) / f64::from(u32::try_from(STUDENTS).expect("small")));
        tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
        let choice = if self.index.is_multiple_of(4) { "a" } else { "b" };
        let id = format!("answer-{}", self.index);
        let now_ms = control_plane_agent::unix_time_ms();
        let body = json!({"answers": {"one": [choice]}, "answered_at_ms": now_ms}).to_string();
        let sent = Instant::now();
        for attempts in 1.. {
            assert!(sent.elapsed() < PATIENCE, "answer {id} in vain");
            let at = *address.borrow();
            let request = self.request(at, &id, &body);
            let first = tokio::time::timeout(ATTEMPT, ask(&self.http, request)).await.ok().flatten();
            // Every tenth answer is delivered twice, as happens when only the receipt is lost.
            let answer = if self.index.is_multiple_of(10) && first.is_some() {
                let again = self.request(at, &id, &body);
                tokio::time::timeout(ATTEMPT, ask(&self.http, again)).await.ok().flatten()
            } else {
                first
            };
            match answer {
                Some((StatusCode::OK, receipt)) => {
                    assert_eq!(receipt["counted"], true, "{receipt}");
                    let received_at_ms = receipt["received_at_ms"].as_u64().expect("a time");
                    return Receipt { id, received_at_ms, took: sent.elapsed(), attempts };
                }
                Some((status, refused)) if !status.is_server_error() => panic!("{id}: {status} {refused}"),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        unreachable!("it returns or panics")
    }

    fn request(&self, at: SocketAddr, id: &str, body: &str) -> Request<Full<Bytes>> {
        let uri = format!("http://{at}/v1/classes/ink/quizzes/{}/answers/{id}", self.quiz);
        let request = Request::builder().method(Method::PUT).uri(uri);
        let request = request.header("cookie", format!("seodang_session={}", self.session.token));
        let request = request.header("x-csrf-token", &self.session.csrf);
        request.body(Full::from(body.to_owned())).expect("a request")
    }
}

async fn ask(http: &Http, request: Request<Full<Bytes>>) -> Option<(StatusCode, Value)> {
    let response = http.request(request).await.ok()?;
    let status = response.status();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// As a server with an API key, for who teaches.
fn by_key(method: Method, uri: String, body: String) -> Request<Full<Bytes>> {
    let exp = Some(control_plane_agent::unix_time_ms() / 1000 + 60);
    let video = Some(Grant { room_admin: true, ..Grant::default() });
    let token = token::sign(&Claims { exp, video, ..Claims::default() }, &api_key());
    let request =
        Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {token}"));
    request.header("x-on-behalf-of", "teacher").body(Full::from(body)).expect("a request")
}

async fn open_quiz(http: &Http, at: SocketAddr) -> String {
    let sheet = json!({
        "title": "붓글씨",
        "items": [{"id": "one", "kind": "single", "text": "?", "choices": [{"id": "a", "text": "가"}, {"id": "b", "text": "나"}]}],
        "key": {"one": ["a"]},
        "time_limit_s": null,
    });
    let base = format!("http://{at}/v1/classes/ink/quizzes");
    let made = ask(http, by_key(Method::POST, base.clone(), sheet.to_string())).await.expect("an answer");
    assert_eq!(made.0, StatusCode::CREATED, "{}", made.1);
    let quiz = made.1["id"].as_str().expect("an id").to_owned();
    let open = by_key(Method::POST, format!("{base}/{quiz}/open"), String::new());
    assert_eq!(ask(http, open).await.expect("an answer").0, StatusCode::OK);
    quiz
}

async fn tally(http: &Http, at: SocketAddr, quiz: &str) -> Value {
    let uri = format!("http://{at}/v1/classes/ink/quizzes/{quiz}/tally");
    let (status, tally) = ask(http, by_key(Method::GET, uri, String::new())).await.expect("an answer");
    assert_eq!(status, StatusCode::OK, "{tally}");
    tally
}

fn report(receipts: &[Receipt], rushed: Duration, killed: bool) {
    let mut took: Vec<Duration> = receipts.iter().map(|receipt| receipt.took).collect();
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)].as_millis();
    let retried = receipts.iter().filter(|receipt| receipt.attempts > 1).count();
    let line = format!(
        "{STUDENTS} answers in {:.1} s{}: p50 {} ms, p95 {} ms, p99 {} ms, max {} ms; {retried} tried again",
        rushed.as_secs_f64(),
        if killed { ", control plane killed at 2.5 s" } else { "" },
        at(50),
        at(95),
        at(99),
        at(100),
    );
    writeln!(std::io::stderr(), "{line}").ok();
}
