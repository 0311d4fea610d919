//! A packet comes in: whose it is, where it belongs, what it changes. The path of a packet reads top to bottom here and
//! goes on in `forward`.

use std::time::Instant;

use super::Sfu;
use crate::canonical::{Arrived, LINK_IDS};
use crate::layer::Stored;
use crate::router::{Route, Unroutable};
use crate::rtp::Header;
use crate::timers::Timer;
use crate::{Event, Kind, LAYER_STOPPED_AFTER, Layer, LinkId, SourceId, speaker, twcc};

impl Sfu {
    /// Takes a canonical packet from a link.
    pub fn handle_link_packet(&mut self, now: Instant, link: LinkId, flow: u64, rtp: &[u8]) {
        self.counters.link_packets_in += 1;
        self.counters.link_bytes_in += rtp.len() as u64;
        let Some((source, layer)) = self.flows_in.get(&(link, flow)).copied() else {
            self.counters.dropped_unknown_flow += 1;
            return;
        };
        let Ok(header) = Header::parse(rtp) else {
            self.counters.dropped_malformed_rtp += 1;
            return;
        };
        let arrived = Arrived {
            packet: rtp,
            header: &header,
            sequence_number: header.sequence_number,
            payload: &rtp[header.payload.clone()],
            ids: LINK_IDS,
        };
        // One SSRC for all: which edge relays a flow may change, its numbering is the publisher's all the same.
        self.receive(now, source, layer, 0, false, &arrived);
    }

    /// Takes an opened RTP packet of a session.
    pub(super) fn ingest(&mut self, now: Instant, slot: u32, packet: &[u8]) {
        self.counters.rtp_in += 1;
        let Ok(header) = Header::parse(packet) else {
            self.counters.dropped_malformed_rtp += 1;
            return;
        };
        let Some(participant) = self.participants.get_mut(slot) else { return };
        if let Some(sequence) = participant.router.transport_sequence(&header, packet) {
            participant.media_ssrc = header.ssrc;
            if participant.twcc.arrived(sequence, now) && !participant.twcc_armed {
                participant.twcc_armed = true;
                self.timers.no_later(Timer::TransportFeedback(slot), now + twcc::INTERVAL);
            }
        }
        let route = match participant.router.route(&header, packet) {
            Ok(route) => route,
            Err(Unroutable::UnknownSsrc) => {
                self.counters.dropped_unknown_ssrc += 1;
                return;
            }
            Err(Unroutable::PayloadType) => {
                self.counters.dropped_unexpected_payload_type += 1;
                return;
            }
        };
        self.ingest_routed(now, &header, packet, &route);
    }

    fn ingest_routed(&mut self, now: Instant, header: &Header, packet: &[u8], route: &Route) {
        let mut payload = &packet[header.payload.clone()];
        let mut sequence_number = header.sequence_number;
        if route.repair {
            // RFC 4588 section 4: the original sequence number leads the payload. Without it, it is only padding.
            let [high, low, original @ ..] = payload else {
                self.counters.padding_in += 1;
                return;
            };
            sequence_number = u16::from_be_bytes([*high, *low]);
            payload = original;
        }
        let arrived = Arrived { packet, header, sequence_number, payload, ids: route.ids };
        self.receive(now, route.source, route.layer, header.ssrc, route.repair, &arrived);
    }

    /// Puts a packet into its layer and acts on what that shows.
    fn receive(
        &mut self,
        now: Instant,
        id: SourceId,
        layer: Layer,
        ssrc: u32,
        repair: bool,
        arrived: &Arrived<'_>,
    ) {
        let Some(source) = self.sources.get_mut(&id) else {
            self.counters.dropped_unknown_ssrc += 1;
            return;
        };
        let format = (source.codec, source.clock_rate_hz);
        let Some(state) = source.layer_mut(layer) else {
            self.counters.dropped_unknown_ssrc += 1;
            return;
        };
        let (index, gap, broken) = match state.receive(now, format, ssrc, repair, arrived) {
            Stored::At { index, gap } => (index, gap, false),
            Stored::Broken { index } => (index, false, true),
            Stored::Duplicate => {
                self.counters.dropped_duplicate += 1;
                return;
            }
            Stored::OutOfWindow => {
                self.counters.dropped_out_of_window += 1;
                return;
            }
            Stored::Oversize => {
                self.counters.dropped_oversize += 1;
                return;
            }
        };
        self.counters.rtx_in += u64::from(repair);
        self.counters.padding_in += u64::from(arrived.payload.is_empty());
        if gap && let Some(at) = state.nacks.poll_timeout() {
            self.timers.no_later(Timer::Nack(id, layer), at);
        }
        let started = !std::mem::replace(&mut state.live, true);
        // Streams ask for themselves; links and the recorder wait for what comes.
        let starts = state.ring.get(index).is_some_and(|(packet, _)| packet.layout.descriptor.switch_point);
        let keyframe_missing = !starts && !state.links.is_empty();
        self.look_into(id, layer, index);
        if started {
            self.timers.no_later(Timer::Silence(id, layer), now + LAYER_STOPPED_AFTER);
            self.tell(Event::LayerStarted { source: id, layer });
            // Only chosen here: if this very packet is a keyframe's first, streams switch to it as it is forwarded.
            self.choose_all(id);
        }
        if broken || (started && keyframe_missing) {
            self.want_keyframe(now, id, layer);
        }
        self.forward(now, id, layer, index);
        if started {
            self.reselect(now, id);
        }
    }

    /// Keyframes and loudness.
    fn look_into(&mut self, id: SourceId, layer: Layer, index: u64) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        let (kind, muted) = (source.kind, source.muted);
        let Some(state) = source.layer_mut(layer) else { return };
        let Some((packet, bytes)) = state.ring.get(index) else { return };
        if kind == Kind::Audio {
            if !muted
                && let Some(level) = packet.layout.audio_level(bytes)
                && source.level.observe(level)
                && !self.heard.contains(&id)
            {
                self.heard.push(id);
                if self.heard.len() == 1 {
                    let at = packet.arrival + speaker::INTERVAL;
                    self.timers.no_later(Timer::Speakers, at);
                }
            }
        } else if packet.layout.descriptor.switch_point {
            self.counters.keyframes_in += u64::from(state.keyframe(packet.layout.timestamp));
        }
    }
}
