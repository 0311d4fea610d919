//! Recording: while the room is recorded, every layer of every track published on this edge is tapped by the recorder, a
//! subscriber like any other, and the journal is told what is what.

use std::time::Instant;

use edge_sfu::{Command, Layer, LinkId};
use edge_wire::journal::{End, Entry, Event, Report, StreamClose, StreamOpen};
use edge_wire::model::{self, TrackSource};
use serde_json::json;

use crate::edge::Edge;
use crate::limits::{EVENT_BYTES_MAX, KEYFRAMES_CAMERA, KEYFRAMES_SCREEN, NAME_BYTES_MAX};
use crate::room::Room;
use crate::track::Owner;
use crate::{Output, PeerId};

impl Room {
    /// The room's recording flag changed: taps open or close.
    pub(crate) fn recording_changed(&mut self, edge: &mut Edge, now: Instant) {
        let tracks: Vec<String> = self.tracks.keys().cloned().collect();
        if self.record.recording {
            let present = self.peers.values().filter(|peer| peer.standing.is_present());
            for peer in present.map(|peer| peer.participant.clone()).collect::<Vec<_>>() {
                self.record_participant(edge, "join", &peer);
            }
        }
        for track_sid in tracks {
            if self.record.recording {
                self.record_track(edge, now, &track_sid);
            } else {
                self.record_track_end(edge, &track_sid);
            }
            self.refresh_demand(edge, now, &track_sid);
        }
    }

    /// Taps a local track.
    pub(crate) fn record_track(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        let Some(model) = self.model_track(track_sid).filter(|_| self.record.recording).cloned() else {
            return;
        };
        let Some(track) = self.tracks.get(track_sid).filter(|track| track.streams.is_empty()) else { return };
        let (Owner::Local(id), Some(source)) = (track.owner, track.source) else { return };
        let Some(peer) = self.peers.get(&id) else { return };
        let (layers, codec) = (track.layers, track.codec.clone());
        let participant = peer.participant.clone();
        for layer in 0..layers {
            let stream = edge.new_stream();
            edge.streams.insert(stream, self.record.name.clone());
            let open = StreamOpen {
                stream,
                track: model.clone(),
                participant_sid: participant.sid.clone(),
                identity: participant.identity.clone(),
                name: shortened(&participant.name),
                layer: u32::from(layer),
                codec: codec.clone(),
            };
            // The journal learns of the stream before its first packet.
            self.record_entry(edge, Entry::Open(open));
            let flow = u64::from(stream);
            edge.media(Command::LinkSubscribe { link: LinkId::RECORDER, flow, source, layer });
            if let Some(track) = self.tracks.get_mut(track_sid) {
                track.streams.insert(layer, stream);
            }
        }
        self.plan_keyframe(edge, now, track_sid);
    }

    pub(crate) fn record_track_end(&mut self, edge: &mut Edge, track_sid: &str) {
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        track.keyframe_at = None;
        for stream in std::mem::take(&mut track.streams).into_values() {
            edge.streams.remove(&stream);
            edge.media(Command::LinkUnsubscribe { link: LinkId::RECORDER, flow: u64::from(stream) });
            self.record_entry(edge, Entry::Close(StreamClose { stream }));
        }
    }

    /// The journal of this life of the room on this edge is whole.
    pub(crate) fn record_end(&mut self, edge: &mut Edge) {
        for track_sid in self.tracks.keys().cloned().collect::<Vec<_>>() {
            self.record_track_end(edge, &track_sid);
        }
        if self.recorded {
            self.record_entry(edge, Entry::End(End {}));
            self.recorded = false;
        }
    }

    pub(crate) fn record_participant(
        &mut self,
        edge: &mut Edge,
        kind: &str,
        participant: &model::Participant,
    ) {
        if participant.permission.hidden {
            return;
        }
        let json = json!({
            "identity": participant.identity,
            "name": shortened(&participant.name),
            "participant_sid": participant.sid,
        });
        self.record_event(edge, kind, &json.to_string());
    }

    pub(crate) fn record_mute(&mut self, edge: &mut Edge, id: PeerId, track_sid: &str, muted: bool) {
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(track) = peer.track(track_sid) else { return };
        let json = json!({
            "identity": peer.participant.identity,
            "name": shortened(&peer.participant.name),
            "track_sid": track_sid,
            "source": source_name(track.source),
        });
        self.record_event(edge, if muted { "mute" } else { "unmute" }, &json.to_string());
    }

    /// An entry of the class timeline.
    pub(crate) fn record_event(&mut self, edge: &mut Edge, kind: &str, json: &str) {
        if kind.len() + json.len() > EVENT_BYTES_MAX {
            tracing::debug!(
                bytes = json.len(),
                "an event is larger than a journal record and is not recorded"
            );
        } else if self.record.recording {
            self.record_entry(edge, Entry::Event(Event { kind: kind.to_owned(), json: json.to_owned() }));
        }
    }

    pub(crate) fn record_report(&mut self, edge: &mut Edge, stream: u32, ntp: u64, rtp_timestamp: u32) {
        self.record_entry(edge, Entry::Report(Report { stream, ntp, rtp_timestamp }));
    }

    /// Recorded video gets keyframes at a steady pace, so that the recording can be cut and its layers line up.
    pub(crate) fn keyframe_if_due(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        let Some(track) = self.tracks.get(track_sid).filter(|t| t.keyframe_at.is_some_and(|at| at <= now))
        else {
            return;
        };
        if let Some(source) = track.source {
            let live = (0..track.layers).filter(|layer| track.is_live(*layer));
            for layer in live {
                edge.media(Command::RequestKeyframe { source, layer });
            }
        }
        self.plan_keyframe(edge, now, track_sid);
    }

    fn plan_keyframe(&mut self, edge: &mut Edge, now: Instant, track_sid: &str) {
        let is_screen =
            self.model_track(track_sid).is_some_and(|t| t.source == TrackSource::ScreenShare as i32);
        let pace = if is_screen { KEYFRAMES_SCREEN } else { KEYFRAMES_CAMERA };
        let Some(track) = self.tracks.get_mut(track_sid).filter(|t| t.kind == edge_sfu::Kind::Video) else {
            return;
        };
        track.keyframe_at = Some(now + pace);
        edge.wake(now + pace, &self.record.name, "keyframe for the recorder");
    }

    fn record_entry(&mut self, edge: &mut Edge, entry: Entry) {
        self.recorded = true;
        let (room, room_sid) = (self.record.name.clone(), self.record.sid.clone());
        edge.push(Output::Record { room, room_sid, entry });
    }
}

impl Room {
    /// A layer began to send, or stopped.
    pub(crate) fn layer_changed(
        &mut self,
        edge: &mut Edge,
        now: Instant,
        track_sid: &str,
        layer: Layer,
        is_live: bool,
    ) {
        if let Some(track_sid) = track_sid.strip_prefix('~') {
            self.heir_layer(edge, now, track_sid, layer, is_live);
            return;
        }
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        if let Some(live) = track.live.get_mut(usize::from(layer)) {
            *live = is_live;
        }
        self.refresh_demand(edge, now, track_sid);
    }
}

/// A name from a token may be of any length; a record's may not.
fn shortened(name: &str) -> String {
    name.chars().take(NAME_BYTES_MAX / 4).collect()
}

fn source_name(source: i32) -> &'static str {
    match TrackSource::try_from(source) {
        Ok(TrackSource::Camera) => "camera",
        Ok(TrackSource::Microphone) => "microphone",
        Ok(TrackSource::ScreenShare) => "screen_share",
        Ok(TrackSource::ScreenShareAudio) => "screen_share_audio",
        _ => "unknown",
    }
}
