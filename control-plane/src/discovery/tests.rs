use control_plane_classes::catalogue::class::{ClassChange, NewClass};
use control_plane_classes::catalogue::{edit, sync};
use control_plane_classes::classroom::permissions;
use control_plane_classes::database::Place;
use control_plane_classes::discover::NewWish;
use control_plane_classes::people::accounts::{self, Change, Made};
use control_plane_classes::people::{Account, Locale, Role, notifications};
use control_plane_classes::{Sql as _, args};

use super::*;

async fn school() -> (Database, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("temporary directory");
    let database = Database::open(&Place::File(directory.path().join("classes.db"))).await.expect("opens");
    (database, directory)
}

async fn account(database: &Database, name: &str, role: Role) -> Account {
    let made = Made { email: None, name, role, locale: Locale::Ko, password_hash: None };
    accounts::make(database, &made, 1).await.expect("made")
}

async fn class(database: &Database, id: &str, title: &str, by: &Account, at_ms: u64) {
    let new = NewClass { title: title.into(), ..NewClass::default() };
    let class = new.checked(id.into(), at_ms).expect("sound");
    let class = Class { instructor_id: Some(by.id.clone()), ..class };
    assert!(edit::create(database, &class).await.expect("made"));
}

fn found(discovery: &Discovery, text: &str, accept: impl Fn(&Class) -> bool) -> Vec<String> {
    discovery.search(text, 10, accept)
}

/// The class was made long before this process last looked.
#[tokio::test]
async fn search_hears_of_a_rename_a_replay_a_lock_and_an_erasure_of_an_old_class() {
    let (database, _directory) = school().await;
    let teacher = account(&database, "Gildong", Role::Instructor).await;
    let now_ms = control_plane_agent::unix_time_ms();
    class(&database, "old", "Calligraphy", &teacher, now_ms - 3_600_000).await;
    class(&database, "new", "Cello", &account(&database, "Jun", Role::Instructor).await, now_ms).await;
    let discovery = Discovery::default();
    refresh(&discovery, &database).await.expect("read");
    assert_eq!(found(&discovery, "Gildong", |_| true), ["old"]);

    sync::seen_replay(&database, "old", Some(now_ms - 60_000), now_ms).await.expect("noted");
    permissions::set_locked(&database, "old", true, now_ms).await.expect("locked");
    refresh(&discovery, &database).await.expect("read");
    let is_so = |class: &Class| class.locked && class.replay_at_ms.is_some();
    assert_eq!(found(&discovery, "Calligraphy", is_so), ["old"]);

    let change = Change { name: Some("Sebin".into()), ..Change::default() };
    accounts::change(&database, &teacher.id, &change, now_ms).await.expect("renamed");
    refresh(&discovery, &database).await.expect("read");
    assert_eq!(found(&discovery, "Sebin", |_| true), ["old"]);
    assert!(found(&discovery, "Gildong", |_| true).is_empty());

    accounts::erase(&database, &teacher.id, now_ms).await.expect("erased");
    refresh(&discovery, &database).await.expect("read");
    assert!(found(&discovery, "Sebin", |_| true).is_empty(), "an erased name finds nothing");
}

#[tokio::test]
async fn a_wish_is_told_after_the_database_was_away_and_when_a_class_is_changed_into_it() {
    let (database, _directory) = school().await;
    let (teacher, minji) = (
        account(&database, "Gildong", Role::Instructor).await,
        account(&database, "minji", Role::Student).await,
    );
    let wish = NewWish { text: "cello".into(), ..NewWish::default() };
    store::add_wish(&database, &minji.id, &wish, 1).await.expect("wished");
    let discovery = Discovery::default();
    let now_ms = control_plane_agent::unix_time_ms();
    let look = async || {
        refresh(&discovery, &database).await.expect("read");
        tell(&discovery, &database).await
    };
    let told = async || notifications::list(&database, &minji.id, None).await.expect("read").len();

    class(&database, "one", "Cello", &teacher, now_ms).await;
    database.execute("ALTER TABLE wish_matches RENAME TO away", args![]).await.expect("renamed");
    look().await.expect_err("the table is away");
    database.execute("ALTER TABLE away RENAME TO wish_matches", args![]).await.expect("renamed");
    look().await.expect("told");
    assert_eq!(told().await, 1);

    class(&database, "two", "Violin", &teacher, now_ms).await;
    look().await.expect("nothing to tell");
    let change = ClassChange { title: Some("Cello and violin".into()), ..ClassChange::default() };
    edit::change(&database, "two", &change, now_ms).await.expect("changed");
    look().await.expect("told");
    assert_eq!(told().await, 2);
    sync::seen_replay(&database, "two", Some(now_ms), now_ms).await.expect("noted");
    look().await.expect("nothing to tell");
    assert_eq!((told().await, discovery.found.read().untold.len()), (2, 0), "each is told once");
}
