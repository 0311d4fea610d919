//! What the people of a test do, and what they see of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use edge_room::{AddTrack, Join, JoinError, Notice, PeerId, Request};
use edge_sfu::{Event, SessionId, SourceId};
use edge_wire::model::{self, ParticipantKind, TrackKind, TrackSource};

use crate::client::Client;
use crate::world::{At, World};

impl World {
    pub(crate) fn join_request(&self, identity: &str) -> Join {
        Join {
            room: self.room.clone(),
            identity: identity.into(),
            name: identity.to_uppercase(),
            kind: ParticipantKind::Standard,
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission: permission(),
            client_protocol: 16,
            capabilities: Vec::new(),
            auto_subscribe: true,
            now_ms: self.now_ms,
            token_age: std::time::Duration::ZERO,
            is_whep: false,
            publish_unannounced: false,
            moves: None,
        }
    }

    pub(crate) fn join(&mut self, edge: usize, identity: &str) -> At {
        let join = self.join_request(identity);
        self.join_with(edge, join, Client::new()).expect("there is room")
    }

    /// Joins and offers at once.
    pub(crate) fn join_with(&mut self, edge: usize, join: Join, client: Client) -> Result<At, JoinError> {
        let peer = self.edges[edge].rooms.join(self.now, join)?;
        self.edges[edge].clients.insert(peer, client);
        self.offer((edge, peer));
        let session = SessionId(peer.0);
        if self.edges[edge].media.sessions.contains_key(&session) {
            let remote = "10.0.0.2:9".parse().expect("an address");
            self.event(edge, Event::SessionConnected { session, remote });
        }
        Ok((edge, peer))
    }

    pub(crate) fn offer(&mut self, at: At) {
        let client = self.client(at);
        client.offers += 1;
        client.wants_offer = false;
        let (id, sdp) = (client.offers, client.sdp());
        self.ask(at, Request::Offer { id, sdp });
    }

    pub(crate) fn ask(&mut self, (edge, peer): At, request: Request) {
        self.edges[edge].rooms.handle_request(self.now, peer, request);
        self.run();
    }

    pub(crate) fn event(&mut self, edge: usize, event: Event) {
        self.edges[edge].rooms.handle_media_event(self.now, event);
        self.run();
    }

    /// Announces and offers a camera with three layers; its sid.
    pub(crate) fn camera(&mut self, at: At) -> String {
        self.publish(at, "video", TrackSource::Camera, &["q", "h", "f"])
    }

    pub(crate) fn microphone(&mut self, at: At) -> String {
        self.publish(at, "audio", TrackSource::Microphone, &[])
    }

    pub(crate) fn publish(
        &mut self,
        at: At,
        kind: &'static str,
        source: TrackSource,
        rids: &'static [&'static str],
    ) -> String {
        let cid = format!("cid-{source:?}");
        self.ask(at, Request::AddTrack(add_track(&cid, source)));
        self.client(at).send(kind, &cid, rids);
        self.offer(at);
        self.sid_of(at, &cid)
    }

    pub(crate) fn sid_of(&mut self, at: At, cid: &str) -> String {
        let notices = &self.client(at).notices;
        let found = notices.iter().rev().find_map(|notice| match notice {
            Notice::TrackPublished { cid: c, track } if c == cid => Some(track.sid.clone()),
            _ => None,
        });
        found.expect("the track was answered")
    }

    pub(crate) fn client(&mut self, (edge, peer): At) -> &mut Client {
        self.edges[edge].clients.get_mut(&peer).expect("the client is known")
    }

    /// What a client receives of a track: (source, payload type, target).
    pub(crate) fn watch(&mut self, at: At, track_sid: &str) -> Option<crate::media::Watch> {
        let mid = self.client(at).tracks.get(track_sid)?.clone();
        let session = self.edges[at.0].media.sessions.get(&SessionId(at.1.0))?;
        session.watches.get(&mid).cloned()
    }

    /// The source of what a client publishes.
    pub(crate) fn source_of(&mut self, at: At, index: usize) -> SourceId {
        self.edges[at.0].media.sessions[&SessionId(at.1.0)].incoming[index].source
    }

    /// The client opens its data channels.
    pub(crate) fn open_channels(&mut self, at: At) {
        for label in ["_reliable", "_lossy"] {
            self.event(at.0, Event::ChannelOpen { session: SessionId(at.1.0), label: label.into() });
        }
    }

    /// The client says something: `destination,destination:text`.
    pub(crate) fn say(&mut self, at: At, is_reliable: bool, text: &'static str) {
        let label = if is_reliable { "_reliable" } else { "_lossy" };
        let payload = Bytes::from_static(text.as_bytes());
        self.event(
            at.0,
            Event::Data { session: SessionId(at.1.0), label: label.into(), binary: true, payload },
        );
    }

    /// What was sent over a client's data channels: label and text.
    pub(crate) fn heard(&self, at: At) -> Vec<(&'static str, String)> {
        let data = self.edges[at.0].media.data.iter().filter(|(session, _, _)| session.0 == at.1.0);
        data.map(|(_, label, text)| (*label, String::from_utf8_lossy(text).into_owned())).collect()
    }

    pub(crate) fn resume(&mut self, at: At) -> Option<PeerId> {
        let (identity, sid) = {
            let own = self.client(at).own.clone().expect("it joined");
            (own.identity, own.sid)
        };
        let resumed = self.edges[at.0].rooms.resume(self.now, "class", &identity, &sid);
        self.run();
        resumed
    }

    pub(crate) fn identities(&mut self, at: At) -> Vec<String> {
        self.client(at).roster.keys().cloned().collect()
    }
}

pub(crate) fn permission() -> model::Permission {
    model::Permission {
        can_subscribe: true,
        can_publish: true,
        can_publish_data: true,
        can_update_metadata: true,
        ..model::Permission::default()
    }
}

pub(crate) fn add_track(cid: &str, source: TrackSource) -> AddTrack {
    let is_audio = matches!(source, TrackSource::Microphone | TrackSource::ScreenShareAudio);
    let track = model::Track {
        name: format!("{source:?}"),
        kind: if is_audio { TrackKind::Audio } else { TrackKind::Video } as i32,
        source: source as i32,
        width: if is_audio { 0 } else { 1280 },
        height: if is_audio { 0 } else { 720 },
        ..model::Track::default()
    };
    AddTrack { cid: cid.into(), track, codecs: Vec::new() }
}
