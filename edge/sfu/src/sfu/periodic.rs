//! What happens by the clock: reports, transport-wide feedback, quality, silence, speakers. Each session has its own
//! timers, so no turn walks them all.

use std::time::{Duration, Instant};

use super::Sfu;
use crate::layer::Layer as LayerState;
use crate::participant::LOCAL_SSRC;
use crate::report::{SenderReport, compact_duration};
use crate::rtcp::{ReportBlock, write};
use crate::timers::Timer;
use crate::{Event, LAYER_STOPPED_AFTER, Layer, Origin, QUALITY_INTERVAL, SourceId, speaker, twcc};

/// Pace of sender and receiver reports.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Streams per compound packet: 28 bytes of SR and some 30 of SDES each stay below 1,200 bytes.
const REPORTS_PER_COMPOUND: usize = 16;

impl Sfu {
    pub(super) fn send_reports(&mut self, now: Instant, slot: u32) {
        self.timers.no_later(Timer::Report(slot), now + REPORT_INTERVAL);
        self.send_receiver_report(now, slot);
        self.send_sender_reports(now, slot);
    }

    pub(super) fn send_transport_feedback(&mut self, now: Instant, slot: u32) {
        let Some(participant) = self.participants.get_mut(slot) else { return };
        while participant.twcc.write(&mut self.compound, LOCAL_SSRC, participant.media_ssrc) {
            participant.send_rtcp(&mut self.compound, &mut self.transmits, &mut self.counters);
            self.counters.transport_feedback_out += 1;
        }
        // The next packet sets the timer; a publisher that is silent costs nothing.
        participant.twcc_armed = !participant.twcc.is_idle();
        if participant.twcc_armed {
            self.timers.no_later(Timer::TransportFeedback(slot), now + twcc::INTERVAL);
        }
    }

    pub(super) fn tell_quality(&mut self, now: Instant, slot: u32) {
        self.timers.no_later(Timer::Quality(slot), now + QUALITY_INTERVAL);
        let Some(participant) = self.participants.get(slot) else { return };
        let session = participant.id;
        let mut rtt = participant.rtt;
        let (mut expected, mut lost) = (0, 0);
        for key in &participant.outgoing {
            if let Some(outgoing) = self.outgoings.get_mut(*key) {
                let loss = outgoing.take_loss();
                (expected, lost) = (expected + loss.0, lost + loss.1);
            }
        }
        let loss_down = share(lost, expected);
        let (mut expected, mut received) = (0, 0);
        for (source, layer) in participant.router.layers() {
            let Some(source) = self.sources.get_mut(&source) else { continue };
            if let Some(state) = source.layer_mut(layer) {
                let taken = state.take_loss();
                (expected, received) = (expected + taken.0, received + taken.1);
                // A client that only publishes answers no sender report; its repairs show the round trip.
                rtt = rtt.or(state.nacks.rtt());
            }
        }
        let loss_up = share(expected.saturating_sub(received), expected);
        let rtt_ms = rtt.map(|rtt| rtt.as_secs_f32() * 1_000.0);
        self.tell(Event::Quality { session, loss_down, loss_up, rtt_ms });
    }

    pub(super) fn notice_silence(&mut self, now: Instant, id: SourceId, layer: Layer) {
        let Some(state) = self.sources.get_mut(&id).and_then(|source| source.layer_mut(layer)) else {
            return;
        };
        let Some(last) = state.last_packet else { return };
        if now.saturating_duration_since(last) < LAYER_STOPPED_AFTER {
            self.timers.no_later(Timer::Silence(id, layer), last + LAYER_STOPPED_AFTER);
            return;
        }
        state.live = false;
        state.nacks.clear();
        state.keyframes.arrived();
        self.tell(Event::LayerStopped { source: id, layer });
        self.reselect(now, id);
    }

    pub(super) fn tell_speakers(&mut self, now: Instant) {
        let mut levels: Vec<(SourceId, f32)> = Vec::new();
        let sources = &mut self.sources;
        self.heard.retain(|id| {
            let Some(source) = sources.get_mut(id) else { return false };
            levels.extend(source.level.tick().map(|level| (*id, level)));
            !source.level.is_silent()
        });
        levels.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        if !self.heard.is_empty() {
            self.timers.no_later(Timer::Speakers, now + speaker::INTERVAL);
        }
        if speaker::differs(&self.told, &levels) {
            self.told.clone_from(&levels);
            self.tell(Event::Speakers { levels });
        }
    }

    /// What we receive from the session.
    fn send_receiver_report(&mut self, now: Instant, slot: u32) {
        let Some(participant) = self.participants.get_mut(slot) else { return };
        let mut blocks: Vec<ReportBlock> = Vec::new();
        for (id, layer) in participant.router.layers() {
            let Some(source) = self.sources.get_mut(&id) else { continue };
            if source.origin != Origin::Session(participant.id) {
                continue;
            }
            if let Some(state) = source.layer_mut(layer) {
                blocks.extend(report_block(state, now));
            }
        }
        for blocks in blocks.chunks(31) {
            write::receiver_report(&mut self.compound, LOCAL_SSRC, blocks);
            write::source_description(&mut self.compound, [(LOCAL_SSRC, "edge")].into_iter());
            participant.send_rtcp(&mut self.compound, &mut self.transmits, &mut self.counters);
        }
    }

    /// What the session receives from us.
    fn send_sender_reports(&mut self, now: Instant, slot: u32) {
        let Some(participant) = self.participants.get_mut(slot) else { return };
        let keys = std::mem::take(&mut participant.outgoing);
        for keys in keys.chunks(REPORTS_PER_COMPOUND) {
            let mut reported = Vec::with_capacity(keys.len());
            for key in keys {
                let Some(outgoing) = self.outgoings.get_mut(*key) else { continue };
                let (Some(watch), Some(layer)) = (outgoing.watch, outgoing.current) else { continue };
                let Some(source) = self.sources.get(&watch.source) else { continue };
                let Some(report) = source.layer(layer).and_then(|state| state.report) else { continue };
                if outgoing.packets == 0 {
                    continue;
                }
                let (ntp, rtp_timestamp) = report.at(now, source.clock_rate_hz);
                let rtp_timestamp = rtp_timestamp.wrapping_add(outgoing.timestamp_shift());
                let (packets, octets) = (outgoing.packets as u32, outgoing.octets as u32);
                let ssrc = outgoing.declared.ssrc;
                write::sender_report(&mut self.compound, ssrc, ntp, rtp_timestamp, packets, octets);
                outgoing.note_report(ntp, now);
                reported.push(*key);
            }
            if reported.is_empty() {
                continue;
            }
            let names = reported.iter().map(|key| {
                self.outgoings.get(*key).map_or((0, ""), |o| (o.declared.ssrc, o.declared.cname.as_str()))
            });
            write::source_description(&mut self.compound, names);
            participant.send_rtcp(&mut self.compound, &mut self.transmits, &mut self.counters);
        }
        participant.outgoing = keys;
    }
}

fn report_block(state: &mut LayerState, now: Instant) -> Option<ReportBlock> {
    let ssrc = state.ssrc?;
    let reported = state.reception.report()?;
    let (last_report, delay) = state.report.map_or((0, 0), |report| {
        let held = now.saturating_duration_since(report.heard);
        (SenderReport::compact(report.ntp), compact_duration(held))
    });
    Some(ReportBlock {
        ssrc,
        fraction_lost: reported.fraction_lost,
        cumulative_lost: reported.cumulative_lost as i32,
        highest: reported.highest,
        jitter: reported.jitter,
        last_report,
        delay,
    })
}

fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f32 / whole as f32).min(1.0) }
}
