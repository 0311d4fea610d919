use control_plane_agent::store::embedded::Embedded;
use control_plane_classes::catalogue::class::ClassChange;
use control_plane_classes::database::Place;

use super::*;

/// Two control planes write records of one class; this one has read it before the other one's change.
#[tokio::test]
async fn a_record_that_was_overtaken_is_written_anew_and_one_of_a_class_that_is_gone_is_taken_away() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let database = Database::open(&Place::File(directory.path().join("classes.db"))).await.expect("opens");
    let store = Embedded::in_memory();
    let new = NewClass { title: "before".into(), ..NewClass::default() };
    let before = new.checked("ink".into(), 1_000).expect("sound");
    assert!(edit::create(&database, &before).await.expect("made"));

    let change = ClassChange { title: Some("after".into()), recorded: Some(true), ..ClassChange::default() };
    let after = edit::change(&database, "ink", &change, 2_000).await.expect("changed");
    write(&store, &database, &after).await.expect("written by the other one");
    write(&store, &database, &before).await.expect("written by this one");
    catch_up(&store, &database).await.expect("looked again");
    let kept = store.get(&key::class("ink")).await.expect("read").expect("there");
    let kept: Record = serde_json::from_slice(&kept.value).expect("a record");
    assert_eq!((kept.title.as_str(), kept.recorded), ("after", true));
    assert!(sync::unsynced(&database).await.expect("read").is_empty());

    edit::remove(&database, "ink", 3_000).await.expect("taken away");
    catch_up(&store, &database).await.expect("its record too");
    write(&store, &database, &after).await.expect("written by this one");
    assert!(store.get(&key::class("ink")).await.expect("read").is_none(), "nobody makes it a class again");
}
