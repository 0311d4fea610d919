//! The example that shows how a class is taught and attended from any SDK does what it shows.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use control_plane::config::Secret;
use serde_json::{Value, json};

#[path = "support/both.rs"]
mod both;
#[path = "support/school.rs"]
#[expect(dead_code, reason = "only people are of interest here")]
mod school;

use both::both;
use school::{School, api_key};

both!(
    the_example_teaches_and_attends_a_class,
    the_example_hears_words_asks_when_it_missed_some_and_believes_no_forgery
);

/// Hears, as from a client SDK's room: what it knows, a repeat, the next one, a forgery, one that came after others were lost.
const LISTENER: &str = r#"
import json, sys
sys.path.insert(0, sys.argv[1])
import classroom

class Room:
    def on(self, event):
        assert event == "data_received"
        return lambda heard: setattr(self, "heard", heard)

class Packet:
    def __init__(self, word, participant=None, topic="seodang.class"):
        self.data, self.participant, self.topic = json.dumps(word).encode(), participant, topic

room, student = Room(), classroom.School(*sys.argv[2:])
classroom.listen(room, student)
v = student.ask("GET", "/live")["v"]
for packet in [
    Packet({"v": v, "kind": "changed"}),
    Packet({"v": v + 1, "kind": "changed"}),
    Packet({"v": v + 1, "kind": "forged"}, participant="minji"),
    Packet({"v": v + 1, "kind": "other"}, topic="else"),
    Packet({"v": v + 1, "kind": "slide", "slide": None}),
    Packet({"kind": "tally", "quiz": "q", "tally": {}}),
    Packet({"v": v + 9, "kind": "locked", "locked": True}),
    Packet({"v": v + 1, "kind": "spotlight", "spotlight": "minji"}),
]:
    room.heard(packet)
"#;

/// `None`: there is no Python here, which is said.
async fn python(arguments: Vec<String>) -> Option<Output> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("classes/examples");
    let ran = tokio::task::spawn_blocking(move || {
        let mut command = Command::new("python3");
        command
            .args(arguments)
            .current_dir(examples)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUTF8", "1");
        command.stdin(Stdio::null()).output()
    });
    match ran.await.expect("no panic") {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            writeln!(std::io::stderr(), "SKIPPED: python3 is not installed").ok();
            None
        }
        Err(error) => panic!("python3: {error}"),
    }
}

/// A class with a teacher and a student, and how the example is told of them: everything up to the accounts.
async fn class(database: Secret) -> (School, [String; 4], [String; 2]) {
    let school = School::open(|config| config.database = database).await;
    let teacher = school.person("teacher", "instructor").await;
    let student = school.person("student", "student").await;
    let class = school.class(&teacher, json!({"title": "붓글씨", "capacity": 9})).await;
    school.ask(&student, "PUT", &format!("/v1/classes/{class}/enrolment"), "").await;
    let key = api_key();
    let told = [format!("http://{}", school.address), key.key, key.secret, class];
    (school, told, [teacher.id, student.id])
}

async fn the_example_teaches_and_attends_a_class(database: Secret) {
    let (school, told, accounts) = class(database).await;
    let class = told[3].clone();
    let arguments = ["classroom.py".to_owned()].into_iter().chain(told).chain(accounts).collect();
    let Some(output) = python(arguments).await else { return };
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("counted: True at 1"), "{said}");
    assert_eq!(lines[1], "tally: {'ink': {'a': 1}, 'word': {'벼루': 1}}", "{said}");
    assert_eq!(lines[2], "slide: 1 먹 갈기", "{said}");
    assert_eq!(lines[3..], ["score: 2 hands: ['student']"], "{said}");

    // What it showed is what the school has.
    let server = school::server();
    let live: Value = school.ask(&server, "GET", &format!("/v1/classes/{class}/live"), "").await.body;
    assert_eq!(
        (&live["quizzes"][0]["state"], &live["chat"][0]["text"]),
        (&json!("revealed"), &json!("안녕하세요"))
    );
    assert_eq!((&live["hands"], live["questions"].as_array().map(Vec::len)), (&json!([]), Some(1)), "{live}");
}

async fn the_example_hears_words_asks_when_it_missed_some_and_believes_no_forgery(database: Secret) {
    let (_school, told, [_, student]) = class(database).await;
    let arguments =
        ["-c", LISTENER, "."].map(str::to_owned).into_iter().chain(told).chain([student]).collect();
    let Some(output) = python(arguments).await else { return };
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let kinds: Vec<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
    // Having missed some it asked, and is back where the school is: the next word is the next again.
    assert_eq!(kinds, ["slide", "spotlight"], "{said}");
}
