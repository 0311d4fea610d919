//! Keeps the plans of rooms as they should be: each room on many edges has a `Topology`, and records of rooms nobody holds go.
//!
//! ```text
//!   View (nodes, presence, rooms, topologies) -> debounce -> rounds::Planner -> steps -> Store, a transaction per room
//!          ^---------------------------------- the watch brings what was written ---------------'
//! ```
//!
//! Every control plane does this; nobody is elected. A plan is a function of the view and of the plan that stands, so two that see the
//! same agree, and of two that do not the one whose transaction fails looks again. While the view is stale nothing is
//! planned and nothing collected: edges go on by their second parents.

mod rounds;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane_agent::mirror;
use control_plane_agent::registration::TTL_DEFAULT;
use control_plane_agent::store::{Compared, Entry, Error, Store};
use control_plane_agent::view::View;
use control_plane_api::key;
use control_plane_api::room::Room;
use control_plane_api::topology::Topology;
use futures_util::StreamExt as _;
use rand::Rng as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Metrics, Outcome};
use rounds::{Basis, Planner, Snapshot, Step};

/// Changes closer together are planned as one. A lost edge's neighbours have mended the room long before.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// Added at random, so that of several control planes one is usually first and the others find it done.
const DEBOUNCE_JITTER_MS: u64 = 100;
/// Transactions under way at once: some 2,000 a second on a store that answers within 8 ms.
const WRITES_AT_ONCE: usize = 16;
/// Tries at a record that others write too; then the next round sees to it.
const TRIES_MAX: usize = 4;
/// After the store was away, nodes whose lease ended meanwhile register again within a lease's time: until then who is missing
/// may only be late.
const SETTLE: Duration = TTL_DEFAULT;
/// Without any change, a round is due so often: costs of links drift, and empty rooms come of age.
const ROUND_INTERVAL_MAX: Duration = Duration::from_secs(10);

/// Works until `shutdown`.
pub(crate) async fn run(view: View, store: Arc<dyn Store>, metrics: Metrics, shutdown: CancellationToken) {
    tokio::select! {
        () = Reconciler { view, store, metrics, planner: Planner::default() }.rounds(&shutdown) => {}
        () = shutdown.cancelled() => {}
    }
}

struct Reconciler {
    view: View,
    store: Arc<dyn Store>,
    metrics: Metrics,
    planner: Planner,
}

impl Reconciler {
    async fn rounds(mut self, shutdown: &CancellationToken) {
        let mut changes = self.view.changes(shutdown);
        self.view.ready().await;
        let mut settled_at = Instant::now();
        loop {
            if self.view.state() == mirror::State::Live {
                if Instant::now() >= settled_at {
                    self.round().await;
                }
            } else {
                settled_at = Instant::now() + SETTLE;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(self.patience(settled_at)) => {}
            }
            let jitter = Duration::from_millis(rand::rng().random_range(0..DEBOUNCE_JITTER_MS));
            tokio::time::sleep(DEBOUNCE + jitter).await;
            changes.mark_unchanged();
        }
    }

    /// How long nothing is to be done if nothing changes.
    fn patience(&self, settled_at: Instant) -> Duration {
        let until_settled = settled_at.saturating_duration_since(Instant::now());
        if until_settled.is_zero() { ROUND_INTERVAL_MAX } else { until_settled.min(ROUND_INTERVAL_MAX) }
    }

    async fn round(&mut self) {
        let snapshot = Snapshot::of(&self.view);
        let mut planner = std::mem::take(&mut self.planner);
        let now = Instant::now();
        // A fleet's worth of rooms takes a good part of a second after a region is lost: not on a thread that answers joins.
        let planned = tokio::task::spawn_blocking(move || {
            let steps = planner.round(&snapshot, now.into_std());
            (planner, steps)
        });
        let Ok((planner, round)) = planned.await else { return };
        self.planner = planner;
        self.metrics.topologies.set(i64::try_from(round.trees).unwrap_or(i64::MAX));
        if round.steps.is_empty() {
            return;
        }
        let planned_ms = now.elapsed().as_millis();
        let count = round.steps.len();
        let outcomes: Vec<&'static str> = futures_util::stream::iter(round.steps)
            .map(|step| self.take(step))
            .buffer_unordered(WRITES_AT_ONCE)
            .collect()
            .await;
        let failed = outcomes.iter().filter(|outcome| matches!(**outcome, "failed" | "conflict")).count();
        tracing::info!(steps = count, failed, planned_ms, "rooms planned");
        if failed > 0 {
            self.planner.again();
        }
    }

    /// One step; its outcome for the figures.
    async fn take(&self, step: Step) -> &'static str {
        let result = match &step {
            Step::Write { wanted, basis } => write(&*self.store, wanted, basis).await,
            Step::Drop { room } => drop_topology(&*self.store, room).await,
            Step::Forget { room, room_sid } => forget(&*self.store, room, room_sid).await,
        };
        let outcome = result.unwrap_or_else(|error| {
            tracing::debug!(%error, ?step, "a room's record could not be brought up to date; tried again in the next round");
            "failed"
        });
        self.metrics.room_plans.get_or_create(&Outcome::of(outcome)).inc();
        outcome
    }
}

/// Writes a plan on the revision it was planned from; planned again from what stands there if that is something else.
async fn write(store: &dyn Store, wanted: &Topology, basis: &Basis) -> Result<&'static str, Error> {
    let key = key::topology(&wanted.room);
    let mut standing = store.get(&key).await?;
    for _ in 0..TRIES_MAX {
        let record = standing.as_ref().and_then(read);
        let wanted = if record == basis.previous {
            Some(wanted.clone())
        } else {
            basis.plan(record.as_ref().filter(|record| record.room_sid == wanted.room_sid))
        };
        let Some(wanted) = wanted.filter(|wanted| Some(wanted) != record.as_ref()) else { return Ok("same") };
        let expected = standing.as_ref().map_or(0, |entry| entry.mod_revision);
        match store.compare_and_put(&key, expected, encode(&wanted), None).await? {
            Compared::Written { .. } => return Ok("written"),
            Compared::Conflict { current } => standing = current,
        }
    }
    Ok("conflict")
}

/// The room is on few edges, or over.
async fn drop_topology(store: &dyn Store, room: &str) -> Result<&'static str, Error> {
    Ok(if store.delete(&key::topology(room)).await? { "dropped" } else { "same" })
}

/// Deletes the record of a room that no edge holds. Asks the store, not the view: an edge may just have opened the room.
async fn forget(store: &dyn Store, room: &str, room_sid: &str) -> Result<&'static str, Error> {
    if !store.list(&key::presence_prefix(room)).await?.entries.is_empty() {
        return Ok("same");
    }
    let record = store.get(&key::room(room)).await?;
    let is_that_life = record
        .and_then(|entry| serde_json::from_slice::<Room>(&entry.value).ok())
        .is_some_and(|record| record.sid == room_sid);
    if is_that_life && store.delete(&key::room(room)).await? { Ok("forgotten") } else { Ok("same") }
}

/// A record nobody can read (a newer fleet wrote it, or garbage) is planned over.
fn read(entry: &Entry) -> Option<Topology> {
    serde_json::from_slice(&entry.value).ok()
}

fn encode(record: &Topology) -> Bytes {
    Bytes::from(serde_json::to_vec(record).expect("records are plain data"))
}

#[cfg(test)]
mod tests;
