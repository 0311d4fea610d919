//! Subscriptions: what a client wants and whether it may. [`crate::binding`] finds the section that carries it.

use std::time::Instant;

use edge_sdp::Kind;
use edge_sfu::{Command, SessionId, Target};
use edge_wire::model;

use crate::edge::Edge;
use crate::limits::{SID_BYTES_MAX, SUBSCRIPTIONS_MAX};
use crate::participant::{Rules, Subscription};
use crate::room::Room;
use crate::track::{Owner, Track, target};
use crate::{Notice, PeerId, TrackSettings};

impl Room {
    pub(crate) fn set_subscription(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        id: PeerId,
        sids: &[String],
        wanted: bool,
    ) {
        for sid in sids {
            let allowed = self.may_watch(id, sid);
            let Some(subscription) = self.subscription(id, sid) else { continue };
            subscription.wanted = wanted;
            subscription.allowed = allowed;
            subscription.undecodable = false;
            if wanted && !allowed && self.tracks.contains_key(sid) {
                self.tell_permission(edge, id, sid, false);
            }
        }
        self.settle(edge, now, id);
    }

    pub(crate) fn set_settings(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        id: PeerId,
        sids: &[String],
        settings: TrackSettings,
    ) {
        for sid in sids {
            let Some(subscription) = self.subscription(id, sid) else { continue };
            subscription.settings = Some(settings);
            self.retarget(edge, now, id, sid);
        }
    }

    /// What the client gets of a track may have changed: its settings, or the track's layers.
    pub(crate) fn retarget(&mut self, edge: &mut Edge, now: Instant, id: PeerId, track_sid: &str) {
        let target = self.target(id, track_sid);
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        let source = track.source;
        let Some(watcher) = track.watchers.get_mut(&id).filter(|watcher| watcher.target != target) else {
            return;
        };
        watcher.target = target;
        if target.paused {
            watcher.receives = None;
        }
        if source.is_some() {
            edge.media(Command::Retarget { session: SessionId(id.0), mid: watcher.mid.clone(), target });
        }
        self.refresh_demand(edge, now, track_sid);
    }

    /// A track's layers may have changed.
    pub(crate) fn retarget_all(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        let watchers =
            self.tracks.get(track_sid).map(|track| track.watchers.keys().copied().collect::<Vec<_>>());
        for id in watchers.into_iter().flatten() {
            self.retarget(edge, now, id, track_sid);
        }
    }

    /// A track came into being: whoever wants every track wants it.
    pub(crate) fn track_appeared(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.add_subscription(id, track_sid);
            self.settle(edge, now, id);
        }
    }

    /// What a client that joins is subscribed to.
    pub(crate) fn add_subscriptions(&mut self, id: PeerId) {
        for track_sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.add_subscription(id, &track_sid);
        }
    }

    /// The client says who may subscribe to its tracks.
    pub(crate) fn set_rules(&mut self, edge: &mut Edge, now: Instant, id: PeerId, rules: Rules) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.rules != rules) else { return };
        peer.rules = rules;
        let tracks: Vec<String> = peer.participant.tracks.iter().map(|track| track.sid.clone()).collect();
        self.tell_rules(edge, id);
        self.refresh_permissions(edge, now, &tracks);
    }

    /// The rules for these tracks changed.
    pub(crate) fn refresh_permissions(&mut self, edge: &mut Edge, now: Instant, tracks: &[String]) {
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            for track_sid in tracks {
                self.refresh_permission(edge, now, id, track_sid);
            }
        }
    }

    /// Looks again whether a client may watch a track.
    pub(crate) fn refresh_permission(&mut self, edge: &mut Edge, now: Instant, id: PeerId, track_sid: &str) {
        let allowed = self.may_watch(id, track_sid);
        let Some(subscription) = self.subscription(id, track_sid) else { return };
        if subscription.allowed != allowed {
            subscription.allowed = allowed;
            self.tell_permission(edge, id, track_sid, allowed);
            self.settle(edge, now, id);
        }
    }

    pub(crate) fn tell_permission(&self, edge: &mut Edge, id: PeerId, track_sid: &str, allowed: bool) {
        let Some(track) = self.tracks.get(track_sid) else { return };
        let (participant_sid, track_sid) = (track.participant_sid.clone(), track_sid.to_owned());
        edge.notify(id, Notice::SubscriptionPermission { participant_sid, track_sid, allowed });
    }

    /// Tracks a client should receive and does not, in the order of their sids.
    pub(crate) fn waiting(&self, id: PeerId) -> Vec<(String, Kind)> {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.permission().can_subscribe) else {
            return Vec::new();
        };
        let waits = |s: &Subscription| s.wanted && s.allowed && !s.undecodable && s.mid.is_none();
        let wanted = peer.subscriptions.iter().filter(|(_, subscription)| waits(subscription));
        wanted.filter_map(|(sid, _)| Some((sid.clone(), sdp_kind(self.tracks.get(sid)?)))).collect()
    }

    pub(crate) fn target(&self, id: PeerId, track_sid: &str) -> Target {
        let settings =
            self.peers.get(&id).and_then(|peer| peer.subscriptions.get(track_sid)?.settings.as_ref());
        let layers = self.model_track(track_sid).map_or(&[][..], |track| &track.layers);
        target(settings, layers)
    }

    /// The record of a track, wherever its publisher is.
    pub(crate) fn model_track(&self, track_sid: &str) -> Option<&model::Track> {
        let track = self.tracks.get(track_sid)?;
        let participant = match track.owner {
            Owner::Local(id) => &self.peers.get(&id)?.participant,
            Owner::Remote => &self.remotes.get(&track.participant_sid)?.participant,
        };
        participant.tracks.iter().find(|track| track.sid == track_sid)
    }

    /// The client's entry for a track, made on the way; `None` for its own tracks and beyond the limit.
    fn subscription(&mut self, id: PeerId, track_sid: &str) -> Option<&mut Subscription> {
        let peer = self.peers.get_mut(&id)?;
        if !peer.subscriptions.contains_key(track_sid) {
            let is_own = peer.track(track_sid).is_some()
                || self.tracks.get(track_sid).is_some_and(|track| track.participant_sid == peer.sid());
            if peer.subscriptions.len() >= SUBSCRIPTIONS_MAX || track_sid.len() > SID_BYTES_MAX || is_own {
                return None;
            }
            let subscription = Subscription { wanted: peer.auto_subscribe, ..Subscription::default() };
            peer.subscriptions.insert(track_sid.to_owned(), subscription);
        }
        peer.subscriptions.get_mut(track_sid)
    }

    fn add_subscription(&mut self, id: PeerId, track_sid: &str) {
        let allowed = self.may_watch(id, track_sid);
        if let Some(subscription) = self.subscription(id, track_sid) {
            subscription.allowed = allowed;
        }
    }

    /// The publisher's rules and the subscriber's own permission.
    fn may_watch(&self, id: PeerId, track_sid: &str) -> bool {
        let Some(peer) = self.peers.get(&id) else { return false };
        let Some(track) = self.tracks.get(track_sid) else { return true };
        let rules = match track.owner {
            Owner::Local(owner) => self.peers.get(&owner).map(|peer| &peer.rules),
            Owner::Remote => self.remotes.get(&track.participant_sid).map(|remote| &remote.rules),
        };
        peer.permission().can_subscribe && rules.is_none_or(|rules| rules.allow(&peer.participant, track_sid))
    }
}

fn sdp_kind(track: &Track) -> Kind {
    match track.kind {
        edge_sfu::Kind::Audio => Kind::Audio,
        edge_sfu::Kind::Video => Kind::Video,
    }
}
