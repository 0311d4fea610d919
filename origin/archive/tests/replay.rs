//! What comes out of the archive plays: real media in, real decoders on what is put.

mod world;

use control_plane_api::recording::{Container, RecordingState, Source};
use edge_wire::model::TrackSource;
use world::encoded::{self, FPS, SECONDS};
use world::{Fate, Stream, Tape, arrive, decode, packetize, replay, times};

fn camera() -> Stream {
    Stream::new(1, TrackSource::Camera, "video/H264")
}

fn microphone() -> Stream {
    Stream::new(2, TrackSource::Microphone, "audio/opus")
}

/// Twelve seconds of camera and microphone through one edge.
fn lesson(fate: impl FnMut(u64) -> Fate) -> Tape {
    let (camera, microphone, mut tape) = (camera(), microphone(), Tape::default());
    tape.open(0, &camera);
    tape.open(0, &microphone);
    tape.publish(&camera, &packetize::h264(encoded::h264(), 100_000), fate);
    tape.publish(&microphone, &packetize::opus(100_000), arrive);
    tape.end(13_000);
    tape
}

#[test]
fn a_lesson_becomes_a_playlist_every_frame_of_which_decodes() {
    let store = replay(&[("edge-seoul", &lesson(arrive))]);
    let manifest = store.manifest();
    assert_eq!(manifest.state, RecordingState::Complete);
    let [one] = &manifest.presentations[..] else { panic!("{:#?}", manifest.presentations) };
    assert_eq!(
        (one.source, one.container, one.has_video, one.has_audio),
        (Source::Camera, Container::Cmaf, true, true)
    );
    assert!((12_000..12_200).contains(&(one.end_ms - one.start_ms)), "{one:?}");

    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    let main = folder.path().join("class/RM_1").join(&one.path);
    decode(&main);
    let video = times(&main, "v");
    assert_eq!(video.len() as i64, FPS * SECONDS);
    assert!(video.windows(2).all(|pair| (pair[1] - pair[0] - 1.0 / FPS as f64).abs() < 0.002), "{video:?}");
    let audio = times(&main, "a");
    assert!((598..=604).contains(&audio.len()), "{}", audio.len());

    let text = store.text(&format!("class/RM_1/{}", one.path));
    assert!(text.contains("CODECS=\"avc1.42c00c,Opus\"") || text.contains("CODECS=\"avc1.42c"), "{text}");
    assert!(text.contains("RESOLUTION=320x180,AUDIO=\"audio\""), "{text}");
    let media = store.text(&format!("class/RM_1/{}/v0.m3u8", one.id));
    assert_eq!(media.matches("#EXTINF:").count(), 6, "{media}");
    assert_eq!(media.matches("#EXT-X-PROGRAM-DATE-TIME:").count(), 6);
    assert!(media.contains("#EXT-X-PLAYLIST-TYPE:VOD") && media.ends_with("#EXT-X-ENDLIST\n"), "{media}");
}

#[test]
fn repaired_packets_out_of_order_leave_no_trace() {
    let clean = replay(&[("edge-seoul", &lesson(arrive))]);
    // Every seventh packet comes 250 ms late, every eleventh 30 ms.
    let repaired = lesson(|sequence| match sequence {
        sequence if sequence % 7 == 0 => Fate::Late(250),
        sequence if sequence % 11 == 0 => Fate::Late(30),
        _ => Fate::Arrive,
    });
    let store = replay(&[("edge-seoul", &repaired)]);
    assert_eq!(store.manifest().state, RecordingState::Complete);
    let frames = |store: &world::Store| -> Vec<Vec<u8>> {
        let segments = store.objects.iter().filter(|(path, _)| path.contains("/v0-0"));
        segments.flat_map(|(_, object)| samples(&object.bytes).1).map(|(_, data)| data).collect()
    };
    assert!(frames(&clean) == frames(&store), "repaired packets changed a frame");
}

#[test]
fn a_lost_packet_costs_the_frames_to_the_next_keyframe_and_is_told() {
    // One packet in the second group of pictures and one in the fourth never come.
    let sequence_of = |frame: usize| {
        let before = packetize::h264(encoded::h264(), 0);
        66_000 + before[..frame].iter().map(|(_, payloads)| payloads.len() as u64).sum::<u64>()
    };
    let lost = [sequence_of(40), sequence_of(100)];
    let tape = lesson(|sequence| if lost.contains(&sequence) { Fate::Lost } else { Fate::Arrive });
    let store = replay(&[("edge-seoul", &tape)]);
    let manifest = store.manifest();
    assert_eq!(manifest.state, RecordingState::Partial);
    let [one] = &manifest.presentations[..] else { panic!("{:#?}", manifest.presentations) };
    assert_eq!(one.gaps.len(), 2, "{:?}", one.gaps);
    // Frames 40 to 59 and 100 to 119 are gone; the clock starts with the first frame.
    let gap = one.gaps[0];
    let at = |frame: usize| one.start_ms + (frame as u64) * 1_000 / FPS as u64;
    assert!(gap.start_ms.abs_diff(at(39)) <= 2 && gap.end_ms.abs_diff(at(60)) <= 2, "{gap:?}");

    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    let main = folder.path().join("class/RM_1").join(&one.path);
    decode(&main);
    assert_eq!(times(&main, "v").len() as i64, FPS * SECONDS - 40);
}

#[test]
fn a_muted_camera_ends_its_interval_and_the_microphone_goes_on() {
    let (camera, microphone, mut tape) = (camera(), microphone(), Tape::default());
    let frames = packetize::h264(encoded::h264(), 0);
    // The picture is there from 0 to 4 s and again from 8 s.
    let shown: Vec<_> = frames.into_iter().filter(|(us, _)| !(4_000_000..8_000_000).contains(us)).collect();
    tape.open(0, &camera);
    tape.open(0, &microphone);
    tape.publish(&camera, &shown, arrive);
    tape.publish(&microphone, &packetize::opus(0), arrive);
    tape.end(12_500);
    let store = replay(&[("edge-seoul", &tape)]);
    let manifest = store.manifest();
    let entries: Vec<_> =
        manifest.presentations.iter().map(|one| (one.source, one.start_ms / 100, one.end_ms / 100)).collect();
    let [first, between, second] = entries[..] else { panic!("{entries:?}") };
    assert_eq!((first.0, between.0, second.0), (Source::Camera, Source::Microphone, Source::Camera));
    // The tail of the sound stays with the picture; from there the microphone is alone.
    assert!((45..=47).contains(&first.2) && between.1.abs_diff(first.2) <= 1, "{entries:?}");
    assert!(between.2.abs_diff(second.1) <= 1 && (80..=82).contains(&second.1), "{entries:?}");
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    for one in &manifest.presentations {
        decode(&folder.path().join("class/RM_1").join(&one.path));
    }
}

#[test]
fn dtx_and_a_muted_microphone_become_silence_of_the_right_length() {
    let (camera, microphone, mut tape) = (camera(), microphone(), Tape::default());
    let sound: Vec<_> = packetize::opus(0)
        .into_iter()
        .enumerate()
        .filter(|(index, (us, _))| !(3_000_000..6_000_000).contains(us) || index % 20 == 0)
        .map(|(_, frame)| frame)
        .filter(|(us, _)| !(8_000_000..11_000_000).contains(us))
        .collect();
    tape.open(0, &camera);
    tape.open(0, &microphone);
    tape.publish(&camera, &packetize::h264(encoded::h264(), 0), arrive);
    tape.publish(&microphone, &sound, arrive);
    tape.end(12_500);
    let store = replay(&[("edge-seoul", &tape)]);
    let manifest = store.manifest();
    let [one] = &manifest.presentations[..] else { panic!("{:#?}", manifest.presentations) };
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    let audio = times(&folder.path().join("class/RM_1").join(&one.path), "a");
    assert!((600..=603).contains(&audio.len()), "{}", audio.len());
    assert!(audio.windows(2).all(|pair| (pair[1] - pair[0] - 0.02).abs() < 1e-6), "no hole, no overlap");
    assert_eq!(manifest.state, RecordingState::Complete, "a pause is not a loss");
}

#[test]
fn lips_and_voice_stay_together_when_both_clocks_are_wrong() {
    // Twenty rounds of the same twelve seconds: four minutes in which the audio clock runs 300 ppm fast, the video's slow.
    let (mut camera, mut microphone, mut tape) = (camera(), microphone(), Tape::default());
    (camera.skew_ppm, microphone.skew_ppm) = (-300, 300);
    (camera.delay_ms, microphone.delay_ms) = (140, 30);
    tape.open(0, &camera);
    tape.open(0, &microphone);
    let (mut frames, mut sound) = (Vec::new(), Vec::new());
    for round in 0..20 {
        frames.extend(packetize::h264(encoded::h264(), round * SECONDS * 1_000_000));
        sound.extend(packetize::opus(round * SECONDS * 1_000_000).into_iter().take(600));
    }
    tape.publish(&camera, &frames, arrive);
    tape.publish(&microphone, &sound, arrive);
    tape.end(240_500);
    let store = replay(&[("edge-seoul", &tape)]);
    let manifest = store.manifest();
    let [one] = &manifest.presentations[..] else { panic!("{:#?}", manifest.presentations) };
    let folder = tempfile::tempdir().expect("a folder");
    store.write(folder.path());
    let main = folder.path().join("class/RM_1").join(&one.path);
    // Captured together, the last frame and the packet of that moment must stand together.
    let video = times(&main, "v");
    let audio = times(&main, "a");
    let last_frame_s = (frames.len() - 1) as f64 / FPS as f64;
    assert!((video.last().copied().unwrap_or_default() - last_frame_s).abs() < 0.02);
    let packet =
        sound.iter().position(|(us, _)| *us as f64 / 1e6 >= last_frame_s).expect("a packet of that time");
    let real = real_packets(&store, &one.id);
    let placed = real.get(real.len() - (sound.len() - packet)).copied().expect("it was placed");
    assert!((placed - last_frame_s).abs() <= 0.08, "voice at {placed}, lips at {last_frame_s}");
    assert!(audio.len().abs_diff(sound.len()) < 10);
}

/// Times of the packets of a sound track that are not inserted silence.
fn real_packets(store: &world::Store, id: &str) -> Vec<f64> {
    let mut times = Vec::new();
    for (path, object) in &store.objects {
        if !path.contains(&format!("{id}/a0-0")) {
            continue;
        }
        let (decode_time, samples) = samples(&object.bytes);
        let mut at = decode_time;
        for (duration, data) in samples {
            if data != [0xf8, 0xff, 0xfe] {
                times.push(at as f64 / 48_000.0);
            }
            at += u64::from(duration);
        }
    }
    times
}

#[test]
fn two_edges_of_one_room_make_one_manifest_in_either_order() {
    let (mut other, mut tape) = (camera(), Tape::default());
    other.participant = "PA_student";
    tape.open(2_000, &other);
    tape.publish(&other, &packetize::h264(encoded::h264_small(), 2_000_000), arrive);
    tape.end(14_500);
    let first = lesson(arrive);
    let one = replay(&[("edge-seoul", &first), ("edge-jeju", &tape)]);
    let two = replay(&[("edge-jeju", &tape), ("edge-seoul", &first)]);
    assert_eq!(one.objects, two.objects);
    let manifest = one.manifest();
    let who: Vec<_> =
        manifest.presentations.iter().map(|one| (one.identity.as_str(), one.start_ms / 100)).collect();
    assert_eq!(who, [("pa_teacher", 1), ("pa_student", 20)]);
    assert!(manifest.presentations[1].has_video && !manifest.presentations[1].has_audio);
}

#[test]
fn somebody_who_goes_on_at_another_edge_is_heard_and_seen_once() {
    let (camera, microphone) = (camera(), microphone());
    let (video, sound) = (packetize::h264(encoded::h264(), 100_000), packetize::opus(100_000));
    let between = |from_ms: i64, to_ms: i64| {
        let is_there = move |(us, _): &&(i64, Vec<Vec<u8>>)| (from_ms * 1_000..to_ms * 1_000).contains(us);
        move |frames: &[(i64, Vec<Vec<u8>>)]| frames.iter().filter(is_there).cloned().collect::<Vec<_>>()
    };
    let tape = |opened_ms: u64, video_ms: (i64, i64), sound_ms: (i64, i64), ended_ms: u64| {
        let mut tape = Tape::default();
        tape.open(opened_ms, &camera);
        tape.open(opened_ms, &microphone);
        tape.publish(&camera, &between(video_ms.0, video_ms.1)(&video), arrive);
        tape.publish(&microphone, &between(sound_ms.0, sound_ms.1)(&sound), arrive);
        tape.end(ended_ms);
        tape
    };
    // The second edge begins with a keyframe from before it took over, at 5.5 s; the first hears of it at 5.8 s.
    let first = tape(0, (0, 5_800), (0, 5_800), 6_500);
    let second = tape(4_000, (4_100, 13_000), (5_500, 13_000), 13_000);
    let one = replay(&[("edge-seoul", &first), ("edge-jeju", &second)]);
    let two = replay(&[("edge-jeju", &second), ("edge-seoul", &first)]);
    assert_eq!(one.objects, two.objects);
    let manifest = one.manifest();
    assert_eq!(manifest.state, RecordingState::Complete);
    let [before, after] = &manifest.presentations[..] else { panic!("{:#?}", manifest.presentations) };
    assert!((4_000..4_300).contains(&after.start_ms), "the picture begins where it can: {after:?}");
    assert!((5_480..5_660).contains(&before.end_ms), "until the other has the sound too: {before:?}");
    assert!(after.end_ms > 12_000 && before.has_audio && after.has_audio, "{after:?}");
    let timeline = one.text("class/RM_1/timeline.json");
    let events: Vec<serde_json::Value> = serde_json::from_str(&timeline).expect("an array");
    let published =
        events.iter().filter(|event| event["kind"] == "publish").map(|event| event["at_ms"].as_u64());
    assert_eq!(published.collect::<Vec<_>>(), [Some(0), Some(0)], "published once, when it was: {timeline}");
}

/// Decode time and samples (duration, data) of one fragment, read as ISO/IEC 14496-12 has it.
fn samples(fragment: &[u8]) -> (u64, Vec<(u32, Vec<u8>)>) {
    use mp4_atom::DecodeMaybe as _;
    let (mut rest, mut found) = (fragment, None);
    while let Some(atom) = mp4_atom::Any::decode_maybe(&mut rest).expect("whole boxes") {
        match atom {
            mp4_atom::Any::Moof(moof) => found = Some(moof),
            mp4_atom::Any::Mdat(mdat) => {
                let traf = &found.as_ref().expect("moof before mdat").traf[0];
                let mut at = 0;
                let sizes = traf.trun[0].samples.iter().map(|entry| (entry.duration, entry.size));
                let samples = sizes.map(|(duration, size)| {
                    let size = size.expect("a size") as usize;
                    at += size;
                    (duration.expect("a duration"), mdat.data[at - size..at].to_vec())
                });
                let samples = samples.collect();
                return (traf.tfdt.as_ref().expect("a decode time").base_media_decode_time, samples);
            }
            _ => {}
        }
    }
    panic!("no mdat in the fragment");
}
