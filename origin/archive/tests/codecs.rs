//! The other codecs, the ladder, and screens.

mod world;

use control_plane_api::recording::{Container, Source};
use edge_wire::model::TrackSource;
use world::encoded::{self, FPS, SECONDS};
use world::{Store, Stream, Tape, arrive, decode, decode_runs, packetize, replay, times};

type Frames = Vec<(i64, Vec<Vec<u8>>)>;

/// Twelve seconds of a picture with sound.
fn lesson(mime_type: &'static str, frames: &Frames) -> Store {
    let camera = Stream::new(1, TrackSource::Camera, mime_type);
    let microphone = Stream::new(2, TrackSource::Microphone, "audio/opus");
    let mut tape = Tape::default();
    tape.open(0, &camera);
    tape.open(0, &microphone);
    tape.publish(&camera, frames, arrive);
    tape.publish(&microphone, &packetize::opus(0), arrive);
    tape.end(12_500);
    replay(&[("edge-seoul", &tape)])
}

/// Plays the only camera presentation; answers its multivariant playlist or path.
fn plays(store: &Store, container: Container) -> String {
    let manifest = store.manifest();
    let one = manifest.presentations.iter().find(|one| one.source == Source::Camera).expect("a camera");
    assert_eq!((one.container, one.has_video, one.has_audio), (container, true, true));
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    let main = folder.path().join("class/RM_1").join(&one.path);
    decode(&main);
    assert_eq!(times(&main, "v").len() as i64, FPS * SECONDS);
    let audio = times(&main, "a");
    assert!((598..=604).contains(&audio.len()), "{}", audio.len());
    let last = audio.last().copied().unwrap_or_default();
    assert!((11.9..12.1).contains(&last), "sound ends at {last}");
    format!("class/RM_1/{}", one.path)
}

#[test]
fn vp8_becomes_one_webm_file_with_its_sound() {
    let store = lesson("video/VP8", &packetize::vp8(0));
    let path = plays(&store, Container::Webm);
    assert!(path.ends_with("/main.webm"), "{path}");
    assert_eq!(store.objects[&path].content_type, "video/webm");
}

#[test]
fn vp9_becomes_cmaf() {
    let store = lesson("video/VP9", &packetize::vp9(0));
    let text = store.text(&plays(&store, Container::Cmaf));
    assert!(text.contains("CODECS=\"vp09.00.11.08,Opus\""), "{text}");
    assert!(text.contains("RESOLUTION=320x180"), "{text}");
}

/// The header of a frame is the publisher's word: 65,536 by 65,536 pixels do not fit 32 bits.
#[test]
fn the_largest_picture_a_header_can_claim_is_packaged_like_any_other() {
    const GREY: [u8; 28] = [
        0x8C, 0x81, 0x07, 0x82, 0x49, 0x83, 0x42, 0, 1, 0xF0, 1, 0xF6, 0, 0x38, 0x24, 0x1C, 0x18, 0x4A, 0, 0,
        0x30, 0x60, 0, 0, 0x22, 0xD5, 0xC0, 0,
    ];
    let mut vast = GREY;
    vast[7..11].copy_from_slice(&[0x0F, 0xFF, 0xFF, 0xFF]);
    let frame =
        |index: i64| (index * 500_000, vec![if index % 8 < 4 { vast.to_vec() } else { GREY.to_vec() }]);
    let camera = Stream::new(1, TrackSource::Camera, "video/VP9");
    let mut tape = Tape::default();
    tape.open(0, &camera);
    tape.publish(&camera, &(0..48).map(frame).collect::<Frames>(), arrive);
    tape.end(24_500);
    let manifest = replay(&[("edge-seoul", &tape)]).manifest();
    assert_eq!(manifest.presentations.len(), 1);
    assert!(manifest.presentations[0].has_video);
}

#[test]
fn av1_becomes_cmaf() {
    let store = lesson("video/AV1", &packetize::av1(0));
    let text = store.text(&plays(&store, Container::Cmaf));
    assert!(text.contains("CODECS=\"av01.0.00M.08,Opus\""), "{text}");
    assert!(text.contains("RESOLUTION=320x180"), "{text}");
}

/// Two layers of one camera; the upper one lacks what `keep` leaves out.
fn simulcast(keep: impl Fn(i64) -> bool) -> Store {
    let low = Stream::new(1, TrackSource::Camera, "video/H264");
    let mut high = Stream::new(2, TrackSource::Camera, "video/H264");
    (high.layer, high.delay_ms) = (1, 75);
    let mut tape = Tape::default();
    tape.open(0, &low);
    tape.open(0, &high);
    tape.publish(&low, &packetize::h264(encoded::h264_small(), 0), arrive);
    let upper: Vec<_> = packetize::h264(encoded::h264(), 0).into_iter().filter(|(us, _)| keep(*us)).collect();
    tape.publish(&high, &upper, arrive);
    tape.end(12_500);
    replay(&[("edge-seoul", &tape)])
}

/// Segment boundaries of a media playlist as (date, length) lines.
fn boundaries(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("#EXTINF") || line.starts_with("#EXT-X-PROGRAM")).collect()
}

#[test]
fn layers_become_variants_with_the_same_boundaries() {
    let store = simulcast(|_| true);
    let manifest = store.manifest();
    let [one] = &manifest.presentations[..] else { panic!("{:#?}", manifest.presentations) };
    let main = store.text(&format!("class/RM_1/{}", one.path));
    assert!(
        main.contains("RESOLUTION=320x180\nv1.m3u8") && main.contains("RESOLUTION=160x90\nv0.m3u8"),
        "{main}"
    );
    let [low, high] = ["v0", "v1"].map(|name| store.text(&format!("class/RM_1/{}/{name}.m3u8", one.id)));
    assert_eq!(boundaries(&low), boundaries(&high));
    assert_eq!(boundaries(&low).len(), 12);
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    for name in ["v0", "v1"] {
        let path = folder.path().join(format!("class/RM_1/{}/{name}.m3u8", one.id));
        decode(&path);
        assert_eq!(times(&path, "v").len() as i64, FPS * SECONDS);
    }
}

#[test]
fn a_layer_that_vanishes_is_filled_from_below_and_comes_back() {
    // The upper layer is off from 3 s to 8 s, as a sender short of bandwidth does.
    let store = simulcast(|us| !(3_000_000..8_000_000).contains(&us));
    let manifest = store.manifest();
    let [one] = &manifest.presentations[..] else { panic!("{:#?}", manifest.presentations) };
    let [low, high] = ["v0", "v1"].map(|name| store.text(&format!("class/RM_1/{}/{name}.m3u8", one.id)));
    assert_eq!(boundaries(&low), boundaries(&high), "\n{low}\n{high}");
    assert_eq!(low.matches("#EXT-X-DISCONTINUITY\n").count(), 2, "{low}");
    assert_eq!(high.matches("#EXT-X-DISCONTINUITY\n").count(), 2, "{high}");
    assert!(high.contains("\nv0-00003.m4s") && high.contains("\nv1-00005.m4s"), "{high}");
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    // The upper variant lacks nothing: 3 to 4 s is its last frame, 4 to 8 s come from below.
    let frames = ["v0", "v1"]
        .map(|name| decode_runs(&folder.path().join(format!("class/RM_1/{}/{name}.m3u8", one.id))));
    assert_eq!(frames, [180, 180 - 15]);
}

#[test]
fn a_picture_that_changes_size_gets_a_new_init_segment() {
    // Six seconds of one size, then the other: the encoder adapted to the machine.
    let mut frames = packetize::h264(&encoded::h264()[..90], 0);
    frames.extend(packetize::h264(&encoded::h264_small()[..90], 6_000_000));
    let store = lesson("video/H264", &frames);
    let manifest = store.manifest();
    let one = manifest.presentations.iter().find(|one| one.source == Source::Camera).expect("a camera");
    let media = store.text(&format!("class/RM_1/{}/v0.m3u8", one.id));
    assert_eq!(media.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{media}");
    assert!(media.contains("#EXT-X-MAP:URI=\"v0-init-1.mp4\""), "{media}");
    let sound = store.text(&format!("class/RM_1/{}/a0.m3u8", one.id));
    assert_eq!(sound.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{sound}");
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    let path = folder.path().join(format!("class/RM_1/{}/v0.m3u8", one.id));
    assert_eq!(decode_runs(&path), 180);
}

#[test]
fn a_shared_screen_is_its_own_presentation_with_its_own_sound() {
    let mut screen = Stream::new(3, TrackSource::ScreenShare, "video/H264");
    let mut sound = Stream::new(4, TrackSource::ScreenShareAudio, "audio/opus");
    (screen.track, sound.track) = ("TR_screen", "TR_screen_sound");
    let microphone = Stream::new(2, TrackSource::Microphone, "audio/opus");
    let mut tape = Tape::default();
    tape.open(0, &microphone);
    tape.publish(&microphone, &packetize::opus(0), arrive);
    tape.open(2_000, &screen);
    tape.open(2_000, &sound);
    tape.publish(&screen, &packetize::h264(&encoded::h264()[..90], 2_000_000), arrive);
    tape.publish(&sound, &packetize::opus(2_000_000)[..300], arrive);
    tape.close(8_200, &screen);
    tape.close(8_200, &sound);
    tape.end(12_500);
    let store = replay(&[("edge-seoul", &tape)]);
    let manifest = store.manifest();
    let entries: Vec<_> = manifest
        .presentations
        .iter()
        .map(|one| (one.source, one.start_ms / 1_000, one.has_video, one.has_audio))
        .collect();
    assert_eq!(entries, [(Source::Microphone, 0, false, true), (Source::ScreenShare, 2, true, true)]);
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    for one in &manifest.presentations {
        decode(&folder.path().join("class/RM_1").join(&one.path));
    }
}
