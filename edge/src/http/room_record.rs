//! The room's record in the control plane: whoever comes first writes it, everybody else reads it.

use bytes::Bytes;
use control_plane_agent::store::{Compared, Store};
use control_plane_agent::view::View;
use control_plane_api::key;
use control_plane_api::room::Room;
use edge_wire::model;
use rand::Rng as _;

use crate::clock;

/// Characters after `RM_`.
const SID_CHARACTERS: usize = 12;

/// The record of `name`, made when there is none.
///
/// # Errors
/// The store is away: a class that runs already goes on, but no new room can be made.
pub(crate) async fn get_or_create(store: &dyn Store, view: &View, name: &str) -> anyhow::Result<model::Room> {
    if let Some(room) = view.rooms().get(name) {
        return Ok(wire(room, view));
    }
    let fresh = Room {
        name: name.to_owned(),
        sid: sid(),
        created_at_ms: clock::now_ms(),
        metadata: String::new(),
        recording: view.classes().get(name).is_some_and(|class| class.recorded),
    };
    let value = Bytes::from(serde_json::to_vec(&fresh)?);
    // Another edge may come first: its record is then everybody's.
    match store.compare_and_put(&key::room(name), 0, value, None).await? {
        Compared::Written { .. } | Compared::Conflict { current: None } => Ok(wire(&fresh, view)),
        Compared::Conflict { current: Some(entry) } => Ok(wire(&serde_json::from_slice(&entry.value)?, view)),
    }
}

fn wire(room: &Room, view: &View) -> model::Room {
    model::Room {
        sid: room.sid.clone(),
        name: room.name.clone(),
        created_at_ms: room.created_at_ms,
        metadata: room.metadata.clone(),
        recording: view.classes().get(&room.name).map_or(room.recording, |class| class.recorded),
    }
}

fn sid() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut rng = rand::rng();
    let tail: String =
        (0..SID_CHARACTERS).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect();
    format!("RM_{tail}")
}
