//! Another edge of a room and its word: the changes of its participants by number, and reliable data kept for a moment, so that
//! whoever follows it by another way goes on where it was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use edge_sfu::LinkId;
use edge_wire::control::{Position, RoomData};

use crate::limits::{
    DATA_KEPT_BYTES_MAX, DATA_KEPT_FOR, DATA_KEPT_MAX, GONE_KEPT_MAX, HELD_BYTES_MAX, HELD_MAX,
};

/// An edge whose participants are in the room.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// Start of its process: what an older one said is void.
    pub(crate) epoch: u64,
    /// Ways its word can come.
    pub(crate) routes: BTreeMap<LinkId, Route>,
    /// The link it comes by.
    pub(crate) upstream: Option<LinkId>,
    /// Of the last `Follow`; what answers an older one is void.
    pub(crate) follow: u64,
    pub(crate) stage: Stage,
    /// All of it was known once, so that others can follow it from here.
    pub(crate) is_whole: bool,
    /// Somebody of it was left out here: all of it is asked for again, by whichever way.
    pub(crate) lacks: bool,
    /// It speaks version 1: for itself alone, over its own link.
    pub(crate) is_plain: bool,
    pub(crate) log: Log,
    /// Data that came before the record of its publisher.
    held: VecDeque<RoomData>,
    held_bytes: usize,
    /// No way since then.
    pub(crate) lost_at: Option<Instant>,
    /// Those behind this edge are not told so yet.
    pub(crate) is_held: bool,
}

/// A way an edge can be heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// Itself first, the link's edge last.
    pub(crate) hops: Vec<String>,
    /// Links on the way, beyond our own, that are about to leave the room.
    pub(crate) leaving: u32,
}

/// How far the answer to a `Follow` has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The `Sync` before it has not come.
    #[default]
    Asked,
    /// Being told; of a full account, who has not been named yet.
    Told(Option<BTreeSet<String>>),
    Live,
}

/// What an edge said, as far as followers have to be told again.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Whole up to this change.
    pub(crate) change: u64,
    /// Last change of each participant (its rules included), by sid.
    pub(crate) changes: BTreeMap<String, u64>,
    /// Departures, oldest first: change, sid, identity.
    pub(crate) gone: VecDeque<(u64, String, String)>,
    /// Departures up to here are forgotten: who asks from before it is told all.
    pub(crate) horizon: u64,
    /// Last reliable packet of each publisher.
    pub(crate) numbers: BTreeMap<String, u64>,
    /// Where each publisher stood when this edge began to hear the other: packets up to here are kept for those who lack them,
    /// and nobody here is given them.
    pub(crate) began: BTreeMap<String, u64>,
    kept: VecDeque<(Instant, RoomData)>,
    kept_bytes: usize,
}

impl Origin {
    pub(crate) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// Keeps data that came too early; the oldest goes when there is too much of it.
    pub(crate) fn hold(&mut self, data: RoomData) {
        self.held_bytes += bytes_of(&data);
        self.held.push_back(data);
        while self.held.len() > HELD_MAX || self.held_bytes > HELD_BYTES_MAX {
            let Some(dropped) = self.held.pop_front() else { return };
            self.held_bytes -= bytes_of(&dropped);
            tracing::warn!("reliable data came long before its publisher; the oldest is dropped");
        }
    }

    pub(crate) fn take_held(&mut self) -> VecDeque<RoomData> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }
}

impl Log {
    /// The next change of this edge's own.
    pub(crate) fn next(&mut self) -> u64 {
        self.change += 1;
        self.change
    }

    pub(crate) fn changed(&mut self, sid: &str, change: u64) {
        let known = self.changes.entry(sid.to_owned()).or_default();
        *known = change.max(*known);
    }

    pub(crate) fn left(&mut self, sid: &str, identity: &str, change: u64) {
        if self.changes.remove(sid).is_none() {
            return;
        }
        self.gone.push_back((change, sid.to_owned(), identity.to_owned()));
        while self.gone.len() > GONE_KEPT_MAX {
            if let Some((change, sid, _)) = self.gone.pop_front() {
                self.horizon = self.horizon.max(change);
                self.numbers.remove(&sid);
                self.began.remove(&sid);
            }
        }
    }

    pub(crate) fn is_gone(&self, sid: &str) -> bool {
        self.gone.iter().any(|(_, gone, _)| gone == sid)
    }

    /// What this edge has of each publisher.
    pub(crate) fn positions(&self) -> Vec<Position> {
        positions(&self.numbers)
    }

    /// Where each publisher stands, whether or not what was said before has come.
    pub(crate) fn standing(&self) -> Vec<Position> {
        let mut standing = self.began.clone();
        for (sid, number) in &self.numbers {
            let known = standing.entry(sid.clone()).or_default();
            *known = (*known).max(*number);
        }
        positions(&standing)
    }

    /// Said before this edge began to hear its publisher's.
    pub(crate) fn is_before(&self, data: &RoomData) -> bool {
        self.began.get(&data.data.from_sid).is_some_and(|began| data.number <= *began)
    }

    /// Keeps a packet for followers that come by another way.
    pub(crate) fn keep(&mut self, now: Instant, data: RoomData) {
        self.kept_bytes += bytes_of(&data);
        self.kept.push_back((now, data));
        let is_old = |at: Instant| now.saturating_duration_since(at) > DATA_KEPT_FOR;
        while self.kept.len() > DATA_KEPT_MAX
            || self.kept_bytes > DATA_KEPT_BYTES_MAX
            || self.kept.front().is_some_and(|(at, _)| is_old(*at))
        {
            let Some((_, dropped)) = self.kept.pop_front() else { return };
            self.kept_bytes -= bytes_of(&dropped);
        }
    }

    /// Packets after `positions`, in order.
    pub(crate) fn missed<'a>(&'a self, positions: &[Position]) -> impl Iterator<Item = &'a RoomData> {
        let known: BTreeMap<String, u64> =
            positions.iter().map(|p| (p.participant_sid.clone(), p.number)).collect();
        let is_missed =
            move |data: &&RoomData| known.get(&data.data.from_sid).is_none_or(|number| data.number > *number);
        self.kept.iter().map(|(_, data)| data).filter(is_missed)
    }
}

fn positions(numbers: &BTreeMap<String, u64>) -> Vec<Position> {
    let position =
        |(sid, number): (&String, &u64)| Position { participant_sid: sid.clone(), number: *number };
    numbers.iter().map(position).collect()
}

fn bytes_of(data: &RoomData) -> usize {
    data.data.payload.len() + data.data.destinations.iter().map(String::len).sum::<usize>()
}
