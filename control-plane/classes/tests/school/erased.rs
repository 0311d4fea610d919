//! What is left of somebody who goes, and of somebody who never came.

use control_plane_classes::board::{self, NewThread};
use control_plane_classes::catalogue::{edit, enrolment, store as classes};
use control_plane_classes::classroom::permissions::{self, Setting};
use control_plane_classes::classroom::quiz::Choice;
use control_plane_classes::classroom::{Person, chat, hands, poll, polls, questions, watched};
use control_plane_classes::discover::{NewWish, store as discover};
use control_plane_classes::people::accounts::{self, Pending};
use control_plane_classes::people::notifications::{self, Kind};
use control_plane_classes::people::{Account, Locale, Role, identities, outbox, session, store};
use control_plane_classes::{Database, Sql as _, args, upkeep};

use crate::both::{School, both};
use crate::catalogue::class;
use crate::classroom::{answer, at, open_quiz};
use crate::people::{NOW, account};

both!(
    an_erased_account_leaves_nothing_personal,
    what_strangers_left_at_the_door_is_taken_away,
    notifications_of_others_name_who_is_there,
);

const TRACES: [&str; 6] = ["minji", "Minji", "김민지", "제주", "secret-hash", "provider-subject"];

async fn dump(database: &Database) -> String {
    let mut file = Vec::new();
    control_plane_classes::backup::dump(database, &mut file).await.expect("dumped");
    String::from_utf8(file).expect("text")
}

fn pending() -> Pending {
    let (name, password_hash) = ("김민지".to_owned(), "secret-hash".to_owned());
    Pending { name, role: Role::Student, locale: Locale::Ko, password_hash }
}

/// Does everything there is to do, each time with her name in it.
async fn busy(database: &Database, minji: &Account, other: &Account) {
    let email = minji.email.as_deref().expect("an address");
    let me = Person { id: minji.id.clone(), name: "김민지".into() };
    let change = serde_json::json!({"region": "제주", "interests": ["coding"], "name": "김민지"});
    let change = serde_json::from_value(change).expect("a change");
    accounts::change(database, &minji.id, &change, NOW).await.expect("changed");
    for _ in 0..2 {
        accounts::sign_up(database, email, &pending(), NOW).await.expect("the same answer");
    }
    accounts::forgotten(database, email, NOW).await.expect("the same answer");
    let link = "INSERT INTO identities (provider, subject, account_id) VALUES ('p', 'provider-subject', $1)";
    database.execute(link, args![&minji.id]).await.expect("linked");
    outbox::put(database, email, "김민지 님", "김민지 님", NOW).await.expect("put");
    notifications::tell(database, &minji.id, Kind::Quiz, None, ("김민지 님", "Minji"), NOW)
        .await
        .expect("told");
    enrolment::enrol(database, "ink", &minji.id, NOW).await.expect("a place");
    edit::like(database, "ink", &minji.id, true, NOW).await.expect("liked");
    discover::note_look(database, &minji.id, "ink", NOW).await.expect("noted");
    let wish = NewWish { text: "김민지의 소원".into(), ..NewWish::default() };
    discover::add_wish(database, &minji.id, &wish, NOW).await.expect("wished");
    discover::note_search(database, Some(&minji.id), "첼로", ("", ""), 0, NOW).await.expect("noted");

    chat::say(database, "ink", &me, "m-1", "김민지입니다", &at(NOW)).await.expect("said");
    hands::raise(database, "ink", &minji.id, &at(NOW)).await.expect("up");
    let asked = questions::Asked {
        id: "u-1".into(),
        text: "김민지의 질문".into(),
        minute_ms: None,
        replay: false,
        room_sid: None,
        anonymous: true,
    };
    questions::ask(database, "ink", &minji.id, &asked, &at(NOW)).await.expect("asked");
    let span = serde_json::json!({"room_sid": "RM_1", "from_ms": 0, "to_ms": 9_000, "event": "play"});
    let span = serde_json::from_value(span).expect("a span");
    watched::note(database, "ink", &minji.id, &[span], NOW).await.expect("noted");
    permissions::set(database, "ink", &minji.id, &Setting::ChatMuted(true)).await.expect("muted");
    in_quiz_and_poll(database, minji).await;
    on_the_board(database, &me, other).await;
}

async fn in_quiz_and_poll(database: &Database, minji: &Account) {
    let quiz = open_quiz(database, None).await;
    let given = answer(&quiz, "u-1", &minji.id, "a");
    let taken = control_plane_classes::classroom::answers::take(database, &[given]).await.expect("stored");
    assert!(taken[0].is_ok(), "{taken:?}");
    let choices = ["a", "b"].map(|id| Choice { id: id.into(), text: id.into() }).to_vec();
    let sheet = poll::Sheet { question: "?".into(), choices, multiple: false, anonymous: false };
    let asked = polls::create(database, "ink", sheet, NOW).await.expect("a draft").id;
    polls::step(database, "ink", &asked, poll::State::Open, &at(NOW)).await.expect("open");
    polls::vote(database, "ink", &asked, &minji.id, &["a".to_owned()]).await.expect("voted");
}

/// She replies to another one, another one replies to her; both are told.
async fn on_the_board(database: &Database, me: &Person, other: &Account) {
    let ink = classes::find(database, "ink").await.expect("read").expect("there");
    let other = Person { id: other.id.clone(), name: other.name.clone() };
    for (id, by, from, text) in [("t-1", me, &other, "글"), ("t-2", &other, me, "김민지의 답")] {
        let title = if by.id == me.id { "김민지의 글" } else { "글" };
        let new = NewThread { id: id.into(), title: title.into(), text: title.into(), minute_ms: None };
        board::begin(database, "ink", &by.id, &new, NOW).await.expect("begun");
        board::reply(database, &ink, id, from, &format!("r-{id}"), text, NOW).await.expect("replied");
        board::accept(database, &ink, id, Some(&format!("r-{id}")), &by.id, false, NOW)
            .await
            .expect("accepted");
    }
}

async fn an_erased_account_leaves_nothing_personal(school: School) {
    let database = &school.database;
    let other = account(database, "jun", Role::Student).await;
    // Begun, and then the account was made in another way.
    accounts::sign_up(database, "minji@example.org", &pending(), NOW).await.expect("begun");
    let minji = account(database, "minji", Role::Student).await;
    class(database, "ink", serde_json::json!({})).await;
    busy(database, &minji, &other).await;
    let session = session::start(database, &minji.id, NOW).await.expect("begun");
    let before = dump(database).await;
    for trace in TRACES {
        assert!(before.contains(trace), "{trace} would not be missed");
    }
    accounts::erase(database, &minji.id, NOW).await.expect("erased");
    assert_eq!(store::find(database, &minji.id).await.expect("read"), None);
    assert_eq!(session::find(database, &session.token, NOW).await.expect("read"), None);
    let after = dump(database).await;
    assert!(after.contains(&minji.id), "the id stays, by nobody");
    for trace in TRACES {
        let left: Vec<&str> = after.lines().filter(|line| line.contains(trace)).collect();
        assert!(left.is_empty(), "{trace} is left in {left:?}");
    }
    account(database, "minji", Role::Student).await;
}

/// Signed up and never confirmed; asked for a new password of an account that is not there; signed in and never came back.
async fn what_strangers_left_at_the_door_is_taken_away(school: School) {
    const DAY_MS: u64 = 24 * 3600 * 1000;
    let database = &school.database;
    let other = account(database, "jun", Role::Student).await;
    accounts::sign_up(database, "minji@example.org", &pending(), NOW).await.expect("begun");
    accounts::sign_up(database, "jun@example.org", &pending(), NOW).await.expect("the same answer");
    let kept = database.rows("SELECT pending FROM codes WHERE email = 'jun@example.org'", args![]).await;
    for row in kept.expect("read") {
        assert_eq!(row.text_or_null(0).expect("text"), None, "nothing is to be made of it");
    }
    accounts::forgotten(database, "minji@example.org", NOW).await.expect("the same answer");
    identities::begin(database, "p", "/minji", NOW).await.expect("begun");
    session::start(database, &other.id, NOW).await.expect("begun");
    let kept = async || {
        let mut counts = Vec::new();
        for table in ["codes", "oidc_states", "sessions"] {
            let row = database.row(&format!("SELECT COUNT(*) FROM {table}"), args![]).await.expect("read");
            counts.push(row.expect("a row").int(0).expect("a number"));
        }
        counts
    };
    upkeep::run(database, 1_000 * DAY_MS, NOW + 60_000).await.expect("looked");
    assert!(kept().await.iter().all(|rows| *rows > 0), "the codes are good, and counted: {:?}", kept().await);
    while let Some(mail) = outbox::take(database, NOW).await.expect("taken") {
        outbox::sent(database, &mail.id).await.expect("sent");
    }
    upkeep::run(database, 1_000 * DAY_MS, NOW + 31 * DAY_MS).await.expect("taken away");
    assert_eq!(kept().await, [0, 0, 0]);
    let left = dump(database).await;
    assert!(!left.contains("minji") && !left.contains("secret-hash"), "{left}");
}

async fn notifications_of_others_name_who_is_there(school: School) {
    let database = &school.database;
    let (jun, minji) =
        (account(database, "jun", Role::Student).await, account(database, "minji", Role::Student).await);
    class(database, "ink", serde_json::json!({"title": "붓글씨"})).await;
    let me = Person { id: minji.id.clone(), name: minji.name.clone() };
    on_the_board(database, &me, &jun).await;
    let told = async || {
        let told = notifications::list(database, &jun.id, None).await.expect("read");
        let mut texts: Vec<_> = told.into_iter().map(|one| (one.kind, one.text_ko, one.text_en)).collect();
        texts.sort();
        texts
    };
    let accepted = (
        "accepted",
        "‘붓글씨’ 게시판에서 회원님의 답이 채택되었습니다.",
        "Your reply on the board of “붓글씨” was accepted.",
    );
    let expected = |answer: (&str, &str)| {
        let all = [accepted, ("answer", answer.0, answer.1)];
        all.map(|(kind, ko, en)| (kind.to_owned(), ko.to_owned(), en.to_owned())).to_vec()
    };
    assert_eq!(told().await, expected(("minji 님이 '글'에 답했습니다.", "minji has replied to “글”.")));
    let change = serde_json::from_value(serde_json::json!({"name": "민지"})).expect("a change");
    accounts::change(database, &minji.id, &change, NOW).await.expect("renamed");
    assert_eq!(told().await, expected(("민지 님이 '글'에 답했습니다.", "민지 has replied to “글”.")));
    accounts::erase(database, &minji.id, NOW).await.expect("erased");
    assert_eq!(
        told().await,
        expected(("떠난 분 님이 '글'에 답했습니다.", "Somebody who left has replied to “글”."))
    );
}
