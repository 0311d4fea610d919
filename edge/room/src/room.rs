//! One room as this edge knows it: who comes, who goes, what falls due.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use edge_sfu::{Command, LinkId, SessionId};
use edge_wire::model::{self, ParticipantState};

use crate::edge::Edge;
use crate::handover::Standing;
use crate::limits::{FIRST_OFFER_WAIT, HEIR_MAX, RESUME_LINGER, ROOM_LINGER};
use crate::origin::{Log, Origin};
use crate::participant::{Answers, Peer, Remote, Rules, is_visible};
use crate::paths::{Path, RoomLink};
use crate::quality::Qualities;
use crate::roster::Roster;
use crate::speaker::Speakers;
use crate::track::Track;
use crate::{Fact, Join, LeaveAction, LeaveReason, Move, Notice, Output, PeerId};

#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) record: model::Room,
    /// Of this life of the room on this edge, see [`Edge::new_epoch`].
    pub(crate) epoch: u64,
    pub(crate) peers: BTreeMap<PeerId, Peer>,
    /// By participant sid.
    pub(crate) remotes: BTreeMap<String, Remote>,
    /// Everybody, by identity.
    pub(crate) identities: BTreeMap<String, Who>,
    pub(crate) tracks: BTreeMap<String, Track>,
    /// Ways to the tracks of other edges, by track sid and link.
    pub(crate) paths: BTreeMap<String, BTreeMap<LinkId, Path>>,
    /// Links the control plane lets into the room, up or not ...
    pub(crate) admitted: BTreeSet<LinkId>,
    /// ... and those of them this edge enters by itself.
    pub(crate) wanted: BTreeSet<LinkId>,
    /// The parent is being lost: ways that are lost with it are held for those behind, since this edge enters elsewhere.
    pub(crate) holding: bool,
    /// Other edges that the control plane knows in the room, if it says so.
    pub(crate) nodes: Option<BTreeSet<String>>,
    /// Other edges as they are heard, by node id.
    pub(crate) origins: BTreeMap<String, Origin>,
    /// What this edge says of its own participants.
    pub(crate) own: Log,
    /// Identities taken from participants of these edges by newer joins; should the newer go first, they are asked for again.
    pub(crate) suppressed: BTreeMap<String, BTreeSet<String>>,
    /// Admitted links that are up.
    pub(crate) links: BTreeMap<LinkId, RoomLink>,
    pub(crate) roster: Roster,
    pub(crate) speakers: Speakers,
    pub(crate) qualities: Qualities,
    /// The recorder was given something, so it must be told the end.
    pub(crate) recorded: bool,
    /// Nobody of this edge is left; the room closes then.
    pub(crate) closes_at: Option<Instant>,
    /// Whom the instructor has sent out, by identity, and when.
    pub(crate) removed: BTreeMap<String, Instant>,
    opened: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Local(PeerId),
    Remote(String),
}

impl Room {
    pub(crate) fn new(record: model::Room, epoch: u64) -> Self {
        Self {
            record,
            epoch,
            peers: BTreeMap::new(),
            remotes: BTreeMap::new(),
            identities: BTreeMap::new(),
            tracks: BTreeMap::new(),
            paths: BTreeMap::new(),
            admitted: BTreeSet::new(),
            wanted: BTreeSet::new(),
            holding: false,
            nodes: None,
            origins: BTreeMap::new(),
            own: Log::default(),
            suppressed: BTreeMap::new(),
            links: BTreeMap::new(),
            roster: Roster::default(),
            speakers: Speakers::default(),
            qualities: Qualities::default(),
            recorded: false,
            closes_at: None,
            removed: BTreeMap::new(),
            opened: false,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.record.name
    }

    pub(crate) fn join(&mut self, edge: &mut Edge, now: Instant, id: PeerId, join: Join) {
        let moves = join.moves.clone().filter(|moves| self.present(&moves.participant_sid).is_none());
        if let Some(moves) = moves {
            self.join_heir(edge, now, id, join, moves);
            return;
        }
        let mut joined_at_ms = join.now_ms;
        match self.identities.get(&join.identity).cloned() {
            Some(Who::Local(old)) => {
                joined_at_ms =
                    joined_at_ms.max(self.peers.get(&old).map_or(0, |p| p.participant.joined_at_ms + 1));
                self.dismiss(edge, now, old, LeaveReason::DuplicateIdentity, LeaveAction::Disconnect);
            }
            Some(Who::Remote(sid)) => {
                // Clocks of edges differ a little; the join that happens now is the newer one all the same.
                let before = self.remotes.get(&sid).map_or(0, |r| r.participant.joined_at_ms);
                joined_at_ms = joined_at_ms.max(before + 1);
                self.suppress(&sid);
                self.drop_remote(edge, now, &sid);
            }
            None => {}
        }
        let peer = new_peer(edge, now, join, joined_at_ms);
        let participant = peer.participant.clone();
        self.identities.insert(participant.identity.clone(), Who::Local(id));
        self.admit(edge, now, id, peer);
        self.record_participant(edge, "join", &participant);
        self.roster.changed(&participant.sid, true);
        self.roster.presence = true;
    }

    /// Comes from another edge: nobody is told until its media is here.
    fn join_heir(&mut self, edge: &mut Edge, now: Instant, id: PeerId, join: Join, moves: Move) {
        let of_before = |peer: &Peer| !peer.standing.is_present() && peer.sid() == moves.participant_sid;
        let tried = self.peers.iter().find(|(_, peer)| of_before(peer)).map(|(id, _)| *id);
        if let Some(tried) = tried {
            self.dismiss(edge, now, tried, LeaveReason::DuplicateIdentity, LeaveAction::Disconnect);
        }
        let joined_at_ms = join.now_ms;
        let mut peer = new_peer(edge, now, join, joined_at_ms);
        peer.participant.sid.clone_from(&moves.participant_sid);
        peer.moved = Some(moves);
        peer.standing = Standing::heir(now);
        edge.wake(now + HEIR_MAX, self.name(), "heir");
        self.admit(edge, now, id, peer);
        self.roster.presence = true;
    }

    /// Puts a peer into the room and welcomes it.
    fn admit(&mut self, edge: &mut Edge, now: Instant, id: PeerId, peer: Peer) {
        self.closes_at = None;
        if !self.opened {
            self.opened = true;
            edge.push(Output::RoomOpened { room: self.record.clone() });
            edge.push(Output::Fact(Fact::RoomStarted { room: self.record.clone() }));
        }
        edge.wake(now + FIRST_OFFER_WAIT, self.name(), "first offer");
        edge.peers.insert(id, self.name().to_owned());
        let participant = peer.participant.clone();
        self.peers.insert(id, peer);
        self.add_subscriptions(id);
        let (room, others) = (self.record.clone(), self.others(&participant.sid));
        edge.notify(id, Notice::Joined { participant, room, others, num_participants: self.count() });
        self.tell_state(edge, id);
    }

    /// The client of this edge that is the participant of this sid.
    pub(crate) fn present(&self, sid: &str) -> Option<PeerId> {
        let mut peers = self.peers.iter();
        peers.find(|(_, peer)| peer.standing.is_present() && peer.sid() == sid).map(|(id, _)| *id)
    }

    pub(crate) fn resume(&mut self, edge: &mut Edge, identity: &str, sid: &str) -> Option<PeerId> {
        let Some(Who::Local(id)) = self.identities.get(identity) else { return None };
        let id = *id;
        let peer = self.peers.get_mut(&id).filter(|peer| peer.sid() == sid && peer.rejoin_at.is_none())?;
        peer.resume_until = None;
        // Requests of the lost connection may never have arrived; the client's next offer shows what there is.
        peer.offer_asked = false;
        peer.expected = (0, 0);
        edge.notify(
            id,
            Notice::Resumed {
                room: self.record.clone(),
                others: self.others(sid),
                num_participants: self.count(),
            },
        );
        // The roster of the others is whole now; the client's own record may have changed too.
        let own = self.peers.get(&id).map(|peer| peer.participant.clone());
        edge.notify(id, Notice::Participants(own.into_iter().collect()));
        self.tell_state(edge, id);
        Some(id)
    }

    pub(crate) fn signal_lost(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        let name = self.name().to_owned();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.rejoin_at.is_some() {
            // Media went before signalling did: the client is gone.
            self.remove(edge, now, id, LeaveReason::ConnectionTimeout);
            return;
        }
        let until = now + RESUME_LINGER;
        peer.resume_until = Some(until);
        edge.wake(until, &name, "resume");
    }

    /// Takes a peer out with a last word.
    pub(crate) fn dismiss(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        id: PeerId,
        reason: LeaveReason,
        action: LeaveAction,
    ) {
        if self.peers.contains_key(&id) {
            edge.notify(id, Notice::Leave { reason, action });
            self.remove(edge, now, id, reason);
        }
    }

    /// Takes a peer out: its tracks end, its session closes, everybody is told.
    pub(crate) fn remove(&mut self, edge: &mut Edge, now: Instant, id: PeerId, reason: LeaveReason) {
        let Some(peer) = self.peers.get(&id) else { return };
        let published: Vec<String> = peer.participant.tracks.iter().map(|track| track.sid.clone()).collect();
        let watched: Vec<String> = peer.subscriptions.keys().cloned().collect();
        for sid in published {
            self.unpublish(edge, now, &sid, false);
        }
        for sid in watched {
            if self.tracks.get_mut(&sid).is_some_and(|track| track.watchers.remove(&id).is_some()) {
                self.refresh_demand(edge, now, &sid);
            }
        }
        let Some(peer) = self.peers.remove(&id) else { return };
        if peer.transport.is_some() {
            edge.media(Command::CloseSession { session: SessionId(id.0) });
        }
        edge.peers.remove(&id);
        if let Standing::Heir(heir) = &peer.standing {
            for source in heir.tracks.values().filter_map(|track| track.source) {
                edge.close_source(source);
            }
        }
        self.roster.presence = true;
        // Of an heir nobody was told, and a ghost goes on elsewhere.
        if peer.standing.is_present() {
            self.say_left(edge, now, id, &peer, reason);
        }
        if self.peers.is_empty() {
            let at = now + ROOM_LINGER;
            self.closes_at = Some(at);
            edge.wake(at, self.name(), "room linger");
        }
    }

    fn say_left(&mut self, edge: &mut Edge, now: Instant, id: PeerId, peer: &Peer, reason: LeaveReason) {
        let participant = peer.participant.clone();
        if self.identities.get(&participant.identity) == Some(&Who::Local(id)) {
            self.identities.remove(&participant.identity);
        }
        self.speakers.forget(&participant.sid);
        self.qualities.forget(&participant.sid);
        self.record_participant(edge, "leave", &participant);
        self.roster.left(&participant, true);
        // Who moved joined at another edge, whatever became of its media here.
        if participant.state == ParticipantState::Active as i32 || peer.moved.is_some() {
            let lost_at = peer.resume_until.and_then(|until| until.checked_sub(RESUME_LINGER));
            let unheard = lost_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
            let room = self.record.clone();
            edge.push(Output::Fact(Fact::ParticipantLeft { room, participant, reason, unheard }));
        }
    }

    /// Ends the room on this edge. The caller forgets it afterwards.
    pub(crate) fn close(&mut self, edge: &mut Edge, now: Instant, reason: LeaveReason, action: LeaveAction) {
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.dismiss(edge, now, id, reason, action);
        }
        self.flush(edge, now);
        self.leave_links(edge);
        for sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.end_track(edge, now, &sid);
        }
        self.record_end(edge);
        edge.speaking.remove(&self.record.name);
        if self.remotes.is_empty() && self.opened {
            edge.push(Output::Fact(Fact::RoomFinished { room: self.record.clone() }));
        }
        if self.opened {
            edge.push(Output::RoomClosed { room: self.record.name.clone() });
        }
    }

    pub(crate) fn handle_timeout(&mut self, edge: &mut Edge, now: Instant) {
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            if peer.resume_until.is_some_and(|at| at <= now) {
                self.remove(edge, now, id, LeaveReason::ConnectionTimeout);
            } else if peer.rejoin_at.is_some_and(|at| at <= now) {
                self.dismiss(edge, now, id, LeaveReason::ConnectionTimeout, LeaveAction::Reconnect);
            } else if peer.offer_by.is_some_and(|at| at <= now) {
                peer.offer_by = None;
                self.settle(edge, now, id);
            }
            self.handover_due(edge, now, id);
        }
        self.forget_lost(edge, now);
        self.greet_again(edge, now);
        self.leave_spare_links(edge, now);
        self.let_go_of_ways(now);
        for sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.refresh_demand(edge, now, &sid);
            self.keyframe_if_due(edge, now, &sid);
        }
    }

    /// True once the room has lingered long enough without anybody of this edge.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.peers.is_empty() && self.closes_at.is_some_and(|at| at <= now)
    }

    /// Everybody else, as a client is told.
    pub(crate) fn others(&self, own_sid: &str) -> Vec<model::Participant> {
        self.everyone().filter(|p| p.sid != own_sid && is_visible(p)).cloned().collect()
    }

    pub(crate) fn everyone(&self) -> impl Iterator<Item = &model::Participant> {
        let local =
            self.peers.values().filter(|peer| peer.standing.is_present()).map(|peer| &peer.participant);
        local.chain(self.remotes.values().map(|remote| &remote.participant))
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.everyone().filter(|p| is_visible(p)).count()).unwrap_or(u32::MAX)
    }

    /// A change of a local participant's record: the version grows, everybody will be told.
    pub(crate) fn touch(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.participant.version = peer.participant.version.saturating_add(1);
            if peer.standing.is_present() {
                self.roster.changed(&peer.participant.sid, true);
            }
        }
    }

    /// Who speaks and how well everybody is connected, for somebody who comes in.
    fn tell_state(&self, edge: &mut Edge, id: PeerId) {
        let speakers = self.speakers.now();
        if !speakers.is_empty() {
            edge.notify(id, Notice::Speakers(speakers));
        }
        let qualities = self.qualities.now();
        if !qualities.is_empty() {
            edge.notify(id, Notice::Quality(qualities));
        }
    }
}

fn new_peer(edge: &mut Edge, now: Instant, join: Join, joined_at_ms: u64) -> Peer {
    let mut participant = join.record();
    participant.sid = edge.new_sid("PA");
    participant.joined_at_ms = joined_at_ms;
    participant.node_id.clone_from(&edge.config.node_id);
    participant.region.clone_from(&edge.config.region);
    Peer {
        participant,
        auto_subscribe: join.auto_subscribe,
        is_whep: join.is_whep,
        publish_unannounced: join.publish_unannounced,
        resume_until: None,
        rejoin_at: None,
        signed: now.checked_sub(join.token_age),
        offer_by: Some(now + FIRST_OFFER_WAIT),
        transport: None,
        answers: Answers { session_id: edge.random_u64() >> 2, version: 0 },
        pending: Vec::new(),
        sections: Vec::new(),
        subscriptions: BTreeMap::new(),
        rules: Rules::default(),
        expected: (0, 0),
        crossed: false,
        offer_asked: false,
        // A player that negotiates once has no data channel to wait for.
        early: (!join.is_whep).then(VecDeque::new),
        standing: Standing::Present,
        moved: None,
    }
}
