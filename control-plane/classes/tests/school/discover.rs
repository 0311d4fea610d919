//! Searches, wishes and acts on both engines.

use control_plane_classes::discover::{self, NewWish, store};
use control_plane_classes::{Sql as _, args};

use crate::both::{School, both};

both!(
    wishes_are_kept_matched_once_and_taken_back,
    searches_count_once_and_are_forgotten,
    acts_are_in_the_order_of_time
);

async fn account(school: &School, id: &str) {
    let insert =
        "INSERT INTO accounts (id, name, role, locale, created_at_ms) VALUES ($1, $1, 'student', 'ko', 1)";
    school.database.execute(insert, args![id]).await.expect("an account");
}

async fn class(school: &School, id: &str) {
    let insert = "INSERT INTO classes (id, title, description, category, level, language, duration_min, time_zone, \
        recorded, created_at_ms, updated_at_ms) VALUES ($1, $1, '', 'music', 'any', 'ko', 60, 'Asia/Seoul', 0, 1, 1)";
    school.database.execute(insert, args![id]).await.expect("a class");
}

fn wish(text: &str) -> NewWish {
    NewWish { text: text.into(), times: vec!["weekday-evening".into()], ..NewWish::default() }
}

async fn wishes_are_kept_matched_once_and_taken_back(school: School) {
    let database = &school.database;
    account(&school, "a").await;
    class(&school, "cello").await;
    let kept = store::add_wish(database, "a", &wish("첼로"), 10).await.expect("kept");
    assert!(store::note_match(database, &kept.id, "cello", 20).await.expect("noted"));
    assert!(!store::note_match(database, &kept.id, "cello", 30).await.expect("known"));
    let wishes = store::wishes_of(database, "a").await.expect("wishes");
    assert_eq!((wishes[0].matched.as_slice(), wishes[0].times.len()), (["cello".to_owned()].as_slice(), 1));
    assert_eq!(store::wishes_since(database, 5).await.expect("wishes")[0].text, "첼로");
    assert!(store::wishes_since(database, 11).await.expect("wishes").is_empty());
    assert!(!store::remove_wish(database, "b", &kept.id).await.expect("not b's"));
    assert!(store::remove_wish(database, "a", &kept.id).await.expect("taken back"));
    for number in 0..discover::wish::WISHES_PER_ACCOUNT_MAX {
        store::add_wish(database, "a", &wish(&number.to_string()), 10).await.expect("kept");
    }
    let refused = store::add_wish(database, "a", &wish("one more"), 10).await;
    assert_eq!(refused.expect_err("too many").code(), Some("too_many_wishes"));
}

async fn searches_count_once_and_are_forgotten(school: School) {
    let database = &school.database;
    account(&school, "a").await;
    let place = ("jeju", "music");
    store::note_search(database, Some("a"), "첼로", place, 0, 1_000_000).await.expect("noted");
    store::note_search(database, Some("a"), "첼로", place, 0, 1_001_000).await.expect("noted");
    store::note_search(database, None, "첼로", place, 0, 1_001_000).await.expect("noted");
    store::note_search(database, None, "피아노", place, 3, 1_001_000).await.expect("noted");
    assert_eq!(store::vain_searches(database, 0).await.expect("searches").len(), 2);
    assert_eq!(store::searches_by_category(database, 0).await.expect("counts"), [("music".to_owned(), 3)]);
    assert_eq!(store::searches_of(database, "a").await.expect("searches"), ["첼로"]);
    for statement in discover::ERASE {
        database.execute(statement, args!["a"]).await.expect("erased");
    }
    assert!(store::searches_of(database, "a").await.expect("searches").is_empty());
    let gone =
        store::forget_searches(database, 1_001_001 + store::SEARCHES_KEPT_MS).await.expect("forgotten");
    assert_eq!(gone, 3);
}

async fn acts_are_in_the_order_of_time(school: School) {
    let database = &school.database;
    account(&school, "a").await;
    account(&school, "b").await;
    for id in ["x", "y", "z"] {
        class(&school, id).await;
    }
    let enrol = "INSERT INTO enrolments (class_id, account_id, state, at_ms) VALUES ($1, $2, 'enrolled', $3)";
    database.execute(enrol, args!["x", "a", 30]).await.expect("enrolled");
    database.execute(enrol, args!["y", "b", 20]).await.expect("enrolled");
    database
        .execute("INSERT INTO likes (class_id, account_id, at_ms) VALUES ('y', 'a', 10)", args![])
        .await
        .expect("liked");
    store::note_look(database, "a", "z", 5).await.expect("looked");
    store::note_look(database, "a", "z", 40).await.expect("looked again");
    let acts = |acts: Vec<store::Did>| acts.into_iter().map(|did| (did.class, did.act)).collect::<Vec<_>>();
    let of_a = acts(store::acts(database, Some("a"), 100).await.expect("acts"));
    let named = |class: &str, act: &str| (class.to_owned(), act.to_owned());
    assert_eq!(of_a, [named("y", "liked"), named("x", "enrolled"), named("z", "looked")]);
    assert_eq!(store::acts(database, None, 100).await.expect("acts").len(), 4);
    assert_eq!(acts(store::acts(database, None, 1).await.expect("acts")), [named("z", "looked")]);
}
