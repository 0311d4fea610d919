//! `origin-archive`: journals whose packets are anything, and names of rooms in paths.

use edge_wire::control::Codec;
use edge_wire::journal::{Entry, Packet, Record, Report, StreamOpen};
use edge_wire::model::{Track, TrackKind, TrackSource};
use origin_archive::{Archive, JournalId, component_name, folder, path_component};
use prost::Message as _;

use super::{NOW_S, frames};
use crate::Target;
use crate::steps::{Steps, write};

/// Packets of every codec, and records of any kind.
pub const JOURNALS: Target = Target {
    name: "archive_journals",
    what: "origin-archive: recorded packets to segments, playlists and manifest",
    run: journals,
    seeds,
    is_steps: true,
    words: &[
        b"\x7c\x85",
        b"\x78\0",
        b"\x67\x42",
        b"\x68",
        b"\x65",
        b"\x10\0\x9d\x01\x2a",
        b"\x0a\x0b",
        b"\x49\x83\x42",
    ],
};

/// Names that become paths, and paths that become names.
pub const NAMES: Target = Target {
    name: "archive_names",
    what: "origin-archive: names in paths of the object store",
    run: names,
    seeds: || vec![b"class".to_vec(), "서당 1/..".into(), b"%2e%2e%2F".to_vec(), b"..".to_vec()],
    is_steps: false,
    words: &[b"%2F", b"%2e", b"..", b"/", b"\\", b"%", b"\0", b"%00", "서".as_bytes()],
};

const CODECS: [&str; 5] = ["audio/opus", "video/VP8", "video/VP9", "video/H264", "video/AV1"];

/// Kind, from the lowest bit: three for the codec (7: the body is a whole record), marker, whole packet; the rest is how
/// much time passes before it, in steps of 40 ms.
fn journals(input: &[u8]) {
    // A remuxer adds boxes and playlists, not media.
    let written = archived(input);
    assert!(written < 4 << 20, "{} bytes in, {written} bytes out", input.len());
}

/// Bytes of all objects.
fn archived(input: &[u8]) -> usize {
    let mut archive = Archive::new("class", "RM_1").expect("good names");
    let id = JournalId { node_id: "seoul-edge".into(), epoch: 1 };
    let start_ms = NOW_S * 1_000;
    for (stream, mime_type) in CODECS.iter().enumerate() {
        let entry = Entry::Open(open(stream as u32, mime_type));
        archive.handle_record(&id, &Record { at_ms: start_ms, entry: Some(entry) });
    }
    let (mut at_ms, mut sequence, mut written) = (start_ms, 65_500_u16, 0);
    for (kind, body) in Steps::of(input).take(512) {
        at_ms += u64::from(kind >> 5) * 40;
        sequence = sequence.wrapping_add(1);
        let entry = match usize::from(kind & 7) {
            stream if stream < CODECS.len() => {
                let rate_khz = if stream == 0 { 48 } else { 90 };
                let timestamp = ((at_ms - start_ms) * rate_khz) as u32;
                let rtp = if kind & 16 != 0 {
                    body.to_vec()
                } else {
                    rtp(kind & 8 != 0, sequence, timestamp, body)
                };
                Entry::Packet(Packet { stream: stream as u32, rtp: rtp.into() })
            }
            5 => {
                let mut word = [0; 12];
                word.iter_mut().zip(body).for_each(|(to, from)| *to = *from);
                let [n0, n1, n2, n3, n4, n5, n6, n7, t0, t1, t2, t3] = word;
                Entry::Report(Report {
                    stream: 3,
                    ntp: u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
                    rtp_timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
                })
            }
            _ => {
                if let Ok(record) = Record::decode(body) {
                    archive.handle_record(&id, &record);
                }
                continue;
            }
        };
        archive.handle_record(&id, &Record { at_ms, entry: Some(entry) });
        written += drain(&mut archive);
    }
    archive.finish();
    written += drain(&mut archive);
    let mut manifests = 0;
    while let Some(object) = archive.poll_object() {
        manifests += usize::from(object.path == "class/RM_1/manifest.json");
        written += object.bytes.len();
    }
    assert_eq!(manifests, 1);
    written
}

fn drain(archive: &mut Archive) -> usize {
    let mut written = 0;
    while let Some(object) = archive.poll_segment() {
        assert!(object.path.starts_with("class/RM_1/") && !object.path.contains(".."), "{}", object.path);
        written += object.bytes.len();
    }
    written
}

fn open(stream: u32, mime_type: &str) -> StreamOpen {
    let is_audio = mime_type.starts_with("audio");
    let (kind, source) = if is_audio {
        (TrackKind::Audio, TrackSource::Microphone)
    } else {
        (TrackKind::Video, TrackSource::Camera)
    };
    let track = Track {
        sid: format!("TR_{stream}"),
        kind: kind.into(),
        source: source.into(),
        mime_type: mime_type.into(),
        ..Default::default()
    };
    let codec = Codec {
        mime_type: mime_type.into(),
        clock_rate_hz: if is_audio { 48_000 } else { 90_000 },
        channels: if is_audio { 2 } else { 0 },
        fmtp: String::new(),
    };
    let participant_sid = format!("PA_{stream}");
    StreamOpen {
        stream,
        track,
        participant_sid,
        identity: "teacher".into(),
        name: "선생님".into(),
        layer: 0,
        codec,
    }
}

fn rtp(marker: bool, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80, 96 | if marker { 0x80 } else { 0 }];
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&timestamp.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

fn names(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(component) = path_component(&text) {
        assert!(
            !component.contains(['/', '\\', '\0'])
                && component != ".."
                && component != "."
                && component.len() <= 240
        );
        assert_eq!(component_name(&component).as_deref(), Some(&*text));
    }
    if let Some(name) = component_name(&text) {
        assert_eq!(path_component(&name).as_deref(), Ok(&*text));
    }
    let _ = (folder(&text, "RM_1"), origin_archive::content_type(&text), origin_archive::lifetime(&text));
}

fn seeds() -> Vec<Vec<u8>> {
    let every = [(0, frames::OPUS), (1, frames::VP8), (2, frames::VP9), (3, frames::H264), (4, frames::AV1)];
    let mut seeds = Vec::new();
    for (stream, payload) in every {
        // A second of keyframes, 40 ms apart.
        seeds.push(write(&vec![(stream | 8 | 1 << 5, payload.to_vec()); 24]));
    }
    let opened = Record { at_ms: NOW_S * 1_000 + 70, entry: Some(Entry::Open(open(9, "video/VP9"))) };
    let mut mixed: Vec<(u8, Vec<u8>)> =
        every.iter().map(|(stream, payload)| (stream | 8 | 1 << 5, payload.to_vec())).collect();
    mixed.push((7, opened.encode_to_vec()));
    mixed.push((5, vec![0xE8, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 9]));
    mixed.extend(mixed.clone());
    seeds.push(write(&mixed));
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_becomes_a_presentation() {
        let nothing = archived(&[]);
        for (at, seed) in seeds().iter().enumerate() {
            let written = archived(seed);
            assert!(written > nothing + 500, "seed {at}: {written} bytes, without it {nothing}");
        }
    }
}
