//! One participant: a client of this edge ([`Peer`]) or of another ([`Remote`]).

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use edge_session::LocalIce;
use edge_wire::model::{self, ParticipantState};

use crate::handover::Standing;
use crate::limits::RULES_BYTES_MAX;
use crate::section::Section;
use crate::{Move, TrackPermission, TrackSettings};

/// A client of this edge.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The record everybody sees; `tracks` are the published ones.
    pub(crate) participant: model::Participant,
    pub(crate) auto_subscribe: bool,
    pub(crate) is_whep: bool,
    pub(crate) publish_unannounced: bool,
    /// Set while signalling is down: when the place is given up.
    pub(crate) resume_until: Option<Instant>,
    /// Set when the media session ended: when the client is told to join again.
    pub(crate) rejoin_at: Option<Instant>,
    /// When the token it came with was signed; `None`: nobody knows.
    pub(crate) signed: Option<Instant>,
    /// Set until the first offer: when the client is asked for one.
    pub(crate) offer_by: Option<Instant>,
    pub(crate) transport: Option<Transport>,
    pub(crate) answers: Answers,
    /// Tracks announced by the client and not yet found in an offer.
    pub(crate) pending: Vec<Pending>,
    /// The m-lines, in order.
    pub(crate) sections: Vec<Section>,
    /// By track sid; entries may name tracks that are not there (yet).
    pub(crate) subscriptions: BTreeMap<String, Subscription>,
    /// Who may subscribe to this participant.
    pub(crate) rules: Rules,
    /// Receiving sections (audio, video) there will be once the client has done all that was asked.
    pub(crate) expected: (usize, usize),
    /// An offer came that may have crossed the request for sections, since it had no more of them.
    pub(crate) crossed: bool,
    /// The client was asked to offer and has not yet.
    pub(crate) offer_asked: bool,
    /// Data for a channel that is not open yet; `None` once it is.
    pub(crate) early: Option<VecDeque<Bytes>>,
    pub(crate) standing: Standing,
    /// It came from another edge; its tracks keep their sids.
    pub(crate) moved: Option<Move>,
}

/// The media session as negotiated.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) local: LocalIce,
    pub(crate) remote_ufrag: String,
    pub(crate) fingerprint: String,
}

/// `o=` line of the answers.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) session_id: u64,
    pub(crate) version: u64,
}

/// "I am about to publish."
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) cid: String,
    pub(crate) track: model::Track,
    pub(crate) codecs: Vec<String>,
}

/// What a client wants of one track.
#[derive(Debug, Default)]
pub(crate) struct Subscription {
    pub(crate) wanted: bool,
    /// The publisher (and the subscriber's own permission) let it be.
    pub(crate) allowed: bool,
    /// The client cannot decode it.
    pub(crate) undecodable: bool,
    pub(crate) settings: Option<TrackSettings>,
    /// Section that carries it.
    pub(crate) mid: Option<String>,
}

/// A participant of another edge.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) participant: model::Participant,
    /// Node id of its edge.
    pub(crate) origin: String,
    pub(crate) rules: Rules,
}

/// What a field costs on the wire besides its text, generously.
const FIELD_BYTES: usize = 16;

/// Who may subscribe to a participant's tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) all: bool,
    pub(crate) allowed: Vec<TrackPermission>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { all: true, allowed: Vec::new() }
    }
}

impl Rules {
    pub(crate) fn new(all: bool, allowed: impl IntoIterator<Item = TrackPermission>) -> Self {
        let mut bytes = 0;
        let fits = |entry: &TrackPermission| {
            let sids: usize = entry.track_sids.iter().map(|sid| sid.len() + FIELD_BYTES).sum();
            bytes += entry.participant_sid.len() + entry.identity.len() + sids + FIELD_BYTES;
            bytes <= RULES_BYTES_MAX
        };
        Self { all, allowed: allowed.into_iter().take_while(fits).collect() }
    }

    pub(crate) fn allow(&self, subscriber: &model::Participant, track_sid: &str) -> bool {
        self.all
            || self.allowed.iter().any(|entry| {
                let is_subscriber = if entry.identity.is_empty() {
                    entry.participant_sid == subscriber.sid
                } else {
                    entry.identity == subscriber.identity
                };
                is_subscriber && (entry.all_tracks || entry.track_sids.iter().any(|sid| sid == track_sid))
            })
    }
}

impl Peer {
    pub(crate) fn sid(&self) -> &str {
        &self.participant.sid
    }

    pub(crate) fn permission(&self) -> &model::Permission {
        &self.participant.permission
    }

    pub(crate) fn may_publish(&self, source: i32) -> bool {
        let permission = self.permission();
        permission.can_publish
            && (permission.can_publish_sources.is_empty() || permission.can_publish_sources.contains(&source))
    }

    pub(crate) fn track(&self, sid: &str) -> Option<&model::Track> {
        self.participant.tracks.iter().find(|track| track.sid == sid)
    }

    pub(crate) fn track_mut(&mut self, sid: &str) -> Option<&mut model::Track> {
        self.participant.tracks.iter_mut().find(|track| track.sid == sid)
    }

    pub(crate) fn section_mut(&mut self, mid: &str) -> Option<&mut Section> {
        self.sections.iter_mut().find(|section| section.mid == mid)
    }
}

/// Whether everybody may see the participant.
pub(crate) fn is_visible(participant: &model::Participant) -> bool {
    !participant.permission.hidden
}

/// The record in its last state.
pub(crate) fn departed(participant: &model::Participant) -> model::Participant {
    model::Participant {
        state: ParticipantState::Disconnected as i32,
        version: participant.version.saturating_add(1),
        ..participant.clone()
    }
}

/// Of two joins with one identity: whether `a` is the newer, which wins.
pub(crate) fn is_newer(a: &model::Participant, b: &model::Participant) -> bool {
    (a.joined_at_ms, &a.sid) > (b.joined_at_ms, &b.sid)
}
