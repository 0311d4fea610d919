//! SCTP associations on `rtc-sctp`: several may begin, one is established.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;
use rtc_sctp::{Association, AssociationHandle, DatagramEvent, Endpoint, EndpointEvent, Event, Payload};
use rtc_shared::TransportProtocol;

use crate::Config;

/// `rtc-sctp` carries an address along; below DTLS there is none.
const KEY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// `rtc-sctp` makes an association of every INIT, repeats included. A peer repeats it after 1, 3, 7 s, so within the
/// handshake's 30 s there are under 8. When full, the oldest goes.
const ASSOCIATIONS_MAX: usize = 8;

/// The associations of one session: any number that have begun, or the one established.
pub(crate) struct Associations {
    endpoint: Endpoint,
    all: Vec<(AssociationHandle, Association)>,
    is_established: bool,
}

impl Associations {
    pub(crate) fn new(config: &Config) -> Self {
        let server = Some(config.sctp_server.clone());
        let endpoint = Endpoint::new(KEY, TransportProtocol::UDP, config.sctp_endpoint.clone(), server);
        Self { endpoint, all: Vec::new(), is_established: false }
    }

    pub(crate) fn handle(&mut self, now: Instant, packet: Bytes) {
        match self.endpoint.handle(now, KEY, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(_))) if self.is_established => {
                // A late repeat of the INIT that the established one came of.
                self.endpoint.handle_event(handle, EndpointEvent::drained());
            }
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                if self.all.len() == ASSOCIATIONS_MAX {
                    self.remove(0);
                }
                self.all.push((handle, association));
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = self.all.iter_mut().find(|(known, _)| *known == handle) {
                    association.handle_event(event);
                }
            }
            _ => {}
        }
    }

    /// Makes the first association that connects the only one.
    pub(crate) fn settle(&mut self) {
        if self.is_established {
            return;
        }
        // Before it is connected an association has no streams, so no other event is lost here.
        let connected = self.all.iter_mut().position(|(_, association)| {
            std::iter::from_fn(|| association.poll()).any(|event| matches!(event, Event::Connected))
        });
        if let Some(index) = connected {
            self.all.swap(0, index);
            while self.all.len() > 1 {
                self.remove(1);
            }
            self.is_established = true;
        }
    }

    pub(crate) fn established(&mut self) -> Option<&mut Association> {
        if self.is_established { self.all.first_mut().map(|(_, association)| association) } else { None }
    }

    pub(crate) fn transmit(&mut self, now: Instant, packets: &mut Vec<Bytes>) {
        for (_, association) in &mut self.all {
            // An endpoint event of an association says that it is drained; `remove` is what tells the endpoint.
            while association.poll_endpoint_event().is_some() {}
            while let Some(transmit) = association.poll_transmit(now) {
                if let Payload::RawEncode(encoded) = transmit.message {
                    packets.extend(encoded);
                }
            }
        }
    }

    /// Drops the established association if it has ended; the peer may begin another.
    pub(crate) fn reap(&mut self) -> bool {
        let ended = self.established().is_some_and(|association| association.is_closed());
        if ended {
            self.remove(0);
            self.is_established = false;
        }
        ended
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.all.iter().filter_map(|(_, association)| association.poll_timeout()).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for (_, association) in &mut self.all {
            association.handle_timeout(now);
        }
    }

    fn remove(&mut self, index: usize) {
        let (handle, _) = self.all.remove(index);
        self.endpoint.handle_event(handle, EndpointEvent::drained());
    }
}
