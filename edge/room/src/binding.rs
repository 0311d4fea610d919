//! Which section of a client carries which subscribed track. Bindings are made when the client offers, since the answer
//! names them, and stay until the track or the subscription ends.

use std::time::Instant;

use edge_sdp::Kind;
use edge_sfu::{Command, SessionId};
use edge_wire::model;

use crate::codec;
use crate::edge::Edge;
use crate::limits::SECTIONS_MAX;
use crate::participant::Peer;
use crate::room::Room;
use crate::section::{OutgoingStream, Section};
use crate::track::{Track, Watcher};
use crate::{Notice, PeerId};

impl Room {
    /// Brings sections and subscriptions together: ends what is no longer wanted, asks for what is missing.
    pub(crate) fn settle(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        self.release_sections(edge, now, id);
        let Some(peer) = self.peers.get(&id) else { return };
        if peer.is_whep {
            for track_sid in self.bind_sections(edge, id) {
                self.watch(edge, now, id, &track_sid);
            }
            return;
        }
        self.ask_sections(edge, id);
    }

    /// Gives waiting tracks a free section each. Returns the tracks bound now; the caller tells the media thread
    /// ([`Self::sync_outgoing`]) and then starts them ([`Self::watch`]).
    pub(crate) fn bind_sections(&mut self, edge: &mut Edge, id: PeerId) -> Vec<String> {
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_whep) {
            ready_sections(edge, peer);
        }
        let mut bound = Vec::new();
        for (track_sid, kind) in self.waiting(id) {
            let stream_id = self.stream_id(&track_sid);
            let Some(track) = self.tracks.get(&track_sid) else { continue };
            let Some(peer) = self.peers.get_mut(&id) else { break };
            let mut sections = peer.sections.iter_mut();
            let Some(section) = sections.find(|s| s.kind == kind && s.can_take()) else { continue };
            let Some(subscription) = peer.subscriptions.get_mut(&track_sid) else { continue };
            let Some(format) = codec::choose_sent(&section.offered.codecs, &track.codec) else {
                tracing::info!(peer = id.0, codec = %track.codec.mime_type, "a client cannot decode a track");
                subscription.undecodable = true;
                self.tell_permission(edge, id, &track_sid, false);
                continue;
            };
            subscription.mid = Some(section.mid.clone());
            if let Some(ready) = &mut section.outgoing {
                ready.track_sid = Some(track_sid.clone());
            } else {
                section.outgoing = Some(OutgoingStream {
                    track_sid: Some(track_sid.clone()),
                    ssrc: edge.new_ssrc(),
                    rtx_ssrc: format.rtx.is_some().then(|| edge.new_ssrc()),
                    // One name for all of a participant's streams: receivers play those in step.
                    cname: track.participant_sid.clone(),
                    stream_id,
                    format: Some(format),
                });
            }
            bound.push(track_sid);
        }
        bound
    }

    /// Starts the stream of a bound track.
    pub(crate) fn watch(&mut self, edge: &mut Edge, now: Instant, id: PeerId, track_sid: &str) {
        let target = self.target(id, track_sid);
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(mid) = peer.subscriptions.get(track_sid).and_then(|s| s.mid.clone()) else { return };
        let Some(section) = peer.sections.iter().find(|section| section.mid == mid) else { return };
        let Some(track) = self.tracks.get_mut(track_sid) else { return };
        let Some(format) = codec::choose_sent(&section.offered.codecs, &track.codec) else { return };
        let watcher = Watcher {
            mid,
            payload_type: format.codec.payload_type,
            rtx_payload_type: format.rtx.map(|rtx| rtx.payload_type),
            target,
            receives: track.watchers.get(&id).and_then(|before| before.receives),
        };
        track.watchers.insert(id, watcher);
        attach(edge, track, id);
        self.refresh_demand(edge, now, track_sid);
        self.tell_subscribed(edge, track_sid);
    }

    /// Takes streams off sections whose subscription (or section) ended.
    pub(crate) fn release_sections(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let can_subscribe = peer.permission().can_subscribe;
        let mut ended: Vec<String> = Vec::new();
        for (track_sid, subscription) in &peer.subscriptions {
            let Some(mid) = &subscription.mid else { continue };
            let has_section = peer.sections.iter().any(|section| {
                let carries =
                    section.outgoing.as_ref().is_some_and(|s| s.track_sid.as_ref() == Some(track_sid));
                section.mid == *mid && section.receives() && carries
            });
            let is_wanted = subscription.wanted && subscription.allowed && can_subscribe;
            if !has_section || !is_wanted || !self.tracks.contains_key(track_sid) {
                ended.push(track_sid.clone());
            }
        }
        if ended.is_empty() {
            return;
        }
        for track_sid in &ended {
            self.unwatch(edge, id, track_sid);
            self.refresh_demand(edge, now, track_sid);
        }
        self.sync_outgoing(edge, id);
    }

    /// Tells the media thread all that the client can receive.
    pub(crate) fn sync_outgoing(&self, edge: &mut Edge, id: PeerId) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.transport.is_some()) else { return };
        let outgoing = peer.sections.iter().filter_map(Section::outgoing).collect();
        edge.media(Command::SetOutgoing { session: SessionId(id.0), outgoing });
    }

    /// Ends a stream; its section rests until the client has been answered.
    fn unwatch(&mut self, edge: &mut Edge, id: PeerId, track_sid: &str) {
        if let Some(track) = self.tracks.get_mut(track_sid) {
            track.watchers.remove(&id);
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(mid) = peer.subscriptions.get_mut(track_sid).and_then(|s| s.mid.take()) else { return };
        let is_whep = peer.is_whep;
        if let Some(section) = peer.section_mut(&mid) {
            match &mut section.outgoing {
                Some(ready) if is_whep => ready.track_sid = None,
                outgoing => {
                    *outgoing = None;
                    section.resting = true;
                }
            }
        }
        edge.media(Command::Unwatch { session: SessionId(id.0), mid });
    }

    /// Asks the client for sections, or just for an offer, once for each shortage.
    fn ask_sections(&mut self, edge: &mut Edge, id: PeerId) {
        let waiting = self.waiting(id);
        // A client whose first offer is on its way most likely has sections of its own in it.
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.offer_by.is_none()) else { return };
        let count = |kind| waiting.iter().filter(|(_, k)| *k == kind).count();
        let mut space = SECTIONS_MAX.saturating_sub(peer.sections.len());
        let mut missing = |kind, expected: usize| {
            let (total, free) = receiving(peer, kind);
            let coming = expected.saturating_sub(total);
            space = space.saturating_sub(coming);
            let missing = count(kind).saturating_sub(free + coming).min(space);
            space -= missing;
            (missing, total + coming + missing)
        };
        let (audio, audio_expected) = missing(Kind::Audio, peer.expected.0);
        let (video, video_expected) = missing(Kind::Video, peer.expected.1);
        let has_free = |kind| count(kind) > 0 && receiving(peer, kind).1 > 0;
        let is_stale = peer.sections.iter().any(|section| section.resting);
        let needs_offer = is_stale || has_free(Kind::Audio) || has_free(Kind::Video);
        peer.expected = (audio_expected, video_expected);
        if audio + video > 0 || (needs_offer && !peer.offer_asked) {
            peer.offer_asked = true;
            peer.crossed = false;
            let count = |missing: usize| u32::try_from(missing).unwrap_or(u32::MAX);
            edge.notify(id, Notice::MediaSections { audio: count(audio), video: count(video) });
        }
    }

    /// Publisher and stream in one word, as clients split it: `PA_…|<stream>`, the track's sid where it has no stream.
    fn stream_id(&self, track_sid: &str) -> String {
        let track = self.model_track(track_sid);
        let stream = track.map(|track: &model::Track| track.stream.as_str()).filter(|stream| is_word(stream));
        let participant_sid = self.tracks.get(track_sid).map_or("", |track| &track.participant_sid);
        format!("{participant_sid}|{}", stream.unwrap_or(track_sid))
    }
}

/// Feeds a client's section from the track, if its media is here.
pub(crate) fn attach(edge: &mut Edge, track: &Track, id: PeerId) {
    let (Some(source), Some(watcher)) = (track.source, track.watchers.get(&id)) else { return };
    edge.media(Command::Watch {
        session: SessionId(id.0),
        mid: watcher.mid.clone(),
        source,
        payload_type: watcher.payload_type,
        rtx_payload_type: watcher.rtx_payload_type,
        target: watcher.target,
    });
}

/// Receiving sections of a kind: all, and those without a stream.
pub(crate) fn receiving(peer: &Peer, kind: Kind) -> (usize, usize) {
    let all = peer.sections.iter().filter(|section| section.kind == kind && section.receives());
    all.fold((0, 0), |(total, free), section| (total + 1, free + usize::from(section.outgoing.is_none())))
}

/// A player that negotiates once gets a stream in every receiving section, whether there is a track for it yet or not.
fn ready_sections(edge: &mut Edge, peer: &mut Peer) {
    let cname = peer.participant.sid.clone();
    for section in peer.sections.iter_mut().filter(|section| section.receives() && section.outgoing.is_none())
    {
        let has_rtx = section.kind == Kind::Video;
        section.outgoing = Some(OutgoingStream {
            track_sid: None,
            ssrc: edge.new_ssrc(),
            rtx_ssrc: has_rtx.then(|| edge.new_ssrc()),
            cname: cname.clone(),
            stream_id: cname.clone(),
            format: None,
        });
    }
}

/// What may stand as one word of a session description.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
