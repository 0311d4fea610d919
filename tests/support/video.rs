//! Real video for publishers, and a close look at what subscribers get of it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use load::media::{Layer, Vp8};
use load::rtp;

/// Sizes of the layers, lowest first.
pub const SIZES: [(&str, u32, u32, &str); 3] =
    [("q", 320, 180, "80k"), ("h", 640, 360, "200k"), ("f", 960, 540, "400k")];

/// Encodes the layers of one moving picture: VP8, a keyframe every `keyframe_interval` frames.
pub fn vp8_layers(
    directory: &Path,
    fps: u32,
    seconds: u32,
    keyframe_interval: u32,
) -> anyhow::Result<Vec<Layer>> {
    SIZES
        .iter()
        .map(|(rid, width, height, bitrate)| {
            let file = directory.join(format!("{rid}.ivf"));
            let source = format!("testsrc2=size={width}x{height}:rate={fps}:duration={seconds}");
            let interval = keyframe_interval.to_string();
            let codec = ["-c:v", "libvpx", "-b:v", bitrate, "-g", &interval, "-keyint_min", &interval];
            let speed =
                ["-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-auto-alt-ref", "0"];
            ffmpeg(&["-f", "lavfi", "-i", &source], &[&codec[..], &speed[..]].concat(), &file)?;
            Layer::ivf(rid, &std::fs::read(&file)?)
        })
        .collect()
}

/// One layer of H264, constrained baseline, a keyframe every second.
pub fn h264_layer(directory: &Path, fps: u32, seconds: u32) -> anyhow::Result<Layer> {
    let (width, height) = (640, 360);
    let file = directory.join("camera.h264");
    let source = format!("testsrc2=size={width}x{height}:rate={fps}:duration={seconds}");
    let interval = fps.to_string();
    let codec = ["-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-preset", "veryfast"];
    let rate = [
        "-tune",
        "zerolatency",
        "-b:v",
        "300k",
        "-g",
        &interval,
        "-x264-params",
        "aud=1:repeat-headers=1:scenecut=0",
    ];
    ffmpeg(&["-f", "lavfi", "-i", &source], &[&codec[..], &rate[..]].concat(), &file)?;
    Layer::annex_b("", width, height, &std::fs::read(&file)?)
}

fn ffmpeg(input: &[&str], output: &[&str], file: &Path) -> anyhow::Result<()> {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-y", "-v", "error"])
        .args(input)
        .args(output)
        .arg(file)
        .status()
        .context("ffmpeg (with libvpx and libx264) is needed: apt-get install ffmpeg")?;
    ensure!(status.success(), "ffmpeg cannot encode {}", file.display());
    Ok(())
}

/// What a decoder says of a file: nothing, if all is well.
pub fn complaints(file: &Path) -> anyhow::Result<String> {
    let decode = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(file)
        // The times are the stream's own: no frame rate is made up for them.
        .args(["-vsync", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"])
        .output()
        .context("ffmpeg is needed")?;
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-show_frames", "-of", "csv=p=0"])
        .arg(file)
        .output()
        .context("ffprobe is needed")?;
    ensure!(!probe.stdout.is_empty() || !probe.stderr.is_empty(), "ffprobe shows no frame");
    let mut said = String::from_utf8_lossy(&decode.stderr).into_owned();
    said.push_str(&String::from_utf8_lossy(&probe.stderr));
    Ok(said)
}

/// Pictures a decoder gets out of a file or URL.
pub fn pictures_in(url: &str) -> anyhow::Result<u64> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-count_frames",
            "-show_entries",
            "stream=nb_read_frames",
        ])
        .args(["-of", "csv=p=0", url])
        .output()
        .context("ffprobe is needed")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find_map(|line| line.trim().trim_end_matches(',').parse().ok()).with_context(|| {
        format!("ffprobe counts nothing: {text} {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// One picture as a subscriber got it.
#[derive(Clone, Debug)]
pub struct Picture {
    pub data: Vec<u8>,
    pub timestamp: u32,
    pub picture_id: u16,
    pub is_keyframe: bool,
    pub size: Option<(u16, u16)>,
    /// Where it was found in what was published: (layer, index of the frame).
    pub source: Option<(usize, usize)>,
}

/// Extends sequence numbers, puts packets in order, drops the second of each.
pub fn in_order(packets: &[rtp::Packet]) -> BTreeMap<u64, &rtp::Packet> {
    let mut ordered = BTreeMap::new();
    let mut highest: Option<u64> = None;
    for packet in packets {
        let number = packet.header.sequence_number;
        let index = highest.map_or(u64::from(number) + 65_536, |highest| {
            let delta = number.wrapping_sub(highest as u16) as i16;
            highest.saturating_add_signed(i64::from(delta))
        });
        highest = Some(highest.map_or(index, |highest| highest.max(index)));
        ordered.entry(index).or_insert(packet);
    }
    ordered
}

/// Assembles the pictures of a VP8 stream. Packets before the first keyframe (its own start may be lost before the
/// receiver knew the stream) and an unfinished last picture are left out.
///
/// # Errors
/// A packet is missing, or the stream is not what RFC 7741 says.
pub fn pictures(packets: &[rtp::Packet]) -> anyhow::Result<Vec<Picture>> {
    let ordered = in_order(packets);
    let mut pictures = Vec::new();
    let mut open: Option<Picture> = None;
    let mut before = None;
    for (index, packet) in ordered {
        let vp8 = Vp8::parse(&packet.payload).context("no VP8 payload descriptor")?;
        let starts = vp8.starts_picture && open.is_none();
        if pictures.is_empty() && open.is_none() && !(starts && vp8.is_keyframe) {
            continue;
        }
        ensure!(before.is_none_or(|before| before + 1 == index), "a packet is missing before {index}");
        before = Some(index);
        let picture_id = vp8.picture_id.context("no picture id")?;
        match &mut open {
            None => {
                ensure!(starts, "packet {index} continues a picture that has ended");
                let (is_keyframe, size) = (vp8.is_keyframe, vp8.size);
                let (data, timestamp) = (vp8.data.to_vec(), packet.header.timestamp);
                open = Some(Picture { data, timestamp, picture_id, is_keyframe, size, source: None });
            }
            Some(picture) => {
                ensure!(
                    picture.timestamp == packet.header.timestamp,
                    "packet {index}: the marker is missing"
                );
                ensure!(picture.picture_id == picture_id, "packet {index}: two picture ids in one picture");
                picture.data.extend_from_slice(vp8.data);
            }
        }
        if packet.header.marker {
            pictures.extend(open.take());
        }
    }
    ensure!(!pictures.is_empty(), "no picture");
    Ok(pictures)
}

/// Published pictures, to find received ones again.
pub struct Published {
    frames: HashMap<Bytes, Vec<(usize, usize)>>,
    lengths: Vec<usize>,
}

impl Published {
    pub fn new(layers: &[Layer]) -> Self {
        let mut frames: HashMap<Bytes, Vec<(usize, usize)>> = HashMap::new();
        for (layer, described) in layers.iter().enumerate() {
            for (index, frame) in described.frames.iter().enumerate() {
                frames.entry(frame.data.clone()).or_default().push((layer, index));
            }
        }
        Self { frames, lengths: layers.iter().map(|layer| layer.frames.len()).collect() }
    }

    /// Checks that the pictures are published ones, bit by bit; each the next one of its layer, except where the layer
    /// changes: there it is a keyframe. Picture ids rise by one, timestamps rise. Gives the layers in the order taken.
    ///
    /// # Errors
    /// Says which picture breaks the rule.
    pub fn follow(&self, pictures: &mut [Picture]) -> anyhow::Result<Vec<usize>> {
        let mut layers = Vec::new();
        let mut last: Option<Picture> = None;
        for (number, picture) in pictures.iter_mut().enumerate() {
            let places = self.frames.get(picture.data.as_slice());
            let places = places.with_context(|| format!("picture {number} was never published"))?;
            let Some(before) = &last else {
                ensure!(picture.is_keyframe, "the first picture is no keyframe");
                picture.source = places.first().copied();
                layers.extend(picture.source.map(|(layer, _)| layer));
                last = Some(picture.clone());
                continue;
            };
            let (layer, index) = before.source.context("found before")?;
            let next = (layer, (index + 1) % self.lengths[layer]);
            if places.contains(&next) {
                picture.source = Some(next);
            } else {
                let Some((to, at)) = places.iter().find(|(to, _)| *to != layer).copied() else {
                    bail!("picture {number} of layer {layer} is {:?}, not {next:?}", places[0]);
                };
                ensure!(picture.is_keyframe, "picture {number} goes to layer {to} without a keyframe");
                picture.source = Some((to, at));
                layers.push(to);
            }
            let id = before.picture_id.wrapping_add(1) & 0x7fff;
            ensure!(picture.picture_id == id, "picture {number} has id {}, not {id}", picture.picture_id);
            let step = picture.timestamp.wrapping_sub(before.timestamp) as i32;
            ensure!(step > 0, "picture {number}: the timestamp goes back by {step}");
            last = Some(picture.clone());
        }
        Ok(layers)
    }
}

/// Writes the pictures as an IVF file.
pub fn write_ivf(file: &Path, pictures: &[Picture]) -> anyhow::Result<()> {
    let first = pictures.first().context("no picture")?;
    let (width, height) = first.size.context("the first picture is no keyframe")?;
    let mut out = Vec::new();
    out.extend_from_slice(b"DKIF\0\0\x20\0VP80");
    out.extend_from_slice(&width.to_le_bytes());
    out.extend_from_slice(&height.to_le_bytes());
    out.extend_from_slice(&90_000_u32.to_le_bytes());
    out.extend_from_slice(&1_u32.to_le_bytes());
    out.extend_from_slice(&u32::try_from(pictures.len())?.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    for picture in pictures {
        out.extend_from_slice(&u32::try_from(picture.data.len())?.to_le_bytes());
        out.extend_from_slice(&u64::from(picture.timestamp.wrapping_sub(first.timestamp)).to_le_bytes());
        out.extend_from_slice(&picture.data);
    }
    std::fs::write(file, out)?;
    Ok(())
}
