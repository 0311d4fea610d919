//! `seodang backup`, `restore` and `admin` as somebody runs them who keeps a school: while it is open, after everything was lost,
//! and from one database engine to the other.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[path = "support/http.rs"]
#[expect(dead_code, unreachable_pub, reason = "only requests are needed")]
mod http;

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "a long password";
const HANDOUT: &[u8] = b"ink\0\xff and a brush";

/// One machine's control plane: its configuration, and the process while it is open.
struct School {
    directory: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl School {
    /// `database`: the setting; empty is SQLite.
    fn new(database: &str) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let free = |port: &u16| {
            (*port..*port + 2).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        };
        // Below those that the kernel hands out.
        let port = (0..).map(|_| rand::random_range(12_000..30_000)).find(free).expect("there is one");
        let configuration = format!(
            "[control_plane]\nid = 'control-0'\nlisten = '127.0.0.1:{port}'\nadmin = '127.0.0.1:{}'\ndata_dir = 'data'\n\
            database = '{database}'\ndev = true\napi_keys = [{{ key = 'key', secret = '0123456789abcdef0123456789abcdef' }}]\n",
            port + 1
        );
        std::fs::write(directory.path().join("control-plane.toml"), configuration).expect("written");
        Self { directory, port, process: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seodang"));
        command.args(arguments).args(["--config", "control-plane.toml"]).current_dir(self.directory.path());
        command.stdin(Stdio::null()).env("RUST_LOG", "warn");
        // Settings come from the file alone; variables that are the tests' own are no settings.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SEODANG_"))
        {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("runs")
    }

    /// One that works, and what it says.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
    }

    /// One that does not, and why.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).expect("text")
    }

    async fn open(&mut self) {
        self.process = Some(self.command(&["control-plane"]).spawn().expect("starts"));
        let began = Instant::now();
        while http::get(&self.url("/v1/config")).await.is_err() {
            let process = self.process.as_mut().expect("just started");
            assert!(process.try_wait().expect("its state").is_none(), "it has ended");
            assert!(began.elapsed() < PATIENCE, "the control plane does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// As a power cut does.
    fn close(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("ended");
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn ask(&self, who: &Person, method: &str, path: &str, body: &[u8]) -> http::Response {
        let cookie = format!("seodang_session={}", who.cookie);
        let headers = [("cookie", cookie.as_str()), ("x-csrf-token", who.csrf.as_str())];
        http::request(method, &self.url(path), &headers, body).await.expect("an answer")
    }

    async fn json(&self, who: &Person, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.ask(who, method, path, &body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    async fn sign_up(&self, name: &str, role: &str) -> Person {
        let email = format!("{}@example.org", name.to_lowercase());
        let new = json!({"email": email, "password": PASSWORD, "name": name, "role": role});
        let begun = self.json(&Person::default(), "POST", "/v1/accounts", &new).await;
        let began = Instant::now();
        let code = loop {
            let mails =
                self.json(&Person::default(), "GET", &format!("/v1/dev/mail?to={email}"), &Value::Null).await;
            let text = mails["items"][0]["text"].as_str().unwrap_or_default();
            let mut words = text.split(|c: char| !c.is_ascii_digit());
            if let Some(code) = words.find(|word| word.len() == 6) {
                break code.to_owned();
            }
            assert!(began.elapsed() < PATIENCE, "no mail to {email}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        self.enter("/v1/accounts/confirm", &json!({"email": email, "code": code, "ticket": begun["ticket"]}))
            .await
    }

    async fn sign_in(&self, name: &str) -> Person {
        let email = format!("{}@example.org", name.to_lowercase());
        self.enter("/v1/session", &json!({"email": email, "password": PASSWORD})).await
    }

    async fn enter(&self, path: &str, body: &Value) -> Person {
        let answer = self.ask(&Person::default(), "POST", path, body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let cookie = answer.headers["set-cookie"].split([';', '=']).nth(1).expect("a cookie").to_owned();
        let person = Person { cookie, csrf: String::new() };
        let me = self.json(&person, "GET", "/v1/me", &Value::Null).await;
        Person { csrf: me["csrf"].as_str().expect("a token").to_owned(), ..person }
    }
}

impl Drop for School {
    fn drop(&mut self) {
        self.close();
    }
}

#[derive(Clone, Default)]
struct Person {
    cookie: String,
    csrf: String,
}

/// What a school has that is worth a backup.
struct Kept {
    class: String,
    handout: String,
    quiz: String,
    minji: Person,
}

/// A class with a place taken, a file, and a quiz that was answered.
async fn live(school: &School) -> Kept {
    let teacher = school.sign_up("Teacher", "instructor").await;
    let minji = school.sign_up("Minji", "student").await;
    let title = json!({"title": "붓글씨 '한 획'", "capacity": 9});
    let class =
        school.json(&teacher, "POST", "/v1/classes", &title).await["id"].as_str().expect("an id").to_owned();
    let at = |rest: &str| format!("/v1/classes/{class}{rest}");
    let handout = school.ask(&teacher, "POST", &at("/materials/file?name=ink.bin"), HANDOUT).await;
    let handout: Value = serde_json::from_slice(&handout.body).expect("JSON");
    school.json(&minji, "PUT", &at("/enrolment"), &Value::Null).await;
    let sheet = json!({"title": "먹", "items": [{"id": "one", "kind": "short", "text": "무엇으로 씁니까?"}],
        "key": {"one": ["먹"]}, "time_limit_s": null});
    let quiz = school.json(&teacher, "POST", &at("/quizzes"), &sheet).await["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    school.json(&teacher, "POST", &at(&format!("/quizzes/{quiz}/open")), &Value::Null).await;
    let answer = json!({"answers": {"one": ["먹"]}, "answered_at_ms": control_plane_agent::unix_time_ms()});
    school.json(&minji, "PUT", &at(&format!("/quizzes/{quiz}/answers/u-1")), &answer).await;
    Kept { handout: handout["url"].as_str().expect("a path").to_owned(), class, quiz, minji }
}

/// All of it is there: who was signed in still is, and passwords are what they were.
async fn is_whole(school: &School, kept: &Kept) {
    let teacher = school.sign_in("Teacher").await;
    let me = school.json(&kept.minji, "GET", "/v1/me", &Value::Null).await;
    assert_eq!((&me["account"]["name"], &me["account"]["role"]), (&json!("Minji"), &json!("admin")), "{me}");
    let class = school.json(&kept.minji, "GET", &format!("/v1/classes/{}", kept.class), &Value::Null).await;
    assert_eq!(class["title"], "붓글씨 '한 획'");
    assert_eq!(class["mine"]["enrolment"], "enrolled", "{class}");
    assert_eq!(school.ask(&kept.minji, "GET", &kept.handout, b"").await.body, HANDOUT);
    let tally = format!("/v1/classes/{}/quizzes/{}/tally", kept.class, kept.quiz);
    let tally = school.json(&teacher, "GET", &tally, &Value::Null).await;
    assert_eq!((&tally["answered"], &tally["correct"]["one"]), (&json!(1), &json!(1)), "{tally}");
    // What happens next does not collide with what was.
    let title = json!({"title": "다음 수업"});
    school.json(&teacher, "POST", "/v1/classes", &title).await;
}

/// A school on `database` is lost and comes back on `other`.
async fn lost_and_found(database: &str, other: &str) {
    let mut school = School::new(database);
    school.open().await;
    let kept = live(&school).await;
    assert_eq!(school.done(&["admin", "minji@example.org"]), "Minji is an admin", "while the school is open");
    let stranger = school.refused(&["admin", "nobody@example.org"]);
    assert!(stranger.contains("no account has the mail address nobody@example.org"), "{stranger}");
    let said = school.done(&["backup", "school.jsonl"]);
    let rows: u64 =
        said.strip_suffix(" rows in school.jsonl").and_then(|rows| rows.parse().ok()).expect(&said);
    assert!(rows > 10, "{said}");
    let file = school.path("school.jsonl");
    assert_eq!(
        std::fs::metadata(&file).expect("there").permissions().mode() & 0o777,
        0o600,
        "passwords are in it"
    );
    let full = school.refused(&["restore", "school.jsonl"]);
    assert!(full.contains("school.jsonl"), "into a school with people in it: {full}");
    school.close();
    drop(std::fs::remove_dir_all(school.path("data")));

    let mut found = School::new(other);
    std::fs::copy(&file, found.path("school.jsonl")).expect("brought over");
    cut(&file, &found.path("half.jsonl"));
    let half = found.refused(&["restore", "half.jsonl"]);
    assert!(half.contains("half.jsonl"), "{half}");
    let missing = found.refused(&["restore", "none.jsonl"]);
    assert!(missing.contains("none.jsonl"), "{missing}");
    assert_eq!(
        found.done(&["restore", "school.jsonl"]),
        format!("{rows} rows from school.jsonl"),
        "half left nothing"
    );
    found.open().await;
    is_whole(&found, &kept).await;
}

/// Without its last line and a half, as a disk that ran full leaves it.
fn cut(whole: &Path, half: &Path) {
    let text = std::fs::read(whole).expect("readable");
    std::fs::write(half, &text[..text.len() - 40]).expect("written");
}

/// `None`: no PostgreSQL on this machine.
fn postgres() -> Option<String> {
    let server = postgres_server::shared().expect("PostgreSQL")?;
    Some(server.database().expect("a database"))
}

#[tokio::test]
async fn a_school_on_sqlite_that_was_lost_comes_back() {
    lost_and_found("", "").await;
}

#[tokio::test]
async fn a_school_on_postgres_that_was_lost_comes_back() {
    if let (Some(one), Some(other)) = (postgres(), postgres()) {
        lost_and_found(&one, &other).await;
    }
}

#[tokio::test]
async fn a_school_moves_from_sqlite_to_postgres() {
    if let Some(database) = postgres() {
        lost_and_found("", &database).await;
    }
}
