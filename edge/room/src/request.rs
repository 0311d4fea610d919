//! What a client asks, taken apart.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edge_wire::model;

use crate::edge::Edge;
use crate::limits::FEATURES_MAX;
use crate::participant::{Peer, Rules};
use crate::room::Room;
use crate::size;
use crate::{LeaveAction, LeaveReason, Notice, PeerId, Request, RequestError, RequestErrorKind, Simulate};

/// Longest pretended speech.
const SIMULATE_SECONDS_MAX: u32 = 60;

impl Room {
    pub(crate) fn handle_request(&mut self, edge: &mut Edge, now: Instant, id: PeerId, request: Request) {
        match request {
            Request::Offer { id: offer_id, sdp } => self.offer(edge, now, id, offer_id, &sdp),
            Request::AddTrack(add) => self.add_track(edge, now, id, add),
            Request::Mute { track_sid, muted } => {
                self.mute(edge, id, &track_sid, muted, false);
            }
            Request::Subscription { track_sids, subscribe } => {
                self.set_subscription(edge, now, id, &track_sids, subscribe);
            }
            Request::TrackSettings { track_sids, settings } => {
                self.set_settings(edge, now, id, &track_sids, settings);
            }
            Request::SubscriptionPermission { all_participants, allowed } => {
                self.set_rules(edge, now, id, Rules::new(all_participants, allowed));
            }
            Request::UpdateMetadata { request_id, metadata, name, attributes } => {
                let error = self.update_metadata(id, metadata, name, attributes).err();
                edge.notify(id, Notice::RequestDone { request_id, error });
            }
            Request::UpdateAudioTrack { track_sid, features } => {
                self.update_track(id, &track_sid, |track| {
                    track.audio_features = features.into_iter().take(FEATURES_MAX).collect();
                });
            }
            Request::UpdateVideoTrack { track_sid, width, height } => {
                self.update_track(id, &track_sid, |track| resize(track, width, height));
                self.retarget_all(edge, now, &track_sid);
            }
            Request::Leave => {
                self.dismiss(edge, now, id, LeaveReason::ClientInitiated, LeaveAction::Disconnect);
            }
            Request::Simulate(fault) => self.simulate(edge, now, id, fault),
        }
    }

    /// An attribute set to the empty string is taken away.
    fn update_metadata(
        &mut self,
        id: PeerId,
        metadata: Option<String>,
        name: Option<String>,
        attributes: BTreeMap<String, String>,
    ) -> Result<(), RequestError> {
        let error = |kind, message: &str| Err(RequestError { kind, message: message.to_owned() });
        let Some(peer) = self.peers.get_mut(&id) else {
            return error(RequestErrorKind::NotFound, "not in the room");
        };
        if !peer.permission().can_update_metadata {
            return error(
                RequestErrorKind::NotAllowed,
                "the token does not allow to change one's own metadata",
            );
        }
        let mut wanted = peer.participant.clone();
        wanted.attributes = merge(peer, attributes);
        wanted.metadata = metadata.unwrap_or(wanted.metadata);
        wanted.name = name.unwrap_or(wanted.name);
        if let Err(message) = size::check(&wanted, peer.pending.iter().map(|pending| &pending.track)) {
            return error(RequestErrorKind::LimitExceeded, message);
        }
        peer.participant = wanted;
        self.touch(id);
        Ok(())
    }

    fn simulate(&mut self, edge: &mut Edge, now: Instant, id: PeerId, fault: Simulate) {
        match fault {
            Simulate::Speakers { seconds } => {
                let until = now + Duration::from_secs(u64::from(seconds.clamp(1, SIMULATE_SECONDS_MAX)));
                self.pretend_speech(edge, id, until);
            }
            Simulate::SignalDisconnect => {
                edge.notify(id, Notice::Drop);
                self.signal_lost(edge, now, id);
            }
            Simulate::NodeFailure => {
                edge.notify(id, Notice::Drop);
                self.remove(edge, now, id, LeaveReason::ConnectionTimeout);
            }
            Simulate::ServerLeave { reconnect } => {
                let action = if reconnect { LeaveAction::Reconnect } else { LeaveAction::Disconnect };
                self.dismiss(edge, now, id, LeaveReason::ServerShutdown, action);
            }
            Simulate::Migration => {
                let (reason, action) = (LeaveReason::ServerShutdown, LeaveAction::Resume);
                edge.notify(id, Notice::Leave { reason, action });
                self.signal_lost(edge, now, id);
            }
        }
    }
}

/// Layers are halves of the full size.
fn resize(track: &mut model::Track, width: u32, height: u32) {
    (track.width, track.height) = (width, height);
    for (shift, layer) in track.layers.iter_mut().rev().enumerate() {
        (layer.width, layer.height) = (width >> shift, height >> shift);
    }
}

fn merge(peer: &Peer, changes: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut merged = peer.participant.attributes.clone();
    for (key, value) in changes {
        if value.is_empty() {
            merged.remove(&key);
        } else {
            merged.insert(key, value);
        }
    }
    merged
}
