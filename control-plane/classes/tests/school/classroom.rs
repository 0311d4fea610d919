//! In class, on both engines: answers that count once, votes, chat, hands, questions, permissions.

use std::collections::BTreeSet;

use control_plane_classes::classroom::answers::{Receipt, Submission, mine, take, tally};
use control_plane_classes::classroom::course::Step;
use control_plane_classes::classroom::permissions::{Admission, Setting};
use control_plane_classes::classroom::quiz::{Choice, Given, Item, ItemKind, Sheet};
use control_plane_classes::classroom::{
    self, Moment, Person, chat, hands, permissions, poll, polls, questions, quizzes,
};
use control_plane_classes::{Database, Error, Result, Sql as _, args, transaction};

use crate::both::{School, both};

both!(
    a_thousand_answers_sent_several_times_over_by_two_control_planes_count_once,
    an_answer_is_known_by_its_id_and_its_person,
    answers_after_the_close_and_quizzes_that_were_asked,
    polls_count_one_vote_each_and_forget_who_voted,
    chat_is_kept_paged_muted_and_hidden,
    hands_stay_in_order_and_questions_take_one_vote_each,
    what_is_allowed_is_kept_and_removal_lasts_one_lesson,
    versions_have_no_gap_under_contention,
    an_erased_account_leaves_nothing_it_wrote,
);

pub(crate) const NOW: u64 = 1_800_000_000_000;

pub(crate) async fn account(database: &Database, id: &str) {
    let insert =
        "INSERT INTO accounts (id, name, role, locale, created_at_ms) VALUES ($1, $2, 'student', 'ko', 1)";
    database.execute(insert, args![id, format!("이름 {id}")]).await.expect("an account");
}

pub(crate) async fn class(database: &Database, id: &str, teacher: &str) {
    let insert = "INSERT INTO classes (id, title, description, category, level, language, duration_min, time_zone, \
        recorded, instructor_id, created_at_ms, updated_at_ms) \
        VALUES ($1, $1, '', 'music', 'any', 'ko', 60, 'Asia/Seoul', 0, $2, 1, 1)";
    database.execute(insert, args![id, teacher]).await.expect("a class");
}

pub(crate) async fn scene(school: &School) -> &Database {
    let database = &school.database;
    for id in ["teacher", "minji", "jisu"] {
        account(database, id).await;
    }
    class(database, "ink", "teacher").await;
    class(database, "other", "teacher").await;
    database
}

pub(crate) fn at(now_ms: u64) -> Moment {
    Moment { now_ms, room: Some(("RM_1".into(), NOW - 60_000)) }
}

fn person(id: &str) -> Person {
    Person { id: id.into(), name: format!("이름 {id}") }
}

fn choices(ids: &[&str]) -> Vec<Choice> {
    ids.iter().map(|id| Choice { id: (*id).into(), text: (*id).into() }).collect()
}

fn sheet(time_limit_s: Option<u32>) -> Sheet {
    let item =
        Item { id: "one".into(), kind: ItemKind::Single, text: "?".into(), choices: choices(&["a", "b"]) };
    Sheet { title: "퀴즈".into(), items: vec![item], key: given("a"), time_limit_s }
}

fn given(choice: &str) -> Given {
    Given::from([("one".into(), vec![choice.into()])])
}

pub(crate) async fn open_quiz(database: &Database, time_limit_s: Option<u32>) -> String {
    let quiz = quizzes::create(database, "ink", sheet(time_limit_s), NOW).await.expect("a draft").id;
    quizzes::step(database, "ink", &quiz, Step::Open, &at(NOW)).await.expect("open");
    quiz
}

pub(crate) fn answer(quiz: &str, id: &str, account: &str, choice: &str) -> Submission {
    Submission {
        class: "ink".into(),
        quiz: quiz.into(),
        id: id.into(),
        account: account.into(),
        given: given(choice),
        answered_at_ms: NOW + 1,
        replay: false,
        received_at_ms: NOW + 2,
    }
}

async fn one(database: &Database, answer: Submission) -> Result<Receipt> {
    take(database, &[answer]).await.expect("the database is there").remove(0)
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("refused").code().expect("by a rule")
}

async fn a_thousand_answers_sent_several_times_over_by_two_control_planes_count_once(school: School) {
    let database = scene(&school).await;
    for index in 0..1_000 {
        account(database, &format!("s{index}")).await;
    }
    let quiz = open_quiz(database, None).await;
    let other = Database::open(&school.place).await.expect("another control plane");
    let all: Vec<Submission> = (0..1_000)
        .map(|index| {
            let choice = if index % 4 == 0 { "b" } else { "a" };
            answer(&quiz, &format!("answer-{index}"), &format!("s{index}"), choice)
        })
        .collect();
    let started = std::time::Instant::now();
    let mut tasks = Vec::new();
    for (index, control_plane) in [database.clone(), other, database.clone()].into_iter().enumerate() {
        let mut all = all.clone();
        // Each control plane gets them in another order, and in batches of another size.
        all.rotate_left(index * 333);
        tasks.push(tokio::spawn(async move {
            for batch in all.chunks(70 + 30 * index) {
                for receipt in take(&control_plane, batch).await.expect("stored") {
                    assert_eq!(receipt.expect("the same answer is taken again").received_at_ms, NOW + 2);
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let quiz = quizzes::find(database, "ink", &quiz).await.expect("there");
    let (live, replay) = tally(database, &quiz).await.expect("a tally");
    assert_eq!((live.answered, replay.answered), (1_000, 0));
    assert_eq!((live.items["one"]["a"], live.items["one"]["b"], live.correct["one"]), (750, 250, 750));
    tracing::debug!(elapsed = ?started.elapsed(), "3,000 deliveries");
}

async fn an_answer_is_known_by_its_id_and_its_person(school: School) {
    let database = scene(&school).await;
    let quiz = open_quiz(database, None).await;
    let first = one(database, answer(&quiz, "id-1", "minji", "a")).await.expect("counted");
    assert!(first.counted && first.mine.correct.is_none(), "no result before the key is out");
    let again = Submission { received_at_ms: NOW + 9, ..answer(&quiz, "id-1", "minji", "a") };
    assert_eq!(one(database, again).await.expect("the same receipt"), first);
    assert_eq!(code(one(database, answer(&quiz, "id-2", "minji", "b")).await), "already_answered");
    assert_eq!(code(one(database, answer(&quiz, "id-1", "jisu", "b")).await), "id_taken");
    let elsewhere = Submission { class: "other".into(), ..answer(&quiz, "id-3", "jisu", "b") };
    assert_eq!(code(one(database, elsewhere).await), "quiz_not_found");
    let strange = Submission { given: given("z"), ..answer(&quiz, "id-3", "jisu", "b") };
    assert_eq!(code(one(database, strange).await), "invalid");
    let injected = answer(&quiz, "'; DROP TABLE quiz_answers; --", "jisu", "b");
    assert_eq!(code(one(database, injected).await), "invalid");
    // Two different ones of one person in one batch: one counts.
    let both = [answer(&quiz, "id-4", "jisu", "a"), answer(&quiz, "id-5", "jisu", "b")];
    let results = take(database, &both).await.expect("stored");
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let stored = mine(database, "ink", "minji").await.expect("mine");
    assert_eq!(stored[&quiz], (given("a"), false), "the first answer stands");
}

async fn answers_after_the_close_and_quizzes_that_were_asked(school: School) {
    let database = scene(&school).await;
    let draft = quizzes::create(database, "ink", sheet(None), NOW).await.expect("a draft").id;
    assert_eq!(code(one(database, answer(&draft, "d-1", "minji", "a")).await), "quiz_not_open");
    assert_eq!(code(quizzes::find(database, "other", &draft).await), "quiz_not_found");
    quizzes::rewrite(database, "ink", &draft, &sheet(Some(5))).await.expect("a draft can be rewritten");
    quizzes::delete(database, "ink", &draft).await.expect("and deleted");
    let quiz = open_quiz(database, Some(30)).await;
    assert_eq!(code(quizzes::rewrite(database, "ink", &quiz, &sheet(None)).await), "quiz_not_draft");
    assert_eq!(code(quizzes::delete(database, "ink", &quiz).await), "quiz_not_draft");
    assert_eq!(code(quizzes::step(database, "ink", &quiz, Step::Reveal, &at(NOW + 1)).await), "quiz_state");
    let late = |id: &str, account: &str, answered_ms: u64, received_ms: u64| Submission {
        answered_at_ms: NOW + answered_ms,
        received_at_ms: NOW + received_ms,
        ..answer(&quiz, id, account, "a")
    };
    // The timer ran out at 30 s, by the clock alone.
    assert!(one(database, late("l-1", "minji", 29_000, 37_000)).await.is_ok(), "cut off for 8 s");
    assert_eq!(code(one(database, late("l-2", "jisu", 31_000, 37_000)).await), "quiz_closed");
    assert_eq!(code(one(database, late("l-2", "jisu", 29_000, 91_000)).await), "quiz_closed");
    // An answer at the replay is told what is right: with it, a live one could be mended and still count.
    let probe = Submission { replay: true, ..late("r-0", "jisu", 38_000, 38_000) };
    assert_eq!(code(one(database, probe).await), "quiz_not_open");
    let (changed, told) =
        quizzes::step(database, "ink", &quiz, Step::Reveal, &at(NOW + 40_000)).await.expect("revealed");
    assert!(told && changed.it.minute_ms == Some(60_000));
    let (_, told) =
        quizzes::step(database, "ink", &quiz, Step::Reveal, &at(NOW + 41_000)).await.expect("again");
    assert!(!told, "nothing changed");
    assert_eq!(
        code(one(database, late("l-2", "jisu", 29_000, 42_000)).await),
        "quiz_closed",
        "the key is out"
    );
    let repeated = one(database, late("l-1", "minji", 29_000, 43_000)).await.expect("it counted");
    assert_eq!((repeated.mine.score, repeated.received_at_ms), (Some(1), NOW + 37_000));
    let replayed = Submission { replay: true, ..late("r-1", "jisu", 90_000_000, 90_000_001) };
    assert_eq!(one(database, replayed).await.expect("at the replay").mine.score, Some(1));
    let found = quizzes::find(database, "ink", &quiz).await.expect("there");
    let (live, replay) = tally(database, &found).await.expect("a tally");
    assert_eq!((live.answered, replay.answered), (1, 1));
}

async fn polls_count_one_vote_each_and_forget_who_voted(school: School) {
    let database = scene(&school).await;
    for anonymous in [false, true] {
        let sheet =
            poll::Sheet { question: "?".into(), choices: choices(&["a", "b"]), multiple: false, anonymous };
        let id = polls::create(database, "ink", sheet, NOW).await.expect("a draft").id;
        let vote = async |account: &str, choice: &str| {
            polls::vote(database, "ink", &id, account, &[choice.to_owned()]).await
        };
        assert_eq!(code(vote("minji", "a").await), "poll_closed");
        polls::step(database, "ink", &id, poll::State::Open, &at(NOW)).await.expect("open");
        vote("minji", "a").await.expect("counted");
        vote("minji", "b").await.expect("changed");
        let open = vote("jisu", "b").await.expect("counted");
        assert_eq!(code(vote("jisu", "z").await), "invalid");
        let tally = polls::tally(database, &open).await.expect("a tally");
        assert_eq!((tally["a"], tally["b"]), (0, 2));
        let mine = polls::seen(database, &open, false, Some("minji")).await.expect("seen");
        assert_eq!((mine.mine, mine.tally), (Some(vec!["b".into()]), None), "no tally while it is open");
        let closed =
            polls::step(database, "ink", &id, poll::State::Closed, &at(NOW)).await.expect("closed").0.it;
        let seen = polls::seen(database, &closed, false, Some("minji")).await.expect("seen");
        assert_eq!(seen.tally.expect("public")["b"], 2);
        assert_eq!(seen.mine.is_some(), !anonymous);
        assert_eq!(code(vote("minji", "a").await), "poll_closed");
        let rows =
            database.rows("SELECT voter FROM poll_votes WHERE poll_id = $1", args![&id]).await.expect("rows");
        let named = rows.iter().filter(|row| row.text(0).is_ok_and(|voter| voter == "minji")).count();
        assert_eq!(named, usize::from(!anonymous));
        let salt = database.row("SELECT salt FROM polls WHERE id = $1", args![&id]).await.expect("row");
        assert_eq!(salt.expect("one").text_or_null(0).expect("text"), None);
    }
}

async fn chat_is_kept_paged_muted_and_hidden(school: School) {
    let database = scene(&school).await;
    let say = async |from: &str, id: &str, text: &str, now_ms: u64| {
        chat::say(database, "ink", &person(from), id, text, &at(now_ms)).await
    };
    let script = "<script>alert('; DROP TABLE chat; --')</script>";
    let (said, v) = say("minji", "m-0", script, NOW).await.expect("said");
    assert_eq!((said.text.as_str(), v), (script, Some(1)), "kept as it is; pages show text as text");
    assert_eq!(say("minji", "m-0", "again", NOW + 5).await.expect("the same"), (said, None));
    assert_eq!(code(say("jisu", "m-0", "mine", NOW).await), "id_taken");
    assert_eq!(code(say("minji", "m 1", "x", NOW).await), "invalid");
    assert_eq!(code(say("minji", "m-1", &"가".repeat(1_001), NOW).await), "invalid");
    assert_eq!(code(say("minji", "m-1", "a\u{0}b", NOW).await), "invalid");
    for index in 1..=chat::PAGE + 20 {
        say("minji", &format!("m-{index}"), "네", NOW + index as u64 / 2).await.expect("said");
    }
    let latest = chat::list(database, "ink", &chat::Page::default()).await.expect("a page");
    assert_eq!((latest.len(), latest[chat::PAGE - 1].id.as_str()), (chat::PAGE, "m-120"));
    let before = chat::Page { before: Some(&latest[0].id), after: None };
    let older = chat::list(database, "ink", &before).await.expect("a page");
    let ids: BTreeSet<&str> = older.iter().chain(&latest).map(|message| message.id.as_str()).collect();
    assert_eq!((older.len(), ids.len()), (21, 121), "pages neither overlap nor leave out");
    let after = chat::Page { before: None, after: Some(&older[20].id) };
    assert_eq!(chat::list(database, "ink", &after).await.expect("a page"), latest);
    assert_eq!(code(chat::list(database, "other", &after).await), "message_not_found");

    permissions::set(database, "ink", "minji", &Setting::ChatMuted(true)).await.expect("muted");
    assert_eq!(code(say("minji", "m-x", "x", NOW).await), "chat_muted");
    assert_eq!(code(chat::hide(database, "ink", "m-0", "jisu", false).await), "not_allowed");
    assert_eq!(code(chat::hide(database, "other", "m-0", "teacher", true).await), "message_not_found");
    let hidden = chat::hide(database, "ink", "m-0", "teacher", true).await.expect("hidden").expect("changed");
    assert_eq!((hidden.it.text.as_str(), hidden.it.hidden), ("", true));
    assert_eq!(chat::hide(database, "ink", "m-0", "teacher", true).await.expect("again"), None);
    let first = chat::list(database, "ink", &before).await.expect("a page");
    assert_eq!(first[0].id, "m-1");
}

async fn hands_stay_in_order_and_questions_take_one_vote_each(school: School) {
    let database = scene(&school).await;
    hands::raise(database, "ink", "jisu", &at(NOW)).await.expect("up").expect("changed");
    hands::raise(database, "ink", "minji", &at(NOW + 1)).await.expect("up").expect("changed");
    assert_eq!(hands::raise(database, "ink", "jisu", &at(NOW + 2)).await.expect("still up"), None);
    let queue = |hands: &[hands::Hand]| hands.iter().map(|hand| hand.account.id.clone()).collect::<Vec<_>>();
    let up = hands::list(database, "ink", Some("RM_1")).await.expect("a queue");
    assert_eq!(queue(&up), ["jisu", "minji"]);
    assert!(hands::list(database, "ink", Some("RM_2")).await.expect("a queue").is_empty(), "the next lesson");
    let down = hands::lower(database, "ink", "jisu", &at(NOW + 3)).await.expect("down").expect("changed");
    assert_eq!(queue(&down.it), ["minji"]);
    assert_eq!(hands::lower(database, "ink", "jisu", &at(NOW + 3)).await.expect("was down"), None);

    let asked = questions::Asked {
        id: "q-1".into(),
        text: "먹은 어디서 사나요?".into(),
        minute_ms: None,
        replay: false,
        room_sid: None,
        anonymous: true,
    };
    let (question, v) = questions::ask(database, "ink", "minji", &asked, &at(NOW)).await.expect("asked");
    assert!(v.is_some() && question.from.is_none() && question.minute_ms == Some(60_000));
    assert_eq!(questions::ask(database, "ink", "minji", &asked, &at(NOW)).await.expect("again").1, None);
    assert_eq!(code(questions::ask(database, "ink", "jisu", &asked, &at(NOW)).await), "id_taken");
    let voted =
        questions::vote(database, "ink", "q-1", "jisu", true).await.expect("voted").expect("changed").it;
    assert_eq!((voted.votes, voted.voted), (1, Some(true)));
    assert_eq!(questions::vote(database, "ink", "q-1", "jisu", true).await.expect("again"), None);
    assert_eq!(code(questions::vote(database, "other", "q-1", "jisu", true).await), "question_not_found");
    let change = questions::Change { state: None, answer: Some("문방구".into()) };
    let answered = questions::change(database, "ink", "q-1", &change).await.expect("answered").it;
    assert_eq!((answered.state, answered.answer.as_deref()), (questions::State::Answered, Some("문방구")));
    let hide = questions::Change { state: Some(questions::State::Hidden), answer: None };
    questions::change(database, "ink", "q-1", &hide).await.expect("hidden");
    assert!(questions::list(database, "ink", Some("jisu"), false).await.expect("a list").is_empty());
    assert_eq!(questions::list(database, "ink", None, true).await.expect("a list").len(), 1);
    assert_eq!(code(questions::vote(database, "ink", "q-1", "minji", true).await), "question_not_found");
}

async fn what_is_allowed_is_kept_and_removal_lasts_one_lesson(school: School) {
    let database = scene(&school).await;
    let usual = permissions::find(database, "ink", "minji").await.expect("permissions");
    assert!(usual.speak && !usual.screen);
    permissions::set(database, "ink", "minji", &Setting::Speak(false)).await.expect("set");
    let now = permissions::set(database, "ink", "minji", &Setting::Screen(true)).await.expect("set");
    assert!(!now.speak && now.screen, "one setting leaves the others");
    permissions::set(database, "ink", "minji", &Setting::Removed(Some("RM_1".into()))).await.expect("set");
    let joins = async |sid| permissions::admission(database, "ink", "minji", sid).await.expect("admission");
    assert_eq!(joins(Some("RM_1")).await, Admission::Removed);
    assert!(matches!(joins(Some("RM_2")).await, Admission::Welcome(now) if !now.speak && now.screen));
    assert!(matches!(joins(None).await, Admission::Welcome(_)));
    permissions::set(database, "ink", "minji", &Setting::Removed(None)).await.expect("readmitted");
    assert!(matches!(joins(Some("RM_1")).await, Admission::Welcome(_)));
    assert_eq!(
        code(permissions::set(database, "ink", "nobody", &Setting::Speak(true)).await),
        "account_not_found"
    );
    assert!(permissions::set_locked(database, "ink", true, NOW).await.expect("locked").is_some());
    assert!(permissions::set_locked(database, "ink", true, NOW).await.expect("again").is_none());
    permissions::set_spotlight(database, "ink", Some("minji")).await.expect("in the light");
    assert_eq!(classroom::now(database, "ink").await.expect("now").1.as_deref(), Some("minji"));
    permissions::end(database, "ink", NOW).await.expect("over");
    assert_eq!(classroom::now(database, "ink").await.expect("now").1, None);
}

async fn versions_have_no_gap_under_contention(school: School) {
    let database = scene(&school).await;
    let all: Vec<_> = (0..60)
        .map(|index| {
            let database = database.clone();
            tokio::spawn(async move {
                let id = format!("m-{index}");
                chat::say(&database, "ink", &person("minji"), &id, "네", &at(NOW)).await.expect("said").1
            })
        })
        .collect();
    let mut versions = BTreeSet::new();
    for one in all {
        versions.insert(one.await.expect("no panic").expect("a change"));
    }
    assert_eq!(versions, (1..=60).collect());
}

async fn an_erased_account_leaves_nothing_it_wrote(school: School) {
    let database = scene(&school).await;
    let quiz = open_quiz(database, None).await;
    one(database, answer(&quiz, "id-1", "minji", "a")).await.expect("counted");
    chat::say(database, "ink", &person("minji"), "m-1", "안녕", &at(NOW)).await.expect("said");
    hands::raise(database, "ink", "minji", &at(NOW)).await.expect("up");
    let asked = questions::Asked {
        id: "q-1".into(),
        text: "?".into(),
        minute_ms: None,
        replay: false,
        room_sid: None,
        anonymous: false,
    };
    questions::ask(database, "ink", "jisu", &asked, &at(NOW)).await.expect("asked");
    questions::vote(database, "ink", "q-1", "minji", true).await.expect("voted");
    transaction!(database, tx => {
        for statement in classroom::ERASE {
            tx.execute(statement, args!["minji"]).await?;
        }
        Ok::<(), Error>(())
    })
    .expect("erased");
    for table in ["quiz_answers", "chat", "hands", "hands_raised", "question_votes", "classroom_permissions"]
    {
        let row = database.row(&format!("SELECT COUNT(*) FROM {table}"), args![]).await.expect("row");
        assert_eq!(row.expect("one").count(0).expect("a count"), 0, "{table}");
    }
    let left = questions::find(database, "ink", "q-1", None).await.expect("jisu's question stays");
    assert_eq!(left.votes, 0);
}
