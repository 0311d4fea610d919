use bytes::Bytes;
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::key;
use control_plane_api::room::Presence;
use control_plane_api::token::ApiKey;
use control_plane_classes::classroom::answers::{Submission, take};
use control_plane_classes::classroom::course::{State as Course, Step};
use control_plane_classes::classroom::quiz::{Given, Item, ItemKind, Sheet};
use control_plane_classes::classroom::{Moment, quizzes};
use control_plane_classes::database::Place;
use control_plane_classes::{Sql as _, args};
use tokio_util::task::TaskTracker;

use super::*;

const PACE: Pace = Pace {
    empty: Duration::from_secs(60),
    untaught: Duration::from_secs(300),
    look: Duration::from_secs(10),
};

#[test]
fn a_lesson_is_over_when_those_who_matter_have_been_away_for_long() {
    let mut watcher = Watcher::default();
    let start = Instant::now();
    let mut look = |missing: &[(&str, Missing)], at_s: u64| {
        let seen: Vec<_> = missing.iter().map(|(class, missing)| ((*class).to_owned(), *missing)).collect();
        watcher.over(&seen, PACE, start + Duration::from_secs(at_s))
    };
    assert!(look(&[("ink", Missing::Everybody), ("oboe", Missing::Instructor)], 0).is_empty());
    assert!(look(&[("ink", Missing::Nobody), ("oboe", Missing::Instructor)], 50).is_empty(), "back again");
    assert!(look(&[("ink", Missing::Everybody), ("oboe", Missing::Instructor)], 60).is_empty());
    assert!(look(&[("ink", Missing::Everybody), ("oboe", Missing::Instructor)], 119).is_empty());
    assert_eq!(look(&[("ink", Missing::Everybody), ("oboe", Missing::Instructor)], 120), ["ink"]);
    assert_eq!(look(&[("oboe", Missing::Instructor)], 300), ["oboe"]);
    assert!(look(&[], 310).is_empty());
    assert!(look(&[("oboe", Missing::Instructor)], 320).is_empty(), "what was closed and opened begins anew");
}

struct Lesson {
    store: Arc<dyn Store>,
    database: Database,
    quiz: String,
    _stop: tokio_util::sync::DropGuard,
    _directory: tempfile::TempDir,
}

impl Lesson {
    /// A quiz is open in the class `ink`, which `present` attend. Its schedule has passed.
    async fn begin(present: &[&str], pace: Pace) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let database =
            Database::open(&Place::File(directory.path().join("classes.db"))).await.expect("opens");
        for id in ["teacher", "minji"] {
            let text = "INSERT INTO accounts (id, name, role, locale, created_at_ms) VALUES ($1, $1, 'student', 'ko', 1)";
            database.execute(text, args![id]).await.expect("an account");
        }
        let text = "INSERT INTO classes (id, title, description, category, level, language, duration_min, time_zone, \
            recorded, instructor_id, starts_at_ms, created_at_ms, updated_at_ms) \
            VALUES ('ink', 'ink', '', 'music', 'any', 'ko', 60, 'Asia/Seoul', 0, 'teacher', 1, 1, 1)";
        database.execute(text, args![]).await.expect("a class");
        let item = Item { id: "one".into(), kind: ItemKind::Short, text: "?".into(), choices: Vec::new() };
        let sheet =
            Sheet { title: "퀴즈".into(), items: vec![item], key: Given::new(), time_limit_s: None };
        let now_ms = unix_time_ms();
        let quiz = quizzes::create(&database, "ink", sheet, now_ms).await.expect("a draft").id;
        let moment = Moment { now_ms, room: Some(("RM_1".into(), now_ms)) };
        quizzes::step(&database, "ink", &quiz, Step::Open, &moment).await.expect("open");

        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
        let stop = CancellationToken::new();
        let lesson = Self { store, database, quiz, _stop: stop.clone().drop_guard(), _directory: directory };
        lesson.attend(present).await;
        let view = View::start(&lesson.store, &stop);
        let key = ApiKey { key: "devkey".into(), secret: "0123456789abcdef0123456789abcdef".into() };
        let rooms = Rooms::new(view.clone(), key, "", &TaskTracker::new(), &stop).expect("rooms");
        tokio::spawn(close_behind(view, lesson.database.clone(), Arc::new(rooms), pace, stop));
        lesson
    }

    async fn attend(&self, present: &[&str]) {
        let key = key::presence("ink", "jeju-edge");
        if present.is_empty() {
            self.store.delete(&key).await.expect("deleted");
            return;
        }
        let presence = Presence {
            room: "ink".into(),
            room_sid: "RM_1".into(),
            node: "jeju-edge".into(),
            participants: 1,
            identities: present.iter().map(|id| (*id).to_owned()).collect(),
        };
        let record = serde_json::to_vec(&presence).expect("plain data");
        self.store.put(&key, Bytes::from(record), None).await.expect("put");
    }

    async fn is_open(&self) -> bool {
        quizzes::find(&self.database, "ink", &self.quiz).await.expect("found").state == Course::Open
    }

    async fn closes(&self) {
        let closed = async {
            while self.is_open().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), closed).await.expect("it closes");
    }
}

/// Short, and longer than any pause of a loaded machine between two looks need be.
const QUICK: Pace = Pace {
    empty: Duration::from_millis(50),
    untaught: Duration::from_millis(50),
    look: Duration::from_millis(10),
};

#[tokio::test]
async fn when_everybody_has_gone_the_quiz_closes_and_the_replay_can_answer_it() {
    let lesson = Lesson::begin(&["teacher", "minji"], QUICK).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(lesson.is_open().await, "the lesson goes on");
    let answer = |id: &str, replay: bool| Submission {
        id: id.into(),
        class: "ink".into(),
        quiz: lesson.quiz.clone(),
        account: "minji".into(),
        given: Given::from([("one".into(), vec!["먹".into()])]),
        answered_at_ms: unix_time_ms() + 1,
        received_at_ms: unix_time_ms() + 1,
        replay,
    };
    let early = take(&lesson.database, &[answer("u-1", true)]).await.expect("taken");
    assert_eq!(early[0].as_ref().err().and_then(|error| error.code()), Some("quiz_not_open"));
    lesson.attend(&[]).await;
    lesson.closes().await;
    // Answers of the lesson itself may arrive until a minute after the close.
    let mut later = answer("u-2", true);
    later.received_at_ms += 61_000;
    let later = take(&lesson.database, &[later]).await.expect("taken");
    assert!(later[0].as_ref().is_ok_and(|receipt| receipt.counted), "{later:?}");
}

#[tokio::test]
async fn past_the_schedule_an_instructor_who_has_left_ends_the_lesson() {
    let lesson = Lesson::begin(&["teacher", "minji"], QUICK).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(lesson.is_open().await, "lessons may take longer");
    lesson.attend(&["minji"]).await;
    lesson.closes().await;
}
