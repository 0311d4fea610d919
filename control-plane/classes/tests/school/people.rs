//! Accounts, codes, sessions, mail, and going away.

use control_plane_classes::people::account::check_email;
use control_plane_classes::people::accounts::{self, Made, Pending};
use control_plane_classes::people::code::{self, Purpose};
use control_plane_classes::people::{Account, Locale, Role, outbox, session, store};
use control_plane_classes::{Database, Sql as _, args, duty};

use crate::both::{School, both};

pub(crate) const NOW: u64 = 1_795_000_000_000;

both!(
    a_code_makes_an_account_once_and_five_wrong_ones_end_it,
    a_code_is_worth_nothing_with_the_ticket_of_another,
    an_address_gets_five_mails_an_hour,
    sessions_are_exchanged_and_end,
    an_exchange_whose_answer_was_lost_is_made_again,
    mail_is_taken_once_and_tried_again_later,
    mail_outlives_a_server_that_is_away_for_hours,
    the_last_admin_stays,
    a_duty_has_one_holder,
);

pub(crate) async fn account(database: &Database, name: &str, role: Role) -> Account {
    let email = check_email(&format!("{name}@example.org")).expect("an address");
    let made = Made { email: Some(&email), name, role, locale: Locale::Ko, password_hash: Some("x") };
    accounts::make(database, &made, NOW).await.expect("made")
}

fn pending(name: &str) -> Pending {
    Pending {
        name: name.to_owned(),
        role: Role::Student,
        locale: Locale::En,
        password_hash: "hash".to_owned(),
    }
}

/// The code of the newest mail, which is taken out of the outbox.
async fn mailed_code(database: &Database) -> Option<(String, String)> {
    let mail = outbox::take(database, NOW).await.expect("read")?;
    outbox::sent(database, &mail.id).await.expect("deleted");
    let digits = mail.text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 6);
    Some((mail.to, digits.unwrap_or_default().to_owned()))
}

async fn a_code_makes_an_account_once_and_five_wrong_ones_end_it(school: School) {
    let database = &school.database;
    let email = "minji@example.org";
    let ticket = accounts::sign_up(database, email, &pending("김민지"), NOW).await.expect("begun");
    let (to, code) = mailed_code(database).await.expect("a mail");
    assert_eq!(to, email);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let confirm = async |ticket: &str, code: &str, now_ms: u64| {
        accounts::confirm(database, email, ticket, code, "", now_ms).await
    };
    for _ in 0..code::TRIES_MAX {
        assert_eq!(confirm(&ticket, wrong, NOW).await.expect_err("wrong").code(), Some("wrong_code"));
    }
    assert_eq!(confirm(&ticket, &code, NOW).await.expect_err("tried too often").code(), Some("wrong_code"));
    let ticket = accounts::sign_up(database, email, &pending("김민지"), NOW).await.expect("again");
    let (_, code) = mailed_code(database).await.expect("another mail");
    assert!(confirm(&ticket, &code, NOW + code::TTL_MS).await.is_err(), "too late");
    let (account, session) = confirm(&ticket, &code, NOW).await.expect("made");
    assert_eq!(
        (account.name.as_str(), account.role, account.email.as_deref()),
        ("김민지", Role::Student, Some(email))
    );
    assert!(confirm(&ticket, &code, NOW).await.is_err(), "once");
    let found = session::find(database, &session.token, NOW).await.expect("read").expect("signed in");
    assert_eq!(found.account, account);

    // Whoever signs up with the address again is told by mail only, and gets no code.
    accounts::sign_up(database, email, &pending("somebody else"), NOW).await.expect("the same answer");
    let (to, code) = mailed_code(database).await.expect("a mail");
    assert_eq!((to.as_str(), code.as_str()), (email, ""));
    let known = database.row("SELECT COUNT(*) FROM accounts", args![]).await.expect("read").expect("a row");
    assert_eq!(known.int(0).ok(), Some(1));
}

/// Somebody signs up with her address between her sign-up and her code: his password must not become hers.
async fn a_code_is_worth_nothing_with_the_ticket_of_another(school: School) {
    let database = &school.database;
    let email = "minji@example.org";
    let stranger = Pending { password_hash: "the stranger's".to_owned(), ..pending("Mallory") };
    let hers = accounts::sign_up(database, email, &pending("김민지"), NOW).await.expect("begun");
    let (_, first) = mailed_code(database).await.expect("a mail");
    let his = accounts::sign_up(database, email, &stranger, NOW).await.expect("begun");
    let (_, second) = mailed_code(database).await.expect("a mail");
    assert_ne!(first, second, "one in a million: run again");
    let confirm =
        async |ticket: &str, code: &str| accounts::confirm(database, email, ticket, code, "", NOW + 1).await;
    for (ticket, code) in
        [(&hers, &second), (&his, &first), (&String::new(), &first), (&String::new(), &second)]
    {
        let refused = confirm(ticket, code).await.expect_err("another's");
        assert_eq!(refused.code(), Some("wrong_code"), "{ticket}");
    }
    let (account, _) = confirm(&hers, &first).await.expect("hers is good still");
    let kept = accounts::password_of(database, email).await.expect("read").expect("an account");
    assert_eq!((account.name.as_str(), kept.1.as_deref()), ("김민지", Some("hash")));
    assert_eq!(confirm(&his, &second).await.expect_err("gone").code(), Some("wrong_code"));
}

async fn an_address_gets_five_mails_an_hour(school: School) {
    let database = &school.database;
    let keep = async |now_ms| {
        code::keep(database, "a@b.cd", Purpose::Reset, "", "123456", None, now_ms).await.expect("kept")
    };
    for _ in 0..code::SENT_MAX {
        assert!(keep(NOW).await);
    }
    assert!(!keep(NOW + 1).await && !keep(NOW + code::WINDOW_MS).await);
    assert!(keep(NOW + code::WINDOW_MS + 1).await, "an hour later");
    // A forgotten password of nobody: no mail to anybody.
    accounts::forgotten(database, "nobody@example.org", NOW).await.expect("the same answer");
    assert_eq!(mailed_code(database).await.expect("the same work").0, "");
}

async fn sessions_are_exchanged_and_end(school: School) {
    let database = &school.database;
    let one = account(database, "minji", Role::Student).await;
    let session = session::start(database, &one.id, NOW).await.expect("begun");
    let kept = database.row("SELECT token_hash FROM sessions", args![]).await.expect("read").expect("a row");
    assert_ne!(kept.text(0).ok().as_deref(), Some(session.token.as_str()), "only a hash is kept");
    let find = async |token: &str, now_ms| session::find(database, token, now_ms).await.expect("read");
    let later = NOW + session::ROTATE_AFTER_MS;
    assert!(!find(&session.token, NOW).await.expect("there").is_old);
    assert!(find(&session.token, later).await.expect("there").is_old);
    let new = session::rotate(database, &session.token, later).await.expect("exchanged").expect("a new one");
    assert_eq!(session::rotate(database, &session.token, later).await.expect("asked"), None, "once");
    let (old, found) = (find(&session.token, later + 1).await, find(&new, later + 1).await);
    assert_eq!(old.as_ref().map(|found| &found.csrf), Some(&session.csrf), "under way");
    assert_eq!(found.map(|found| found.csrf), Some(session.csrf.clone()));
    assert_eq!(find(&session.token, later + session::GRACE_MS).await, None);
    assert_eq!(find(&new, later + session::TTL_MS).await, None, "expired");
    assert_eq!(find("", later).await, None);
    session::end(database, &new).await.expect("ended");
    assert_eq!(find(&new, later).await, None);
    for _ in 0..=session::SESSIONS_MAX {
        session::start(database, &one.id, later).await.expect("begun");
    }
    let count = database.row("SELECT COUNT(*) FROM sessions", args![]).await.expect("read").expect("a row");
    assert_eq!(count.count(0).ok(), Some(u64::from(session::SESSIONS_MAX)));
}

async fn an_exchange_whose_answer_was_lost_is_made_again(school: School) {
    let database = &school.database;
    let one = account(database, "minji", Role::Student).await;
    let session = session::start(database, &one.id, NOW).await.expect("begun");
    let find = async |token: &str, now_ms| session::find(database, token, now_ms).await.expect("read");
    let rotate = async |now_ms| session::rotate(database, &session.token, now_ms).await.expect("asked");
    let later = NOW + session::ROTATE_AFTER_MS;
    let lost = rotate(later).await.expect("a new one");
    // Another page of the browser asked at the same moment: it must not spoil the answer that is under way.
    assert!(!find(&session.token, later + 5_000).await.expect("under way").is_old);
    assert_eq!(rotate(later + 5_000).await, None);
    assert!(find(&lost, later + 5_000).await.is_some());
    let minute = later + 60_000;
    assert!(find(&session.token, minute).await.expect("still good").is_old);
    let new = rotate(minute).await.expect("another one");
    assert!(find(&new, minute + session::GRACE_MS).await.is_some_and(|found| !found.is_old));
    assert_eq!(find(&session.token, minute + session::GRACE_MS).await, None);
    assert_eq!(rotate(minute + session::GRACE_MS).await, None, "an old token is not good for ever");
    assert_eq!(find(&lost, minute).await, None, "nobody ever had it");
}

async fn mail_outlives_a_server_that_is_away_for_hours(school: School) {
    const MINUTE_MS: u64 = 60_000;
    let database = &school.database;
    let tries = async |to: &str, minutes: std::ops::Range<u64>| {
        let mut tries = Vec::new();
        for minute in minutes {
            let now_ms = NOW + minute * MINUTE_MS;
            while let Some(mail) = outbox::take(database, now_ms).await.expect("taken") {
                assert_eq!(mail.to, to);
                tries.push((minute, mail.id));
            }
            outbox::give_up(database, now_ms).await.expect("looked");
        }
        tries
    };
    outbox::put(database, "a@b.cd", "s", "t", NOW).await.expect("put");
    let away = tries("a@b.cd", 0..120).await;
    assert!((5..=10).contains(&away.len()), "pauses grow: {away:?}");
    let back = tries("a@b.cd", 120..240).await;
    let (_, mail) = back.first().expect("it comes within an hour or two");
    outbox::sent(database, mail).await.expect("sent");
    outbox::put(database, "x@b.cd", "s", "t", NOW + 240 * MINUTE_MS).await.expect("put");
    let all = tries("x@b.cd", 240..240 + 36 * 60).await;
    let (last, _) = all.last().expect("tries");
    assert!((240 + 20 * 60..=240 + 26 * 60).contains(last), "for about a day: {all:?}");
    let left = database.row("SELECT COUNT(*) FROM outbox", args![]).await.expect("read").expect("a row");
    assert_eq!(left.int(0).ok(), Some(0));
}

async fn mail_is_taken_once_and_tried_again_later(school: School) {
    let database = &school.database;
    for number in 0..20 {
        outbox::put(database, &format!("{number}@example.org"), "s", "t", NOW).await.expect("put");
    }
    let takers = (0..8).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            let mut taken = Vec::new();
            while let Some(mail) = outbox::take(&database, NOW).await.expect("taken") {
                taken.push(mail.to);
            }
            taken
        })
    });
    let mut all = Vec::new();
    for taker in takers.collect::<Vec<_>>() {
        all.extend(taker.await.expect("no panic"));
    }
    // PostgreSQL: a taker that meets another one on a row goes home; what is left is taken by the next look.
    while let Some(mail) = outbox::take(database, NOW).await.expect("taken") {
        all.push(mail.to);
    }
    all.sort();
    assert_eq!(all.len(), 20);
    all.dedup();
    assert_eq!(all.len(), 20, "nobody got a mail twice");
    assert!(outbox::take(database, NOW + 59_000).await.expect("read").is_none());
    assert!(outbox::take(database, NOW + 60_001).await.expect("read").is_some(), "not sent: again");
}

async fn the_last_admin_stays(school: School) {
    let database = &school.database;
    let (one, two) =
        (account(database, "one", Role::Admin).await, account(database, "two", Role::Student).await);
    let demote = async |id: &str| accounts::set(database, id, Some(Role::Student), None).await;
    assert_eq!(demote(&one.id).await.expect_err("the last").code(), Some("last_admin"));
    accounts::set(database, &two.id, Some(Role::Admin), None).await.expect("another one");
    demote(&one.id).await.expect("no longer the last");
    let refused = accounts::set(database, &two.id, None, Some(true)).await;
    assert_eq!(refused.expect_err("the last").code(), Some("last_admin"));
    let erased = accounts::erase(database, &two.id, NOW).await;
    assert_eq!(erased.expect_err("nor goes away").code(), Some("last_admin"));
    accounts::erase(database, &one.id, NOW).await.expect("no admin");
    let known = store::find(database, &two.id).await.expect("read").expect("there");
    assert_eq!((known.name.as_str(), known.role), ("two", Role::Admin), "nothing was taken");
    account(database, "one", Role::Student).await;
    let refused = accounts::erase(database, &two.id, NOW).await;
    assert_eq!(refused.expect_err("the last").code(), Some("last_admin"));
    assert!(store::find(database, &two.id).await.expect("read").is_some(), "nothing of it happened");
    let found = accounts::list(database, "ONE@", "").await.expect("listed");
    assert_eq!(found.iter().map(|one| one.account.name.as_str()).collect::<Vec<_>>(), ["one"]);
    assert!(accounts::list(database, "%", "").await.expect("listed").is_empty(), "a percent sign is one");
}

async fn a_duty_has_one_holder(school: School) {
    let sql = &school.database;
    let take = async |holder: &str, now_ms| {
        duty::take(sql, "reminders", holder, now_ms, 1_000).await.expect("asked")
    };
    assert!(take("a", NOW).await && !take("b", NOW).await && take("a", NOW + 900).await);
    assert!(!take("b", NOW + 1_900).await && take("b", NOW + 1_901).await && !take("a", NOW + 1_902).await);
}
