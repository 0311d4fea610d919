//! Who was there, from what edges saw: pure rules, no clock and no database.
//!
//! A student is one identity, however often she reconnects and with however many devices: connections are merged into
//! intervals, gaps a weak network makes are closed, and the share of the lesson decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A gap between two connections of one student up to this long counts as attended: reconnecting takes seconds, and on
/// a weak network a minute or two. Nobody is marked absent for a bad link.
pub const RECONNECT_GAP_MS_MAX: u64 = 120_000;
/// Who comes later than this after the start is late.
pub const LATE_AFTER_MS: u64 = 10 * 60_000;
/// Share of the lesson that makes a student present (and, of what was left when she came, a late one late).
pub const PRESENT_SHARE_MIN: f64 = 0.75;
/// Who came late and saw less than this share of the whole is partial, however long she stayed.
pub const LATE_SHARE_MIN: f64 = 0.5;
/// Below this share a student was not there: she looked in.
pub const ABSENT_SHARE_BELOW: f64 = 0.1;
/// Lives of a room that are less than this apart are one lesson: the room ends when everybody's link is cut at once.
pub const LESSON_GAP_MS_MAX: u64 = 60 * 60_000;
/// A start on the timetable counts when it lies this near to the room's, else the room was opened for something else.
pub const TIMETABLE_SLACK_MS: u64 = 60 * 60_000;

/// The thresholds, as answers tell them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rules {
    pub reconnect_gap_ms_max: u64,
    pub late_after_ms: u64,
    pub present_share_min: f64,
    pub late_share_min: f64,
    pub absent_share_below: f64,
}

/// The rules that hold.
pub const RULES: Rules = Rules {
    reconnect_gap_ms_max: RECONNECT_GAP_MS_MAX,
    late_after_ms: LATE_AFTER_MS,
    present_share_min: PRESENT_SHARE_MIN,
    late_share_min: LATE_SHARE_MIN,
    absent_share_below: ABSENT_SHARE_BELOW,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    Present,
    Late,
    Partial,
    Absent,
}

impl Status {
    /// As it stands in answers and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Late => "late",
            Self::Partial => "partial",
            Self::Absent => "absent",
        }
    }

    /// The reverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Present, Self::Late, Self::Partial, Self::Absent].into_iter().find(|s| s.as_str() == text)
    }
}

/// One fact about the room. Order does not matter: edges report on their own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Wall clock of the edge, ms since the Unix epoch.
    pub at_ms: u64,
    pub room_sid: String,
    pub what: Seen,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    RoomStarted,
    RoomFinished,
    /// `connection` tells the connections of one identity apart (participant sid).
    Joined {
        identity: String,
        connection: String,
    },
    Left {
        identity: String,
        connection: String,
    },
}

/// From when to when, `from_ms <= to_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    pub from_ms: u64,
    pub to_ms: u64,
}

/// One lesson: one life of the room, or several that a cut apart made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lesson {
    /// Oldest first.
    pub room_sids: Vec<String>,
    pub from_ms: u64,
    pub to_ms: u64,
}

/// The lessons a class had, oldest first. `now_ms` ends what is still running (`live` is the life of the room that is
/// in progress, if any).
#[must_use]
pub fn lessons(sightings: &[Sighting], live: Option<&str>, now_ms: u64) -> Vec<Lesson> {
    let mut lives: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for sighting in sightings {
        let life = lives.entry(&sighting.room_sid).or_insert((sighting.at_ms, sighting.at_ms));
        *life = (life.0.min(sighting.at_ms), life.1.max(sighting.at_ms));
    }
    if let Some(life) = live.and_then(|sid| lives.get_mut(sid)) {
        life.1 = life.1.max(now_ms);
    }
    let mut ordered: Vec<_> = lives.into_iter().map(|(sid, (from, to))| (from, to, sid)).collect();
    ordered.sort_unstable();
    let mut lessons: Vec<Lesson> = Vec::new();
    for (from_ms, to_ms, sid) in ordered {
        match lessons.last_mut() {
            Some(last) if from_ms <= last.to_ms.saturating_add(LESSON_GAP_MS_MAX) => {
                last.room_sids.push(sid.to_owned());
                last.to_ms = last.to_ms.max(to_ms);
            }
            _ => lessons.push(Lesson { room_sids: vec![sid.to_owned()], from_ms, to_ms }),
        }
    }
    lessons
}

/// Narrows a lesson to what counts: from the timetable's start, or the instructor's coming when that was later, to the
/// instructor's leaving. Who waits in an empty room, or stays to tidy up, neither gains nor loses.
#[must_use]
pub fn counted(lesson: &Lesson, timetable_ms: Option<u64>, instructor: &[Interval]) -> Interval {
    let came = instructor.first().map_or(lesson.from_ms, |interval| interval.from_ms);
    let left = instructor.last().map_or(lesson.to_ms, |interval| interval.to_ms);
    let from_ms = match timetable_ms {
        Some(start) if start > came && start - came <= TIMETABLE_SLACK_MS && start < left => start,
        _ => came,
    };
    Interval { from_ms, to_ms: left.max(from_ms) }
}

/// Intervals of each identity within `lesson`, disjoint and in order. A connection whose end nobody reported (its edge
/// died) lasts until the same identity's next connection, else until its life of the room ends.
#[must_use]
pub fn intervals(sightings: &[Sighting], lesson: &Lesson) -> BTreeMap<String, Vec<Interval>> {
    let mut last_of_life: BTreeMap<&str, u64> = BTreeMap::new();
    let mut connections: BTreeMap<(&str, &str, &str), Connection> = BTreeMap::new();
    for sighting in sightings.iter().filter(|sighting| lesson.room_sids.contains(&sighting.room_sid)) {
        let sid = sighting.room_sid.as_str();
        let last = last_of_life.entry(sid).or_default();
        *last = (*last).max(sighting.at_ms);
        match &sighting.what {
            // Each edge of the room says so of itself: they only tell that the life goes as far as this.
            Seen::RoomStarted | Seen::RoomFinished => {}
            Seen::Joined { identity, connection } => {
                let seen = connections.entry((identity, sid, connection)).or_default();
                seen.joined_ms = Some(seen.joined_ms.map_or(sighting.at_ms, |ms| ms.min(sighting.at_ms)));
                seen.joined_last_ms = seen.joined_last_ms.max(sighting.at_ms);
            }
            Seen::Left { identity, connection } => {
                let seen = connections.entry((identity, sid, connection)).or_default();
                seen.left_ms = Some(seen.left_ms.map_or(sighting.at_ms, |ms| ms.max(sighting.at_ms)));
            }
        }
    }
    let last_sid = lesson.room_sids.last().map(String::as_str);
    let life_end = |sid: &str| match last_of_life.get(sid) {
        Some(&last) if last_sid != Some(sid) => last,
        _ => lesson.to_ms,
    };
    let mut found: BTreeMap<String, Vec<(Interval, bool)>> = BTreeMap::new();
    for ((identity, sid, _), seen) in connections {
        // A leaving without a coming: the coming was never reported, and when it was cannot be known.
        let Some(from_ms) = seen.joined_ms.or(seen.left_ms) else { continue };
        let closed = seen.left_ms.filter(|&left| left >= seen.joined_last_ms);
        let to_ms = closed.unwrap_or_else(|| life_end(sid)).max(from_ms);
        let interval = Interval { from_ms, to_ms };
        found.entry(identity.to_owned()).or_default().push((interval, closed.is_some()));
    }
    found.into_iter().map(|(identity, list)| (identity, merged(list))).collect()
}

#[derive(Debug, Default)]
struct Connection {
    joined_ms: Option<u64>,
    joined_last_ms: u64,
    left_ms: Option<u64>,
}

/// Unites connections that touch, overlap, or lie a reconnect apart. One of unknown end is cut at the next coming.
fn merged(mut list: Vec<(Interval, bool)>) -> Vec<Interval> {
    list.sort_unstable_by_key(|(interval, _)| (interval.from_ms, interval.to_ms));
    let mut united: Vec<Interval> = Vec::new();
    for index in 0..list.len() {
        let (mut interval, closed) = list[index];
        if let Some((next, _)) = list.get(index + 1).filter(|_| !closed) {
            interval.to_ms = interval.to_ms.min(next.from_ms);
        }
        match united.last_mut() {
            Some(last) if interval.from_ms <= last.to_ms.saturating_add(RECONNECT_GAP_MS_MAX) => {
                last.to_ms = last.to_ms.max(interval.to_ms);
            }
            _ => united.push(interval),
        }
    }
    united
}

/// What attendance comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Attended {
    pub status: Status,
    pub seconds: u64,
    /// Of the counted part of the lesson, 0 to 1.
    pub share: f64,
    /// Cut to the lesson.
    pub intervals: Vec<Interval>,
}

/// Judges one student's `intervals` against the counted part of the lesson.
#[must_use]
pub fn judge(intervals: &[Interval], counted: Interval) -> Attended {
    let within: Vec<Interval> = intervals
        .iter()
        .map(|i| Interval { from_ms: i.from_ms.max(counted.from_ms), to_ms: i.to_ms.min(counted.to_ms) })
        .filter(|i| i.from_ms < i.to_ms)
        .collect();
    let attended_ms: u64 = within.iter().map(|i| i.to_ms - i.from_ms).sum();
    let whole_ms = counted.to_ms - counted.from_ms;
    let share = ratio(attended_ms, whole_ms);
    let came_ms = within.first().map_or(counted.to_ms, |i| i.from_ms);
    let rest = ratio(attended_ms, counted.to_ms - came_ms);
    let status = if within.is_empty() || share < ABSENT_SHARE_BELOW {
        Status::Absent
    } else if came_ms - counted.from_ms > LATE_AFTER_MS {
        if rest >= PRESENT_SHARE_MIN && share >= LATE_SHARE_MIN { Status::Late } else { Status::Partial }
    } else if share >= PRESENT_SHARE_MIN {
        Status::Present
    } else {
        Status::Partial
    };
    Attended { status, seconds: attended_ms / 1000, share, intervals: within }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a lesson are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
