//! Words said again. A word goes into a room once, by one edge, and right after a loss that edge may not have all its links
//! yet: whoever moved to another one misses it and does not know. So once it has settled who is on which edge of a room, the
//! class's version is said again; a page that has it does nothing, one that is behind asks.
//!
//! ```text
//!   presence changes -> 2-3 s (each room its own, so that a lost region's rooms do not speak at once) -> {"v", "kind": "changed"}
//! ```

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use control_plane_agent::mirror::Records;
use control_plane_agent::view::View;
use control_plane_api::room::Presence;
use control_plane_classes::{Database, classroom};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::word::{Rooms, Word};

/// From a change to the word. Edges have their new links within a second; no room hears of itself more often than this.
const SETTLE: Duration = Duration::from_secs(2);
/// Rooms that change together speak spread over this time.
const SPREAD: Duration = Duration::from_secs(1);
/// Changes are compared at most this often: while many join, each compares all rooms.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Rooms that speak in one round; more go in the next, [`LOOK_INTERVAL`] later.
const ROOMS_PER_ROUND: usize = 500;

/// Says versions again, until `shutdown`.
pub(crate) async fn run(view: View, database: Database, rooms: Arc<Rooms>, shutdown: CancellationToken) {
    let work = async {
        view.ready().await;
        let mut presence = view.presence.subscribe();
        let mut again = Again::default();
        // From nothing: what another process was about to say when it ended is said by whichever starts.
        let mut before = Records::default();
        loop {
            let now = presence.borrow_and_update().clone();
            again.changed(&before, &now, Instant::now());
            before = now;
            let due = again.due(Instant::now());
            if let Err(error) = say(&database, &rooms, &due).await {
                tracing::debug!(%error, "versions of classes were not said again");
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
            let next = again.next();
            tokio::select! {
                changed = presence.changed() => if changed.is_err() { return },
                () = async { tokio::time::sleep_until(next.expect("there is one")).await }, if next.is_some() => {}
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = shutdown.cancelled() => {}
    }
}

async fn say(database: &Database, rooms: &Arc<Rooms>, due: &[String]) -> control_plane_classes::Result<()> {
    for (class, v) in classroom::versions(database, due).await? {
        rooms.say(&class, Word::new("changed").at(v));
    }
    Ok(())
}

/// Rooms that are to hear their version: at most as many as there are rooms.
#[derive(Debug, Default)]
struct Again {
    due: BTreeMap<String, Due>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    /// It changed once more since.
    more: bool,
}

impl Again {
    /// Notes rooms whose people or edges are not those of before.
    fn changed(&mut self, before: &Records<Presence>, now: &Records<Presence>, at: Instant) {
        if Arc::ptr_eq(before, now) {
            return;
        }
        let differs = |name: &String, one: &Records<Presence>, other: &Records<Presence>| {
            one.get(name).map(|presence| &presence.identities)
                != other.get(name).map(|presence| &presence.identities)
        };
        let come = now.iter().filter(|(name, _)| differs(name, before, now));
        let gone = before.iter().filter(|(name, _)| !now.contains_key(*name));
        for (_, Presence { room, .. }) in come.chain(gone) {
            match self.due.get_mut(room) {
                Some(due) => due.more = true,
                None => {
                    let due = Due { at: at + SETTLE + spread(room), more: false };
                    self.due.insert(room.clone(), due);
                }
            }
        }
    }

    /// Rooms whose time has come, a round's worth. One that changed meanwhile comes once more.
    fn due(&mut self, now: Instant) -> Vec<String> {
        let is_due = |(_, due): &(&String, &mut Due)| due.at <= now;
        let mut found = Vec::new();
        for (room, due) in self.due.iter_mut().filter(is_due).take(ROOMS_PER_ROUND) {
            found.push((room.clone(), due.more));
            *due = Due { at: now + SETTLE, more: false };
        }
        for (room, _) in found.iter().filter(|(_, more)| !more) {
            self.due.remove(room);
        }
        found.into_iter().map(|(room, _)| room).collect()
    }

    fn next(&self) -> Option<Instant> {
        self.due.values().map(|due| due.at).min()
    }
}

fn spread(room: &str) -> Duration {
    let mut hasher = DefaultHasher::new();
    room.hash(&mut hasher);
    Duration::from_millis(hasher.finish() % u64::try_from(SPREAD.as_millis()).expect("short"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(rooms: &[(&str, &str, &[&str])]) -> Records<Presence> {
        let record = |(room, node, identities): &(&str, &str, &[&str])| {
            let presence = Presence {
                room: (*room).to_owned(),
                room_sid: "RM_1".into(),
                node: (*node).to_owned(),
                participants: 1,
                identities: identities.iter().map(|id| (*id).to_owned()).collect(),
            };
            (format!("{room}/{node}"), presence)
        };
        Arc::new(rooms.iter().map(record).collect())
    }

    #[test]
    fn a_room_speaks_once_it_has_settled_and_however_much_changes_every_two_seconds_at_most() {
        let mut again = Again::default();
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let still = records(&[("oboe", "seoul", &["hana"])]);
        let before = records(&[("ink", "jeju", &["minji", "teacher"]), ("oboe", "seoul", &["hana"])]);
        again.changed(&still, &before, at(0));
        assert!(again.due(at(1_999)).is_empty() && again.next().is_some_and(|next| next < at(3_000)));
        assert_eq!(again.due(at(3_000)), ["ink"], "and not the room in which nothing changed");
        assert_eq!(again.next(), None);

        // Her edge is lost, and she goes on at another: two changes, and a word after each has settled.
        let lost = records(&[("ink", "jeju", &["teacher"]), ("oboe", "seoul", &["hana"])]);
        let back = records(&[
            ("ink", "jeju", &["teacher"]),
            ("ink", "busan", &["minji"]),
            ("oboe", "seoul", &["hana"]),
        ]);
        again.changed(&before, &lost, at(10_000));
        again.changed(&lost, &back, at(11_500));
        assert_eq!(again.due(at(13_000)), ["ink"]);
        assert!(again.due(at(14_999)).is_empty());
        assert_eq!(again.due(at(15_000)), ["ink"]);
        assert!(again.due(at(60_000)).is_empty());

        let mut said = 0;
        let (mut now, mut other) = (back, lost);
        for ms in (0..60_000).step_by(100) {
            again.changed(&now, &other, at(100_000 + ms));
            std::mem::swap(&mut now, &mut other);
            said += again.due(at(100_000 + ms)).len();
        }
        assert!((25..=30).contains(&said), "{said} words in a minute of a change every 100 ms");
    }

    #[test]
    fn a_lost_regions_rooms_do_not_speak_at_once_and_a_round_is_bounded() {
        let names: Vec<String> = (0..3_000).map(|index| format!("room{index}")).collect();
        let people: Vec<(&str, &str, &[&str])> =
            names.iter().map(|name| (name.as_str(), "jeju", &["minji"][..])).collect();
        let mut again = Again::default();
        let start = Instant::now();
        again.changed(&records(&people), &Records::default(), start);
        let early = again.due(start + Duration::from_millis(2_100)).len();
        assert!((100..500).contains(&early), "{early} of 3,000 in a tenth of the time");
        let late = start + Duration::from_secs(4);
        let rounds: Vec<usize> = (0..8).map(|_| again.due(late).len()).take_while(|n| *n > 0).collect();
        assert!(rounds.iter().all(|n| *n <= ROOMS_PER_ROUND), "{rounds:?}");
        assert_eq!(early + rounds.iter().sum::<usize>(), 3_000);
    }
}
