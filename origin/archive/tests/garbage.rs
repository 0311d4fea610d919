//! Records with a good checksum and bad content: nothing an edge sends panics the archive or makes it grow without end.

mod world;

use bytes::Bytes;
use edge_wire::journal::{Entry, Packet, Record, Report, StreamClose};
use edge_wire::model::TrackSource;
use proptest::prelude::*;
use world::{Store, Stream, journal_id};

const CODECS: [(&str, TrackSource); 7] = [
    ("video/H264", TrackSource::Camera),
    ("video/VP8", TrackSource::Camera),
    ("video/VP9", TrackSource::ScreenShare),
    ("video/AV1", TrackSource::Unknown),
    ("audio/opus", TrackSource::Microphone),
    ("audio/red", TrackSource::ScreenShareAudio),
    ("text/plain", TrackSource::Unknown),
];

/// RTP with a sane header now and then, so that the payload is reached.
fn rtp() -> impl Strategy<Value = Vec<u8>> {
    let payload = proptest::collection::vec(any::<u8>(), 0..40);
    let sane = (any::<u8>(), any::<u16>(), any::<u32>(), payload.clone()).prop_map(
        |(flags, number, timestamp, payload)| {
            let mut bytes = vec![0x80, flags];
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(&timestamp.to_be_bytes());
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend(payload);
            bytes
        },
    );
    prop_oneof![4 => sane, 1 => payload]
}

fn entry() -> impl Strategy<Value = Option<Entry>> {
    let stream = 0_u32..7;
    prop_oneof![
        2 => stream.clone().prop_map(|number| {
            let (mime_type, source) = CODECS[number as usize];
            Some(Stream::new(number, source, mime_type).open())
        }),
        20 => (stream.clone(), rtp()).prop_map(|(stream, rtp)| {
            Some(Entry::Packet(Packet { stream, rtp: Bytes::from(rtp) }))
        }),
        3 => (stream.clone(), any::<u64>(), any::<u32>()).prop_map(|(stream, ntp, rtp_timestamp)| {
            Some(Entry::Report(Report { stream, ntp, rtp_timestamp }))
        }),
        1 => stream.prop_map(|stream| Some(Entry::Close(StreamClose { stream }))),
        1 => Just(None),
    ]
}

/// Mostly a clock that runs; sometimes one that jumps.
fn step() -> impl Strategy<Value = u64> {
    prop_oneof![30 => 0_u64..400, 2 => 0_u64..100_000_000, 1 => any::<u64>()]
}

proptest! {
    #[test]
    fn bad_records_are_survived(records in proptest::collection::vec((step(), entry()), 0..300)) {
        let (mut archive, mut store, mut at_ms) = (world::archive(), Store::default(), world::START_MS);
        for (step, entry) in records {
            at_ms = at_ms.wrapping_add(step);
            archive.handle_record(&journal_id("edge-seoul"), &Record { at_ms, entry });
            store.drain(&mut archive);
        }
        archive.finish();
        store.drain(&mut archive);
        let bytes: usize = store.objects.values().map(|object| object.bytes.len()).sum();
        prop_assert!(bytes < 8 << 20, "{} bytes out of a few packets", bytes);
    }
}
