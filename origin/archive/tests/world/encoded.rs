//! Real media, encoded once per test run by ffmpeg.

use std::process::Command;
use std::sync::OnceLock;

/// Frames per second of every picture here.
pub(crate) const FPS: i64 = 15;
/// Frames between key frames: two seconds.
pub(crate) const GOP: i64 = 30;
pub(crate) const SECONDS: i64 = 12;

/// H.264 access units, each a list of NAL units, 320x180.
pub(crate) fn h264() -> &'static [Vec<Vec<u8>>] {
    static UNITS: OnceLock<Vec<Vec<Vec<u8>>>> = OnceLock::new();
    UNITS.get_or_init(|| h264_sized("320x180"))
}

pub(crate) fn h264_small() -> &'static [Vec<Vec<u8>>] {
    static UNITS: OnceLock<Vec<Vec<Vec<u8>>>> = OnceLock::new();
    UNITS.get_or_init(|| h264_sized("160x90"))
}

fn h264_sized(size: &str) -> Vec<Vec<Vec<u8>>> {
    let args = "-c:v libx264 -profile:v baseline -tune zerolatency -pix_fmt yuv420p -x264-params \
                aud=1:sliced-threads=0:keyint=30:min-keyint=30:scenecut=0 -f h264";
    let stream = encode(&source(size), args);
    let mut units: Vec<Vec<Vec<u8>>> = Vec::new();
    for nal in annex_b(&stream) {
        match nal[0] & 0x1f {
            9 => units.push(Vec::new()),
            _ => units.last_mut().expect("a delimiter comes first").push(nal),
        }
    }
    assert_eq!(units.len() as i64, FPS * SECONDS);
    units
}

pub(crate) fn vp8() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let args = "-c:v libvpx -pix_fmt yuv420p -deadline realtime -cpu-used 8 -g 30 -keyint_min 30 -auto-alt-ref 0 -lag-in-frames 0 -f ivf";
    FRAMES.get_or_init(|| ivf(&encode(&source("320x180"), args)))
}

pub(crate) fn vp9() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let args = "-c:v libvpx-vp9 -pix_fmt yuv420p -deadline realtime -cpu-used 8 -g 30 -keyint_min 30 -lag-in-frames 0 -f ivf";
    FRAMES.get_or_init(|| ivf(&encode(&source("320x180"), args)))
}

pub(crate) fn av1() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let args = "-c:v libaom-av1 -pix_fmt yuv420p -usage realtime -cpu-used 8 -g 30 -keyint_min 30 -lag-in-frames 0 -f ivf";
    FRAMES.get_or_init(|| ivf(&encode(&source("320x180"), args)))
}

/// Opus packets of 20 ms: a tone.
pub(crate) fn opus() -> &'static [Vec<u8>] {
    static PACKETS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let source = format!("sine=frequency=440:sample_rate=48000:duration={SECONDS}");
        ogg(&encode(&source, "-c:a libopus -b:a 32k -frame_duration 20 -f ogg"))
    })
}

fn source(size: &str) -> String {
    format!("testsrc=size={size}:rate={FPS}:duration={SECONDS}")
}

fn encode(source: &str, args: &str) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-f", "lavfi", "-i", source]).args(args.split_whitespace()).arg("-");
    let output = command.output().unwrap_or_else(|error| panic!("ffmpeg: {error}; install it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn annex_b(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 <= stream.len() {
        if stream[at..at + 3] == [0, 0, 1] {
            starts.push(at + 3);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends = starts.iter().skip(1).map(|start| start - 3).chain([stream.len()]);
    let nal = |(start, end): (&usize, usize)| {
        let mut nal = stream[*start..end].to_vec();
        while nal.last() == Some(&0) {
            nal.pop();
        }
        nal
    };
    starts.iter().zip(ends).map(nal).collect()
}

fn ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut frames, mut rest) = (Vec::new(), &file[32..]);
    while let Some(length) = rest.first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        frames.push(rest[12..12 + length].to_vec());
        rest = &rest[12 + length..];
    }
    frames
}

/// Packets of a single-stream Ogg file, less its two headers (RFC 3533).
fn ogg(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet, mut rest) = (Vec::new(), Vec::new(), file);
    while rest.len() >= 27 {
        let count = usize::from(rest[26]);
        let lacing = &rest[27..27 + count];
        let mut at = 27 + count;
        for &length in lacing {
            packet.extend_from_slice(&rest[at..at + usize::from(length)]);
            at += usize::from(length);
            if length < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        rest = &rest[at..];
    }
    packets.split_off(2)
}
