//! After class, on both engines: attendance from facts, corrections, timeline, what was watched, the board.

use control_plane_api::fact::{Fact, FactId, What};
use control_plane_classes::attendance::Status;
use control_plane_classes::attendance::sheet::{self, Asked, Sheet};
use control_plane_classes::board::{self, NewThread};
use control_plane_classes::catalogue::{Class, store};
use control_plane_classes::classroom::course::Step;
use control_plane_classes::classroom::quiz::{Item, ItemKind, Sheet as QuizSheet};
use control_plane_classes::classroom::timeline::{Life, entries};
use control_plane_classes::classroom::watched::{AtMinute, Event, Span, by_minute, note};
use control_plane_classes::classroom::{Moment, Person, chat, hands, questions, quizzes};
use control_plane_classes::{Database, Result, Sql as _, args, facts};

use crate::both::{School, both};
use crate::classroom::{NOW, account, class};

both!(
    attendance_comes_from_facts_and_corrections_leave_a_line,
    a_lesson_is_told_by_class_time,
    a_board_notifies_and_keeps_what_others_wrote,
    minutes_that_were_watched_again,
);

const MINUTE: u64 = 60_000;

async fn scene(school: &School) -> (&Database, Class) {
    let database = &school.database;
    for id in ["teacher", "minji", "jisu", "hana"] {
        account(database, id).await;
    }
    class(database, "ink", "teacher").await;
    for id in ["minji", "jisu", "hana"] {
        let enrol =
            "INSERT INTO enrolments (class_id, account_id, state, at_ms) VALUES ('ink', $1, 'enrolled', 1)";
        database.execute(enrol, args![id]).await.expect("a place");
    }
    let class = store::find(database, "ink").await.expect("read").expect("there");
    (database, class)
}

fn fact(sequence: u64, minute: u64, what: What) -> Fact {
    let id = FactId { node: "jeju".into(), epoch: 1, sequence };
    Fact { id, at_ms: NOW + minute * MINUTE, room: "ink".into(), room_sid: "RM_1".into(), what }
}

fn joined(identity: &str, sid: &str) -> What {
    What::Joined { identity: identity.into(), participant_sid: sid.into() }
}

fn left(identity: &str, sid: &str) -> What {
    What::Left { identity: identity.into(), participant_sid: sid.into(), reason: "gone".into() }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("refused").code().expect("by a rule")
}

fn status(sheet: &Sheet, id: &str) -> Option<Status> {
    sheet.items.iter().find(|entry| entry.account.id == id).map(|entry| entry.status)
}

async fn attendance_comes_from_facts_and_corrections_leave_a_line(school: School) {
    let (database, class) = scene(&school).await;
    let asked = Asked { class: &class, room_sid: None, live: None, now_ms: NOW + 90 * MINUTE };
    let before = sheet::read(database, asked).await.expect("a sheet");
    assert_eq!((before.lesson, before.items.len()), (None, 3), "never held");
    let mut told = vec![
        fact(1, 0, What::RoomStarted),
        fact(2, 0, joined("teacher", "PA_t")),
        fact(3, 1, joined("minji", "PA_1")),
        fact(4, 20, left("minji", "PA_1")),
        fact(5, 21, joined("minji", "PA_2")),
        fact(6, 60, left("minji", "PA_2")),
        fact(7, 15, joined("jisu", "PA_3")),
        fact(8, 60, left("jisu", "PA_3")),
        fact(9, 5, joined("guest-from-sdk", "PA_4")),
        fact(10, 60, left("guest-from-sdk", "PA_4")),
        fact(11, 60, left("teacher", "PA_t")),
        fact(12, 60, What::RoomFinished),
    ];
    told.reverse();
    facts::record(database, &told).await.expect("recorded");
    facts::record(database, &told[3..]).await.expect("repeats change nothing");
    let found = sheet::read(database, asked).await.expect("a sheet");
    assert_eq!(status(&found, "minji"), Some(Status::Present));
    assert_eq!(found.items.iter().find(|e| e.account.id == "minji").expect("there").intervals.len(), 1);
    assert_eq!(status(&found, "jisu"), Some(Status::Late));
    assert_eq!(status(&found, "hana"), Some(Status::Absent));
    assert_eq!(status(&found, "guest-from-sdk"), Some(Status::Present));
    assert_eq!(status(&found, "teacher"), None);

    let by = Person { id: "teacher".into(), name: "선생님".into() };
    let correct = async |account: &str, status, reason: &str| {
        sheet::correct(database, asked, account, status, reason, &by).await
    };
    let entry = correct("hana", Status::Present, "정전").await.expect("corrected");
    assert_eq!(entry.corrected.expect("a line").was, Status::Absent);
    correct("hana", Status::Late, "늦게 옴").await.expect("corrected again");
    assert_eq!(code(correct("hana", Status::Late, " ").await), "invalid");
    assert_eq!(code(correct("teacher", Status::Late, "x").await), "account_not_found");
    let found = sheet::read(database, asked).await.expect("a sheet");
    let hana = found.items.iter().find(|entry| entry.account.id == "hana").expect("there");
    let line = hana.corrected.as_ref().expect("a line");
    assert_eq!((hana.status, line.was, line.reason.as_str()), (Status::Late, Status::Present, "늦게 옴"));
    let lines = database.row("SELECT COUNT(*) FROM attendance_corrections", args![]).await.expect("row");
    assert_eq!(lines.expect("one").count(0).expect("a count"), 2, "no line is ever changed");
    // A line read by itself, from its own facts alone, is the same line.
    let whole = sheet::read(database, asked).await.expect("a sheet");
    // Whom a server let in by name asks nothing.
    for line in whole.items.iter().filter(|line| line.account.id != "guest-from-sdk") {
        let own = sheet::read_of(database, asked, &line.account.id).await.expect("a sheet");
        assert_eq!((&own.lesson, &own.items[..]), (&whole.lesson, std::slice::from_ref(line)));
    }
    assert!(sheet::read_of(database, asked, "teacher").await.expect("a sheet").items.is_empty());
    let earlier = Asked { room_sid: Some("RM_none"), ..asked };
    assert_eq!(code(sheet::read(database, earlier).await), "lesson_not_found");
}

async fn a_lesson_is_told_by_class_time(school: School) {
    let (database, _) = scene(&school).await;
    let at = |minute: u64| Moment { now_ms: NOW + minute * MINUTE, room: Some(("RM_1".into(), NOW)) };
    let item = Item { id: "one".into(), kind: ItemKind::Short, text: "?".into(), choices: Vec::new() };
    let quiz = QuizSheet { title: "퀴즈".into(), items: vec![item], key: [].into(), time_limit_s: None };
    let quiz = QuizSheet { key: [("one".to_owned(), vec!["먹".to_owned()])].into(), ..quiz };
    let quiz = quizzes::create(database, "ink", quiz, NOW).await.expect("a draft").id;
    quizzes::step(database, "ink", &quiz, Step::Open, &at(3)).await.expect("open");
    let minji = Person { id: "minji".into(), name: "민지".into() };
    chat::say(database, "ink", &minji, "m-1", "안녕하세요", &at(1)).await.expect("said");
    chat::say(database, "ink", &minji, "m-2", "나쁜 말", &at(2)).await.expect("said");
    chat::hide(database, "ink", "m-2", "teacher", true).await.expect("hidden");
    hands::raise(database, "ink", "minji", &at(4)).await.expect("up");
    let asked = questions::Asked {
        id: "q-1".into(),
        text: "다시 보니 궁금해요".into(),
        minute_ms: Some(90_000),
        replay: true,
        room_sid: Some("RM_1".into()),
        anonymous: false,
    };
    let next_day = Moment { now_ms: NOW + 1_440 * MINUTE, room: None };
    let never = questions::Asked { minute_ms: Some(u64::MAX), ..asked.clone() };
    assert_eq!(code(questions::ask(database, "ink", "jisu", &never, &next_day).await), "invalid");
    questions::ask(database, "ink", "jisu", &asked, &next_day).await.expect("asked");
    let life = Life { class: "ink", room_sid: "RM_1", started_at_ms: NOW, ended_at_ms: NOW + 60 * MINUTE };
    let told = entries(database, &life, Some("jisu"), NOW + 1_441 * MINUTE).await.expect("entries");
    let order: Vec<_> = told.iter().map(|entry| (entry.at_ms, entry.kind)).collect();
    // An id of digits is an id, not a time long ago.
    chat::say(database, "ink", &minji, "7", "숫자", &at(50)).await.expect("said");
    let before = chat::Page { before: Some("7"), after: None };
    let ids: Vec<_> =
        chat::list(database, "ink", &before).await.expect("read").into_iter().map(|m| m.id).collect();
    assert_eq!(ids, ["m-1"]);
    assert_eq!(order, [(MINUTE, "chat"), (90_000, "question"), (3 * MINUTE, "quiz"), (4 * MINUTE, "hand")]);
    assert!(told[2].data.get("key").is_none(), "not revealed: {}", told[2].data);
    let other = Life { room_sid: "RM_2", ..life };
    assert!(entries(database, &other, None, NOW).await.expect("entries").is_empty());
}

async fn a_board_notifies_and_keeps_what_others_wrote(school: School) {
    let (database, class) = scene(&school).await;
    let new = NewThread {
        id: "t-1".into(),
        title: "<b>먹</b>".into(),
        text: "어디서 사나요?".into(),
        minute_ms: Some(60_000),
    };
    let thread = board::begin(database, "ink", "minji", &new, NOW).await.expect("begun");
    assert_eq!(board::begin(database, "ink", "minji", &new, NOW + 9).await.expect("again"), thread);
    assert_eq!(code(board::begin(database, "ink", "jisu", &new, NOW).await), "id_taken");
    let person = |id: &str| Person { id: id.into(), name: format!("이름 {id}") };
    let reply = async |from: &str, id: &str| {
        board::reply(database, &class, "t-1", &person(from), id, "문방구", NOW + 1).await
    };
    assert!(reply("teacher", "r-1").await.expect("replied").instructor);
    reply("teacher", "r-1").await.expect("the same reply");
    assert_eq!(code(reply("jisu", "r-1").await), "id_taken");
    reply("minji", "r-2").await.expect("replied");
    let accept = async |reply: Option<&str>, account: &str, teaches| {
        board::accept(database, &class, "t-1", reply, account, teaches, NOW + 2).await
    };
    assert_eq!(code(accept(Some("r-1"), "jisu", false).await), "not_allowed");
    assert_eq!(code(accept(Some("r-9"), "minji", false).await), "reply_not_found");
    accept(Some("r-1"), "minji", false).await.expect("accepted");
    accept(Some("r-1"), "minji", false).await.expect("again");
    let (found, replies) = board::find(database, &class, "t-1").await.expect("there");
    assert_eq!(
        (found.replies, found.accepted, replies[0].accepted, replies[1].accepted),
        (2, true, true, false)
    );
    let told = "SELECT account_id, kind FROM notifications ORDER BY account_id";
    let rows = database.rows(told, args![]).await.expect("rows");
    let told: Vec<_> =
        rows.iter().map(|row| (row.text(0).expect("text"), row.text(1).expect("text"))).collect();
    assert_eq!(told, [("minji".into(), "answer".into()), ("teacher".into(), "accepted".into())]);
    assert_eq!(code(board::delete(database, "ink", "t-1", "minji", false).await), "not_allowed");
    for statement in board::ERASE {
        database.execute(statement, args!["minji"]).await.expect("erased");
    }
    let (found, replies) = board::find(database, &class, "t-1").await.expect("others answered it");
    assert_eq!((found.title.as_str(), found.text.as_str(), found.replies, replies.len()), ("", "", 1, 1));
    board::delete(database, "ink", "t-1", "teacher", true).await.expect("deleted");
    for index in 0..board::PAGE + 5 {
        let new = NewThread { id: format!("t-{index}-x"), minute_ms: None, ..new.clone() };
        board::begin(database, "ink", "jisu", &new, NOW + index as u64 / 3).await.expect("begun");
    }
    let (first, next) = board::list(database, "ink", None).await.expect("a page");
    let (second, end) = board::list(database, "ink", next.as_deref()).await.expect("a page");
    assert_eq!((first.len(), second.len(), end), (board::PAGE, 5, None));
    assert_eq!(code(board::list(database, "ink", Some("x' OR 1=1")).await), "bad_cursor");
}

async fn minutes_that_were_watched_again(school: School) {
    let (database, _) = scene(&school).await;
    let span = |event, from_ms, to_ms| Span { room_sid: "RM_1".into(), from_ms, to_ms, event };
    let back = [span(Event::SeekBack, 200_000, 61_000), span(Event::SeekBack, 190_000, 119_999)];
    note(database, "ink", "minji", &back, NOW).await.expect("noted");
    note(database, "ink", "jisu", &[span(Event::SeekBack, 90_000, 60_000)], NOW).await.expect("noted");
    note(database, "ink", "jisu", &[span(Event::Leave, 0, 300_000)], NOW).await.expect("noted");
    let rewound = by_minute(database, "ink", Event::SeekBack).await.expect("minutes");
    assert_eq!(rewound, [AtMinute { minute: 1, n: 2 }], "people, not jumps");
    assert_eq!(
        by_minute(database, "ink", Event::Leave).await.expect("minutes"),
        [AtMinute { minute: 5, n: 1 }]
    );
    let absurd = [span(Event::Play, 0, u64::MAX)];
    assert_eq!(code(note(database, "ink", "minji", &absurd, NOW).await), "invalid");
}
