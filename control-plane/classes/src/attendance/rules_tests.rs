use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const T0: u64 = 1_800_000_000_000;

fn at(minute: u64, what: Seen) -> Sighting {
    Sighting { at_ms: T0 + minute * MINUTE, room_sid: "RM_a".into(), what }
}

fn joined(identity: &str, connection: &str) -> Seen {
    Seen::Joined { identity: identity.into(), connection: connection.into() }
}

fn left(identity: &str, connection: &str) -> Seen {
    Seen::Left { identity: identity.into(), connection: connection.into() }
}

/// An hour's lesson with an instructor from end to end; says what becomes of `minji`.
fn judged(mut facts: Vec<Sighting>) -> Attended {
    facts.extend([
        at(0, Seen::RoomStarted),
        at(0, joined("teacher", "t")),
        at(60, left("teacher", "t")),
        at(60, Seen::RoomFinished),
    ]);
    let lessons = lessons(&facts, None, T0 + 2 * HOUR);
    assert_eq!(lessons.len(), 1);
    let all = intervals(&facts, &lessons[0]);
    let counted = counted(&lessons[0], None, &all["teacher"]);
    judge(all.get("minji").map_or(&[][..], Vec::as_slice), counted)
}

#[test]
fn reconnects_and_devices_are_one_interval_and_one_present() {
    let attended = judged(vec![
        at(1, joined("minji", "phone-1")),
        at(20, left("minji", "phone-1")),
        at(21, joined("minji", "phone-2")),
        at(30, joined("minji", "tablet")),
        at(40, left("minji", "phone-2")),
        at(60, left("minji", "tablet")),
    ]);
    assert_eq!(attended.status, Status::Present);
    assert_eq!(attended.intervals, [Interval { from_ms: T0 + MINUTE, to_ms: T0 + HOUR }]);
    assert_eq!(attended.seconds, 59 * 60);
}

#[test]
fn thresholds_hold() {
    let stay = |from, to| judged(vec![at(from, joined("minji", "1")), at(to, left("minji", "1"))]).status;
    assert_eq!(stay(0, 60), Status::Present);
    assert_eq!(stay(10, 60), Status::Present, "ten minutes are in time");
    assert_eq!(stay(11, 60), Status::Late);
    assert_eq!(stay(11, 40), Status::Partial, "late and gone early");
    assert_eq!(stay(40, 60), Status::Partial, "too late to be late");
    assert_eq!(stay(0, 45), Status::Present);
    assert_eq!(stay(0, 44), Status::Partial);
    assert_eq!(stay(0, 5), Status::Absent, "looked in");
    assert_eq!(judged(vec![]).status, Status::Absent);
}

#[test]
fn an_edge_that_died_takes_nobodys_presence() {
    let attended = judged(vec![at(0, joined("minji", "1"))]);
    assert_eq!(attended.status, Status::Present, "no end was reported: until the room ends");
    let attended =
        judged(vec![at(0, joined("minji", "1")), at(30, joined("minji", "2")), at(31, left("minji", "2"))]);
    assert_eq!(
        attended.intervals,
        [Interval { from_ms: T0, to_ms: T0 + 31 * MINUTE }],
        "until the next coming"
    );
}

#[test]
fn waiting_before_the_lesson_neither_gains_nor_loses() {
    let lesson = Lesson { room_sids: vec!["RM_a".into()], from_ms: T0, to_ms: T0 + 2 * HOUR };
    let teacher = [Interval { from_ms: T0 + 20 * MINUTE, to_ms: T0 + 80 * MINUTE }];
    assert_eq!(counted(&lesson, None, &teacher), teacher[0]);
    let timetable = Some(T0 + 30 * MINUTE);
    assert_eq!(counted(&lesson, timetable, &teacher).from_ms, T0 + 30 * MINUTE, "the instructor came early");
    let timetable = Some(T0 + 5 * MINUTE);
    assert_eq!(counted(&lesson, timetable, &teacher).from_ms, T0 + 20 * MINUTE, "the instructor came late");
    let timetable = Some(T0 + 40 * HOUR);
    assert_eq!(counted(&lesson, timetable, &teacher).from_ms, T0 + 20 * MINUTE, "a lesson off the timetable");
}

#[test]
fn a_room_that_was_cut_and_opened_again_is_one_lesson_next_week_is_another() {
    let life = |sid: &str, from: u64, to: u64| {
        [from, to].map(|minute| Sighting {
            at_ms: T0 + minute * MINUTE,
            room_sid: sid.into(),
            what: if minute == from { Seen::RoomStarted } else { Seen::RoomFinished },
        })
    };
    let facts: Vec<_> = [life("RM_b", 22, 60), life("RM_a", 0, 20), life("RM_c", 10_080, 10_140)]
        .into_iter()
        .flatten()
        .collect();
    let found = lessons(&facts, None, T0);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].room_sids, ["RM_a", "RM_b"]);
    assert_eq!((found[0].from_ms, found[0].to_ms), (T0, T0 + HOUR));
    let running = lessons(&facts[..1], Some("RM_b"), T0 + 90 * MINUTE);
    assert_eq!(running[0].to_ms, T0 + 90 * MINUTE, "a lesson in progress lasts until now");
}

/// Comings and goings of one student with several connections, each of them sound in itself.
fn histories() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0_u64..3_600_000, 0_u64..1_800_000), 0..12).prop_map(|list| {
        list.into_iter().map(|(from, length)| (from, (from + length).min(3_600_000))).collect()
    })
}

proptest! {
    #[test]
    fn intervals_are_disjoint_ordered_cover_every_connection_and_ignore_the_order_of_arrival(
        history in histories(), seed in any::<u64>()
    ) {
        let mut facts: Vec<Sighting> = Vec::new();
        for (index, (from, to)) in history.iter().enumerate() {
            let connection = index.to_string();
            facts.push(Sighting { at_ms: T0 + from, room_sid: "RM_a".into(), what: joined("minji", &connection) });
            facts.push(Sighting { at_ms: T0 + to, room_sid: "RM_a".into(), what: left("minji", &connection) });
        }
        let lesson = Lesson { room_sids: vec!["RM_a".into()], from_ms: T0, to_ms: T0 + HOUR };
        let found = intervals(&facts, &lesson).remove("minji").unwrap_or_default();
        for pair in found.windows(2) {
            prop_assert!(pair[0].to_ms + RECONNECT_GAP_MS_MAX < pair[1].from_ms);
        }
        for (from, to) in &history {
            prop_assert!(found.iter().any(|i| i.from_ms <= T0 + from && T0 + to <= i.to_ms));
        }
        let key = |s: &Sighting| (s.at_ms.wrapping_mul(seed | 1)).rotate_left(17);
        facts.sort_by_key(key);
        let mut repeated = facts.clone();
        repeated.extend(facts.iter().cloned());
        let again = intervals(&repeated, &lesson).remove("minji").unwrap_or_default();
        prop_assert_eq!(&again, &found);
        let attended = judge(&found, Interval { from_ms: T0, to_ms: T0 + HOUR });
        prop_assert!((0.0..=1.0).contains(&attended.share));
    }

    #[test]
    fn staying_longer_is_never_worse(from in 0_u64..3_600_000, to in 0_u64..3_600_000, more in 0_u64..600_000) {
        let rank = |s: Status| match s { Status::Present => 3, Status::Late => 2, Status::Partial => 1, Status::Absent => 0 };
        let whole = Interval { from_ms: T0, to_ms: T0 + HOUR };
        let (from, to) = (from.min(to), from.max(to));
        let stay = |to: u64| judge(&[Interval { from_ms: T0 + from, to_ms: T0 + to }], whole).status;
        prop_assert!(rank(stay((to + more).min(3_600_000))) >= rank(stay(to)));
    }
}
