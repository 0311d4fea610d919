//! Ways to the tracks of other edges: announcements with their hop paths, the cheapest one taken, ours told onward.
//! A path vector: an edge drops announcements that passed it, so no loop can form.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edge_sfu::{Command, Layer, LinkId};
use edge_wire::control::{self, Announce, Message, Withdraw};

use crate::codec;
use crate::demand::release;
use crate::edge::Edge;
use crate::limits::{GREET_AGAIN, HELD_COST_MS, HOP_COST_MS, HOPS_MAX, LEAVING_COST_MS, PATHS_MAX, WAY_HOLD};
use crate::origin::Route;
use crate::room::Room;
use crate::track::{Owner, Track};

/// A link in a room.
#[derive(Debug)]
pub(crate) struct RoomLink {
    /// Ours, new each time the link comes into the room.
    pub(crate) session: u64,
    /// The far edge's, 0 until it says.
    pub(crate) theirs: u64,
    /// The one of theirs we answered last.
    pub(crate) told_theirs: u64,
    /// The far edge said `EnterRoom`, and was told all we have.
    pub(crate) entered: bool,
    /// It knows our session: what it says counts.
    pub(crate) answered: bool,
    /// When it is greeted again, unless it answers.
    pub(crate) greet_at: Instant,
    pub(crate) greet_wait: Duration,
    /// We need the link in the room ...
    pub(crate) wanted: bool,
    /// ... or the far edge does.
    pub(crate) they_want: bool,
    /// Neither does: it leaves the room then.
    pub(crate) leaves_at: Option<Instant>,
    /// What the far edge was told of each track: hops and cost.
    pub(crate) told: BTreeMap<String, (Vec<String>, u32)>,
    /// What it was told of each edge: way and epoch.
    pub(crate) told_routes: BTreeMap<String, (Route, u64)>,
    /// Edges it follows over this link, with the number of its `Follow`.
    pub(crate) follows: BTreeMap<String, u64>,
}

impl RoomLink {
    pub(crate) fn new(session: u64, wanted: bool, now: Instant) -> Self {
        Self {
            session,
            theirs: 0,
            told_theirs: 0,
            entered: false,
            answered: false,
            greet_at: now,
            greet_wait: GREET_AGAIN,
            wanted,
            they_want: true,
            leaves_at: None,
            told: BTreeMap::new(),
            told_routes: BTreeMap::new(),
            follows: BTreeMap::new(),
        }
    }
}

/// What a link announced of a track.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) hops: Vec<String>,
    pub(crate) cost: u32,
    participant_sid: String,
    codec: control::Codec,
    layers: u8,
}

impl Path {
    /// Only a track's own edge begins a way to it.
    fn is_from(&self, node_id: &str) -> bool {
        self.hops.first().is_some_and(|first| first == node_id)
    }
}

impl Track {
    /// How it is told over a link, `hops` with our own.
    fn announcement(&self, room: &str, track_sid: &str, hops: Vec<String>, cost: u32) -> Message {
        Message::Announce(Announce {
            room: room.to_owned(),
            track_sid: track_sid.to_owned(),
            participant_sid: self.participant_sid.clone(),
            hops,
            cost,
            codec: self.codec.clone(),
            layers: u32::from(self.layers),
        })
    }
}

impl Room {
    pub(crate) fn announced(&mut self, edge: &mut Edge, now: Instant, link: LinkId, announce: Announce) {
        let Some(node_id) = edge.links.get(&link).map(|link| link.node_id.clone()) else { return };
        let track_sid = announce.track_sid;
        let is_ours = self.tracks.get(&track_sid).is_some_and(|track| track.owner != Owner::Remote);
        let is_loop = announce.hops.contains(&edge.config.node_id);
        let is_sound = announce.hops.last() == Some(&node_id)
            && announce.hops.len() <= HOPS_MAX
            && codec::is_supported_mime(&announce.codec.mime_type);
        if is_ours || is_loop || !is_sound {
            tracing::debug!(link = link.0, is_loop, "an announcement is dropped");
            self.withdrawn(edge, now, link, &track_sid);
            return;
        }
        if self.paths.len() >= PATHS_MAX && !self.paths.contains_key(&track_sid) {
            tracing::warn!(link = link.0, "too many announced tracks; one is dropped");
            return;
        }
        let path = Path {
            hops: announce.hops,
            cost: announce.cost,
            participant_sid: announce.participant_sid,
            codec: announce.codec,
            layers: u8::try_from(announce.layers).unwrap_or(u8::MAX),
        };
        self.paths.entry(track_sid.clone()).or_default().insert(link, path);
        self.adopt_track(edge, now, &track_sid);
        self.reroute(edge, now, &track_sid);
    }

    pub(crate) fn withdrawn(&mut self, edge: &mut Edge, now: Instant, link: LinkId, track_sid: &str) {
        let Some(paths) = self.paths.get_mut(track_sid) else { return };
        if paths.remove(&link).is_none() {
            return;
        }
        if paths.is_empty() {
            self.paths.remove(track_sid);
        }
        self.reroute(edge, now, track_sid);
    }

    /// A track is there once both its publisher's record and a way to it are known, in whichever order they come.
    pub(crate) fn adopt_track(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        if self.tracks.contains_key(track_sid) {
            return;
        }
        let Some(paths) = self.paths.get(track_sid) else { return };
        let owner =
            |path: &&Path| self.remotes.get(&path.participant_sid).is_some_and(|r| path.is_from(&r.origin));
        let Some(path) = paths.values().find(owner) else { return };
        let Some(remote) = self.remotes.get(&path.participant_sid) else { return };
        if !remote.participant.tracks.iter().any(|track| track.sid == track_sid) {
            return;
        }
        let track = Track::new(Owner::Remote, path.participant_sid.clone(), path.codec.clone(), path.layers);
        self.tracks.insert(track_sid.to_owned(), track);
        self.roster.announce.insert(track_sid.to_owned());
        self.track_appeared(edge, now, track_sid);
    }

    /// The way the track comes by, or would: the one in use while it stands, else the cheapest.
    pub(crate) fn route(&self, edge: &Edge, track_sid: &str) -> Option<LinkId> {
        let paths = self.paths.get(track_sid)?;
        let cost = |link: &LinkId, path: &Path| self.cost_by(edge, *link, path);
        let owner = self.tracks.get(track_sid).and_then(|track| self.remotes.get(&track.participant_sid));
        let is_usable = |link: &LinkId, path: &Path| {
            self.links.contains_key(link) && owner.is_none_or(|remote| path.is_from(&remote.origin))
        };
        let usable = || paths.iter().filter(|(link, path)| is_usable(link, path));
        let best = usable().min_by_key(|(link, path)| (cost(link, path), path.hops.len(), **link))?;
        let current = self.tracks.get(track_sid).and_then(|track| track.via);
        let Some((link, path)) = usable().find(|(link, _)| Some(**link) == current) else {
            return Some(*best.0);
        };
        // A change of way costs a keyframe: it has to be worth it.
        let (now_ms, then_ms) = (cost(link, path), cost(best.0, best.1));
        let is_worth_it = then_ms.saturating_add((now_ms / 5).max(5)) <= now_ms;
        Some(if is_worth_it { *best.0 } else { *link })
    }

    /// Cost of a way with our own link. A link that is about to leave costs those behind us as much as us: were only we to avoid it,
    /// two edges would each prefer the other's way, and change for ever.
    fn cost_by(&self, edge: &Edge, link: LinkId, path: &Path) -> u32 {
        let leaving = if self.is_leaving(link) { LEAVING_COST_MS } else { 0 };
        path.cost.saturating_add(edge.link_cost_ms(link)).saturating_add(HOP_COST_MS).saturating_add(leaving)
    }

    /// Ways changed: the track moves to another link if it must or should, and others are told.
    pub(crate) fn reroute(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        let route = self.route(edge, track_sid);
        let Some(track) = self.tracks.get_mut(track_sid).filter(|track| track.owner == Owner::Remote) else {
            return;
        };
        if let Some(via) = track.via.filter(|via| Some(*via) != route) {
            for layer in track.pulls.keys().copied().collect::<Vec<Layer>>() {
                release(edge, track, via, layer);
            }
            // The source stays until another is opened in its place, so that watchers keep their streams.
            track.via = None;
        }
        if route.is_some() {
            track.lost_at = None;
        } else if track.lost_at.is_none() && self.holding {
            track.lost_at = Some(now);
            edge.wake(now + WAY_HOLD, &self.record.name, "hold a way");
        }
        self.roster.announce.insert(track_sid.to_owned());
        self.refresh_demand(edge, now, track_sid);
    }

    /// Ways that were held for those behind this edge, and are not there again.
    pub(crate) fn let_go_of_ways(&mut self, now: Instant) {
        self.tell_lost(|lost_at| lost_at + WAY_HOLD <= now);
    }

    /// Who is behind this edge changed: ways are held for none but them.
    pub(crate) fn tell_held(&mut self) {
        self.tell_lost(|_| true);
    }

    fn tell_lost(&mut self, is_due: impl Fn(Instant) -> bool) {
        let tracks = self.tracks.iter().filter(|(_, track)| track.lost_at.is_some_and(&is_due));
        self.roster.announce.extend(tracks.map(|(track_sid, _)| track_sid.clone()));
        let origins = self.origins.iter().filter(|(_, origin)| origin.lost_at.is_some_and(&is_due));
        self.roster.routes.extend(origins.map(|(node_id, _)| node_id.clone()));
    }

    /// Whether media of the participant can still come, by whatever way.
    pub(crate) fn is_reachable(&self, participant_sid: &str) -> bool {
        let Some(remote) = self.remotes.get(participant_sid) else { return false };
        remote.participant.tracks.iter().any(|track| self.paths.contains_key(&track.sid))
    }

    /// Tells each link how to get a track from us, or that it cannot any more.
    pub(crate) fn announce(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        let route = self.route(edge, track_sid);
        let track = self.tracks.get(track_sid);
        let way = track.and_then(|track| match track.owner {
            Owner::Local(_) => Some((Vec::new(), 0)),
            Owner::Remote => {
                let path = self.paths.get(track_sid)?.get(&route?)?;
                Some((path.hops.clone(), self.cost_by(edge, route?, path)))
            }
        });
        let is_held = track.and_then(|track| track.lost_at).is_some_and(|at| now < at + WAY_HOLD);
        let room = self.record.name.clone();
        for (link, state) in self.links.iter_mut().filter(|(_, link)| link.entered) {
            let Some(node_id) = edge.links.get(link).map(|link| &link.node_id) else { continue };
            let own = way.as_ref().filter(|(hops, _)| !hops.contains(node_id) && hops.len() < HOPS_MAX);
            let Some(((hops, cost), track)) = own.zip(track) else {
                // Held for those behind only: a parent would take a way that leads nowhere for one.
                if is_held && !state.wanted {
                    // And they take any other before it.
                    let told = state.told.get_mut(track_sid).filter(|(_, cost)| *cost < HELD_COST_MS);
                    if let (Some((hops, cost)), Some(track)) = (told, track) {
                        *cost += HELD_COST_MS;
                        edge.say(*link, track.announcement(&room, track_sid, hops.clone(), *cost));
                    }
                } else if state.told.remove(track_sid).is_some() {
                    let withdraw = Withdraw { room: room.clone(), track_sid: track_sid.to_owned() };
                    edge.say(*link, Message::Withdraw(withdraw));
                }
                continue;
            };
            let mut hops = hops.clone();
            hops.push(edge.config.node_id.clone());
            if state.told.get(track_sid) == Some(&(hops.clone(), *cost)) {
                continue;
            }
            state.told.insert(track_sid.to_owned(), (hops.clone(), *cost));
            edge.say(*link, track.announcement(&room, track_sid, hops, *cost));
        }
    }

    /// A track ended, here or elsewhere: nothing of it stays.
    pub(crate) fn end_track(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        self.record_track_end(edge, track_sid);
        let Some(mut track) = self.tracks.remove(track_sid) else { return };
        if let Some(via) = track.via {
            for layer in track.pulls.keys().copied().collect::<Vec<Layer>>() {
                release(edge, &mut track, via, layer);
            }
        }
        for (link, flow) in track.feeds.keys() {
            if let Some(link) = edge.links.get_mut(link) {
                link.sends.remove(flow);
            }
            edge.media(Command::LinkUnsubscribe { link: *link, flow: *flow });
        }
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            if self.peers.get(&id).is_some_and(|peer| peer.subscriptions.contains_key(track_sid)) {
                self.settle(edge, now, id);
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.subscriptions.remove(track_sid);
                }
            }
        }
        if let Some(source) = track.source {
            edge.close_source(source);
        }
        self.roster.announce.insert(track_sid.to_owned());
    }
}
