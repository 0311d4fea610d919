//! Classes, places under contention, lists, materials, reminders.

use control_plane_classes::catalogue::class::{ClassChange, NewClass};
use control_plane_classes::catalogue::enrolment::{self, Enrolment};
use control_plane_classes::catalogue::list::{self, Filter, When};
use control_plane_classes::catalogue::{Class, edit, materials, reminders, store, sync};
use control_plane_classes::classroom::permissions;
use control_plane_classes::people::{Role, accounts, notifications};
use control_plane_classes::{Database, Sql as _, args};

use crate::both::{School, both};
use crate::people::{NOW, account};

both!(
    whatever_is_shown_of_a_class_bears_the_time_of_its_change,
    a_lock_outlives_a_change_of_the_title_at_the_same_moment,
    a_locked_class_gives_its_free_places_once_it_is_open,
    fifty_at_once_get_no_more_places_than_there_are,
    a_place_that_becomes_free_goes_to_who_waits_longest,
    a_list_is_filtered_and_paged_without_gaps,
    files_come_back_as_they_were,
    a_reminder_is_sent_once_by_however_many,
);

pub(crate) async fn class(database: &Database, id: &str, change: serde_json::Value) -> Class {
    let mut json = serde_json::json!({"title": id});
    json.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    let instructor = json.as_object_mut().expect("an object").remove("by");
    let new: NewClass = serde_json::from_value(json).expect("a class");
    let class = new.checked(id.to_owned(), NOW).expect("sound");
    let class = Class { instructor_id: instructor.and_then(|by| by.as_str().map(str::to_owned)), ..class };
    assert!(edit::create(database, &class).await.expect("made"));
    class
}

async fn fifty_at_once_get_no_more_places_than_there_are(school: School) {
    let database = &school.database;
    class(database, "ink", serde_json::json!({"capacity": 7})).await;
    let mut accounts = Vec::new();
    for number in 0..50 {
        accounts.push(account(database, &format!("s{number}"), Role::Student).await.id);
    }
    // Each asks twice at once, as impatient browsers do.
    let all = accounts.iter().chain(&accounts).map(|account| {
        let (database, account) = (database.clone(), account.clone());
        tokio::spawn(async move { enrolment::enrol(&database, "ink", &account, NOW).await })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("a place or a wait");
    }
    let mut positions = Vec::new();
    for account in &accounts {
        positions.push(enrolment::standing(database, "ink", account).await.expect("read").position);
    }
    positions.sort();
    let expected: Vec<Option<u64>> = std::iter::repeat_n(None, 7).chain((1..=43).map(Some)).collect();
    assert_eq!(positions, expected);
    // And half of them leave at once.
    let all = accounts[..25].iter().map(|account| {
        let (database, account) = (database.clone(), account.clone());
        tokio::spawn(async move { enrolment::leave(&database, "ink", &account, NOW + 1).await })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("left");
    }
    let text = "SELECT COUNT(CASE WHEN state = 'enrolled' THEN 1 END), COUNT(*) FROM enrolments";
    let row = database.row(text, args![]).await.expect("read").expect("a row");
    assert_eq!((row.int(0).ok(), row.int(1).ok()), (Some(7), Some(25)));
}

async fn a_place_that_becomes_free_goes_to_who_waits_longest(school: School) {
    let database = &school.database;
    let teacher = account(database, "teacher", Role::Instructor).await;
    class(database, "ink", serde_json::json!({"capacity": 1, "by": teacher.id})).await;
    let mut ids = Vec::new();
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        let one = account(database, name, Role::Student).await;
        enrolment::enrol(database, "ink", &one.id, NOW + number as u64).await.expect("enrolled");
        ids.push(one.id);
    }
    let standing = async |id: &str| enrolment::standing(database, "ink", id).await.expect("read");
    assert_eq!(standing(&ids[2]).await.position, Some(2));
    enrolment::leave(database, "ink", &ids[0], NOW + 9).await.expect("left");
    assert_eq!(
        (standing(&ids[1]).await.enrolment, standing(&ids[2]).await.position),
        (Enrolment::Enrolled, Some(1))
    );
    let told = notifications::list(database, &ids[1], None).await.expect("read");
    assert_eq!((told.len(), told[0].kind.as_str(), told[0].class.as_deref()), (1, "place", Some("ink")));
    let more: ClassChange = serde_json::from_str(r#"{"capacity": null}"#).expect("a change");
    edit::change(database, "ink", &more, NOW + 10).await.expect("changed");
    assert_eq!(standing(&ids[2]).await.enrolment, Enrolment::Enrolled);
    let lock: ClassChange = serde_json::from_str(r#"{"locked": true}"#).expect("a change");
    edit::change(database, "ink", &lock, NOW + 11).await.expect("changed");
    let code = async |id: &str| enrolment::enrol(database, "ink", id, NOW).await.expect_err("refused").code();
    assert_eq!((code(&ids[0]).await, code(&teacher.id).await), (Some("class_locked"), Some("own_class")));
    assert_eq!(
        store::find(database, "ink").await.expect("read").map(|class| class.instructor_name).as_deref(),
        Some("teacher")
    );
}

async fn a_list_is_filtered_and_paged_without_gaps(school: School) {
    let database = &school.database;
    for number in 0..25 {
        let category = if number % 2 == 0 { "calligraphy" } else { "coding" };
        // Five each begin at the same moment, five have no start.
        let start = (number < 20).then_some(NOW + 3_600_000 * (1 + number / 5));
        let text = serde_json::json!({"title": format!("붓글씨 100% {number}"), "category": category, "starts_at_ms": start});
        class(database, &format!("class-{number:02}"), text).await;
    }
    let pages = async |filter: Filter| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = list::list(database, &filter, after.as_ref(), 4, NOW).await.expect("listed");
            found.extend(page.into_iter().map(|class| class.id));
            after = next;
            if after.is_none() {
                return found;
            }
        }
    };
    let all = pages(Filter::default()).await;
    assert_eq!(all.len(), 25);
    let coding = Filter { category: Some("coding".into()), ..Filter::default() };
    assert_eq!(pages(coding).await.len(), 12);
    let upcoming =
        pages(Filter { when: Some(When::Upcoming), not: vec!["class-00".into()], ..Filter::default() }).await;
    assert_eq!((upcoming.len(), upcoming[0].as_str(), upcoming[23].as_str()), (24, "class-01", "class-24"));
    let text = |text: &str| Filter { text: Some(text.into()), ..Filter::default() };
    assert_eq!(
        (
            pages(text("글씨")).await.len(),
            pages(text("100% 7")).await.len(),
            pages(text("'; --")).await.len()
        ),
        (25, 1, 0)
    );
    assert_eq!(
        (pages(text("%")).await.len(), pages(text("_")).await.len()),
        (25, 0),
        "signs stand for themselves"
    );
    assert!(pages(Filter { ids: Some(Vec::new()), ..Filter::default() }).await.is_empty());
}

async fn files_come_back_as_they_were(school: School) {
    let database = &school.database;
    class(database, "ink", serde_json::json!({})).await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let add = async |new| materials::add(database, "ink", "붓.pdf", new, NOW).await;
    let file = add(materials::New::File(&bytes)).await.expect("added");
    let found = materials::file(database, "ink", &file.id).await.expect("read");
    assert_eq!(found, Some(("붓.pdf".to_owned(), bytes.len() as u64)));
    let mut back = Vec::new();
    let mut parts = 0;
    while let Some(part) = materials::part(database, &file.id, parts).await.expect("read") {
        assert!(part.len() <= 1024 * 1024, "{} bytes at once", part.len());
        back.extend(part);
        parts += 1;
    }
    assert!(back == bytes && parts == 3, "{parts} parts, {} bytes", back.len());
    assert_eq!(materials::file(database, "other", &file.id).await.expect("read"), None);
    for bad in
        ["javascript:alert(1)", "ftp://a.b", "https://", "https://a b", "data:text/html,x", "https://a\"b"]
    {
        assert_eq!(
            add(materials::New::Link(bad)).await.expect_err("no link").code(),
            Some("bad_url"),
            "{bad}"
        );
    }
    add(materials::New::Link("https://example.org/붓")).await.expect("a link");
    assert_eq!(materials::list(database, "ink").await.expect("read").len(), 2);
    edit::remove(database, "ink", NOW).await.expect("removed");
    let left =
        database.row("SELECT COUNT(*) FROM material_parts", args![]).await.expect("read").expect("a row");
    assert_eq!(left.int(0).ok(), Some(0));
}

async fn a_reminder_is_sent_once_by_however_many(school: School) {
    let database = &school.database;
    let start = NOW + reminders::BEFORE_MS + 1;
    class(database, "ink", serde_json::json!({"starts_at_ms": start})).await;
    let one = account(database, "minji", Role::Student).await;
    enrolment::enrol(database, "ink", &one.id, NOW).await.expect("enrolled");
    let gone = account(database, "gone", Role::Student).await;
    enrolment::enrol(database, "ink", &gone.id, NOW).await.expect("enrolled");
    accounts::set(database, &gone.id, None, Some(true)).await.expect("disabled");
    assert_eq!(reminders::send(database, "https://x/class/", NOW).await.expect("looked"), 0, "too early");
    let all = (0..4).map(|_| {
        let database = database.clone();
        tokio::spawn(
            async move { reminders::send(&database, "https://x/class/", NOW + 1).await.expect("looked") },
        )
    });
    let mut sent = 0;
    for one in all.collect::<Vec<_>>() {
        sent += one.await.expect("no panic");
    }
    assert_eq!(sent, 1);
    assert_eq!(notifications::unread(database, &one.id).await.expect("read"), 1);
    let mail =
        database.row("SELECT to_address, body FROM outbox", args![]).await.expect("read").expect("a mail");
    assert!(mail.text(1).expect("text").contains("https://x/class/ink"));
}

async fn whatever_is_shown_of_a_class_bears_the_time_of_its_change(school: School) {
    let database = &school.database;
    let teacher = account(database, "teacher", Role::Instructor).await;
    class(database, "ink", serde_json::json!({"by": teacher.id})).await;
    let now_ms = NOW + 3_600_000;
    let time = async || store::find(database, "ink").await.expect("read").expect("there").updated_at_ms;
    let mut last = time().await;
    let mut later = async |what: &str| {
        let time = time().await;
        assert!(time >= now_ms && time > last, "{what}: {time} after {last}");
        last = time;
    };
    sync::seen_live(database, "ink", now_ms).await.expect("noted");
    later("live").await;
    sync::forget(database, "ink", now_ms).await.expect("noted");
    later("to be written again").await;
    sync::seen_replay(database, "ink", Some(1), now_ms).await.expect("noted");
    later("replay").await;
    permissions::set_locked(database, "ink", true, now_ms).await.expect("locked");
    later("locked").await;
    permissions::end(database, "ink", now_ms).await.expect("over");
    later("opened by the end").await;
    let named = accounts::Change { name: Some("길동".into()), ..accounts::Change::default() };
    accounts::change(database, &teacher.id, &named, now_ms).await.expect("renamed");
    later("renamed").await;
    // The clock of another control plane is behind.
    let titled = ClassChange { title: Some("먹".into()), ..ClassChange::default() };
    edit::change(database, "ink", &titled, now_ms - 5_000).await.expect("changed");
    later("changed").await;
    accounts::erase(database, &teacher.id, now_ms).await.expect("erased");
    later("erased").await;
}

async fn a_lock_outlives_a_change_of_the_title_at_the_same_moment(school: School) {
    let database = &school.database;
    class(database, "ink", serde_json::json!({})).await;
    for number in 0..50 {
        permissions::set_locked(database, "ink", false, NOW).await.expect("opened");
        let titled = ClassChange { title: Some(format!("{number}")), ..ClassChange::default() };
        let (changed, locked) = tokio::join!(
            edit::change(database, "ink", &titled, NOW),
            permissions::set_locked(database, "ink", true, NOW)
        );
        changed.expect("changed");
        assert!(locked.expect("locked").is_some());
        let class = store::find(database, "ink").await.expect("read").expect("there");
        assert!(class.locked && class.title == number.to_string(), "{number}: {class:?}");
    }
}

async fn a_locked_class_gives_its_free_places_once_it_is_open(school: School) {
    let database = &school.database;
    class(database, "ink", serde_json::json!({"capacity": 1})).await;
    let mut people = Vec::new();
    for name in ["one", "two"] {
        let one = account(database, name, Role::Student).await;
        enrolment::enrol(database, "ink", &one.id, NOW).await.expect("asked");
        people.push(one.id);
    }
    let standing = async || enrolment::standing(database, "ink", &people[1]).await.expect("read").enrolment;
    permissions::set_locked(database, "ink", true, NOW).await.expect("locked");
    enrolment::leave(database, "ink", &people[0], NOW).await.expect("left");
    assert_eq!(standing().await, Enrolment::Waiting, "it takes nobody new");
    permissions::set_locked(database, "ink", false, NOW).await.expect("opened");
    assert_eq!(standing().await, Enrolment::Enrolled);
}
