//! Facts of attendance come several times and are there once.

use control_plane_api::fact::{Fact, FactId, What};
use control_plane_classes::facts::{conclude, open, prune, reconcile, record};
use control_plane_classes::{Database, Sql};

use crate::both::{School, both};

both!(
    of_two_words_about_a_leave_the_better_one_stays,
    a_repeat_changes_nothing,
    a_conclusion_is_made_once_and_gives_way_to_the_edges_own_word,
    several_control_planes_store_and_conclude_at_once,
    a_look_at_who_is_missing_does_not_read_all_that_was_ever_said,
    old_facts_are_taken_away_those_of_tracks_sooner,
);

/// As if an edge had been up for months.
async fn a_look_at_who_is_missing_does_not_read_all_that_was_ever_said(school: School) {
    let database = &school.database;
    let batch: Vec<Fact> = (1..=500).map(|number| joined(number, &format!("student {number}"))).collect();
    record(database, &batch).await.expect("stored");
    let few = fastest_look(database).await;
    let text = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
        INSERT INTO facts (node, epoch, sequence, at_ms, room, room_sid, kind, identity, participant_sid, reason) \
        SELECT 'jeju-edge', 1000, 1000 + i, 40000, 'class', 'RM_0', 'left', 'somebody', 'PA_x', 'edge-lost' FROM n";
    database.execute(text, Vec::new()).await.expect("inserted");
    let many = fastest_look(database).await;
    // Fifty million rows would take hundreds of times as long, and are not looked at.
    assert!(many < few * 40, "{few:?} with few facts, {many:?} with many");
}

/// Of three, so that a busy machine does not count.
async fn fastest_look(database: &Database) -> std::time::Duration {
    let mut fastest = std::time::Duration::MAX;
    for _ in 0..3 {
        let started = std::time::Instant::now();
        assert_eq!(open(database, 50_000).await.expect("readable").len(), 500);
        assert_eq!(reconcile(database, 50_000).await.expect("looked at"), 0);
        fastest = fastest.min(started.elapsed());
    }
    fastest
}

async fn old_facts_are_taken_away_those_of_tracks_sooner(school: School) {
    let database = &school.database;
    let track = |sequence| {
        let what = What::TrackPublished {
            identity: "minji".into(),
            participant_sid: "PA_minji".into(),
            track_sid: "TR_1".into(),
            source: "camera".into(),
        };
        fact(1_000, sequence, what)
    };
    let all = [joined(1, "minji"), track(2), track(3), left(1_000, 4, "minji"), track(5), joined(6, "jun")];
    record(database, &all).await.expect("stored");
    let left_over = async || {
        let rows =
            database.rows("SELECT sequence FROM facts ORDER BY sequence", Vec::new()).await.expect("read");
        rows.iter().map(|row| row.int(0).expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(prune(database, 50_002, 50_005, 1).await.expect("taken away"), 2, "a few at a time");
    assert_eq!(left_over().await, [3, 4, 5, 6]);
    assert_eq!(prune(database, 50_002, 50_005, 10).await.expect("taken away"), 1);
    assert_eq!(prune(database, 50_002, 50_005, 10).await.expect("looked at"), 0);
    assert_eq!(left_over().await, [4, 5, 6]);
}

fn joined(sequence: u64, who: &str) -> Fact {
    let what = What::Joined { identity: who.into(), participant_sid: format!("PA_{who}") };
    fact(1_000, sequence, what)
}

fn left(epoch: u64, sequence: u64, who: &str) -> Fact {
    let participant_sid = format!("PA_{who}");
    let what = What::Left { identity: who.into(), participant_sid, reason: "client-initiated".into() };
    fact(epoch, sequence, what)
}

fn fact(epoch: u64, sequence: u64, what: What) -> Fact {
    let id = FactId { node: "jeju-edge".into(), epoch, sequence };
    Fact { id, at_ms: 50_000 + sequence, room: "class".into(), room_sid: "RM_1".into(), what }
}

/// Kind, reason and time of all that is stored of a participant.
async fn stored(database: &Database, who: &str) -> Vec<(String, String, u64)> {
    let sql = "SELECT kind, COALESCE(reason, ''), at_ms FROM facts WHERE identity = $1 ORDER BY kind, at_ms";
    let rows = database.rows(sql, vec![who.into()]).await.expect("readable");
    rows.iter()
        .map(|row| (row.text(0).expect("kind"), row.text(1).expect("reason"), row.count(2).expect("time")))
        .collect()
}

async fn a_repeat_changes_nothing(school: School) {
    let database = &school.database;
    let track = What::TrackPublished {
        identity: "minji".into(),
        participant_sid: "PA_minji".into(),
        track_sid: "TR_1".into(),
        source: "camera".into(),
    };
    let all = [
        fact(1_000, 1, What::RoomStarted),
        joined(2, "minji"),
        fact(1_000, 3, track),
        left(1_000, 4, "minji"),
        fact(1_000, 5, What::RoomFinished),
    ];
    record(database, &all[..3]).await.expect("stored");
    for _ in 0..3 {
        record(database, &all).await.expect("stored");
    }
    record(database, &[]).await.expect("nothing to store");
    let count = database.row("SELECT COUNT(*) FROM facts", Vec::new()).await.expect("readable");
    assert_eq!(count.map(|row| row.count(0).expect("a number")), Some(5));
    // Another process of the same edge counts anew.
    record(database, &[left(2_000, 2, "somebody")]).await.expect("stored");
    assert_eq!(stored(database, "somebody").await.len(), 1);
}

async fn a_conclusion_is_made_once_and_gives_way_to_the_edges_own_word(school: School) {
    let database = &school.database;
    let facts = [joined(1, "minji"), joined(2, "jun"), left(1_000, 3, "jun"), joined(4, "old")];
    record(database, &facts).await.expect("stored");
    let found = open(database, 50_001).await.expect("readable");
    let who: Vec<_> = found.iter().map(|open| (open.identity.as_str(), open.heard_ms)).collect();
    assert_eq!(who, [("minji", 50_004), ("old", 50_004)]);
    assert_eq!(open(database, 50_004).await.expect("readable").len(), 1, "only those since then");
    assert!(conclude(database, &found[0], 60_000).await.expect("concluded"));
    assert!(!conclude(database, &found[0], 70_000).await.expect("looked at"), "once");
    let concluded = ("left".to_owned(), "edge-lost".to_owned(), 60_000);
    assert_eq!(stored(database, "minji").await, [("joined".into(), String::new(), 50_001), concluded]);
    assert_eq!(open(database, 0).await.expect("readable").len(), 1);

    record(database, &[left(2_000, 1, "minji")]).await.expect("stored");
    let own = ("left".to_owned(), "client-initiated".to_owned(), 50_001);
    assert_eq!(stored(database, "minji").await[1..], [own]);
    assert!(!conclude(database, &found[0], 70_000).await.expect("looked at"));
    assert_eq!(reconcile(database, 0).await.expect("looked at"), 0);
}

/// An edge is killed just when a participant of its goes on at another.
async fn of_two_words_about_a_leave_the_better_one_stays(school: School) {
    let database = &school.database;
    let lost = |node: &str, at_ms: u64| {
        let what = What::Left {
            identity: "minji".into(),
            participant_sid: "PA_minji".into(),
            reason: "edge-lost".into(),
        };
        let id = FactId { node: node.into(), epoch: 9, sequence: 1 };
        Fact { id, at_ms, ..fact(9, 1, what) }
    };
    record(database, &[joined(1, "minji"), lost("jeju-edge", 60_000)]).await.expect("stored");
    record(database, &[lost("seoul-edge", 61_000)]).await.expect("stored");
    record(database, &[lost("jeju-edge", 60_000)]).await.expect("a repeat");
    let reasons = |all: &[(String, String, u64)]| all.iter().map(|l| (l.1.clone(), l.2)).collect::<Vec<_>>();
    let found = stored(database, "minji").await;
    assert_eq!(reasons(&found[1..]), [("edge-lost".to_owned(), 61_000)]);
    record(database, &[left(1_000, 2, "minji")]).await.expect("stored");
    record(database, &[lost("seoul-edge", 61_000)]).await.expect("a repeat");
    let found = stored(database, "minji").await;
    assert_eq!(reasons(&found[1..]), [("client-initiated".to_owned(), 50_002)]);
}

async fn several_control_planes_store_and_conclude_at_once(school: School) {
    let database = &school.database;
    let batch: Vec<Fact> = (1..=400).map(|number| joined(number, &format!("student {number}"))).collect();
    let stores = (0..4).map(|_| record(database, &batch));
    futures_util::future::try_join_all(stores).await.expect("stored");
    let found = open(database, 0).await.expect("readable");
    assert_eq!(found.len(), 400);
    let concludes = (0..3).flat_map(|_| found[..20].iter().map(|open| conclude(database, open, 60_000)));
    futures_util::future::try_join_all(concludes).await.expect("concluded");
    let sql = "SELECT COUNT(*), COUNT(DISTINCT participant_sid) FROM facts WHERE kind = 'left'";
    let row = database.row(sql, Vec::new()).await.expect("readable").expect("a row");
    assert_eq!((row.count(0).expect("a number"), row.count(1).expect("a number")), (20, 20));
}
