//! Classes in the fleet's store: what edges read of them, and what they show.
//!
//! ```text
//!   database (the truth) --publish, keep_in_step--> store: key::class(id) --watch--> edges: may it be, is it recorded
//!   edges, origin --presence, recordings--> view --observe--> database: seen live, has a replay
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane_agent::store::Store;
use control_plane_agent::unix_time_ms;
use control_plane_agent::view::View;
use control_plane_api::class::{Class as Record, ClassState};
use control_plane_api::key;
use control_plane_api::recording::{Recording, RecordingState};
use control_plane_classes::Database;
use control_plane_classes::catalogue::class::NewClass;
use control_plane_classes::catalogue::{Class, edit, store as classes, sync};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A new class is waited for this long to come back through the watch, so that who made it finds it.
const READ_BACK: Duration = Duration::from_secs(1);
/// What another control plane left undone is looked for this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);
/// Changes of the fleet that come together are noted as one.
const SETTLE: Duration = Duration::from_millis(50);
/// Ids compared in one go.
const PAGE: usize = 1_000;

/// Whether somebody is in it now.
pub(crate) fn is_live(view: &View, id: &str) -> bool {
    !view.presence_of(id).is_empty()
}

/// Classes somebody is in.
pub(crate) fn live(view: &View) -> Vec<String> {
    let rooms: BTreeSet<String> = view.presence().values().map(|presence| presence.room.clone()).collect();
    rooms.into_iter().collect()
}

/// What there is to replay; while the class runs, an earlier lesson.
pub(crate) fn replay_of(view: &View, id: &str, is_live: bool) -> Option<String> {
    let recordings = recordings_of(view, id);
    let replay =
        recordings.iter().rev().find(|recording| !is_live || recording.state != RecordingState::Live);
    replay.map(|recording| recording.manifest.clone())
}

/// Recordings of a class, oldest first.
pub(crate) fn recordings_of(view: &View, class: &str) -> Vec<Recording> {
    let records = view.recordings();
    let first = format!("{class}/");
    let below = records.range(first.clone()..).take_while(|(name, _)| name.starts_with(&first));
    let mut found: Vec<Recording> = below.map(|(_, recording)| recording.clone()).collect();
    found.sort_by_key(|recording| recording.started_at_ms);
    found
}

/// What edges need of a class, and no more.
fn record(class: &Class) -> Record {
    Record {
        id: class.id.clone(),
        title: class.title.clone(),
        description: String::new(),
        instructor: class.instructor_name.clone(),
        recorded: class.recorded,
        created_at_ms: class.created_at_ms,
        state: if class.live_at_ms.is_some() { ClassState::Live } else { ClassState::Upcoming },
        replay: None,
    }
}

/// Writes the record of a new class and waits a moment for it to be seen. A store that is away gets it later.
pub(crate) async fn publish(view: &View, store: &dyn Store, database: &Database, class: &Class) {
    if let Err(error) = write(store, database, class).await {
        tracing::warn!(%error, class = class.id, "a new class is not in the store yet");
        return;
    }
    let mut seen = view.classes.subscribe();
    let seen = seen.wait_for(|classes| classes.contains_key(&class.id));
    if tokio::time::timeout(READ_BACK, seen).await.is_err() {
        tracing::debug!(class = class.id, "a new class has not come back through the watch yet");
    }
}

async fn write(store: &dyn Store, database: &Database, class: &Class) -> anyhow::Result<()> {
    store.put(&key::class(&class.id), encode(&record(class)), None).await?;
    if sync::synced(database, class).await? > 0 {
        return Ok(());
    }
    // The class changed since it was read. Another control plane may have written that change before this older record, or
    // taken the record away: then nobody looks again.
    match classes::find(database, &class.id).await? {
        Some(_) => sync::forget(database, &class.id, unix_time_ms()).await?,
        None => store.delete(&key::class(&class.id)).await.map(|_| ())?,
    }
    Ok(())
}

/// Keeps the store's records in step with the database, until `shutdown`. Any number of control planes may do so at once.
pub(crate) async fn keep_in_step(
    view: View,
    store: Arc<dyn Store>,
    database: Database,
    news: Arc<Notify>,
    shutdown: CancellationToken,
) {
    let work = async {
        view.ready().await;
        while let Err(error) = compare(&view, &*store, &database).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "classes in the store were not compared with the database"
            );
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        loop {
            if let Err(error) = catch_up(&*store, &database).await {
                tracing::warn!(error = format!("{error:#}"), "classes in the store are behind the database");
            }
            tokio::time::timeout(LOOK_INTERVAL, news.notified()).await.ok();
        }
    };
    tokio::select! {
        () = work => {}
        () = shutdown.cancelled() => {}
    }
}

/// Writes records that are behind and takes away those of classes that are gone.
async fn catch_up(store: &dyn Store, database: &Database) -> anyhow::Result<()> {
    for id in sync::removals(database).await? {
        store.delete(&key::class(&id)).await?;
        sync::removed(database, &id).await?;
    }
    loop {
        let behind = sync::unsynced(database).await?;
        for class in &behind {
            write(store, database, class).await?;
        }
        if behind.len() < sync::BATCH {
            return Ok(());
        }
    }
}

/// Once, at the start: records that are missing are written again; classes that only the store has (of a version before the
/// database) come into it.
async fn compare(view: &View, store: &dyn Store, database: &Database) -> anyhow::Result<()> {
    // In this order: a class is in the database before it is in the store.
    let records = view.classes();
    let mut known = BTreeSet::new();
    let mut last = String::new();
    loop {
        let ids = sync::ids(database, &last, PAGE).await?;
        let Some(end) = ids.last().cloned() else { break };
        last = end;
        known.extend(ids);
    }
    for id in known.iter().filter(|id| !records.contains_key(*id)) {
        sync::forget(database, id, unix_time_ms()).await?;
    }
    let removed = sync::removals(database).await?;
    for (id, record) in records.iter().filter(|(id, _)| !known.contains(*id) && !removed.contains(id)) {
        // It may have been taken away since the view was read.
        if store.get(&key::class(id)).await?.is_some() {
            adopt(database, record).await?;
        }
    }
    Ok(())
}

async fn adopt(database: &Database, record: &Record) -> anyhow::Result<()> {
    let new = NewClass {
        title: record.title.clone(),
        description: record.description.clone(),
        instructor: Some(record.instructor.clone()),
        recorded: record.recorded,
        ..NewClass::default()
    };
    let class = match new.checked(record.id.clone(), record.created_at_ms) {
        Ok(class) => class,
        Err(error) => {
            tracing::warn!(%error, class = record.id, "a class in the store cannot come into the database");
            return Ok(());
        }
    };
    let live_at_ms = (record.state != ClassState::Upcoming).then_some(record.created_at_ms);
    if edit::create(database, &Class { live_at_ms, updated_at_ms: unix_time_ms(), ..class }).await? {
        tracing::info!(class = record.id, "a class of the store has come into the database");
    }
    Ok(())
}

/// Notes in the database what edges and origin show of classes: that they are live, and what there is to replay.
pub(crate) async fn observe(view: View, database: Database, news: Arc<Notify>, shutdown: CancellationToken) {
    let mut changes = view.changes(&shutdown);
    let mut noted = Noted::default();
    let work = async {
        view.ready().await;
        loop {
            changes.mark_unchanged();
            if let Err(error) = noted.note(&view, &database, &news).await {
                tracing::warn!(%error, "what the fleet shows of classes was not noted");
                tokio::time::sleep(LOOK_INTERVAL).await;
                continue;
            }
            if changes.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(SETTLE).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = shutdown.cancelled() => {}
    }
}

/// What is in the database already, as far as this process knows.
#[derive(Default)]
struct Noted {
    live: BTreeSet<String>,
    replays: Option<BTreeMap<String, u64>>,
}

impl Noted {
    async fn note(
        &mut self,
        view: &View,
        database: &Database,
        news: &Notify,
    ) -> control_plane_classes::Result<()> {
        let live: BTreeSet<String> = live(view).into_iter().collect();
        for id in live.difference(&self.live) {
            sync::seen_live(database, id, unix_time_ms()).await?;
            // The record says that it was ever live.
            sync::forget(database, id, unix_time_ms()).await?;
            news.notify_one();
        }
        self.live = live;
        if self.replays.is_none() {
            self.replays = Some(sync::with_replay(database).await?.into_iter().collect());
        }
        let mut replays: BTreeMap<String, u64> = BTreeMap::new();
        for recording in
            view.recordings().values().filter(|recording| recording.state != RecordingState::Live)
        {
            let newest = replays.entry(recording.room.clone()).or_default();
            *newest = (*newest).max(recording.started_at_ms);
        }
        let before = self.replays.take().unwrap_or_default();
        let changed = replays.iter().filter(|(id, at_ms)| before.get(*id) != Some(at_ms));
        for (id, at_ms) in changed {
            sync::seen_replay(database, id, Some(*at_ms), unix_time_ms()).await?;
        }
        for id in before.keys().filter(|id| !replays.contains_key(*id)) {
            sync::seen_replay(database, id, None, unix_time_ms()).await?;
        }
        self.replays = Some(replays);
        Ok(())
    }
}

/// The class, from the database, or from the view while the database is away: a running class goes on taking people in.
pub(crate) async fn find(
    view: &View,
    database: &Database,
    id: &str,
) -> control_plane_classes::Result<Option<Class>> {
    match classes::find(database, id).await {
        Err(error) if error.code().is_none() => {
            let record = view.classes().get(id).cloned();
            let class = record.and_then(|record| {
                let new = NewClass { title: record.title, recorded: record.recorded, ..NewClass::default() };
                new.checked(record.id, record.created_at_ms).ok()
            });
            class.map(Some).ok_or(error)
        }
        found => found,
    }
}

fn encode(record: &Record) -> Bytes {
    Bytes::from(serde_json::to_vec(record).expect("records are plain data"))
}

#[cfg(test)]
mod tests;
