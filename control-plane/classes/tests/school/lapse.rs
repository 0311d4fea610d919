//! Lessons that nobody ends, on both engines.

use control_plane_api::fact::{Fact, FactId, What};
use control_plane_classes::classroom::course::{State, Step};
use control_plane_classes::classroom::lapse::{Unfinished, close, unfinished};
use control_plane_classes::classroom::quiz::{Given, Item, ItemKind, Sheet};
use control_plane_classes::classroom::{self, Moment, poll, polls, quiz, quizzes};
use control_plane_classes::{Database, Sql as _, args, facts};

use crate::both::{School, both};
use crate::classroom::{NOW, account, class};

both!(what_a_lesson_left_open_is_found_and_closed, versions_of_many_classes);

async fn asked(database: &Database, class: &str, time_limit_s: Option<u32>, moment: &Moment) -> String {
    let item = Item { id: "one".into(), kind: ItemKind::Short, text: "?".into(), choices: Vec::new() };
    let sheet = Sheet { title: "퀴즈".into(), items: vec![item], key: Given::new(), time_limit_s };
    let quiz = quizzes::create(database, class, sheet, NOW).await.expect("a draft").id;
    quizzes::step(database, class, &quiz, Step::Open, moment).await.expect("open");
    quiz
}

async fn what_a_lesson_left_open_is_found_and_closed(school: School) {
    let database = &school.database;
    account(database, "teacher").await;
    for id in ["ink", "homework", "timed", "voted"] {
        class(database, id, "teacher").await;
    }
    database
        .execute("UPDATE classes SET starts_at_ms = $1 WHERE id = 'ink'", args![NOW])
        .await
        .expect("scheduled");
    let lesson = Moment { now_ms: NOW, room: Some(("RM_1".into(), NOW)) };
    let at_home = Moment { now_ms: NOW, room: None };
    let quiz = asked(database, "ink", None, &lesson).await;
    asked(database, "homework", None, &at_home).await;
    asked(database, "timed", Some(30), &lesson).await;
    let choice = |id: &str| quiz::Choice { id: id.into(), text: id.into() };
    let sheet = poll::Sheet {
        question: "?".into(),
        choices: vec![choice("a"), choice("b")],
        multiple: false,
        anonymous: true,
    };
    let poll = polls::create(database, "voted", sheet, NOW).await.expect("a draft").id;
    polls::step(database, "voted", &poll, poll::State::Open, &lesson).await.expect("open");

    let ids = async |now_ms: u64| -> Vec<String> {
        unfinished(database, now_ms).await.expect("read").into_iter().map(|lesson| lesson.class).collect()
    };
    assert_eq!(ids(NOW + 1).await, ["ink", "timed", "voted"], "not what is asked between lessons");
    assert_eq!(ids(NOW + 30_000).await, ["ink", "voted"], "the timer closes by itself");
    let first = unfinished(database, NOW).await.expect("read").swap_remove(0);
    let expected = Unfinished {
        class: "ink".into(),
        instructor: Some("teacher".into()),
        ends_at_ms: Some(NOW + 3_600_000),
    };
    assert_eq!(first, expected);
    let joined = What::Joined { identity: "minji".into(), participant_sid: "PA_1".into() };
    let id = FactId { node: "jeju".into(), epoch: 1, sequence: 1 };
    let fact = Fact { id, at_ms: NOW + 50, room: "homework".into(), room_sid: "RM_2".into(), what: joined };
    facts::record(database, &[fact]).await.expect("stored");
    assert_eq!(ids(NOW + 30_000).await, ["homework", "ink", "voted"], "it belongs to the lesson that came");

    let (before, _) = classroom::now(database, "ink").await.expect("a version");
    let closed = close(database, "ink", NOW + 60_000).await.expect("closed").expect("something was open");
    assert_eq!(closed.v, before + 1);
    let found = quizzes::find(database, "ink", &quiz).await.expect("there");
    assert_eq!((found.state, found.closes_at_ms), (State::Closed, Some(NOW + 60_000)));
    assert_eq!(close(database, "ink", NOW + 70_000).await.expect("closed"), None, "nothing twice");
    close(database, "voted", NOW + 60_000).await.expect("closed").expect("a poll was open");
    let found = polls::find(database, "voted", &poll).await.expect("there");
    assert_eq!(found.state, poll::State::Closed);
    let salts =
        database.row("SELECT COUNT(*) FROM polls WHERE salt IS NOT NULL", args![]).await.expect("a row");
    assert_eq!(salts.expect("one").count(0).expect("a count"), 0, "who voted is forgotten");
    assert_eq!(ids(NOW + 60_000).await, ["homework"]);
}

async fn versions_of_many_classes(school: School) {
    let database = &school.database;
    account(database, "teacher").await;
    for id in ["ink", "oboe", "quiet"] {
        class(database, id, "teacher").await;
    }
    let lesson = Moment { now_ms: NOW, room: Some(("RM_1".into(), NOW)) };
    asked(database, "ink", None, &lesson).await;
    asked(database, "ink", None, &lesson).await;
    asked(database, "oboe", None, &lesson).await;
    let of = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let mut found =
        classroom::versions(database, &of(&["ink", "oboe", "quiet", "'none"])).await.expect("read");
    found.sort();
    assert_eq!(
        found,
        [("ink".to_owned(), 2), ("oboe".to_owned(), 1)],
        "nothing was ever said in the quiet one"
    );
    assert!(classroom::versions(database, &[]).await.expect("nothing to read").is_empty());
}
