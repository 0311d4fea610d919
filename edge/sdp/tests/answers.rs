//! Answers as clients read them, checked by another reader (rtc-sdp).

use std::io::Cursor;

use edge_sdp::{
    Answer, AnswerMedia, Candidate, Codec, Direction, Extension, Kind, MAX_MESSAGE_BYTES, Offer, Outgoing,
};
use rtc_sdp::SessionDescription;

fn codec(
    payload_type: u8,
    name: &str,
    clock_rate_hz: u32,
    channels: u8,
    fmtp: &str,
    rtcp_fb: &[&str],
) -> Codec {
    let rtcp_fb = rtcp_fb.iter().map(|&v| v.to_owned()).collect();
    Codec { payload_type, name: name.into(), clock_rate_hz, channels, fmtp: fmtp.into(), rtcp_fb }
}

fn media(mid: &str, kind: Kind, direction: Direction, codecs: Vec<Codec>) -> AnswerMedia {
    AnswerMedia {
        mid: mid.into(),
        kind,
        rejected: false,
        direction,
        codecs,
        extensions: Vec::new(),
        receive_rids: Vec::new(),
        outgoing: None,
    }
}

fn answer() -> Answer {
    let vp8 = || {
        vec![
            codec(96, "VP8", 90_000, 1, "", &["nack", "nack pli", "transport-cc"]),
            codec(97, "rtx", 90_000, 1, "apt=96", &[]),
        ]
    };
    let mut camera = media("2", Kind::Video, Direction::RecvOnly, vp8());
    camera.receive_rids = vec!["q".into(), "h".into(), "f".into()];
    camera.extensions = vec![Extension { id: 4, uri: "urn:ietf:params:rtp-hdrext:sdes:mid".into() }];
    let mut down = media("3", Kind::Video, Direction::SendOnly, vp8());
    down.outgoing = Some(Outgoing {
        ssrc: 7,
        rtx_ssrc: Some(8),
        cname: "edge".into(),
        stream_id: "PA_x|TR_y".into(),
        track_id: "TR_y".into(),
    });
    let opus = vec![codec(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", &["transport-cc"])];
    let mut refused = media("4", Kind::Audio, Direction::SendRecv, Vec::new());
    refused.rejected = true;
    Answer {
        session_id: 4_611_686_018_427_387_905,
        session_version: 2,
        ice_ufrag: "Abcd".into(),
        ice_pwd: "0123456789abcdefghijklmn".into(),
        fingerprint: "AA:BB".into(),
        candidates: vec![
            Candidate { address: "192.0.2.1:7882".parse().expect("an address") },
            Candidate { address: "[2001:db8::1]:7882".parse().expect("an address") },
        ],
        media: vec![
            media("0", Kind::Application, Direction::SendRecv, Vec::new()),
            media("1", Kind::Audio, Direction::RecvOnly, opus),
            camera,
            down,
            refused,
        ],
        extmap_allow_mixed: true,
    }
}

#[test]
fn another_reader_finds_everything_in_place() {
    let text = answer().write();
    let read = SessionDescription::unmarshal(&mut Cursor::new(text.as_bytes())).expect("rtc-sdp reads it");
    assert_eq!(read.origin.session_id, 4_611_686_018_427_387_905);
    assert_eq!(read.origin.session_version, 2);
    assert_eq!(read.attribute("group").map(String::as_str), Some("BUNDLE 0 1 2 3"));
    assert!(read.has_attribute("ice-lite"));
    let ports: Vec<isize> = read.media_descriptions.iter().map(|m| m.media_name.port.value).collect();
    assert_eq!(ports, [9, 9, 9, 9, 0], "one section for each of the offer's, in its order");

    let data = &read.media_descriptions[0];
    assert_eq!(data.media_name.protos, ["UDP", "DTLS", "SCTP"]);
    assert_eq!(data.media_name.formats, ["webrtc-datachannel"]);
    assert_eq!(data.attribute("sctp-port"), Some(Some("5000")));
    assert_eq!(data.attribute("max-message-size"), Some(Some(MAX_MESSAGE_BYTES.to_string().as_str())));
    let candidates: Vec<&str> =
        data.attributes.iter().filter(|a| a.key == "candidate").filter_map(|a| a.value.as_deref()).collect();
    assert_eq!(candidates[0], "1 1 udp 2130706431 192.0.2.1 7882 typ host");
    assert!(candidates[1].ends_with("2001:db8::1 7882 typ host"));
    assert!(data.has_attribute("end-of-candidates"));

    for section in &read.media_descriptions[..4] {
        assert_eq!(section.attribute("setup"), Some(Some("passive")));
        assert_eq!(section.attribute("ice-ufrag"), Some(Some("Abcd")));
        assert_eq!(section.attribute("fingerprint"), Some(Some("sha-256 AA:BB")));
        assert!(!section.has_attribute("ice-options"));
    }
    let camera = &read.media_descriptions[2];
    assert!(
        camera.has_attribute("recvonly")
            && camera.has_attribute("rtcp-mux")
            && camera.has_attribute("rtcp-rsize")
    );
    assert_eq!(camera.media_name.formats, ["96", "97"]);
    assert_eq!(camera.attribute("simulcast"), Some(Some("recv q;h;f")));
    assert_eq!(camera.attribute("rid"), Some(Some("q recv")));
    let refused = &read.media_descriptions[4];
    assert!(refused.has_attribute("inactive") && !refused.has_attribute("ice-ufrag"));
}

/// Read by the offer's reader: what one end writes about a stream the other reads.
#[test]
fn outgoing_stream_reads_back() {
    let text = answer().write().replace("a=setup:passive", "a=setup:active");
    let read = Offer::parse(&text).expect("an answer has the shape of an offer");
    let down = &read.media[3];
    assert_eq!(down.msid, Some(("PA_x|TR_y".into(), "TR_y".into())));
    assert_eq!((down.sources[0].ssrc, down.sources[0].rtx_ssrc), (7, Some(8)));
    assert_eq!(down.sources[0].cname, "edge");
    assert_eq!(down.codecs[0].rtcp_fb, ["nack", "nack pli", "transport-cc"]);
    assert_eq!(read.media[1].codecs[0].channels, 2);
    assert_eq!(read.media[2].extensions.len(), 1);
    assert!(read.media[4].rejected);
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']));
}

#[test]
fn an_inactive_section_names_no_stream() {
    let mut quiet = answer();
    quiet.media[3].direction = Direction::Inactive;
    let read = Offer::parse(&quiet.write().replace("a=setup:passive", "a=setup:active")).expect("it parses");
    assert!(read.media[3].sources.is_empty() && read.media[3].msid.is_none());
}
