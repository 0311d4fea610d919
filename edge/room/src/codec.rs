//! Which codecs and header extensions of an offer are taken.

use edge_sdp::{Codec, Extension, Kind};
use edge_sfu::Extensions;
use edge_wire::control;

use crate::limits::FMTP_BYTES_MAX;

/// A codec of an offer with its retransmission format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) codec: Codec,
    pub(crate) rtx: Option<Codec>,
}

impl Chosen {
    pub(crate) fn list(&self) -> Vec<Codec> {
        std::iter::once(&self.codec).chain(&self.rtx).cloned().collect()
    }

    pub(crate) fn mime_type(&self) -> &'static str {
        mime_of(&self.codec).unwrap_or("")
    }

    /// The codec as it is on flows and in the journal.
    pub(crate) fn wire(&self) -> control::Codec {
        control::Codec {
            mime_type: self.mime_type().to_owned(),
            clock_rate_hz: self.codec.clock_rate_hz,
            channels: u32::from(self.codec.channels),
            fmtp: self.codec.fmtp.clone(),
        }
    }
}

/// The one codec a publishing section uses. Video: H264 first when recorded (replay takes it as it is), then `preference`
/// (mime types, what the client said it would publish), then the offer's own order.
pub(crate) fn choose_received(
    kind: Kind,
    offered: &[Codec],
    preference: &[String],
    recorded: bool,
) -> Option<Chosen> {
    let usable: Vec<&Codec> =
        offered.iter().filter(|codec| mime_of(codec).is_some_and(|m| is_kind(m, kind))).collect();
    let wanted = recorded
        .then_some("video/H264")
        .into_iter()
        .chain(preference.iter().map(String::as_str))
        .find_map(|mime| usable.iter().find(|codec| is_mime(codec, mime)));
    let codec = *wanted.or(usable.first())?;
    // Of several H264 profiles the constrained baseline is what every receiver decodes.
    let constrained = |codec: &&&Codec| {
        is_mime(codec, "video/H264") && profile(&codec.fmtp).is_some_and(|p| p.starts_with("42e0"))
    };
    let codec = if is_mime(codec, "video/H264") {
        usable.iter().find(constrained).map_or(codec, |c| c)
    } else {
        codec
    };
    Some(with_rtx(codec, offered))
}

/// The receiver's format for a track's codec, if it can decode it.
pub(crate) fn choose_sent(offered: &[Codec], source: &control::Codec) -> Option<Chosen> {
    let same: Vec<&Codec> = offered.iter().filter(|codec| is_mime(codec, &source.mime_type)).collect();
    let codec = if source.mime_type.eq_ignore_ascii_case("video/H264") {
        let wanted = profile(&source.fmtp).unwrap_or_else(|| "42e01f".into());
        let equal = same.iter().find(|c| profile(&c.fmtp).is_some_and(|p| p.get(..4) == wanted.get(..4)));
        let able = || {
            same.iter().find(|c| profile_rank(&profile(&c.fmtp).unwrap_or_default()) >= profile_rank(&wanted))
        };
        equal.or_else(able)?
    } else {
        same.first()?
    };
    Some(with_rtx(codec, offered))
}

/// Everything of the section this edge can forward: for sections that carry nothing yet.
pub(crate) fn supported(kind: Kind, offered: &[Codec]) -> Vec<Codec> {
    offered
        .iter()
        .filter(|codec| mime_of(codec).is_some_and(|mime| is_kind(mime, kind)))
        .flat_map(|codec| with_rtx(codec, offered).list())
        .collect()
}

/// Whether a mime type said by a client can be published here.
pub(crate) fn is_supported_mime(mime: &str) -> bool {
    MIME_TYPES.iter().any(|known| known.eq_ignore_ascii_case(mime))
}

pub(crate) fn canonical_mime(mime: &str) -> Option<&'static str> {
    MIME_TYPES.iter().find(|known| known.eq_ignore_ascii_case(mime)).copied()
}

pub(crate) fn sfu_codec(mime: &str) -> edge_sfu::Codec {
    match canonical_mime(mime) {
        Some("audio/opus") => edge_sfu::Codec::Opus,
        Some("video/VP8") => edge_sfu::Codec::Vp8,
        Some("video/VP9") => edge_sfu::Codec::Vp9,
        Some("video/H264") => edge_sfu::Codec::H264,
        Some("video/AV1") => edge_sfu::Codec::Av1,
        _ => edge_sfu::Codec::Other,
    }
}

/// The header extensions both sides know, by the offer's ids.
pub(crate) fn extensions(offered: &[Extension]) -> (Extensions, Vec<Extension>) {
    let mut ids = Extensions::default();
    let mut answered = Vec::new();
    for extension in offered {
        let slot = match extension.uri.as_str() {
            "urn:ietf:params:rtp-hdrext:sdes:mid" => &mut ids.mid,
            "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" => &mut ids.rid,
            "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" => &mut ids.repaired_rid,
            "urn:ietf:params:rtp-hdrext:ssrc-audio-level" => &mut ids.audio_level,
            "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" => {
                &mut ids.transport_cc
            }
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" => &mut ids.abs_send_time,
            "urn:3gpp:video-orientation" => &mut ids.video_orientation,
            "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension" => {
                &mut ids.dependency_descriptor
            }
            "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay" => &mut ids.playout_delay,
            "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time" => &mut ids.abs_capture_time,
            _ => continue,
        };
        if slot.is_none() {
            *slot = Some(extension.id);
            answered.push(extension.clone());
        }
    }
    (ids, answered)
}

const MIME_TYPES: [&str; 5] = ["audio/opus", "video/VP8", "video/H264", "video/VP9", "video/AV1"];

/// Feedback this edge gives and takes.
const FEEDBACK: [&str; 4] = ["transport-cc", "nack", "nack pli", "ccm fir"];

/// The mime type of a format this edge takes, else `None`.
fn mime_of(codec: &Codec) -> Option<&'static str> {
    if codec.fmtp.len() > FMTP_BYTES_MAX {
        return None;
    }
    let is = |name: &str, clock_rate_hz: u32| {
        codec.name.eq_ignore_ascii_case(name) && codec.clock_rate_hz == clock_rate_hz
    };
    if is("opus", 48_000) {
        Some("audio/opus")
    } else if is("VP8", 90_000) {
        Some("video/VP8")
    } else if is("H264", 90_000) && codec.parameter("packetization-mode") == Some("1") {
        Some("video/H264")
    } else if is("VP9", 90_000) && codec.parameter("profile-id").unwrap_or("0") == "0" {
        Some("video/VP9")
    } else if is("AV1", 90_000) && codec.parameter("profile").unwrap_or("0") == "0" {
        Some("video/AV1")
    } else {
        None
    }
}

fn is_mime(codec: &Codec, mime: &str) -> bool {
    mime_of(codec).is_some_and(|own| own.eq_ignore_ascii_case(mime))
}

fn is_kind(mime: &str, kind: Kind) -> bool {
    match kind {
        Kind::Audio => mime.starts_with("audio/"),
        Kind::Video => mime.starts_with("video/"),
        Kind::Application => false,
    }
}

fn with_rtx(codec: &Codec, offered: &[Codec]) -> Chosen {
    let apt = codec.payload_type.to_string();
    let rtx = offered
        .iter()
        .find(|c| c.name.eq_ignore_ascii_case("rtx") && c.parameter("apt") == Some(apt.as_str()))
        .cloned();
    let mut codec = codec.clone();
    codec.rtcp_fb.retain(|feedback| FEEDBACK.contains(&feedback.as_str()));
    Chosen { codec, rtx }
}

/// `profile-level-id` in lower case.
fn profile(fmtp: &str) -> Option<String> {
    fmtp.split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| key.eq_ignore_ascii_case("profile-level-id"))
        .map(|(_, value)| value.to_ascii_lowercase())
}

/// A decoder of a higher profile decodes the lower ones: baseline, main, high.
fn profile_rank(profile: &str) -> u8 {
    match profile.get(..2) {
        Some("4d") => 1,
        Some("64") => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec(payload_type: u8, name: &str, fmtp: &str) -> Codec {
        let rtcp_fb = ["goog-remb", "transport-cc", "nack", "nack pli"].map(str::to_owned).to_vec();
        Codec {
            payload_type,
            name: name.into(),
            clock_rate_hz: 90_000,
            channels: 1,
            fmtp: fmtp.into(),
            rtcp_fb,
        }
    }

    fn chromium() -> Vec<Codec> {
        vec![
            codec(96, "VP8", ""),
            codec(97, "rtx", "apt=96"),
            codec(102, "H264", "packetization-mode=1;profile-level-id=42001f"),
            codec(104, "H264", "packetization-mode=0;profile-level-id=42e01f"),
            codec(106, "H264", "packetization-mode=1;profile-level-id=42e01f"),
            codec(107, "rtx", "apt=106"),
            codec(112, "H264", "packetization-mode=1;profile-level-id=64001f"),
            codec(98, "VP9", "profile-id=2"),
            codec(99, "H265", ""),
        ]
    }

    #[test]
    fn one_codec_is_chosen_by_recording_then_wish_then_order() {
        let offered = chromium();
        let choose = |wish: &[&str], recorded| {
            let wish: Vec<String> = wish.iter().map(|w| (*w).to_owned()).collect();
            choose_received(Kind::Video, &offered, &wish, recorded).expect("VP8 and H264 are offered")
        };
        let plain = choose(&[], false);
        assert_eq!((plain.codec.payload_type, plain.rtx.as_ref().map(|c| c.payload_type)), (96, Some(97)));
        assert_eq!(plain.codec.rtcp_fb, ["transport-cc", "nack", "nack pli"]);
        assert_eq!(choose(&["video/h264"], false).codec.payload_type, 106);
        assert_eq!(choose(&["video/vp8"], true).codec.payload_type, 106);
        assert_eq!(choose(&["video/vp9"], false).codec.payload_type, 96, "profile 2 is not taken");
        assert_eq!(choose_received(Kind::Audio, &offered, &[], false), None);
    }

    #[test]
    fn a_receiver_gets_its_own_payload_type_of_a_profile_it_decodes() {
        let offered = chromium();
        let source = |mime: &str, fmtp: &str| control::Codec {
            mime_type: mime.into(),
            clock_rate_hz: 90_000,
            channels: 1,
            fmtp: fmtp.into(),
        };
        let pt =
            |mime: &str, fmtp: &str| choose_sent(&offered, &source(mime, fmtp)).map(|c| c.codec.payload_type);
        assert_eq!(pt("video/VP8", ""), Some(96));
        assert_eq!(pt("video/H264", "packetization-mode=1;profile-level-id=42e034"), Some(106));
        assert_eq!(
            pt("video/H264", "packetization-mode=1;profile-level-id=4d001f"),
            Some(112),
            "high decodes main"
        );
        assert_eq!(pt("video/VP9", "profile-id=0"), None);
    }
}
