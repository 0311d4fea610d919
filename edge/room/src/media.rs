//! What the media thread reports, brought to its room.

use std::collections::BTreeMap;
use std::time::Instant;

use edge_sfu::{Event, LinkId, SourceId};
use edge_wire::control::{self, Message};
use edge_wire::model::ParticipantState;

use crate::limits::MEDIA_LINGER;
use crate::track::Owner;
use crate::{Fact, LeaveAction, LeaveReason, Output, PeerId, Rooms};

impl Rooms {
    pub fn handle_media_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::SessionConnected { session, .. } => self.connected(now, PeerId(session.0)),
            Event::SessionClosed { session, reason } => self.media_lost(now, PeerId(session.0), reason),
            Event::ChannelOpen { session, label } => {
                let peer = PeerId(session.0);
                self.with_peer(now, peer, |room, edge| room.channel_open(edge, peer, &label));
            }
            Event::Data { session, label, payload, .. } => {
                let reliable = label == self.edge.config.reliable_label;
                if reliable || label == self.edge.config.lossy_label {
                    self.edge.push(Output::ClientData { peer: PeerId(session.0), reliable, payload });
                }
            }
            Event::DataOverflow { session } => {
                let peer = PeerId(session.0);
                self.with_peer(now, peer, |room, edge| {
                    tracing::info!(
                        peer = peer.0,
                        "a client takes its reliable data too slowly and has to join again"
                    );
                    room.dismiss(edge, now, peer, LeaveReason::StateMismatch, LeaveAction::Reconnect);
                });
            }
            Event::LayerStarted { source, layer } => self.layer_changed(now, source, layer, true),
            Event::LayerStopped { source, layer } => self.layer_changed(now, source, layer, false),
            Event::LayerSwitched { session, source, layer } => {
                if let Some((name, track_sid)) = self.edge.sources.get(&source).cloned() {
                    let (peer, track) = (PeerId(session.0), (track_sid.as_str(), source));
                    self.with_room(now, &name, |room, edge| {
                        room.layer_switched(edge, now, peer, track, layer)
                    });
                }
            }
            Event::LinkKeyframe { link, flow } => {
                self.say(link, Message::Keyframe(control::KeyframeRequest { flow }));
            }
            Event::LinkNack { link, flow, sequence_numbers } => {
                let sequence_numbers = sequence_numbers.into_iter().map(u32::from).collect();
                self.say(link, Message::Nack(control::Nack { flow, sequence_numbers }));
            }
            Event::LinkSenderReport { link: LinkId::RECORDER, flow, ntp, rtp_timestamp, .. } => {
                let Ok(stream) = u32::try_from(flow) else { return };
                let Some(room) = self.edge.streams.get(&stream).cloned() else { return };
                self.with_room(now, &room, |room, edge| room.record_report(edge, stream, ntp, rtp_timestamp));
            }
            Event::LinkSenderReport { link, flow, ntp, rtp_timestamp, age_ms } => {
                self.say(
                    link,
                    Message::SenderReport(control::SenderReport { flow, ntp, rtp_timestamp, age_ms }),
                );
            }
            Event::Speakers { levels } => self.speakers(now, &levels),
            Event::Quality { session, loss_down, loss_up, rtt_ms } => {
                let peer = PeerId(session.0);
                self.with_peer(now, peer, |room, _| room.measured(peer, loss_down, loss_up, rtt_ms));
            }
        }
    }
}

impl Rooms {
    fn connected(&mut self, now: Instant, id: PeerId) {
        self.with_peer(now, id, |room, edge| {
            if let Some(peer) = room.peers.get_mut(&id)
                && peer.participant.state != ParticipantState::Active as i32
            {
                peer.participant.state = ParticipantState::Active as i32;
                let participant = peer.participant.clone();
                // Who comes from another edge joined there.
                if peer.moved.is_none() {
                    let fact = Fact::ParticipantJoined { room: room.record.clone(), participant };
                    edge.push(Output::Fact(fact));
                }
                room.touch(id);
                room.promote_if_ready(edge, now, id);
            }
        });
    }

    /// A session does not come back. The client that is still there joins again; one whose signalling is gone as well left.
    fn media_lost(&mut self, now: Instant, id: PeerId, reason: &'static str) {
        self.with_peer(now, id, |room, edge| {
            tracing::info!(peer = id.0, reason, "a media session ended");
            let name = room.name().to_owned();
            let Some(peer) = room.peers.get_mut(&id) else { return };
            if peer.resume_until.is_some() {
                room.remove(edge, now, id, LeaveReason::ConnectionTimeout);
            } else {
                peer.rejoin_at = Some(now + MEDIA_LINGER);
                edge.wake(now + MEDIA_LINGER, &name, "media lost");
            }
        });
    }

    fn layer_changed(&mut self, now: Instant, source: SourceId, layer: u8, is_live: bool) {
        if let Some((name, track_sid)) = self.edge.sources.get(&source).cloned() {
            self.with_room(now, &name, |room, edge| {
                room.layer_changed(edge, now, &track_sid, layer, is_live)
            });
        }
    }

    /// The list is of the whole shard: rooms that are not in it are silent.
    fn speakers(&mut self, now: Instant, levels: &[(SourceId, f32)]) {
        let mut by_room: BTreeMap<String, BTreeMap<String, f32>> =
            self.edge.speaking.iter().map(|name| (name.clone(), BTreeMap::new())).collect();
        for (source, level) in levels {
            let Some((name, track_sid)) = self.edge.sources.get(source) else { continue };
            let Some(track) = self.rooms.get(name).and_then(|room| room.tracks.get(track_sid)) else {
                continue;
            };
            if track.owner == Owner::Remote {
                // Its own edge says who speaks there.
                continue;
            }
            let heard =
                by_room.entry(name.clone()).or_default().entry(track.participant_sid.clone()).or_insert(0.0);
            *heard = heard.max(level.clamp(0.0, 1.0));
        }
        for (name, levels) in by_room {
            self.with_room(now, &name, |room, edge| room.set_levels(edge, levels));
        }
    }
}
