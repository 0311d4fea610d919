//! A journal cut anywhere gives a prefix of what the whole one gives, byte for byte.

mod world;

use edge_wire::journal::{self, Read};
use edge_wire::model::TrackSource;
use origin_archive::Lifetime;
use proptest::prelude::*;
use world::{Store, Stream, Tape, arrive, encoded, journal_id, packetize};

fn tape() -> Tape {
    let camera = Stream::new(1, TrackSource::Camera, "video/H264");
    let microphone = Stream::new(2, TrackSource::Microphone, "audio/opus");
    let mut tape = Tape::default();
    tape.open(0, &camera);
    tape.open(0, &microphone);
    tape.publish(&camera, &packetize::h264(encoded::h264(), 0), arrive);
    tape.publish(&microphone, &packetize::opus(0), arrive);
    tape.end(12_500);
    tape
}

/// Reads journal bytes as an origin does after a crash, draining every `batch` records.
fn read(mut bytes: &[u8], batch: usize) -> Store {
    let (mut archive, mut store, mut count) = (world::archive(), Store::default(), 0);
    while let Read::Record(record, length) = journal::read(bytes) {
        archive.handle_record(&journal_id("edge-seoul"), &record);
        bytes = &bytes[length..];
        count += 1;
        if count % batch == 0 {
            store.drain(&mut archive);
        }
    }
    archive.finish();
    store.drain(&mut archive);
    store
}

fn immutable(store: &Store) -> impl Iterator<Item = (&String, &[u8])> {
    let kept = store.objects.iter().filter(|(_, object)| object.lifetime == Lifetime::Immutable);
    kept.map(|(path, object)| (path, &object.bytes[..]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_truncated_journal_gives_a_prefix_and_the_same_bytes(cut in 0.0_f64..1.0, batch in 1_usize..400) {
        let bytes = tape().bytes();
        let whole = read(&bytes, 1_000);
        let part = read(&bytes[..(bytes.len() as f64 * cut) as usize], batch);
        for (path, bytes) in immutable(&part) {
            if let Some(object) = whole.objects.get(path) {
                prop_assert!(object.bytes == bytes, "{} differs", path);
            } else {
                // Only what the cut itself ended may have a name of its own.
                let name = path.rsplit('/').next().unwrap_or_default();
                prop_assert!(name.matches('-').count() >= 2, "{} is new", path);
            }
        }
    }
}

#[test]
fn what_is_left_of_a_class_still_decodes() {
    let bytes = tape().bytes();
    for cut in [bytes.len() / 3, bytes.len() / 2, bytes.len() - 700] {
        let store = read(&bytes[..cut], 100);
        let folder = tempfile::tempdir().expect("a folder");
        store.write(folder.path());
        for one in store.manifest().presentations {
            world::decode(&folder.path().join("class/RM_1").join(&one.path));
        }
    }
}

#[test]
fn a_live_class_is_an_event_that_can_be_played_from_its_start() {
    let (mut archive, mut store) = (world::archive(), Store::default());
    for record in tape().records().iter().filter(|record| record.at_ms < world::START_MS + 9_000) {
        archive.handle_record(&journal_id("edge-seoul"), record);
        store.drain(&mut archive);
    }
    let manifest = store.manifest();
    assert_eq!(manifest.state, control_plane_api::recording::RecordingState::Live);
    let one = &manifest.presentations[0];
    for name in ["v0", "a0"] {
        let text = store.text(&format!("class/RM_1/{}/{name}.m3u8", one.id));
        assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT") && !text.contains("ENDLIST"), "{text}");
        assert!(text.matches("#EXTINF:").count() >= 2, "{text}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    let init = folder.path().join(format!("class/RM_1/{}/v0-init-0.mp4", one.id));
    assert!(init.exists());
}
