//! Lessons that end without a word: what they left open is closed, so that whoever watches the replay can answer it.
//!
//! A lesson is over when nobody has been in the room for a minute, or when its schedule has passed and its instructor has been
//! away for five. Every control plane looks; closing twice changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use control_plane_agent::mirror::State;
use control_plane_agent::unix_time_ms;
use control_plane_agent::view::View;
use control_plane_classes::Database;
use control_plane_classes::classroom::lapse::{self, Unfinished};
use tokio_util::sync::CancellationToken;

use crate::word::{Rooms, Word};

/// How long lessons are given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Longer than the clients of a lost edge need to come back by another, and than a control plane's restart.
    empty: Duration,
    /// Longer than a telephone call, or a battery that is charged.
    untaught: Duration,
    look: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { empty: seconds(60), untaught: seconds(300), look: seconds(10) }
    }
}

/// Closes what ended lessons left open, until `shutdown`.
pub(crate) async fn close_behind(
    view: View,
    database: Database,
    rooms: Arc<Rooms>,
    pace: Pace,
    shutdown: CancellationToken,
) {
    let mut watcher = Watcher::default();
    let work = async {
        view.ready().await;
        loop {
            if let Err(error) = look(&view, &database, &rooms, pace, &mut watcher).await {
                tracing::warn!(%error, "lessons that ended were not looked for");
            }
            tokio::time::sleep(pace.look).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = shutdown.cancelled() => {}
    }
}

async fn look(
    view: &View,
    database: &Database,
    rooms: &Arc<Rooms>,
    pace: Pace,
    watcher: &mut Watcher,
) -> control_plane_classes::Result<()> {
    if view.state() != State::Live {
        // Who is in a room is not known now, and whom leases brought down comes back after an outage.
        *watcher = Watcher::default();
        return Ok(());
    }
    let now_ms = unix_time_ms();
    let unfinished = lapse::unfinished(database, now_ms).await?;
    let seen: Vec<_> = unfinished
        .iter()
        .map(|lesson| (lesson.class.clone(), missing(lesson, view, rooms, now_ms)))
        .collect();
    for class in watcher.over(&seen, pace, Instant::now()) {
        if let Some(changed) = lapse::close(database, &class, now_ms).await? {
            tracing::info!(class, "the lesson is over; what was still asked is closed");
            rooms.say(&class, Word::new("changed").at(changed.v));
        }
    }
    Ok(())
}

/// Who is missing from a lesson.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Nobody,
    /// Past its schedule.
    Instructor,
    Everybody,
}

fn missing(lesson: &Unfinished, view: &View, rooms: &Rooms, now_ms: u64) -> Missing {
    if view.presence_of(&lesson.class).is_empty() {
        return Missing::Everybody;
    }
    let is_past = lesson.ends_at_ms.is_some_and(|ends| ends < now_ms);
    match &lesson.instructor {
        Some(instructor) if is_past && !rooms.identities(&lesson.class).contains(instructor) => {
            Missing::Instructor
        }
        _ => Missing::Nobody,
    }
}

/// Since when somebody is missing, by class: everybody, and the instructor (who is missing with everybody too).
#[derive(Default)]
struct Watcher {
    empty: BTreeMap<String, Instant>,
    untaught: BTreeMap<String, Instant>,
}

impl Watcher {
    /// Classes whose lesson is over. `seen` is all that is unfinished: others are forgotten.
    fn over(&mut self, seen: &[(String, Missing)], pace: Pace, now: Instant) -> Vec<String> {
        let of = |is: fn(Missing) -> bool| -> BTreeSet<&str> {
            seen.iter().filter(|(_, missing)| is(*missing)).map(|(class, _)| class.as_str()).collect()
        };
        let empty = since(&mut self.empty, &of(|missing| missing == Missing::Everybody), pace.empty, now);
        let untaught =
            since(&mut self.untaught, &of(|missing| missing == Missing::Instructor), pace.untaught, now);
        empty.into_iter().chain(untaught).collect()
    }
}

/// Those of `classes` that have been so for `long`.
fn since(
    known: &mut BTreeMap<String, Instant>,
    classes: &BTreeSet<&str>,
    long: Duration,
    now: Instant,
) -> Vec<String> {
    known.retain(|class, _| classes.contains(class.as_str()));
    for class in classes {
        if !known.contains_key(*class) {
            known.insert((*class).to_owned(), now);
        }
    }
    let is_over = |since: &Instant| now.saturating_duration_since(*since) >= long;
    known.iter().filter(|(_, since)| is_over(since)).map(|(class, _)| class.clone()).collect()
}

#[cfg(test)]
#[path = "lessons_tests.rs"]
mod tests;
