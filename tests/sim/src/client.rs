//! A client: offers, adds the sections it is asked for, keeps the roster it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use edge_room::Notice;
use edge_wire::model::{Participant, ParticipantState};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Section {
    Channels,
    Receives { is_audio: bool },
    Sends { is_audio: bool, cid: String },
}

#[derive(Debug)]
pub(crate) struct Client {
    sections: Vec<Section>,
    offers: u32,
    pub(crate) wants_offer: bool,
    pub(crate) own: Option<Participant>,
    /// Sids of the others, by identity.
    pub(crate) roster: BTreeMap<String, (String, u32)>,
    /// Sections by track sid, as the last answer said.
    pub(crate) tracks: BTreeMap<String, String>,
    pub(crate) has_left: bool,
    /// Reliable packets it sent.
    pub(crate) said: u64,
    /// Number of the last reliable packet of each sender.
    pub(crate) heard: BTreeMap<String, u64>,
    /// Reliable packets it missed in between.
    pub(crate) missed: u64,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self {
            sections: vec![Section::Channels],
            offers: 0,
            wants_offer: true,
            own: None,
            roster: BTreeMap::new(),
            tracks: BTreeMap::new(),
            has_left: false,
            said: 0,
            heard: BTreeMap::new(),
            missed: 0,
        }
    }

    /// Reliable data: of each sender once and in order.
    pub(crate) fn hear(&mut self, payload: &[u8]) {
        let text = std::str::from_utf8(payload).expect("the simulator sends text");
        let (sender, number) = text.split_once(' ').expect("a sender and a number");
        let number: u64 = number.parse().expect("a number");
        if let Some(last) = self.heard.insert(sender.to_owned(), number) {
            assert!(number > last, "packet {number} of {sender} comes after {last}");
            self.missed += number - last - 1;
        }
    }

    pub(crate) fn publish(&mut self, is_audio: bool, cid: &str) {
        self.sections.push(Section::Sends { is_audio, cid: cid.into() });
        self.wants_offer = true;
    }

    /// The next offer's number and description.
    pub(crate) fn offer(&mut self) -> (u32, String) {
        self.offers += 1;
        self.wants_offer = false;
        let mids: Vec<String> = (0..self.sections.len()).map(|mid| mid.to_string()).collect();
        let mut sdp = format!("v=0\r\no=- 7 {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", self.offers);
        let _ = write!(sdp, "a=group:BUNDLE {}\r\n", mids.join(" "));
        for (mid, section) in self.sections.iter().enumerate() {
            sdp.push_str(&describe(mid, section));
        }
        (self.offers, sdp)
    }

    pub(crate) fn take(&mut self, notice: Notice) {
        match notice {
            Notice::Joined { participant, others, .. } => {
                self.own = Some(participant);
                others.iter().for_each(|other| self.meet(other));
            }
            Notice::Participants(changed) => changed.iter().for_each(|other| self.meet(other)),
            Notice::MediaSections { audio, video } => {
                let wanted = [(true, audio), (false, video)];
                for (is_audio, count) in wanted {
                    self.sections.extend((0..count).map(|_| Section::Receives { is_audio }));
                }
                self.wants_offer = true;
            }
            Notice::Answer { mid_to_track, .. } => {
                self.tracks = mid_to_track.into_iter().map(|(mid, track)| (track, mid)).collect();
            }
            Notice::Leave { .. } => self.has_left = true,
            _ => {}
        }
    }

    fn meet(&mut self, other: &Participant) {
        if self.own.as_ref().is_some_and(|own| own.sid == other.sid) {
            self.own = Some(other.clone());
        } else if other.state == ParticipantState::Disconnected as i32 {
            if self.roster.get(&other.identity).is_some_and(|(sid, _)| *sid == other.sid) {
                self.roster.remove(&other.identity);
            }
        } else {
            let before = self.roster.insert(other.identity.clone(), (other.sid.clone(), other.version));
            let is_older = before.is_some_and(|(sid, version)| sid == other.sid && version > other.version);
            assert!(!is_older, "a client is told an older record of {} after a newer one", other.identity);
        }
    }
}

fn describe(mid: usize, section: &Section) -> String {
    let (kind, formats, protocol) = match section {
        Section::Channels => ("application", "webrtc-datachannel", "UDP/DTLS/SCTP"),
        Section::Receives { is_audio: true } | Section::Sends { is_audio: true, .. } => {
            ("audio", "111", "UDP/TLS/RTP/SAVPF")
        }
        _ => ("video", "96 97", "UDP/TLS/RTP/SAVPF"),
    };
    let mut sdp = format!("m={kind} 9 {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n");
    sdp.push_str("a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n");
    let _ = write!(sdp, "a=fingerprint:sha-256 {}\r\n", ["EF"; 32].join(":"));
    match kind {
        "application" => sdp.push_str("a=sctp-port:5000\r\n"),
        "audio" => sdp.push_str("a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"),
        _ => sdp.push_str(
            "a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
             a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n",
        ),
    }
    match section {
        Section::Channels => {}
        Section::Receives { .. } => {
            sdp.push_str("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=recvonly\r\n")
        }
        Section::Sends { is_audio, cid } => {
            let _ = write!(
                sdp,
                "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendonly\r\na=msid:stream {cid}\r\n"
            );
            if *is_audio {
                let _ = write!(sdp, "a=ssrc:{} cname:c\r\n", 1_000 + mid);
            } else {
                sdp.push_str("a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n");
            }
        }
    }
    sdp
}
