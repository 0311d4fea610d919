//! Publishing: what a client announces, the section that carries it, the track everybody sees.

use std::time::Instant;

use edge_sfu::{Command, Origin, SessionId, SourceId};
use edge_wire::model::{self, TrackKind, TrackSource};

use crate::codec;
use crate::edge::Edge;
use crate::handover::aside;
use crate::limits::{FEATURES_MAX, NAME_BYTES_MAX, TRACKS_PER_PARTICIPANT_MAX};
use crate::participant::{Peer, Pending};
use crate::room::Room;
use crate::size;
use crate::track::{Owner, Track, layers};
use crate::{AddTrack, Fact, Notice, PeerId, RequestError, RequestErrorKind};

impl Room {
    pub(crate) fn add_track(&mut self, edge: &mut Edge, now: Instant, id: PeerId, add: AddTrack) {
        let recorded = self.record.recording;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let known = peer.pending.iter().find(|p| p.cid == add.cid).map(|p| p.track.clone());
        let known = known.or_else(|| {
            let section = peer.sections.iter().find(|s| s.published.is_some() && s.is_cid(&add.cid))?;
            peer.track(section.published.as_deref()?).cloned()
        });
        if let Some(track) = known {
            edge.notify(id, Notice::TrackPublished { cid: add.cid, track });
            return;
        }
        if let Err(error) = check(peer, &add) {
            tracing::debug!(peer = id.0, error = %error.message, "a track is refused");
            edge.notify(id, Notice::RequestDone { request_id: 0, error: Some(error) });
            return;
        }
        let mut track = pending_track(edge, peer, &add, recorded);
        if let Some(kept) = self.kept_sid(id, &track) {
            track.sid = kept;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let sid = track.sid.clone();
        let section = peer.sections.iter().find(|s| s.sends && s.receiving.is_some() && s.is_cid(&add.cid));
        let mid = section.filter(|s| kind_of(s.kind) == add.track.kind).map(|section| section.mid.clone());
        let pending = Pending { cid: add.cid.clone(), track, codecs: add.codecs };
        let Some(mid) = mid else {
            edge.notify(id, Notice::TrackPublished { cid: add.cid, track: pending.track.clone() });
            peer.pending.push(pending);
            return;
        };
        // The offer came first: nothing more has to be negotiated.
        self.publish(edge, now, id, &mid, pending);
        self.sync_incoming(edge, id);
        let track = self.peers.get(&id).and_then(|peer| peer.track(&sid)).cloned();
        if let Some(track) = track {
            edge.notify(id, Notice::TrackPublished { cid: add.cid, track });
        }
    }

    /// Brings a track into being on a section whose format is chosen. The caller tells the media thread the sections
    /// afterwards ([`Self::sync_incoming`]).
    pub(crate) fn publish(&mut self, edge: &mut Edge, now: Instant, id: PeerId, mid: &str, pending: Pending) {
        let previous = self.peers.get_mut(&id).and_then(|peer| peer.section_mut(mid)?.published.clone());
        if let Some(previous) = previous {
            self.unpublish(edge, now, &previous, false);
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let participant_sid = peer.sid().to_owned();
        let Some(section) = peer.section_mut(mid) else { return };
        let Some(chosen) = section.receiving.clone() else { return };
        let rids = section.rids();
        let mut track = pending.track;
        track.mid = mid.to_owned();
        track.mime_type = chosen.mime_type().to_owned();
        track.simulcast = rids.len() > 1;
        let is_video = track.kind == TrackKind::Video as i32;
        track.layers = if is_video { layers(&track, &rids) } else { Vec::new() };
        section.published = Some(track.sid.clone());
        let count = if is_video { rids.len().max(1) } else { 1 };
        let mut state = Track::new(Owner::Local(id), participant_sid, chosen.wire(), count as u8);
        let is_heir = peer.standing.as_heir().is_some();
        let called = if is_heir { aside(&track.sid) } else { track.sid.clone() };
        let source = edge.new_source(&self.record.name, &called);
        state.source = Some(source);
        edge.media(Command::OpenSource {
            source,
            origin: Origin::Session(SessionId(id.0)),
            kind: state.kind,
            codec: codec::sfu_codec(&track.mime_type),
            clock_rate_hz: state.codec.clock_rate_hz,
            layers: state.layers,
        });
        if track.muted {
            edge.media(Command::MuteSource { source, muted: true });
        }
        peer.participant.tracks.push(track.clone());
        peer.participant.is_publisher = true;
        if let Some(heir) = peer.standing.as_heir_mut() {
            heir.tracks.insert(track.sid, state);
            return;
        }
        let participant = peer.participant.clone();
        self.tracks.insert(track.sid.clone(), state);
        self.touch(id);
        self.roster.announce.insert(track.sid.clone());
        self.record_track(edge, now, &track.sid);
        self.track_appeared(edge, now, &track.sid);
        self.refresh_demand(edge, now, &track.sid);
        edge.push(crate::Output::Fact(Fact::TrackPublished {
            room: self.record.clone(),
            participant,
            track,
        }));
    }

    /// Ends a local track.
    pub(crate) fn unpublish(&mut self, edge: &mut Edge, now: Instant, track_sid: &str, tell_owner: bool) {
        let Some(Owner::Local(id)) = self.tracks.get(track_sid).map(|track| track.owner) else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let at = peer.participant.tracks.iter().position(|track| track.sid == track_sid);
        let Some(track) = at.map(|at| peer.participant.tracks.remove(at)) else { return };
        let participant = peer.participant.clone();
        for section in &mut peer.sections {
            if section.published.as_deref() == Some(track_sid) {
                section.published = None;
            }
        }
        self.touch(id);
        self.end_track(edge, now, track_sid);
        self.sync_incoming(edge, id);
        if tell_owner {
            edge.notify(id, Notice::TrackUnpublished { track_sid: track_sid.to_owned() });
        }
        let room = self.record.clone();
        edge.push(crate::Output::Fact(Fact::TrackUnpublished { room, participant, track }));
    }

    /// Tells the media thread all that the client publishes.
    pub(crate) fn sync_incoming(&self, edge: &mut Edge, id: PeerId) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.transport.is_some()) else { return };
        let incoming = peer.sections.iter().filter_map(|section| {
            let track_sid = section.published.as_deref()?;
            let inherited = peer.standing.as_heir().and_then(|heir| heir.tracks.get(track_sid));
            let source: SourceId = inherited.or_else(|| self.tracks.get(track_sid))?.source?;
            section.incoming(source)
        });
        edge.media(Command::SetIncoming { session: SessionId(id.0), incoming: incoming.collect() });
    }

    /// The client (or, with `by_server`, the server) mutes a track. False when there is no such track.
    pub(crate) fn mute(
        &mut self,
        edge: &mut Edge,
        id: PeerId,
        track_sid: &str,
        muted: bool,
        by_server: bool,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else { return false };
        if let Some(pending) = peer.pending.iter_mut().find(|pending| pending.track.sid == track_sid) {
            pending.track.muted = muted;
            return true;
        }
        let Some(track) = peer.track_mut(track_sid) else { return false };
        let changed = track.muted != muted;
        track.muted = muted;
        if by_server {
            edge.notify(id, Notice::Mute { track_sid: track_sid.to_owned(), muted });
        }
        if changed {
            if let Some(source) = self.tracks.get(track_sid).and_then(|track| track.source) {
                edge.media(Command::MuteSource { source, muted });
            }
            self.touch(id);
            self.record_mute(edge, id, track_sid, muted);
        }
        true
    }

    /// Changes a published (or announced) track's record.
    pub(crate) fn update_track(
        &mut self,
        id: PeerId,
        track_sid: &str,
        change: impl FnOnce(&mut model::Track),
    ) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if let Some(pending) = peer.pending.iter_mut().find(|pending| pending.track.sid == track_sid) {
            change(&mut pending.track);
        } else if let Some(track) = peer.track_mut(track_sid) {
            change(track);
            self.touch(id);
        }
    }
}

/// A track nobody announced, named by its kind.
pub(crate) fn unannounced(edge: &mut Edge, kind: edge_sdp::Kind, msid: Option<&(String, String)>) -> Pending {
    let name = if kind == edge_sdp::Kind::Video { "video" } else { "audio" };
    let track = model::Track {
        sid: edge.new_sid("TR"),
        name: name.to_owned(),
        kind: kind_of(kind),
        source: source_of(kind) as i32,
        stream: msid.map(|(stream, _)| stream.clone()).unwrap_or_default(),
        ..model::Track::default()
    };
    Pending { cid: String::new(), track, codecs: Vec::new() }
}

/// What a section that nobody announced is taken for.
pub(crate) fn source_of(kind: edge_sdp::Kind) -> TrackSource {
    if kind == edge_sdp::Kind::Video { TrackSource::Camera } else { TrackSource::Microphone }
}

pub(crate) fn kind_of(kind: edge_sdp::Kind) -> i32 {
    match kind {
        edge_sdp::Kind::Audio => TrackKind::Audio as i32,
        _ => TrackKind::Video as i32,
    }
}

fn check(peer: &Peer, add: &AddTrack) -> Result<(), RequestError> {
    let error = |kind, message: &str| Err(RequestError { kind, message: message.to_owned() });
    if !peer.may_publish(add.track.source) {
        return error(RequestErrorKind::NotAllowed, "the token does not allow to publish this source");
    }
    if peer.pending.len() + peer.participant.tracks.len() >= TRACKS_PER_PARTICIPANT_MAX {
        return error(RequestErrorKind::LimitExceeded, "too many tracks: unpublish one first");
    }
    if add.cid.is_empty() || add.cid.len() > NAME_BYTES_MAX || add.track.name.len() > NAME_BYTES_MAX {
        return error(RequestErrorKind::Invalid, "the track has no id, or its id or name is too long");
    }
    let announced = peer.pending.iter().map(|pending| &pending.track).chain([&add.track]);
    if let Err(message) = size::check(&peer.participant, announced) {
        return error(RequestErrorKind::LimitExceeded, message);
    }
    if !add.track.sid.is_empty() {
        return error(RequestErrorKind::Unsupported, "a second codec of a published track is not supported");
    }
    Ok(())
}

/// What the client is told of a track that is not negotiated yet: the codec is the one it will most likely be.
fn pending_track(edge: &mut Edge, peer: &Peer, add: &AddTrack, recorded: bool) -> model::Track {
    let mut track = add.track.clone();
    track.sid = edge.new_sid("TR");
    track.layers.truncate(edge_sfu::LAYERS_MAX);
    track.audio_features.truncate(FEATURES_MAX);
    track.packet_trailer_features.truncate(FEATURES_MAX);
    // The stream becomes a word of other clients' session descriptions.
    if !track.stream.bytes().all(|byte| byte.is_ascii_graphic()) || track.stream.len() > NAME_BYTES_MAX {
        track.stream.clear();
    }
    track.mime_type = if track.kind == TrackKind::Audio as i32 {
        "audio/opus".to_owned()
    } else {
        let offered = peer.sections.iter().find(|section| section.kind == edge_sdp::Kind::Video);
        let chosen = offered.and_then(|section| {
            codec::choose_received(section.kind, &section.offered.codecs, &add.codecs, recorded)
        });
        let wished = || add.codecs.iter().find_map(|mime| codec::canonical_mime(mime));
        match chosen {
            Some(chosen) => chosen.mime_type().to_owned(),
            None if recorded => "video/H264".to_owned(),
            None => wished().unwrap_or("video/VP8").to_owned(),
        }
    };
    track
}
