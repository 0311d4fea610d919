//! The shard: verbs for the shell, and who calls whom.

mod command;
mod feedback;
mod flows;
mod forward;
mod ingress;
mod periodic;
mod session;
mod snapshot;
mod streams;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use edge_session::{DatagramKind, Received, classify, stun_local_ufrag};

use crate::addresses::Addresses;
use crate::counters::Counters;
use crate::outgoing::Outgoing;
use crate::participant::Participant;
use crate::slab::Slab;
use crate::source::Source;
use crate::timers::{Timer, Timers};
use crate::transmits::{LinkPackets, Transmits};
use crate::{Event, Layer, LinkId, SessionId, SourceId};

pub use snapshot::{FlowSnapshot, LayerSnapshot, Snapshot};

/// Timers served in one turn; the rest is due at once again, so that packets are read in between.
const TIMERS_PER_TURN: usize = 512;
/// Events kept when the shell does not drain them; beyond it clients' data is dropped and counted. A shell that keeps
/// the contract never has more than one turn's.
const EVENTS_MAX: usize = 65_536;

/// What a shard is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Certificate and crypto shared by all sessions of the process.
    pub session: Arc<edge_session::Config>,
    /// Sessions at once; more are refused and counted.
    pub sessions_max: usize,
    /// Sources at once, local and pulled; more are refused and counted.
    pub sources_max: usize,
    /// Outgoing streams per session; more are refused and counted.
    pub outgoing_per_session_max: usize,
    /// Flows at once, both ways together; more are refused and counted.
    pub flows_max: usize,
}

impl Config {
    /// Limits for one core: beyond 5,000 sessions a shard has no CPU left for them anyway.
    #[must_use]
    pub fn new(session: Arc<edge_session::Config>) -> Self {
        Self {
            session,
            sessions_max: 5_000,
            sources_max: 4_096,
            outgoing_per_session_max: 256,
            flows_max: 16_384,
        }
    }
}

/// Media state of one shard. See the crate's page for the run-loop contract.
#[derive(Debug)]
pub struct Sfu {
    config: Config,
    participants: Slab<Participant>,
    by_id: HashMap<SessionId, u32>,
    by_ufrag: HashMap<String, u32>,
    addresses: Addresses,
    sources: HashMap<SourceId, Source>,
    outgoings: Slab<Outgoing>,
    /// Flows received: what they feed.
    flows_in: HashMap<(LinkId, u64), (SourceId, Layer)>,
    /// Flows sent: what feeds them.
    flows_out: HashMap<(LinkId, u64), (SourceId, Layer)>,
    timers: Timers,
    events: VecDeque<Event>,
    transmits: Transmits,
    link_packets: LinkPackets,
    counters: Counters,
    /// Sources with audio in this window or still fading.
    heard: Vec<SourceId>,
    /// Speakers last told.
    told: Vec<(SourceId, f32)>,
    /// Reused buffers.
    compound: Vec<u8>,
    losses: Vec<u16>,
    keys: Vec<u32>,
    complete: Vec<u32>,
}

impl Sfu {
    /// An empty shard. `now` is not kept: time is what each call says.
    #[must_use]
    pub fn new(config: Config, _now: Instant) -> Self {
        Self {
            config,
            participants: Slab::default(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            addresses: Addresses::default(),
            sources: HashMap::new(),
            outgoings: Slab::default(),
            flows_in: HashMap::new(),
            flows_out: HashMap::new(),
            timers: Timers::default(),
            events: VecDeque::new(),
            transmits: Transmits::default(),
            link_packets: LinkPackets::default(),
            counters: Counters::default(),
            heard: Vec::new(),
            told: Vec::new(),
            compound: Vec::new(),
            losses: Vec::new(),
            keys: Vec::new(),
            complete: Vec::new(),
        }
    }

    /// Takes a datagram from the shard's socket. Media is opened in place.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, datagram: &mut [u8]) {
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += datagram.len() as u64;
        let kind = classify(datagram);
        let Some(slot) = self.session_of(kind, source, datagram) else { return };
        let Some(participant) = self.participants.get_mut(slot) else { return };
        match participant.session.handle_datagram(now, source, datagram) {
            Received::Rtp(packet) => self.ingest(now, slot, packet),
            Received::Rtcp(compound) => {
                self.counters.rtcp_in += 1;
                self.handle_rtcp(now, slot, compound);
            }
            Received::Nothing => {
                if kind == DatagramKind::Stun {
                    self.addresses.checked(source, slot, now);
                }
                self.after_session(now, slot);
            }
            Received::Dropped(reason) => {
                self.counters.dropped_by_session += 1;
                tracing::trace!(reason = reason.as_str(), "datagram dropped");
                if matches!(kind, DatagramKind::Stun | DatagramKind::Dtls) {
                    self.after_session(now, slot);
                }
            }
        }
    }

    /// Serves what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..TIMERS_PER_TURN {
            let Some(timer) = self.timers.pop(now) else { return };
            self.serve(now, timer);
        }
    }

    /// The next thing to tell the room. Drain after every `handle_*`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`] next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.timers.poll_timeout()
    }

    /// Datagrams to send; clear after sending.
    pub fn transmits(&mut self) -> &mut Transmits {
        &mut self.transmits
    }

    /// Packets for links and the recorder; clear after sending.
    pub fn link_packets(&mut self) -> &mut LinkPackets {
        &mut self.link_packets
    }

    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Checks are told by the user name they carry, all else by the address it comes from.
    fn session_of(&mut self, kind: DatagramKind, source: SocketAddr, datagram: &[u8]) -> Option<u32> {
        if kind == DatagramKind::Stun
            && let Some(ufrag) = stun_local_ufrag(datagram)
        {
            let found = self.by_ufrag.get(ufrag).copied();
            self.counters.dropped_unknown_ufrag += u64::from(found.is_none());
            return found;
        }
        let found = self.addresses.get(source);
        self.counters.dropped_unknown_address += u64::from(found.is_none());
        found
    }

    fn serve(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Session(slot) => {
                if let Some(participant) = self.participants.get_mut(slot) {
                    participant.session.handle_timeout(now);
                    self.after_session(now, slot);
                }
            }
            Timer::Report(slot) => self.send_reports(now, slot),
            Timer::TransportFeedback(slot) => self.send_transport_feedback(now, slot),
            Timer::Quality(slot) => self.tell_quality(now, slot),
            Timer::Nack(source, layer) => self.ask_missing(now, source, layer),
            Timer::Keyframe(source, layer) => self.ask_keyframe(now, source, layer),
            Timer::Switch(key) => self.switch(now, key),
            Timer::Silence(source, layer) => self.notice_silence(now, source, layer),
            Timer::Speakers => self.tell_speakers(now),
        }
    }

    fn tell(&mut self, event: Event) {
        // Clients' data is what can flood; lives of sessions and layers must not be lost over it.
        if self.events.len() >= EVENTS_MAX && matches!(event, Event::Data { .. }) {
            self.counters.dropped_events_full += 1;
            return;
        }
        self.events.push_back(event);
    }
}
