//! WebM files: what VP8 needs, since no player takes it in MP4. Matroska elements (RFC 9559), EBML (RFC 8794).

use bytes::Bytes;

/// One block on its way into the file.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Milliseconds since the start of the file.
    pub(crate) ms: i64,
    pub(crate) video: bool,
    pub(crate) keyframe: bool,
    pub(crate) data: Bytes,
}

/// What the header says of the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

const VIDEO_TRACK: u8 = 1;
const AUDIO_TRACK: u8 = 2;
/// Block times are 16 bits relative to their cluster; without key frames one is cut here.
const CLUSTER_MS_MAX: i64 = 30_000;
/// Bytes of a SeekHead with two entries and eight-byte positions: fixed, so that positions can be told in advance.
const SEEK_HEAD_BYTES: usize = 47;

/// A whole file. `blocks` may come in any order; a cluster starts at every key frame.
pub(crate) fn file(picture: Picture, audio: bool, duration_ms: i64, mut blocks: Vec<Block>) -> Vec<u8> {
    blocks.sort_by_key(|block| (block.ms, !block.video));
    let info = info(duration_ms);
    let tracks = tracks(picture, audio);
    let clusters = clusters(&blocks);
    // Positions count from the first byte of the segment's body. The cues stand before the clusters and their size
    // depends only on how many there are: every number in them has eight bytes.
    let cues_at = SEEK_HEAD_BYTES + info.len() + tracks.len();
    let first_cluster_at = cues_at + cues(&clusters, 0).len();
    let cues = cues(&clusters, first_cluster_at);
    let mut body = seek_head(SEEK_HEAD_BYTES, cues_at);
    debug_assert_eq!(body.len(), SEEK_HEAD_BYTES);
    for part in [&info, &tracks, &cues] {
        body.extend_from_slice(part);
    }
    for (_, cluster) in &clusters {
        body.extend_from_slice(cluster);
    }
    let mut out = ebml_header();
    element(0x1853_8067, &body, &mut out);
    out
}

fn ebml_header() -> Vec<u8> {
    let mut body = Vec::new();
    for (id, value) in [(0x4286, 1), (0x42f7, 1), (0x42f2, 4), (0x42f3, 8)] {
        element(id, &[value], &mut body);
    }
    element(0x4282, b"webm", &mut body);
    element(0x4287, &[4], &mut body);
    element(0x4285, &[2], &mut body);
    let mut out = Vec::new();
    element(0x1a45_dfa3, &body, &mut out);
    out
}

fn seek_head(info_at: usize, cues_at: usize) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, position) in [([0x15_u8, 0x49, 0xa9, 0x66], info_at), ([0x1c, 0x53, 0xbb, 0x6b], cues_at)] {
        let mut seek = Vec::new();
        element(0x53ab, &id, &mut seek);
        element(0x53ac, &(position as u64).to_be_bytes(), &mut seek);
        element(0x4dbb, &seek, &mut body);
    }
    let mut out = Vec::new();
    element(0x114d_9b74, &body, &mut out);
    out
}

fn info(duration_ms: i64) -> Vec<u8> {
    let mut body = Vec::new();
    element(0x2a_d7b1, &1_000_000_u32.to_be_bytes(), &mut body);
    element(0x4489, &(duration_ms as f64).to_be_bytes(), &mut body);
    element(0x4d80, b"seodang", &mut body);
    element(0x5741, b"seodang", &mut body);
    let mut out = Vec::new();
    element(0x1549_a966, &body, &mut out);
    out
}

fn tracks(picture: Picture, audio: bool) -> Vec<u8> {
    let mut body = Vec::new();
    let mut video = Vec::new();
    element(0xb0, &picture.width.to_be_bytes(), &mut video);
    element(0xba, &picture.height.to_be_bytes(), &mut video);
    track(VIDEO_TRACK, 1, b"V_VP8", (0xe0, &video), &mut body);
    if audio {
        let mut sound = Vec::new();
        element(0xb5, &48_000_f64.to_be_bytes(), &mut sound);
        element(0x9f, &[2], &mut sound);
        track(AUDIO_TRACK, 2, b"A_OPUS", (0xe1, &sound), &mut body);
    }
    let mut out = Vec::new();
    element(0x1654_ae6b, &body, &mut out);
    out
}

fn track(number: u8, kind: u8, codec: &[u8], settings: (u32, &[u8]), out: &mut Vec<u8>) {
    let mut entry = Vec::new();
    for (id, value) in [(0xd7, number), (0x73c5, number), (0x9c, 0), (0x83, kind)] {
        element(id, &[value], &mut entry);
    }
    element(0x86, codec, &mut entry);
    if codec == b"A_OPUS" {
        // OpusHead (RFC 7845 section 5.1): version 1, two channels, no pre-skip, 48 kHz, no gain, family 0.
        element(0x63a2, b"OpusHead\x01\x02\x00\x00\x80\xbb\x00\x00\x00\x00\x00", &mut entry);
        element(0x56bb, &80_000_000_u32.to_be_bytes(), &mut entry);
    }
    element(settings.0, settings.1, &mut entry);
    element(0xae, &entry, out);
}

/// Clusters with their start.
fn clusters(blocks: &[Block]) -> Vec<(i64, Vec<u8>)> {
    let mut clusters: Vec<(i64, Vec<u8>)> = Vec::new();
    let mut bodies: Vec<(i64, Vec<u8>)> = Vec::new();
    for block in blocks {
        let starts = block.video && block.keyframe;
        let full = bodies.last().is_none_or(|(start, _)| block.ms - start >= CLUSTER_MS_MAX);
        if starts || full {
            let mut body = Vec::new();
            element(0xe7, &block.ms.to_be_bytes(), &mut body);
            bodies.push((block.ms, body));
        }
        if let Some((start, body)) = bodies.last_mut() {
            simple_block(block, block.ms - *start, body);
        }
    }
    for (start, body) in bodies {
        let mut cluster = Vec::new();
        element(0x1f43_b675, &body, &mut cluster);
        clusters.push((start, cluster));
    }
    clusters
}

fn simple_block(block: &Block, relative_ms: i64, out: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(block.data.len() + 4);
    body.push(0x80 | if block.video { VIDEO_TRACK } else { AUDIO_TRACK });
    body.extend_from_slice(&(relative_ms as i16).to_be_bytes());
    body.push(if block.keyframe { 0x80 } else { 0 });
    body.extend_from_slice(&block.data);
    element(0xa3, &body, out);
}

fn cues(clusters: &[(i64, Vec<u8>)], first_at: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let mut position = first_at;
    for (start, cluster) in clusters {
        let mut positions = Vec::new();
        element(0xf7, &[VIDEO_TRACK], &mut positions);
        element(0xf1, &(position as u64).to_be_bytes(), &mut positions);
        let mut point = Vec::new();
        element(0xb3, &start.to_be_bytes(), &mut point);
        element(0xb7, &positions, &mut point);
        element(0xbb, &point, &mut body);
        position += cluster.len();
    }
    let mut out = Vec::new();
    element(0x1c53_bb6b, &body, &mut out);
    out
}

/// Id as it stands in the file, then the size in its shortest form.
fn element(id: u32, body: &[u8], out: &mut Vec<u8>) {
    let bytes = id.to_be_bytes();
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    out.extend_from_slice(&bytes[skip..]);
    let length = body.len() as u64;
    // A size field of all ones means "unknown", so each width loses one value.
    let width = (1..=8_u32).find(|width| length < (1 << (7 * width)) - 1).unwrap_or(8);
    let marked = length | 1 << (7 * width);
    out.extend_from_slice(&marked.to_be_bytes()[8 - width as usize..]);
    out.extend_from_slice(body);
}
