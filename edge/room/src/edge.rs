//! What all rooms of this edge have in common: outputs, timers, numbers, links.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use edge_session::LocalIce;
use edge_sfu::{Command, LinkId, SourceId};
use edge_wire::control::{EnterRoom, Message, RoomData};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::limits::LINK_COST_MS;
use crate::{Config, Notice, Output, PeerId};

/// Shared by all rooms; handed to each call.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) config: Config,
    rng: StdRng,
    /// Drained by the shell after every call, so it holds what one call caused.
    pub(crate) outputs: VecDeque<Output>,
    /// Wake-ups by time. Stale ones are harmless: a room looks at its own deadlines.
    timers: BTreeSet<(Instant, String, &'static str)>,
    pub(crate) peers: BTreeMap<PeerId, String>,
    pub(crate) sources: BTreeMap<SourceId, (String, String)>,
    pub(crate) links: BTreeMap<LinkId, Link>,
    /// Rooms of the recorder's streams.
    pub(crate) streams: BTreeMap<u32, String>,
    /// Rooms in which somebody of this edge is heard.
    pub(crate) speaking: BTreeSet<String>,
    next_peer: u32,
    next_source: u32,
    next_flow: u64,
    next_stream: u32,
    /// Rooms opened so far.
    lives: u64,
}

/// A link that is up.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) node_id: String,
    /// Start of its process.
    pub(crate) epoch: u64,
    /// Of the wire.
    pub(crate) version: u32,
    pub(crate) cost_ms: u32,
    /// Rooms the far edge entered, admitted or not.
    pub(crate) knocks: BTreeMap<String, EnterRoom>,
    /// Reliable data of version 1 that overtook its `EnterRoom`.
    pub(crate) early: VecDeque<RoomData>,
    /// Flows we feed, by the far edge's numbers.
    pub(crate) sends: BTreeMap<u64, Flow>,
    /// Flows that feed us, by our numbers.
    pub(crate) receives: BTreeMap<u64, Flow>,
}

impl Link {
    /// Version 1 knows no sessions and speaks for itself alone.
    pub(crate) fn is_plain(&self) -> bool {
        self.version < 2
    }
}

/// What a flow id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) room: String,
    pub(crate) track_sid: String,
    pub(crate) layer: u8,
}

impl Edge {
    pub(crate) fn new(config: Config, rng_seed: [u8; 32]) -> Self {
        Self {
            config,
            rng: StdRng::from_seed(rng_seed),
            outputs: VecDeque::new(),
            timers: BTreeSet::new(),
            peers: BTreeMap::new(),
            sources: BTreeMap::new(),
            links: BTreeMap::new(),
            streams: BTreeMap::new(),
            speaking: BTreeSet::new(),
            next_peer: 1,
            next_source: 1,
            next_flow: 1,
            next_stream: 1,
            lives: 0,
        }
    }

    pub(crate) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn media(&mut self, command: Command) {
        self.outputs.push_back(Output::Media(command));
    }

    pub(crate) fn notify(&mut self, peer: PeerId, notice: Notice) {
        self.outputs.push_back(Output::Notify { peer, notice });
    }

    pub(crate) fn say(&mut self, link: LinkId, message: Message) {
        self.outputs.push_back(Output::Link { link, message });
    }

    /// Wakes the room at `at`.
    pub(crate) fn wake(&mut self, at: Instant, room: &str, reason: &'static str) {
        self.timers.insert((at, room.to_owned(), reason));
    }

    pub(crate) fn next_wake(&self) -> Option<(Instant, &'static str)> {
        self.timers.first().map(|(at, _, reason)| (*at, *reason))
    }

    /// Takes the wake-ups that are due; the rooms they are for.
    pub(crate) fn due(&mut self, now: Instant) -> BTreeSet<String> {
        let mut rooms = BTreeSet::new();
        while self.timers.first().is_some_and(|(at, _, _)| *at <= now) {
            if let Some((_, room, _)) = self.timers.pop_first() {
                rooms.insert(room);
            }
        }
        rooms
    }

    pub(crate) fn new_peer(&mut self) -> PeerId {
        let id = PeerId(self.next_peer);
        self.next_peer = self.next_peer.wrapping_add(1);
        id
    }

    pub(crate) fn new_source(&mut self, room: &str, track_sid: &str) -> SourceId {
        let id = SourceId(self.next_source);
        self.next_source = self.next_source.wrapping_add(1);
        self.sources.insert(id, (room.to_owned(), track_sid.to_owned()));
        id
    }

    pub(crate) fn close_source(&mut self, source: SourceId) {
        self.sources.remove(&source);
        self.media(Command::CloseSource { source });
    }

    /// A flow number that is unused on every link; also numbers sessions and follows.
    pub(crate) fn new_flow(&mut self) -> u64 {
        let flow = self.next_flow;
        self.next_flow += 1;
        flow
    }

    /// Tells what this edge says of a room from what it said in the room's last life here, or in a last life of its own:
    /// the start of the process in milliseconds, and one more for each room since (fewer than milliseconds pass).
    pub(crate) fn new_epoch(&mut self) -> u64 {
        self.lives += 1;
        self.config.epoch + self.lives - 1
    }

    /// A recorder stream number, unused in every journal of this process.
    pub(crate) fn new_stream(&mut self) -> u32 {
        let stream = self.next_stream;
        self.next_stream = self.next_stream.wrapping_add(1);
        stream
    }

    /// `PREFIX_` and 12 characters.
    pub(crate) fn new_sid(&mut self, prefix: &str) -> String {
        format!("{prefix}_{}", self.word(12))
    }

    pub(crate) fn random_u64(&mut self) -> u64 {
        self.rng.random()
    }

    /// An SSRC that is not 0.
    pub(crate) fn new_ssrc(&mut self) -> u32 {
        self.rng.random_range(1..u32::MAX)
    }

    /// Fresh ICE credentials; the ufrag begins with the session's number in hexadecimal, 8 digits.
    pub(crate) fn new_ice(&mut self, peer: PeerId) -> LocalIce {
        LocalIce { ufrag: format!("{:08x}{}", peer.0, self.word(8)), pwd: self.word(32) }
    }

    pub(crate) fn link_cost_ms(&self, link: LinkId) -> u32 {
        self.links.get(&link).map_or(LINK_COST_MS, |link| link.cost_ms)
    }

    fn word(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).map(|_| char::from(LETTERS[self.rng.random_range(0..LETTERS.len())])).collect()
    }
}
