//! Classes as they stand in the store, and as they are: live, ended, with a replay.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane_agent::store::{Compared, Error, Store};
use control_plane_agent::view::View;
use control_plane_api::class::{Class, ClassState};
use control_plane_api::key;
use control_plane_api::recording::{Recording, RecordingState};
use tokio_util::sync::CancellationToken;

/// A new class is waited for this long to come back through the watch, so that who made it finds it.
const READ_BACK: Duration = Duration::from_secs(1);

/// The class as it is now. Its record says only whether it was ever live; the rest is seen.
pub(crate) fn as_it_is(view: &View, stored: &Class) -> Class {
    let recordings = recordings_of(view, &stored.id);
    let live = !view.presence_of(&stored.id).is_empty();
    let state = match stored.state {
        _ if live => ClassState::Live,
        ClassState::Upcoming if recordings.is_empty() => ClassState::Upcoming,
        ClassState::Upcoming | ClassState::Live | ClassState::Ended => ClassState::Ended,
    };
    // While the class runs, an earlier lesson is what there is to replay.
    let replay = recordings.iter().rev().find(|recording| !live || recording.state != RecordingState::Live);
    Class { state, replay: replay.map(|recording| recording.manifest.clone()), ..stored.clone() }
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

/// Looks in the view, and then in the store: another control plane may have made it just now.
pub(crate) async fn find(view: &View, store: &dyn Store, id: &str) -> Result<Option<Class>, Error> {
    if let Some(class) = view.classes().get(id) {
        return Ok(Some(class.clone()));
    }
    let Some(entry) = store.get(&key::class(id)).await? else { return Ok(None) };
    serde_json::from_slice(&entry.value).map(Some).map_err(|error| {
        tracing::warn!(key = entry.key, %error, "record in the store cannot be read");
        Error::unavailable(format_args!("the record of class {id} cannot be read by this version"))
    })
}

/// Writes a new class. `false`: its id is taken.
pub(crate) async fn create(view: &View, store: &dyn Store, class: &Class) -> Result<bool, Error> {
    let written = store.compare_and_put(&key::class(&class.id), 0, encode(class), None).await?;
    let Compared::Written { .. } = written else { return Ok(false) };
    let mut classes = view.classes.subscribe();
    let seen = classes.wait_for(|classes| classes.contains_key(&class.id));
    if tokio::time::timeout(READ_BACK, seen).await.is_err() {
        tracing::debug!(class = class.id, "a new class has not come back through the watch yet");
    }
    Ok(true)
}

/// Notes in the store that a class went live, so that afterwards it is known to have ended. Any number of control
/// planes may do this at once.
pub(crate) async fn note_live(view: View, store: Arc<dyn Store>, shutdown: CancellationToken) {
    let mut presence = view.presence.subscribe();
    loop {
        let rooms: Vec<String> =
            presence.borrow_and_update().values().map(|presence| presence.room.clone()).collect();
        for room in rooms {
            if let Some(class) = view.classes().get(&room)
                && class.state == ClassState::Upcoming
                && let Err(error) = mark_live(&*store, &room).await
            {
                tracing::warn!(%error, class = room, "could not note that a class is live");
            }
        }
        tokio::select! {
            changed = presence.changed() => if changed.is_err() { return },
            () = shutdown.cancelled() => return,
        }
    }
}

async fn mark_live(store: &dyn Store, id: &str) -> Result<(), Error> {
    let Some(entry) = store.get(&key::class(id)).await? else { return Ok(()) };
    let Ok(class) = serde_json::from_slice::<Class>(&entry.value) else { return Ok(()) };
    if class.state == ClassState::Upcoming {
        let class = Class { state: ClassState::Live, ..class };
        // On a conflict somebody else has just noted it.
        store.compare_and_put(&entry.key, entry.mod_revision, encode(&class), None).await?;
    }
    Ok(())
}

fn encode(class: &Class) -> Bytes {
    Bytes::from(serde_json::to_vec(class).expect("records are plain data"))
}
