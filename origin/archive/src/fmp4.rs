//! CMAF track files (ISO/IEC 23000-19): one init segment per configuration, one fragment per segment.

use bytes::Bytes;
use mp4_atom::{
    Atom, Audio, Av01, Av1c, Avc1, Avcc, AvccExt, Dinf, Dops, Dref, DrefEntry, Encode, FixedPoint, FourCC,
    Ftyp, Hdlr, Matrix, Mdhd, Mdia, Mfhd, Minf, Moof, Moov, Mvex, Mvhd, Opus, Smhd, Stbl, Stco, Stsd, Styp,
    Tfdt, Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry, Url, Visual, Vmhd, Vp09, VpcC,
};

use crate::codec::{Codec, Video};

/// Ticks per second of video tracks.
pub(crate) const VIDEO_TIMESCALE: u32 = 90_000;
/// Ticks per second of Opus tracks.
pub(crate) const AUDIO_TIMESCALE: u32 = 48_000;

const TRACK_ID: u32 = 1;
/// sample_depends_on 2, sample_is_non_sync 0.
const FLAGS_SYNC: u32 = 0x0200_0000;
/// sample_depends_on 1, sample_is_non_sync 1.
const FLAGS_NON_SYNC: u32 = 0x0101_0000;

/// One sample of a fragment.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) duration: u32,
    pub(crate) data: Bytes,
}

/// Init segment of a video stream; `None` for VP8, which has no player in MP4.
pub(crate) fn video_init(video: &Video) -> Option<Vec<u8>> {
    let codec = sample_entry(video)?;
    let tkhd = Tkhd {
        track_id: TRACK_ID,
        enabled: true,
        in_movie: true,
        matrix: rotation_matrix(video),
        width: FixedPoint::from(video.width.min(65_535) as u16),
        height: FixedPoint::from(video.height.min(65_535) as u16),
        ..Default::default()
    };
    Some(init(tkhd, *b"vide", VIDEO_TIMESCALE, codec))
}

/// Init segment of an Opus stream (Encapsulation of Opus in ISO Base Media File Format, section 4).
pub(crate) fn audio_init() -> Vec<u8> {
    let audio =
        Audio { data_reference_index: 1, channel_count: 2, sample_size: 16, sample_rate: 48_000.into() };
    let dops = Dops {
        output_channel_count: 2,
        // A recording starts in the middle of a stream: there is no encoder delay to skip.
        pre_skip: 0,
        input_sample_rate: AUDIO_TIMESCALE,
        output_gain: 0,
        channel_mapping: None,
    };
    let tkhd =
        Tkhd { track_id: TRACK_ID, enabled: true, in_movie: true, volume: 1.into(), ..Default::default() };
    init(tkhd, *b"soun", AUDIO_TIMESCALE, Opus { audio, dops, btrt: None }.into())
}

/// One `moof` and `mdat`. The first sample is a sync sample; `all_sync` is for audio.
pub(crate) fn fragment(
    sequence_number: u32,
    decode_time: u64,
    samples: &[Sample],
    all_sync: bool,
) -> Vec<u8> {
    let entries = samples.iter().enumerate().map(|(index, sample)| TrunEntry {
        duration: Some(sample.duration),
        size: Some(sample.data.len() as u32),
        flags: (index == 0 && !all_sync).then_some(FLAGS_SYNC),
        cts: None,
    });
    let tfhd = Tfhd {
        track_id: TRACK_ID,
        default_sample_flags: Some(if all_sync { FLAGS_SYNC } else { FLAGS_NON_SYNC }),
        default_base_is_moof: true,
        ..Default::default()
    };
    let trun = Trun { data_offset: Some(0), samples: entries.collect::<Vec<_>>().into() };
    let tfdt = Some(Tfdt { base_media_decode_time: decode_time });
    let mut moof = Moof {
        mfhd: Mfhd { sequence_number },
        traf: vec![Traf { tfhd, tfdt, trun: vec![trun], ..Default::default() }],
    };
    let length = encoded(&moof).len();
    moof.traf[0].trun[0].data_offset = Some(length as i32 + 8);
    let brands = [b"msdh", b"msix", b"cmfs"].map(FourCC::new).to_vec();
    let mut out =
        encoded(&Styp { major_brand: FourCC::new(b"msdh"), minor_version: 0, compatible_brands: brands });
    out.extend_from_slice(&encoded(&moof));
    let payload: usize = samples.iter().map(|sample| sample.data.len()).sum();
    out.reserve(payload + 8);
    out.extend_from_slice(&(payload as u32 + 8).to_be_bytes());
    out.extend_from_slice(b"mdat");
    for sample in samples {
        out.extend_from_slice(&sample.data);
    }
    out
}

fn init(tkhd: Tkhd, handler: [u8; 4], timescale: u32, codec: mp4_atom::Codec) -> Vec<u8> {
    let video = &handler == b"vide";
    let stbl = Stbl { stsd: Stsd { codecs: vec![codec] }, stco: Some(Stco::default()), ..Default::default() };
    let dinf = Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } };
    let minf = Minf {
        vmhd: video.then(Vmhd::default),
        smhd: (!video).then(Smhd::default),
        dinf,
        stbl,
        ..Default::default()
    };
    let mdia = Mdia {
        mdhd: Mdhd { timescale, language: "und".into(), ..Default::default() },
        hdlr: Hdlr { handler: FourCC::from(handler), name: String::new() },
        minf,
    };
    let trex = Trex { track_id: TRACK_ID, default_sample_description_index: 1, ..Default::default() };
    let moov = Moov {
        mvhd: Mvhd {
            timescale: 1_000,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: TRACK_ID + 1,
            ..Default::default()
        },
        mvex: Some(Mvex { mehd: None, trex: vec![trex] }),
        trak: vec![Trak { tkhd, mdia, ..Default::default() }],
        ..Default::default()
    };
    let brands = [b"iso6", b"cmfc", b"mp41"].map(FourCC::new).to_vec();
    let mut out =
        encoded(&Ftyp { major_brand: FourCC::new(b"iso6"), minor_version: 0, compatible_brands: brands });
    out.extend_from_slice(&encoded(&moov));
    out
}

fn sample_entry(video: &Video) -> Option<mp4_atom::Codec> {
    let visual = Visual {
        data_reference_index: 1,
        width: video.width.min(65_535) as u16,
        height: video.height.min(65_535) as u16,
        ..Default::default()
    };
    Some(match &video.codec {
        Codec::Vp8 => return None,
        Codec::H264 { sps, pps } => {
            let mut avcc = Avcc::new(sps, pps.first()?).ok()?;
            avcc.picture_parameter_sets.clone_from(pps);
            // High profile and above describe the samples once more; WebRTC has 8-bit 4:2:0 only.
            avcc.ext = (sps[1] >= 100).then(AvccExt::default);
            Avc1 { visual, avcc, ..Default::default() }.into()
        }
        Codec::Vp9(header) => {
            let vpcc = VpcC {
                profile: header.profile,
                level: video.vp9_level(),
                bit_depth: header.bit_depth,
                chroma_subsampling: header.chroma_subsampling,
                video_full_range_flag: header.full_range,
                ..Default::default()
            };
            Vp09 { visual, vpcc, ..Default::default() }.into()
        }
        Codec::Av1(sequence) => {
            let av1c = Av1c {
                seq_profile: sequence.profile,
                seq_level_idx_0: sequence.level,
                seq_tier_0: sequence.high_tier,
                high_bitdepth: sequence.bit_depth > 8,
                twelve_bit: sequence.bit_depth == 12,
                monochrome: sequence.monochrome,
                chroma_subsampling_x: sequence.subsampling.0,
                chroma_subsampling_y: sequence.subsampling.1,
                chroma_sample_position: sequence.chroma_sample_position,
                initial_presentation_delay: None,
                config_obus: sequence.obu.clone(),
            };
            Av01 { visual, av1c, ..Default::default() }.into()
        }
    })
}

/// Display matrix of a clockwise turn (ISO/IEC 14496-12 section 8.3.2), moved back into the first quadrant.
fn rotation_matrix(video: &Video) -> Matrix {
    const ONE: i32 = 0x1_0000;
    let (width, height) = (video.width.cast_signed() << 16, video.height.cast_signed() << 16);
    let (a, b, c, d, x, y) = match video.rotation {
        1 => (0, ONE, -ONE, 0, height, 0),
        2 => (-ONE, 0, 0, -ONE, width, height),
        3 => (0, -ONE, ONE, 0, 0, width),
        _ => (ONE, 0, 0, ONE, 0, 0),
    };
    Matrix { a, b, u: 0, c, d, v: 0, x, y, w: 0x4000_0000 }
}

fn encoded(atom: &impl Atom) -> Vec<u8> {
    let mut out = Vec::new();
    atom.encode(&mut out).expect("the boxes built here are valid and a Vec grows");
    out
}
