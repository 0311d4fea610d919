//! Synthetic publishers through layers into one outgoing stream: what the receiver would see, without SRTP.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::canonical::{Arrived, ids_by_position};
use crate::layer::{Layer as LayerState, Stored};
use crate::rtp::{self, Fields, Header};
use crate::{Codec, Extensions, Kind};

mod one_stream;

const CLOCK_HZ: u32 = 90_000;

/// One VP8 simulcast layer: frames of `packets` packets, each with picture id and TL0PICIDX of its own numbering.
struct Publisher {
    state: LayerState,
    layer: Layer,
    sequence_number: u16,
    timestamp: u32,
    picture: u16,
}

impl Publisher {
    fn new(layer: Layer, sequence_number: u16, timestamp: u32, picture: u16) -> Self {
        Self { state: LayerState::new(Kind::Video), layer, sequence_number, timestamp, picture }
    }

    /// The packets of the next frame, as the publisher sends them.
    fn frame(&mut self, keyframe: bool, packets: usize) -> Vec<Vec<u8>> {
        self.timestamp = self.timestamp.wrapping_add(3_000);
        self.picture = (self.picture + 1) & 0x7FFF;
        (0..packets)
            .map(|n| {
                let [high, low] = (0x8000 | self.picture).to_be_bytes();
                let start = if n == 0 { 0x90 } else { 0x80 };
                let tag = u8::from(!keyframe);
                let payload = [start, 0xC0, high, low, low, tag, n as u8];
                self.packet(n + 1 == packets, &payload)
            })
            .collect()
    }

    fn packet(&mut self, marker: bool, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 12 + payload.len()];
        let fields = Fields {
            marker,
            payload_type: 96,
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            ssrc: 1,
        };
        let length = rtp::write_header(&mut packet, fields, &[]).expect("there is room");
        packet[length..].copy_from_slice(payload);
        self.sequence_number = self.sequence_number.wrapping_add(1);
        packet
    }

    fn receive(&mut self, now: Instant, packet: &[u8]) -> Option<u64> {
        let header = Header::parse(packet).expect("own packet");
        let arrived = Arrived {
            packet,
            header: &header,
            sequence_number: header.sequence_number,
            payload: &packet[header.payload.clone()],
            ids: ids_by_position(&Extensions::default()),
        };
        match self.state.receive(now, (Codec::Vp8, CLOCK_HZ), 1, false, &arrived) {
            Stored::At { index, .. } | Stored::Broken { index } => Some(index),
            _ => None,
        }
    }
}

fn stream() -> Outgoing {
    let declared = Declared {
        mid: "3".to_owned(),
        ssrc: 77,
        rtx_ssrc: Some(78),
        cname: "c".to_owned(),
        extensions: Extensions { mid: Some(4), ..Extensions::default() },
    };
    let mut outgoing = Outgoing::new(0, declared, 0xFFF0, 5);
    outgoing.watch(Watch {
        source: SourceId(1),
        payload_type: 100,
        rtx_payload_type: Some(101),
        kind: Kind::Video,
        clock_rate_hz: CLOCK_HZ,
        target: Target { layer: 2, paused: false },
    });
    outgoing
}

/// What the receiver sees of one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    timestamp: u32,
    picture: u16,
    tl0: u8,
    part: u8,
    marker: bool,
    keyframe: bool,
    layer: Layer,
    bytes: Vec<u8>,
}

/// Gives a packet of a publisher to the stream; what comes out goes into `seen` by packet index.
fn deliver(
    outgoing: &mut Outgoing,
    publisher: &mut Publisher,
    reports: &Reports,
    now: Instant,
    packet: &[u8],
    seen: &mut BTreeMap<u64, Seen>,
) -> Option<Decision> {
    let index = publisher.receive(now, packet)?;
    let decision = show(outgoing, publisher, reports, index, seen);
    if matches!(decision, Decision::Switched(_)) {
        // As the shard does: what the layer had already received after the keyframe's first packet.
        for later in index + 1..=publisher.state.ring.highest().unwrap_or(0) {
            if publisher.state.ring.contains(later) {
                show(outgoing, publisher, reports, later, seen);
            }
        }
    }
    Some(decision)
}

fn show(
    outgoing: &mut Outgoing,
    publisher: &Publisher,
    reports: &Reports,
    index: u64,
    seen: &mut BTreeMap<u64, Seen>,
) -> Decision {
    let (stored, bytes) = publisher.state.ring.get(index).expect("stored");
    let decision = outgoing.place(publisher.layer, &stored, None, reports);
    if let Decision::Forward(rewrite) | Decision::Switched(rewrite) = decision {
        let mut out = [0u8; 200];
        let length = outgoing.write(&rewrite, &stored, bytes, &mut out).expect("there is room");
        let out = &out[..length];
        let header = Header::parse(out).expect("well formed");
        assert_eq!(u64::from(header.sequence_number), rewrite.index & 0xFFFF);
        assert_eq!((header.ssrc, header.payload_type), (77, 100));
        let payload = &out[header.payload.clone()];
        let descriptor = crate::codec::describe(Codec::Vp8, payload, None);
        let packet = Seen {
            timestamp: header.timestamp,
            picture: descriptor.picture.map_or(0, |picture| picture.value),
            tl0: descriptor.tl0.map_or(0, |(_, value)| value),
            part: payload.last().copied().unwrap_or(0),
            marker: header.marker,
            keyframe: descriptor.switch_point,
            layer: publisher.layer,
            bytes: out.to_vec(),
        };
        assert_eq!(seen.insert(rewrite.index, packet), None, "a packet index used twice");
    }
    decision
}

fn live(layers: &[usize]) -> [bool; LAYERS_MAX] {
    std::array::from_fn(|layer| layers.contains(&layer))
}

#[test]
fn switches_only_at_a_keyframe_and_everything_stays_continuous() {
    let start = crate::begin();
    let mut low = Publisher::new(0, 65_530, 1_000_000, 32_760);
    let mut high = Publisher::new(2, 100, u32::MAX - 10_000, 9);
    let mut outgoing = stream();
    let mut seen = BTreeMap::new();
    let reports = Reports::default();
    assert_eq!(outgoing.choose(live(&[0])), Some(0), "the lowest live one until better comes");
    for n in 0..40u64 {
        let now = start + Duration::from_millis(n * 33);
        for packet in low.frame(n == 0, 2) {
            deliver(&mut outgoing, &mut low, &reports, now, &packet, &mut seen);
        }
        if n == 10 {
            assert_eq!(outgoing.choose(live(&[0, 2])), Some(2));
        }
        if n >= 10 {
            for packet in high.frame(n == 20, 3) {
                let decision = deliver(&mut outgoing, &mut high, &reports, now, &packet, &mut seen);
                assert!(n >= 20 || decision == Some(Decision::Ignore), "no switch before the keyframe");
            }
        }
    }
    let numbers: Vec<u64> = seen.keys().copied().collect();
    // Frame 20 of the low layer comes before the keyframe of the upper one in the same turn.
    assert_eq!(numbers, (0xFFF0..0xFFF0 + 21 * 2 + 20 * 3).collect::<Vec<_>>());
    let packets: Vec<&Seen> = seen.values().collect();
    for pair in packets.windows(2) {
        let [before, after] = pair else { unreachable!("windows of two") };
        if before.layer != after.layer {
            assert!(after.keyframe && after.part == 0);
        }
        let same_frame = before.layer == after.layer && after.part != 0;
        let step = after.picture.wrapping_sub(before.picture) & 0x7FFF;
        assert_eq!(step, u16::from(!same_frame), "{before:?} {after:?}");
        assert_eq!(after.tl0.wrapping_sub(before.tl0), u8::from(!same_frame));
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        assert!(if same_frame { ticks == 0 } else { (1..=3_000).contains(&ticks) }, "{ticks}");
    }
}

#[test]
fn timestamps_follow_the_publishers_clock_where_it_is_known() {
    let start = crate::begin();
    let mut low = Publisher::new(0, 1, 500_000, 1);
    let mut high = Publisher::new(1, 1, 7_000_000, 1);
    // The upper layer's frames arrive 120 ms late, but its report says they are of the same moment.
    let report = |rtp_timestamp| Some(SenderReport { ntp: 9 << 32, rtp_timestamp, heard: start });
    let reports = [report(500_000), report(7_000_000), None, None];
    let mut outgoing = stream();
    let mut seen = BTreeMap::new();
    outgoing.choose(live(&[0]));
    let mut held = Vec::new();
    for n in 0..10u64 {
        let now = start + Duration::from_millis(n * 33);
        for packet in low.frame(n == 0, 1) {
            deliver(&mut outgoing, &mut low, &reports, now, &packet, &mut seen);
        }
        held.extend(high.frame(n == 9, 1));
    }
    held.extend(high.frame(true, 1));
    outgoing.choose(live(&[0, 1]));
    let now = start + Duration::from_millis(9 * 33 + 120);
    let keyframe = held.last().expect("two keyframes").clone();
    deliver(&mut outgoing, &mut high, &reports, now, &keyframe, &mut seen);
    let last: Vec<u32> = seen.values().rev().take(2).map(|packet| packet.timestamp).collect();
    assert_eq!(last[0].wrapping_sub(last[1]), 3_000, "one frame on, whatever the delay");
    assert_eq!(outgoing.timestamp_shift(), 500_000u32.wrapping_sub(7_000_000));
}

#[test]
fn frame_numbers_of_the_dependency_descriptor_go_on_over_a_switch() {
    let now = crate::begin();
    let extensions = Extensions { dependency_descriptor: Some(9), ..Extensions::default() };
    let mut outgoing = stream();
    outgoing.redeclare(Declared { extensions, ..outgoing.declared.clone() });
    let mut send = |layer: Layer, frame: u16, keyframe: bool| {
        let [high, low] = frame.to_be_bytes();
        let descriptor = if keyframe { vec![0xC0, high, low, 0x80] } else { vec![0xC0, high, low] };
        let mut packet = vec![0; 40];
        let fields = Fields { marker: true, payload_type: 96, sequence_number: frame, timestamp: 1, ssrc: 1 };
        let length = rtp::write_header(&mut packet, fields, &[(9, &descriptor)]).expect("there is room");
        packet.truncate(length + 1);
        let header = Header::parse(&packet).expect("own packet");
        let arrived = Arrived {
            packet: &packet,
            header: &header,
            sequence_number: frame,
            payload: &packet[header.payload.clone()],
            ids: ids_by_position(&extensions),
        };
        let mut state = LayerState::new(Kind::Video);
        let Stored::At { index, .. } = state.receive(now, (Codec::Av1, CLOCK_HZ), 1, false, &arrived) else {
            panic!("stored")
        };
        let (stored, bytes) = state.ring.get(index).expect("just stored");
        outgoing.choose(live(&[usize::from(layer)]));
        let decision = outgoing.place(layer, &stored, frame_number(&stored, bytes), &Reports::default());
        let (Decision::Forward(rewrite) | Decision::Switched(rewrite)) = decision else { return None };
        let mut out = [0u8; 100];
        let length = outgoing.write(&rewrite, &stored, bytes, &mut out).expect("there is room");
        let header = Header::parse(&out[..length]).expect("well formed");
        header.element(&out[..length], Some(9)).and_then(av1::frame_number)
    };
    assert_eq!(send(0, 500, true), Some(500));
    assert_eq!(send(0, 501, false), Some(501));
    assert_eq!(send(1, 9_000, false), None, "no keyframe yet");
    assert_eq!(send(1, 9_001, true), Some(502));
    assert_eq!(send(1, 9_002, false), Some(503));
}

#[test]
fn padding_leaves_no_hole_and_late_padding_fills_its_own() {
    let now = crate::begin();
    let mut publisher = Publisher::new(0, 10, 0, 0);
    let mut outgoing = stream();
    let mut seen = BTreeMap::new();
    let reports = Reports::default();
    outgoing.choose(live(&[0]));
    let mut packets = publisher.frame(true, 2);
    packets.push(publisher.packet(false, &[])); // 2: in time
    packets.extend(publisher.frame(false, 1)); // 3
    packets.push(publisher.packet(false, &[])); // 4: comes after 5
    packets.extend(publisher.frame(false, 1)); // 5
    for n in [0, 2, 1, 3, 5, 4] {
        deliver(&mut outgoing, &mut publisher, &reports, now, &packets[n], &mut seen);
    }
    let parts: Vec<(u64, usize)> = seen.iter().map(|(index, seen)| (*index, seen.bytes.len())).collect();
    let first = 0xFFF0;
    let lengths: Vec<usize> = parts.iter().map(|(_, length)| *length).collect();
    assert_eq!(
        parts.iter().map(|(index, _)| *index).collect::<Vec<_>>(),
        (first..first + 5).collect::<Vec<_>>()
    );
    assert!(lengths[3] < lengths[2], "the late padding is an empty packet in its place");
}

#[test]
fn a_repair_carries_the_original_number_and_a_resend_is_bit_identical() {
    let now = crate::begin();
    let mut publisher = Publisher::new(0, 10, 0, 0);
    let mut outgoing = stream();
    let mut seen = BTreeMap::new();
    outgoing.choose(live(&[0]));
    for packet in publisher.frame(true, 5) {
        deliver(&mut outgoing, &mut publisher, &Reports::default(), now, &packet, &mut seen);
    }
    let Answer::Send { index } = outgoing.answer(0xFFF3, now) else { panic!("it was sent") };
    assert_eq!(outgoing.answer(0xFFF3, now), Answer::Suppressed, "asked twice at once");
    assert_eq!(outgoing.answer(0xFFF5, now), Answer::Unknown, "not sent yet");
    let (layer, epoch, source_index, rewrite) = outgoing.locate(index).expect("sent a moment ago");
    let (packet, bytes) = publisher.state.ring.get(source_index).expect("in the ring");
    assert_eq!((layer, epoch), (0, packet.epoch));

    let mut out = [0u8; 200];
    let length = outgoing.write(&rewrite, &packet, bytes, &mut out).expect("there is room");
    assert_eq!(&out[..length], &seen[&index].bytes, "GCM: the same index is only ever the same packet");

    let (length, rtx_index) = outgoing.write_repair(&rewrite, &packet, bytes, &mut out).expect("agreed");
    let header = Header::parse(&out[..length]).expect("well formed");
    assert_eq!((header.ssrc, header.payload_type, header.sequence_number), (78, 101, 5));
    assert_eq!(rtx_index, 5);
    let payload = &out[header.payload];
    assert_eq!(payload[..2], 0xFFF3u16.to_be_bytes());
    assert_eq!(payload[2..], packet.layout.payload(bytes)[..]);
    let (_, again) = outgoing.write_repair(&rewrite, &packet, bytes, &mut out).expect("agreed");
    assert_eq!(again, 6, "a repair never reuses an index");
}

#[test]
fn what_was_sent_under_another_payload_type_is_not_sent_again() {
    let now = crate::begin();
    let mut publisher = Publisher::new(0, 10, 0, 0);
    let mut outgoing = stream();
    outgoing.declared.rtx_ssrc = None;
    let mut seen = BTreeMap::new();
    outgoing.choose(live(&[0]));
    for packet in publisher.frame(true, 2) {
        deliver(&mut outgoing, &mut publisher, &Reports::default(), now, &packet, &mut seen);
    }
    assert_eq!(outgoing.answer(0xFFF1, now), Answer::Send { index: 0xFFF1 });
    let mut watch = outgoing.watch.expect("watched");
    watch.payload_type = 99;
    outgoing.watch(watch);
    assert_eq!(outgoing.answer(0xFFF0, now), Answer::Unknown);
    assert_eq!(outgoing.indices().0, 0xFFF2, "and numbering goes on");
}

#[test]
fn round_trip_and_loss_come_from_reports() {
    use crate::rtcp::ReportBlock;
    let now = crate::begin();
    let mut outgoing = stream();
    let ntp = 0x1234_5678_9ABC_DEF0;
    outgoing.note_report(ntp, now);
    let block = |highest, cumulative_lost, last_report| ReportBlock {
        ssrc: 77,
        highest,
        cumulative_lost,
        last_report,
        delay: 65_536 / 2,
        ..ReportBlock::default()
    };
    let rtt = outgoing.reported(&block(1_000, 3, 0x5678_9ABC), now + Duration::from_millis(620));
    assert_eq!(rtt, Some(Duration::from_millis(120)));
    assert_eq!(outgoing.reported(&block(1_100, 13, 1), now), None);
    assert_eq!(outgoing.take_loss(), (100, 10));
    assert_eq!(outgoing.take_loss(), (0, 0));
}
