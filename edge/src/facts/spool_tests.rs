use edge_wire::model::{Participant, Room};
use edge_wire::spool::Kind;

use super::*;

/// Wall clock at the start, milliseconds.
const BEGIN_MS: u64 = 1_700_000_000_000;

fn fact(kind: Kind, who: &str, at_ms: u64) -> Record {
    let participant =
        Participant { sid: format!("PA_{who}"), identity: who.into(), joined_at_ms: 1, ..Default::default() };
    Record {
        sequence: 0,
        at_ms,
        kind: kind as i32,
        room: Room { sid: "RM_1".into(), name: "class".into(), ..Room::default() },
        participant: Some(participant),
        track: None,
        reason: String::new(),
    }
}

fn join(spool: &mut Spool, who: &str) {
    assert!(spool.append(fact(Kind::ParticipantJoined, who, BEGIN_MS)));
}

fn leave(spool: &mut Spool, who: &str) {
    assert!(spool.append(fact(Kind::ParticipantLeft, who, BEGIN_MS + 9)));
}

/// All facts after `position`, as words, and where they end.
fn told(spool: &Spool, mut position: Position) -> (Vec<String>, Position) {
    let mut told = Vec::new();
    loop {
        let facts = spool.shared.read(position, 3).expect("readable");
        let Some((last, _)) = facts.last() else { return (told, position) };
        position = *last;
        told.extend(facts.into_iter().map(|(_, record)| {
            let who = record.participant.unwrap_or_default().identity;
            match Kind::try_from(record.kind) {
                Ok(Kind::ParticipantJoined) => format!("{who} joined"),
                Ok(Kind::ParticipantLeft) if record.reason.is_empty() => format!("{who} left"),
                Ok(Kind::ParticipantLeft) => format!("{who} {} +{}", record.reason, record.at_ms - BEGIN_MS),
                other => format!("{other:?}"),
            }
        }));
    }
}

#[test]
fn who_was_in_when_the_edge_was_killed_left_once_when_it_was_last_alive() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::open(directory.path(), BEGIN_MS).expect("opens");
    spool.shared.enter(CONTROL_PLANE, Position::default());
    ["a", "b", "c"].iter().for_each(|who| join(&mut spool, who));
    leave(&mut spool, "b");
    // One goes on elsewhere, one comes from there.
    for (kind, who) in [(Kind::ParticipantDeparted, "c"), (Kind::ParticipantArrived, "d")] {
        assert!(spool.append(fact(kind, who, BEGIN_MS)));
    }
    spool.sync().expect("synced");
    spool.beat(BEGIN_MS + 700).expect("beats");
    // Not durable when the kill comes.
    leave(&mut spool, "a");
    drop(spool);

    let spool = Spool::open(directory.path(), BEGIN_MS + 60_000).expect("opens again");
    let (all, end) = told(&spool, Position::default());
    let expected = [
        "a joined",
        "b joined",
        "c joined",
        "b left",
        "Ok(ParticipantDeparted)",
        "Ok(ParticipantArrived)",
        "a edge-lost +700",
        "d edge-lost +700",
    ];
    assert_eq!(all, expected);
    assert_eq!(end, Position { epoch: BEGIN_MS + 60_000, sequence: 2 });
    drop(spool);

    // Killed once more, and the clock was set back: nobody leaves twice, and the process is younger all the same.
    let spool = Spool::open(directory.path(), 5).expect("opens a third time");
    assert_eq!(told(&spool, Position::default()).0, expected);
    assert_eq!(spool.epoch(), BEGIN_MS + 60_001);
}

#[test]
fn a_torn_tail_is_dropped_wherever_it_is_torn() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::open(directory.path(), BEGIN_MS).expect("opens");
    join(&mut spool, "a");
    leave(&mut spool, "a");
    spool.sync().expect("synced");
    let sound = spool.shared.bytes();
    join(&mut spool, "b");
    spool.sync().expect("synced");
    drop(spool);
    let path = directory.path().join(format!("{BEGIN_MS}-1.facts"));
    let whole = std::fs::read(&path).expect("the segment");
    for length in (usize::try_from(sound).expect("short")..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..length]).expect("torn");
        let spool = Spool::open(directory.path(), BEGIN_MS + 1).expect("opens");
        assert_eq!(told(&spool, Position::default()).0, ["a joined", "a left"], "torn at {length}");
        assert_eq!(std::fs::metadata(&path).expect("kept").len(), sound);
        drop(spool);
        std::fs::remove_file(directory.path().join(format!("{}-1.facts", BEGIN_MS + 1))).expect("removed");
    }
}

#[test]
fn what_all_have_taken_is_deleted_and_who_is_in_stays_known() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::open(directory.path(), BEGIN_MS).expect("opens");
    let shared = spool.shared();
    shared.enter(CONTROL_PLANE, Position::default());
    shared.enter("webhook-1", Position::default());
    join(&mut spool, "stays");
    for number in 0..5_000 {
        join(&mut spool, &format!("comes {number}"));
        leave(&mut spool, &format!("comes {number}"));
        if number % 100 == 0 {
            spool.sync().expect("synced");
        }
    }
    let (end, lost) = spool.sync().expect("synced");
    assert_eq!((end.sequence, lost), (10_001, 0));
    let files = || std::fs::read_dir(directory.path()).expect("readable").count();
    let full = files();
    assert!(full > 3, "{full} files");
    shared.take(CONTROL_PLANE, end);
    assert_eq!((files(), shared.waiting(CONTROL_PLANE), shared.waiting("webhook-1")), (full, 0, 10_001));
    shared.take("webhook-1", Position { sequence: 5_000, ..end });
    assert!(files() < full && shared.waiting("webhook-1") == 5_001);
    assert_eq!(told(&spool, Position { sequence: 5_000, ..end }).0.len(), 5_001);
    shared.take("webhook-1", end);
    assert_eq!(files(), 2, "the segment being written, and the heartbeat");
    drop(spool);
    let spool = Spool::open(directory.path(), BEGIN_MS + 60_000).expect("opens again");
    let last = told(&spool, end).0.pop().expect("a fact");
    assert!(last.starts_with("stays edge-lost"), "{last}");
}

#[test]
fn a_full_spool_loses_the_oldest_and_says_how_much() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::open(directory.path(), BEGIN_MS).expect("opens");
    spool.bytes_max = 3 * SEGMENT_BYTES_MAX;
    let shared = spool.shared();
    shared.enter(CONTROL_PLANE, Position { epoch: BEGIN_MS, sequence: 10 });
    let mut lost = 0;
    for number in 0..20_000 {
        join(&mut spool, &format!("comes {number}"));
        leave(&mut spool, &format!("comes {number}"));
        if number % 100 == 99 {
            lost += spool.sync().expect("synced").1;
        }
    }
    assert!(shared.bytes() <= spool.bytes_max + SEGMENT_BYTES_MAX);
    let kept = told(&spool, Position { epoch: BEGIN_MS, sequence: 10 }).0.len() as u64;
    assert_eq!(kept + lost, 40_000 - 10);
    assert!(lost > 10_000 && kept > 5_000, "{lost} lost, {kept} kept");
}

/// The number that a fact gets counts too: one byte over the limit and nothing after it in the file is read any more.
#[test]
fn a_fact_of_just_the_largest_size_is_read_back_and_the_next_one_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::open(directory.path(), BEGIN_MS).expect("opens");
    spool.shared.enter(CONTROL_PLANE, Position::default());
    for over in 0..8 {
        let mut large = fact(Kind::ParticipantJoined, &format!("large {over}"), BEGIN_MS);
        let room = RECORD_BYTES_MAX - prost::Message::encoded_len(&large) - 6 + over;
        large.participant.as_mut().expect("of somebody").metadata = "m".repeat(room);
        assert!(spool.append(large));
    }
    join(&mut spool, "after");
    spool.sync().expect("synced");
    let (facts, _) = told(&spool, Position::default());
    assert_eq!(facts.len(), 9, "{facts:?}");
}

#[test]
fn a_disk_that_takes_nothing_costs_no_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut spool = Spool::open(directory.path(), BEGIN_MS).expect("opens");
    join(&mut spool, "a");
    spool.sync().expect("synced");
    let path = directory.path().join(format!("{BEGIN_MS}-1.facts"));
    let writable = std::mem::replace(&mut spool.file, File::open(path).expect("opens"));
    leave(&mut spool, "a");
    assert!(spool.sync().is_err() && spool.has_pending());
    join(&mut spool, "b");
    spool.file = writable;
    spool.sync().expect("synced");
    assert_eq!(told(&spool, Position::default()).0, ["a joined", "a left", "b joined"]);
}
