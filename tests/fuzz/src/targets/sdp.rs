//! `edge-sdp`: session descriptions, on every way a client can send one.

use edge_sdp::{MAX_MEDIA, MAX_RIDS, MAX_SOURCES, Offer};
use edge_session::Fingerprint;

use super::OFFERS;
use crate::Target;

/// Offers alone; `whip` and `signal_requests` also have them answered.
pub const OFFER: Target = Target {
    name: "sdp_offer",
    what: "edge-sdp: a client's offer",
    run: parse,
    seeds: || OFFERS.iter().map(|offer| offer.as_bytes().to_vec()).collect(),
    is_steps: false,
    words: WORDS,
};

pub(crate) const WORDS: &[&[u8]] = &[
    b"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n",
    b"m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n",
    b"a=mid:",
    b"a=rid:q send\r\n",
    b"a=simulcast:send q;~h,f;\r\n",
    b"a=ssrc-group:FID 1 2\r\n",
    b"a=ssrc:1 cname:x\r\n",
    b"a=extmap:1/sendonly urn:x\r\n",
    b"a=group:BUNDLE 0 1 2\r\n",
    b"a=fingerprint:sha-256 ",
    b"a=setup:active\r\n",
    b"a=rtpmap:96 VP8/90000\r\n",
    b"a=fmtp:96 apt=96;x=\r\n",
    b"a=sctp-port:",
    b"4294967296",
    b"65536",
    b"-1",
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\x00",
    b"a=inactive\r\n",
    b"a=bundle-only\r\n",
    b"a=msid:- -\r\n",
    b"a=rtcp-fb:* nack pli\r\n",
];

fn parse(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let _ = text.parse::<Fingerprint>();
    let Ok(offer) = Offer::parse(&text) else { return };
    assert!(offer.media.len() <= MAX_MEDIA);
    let _ = offer.fingerprint.parse::<Fingerprint>();
    for media in &offer.media {
        assert!(media.sources.len() <= MAX_SOURCES && media.send_rids.len() <= MAX_RIDS, "{media:?}");
        // These become words of an answer's lines.
        let words = [&media.mid]
            .into_iter()
            .chain(&media.send_rids)
            .chain(media.codecs.iter().map(|codec| &codec.name));
        assert!(
            words
                .into_iter()
                .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic())),
            "{media:?}"
        );
        for codec in &media.codecs {
            let _ = (codec.parameter("apt"), codec.parameter("profile-level-id"));
        }
    }
}

/// Every line of an answer is one line with a type, whatever the offer said.
pub(crate) fn check_answer(sdp: &str) {
    assert!(sdp.ends_with("\r\n"));
    for line in sdp.split_terminator("\r\n") {
        assert!(
            line.as_bytes().get(1) == Some(&b'=') && !line.chars().any(char::is_control),
            "{line:?} in {sdp}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_offers_that_parse() {
        for offer in OFFERS {
            let offer = Offer::parse(offer).expect("a browser's offer");
            assert!(!offer.media.is_empty());
        }
    }

    #[test]
    #[should_panic(expected = "in v=0")]
    fn an_answer_with_a_line_too_many_is_noticed() {
        check_answer("v=0\r\na=mid:0\rm=video\r\n");
    }
}
