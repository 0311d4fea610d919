//! Offers answered. The client always offers; what changed on this edge's side waits for its next offer.

use std::collections::BTreeMap;
use std::time::Instant;

use edge_sdp::{Answer, Candidate, Kind, Offer, OfferMedia};
use edge_session::{Fingerprint, RemoteParameters};
use edge_sfu::{Command, SessionId};

use crate::binding::{attach, receiving};
use crate::codec;
use crate::edge::Edge;
use crate::participant::{Peer, Pending, Transport};
use crate::publish::{kind_of, source_of, unannounced};
use crate::room::Room;
use crate::section::Section;
use crate::{LeaveAction, LeaveReason, Notice, PeerId};

impl Room {
    pub(crate) fn offer(&mut self, edge: &mut Edge, now: Instant, id: PeerId, offer_id: u32, sdp: &str) {
        let result = Offer::parse(sdp).map_err(|error| error.to_string()).and_then(|offer| {
            let is_new = self.open_transport(edge, id, &offer)?;
            Ok((offer, is_new))
        });
        let (offer, is_new_session) = match result {
            Ok(taken) => taken,
            Err(error) => {
                tracing::info!(peer = id.0, %error, "an offer cannot be used; the client leaves");
                self.dismiss(edge, now, id, LeaveReason::JoinFailure, LeaveAction::Disconnect);
                return;
            }
        };
        let allow_mixed = offer.extmap_allow_mixed;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.offer_by = None;
        peer.offer_asked = false;
        let before = count_receiving(peer);
        let ended = take_sections(peer, offer.media);
        // Sections that were asked for are still to come if this offer crossed the request; once.
        peer.crossed = count_receiving(peer) == before && !peer.crossed;
        if !peer.crossed {
            peer.expected = (0, 0);
        }
        for track_sid in ended {
            self.unpublish(edge, now, &track_sid, false);
        }
        self.publish_sections(edge, now, id);
        self.release_sections(edge, now, id);
        let bound = self.bind_sections(edge, id);
        self.sync_incoming(edge, id);
        self.sync_outgoing(edge, id);
        if is_new_session {
            // Nothing is new in a first session; one that takes another's place goes on where that was.
            self.tracks.values().for_each(|track| attach(edge, track, id));
        }
        for track_sid in &bound {
            self.watch(edge, now, id, track_sid);
        }
        self.answer(edge, id, offer_id, allow_mixed);
        self.settle(edge, now, id);
    }

    /// Opens the media session at the first offer (true); restarts ICE when the client's ufrag is new.
    fn open_transport(&mut self, edge: &mut Edge, id: PeerId, offer: &Offer) -> Result<bool, String> {
        let Some(peer) = self.peers.get_mut(&id) else { return Err("the client is gone".into()) };
        let session = SessionId(id.0);
        let fingerprint: Fingerprint = offer.fingerprint.parse().map_err(|e| format!("fingerprint: {e}"))?;
        match &mut peer.transport {
            Some(transport) if transport.fingerprint == offer.fingerprint => {
                if transport.remote_ufrag != offer.ice_ufrag {
                    transport.local = edge.new_ice(id);
                    transport.remote_ufrag.clone_from(&offer.ice_ufrag);
                    edge.media(Command::RestartIce {
                        session,
                        local: transport.local.clone(),
                        remote_ufrag: offer.ice_ufrag.clone(),
                    });
                }
                return Ok(false);
            }
            // Another certificate is another peer connection: the old session cannot go on.
            Some(_) => edge.media(Command::CloseSession { session }),
            None => {}
        }
        let local = edge.new_ice(id);
        edge.media(Command::OpenSession {
            session,
            local: local.clone(),
            remote: RemoteParameters { ice_ufrag: offer.ice_ufrag.clone(), fingerprint },
        });
        peer.transport = Some(Transport {
            local,
            remote_ufrag: offer.ice_ufrag.clone(),
            fingerprint: offer.fingerprint.clone(),
        });
        peer.rejoin_at = None;
        Ok(true)
    }

    /// Chooses formats of sending sections and publishes those whose track is known.
    fn publish_sections(&mut self, edge: &mut Edge, now: Instant, id: PeerId) {
        let recorded = self.record.recording;
        let mut found: Vec<(String, Pending)> = Vec::new();
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let may_unannounced = [Kind::Audio, Kind::Video]
            .map(|kind| peer.publish_unannounced && peer.may_publish(source_of(kind) as i32));
        let Peer { sections, pending, .. } = peer;
        let announced = announced(sections, pending);
        for section in sections.iter_mut().filter(|section| section.sends) {
            let cid = announced.get(&section.mid);
            let at = cid.and_then(|cid| pending.iter().position(|p| p.cid == *cid));
            if section.receiving.is_none() {
                let preference = at.and_then(|at| pending.get(at)).map_or(&[][..], |p| &p.codecs);
                section.receiving =
                    codec::choose_received(section.kind, &section.offered.codecs, preference, recorded);
            }
            if section.receiving.is_none() {
                tracing::info!(peer = id.0, mid = %section.mid, "a section offers no codec this edge forwards");
                continue;
            }
            if let Some(at) = at {
                found.push((section.mid.clone(), pending.remove(at)));
            } else if may_unannounced[usize::from(section.kind == Kind::Video)] && section.published.is_none()
            {
                let track = unannounced(edge, section.kind, section.offered.msid.as_ref());
                found.push((section.mid.clone(), track));
            }
        }
        for (mid, pending) in found {
            self.publish(edge, now, id, &mid, pending);
        }
    }

    fn answer(&mut self, edge: &mut Edge, id: PeerId, offer_id: u32, extmap_allow_mixed: bool) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(transport) = &peer.transport else { return };
        peer.answers.version += 1;
        let answer = Answer {
            session_id: peer.answers.session_id,
            session_version: peer.answers.version,
            ice_ufrag: transport.local.ufrag.clone(),
            ice_pwd: transport.local.pwd.clone(),
            fingerprint: edge.config.dtls_fingerprint.clone(),
            candidates: edge
                .config
                .candidates
                .iter()
                .map(|address| Candidate { address: *address })
                .collect(),
            media: peer.sections.iter().map(Section::answer).collect(),
            extmap_allow_mixed,
        };
        let mid_to_track: BTreeMap<String, String> = peer
            .sections
            .iter()
            .filter_map(|s| Some((s.mid.clone(), s.outgoing.as_ref()?.track_sid.clone()?)))
            .collect();
        for section in &mut peer.sections {
            section.resting = false;
        }
        edge.notify(id, Notice::Answer { id: offer_id, sdp: answer.write(), mid_to_track });
    }
}

/// Which announcement each sending section carries, cids by mid: the one it names, else the first of its kind that no
/// section names. Firefox writes track ids into its offers that its scripts never see.
fn announced(sections: &[Section], pending: &[Pending]) -> BTreeMap<String, String> {
    let mut left: Vec<&Pending> = pending.iter().collect();
    let mut found = BTreeMap::new();
    let mut take = |section: &Section, fits: &dyn Fn(&Pending) -> bool, found: &mut BTreeMap<_, _>| {
        let at = left.iter().position(|p| p.track.kind == kind_of(section.kind) && fits(p));
        if let Some(at) = at {
            found.insert(section.mid.clone(), left.remove(at).cid.clone());
        }
    };
    let sending = || sections.iter().filter(|section| section.sends);
    for section in sending() {
        take(section, &|p| section.is_cid(&p.cid), &mut found);
    }
    for section in sending().filter(|section| section.published.is_none()) {
        if !found.contains_key(&section.mid) {
            take(section, &|_| true, &mut found);
        }
    }
    found
}

fn count_receiving(peer: &Peer) -> (usize, usize) {
    (receiving(peer, Kind::Audio).0, receiving(peer, Kind::Video).0)
}

/// Takes the offer's sections over, keeping what each carries by its mid. The published tracks whose section no longer sends.
fn take_sections(peer: &mut Peer, offered: Vec<OfferMedia>) -> Vec<String> {
    let mut before: BTreeMap<String, Section> = std::mem::take(&mut peer.sections)
        .into_iter()
        .map(|section| (section.mid.clone(), section))
        .collect();
    let mut ended = Vec::new();
    for media in offered {
        let sends = is_sending(peer, &media);
        let mut section = match before.remove(&media.mid) {
            Some(section) if section.kind == media.kind => Section { offered: media, ..section },
            other => {
                ended.extend(other.and_then(|section| section.published));
                Section::new(media)
            }
        };
        section.sends = sends;
        if !sends {
            ended.extend(section.published.take());
            section.receiving = None;
        } else if let Some(chosen) = &section.receiving {
            // The format stays as long as the client offers it under the same number.
            let is_same = |c: &edge_sdp::Codec| {
                c.payload_type == chosen.codec.payload_type && c.name == chosen.codec.name
            };
            if !section.offered.codecs.iter().any(is_same) {
                ended.extend(section.published.take());
                section.receiving = None;
            }
        }
        peer.sections.push(section);
    }
    ended.extend(before.into_values().filter_map(|section| section.published));
    ended
}

/// A section made for sending: `sendrecv` alone does not tell, since it is also what idle receivers offer.
fn is_sending(peer: &Peer, media: &OfferMedia) -> bool {
    let has_evidence = media.msid.is_some() || !media.send_rids.is_empty() || !media.sources.is_empty();
    media.kind != Kind::Application
        && !media.rejected
        && media.direction.sends()
        && (!media.direction.receives()
            || has_evidence
            || peer.publish_unannounced
            || peer.pending.iter().any(|p| p.cid == media.mid))
}
