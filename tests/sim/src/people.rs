//! People: they join, publish, speak, leave, and come again when their edge is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use edge_room::{AddTrack, Join, PeerId, Request};
use edge_sfu::{Event, SessionId};
use edge_wire::model::{self, ParticipantKind, TrackKind, TrackSource};
use rand::Rng as _;

use crate::client::Client;
use crate::world::{Due, ROOM, World};

impl World {
    pub(crate) fn join(&mut self, index: usize, identity: &str) {
        let now_ms = 1_700_000_000_000 + (self.now - self.start).as_millis() as u64;
        let join = Join {
            room: model::Room {
                sid: "RM_1".into(),
                name: ROOM.into(),
                created_at_ms: 1,
                recording: true,
                ..model::Room::default()
            },
            identity: identity.into(),
            name: identity.into(),
            kind: ParticipantKind::Standard,
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission: model::Permission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                ..model::Permission::default()
            },
            client_protocol: 16,
            capabilities: Vec::new(),
            auto_subscribe: true,
            now_ms,
            token_age: std::time::Duration::ZERO,
            is_whep: false,
            publish_unannounced: false,
            moves: None,
        };
        let now = self.now;
        let Some(rooms) = &mut self.edges[index].rooms else { return self.rejoin_soon(identity.to_owned()) };
        let Ok(peer) = rooms.join(now, join) else { return self.rejoin_soon(identity.to_owned()) };
        self.people.insert(identity.to_owned(), (index, peer));
        self.edges[index].clients.insert(peer, Client::new());
        self.pump(index);
        let remote = "10.0.0.2:9".parse().expect("an address");
        self.event(index, Event::SessionConnected { session: SessionId(peer.0), remote });
        self.event(index, Event::ChannelOpen { session: SessionId(peer.0), label: "_reliable".into() });
    }

    pub(crate) fn publish(&mut self, (index, peer): (usize, PeerId), is_audio: bool) {
        let cid = format!("cid-{}", self.sequence);
        let (kind, source) = if is_audio {
            (TrackKind::Audio, TrackSource::Microphone)
        } else {
            (TrackKind::Video, TrackSource::Camera)
        };
        let (width, height) = if is_audio { (0, 0) } else { (1280, 720) };
        let track = model::Track {
            kind: kind as i32,
            source: source as i32,
            name: cid.clone(),
            width,
            height,
            ..model::Track::default()
        };
        let announced = Request::AddTrack(AddTrack { cid: cid.clone(), track, codecs: Vec::new() });
        self.ask((index, peer), announced);
        if let Some(client) = self.edges[index].clients.get_mut(&peer) {
            client.publish(is_audio, &cid);
        }
        self.pump(index);
    }

    /// Everybody sends the next number, reliably.
    pub(crate) fn everybody_speaks(&mut self) {
        for (index, peer) in self.people.values().copied().collect::<Vec<_>>() {
            let now = self.now;
            let edge = &mut self.edges[index];
            let (Some(rooms), Some(client)) = (&mut edge.rooms, edge.clients.get_mut(&peer)) else {
                continue;
            };
            let Some((_, from_sid, from_identity)) = rooms.who(peer) else { continue };
            client.said += 1;
            let payload = format!("{from_sid} {}", client.said).into();
            let data =
                model::Data { from_sid, from_identity, reliable: true, payload, ..model::Data::default() };
            rooms.relay(now, peer, data);
            self.pump(index);
        }
    }

    pub(crate) fn ask(&mut self, (index, peer): (usize, PeerId), request: Request) {
        let now = self.now;
        if let Some(rooms) = &mut self.edges[index].rooms {
            rooms.handle_request(now, peer, request);
        }
        self.pump(index);
    }

    /// A client says goodbye and goes.
    pub(crate) fn leave(&mut self, (index, peer): (usize, PeerId)) {
        self.edges[index].clients.remove(&peer);
        self.ask((index, peer), Request::Leave);
    }

    /// A client goes away without a word.
    pub(crate) fn vanish(&mut self, (index, peer): (usize, PeerId)) {
        let now = self.now;
        self.edges[index].clients.remove(&peer);
        if let Some(rooms) = &mut self.edges[index].rooms {
            rooms.signal_lost(now, peer);
        }
        self.event(index, Event::SessionClosed { session: SessionId(peer.0), reason: "simulated" });
    }

    pub(crate) fn rejoin_soon(&mut self, identity: String) {
        self.people.remove(&identity);
        let wait = Duration::from_millis(self.rng.random_range(100..1_000));
        self.schedule(wait, Due::Rejoin { identity });
    }

    pub(crate) fn rejoin(&mut self, identity: String) {
        let open = |edge: &&usize| self.edges[**edge].rooms.is_some() && !self.edges[**edge].is_draining;
        let all: Vec<usize> = (0..self.edges.len()).collect();
        let open: Vec<usize> = all.iter().filter(open).copied().collect();
        match open.get(self.rng.random_range(0..open.len().max(1))) {
            Some(edge) if !self.people.contains_key(&identity) => self.join(*edge, &identity),
            Some(_) => {}
            None => self.rejoin_soon(identity),
        }
    }

    /// Clients that were told to leave are gone; those who are still meant to be in the class come back.
    pub(crate) fn say_goodbye(&mut self, index: usize) {
        let edge = &mut self.edges[index];
        let left: Vec<PeerId> =
            edge.clients.iter().filter(|(_, c)| c.has_left).map(|(peer, _)| *peer).collect();
        for peer in left {
            self.edges[index].clients.remove(&peer);
            let who = self.people.iter().find(|(_, at)| **at == (index, peer)).map(|(who, _)| who.clone());
            if let Some(identity) = who {
                self.rejoin_soon(identity);
            }
        }
    }
}
