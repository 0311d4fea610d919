//! Offers as clients write them.

use edge_sdp::{Direction, Error, Kind, MAX_MEDIA, MAX_TEXT_BYTES, Offer};
use proptest::prelude::*;

const CHROMIUM: &str = include_str!("offers/chromium.sdp");
const FIREFOX: &str = include_str!("offers/firefox.sdp");
const NATIVE: &str = include_str!("offers/native.sdp");
const WEBRTC_RS: &str = include_str!("offers/webrtc_rs.sdp");

fn parse(text: &str) -> Offer {
    Offer::parse(&text.replace('\n', "\r\n")).expect("a real offer parses")
}

#[test]
fn chromium_camera_in_three_layers_microphone_and_data() {
    let offer = parse(CHROMIUM);
    assert_eq!(offer.ice_ufrag, "x7Gd");
    assert_eq!(offer.ice_pwd, "Zl1mVqWc9s0T4uXoK8yRbnEH");
    assert!(offer.fingerprint.starts_with("sha-256 7B:8B:F0"));
    assert!(offer.extmap_allow_mixed);
    let kinds: Vec<Kind> = offer.media.iter().map(|m| m.kind).collect();
    assert_eq!(kinds, [Kind::Application, Kind::Audio, Kind::Video, Kind::Video]);

    let data = &offer.media[0];
    assert_eq!((data.sctp_port, data.max_message_size), (Some(5000), Some(262_144)));
    assert!(data.codecs.is_empty());

    let audio = &offer.media[1];
    assert_eq!(audio.direction, Direction::SendOnly);
    assert_eq!(
        audio.codecs.iter().map(|c| c.payload_type).collect::<Vec<_>>(),
        [111, 63, 9, 0, 8, 13, 110, 126]
    );
    assert_eq!((audio.codecs[0].name.as_str(), audio.codecs[0].channels), ("opus", 2));
    assert_eq!(audio.codecs[0].parameter("useinbandfec"), Some("1"));
    assert_eq!(audio.sources.len(), 1);
    assert_eq!((audio.sources[0].ssrc, audio.sources[0].rtx_ssrc), (2_231_627_014, None));
    assert_eq!(audio.sources[0].cname, "pJ4yQ0m3QH8uYl0N");

    let video = &offer.media[2];
    assert_eq!(video.send_rids, ["q", "h", "f"], "a paused layer counts");
    assert_eq!(video.codecs[0].rtcp_fb, ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]);
    assert_eq!(video.codecs[1].parameter("apt"), Some("96"));
    assert_eq!(video.msid.as_ref().map(|m| m.1.as_str()), Some("8b1b5a0c-2e6f-4d61-8a57-90c5e5b7d001"));
    assert_eq!(video.extensions.len(), 7);
    assert_eq!(
        (video.extensions[0].id, video.extensions[0].uri.as_str()),
        (14, "urn:ietf:params:rtp-hdrext:toffset")
    );
    assert!(video.sources.is_empty());

    assert_eq!(offer.media[3].direction, Direction::RecvOnly);
    assert_eq!(offer.media[3].msid, None);
}

#[test]
fn firefox_session_fingerprint_wildcard_feedback_and_bundle_only() {
    let offer = parse(FIREFOX);
    assert_eq!(offer.ice_ufrag, "1c9ab2ff");
    assert!(offer.fingerprint.starts_with("sha-256 C4:41"));
    let video = &offer.media[0];
    assert_eq!(
        video.send_rids,
        ["f", "h", "q"],
        "the first of alternatives, in the order of the simulcast line"
    );
    assert_eq!(video.codecs[0].rtcp_fb, ["transport-cc", "nack", "nack pli"]);
    assert_eq!(video.codecs[2].rtcp_fb, ["transport-cc"]);
    assert_eq!(video.codecs[2].parameter("packetization-mode"), Some("1"));
    let ids: Vec<u8> = video.extensions.iter().map(|e| e.id).collect();
    assert_eq!(ids, [3, 4, 5, 6], "an inactive extension is not on offer");
    assert_eq!(video.sources.len(), 1);
    assert_eq!(video.sources[0].rtx_ssrc, Some(1_944_072_803));
    assert!(!offer.media[1].rejected, "port 0 with bundle-only is alive");
    assert_eq!(offer.media[1].max_message_size, Some(1_073_741_823));
}

#[test]
fn native_client_ssrc_layers_legacy_msid_and_a_stopped_section() {
    let offer = parse(NATIVE);
    assert_eq!(offer.media[0].msid, Some(("stream".into(), "TR_mic".into())));
    assert!(offer.media[1].rejected);
    assert_eq!(offer.media[1].direction, Direction::Inactive);
    let pairs: Vec<_> = offer.media[2].sources.iter().map(|s| (s.ssrc, s.rtx_ssrc)).collect();
    assert_eq!(pairs, [(11, Some(21)), (12, Some(22)), (13, Some(23))]);
}

#[test]
fn webrtc_rs_trailing_spaces_and_old_sctp_line() {
    let offer = parse(WEBRTC_RS);
    assert_eq!(offer.media[0].codecs[0].rtcp_fb, ["nack", "nack pli"]);
    assert_eq!(offer.media[0].msid, Some(("webrtc-rs".into(), "video".into())));
    assert_eq!(offer.media[1].sctp_port, Some(5000));
    assert_eq!(Offer::parse(WEBRTC_RS), Ok(offer), "bare LF line ends read the same");
}

#[test]
fn what_is_missing_is_named() {
    let without = |prefix: &str| {
        let kept: Vec<&str> = CHROMIUM.lines().filter(|line| !line.starts_with(prefix)).collect();
        Offer::parse(&kept.join("\r\n"))
    };
    assert_eq!(without("a=ice-ufrag"), Err(Error::NoIce));
    assert_eq!(without("a=ice-pwd"), Err(Error::NoIce));
    assert_eq!(without("a=fingerprint"), Err(Error::NoFingerprint));
    assert_eq!(without("a=mid:2"), Err(Error::NoMid { index: 2 }));
    assert!(without("a=setup").is_ok(), "active is the default of RFC 4145");
    let passive = CHROMIUM.replace("a=setup:actpass", "a=setup:passive");
    assert_eq!(Offer::parse(&passive), Err(Error::Setup { setup: "passive".into() }));
    let same_mid = CHROMIUM.replace("a=mid:3", "a=mid:2");
    assert!(matches!(Offer::parse(&same_mid), Err(Error::Syntax(_))));
    assert!(matches!(Offer::parse(""), Err(Error::Syntax(_))));
    assert!(matches!(Offer::parse("hello"), Err(Error::Syntax(_))));
    let smuggled = CHROMIUM.replace("a=mid:3", "a=mid:3\ra=ice-lite");
    assert!(
        matches!(Offer::parse(&smuggled), Err(Error::Syntax(_))),
        "a lone CR would be a line of the answer"
    );
}

#[test]
fn sections_outside_of_the_bundle_count_as_rejected() {
    let partly = Offer::parse(&CHROMIUM.replace("BUNDLE 0 1 2 3", "BUNDLE 1 2")).expect("it parses");
    assert_eq!(partly.media.iter().map(|m| m.rejected).collect::<Vec<_>>(), [true, false, false, true]);
    let none = Offer::parse(&CHROMIUM.replace("a=group:BUNDLE 0 1 2 3", "a=tool:old")).expect("it parses");
    assert_eq!(none.media.iter().map(|m| m.rejected).collect::<Vec<_>>(), [false, true, true, true]);
}

#[test]
fn limits_hold() {
    let long = format!("{CHROMIUM}a=x:{}\n", "y".repeat(MAX_TEXT_BYTES));
    assert!(matches!(Offer::parse(&long), Err(Error::TooLong { .. })));
    let section = "m=audio 9 UDP/TLS/RTP/SAVPF 111\n";
    let many = format!("v=0\n{}", section.repeat(MAX_MEDIA + 1));
    assert_eq!(Offer::parse(&many), Err(Error::TooManyMedia { count: MAX_MEDIA + 1, limit: MAX_MEDIA }));
}

proptest! {
    #[test]
    fn garbage_never_panics(text in ".{0,2000}") {
        let _ = Offer::parse(&text);
    }

    /// Real offers with lines dropped, doubled or cut and bytes replaced reach deep into the reader.
    #[test]
    fn damaged_offers_never_panic(
        which in 0usize..4,
        cuts in proptest::collection::vec((0usize..120, 0usize..60, 0u8..4, any::<char>()), 0..12),
    ) {
        let mut lines: Vec<String> = [CHROMIUM, FIREFOX, NATIVE, WEBRTC_RS][which].lines().map(str::to_owned).collect();
        for (line, at, what, with) in cuts {
            let line = line % lines.len();
            match what {
                0 => { lines.remove(line); }
                1 => { let copy = lines[line].clone(); lines.push(copy); }
                2 => { lines[line] = lines[line].chars().take(at).collect(); }
                _ => { lines[line] = lines[line].chars().enumerate().map(|(i, c)| if i == at { with } else { c }).collect(); }
            }
            if lines.is_empty() { break; }
        }
        let _ = Offer::parse(&lines.join("\r\n"));
    }
}
