//! Who and what is there: local copies of the records every node works from.

use std::sync::Arc;

use control_plane_api::class::Class;
use control_plane_api::drain::Drain;
use control_plane_api::key;
use control_plane_api::node::{Node, Role};
use control_plane_api::recording::Recording;
use control_plane_api::room::{Presence, Room};
use control_plane_api::topology::Topology;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::mirror::{Mirror, Records, State};
use crate::store::Store;

/// Cheap to clone; all clones share the copies.
#[derive(Clone, Debug)]
pub struct View {
    /// By node id.
    pub nodes: Mirror<Node>,
    /// By room name.
    pub rooms: Mirror<Room>,
    /// By `{room}/{node}`.
    pub presence: Mirror<Presence>,
    /// By class id.
    pub classes: Mirror<Class>,
    /// By `{room}/{room_sid}`.
    pub recordings: Mirror<Recording>,
    /// By room name; only rooms on many edges have one.
    pub topologies: Mirror<Topology>,
    /// By `node/{id}` and `region/{name}`.
    pub drains: Mirror<Drain>,
}

impl View {
    /// Starts the copies, empty at first; see [`Self::ready`].
    #[must_use]
    pub fn start(store: &Arc<dyn Store>, shutdown: &CancellationToken) -> Self {
        Self {
            nodes: Mirror::start(store.clone(), key::NODES, shutdown),
            rooms: Mirror::start(store.clone(), key::ROOMS, shutdown),
            presence: Mirror::start(store.clone(), key::PRESENCE, shutdown),
            classes: Mirror::start(store.clone(), key::CLASSES, shutdown),
            recordings: Mirror::start(store.clone(), key::RECORDINGS, shutdown),
            topologies: Mirror::start(store.clone(), key::TOPOLOGIES, shutdown),
            drains: Mirror::start(store.clone(), key::DRAINS, shutdown),
        }
    }

    /// Waits until each copy was read once.
    pub async fn ready(&self) {
        self.nodes.ready().await;
        self.rooms.ready().await;
        self.presence.ready().await;
        self.classes.ready().await;
        self.recordings.ready().await;
        self.topologies.ready().await;
        self.drains.ready().await;
    }

    #[must_use]
    pub fn nodes(&self) -> Records<Node> {
        self.nodes.records()
    }

    #[must_use]
    pub fn rooms(&self) -> Records<Room> {
        self.rooms.records()
    }

    #[must_use]
    pub fn presence(&self) -> Records<Presence> {
        self.presence.records()
    }

    #[must_use]
    pub fn classes(&self) -> Records<Class> {
        self.classes.records()
    }

    #[must_use]
    pub fn recordings(&self) -> Records<Recording> {
        self.recordings.records()
    }

    #[must_use]
    pub fn topologies(&self) -> Records<Topology> {
        self.topologies.records()
    }

    #[must_use]
    pub fn drains(&self) -> Records<Drain> {
        self.drains.records()
    }

    /// The wish that empties this node: its own before its region's.
    #[must_use]
    pub fn drain_of(&self, node: &str, region: &str) -> Option<Drain> {
        drain_among(&self.drains(), node, region)
    }

    #[must_use]
    pub fn nodes_of(&self, role: Role) -> Vec<Node> {
        self.nodes().values().filter(|node| node.role == role).cloned().collect()
    }

    /// Edges that hold participants of `room`, sorted by node id.
    #[must_use]
    pub fn presence_of(&self, room: &str) -> Vec<Presence> {
        let records = self.presence();
        let first = format!("{room}/");
        records
            .range(first.clone()..)
            .take_while(|(name, _)| name.starts_with(&first))
            .map(|(_, presence)| presence.clone())
            .collect()
    }

    /// Empty until all was read once, stale while any copy is; `since_ms` is the earliest.
    #[must_use]
    pub fn state(&self) -> State {
        let states = [
            self.nodes.state(),
            self.rooms.state(),
            self.presence.state(),
            self.classes.state(),
            self.recordings.state(),
            self.topologies.state(),
            self.drains.state(),
        ];
        let stale = states.iter().filter_map(|state| match state {
            State::Stale { since_ms } => Some(*since_ms),
            State::Empty | State::Live => None,
        });
        match stale.min() {
            Some(since_ms) => State::Stale { since_ms },
            None if states.contains(&State::Empty) => State::Empty,
            None => State::Live,
        }
    }

    /// How many times a record could not be read and was left out, of all kinds.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.nodes.unreadable()
            + self.rooms.unreadable()
            + self.presence.unreadable()
            + self.classes.unreadable()
            + self.recordings.unreadable()
            + self.topologies.unreadable()
            + self.drains.unreadable()
    }

    /// Changes whenever any record does. Several changes at once may count as one.
    #[must_use]
    pub fn changes(&self, shutdown: &CancellationToken) -> watch::Receiver<u64> {
        let (sender, receiver) = watch::channel(0);
        let (mut nodes, mut rooms) = (self.nodes.subscribe(), self.rooms.subscribe());
        let (mut presence, mut classes) = (self.presence.subscribe(), self.classes.subscribe());
        let mut recordings = self.recordings.subscribe();
        let (mut topologies, mut drains) = (self.topologies.subscribe(), self.drains.subscribe());
        let stop = shutdown.clone();
        tokio::spawn(async move {
            loop {
                let alive = tokio::select! {
                    result = nodes.changed() => result.is_ok(),
                    result = rooms.changed() => result.is_ok(),
                    result = presence.changed() => result.is_ok(),
                    result = classes.changed() => result.is_ok(),
                    result = recordings.changed() => result.is_ok(),
                    result = topologies.changed() => result.is_ok(),
                    result = drains.changed() => result.is_ok(),
                    () = sender.closed() => false,
                    () = stop.cancelled() => false,
                };
                if !alive {
                    return;
                }
                sender.send_modify(|changes| *changes += 1);
            }
        });
        receiver
    }
}

/// The wish among `drains`, by `node/{id}` and `region/{name}`, that empties this node: its own before its region's.
#[must_use]
pub fn drain_among(drains: &Records<Drain>, node: &str, region: &str) -> Option<Drain> {
    drains.get(&format!("node/{node}")).or_else(|| drains.get(&format!("region/{region}"))).cloned()
}
