//! H.264 (RFC 6184, packetization mode 1: single NAL units, STAP-A, FU-A).

use base64::Engine as _;

use super::Assembled;
use crate::codec::{self, Codec};

const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_AUD: u8 = 9;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Picture parameter sets kept: encoders use one or two.
const PPS_MAX: usize = 16;

/// Parameter sets in force.
#[derive(Debug, Default)]
pub(crate) struct ParameterSets {
    sps: Option<Vec<u8>>,
    pps: Vec<Vec<u8>>,
}

impl ParameterSets {
    pub(crate) fn from_fmtp(fmtp: &str) -> Self {
        let mut sets = Self::default();
        let value = fmtp.split(';').find_map(|part| part.trim().strip_prefix("sprop-parameter-sets="));
        for encoded in value.into_iter().flat_map(|value| value.split(',')) {
            if let Ok(nal) = base64::engine::general_purpose::STANDARD.decode(encoded) {
                sets.keep(&nal);
            }
        }
        sets
    }

    /// One access unit: NAL units with four-byte lengths. Parameter sets move to the configuration.
    pub(super) fn assemble(&mut self, payloads: &[&[u8]]) -> Assembled {
        let Some(nals) = nals(payloads) else { return Assembled::Malformed };
        if nals.iter().any(|nal| nal[0] & 0x1f == NAL_SPS) {
            self.pps.clear();
        }
        let mut data = Vec::new();
        let (mut keyframe, mut picture) = (false, false);
        for nal in &nals {
            match nal[0] & 0x1f {
                NAL_SPS | NAL_PPS => self.keep(nal),
                kind @ 1..=NAL_SEI => {
                    keyframe |= kind == NAL_IDR;
                    picture |= kind <= NAL_IDR;
                    data.extend_from_slice(&(nal.len() as u32).to_be_bytes());
                    data.extend_from_slice(nal);
                }
                // Delimiters, filler, ends of sequence: nothing a sample may or need carry.
                _ => {}
            }
        }
        match (picture, keyframe) {
            (false, _) => Assembled::Nothing,
            (true, false) => Assembled::Frame { data, keyframe: None },
            (true, true) => match self.config() {
                Some(config) => Assembled::Frame { data, keyframe: Some(config) },
                None => Assembled::Malformed,
            },
        }
    }

    fn keep(&mut self, nal: &[u8]) {
        match nal.first().map(|header| header & 0x1f) {
            Some(NAL_SPS) => self.sps = Some(nal.to_vec()),
            Some(NAL_PPS) if self.pps.len() < PPS_MAX && !self.pps.iter().any(|pps| pps == nal) => {
                self.pps.push(nal.to_vec());
            }
            _ => {}
        }
    }

    fn config(&self) -> Option<codec::Video> {
        let sps = self.sps.clone()?;
        let (width, height) = codec::h264::size(&sps)?;
        let (pps, rotation) = (self.pps.clone(), 0);
        (!pps.is_empty()).then_some(codec::Video { codec: Codec::H264 { sps, pps }, width, height, rotation })
    }
}

/// Whether the first NAL unit can only stand at the start of an access unit.
pub(super) fn begins_frame(payload: &[u8]) -> bool {
    let nal = match payload.first().map(|byte| byte & 0x1f) {
        Some(STAP_A) => payload.get(3..),
        Some(FU_A) => return payload.len() > 2 && payload[1] & 0x80 != 0 && payload[2] & 0x80 != 0,
        _ => Some(payload),
    };
    match nal.and_then(|nal| nal.first()).map(|header| header & 0x1f) {
        Some(NAL_SPS | NAL_PPS | NAL_SEI | NAL_AUD) => true,
        // first_mb_in_slice is 0 exactly when its first bit is set.
        Some(1..=NAL_IDR) => nal.and_then(|nal| nal.get(1)).is_some_and(|byte| byte & 0x80 != 0),
        _ => false,
    }
}

/// NAL units of one access unit; `None` when one is cut or of a kind mode 1 does not have.
fn nals(payloads: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let mut nals: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    for payload in payloads {
        match payload.first()? & 0x1f {
            1..=23 if open.is_none() => nals.push(payload.to_vec()),
            STAP_A if open.is_none() => {
                let mut rest = &payload[1..];
                while !rest.is_empty() {
                    let (length, body) = rest.split_first_chunk::<2>()?;
                    let (nal, after) = body.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                    if !nal.is_empty() {
                        nals.push(nal.to_vec());
                    }
                    rest = after;
                }
            }
            FU_A => {
                let (header, body) = payload.split_first_chunk::<2>()?;
                let (start, end) = (header[1] & 0x80 != 0, header[1] & 0x40 != 0);
                if start == open.is_some() {
                    return None;
                }
                let nal = open.get_or_insert_with(|| vec![header[0] & 0xe0 | header[1] & 0x1f]);
                nal.extend_from_slice(body);
                if end {
                    nals.extend(open.take());
                }
            }
            _ => return None,
        }
    }
    open.is_none().then_some(nals)
}
