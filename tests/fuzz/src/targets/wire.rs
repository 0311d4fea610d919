//! `edge-wire`: what other nodes of the fleet say.

use std::fmt::Debug;

use bytes::BytesMut;
use edge_wire::control::{Announce, Codec, Control, Hello, Message, RoomData, Subscribe};
use edge_wire::ingest::{Ack, OpenJournal, Resume};
use edge_wire::journal::{self, Entry, Packet, Read, Record, StreamOpen};
use edge_wire::{datagram, frame, model, spool};

use crate::Target;
use crate::steps::{Steps, write};

/// Control streams, ingest streams and datagrams.
pub const FRAMES: Target = Target {
    name: "wire_frames",
    what: "edge-wire: control frames and datagrams of a link",
    run: frames,
    seeds: frame_seeds,
    is_steps: false,
    words: &[b"class", b"\x0a", b"\x12", b"\x1a"],
};

/// A journal as it comes over the ingest stream.
pub const JOURNAL: Target = Target {
    name: "wire_journal",
    what: "edge-wire: records of a recording journal",
    run: journal,
    seeds: journal_seeds,
    is_steps: true,
    words: &[b"video/H264", b"TR_1", b"PA_1"],
};

/// A segment of the spool of facts, as an edge finds it after a crash.
pub const SPOOL: Target = Target {
    name: "wire_spool",
    what: "edge-wire: records of the spool of facts",
    run: spool,
    seeds: spool_seeds,
    is_steps: true,
    words: &[b"edge-lost", b"TR_1", b"PA_1"],
};

fn frames(input: &[u8]) {
    all::<Control>(input);
    all::<OpenJournal>(input);
    all::<Resume>(input);
    all::<Ack>(input);
    if let Some((flow, payload)) = datagram::decode(input) {
        assert!(!payload.is_empty());
        if flow == datagram::FLOW_LOSSY_DATA {
            let _ = <datagram::LossyData as prost::Message>::decode(payload);
        }
    }
}

/// What was read is written as the same bytes again and again.
fn all<M: prost::Message + Default + Debug>(input: &[u8]) {
    let mut buffer = BytesMut::from(input);
    while let Ok(Some(message)) = frame::decode::<M>(&mut buffer) {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        frame::encode(&message, &mut once);
        let Ok(Some(again)) = frame::decode::<M>(&mut BytesMut::from(&once[..])) else { continue };
        frame::encode(&again, &mut twice);
        assert_eq!(once, twice, "{message:?}");
    }
}

/// Kind 0: bytes as they come. Any other: the body of a record, with the right length and checksum.
fn segment(input: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, body) in Steps::of(input) {
        if kind != 0 {
            bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&crc32c::crc32c(body).to_le_bytes());
        }
        bytes.extend_from_slice(body);
    }
    bytes
}

fn spool(input: &[u8]) {
    let bytes = segment(input);
    let mut rest = bytes.as_slice();
    while let spool::Read::Record(record, length) = spool::read(rest) {
        assert!(length > journal::HEADER_BYTES && length <= rest.len());
        rest = &rest[length..];
        let mut again = Vec::new();
        spool::append(&record, &mut again);
        assert!(matches!(spool::read(&again), spool::Read::Record(_, n) if n == again.len()));
    }
}

fn journal(input: &[u8]) {
    let bytes = segment(input);
    let mut rest = bytes.as_slice();
    while let Read::Record(record, length) = journal::read(rest) {
        assert!(length > journal::HEADER_BYTES && length <= rest.len());
        rest = &rest[length..];
        let mut again = Vec::new();
        journal::append(&record, &mut again);
        assert!(
            matches!(journal::read(&again), Read::Record(_, n) if n == again.len())
                || again.len() == journal::HEADER_BYTES
        );
    }
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let announce = Announce {
        room: "class".into(),
        track_sid: "TR_1".into(),
        hops: vec!["seoul-edge".into()],
        ..Default::default()
    };
    let payload = model::Data { payload: b"hello".to_vec().into(), reliable: true, ..Default::default() };
    let data = RoomData { room: "class".into(), data: payload, ..RoomData::default() };
    let messages = [
        Message::Hello(Hello { version: 1, node_id: "seoul-edge".into(), region: "seoul".into(), epoch: 9 }),
        Message::Announce(announce),
        Message::Subscribe(Subscribe { room: "class".into(), track_sid: "TR_1".into(), layer: 1, flow: 42 }),
        Message::Data(data.clone()),
    ];
    let mut seeds: Vec<Vec<u8>> =
        messages.into_iter().map(|message| framed(&Control::from(message))).collect();
    seeds.push(seeds.concat());
    let mut lossy = vec![0];
    prost::Message::encode(&data, &mut lossy).expect("a Vec grows");
    seeds.push(lossy);
    let open = OpenJournal {
        version: 1,
        room: "class".into(),
        room_sid: "RM_1".into(),
        node_id: "seoul-edge".into(),
        epoch: 1,
    };
    seeds.extend([
        framed(&open),
        framed(&Resume { offset: 70_000 }),
        framed(&Ack { offset: 9, complete: true }),
    ]);
    seeds
}

fn framed<M: prost::Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    frame::encode(message, &mut out);
    out
}

fn spool_seeds() -> Vec<Vec<u8>> {
    let participant =
        model::Participant { sid: "PA_1".into(), identity: "minji".into(), ..Default::default() };
    let fact = |kind: spool::Kind, sequence, participant| spool::Record {
        sequence,
        at_ms: NOW_MS,
        kind: kind as i32,
        room: model::Room { sid: "RM_1".into(), name: "class".into(), ..Default::default() },
        participant,
        track: None,
        reason: "edge-lost".into(),
    };
    let body = |record: spool::Record| prost::Message::encode_to_vec(&record);
    let present = body(fact(spool::Kind::Present, 0, Some(participant.clone())));
    let left = body(fact(spool::Kind::ParticipantLeft, 1, Some(participant)));
    let ended = body(fact(spool::Kind::RoomFinished, 2, None));
    vec![write(&[(1, &present), (1, &left), (1, &ended)]), write(&[(1, &left), (0, &left)])]
}

fn journal_seeds() -> Vec<Vec<u8>> {
    let track = model::Track { sid: "TR_1".into(), mime_type: "video/H264".into(), ..Default::default() };
    let codec = Codec { mime_type: "video/H264".into(), clock_rate_hz: 90_000, ..Default::default() };
    let open = StreamOpen { stream: 1, track, participant_sid: "PA_1".into(), codec, ..Default::default() };
    let packet = Packet { stream: 1, rtp: vec![0x80, 96, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0x65, 1].into() };
    let body = |entry| prost::Message::encode_to_vec(&Record { at_ms: NOW_MS, entry: Some(entry) });
    let (open, packet) = (body(Entry::Open(open)), body(Entry::Packet(packet)));
    vec![write(&[(1, &open), (1, &packet)]), write(&[(1, &packet), (0, &packet)])]
}

const NOW_MS: u64 = super::NOW_S * 1_000;
