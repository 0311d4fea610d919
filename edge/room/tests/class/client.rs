//! A client that behaves as browsers do: offers, adds sections when asked, keeps what it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use edge_room::Notice;
use edge_wire::control::Speaker;
use edge_wire::model::{self, ParticipantState};

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) kind: &'static str,
    pub(crate) direction: &'static str,
    pub(crate) msid: Option<String>,
    pub(crate) rids: &'static [&'static str],
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) lines: Vec<Line>,
    pub(crate) ufrag: String,
    pub(crate) fingerprint: Option<String>,
    pub(crate) codecs: &'static str,
    /// Answers offers requested by the edge without being told to.
    pub(crate) is_prompt: bool,
    pub(crate) offers: u32,
    pub(crate) wants_offer: bool,
    pub(crate) notices: Vec<Notice>,
    pub(crate) own: Option<model::Participant>,
    /// By identity, hidden in [`ParticipantState::Disconnected`].
    pub(crate) roster: BTreeMap<String, model::Participant>,
    pub(crate) tracks: BTreeMap<String, String>,
    pub(crate) answer: String,
    pub(crate) speaking: BTreeMap<String, f32>,
    pub(crate) room: Option<(model::Room, u32)>,
}

/// Chromium's usual list, shortened.
pub(crate) const CHROMIUM: &str = "VP8 H264 VP9";

impl Client {
    pub(crate) fn new() -> Self {
        Self {
            lines: vec![Line { kind: "application", direction: "", msid: None, rids: &[] }],
            ufrag: "abcd".into(),
            fingerprint: Some(["AB"; 32].join(":")),
            codecs: CHROMIUM,
            is_prompt: true,
            offers: 0,
            wants_offer: false,
            notices: Vec::new(),
            own: None,
            roster: BTreeMap::new(),
            tracks: BTreeMap::new(),
            answer: String::new(),
            speaking: BTreeMap::new(),
            room: None,
        }
    }

    pub(crate) fn receive(&mut self, audio: u32, video: u32) {
        for (kind, count) in [("audio", audio), ("video", video)] {
            for _ in 0..count {
                self.lines.push(Line { kind, direction: "recvonly", msid: None, rids: &[] });
            }
        }
    }

    pub(crate) fn send(&mut self, kind: &'static str, cid: &str, rids: &'static [&'static str]) -> usize {
        let msid = Some(format!("stream {cid}"));
        self.lines.push(Line { kind, direction: "sendonly", msid, rids });
        self.lines.len() - 1
    }

    pub(crate) fn sdp(&self) -> String {
        let mids: Vec<String> = (0..self.lines.len()).map(|mid| mid.to_string()).collect();
        let mut sdp = format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
            mids.join(" ")
        );
        for (mid, line) in self.lines.iter().enumerate() {
            self.write(&mut sdp, mid, line).expect("a String grows");
        }
        sdp
    }

    fn write(&self, sdp: &mut String, mid: usize, line: &Line) -> std::fmt::Result {
        let formats = match line.kind {
            "application" => "webrtc-datachannel",
            "audio" => "111",
            _ => "96 97 102 103 98 99",
        };
        let protocol = if line.kind == "application" { "UDP/DTLS/SCTP" } else { "UDP/TLS/RTP/SAVPF" };
        write!(sdp, "m={} 9 {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n", line.kind)?;
        write!(sdp, "a=ice-ufrag:{}\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n", self.ufrag)?;
        if let Some(fingerprint) = &self.fingerprint {
            write!(sdp, "a=fingerprint:sha-256 {fingerprint}\r\n")?;
        }
        if line.kind == "application" {
            return write!(sdp, "a=sctp-port:5000\r\n");
        }
        write!(
            sdp,
            "a={}\r\na=rtcp-mux\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n",
            line.direction
        )?;
        if line.kind == "audio" {
            write!(sdp, "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n")?;
            write!(sdp, "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n")?;
        } else {
            for (name, pt, fmtp) in [
                ("VP8", 96, ""),
                ("H264", 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
                ("VP9", 98, "profile-id=0"),
            ] {
                if self.codecs.contains(name) {
                    write!(sdp, "a=rtpmap:{pt} {name}/90000\r\na=rtcp-fb:{pt} nack pli\r\n")?;
                    write!(sdp, "a=rtpmap:{0} rtx/90000\r\na=fmtp:{0} apt={pt}\r\n", pt + 1)?;
                    if !fmtp.is_empty() {
                        write!(sdp, "a=fmtp:{pt} {fmtp}\r\n")?;
                    }
                }
            }
            write!(sdp, "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n")?;
        }
        for rid in line.rids {
            write!(sdp, "a=rid:{rid} send\r\n")?;
        }
        if !line.rids.is_empty() {
            write!(sdp, "a=simulcast:send {}\r\n", line.rids.join(";"))?;
        } else if line.direction == "sendonly" {
            write!(sdp, "a=ssrc:{} cname:c\r\n", 1000 + mid)?;
        }
        line.msid.iter().try_for_each(|msid| write!(sdp, "a=msid:{msid}\r\n"))
    }

    /// Takes a notice in.
    pub(crate) fn take(&mut self, notice: Notice) {
        match &notice {
            Notice::Joined { participant, others, room, num_participants } => {
                self.own = Some(participant.clone());
                self.room = Some((room.clone(), *num_participants));
                self.roster = others.iter().map(|p| (p.identity.clone(), p.clone())).collect();
            }
            Notice::Resumed { others, .. } => {
                self.roster = others.iter().map(|p| (p.identity.clone(), p.clone())).collect();
            }
            Notice::Participants(participants) => participants.iter().for_each(|p| self.update(p)),
            Notice::MediaSections { audio, video } => {
                self.receive(*audio, *video);
                self.wants_offer = true;
            }
            Notice::Answer { sdp, mid_to_track, .. } => {
                self.answer = sdp.clone();
                self.tracks = mid_to_track.iter().map(|(mid, track)| (track.clone(), mid.clone())).collect();
            }
            Notice::Speakers(speakers) => {
                for Speaker { participant_sid, level } in speakers {
                    self.speaking.insert(participant_sid.clone(), *level);
                }
                self.speaking.retain(|_, level| *level > 0.0);
            }
            Notice::Room { room, num_participants } => self.room = Some((room.clone(), *num_participants)),
            _ => {}
        }
        self.notices.push(notice);
    }

    fn update(&mut self, participant: &model::Participant) {
        if let Some(own) = self.own.as_mut().filter(|own| own.sid == participant.sid) {
            assert!(participant.version >= own.version, "own record went back");
            *own = participant.clone();
        } else if participant.state == ParticipantState::Disconnected as i32 {
            if self.roster.get(&participant.identity).is_some_and(|known| known.sid == participant.sid) {
                self.roster.remove(&participant.identity);
            }
        } else {
            let before = self.roster.insert(participant.identity.clone(), participant.clone());
            let is_older =
                before.is_some_and(|b| b.sid == participant.sid && b.version > participant.version);
            assert!(!is_older, "the record of {} went back", participant.identity);
        }
    }

    pub(crate) fn count(&self, is: impl Fn(&Notice) -> bool) -> usize {
        self.notices.iter().filter(|notice| is(notice)).count()
    }

    /// The answer's lines of one section.
    pub(crate) fn answered(&self, mid: &str) -> String {
        let sections = self.answer.split("\r\nm=").skip(1);
        let found = sections.filter(|section| section.lines().any(|line| line == format!("a=mid:{mid}")));
        found.map(str::to_owned).next().unwrap_or_default()
    }

    pub(crate) fn is_answered(&self, mid: usize, line: &str) -> bool {
        self.answered(&mid.to_string()).lines().any(|l| l == line)
    }
}
