//! Facts of attendance: taken from edges on the node listener, and completed where an edge cannot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use control_plane_agent::mirror;
use control_plane_agent::view::View;
use control_plane_api::fact::{Batch, FACTS_PER_BATCH_MAX, Fact, What};
use control_plane_classes::facts::{self, Open};
use control_plane_classes::{Database, Result};
use http::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::node_listener::{Peer, Shop};

/// Longest request: the longest names in every fact of a full batch.
pub(crate) const BATCH_BYTES_MAX: usize = 2 << 20;
/// Longest text in a fact: an identity or a room (`control_plane_api::id::NAME_BYTES_MAX`); the rest is shorter.
const TEXT_BYTES_MAX: usize = 256;
/// Who is in no edge's presence for so long, without a word that it left, was on an edge that is lost. An edge that comes
/// back sooner says it itself, and better.
const EDGE_LOST_AFTER: Duration = Duration::from_secs(120);
/// Pause of the look at who is missing.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Older joins are not looked at any more.
const LOOK_BACK: Duration = Duration::from_secs(2 * 86_400);

/// `POST /v1/facts`: success says that all of the batch is durably stored.
pub(crate) async fn intake(
    State(shop): State<Shop>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Bytes,
) -> Response {
    let refuse = |status: StatusCode, code: &str, message: String| {
        tracing::warn!(node = &*peer, message, "facts are refused");
        (status, Json(serde_json::json!({ "code": code, "message": message }))).into_response()
    };
    let batch: Batch = match serde_json::from_slice(&body) {
        Ok(batch) => batch,
        Err(error) => {
            let message = format!("This is no batch of facts: {error}. Does the edge run a newer version?");
            return refuse(StatusCode::BAD_REQUEST, "bad_request", message);
        }
    };
    if batch.facts.len() > FACTS_PER_BATCH_MAX {
        let message = format!("A batch has at most {FACTS_PER_BATCH_MAX} facts. Send several.");
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_many", message);
    }
    if let Some(fact) = batch.facts.iter().find(|fact| *fact.id.node != *peer) {
        let message =
            format!("{} is not {peer}'s to tell of. Send what happened on your own node.", fact.id.node);
        return refuse(StatusCode::FORBIDDEN, "not_yours", message);
    }
    let told = batch.facts.len();
    let sound: Vec<Fact> = batch.facts.into_iter().filter(is_sound).collect();
    if sound.len() < told {
        // To refuse the batch would stop all that come after it, for ever.
        shop.metrics.facts_malformed.inc_by((told - sound.len()) as u64);
        tracing::warn!(node = &*peer, count = told - sound.len(), "facts with impossible texts are dropped");
    }
    match facts::record(&shop.database, &sound).await {
        Ok(()) => {
            shop.metrics.facts_stored.inc_by(sound.len() as u64);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => {
            let message = format!("The database takes nothing now: {error}. Send the batch again.");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        }
    }
}

/// Whether the database can hold it.
fn is_sound(fact: &Fact) -> bool {
    let text = |text: &String| text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control);
    let about = match &fact.what {
        What::RoomStarted | What::RoomFinished => true,
        What::Joined { identity, participant_sid } => text(identity) && text(participant_sid),
        What::Left { identity, participant_sid, reason } => {
            text(identity) && text(participant_sid) && text(reason)
        }
        What::TrackPublished { identity, participant_sid, track_sid, source }
        | What::TrackUnpublished { identity, participant_sid, track_sid, source } => {
            text(identity) && text(participant_sid) && text(track_sid) && text(source)
        }
    };
    about && text(&fact.room) && text(&fact.room_sid)
}

/// Concludes who left with an edge that is lost. Any number of control planes may do this at once.
pub(crate) async fn conclude(view: View, database: Database, metrics: Metrics, shutdown: CancellationToken) {
    let mut watcher = Watcher::default();
    let mut pause = tokio::time::interval(LOOK_INTERVAL);
    loop {
        tokio::select! {
            _ = pause.tick() => {}
            () = shutdown.cancelled() => return,
        }
        // What a stale view says is missing may well be there.
        if view.state() != mirror::State::Live {
            watcher = Watcher::default();
            continue;
        }
        match look(&view, &database, &mut watcher, control_plane_agent::unix_time_ms()).await {
            Ok(concluded) => {
                metrics.facts_concluded.inc_by(concluded);
            }
            Err(error) => tracing::warn!(%error, "could not look for people of lost edges"),
        }
    }
}

async fn look(view: &View, database: &Database, watcher: &mut Watcher, now_ms: u64) -> Result<u64> {
    let look_back_ms = u64::try_from(LOOK_BACK.as_millis()).unwrap_or(u64::MAX);
    let open = facts::open(database, now_ms.saturating_sub(look_back_ms)).await?;
    let presence = view.presence();
    let present: BTreeSet<(&str, &str)> = presence
        .values()
        .flat_map(|edge| edge.identities.iter().map(|identity| (edge.room.as_str(), identity.as_str())))
        .collect();
    let mut concluded = 0;
    for (lost, at_ms) in watcher.look(open, &present, now_ms) {
        if facts::conclude(database, &lost, at_ms).await? {
            tracing::info!(node = lost.id.node, "somebody left with an edge that is lost");
            concluded += 1;
        }
    }
    // What was concluded for somebody looked at now is no older than that; twice as far back, whatever the clocks say.
    facts::reconcile(database, now_ms.saturating_sub(2 * look_back_ms)).await?;
    Ok(concluded)
}

/// When people who joined were last seen in the presence of any edge.
#[derive(Debug, Default)]
struct Watcher {
    /// By participant sid.
    sightings: BTreeMap<String, Sighting>,
}

#[derive(Clone, Copy, Debug)]
struct Sighting {
    seen_ms: Option<u64>,
    missed_ms: Option<u64>,
}

impl Watcher {
    /// Those who are missing for long enough, and when they were last there as far as anybody knows.
    fn look(&mut self, open: Vec<Open>, present: &BTreeSet<(&str, &str)>, now_ms: u64) -> Vec<(Open, u64)> {
        let before = std::mem::take(&mut self.sightings);
        let patience_ms = u64::try_from(EDGE_LOST_AFTER.as_millis()).unwrap_or(u64::MAX);
        let mut lost = Vec::new();
        for open in open {
            let fresh = Sighting { seen_ms: None, missed_ms: None };
            let mut sighting = before.get(&open.participant_sid).copied().unwrap_or(fresh);
            if present.contains(&(open.room.as_str(), open.identity.as_str())) {
                sighting = Sighting { seen_ms: Some(now_ms), missed_ms: None };
            } else {
                sighting.missed_ms.get_or_insert(now_ms);
            }
            self.sightings.insert(open.participant_sid.clone(), sighting);
            if sighting.missed_ms.is_some_and(|missed| now_ms.saturating_sub(missed) >= patience_ms) {
                let at_ms = sighting.seen_ms.unwrap_or(0).max(open.heard_ms);
                lost.push((open, at_ms));
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use control_plane_api::fact::FactId;

    use super::*;

    fn open(who: &str) -> Open {
        Open {
            id: FactId { node: "edge".into(), epoch: 1, sequence: 1 },
            room: "class".into(),
            room_sid: "RM_1".into(),
            identity: who.into(),
            participant_sid: format!("PA_{who}"),
            heard_ms: 5_000,
        }
    }

    #[test]
    fn only_who_is_missing_for_long_is_lost_and_as_of_when_it_was_seen() {
        let mut watcher = Watcher::default();
        let all = || vec![open("minji"), open("jun"), open("never seen")];
        let both = BTreeSet::from([("class", "minji"), ("class", "jun")]);
        let one = BTreeSet::from([("class", "jun"), ("another", "minji")]);
        assert!(watcher.look(all(), &both, 10_000).is_empty());
        assert!(watcher.look(all(), &one, 20_000).is_empty());
        assert!(watcher.look(all(), &both, 30_000).is_empty(), "back again");
        assert!(watcher.look(all(), &one, 40_000).is_empty());
        let lost = watcher.look(all(), &one, 130_000);
        assert_eq!(lost, [(open("never seen"), 5_000)]);
        let lost = watcher.look(all(), &one, 160_000);
        assert_eq!(lost, [(open("minji"), 30_000), (open("never seen"), 5_000)]);
        assert!(watcher.look(vec![open("jun")], &one, 170_000).is_empty());
        assert_eq!(watcher.sightings.len(), 1, "who left is forgotten");
    }

    #[test]
    fn a_fact_the_database_cannot_hold_is_told_apart() {
        let fact = |identity: &str| Fact {
            id: FactId { node: "edge".into(), epoch: 1, sequence: 1 },
            at_ms: 1,
            room: "class".into(),
            room_sid: "RM_1".into(),
            what: What::Joined { identity: identity.into(), participant_sid: "PA_1".into() },
        };
        assert!(is_sound(&fact("민지")));
        assert!(!is_sound(&fact("min\0ji")) && !is_sound(&fact(&"x".repeat(257))));
    }
}
