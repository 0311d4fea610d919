//! RTCP from clients, and what is asked of those who send.

use std::time::Instant;

use super::Sfu;
use crate::outgoing::Answer;
use crate::participant::LOCAL_SSRC;
use crate::report::SenderReport;
use crate::rtcp::parse::{Blocks, Message, messages};
use crate::rtcp::write;
use crate::timers::Timer;
use crate::{Event, Kind, Layer, Origin, SourceId};

/// Losses answered per NACK message: one full RTCP packet of sparse losses.
const LOSSES_PER_MESSAGE_MAX: usize = 1_024;

impl Sfu {
    pub(super) fn handle_rtcp(&mut self, now: Instant, slot: u32, compound: &[u8]) {
        for message in messages(compound) {
            match message {
                Message::SenderReport { ssrc, ntp, rtp_timestamp, blocks } => {
                    let media = self.participants.get(slot).and_then(|p| p.router.media(ssrc));
                    if let Some((source, layer)) = media {
                        let report = SenderReport { ntp, rtp_timestamp, heard: now };
                        self.note_sender_report(source, layer, report, 0);
                    }
                    self.handle_blocks(now, slot, blocks);
                }
                Message::ReceiverReport { blocks } => self.handle_blocks(now, slot, blocks),
                Message::Nack { media_ssrc, losses } => {
                    let Some(key) = self.stream(slot, media_ssrc) else { continue };
                    for sequence_number in losses.take(LOSSES_PER_MESSAGE_MAX) {
                        self.counters.nacks_in += 1;
                        self.resend(now, key, sequence_number);
                    }
                }
                Message::Pli { media_ssrc } => self.receiver_wants_keyframe(now, slot, media_ssrc),
                Message::Fir { requests } => {
                    for ssrc in requests {
                        self.receiver_wants_keyframe(now, slot, ssrc);
                    }
                }
                Message::Other => {}
            }
        }
    }

    /// Keeps what the publisher said of a layer's clock and passes it to those the layer is sent on to.
    pub(super) fn note_sender_report(
        &mut self,
        id: SourceId,
        layer: Layer,
        report: SenderReport,
        age_ms: u32,
    ) {
        let Some(state) = self.sources.get_mut(&id).and_then(|source| source.layer_mut(layer)) else {
            return;
        };
        state.report = Some(report);
        for out in state.links.clone() {
            self.tell(Event::LinkSenderReport {
                link: out.link,
                flow: out.flow,
                ntp: report.ntp,
                rtp_timestamp: report.rtp_timestamp,
                age_ms,
            });
        }
    }

    /// Somebody needs a keyframe of a layer.
    pub(super) fn want_keyframe(&mut self, now: Instant, id: SourceId, layer: Layer) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        if source.kind != Kind::Video {
            return;
        }
        if let Some(state) = source.layer_mut(layer) {
            state.keyframes.want();
            self.ask_keyframe(now, id, layer);
        }
    }

    /// Sends a keyframe request when one is due, and sets the timer for the next.
    pub(super) fn ask_keyframe(&mut self, now: Instant, id: SourceId, layer: Layer) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        let origin = source.origin;
        let Some(state) = source.layer_mut(layer) else { return };
        let (ssrc, flow) = (state.ssrc, state.flow);
        let reachable = match origin {
            Origin::Session(_) => ssrc.is_some(),
            Origin::Link(_) => flow.is_some(),
        };
        // Who cannot be asked yet is asked when the first packet comes.
        let due = reachable && state.keyframes.due(now);
        if reachable && let Some(at) = state.keyframes.poll_timeout(now) {
            self.timers.no_later(Timer::Keyframe(id, layer), at);
        }
        if !due {
            return;
        }
        match (origin, ssrc, flow) {
            (Origin::Session(session), Some(ssrc), _) => {
                let Some(slot) = self.by_id.get(&session) else { return };
                let Some(publisher) = self.participants.get_mut(*slot) else { return };
                write::pli(&mut self.compound, LOCAL_SSRC, ssrc);
                publisher.send_rtcp(&mut self.compound, &mut self.transmits, &mut self.counters);
            }
            (Origin::Link(_), _, Some((link, flow))) => self.tell(Event::LinkKeyframe { link, flow }),
            _ => return,
        }
        self.counters.keyframe_requests_out += 1;
    }

    /// Asks for what a layer misses, and sets the timer for the next time.
    pub(super) fn ask_missing(&mut self, now: Instant, id: SourceId, layer: Layer) {
        let Some(source) = self.sources.get_mut(&id) else { return };
        let origin = source.origin;
        let Some(state) = source.layer_mut(layer) else { return };
        self.losses.clear();
        self.counters.repairs_given_up += state.nacks.due(now, &mut self.losses);
        if let Some(at) = state.nacks.poll_timeout() {
            self.timers.no_later(Timer::Nack(id, layer), at);
        }
        let (ssrc, flow) = (state.ssrc, state.flow);
        if self.losses.is_empty() {
            return;
        }
        self.counters.nacks_out += self.losses.len() as u64;
        match (origin, ssrc, flow) {
            (Origin::Session(session), Some(ssrc), _) => {
                let Some(slot) = self.by_id.get(&session) else { return };
                let Some(publisher) = self.participants.get_mut(*slot) else { return };
                write::nack(&mut self.compound, LOCAL_SSRC, ssrc, &self.losses);
                publisher.send_rtcp(&mut self.compound, &mut self.transmits, &mut self.counters);
            }
            (Origin::Link(_), _, Some((link, flow))) => {
                let sequence_numbers = self.losses.clone();
                self.tell(Event::LinkNack { link, flow, sequence_numbers });
            }
            _ => {}
        }
    }

    fn handle_blocks(&mut self, now: Instant, slot: u32, blocks: Blocks<'_>) {
        for block in blocks {
            let Some(key) = self.stream(slot, block.ssrc) else { continue };
            let Some(outgoing) = self.outgoings.get_mut(key) else { continue };
            let rtt = outgoing.reported(&block, now);
            if let (Some(rtt), Some(participant)) = (rtt, self.participants.get_mut(slot)) {
                participant.rtt = Some(participant.rtt.map_or(rtt, |before| before * 3 / 4 + rtt / 4));
            }
        }
    }

    fn stream(&self, slot: u32, ssrc: u32) -> Option<u32> {
        self.participants.get(slot)?.by_ssrc.get(&ssrc).copied()
    }

    fn receiver_wants_keyframe(&mut self, now: Instant, slot: u32, ssrc: u32) {
        let Some(key) = self.stream(slot, ssrc) else { return };
        let Some(outgoing) = self.outgoings.get(key) else { return };
        self.counters.keyframe_requests_in += 1;
        if let (Some(watch), Some(layer)) = (outgoing.watch, outgoing.current.or(outgoing.wanted)) {
            self.want_keyframe(now, watch.source, layer);
        }
    }

    /// Sends a packet again: on the repair stream where there is one, else bit by bit as it was. The same plaintext under
    /// the same packet index gives the same ciphertext, so no GCM nonce is used for two plaintexts.
    fn resend(&mut self, now: Instant, key: u32, sequence_number: u16) {
        let Some(outgoing) = self.outgoings.get_mut(key) else { return };
        let index = match outgoing.answer(sequence_number, now) {
            Answer::Send { index } => index,
            Answer::Suppressed => {
                self.counters.nacks_suppressed += 1;
                return;
            }
            Answer::Unknown => {
                self.counters.nacks_missed += 1;
                return;
            }
        };
        let source = outgoing.watch.and_then(|watch| self.sources.get(&watch.source));
        let found = outgoing.locate(index).and_then(|(layer, epoch, index, rewrite)| {
            let (packet, bytes) = source?.layer(layer)?.ring.get(index)?;
            (packet.epoch == epoch).then_some((packet, bytes, rewrite))
        });
        let Some((packet, bytes, rewrite)) = found else {
            // Lost on the way to here too: it is asked for upstream already and goes out when it comes.
            self.counters.nacks_missed += 1;
            return;
        };
        let Some(participant) = self.participants.get_mut(outgoing.participant) else { return };
        let Some(destination) = participant.media_destination() else { return };
        let data = (&packet, bytes);
        let (transmits, counters) = (&mut self.transmits, &mut self.counters);
        let sent = if outgoing.has_repair_stream() {
            participant.send_repair(destination, outgoing, &rewrite, data, transmits, counters)
        } else {
            participant.send_media(destination, outgoing, &rewrite, data, transmits, counters)
        };
        self.counters.retransmitted += u64::from(sent);
    }
}
