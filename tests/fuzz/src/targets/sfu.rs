//! `edge-sfu`: packets of links, and of members who hold good keys and mean no good.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use edge_session::{LocalIce, RemoteParameters};
use edge_sfu::{
    Codec, Command, Config, Event, Extensions, Incoming, Kind, LinkId, Origin, Outgoing, SessionId, Sfu,
    SourceId, Target as Wish,
};

use rtc_shared::marshal::Unmarshal as _;

use super::session::{PASSWORD, address, client_hello, config};
use super::{begin, frames};
use crate::Target;
use crate::client::{Client, Options};
use crate::steps::{Steps, write};

/// RTP from another edge.
pub const LINK: Target = Target {
    name: "sfu_link",
    what: "edge-sfu: RTP and payload headers from a link",
    run: link,
    seeds: link_seeds,
    is_steps: true,
    words: &[b"\x90\0", b"\xbe\xde\0\x01", b"\x10\0\0\x01", b"\x7c\x85", b"\x78\0"],
};

/// RTP, RTCP, DTLS records and SCTP from a connected client, sealed as they should be.
pub const MEMBER: Target = Target {
    name: "sfu_member",
    what: "edge-session, edge-sfu: SRTP, SRTCP, transport feedback and SCTP of a connected client",
    run: member,
    seeds: member_seeds,
    is_steps: true,
    words: &[
        b"\xbe\xde\0\x01",
        b"\x10\0\0\x01",
        b"\x01\0\0\x04",
        b"\x03\0\0\x10",
        b"\x06\0\0\x04",
        b"\x82\0\0\x08",
        b"\xc0\0\0\x04",
    ],
};

const CODECS: [Codec; 6] = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1, Codec::Other];
const PEER: LinkId = LinkId(7);
const LAYERS: u8 = 3;

/// Kind, from the lowest bit: three for the codec, marker, two for the layer, whole packet, hole before it.
fn link(input: &[u8]) {
    let mut now = begin();
    let mut sfu = Sfu::new(Config::new(config()), now);
    for (at, codec) in CODECS.into_iter().enumerate() {
        open_source(&mut sfu, now, at as u32, Origin::Link(PEER), codec);
        for layer in 0..LAYERS {
            let (source, flow) = (SourceId(at as u32), flow(at, layer));
            sfu.handle_command(now, Command::LinkReceive { link: PEER, flow, source, layer });
            sfu.handle_command(now, Command::LinkSubscribe { link: LinkId::RECORDER, flow, source, layer });
        }
    }
    let mut sequence: u16 = 65_500;
    for (step, (kind, body)) in Steps::of(input).take(256).enumerate() {
        let (codec, layer) = (usize::from(kind & 7) % CODECS.len(), (kind >> 4 & 3) % LAYERS);
        sequence = sequence.wrapping_add(if kind & 0x80 == 0 { 1 } else { body.len() as u16 });
        let packet = if kind & 0x40 != 0 {
            body.to_vec()
        } else {
            rtp(96 | (kind << 4 & 0x80), sequence, step as u32 * 3_000, 0, &[], body)
        };
        sfu.handle_link_packet(now, PEER, flow(codec, layer), &packet);
        if step % 8 == 7 {
            let sequence_numbers = (0..20).map(|back| sequence.wrapping_sub(back)).collect();
            let nack =
                Command::LinkNack { link: LinkId::RECORDER, flow: flow(codec, layer), sequence_numbers };
            sfu.handle_command(now, nack);
            let report = Command::LinkSenderReport {
                link: PEER,
                flow: flow(codec, layer),
                ntp: u64::MAX,
                rtp_timestamp: 1,
                age_ms: 3,
            };
            sfu.handle_command(now, report);
        }
        now += Duration::from_millis(7);
        sfu.handle_timeout(now);
        drain(&mut sfu);
    }
    now += Duration::from_secs(10);
    sfu.handle_timeout(now);
    sfu.handle_command(now, Command::CloseLink { link: PEER });
    drain(&mut sfu);
}

fn flow(codec: usize, layer: u8) -> u64 {
    codec as u64 * 10 + u64::from(layer) + 1
}

fn open_source(sfu: &mut Sfu, now: Instant, source: u32, origin: Origin, codec: Codec) {
    let (kind, clock_rate_hz) =
        if codec == Codec::Opus { (Kind::Audio, 48_000) } else { (Kind::Video, 90_000) };
    let source = SourceId(source);
    sfu.handle_command(
        now,
        Command::OpenSource { source, origin, kind, codec, clock_rate_hz, layers: LAYERS },
    );
}

/// What is sent stays inside a datagram.
fn drain(sfu: &mut Sfu) -> Vec<(SocketAddr, Vec<u8>)> {
    while let Some(event) = sfu.poll_event() {
        if let Event::Quality { loss_down, loss_up, .. } = event {
            assert!(
                (0.0..=1.0).contains(&loss_down) && (0.0..=1.0).contains(&loss_up),
                "{loss_down} {loss_up}"
            );
        }
    }
    for (_, _, packet) in sfu.link_packets().iter() {
        assert!(packet.len() <= edge_wire::rtp::PACKET_BYTES_MAX, "{} bytes on a link", packet.len());
    }
    sfu.link_packets().clear();
    let sent: Vec<_> = sfu.transmits().iter().map(|(to, bytes)| (to, bytes.to_vec())).collect();
    sfu.transmits().clear();
    assert!(sent.iter().all(|(_, datagram)| !datagram.is_empty() && datagram.len() <= 1_500));
    sent
}

fn rtp(
    kind: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    elements: &[(u8, &[u8])],
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![if elements.is_empty() { 0x80 } else { 0x90 }, kind];
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&timestamp.to_be_bytes());
    packet.extend_from_slice(&ssrc.to_be_bytes());
    if !elements.is_empty() {
        let mut body: Vec<u8> = Vec::new();
        for (id, value) in elements {
            body.push(id << 4 | (value.len() - 1) as u8);
            body.extend_from_slice(value);
        }
        body.resize(body.len().next_multiple_of(4), 0);
        packet.extend_from_slice(&[0xBE, 0xDE, 0, (body.len() / 4) as u8]);
        packet.extend_from_slice(&body);
    }
    packet.extend_from_slice(payload);
    packet
}

const EXTENSIONS: Extensions = Extensions {
    mid: Some(1),
    rid: Some(2),
    repaired_rid: Some(3),
    audio_level: Some(4),
    transport_cc: Some(5),
    abs_send_time: Some(8),
    video_orientation: Some(6),
    dependency_descriptor: Some(7),
    playout_delay: Some(9),
    abs_capture_time: Some(10),
};

/// A shard with a publisher and a student, both connected.
struct Shard {
    now: Instant,
    sfu: Sfu,
    clients: [Client; 2],
    sequence: u16,
}

impl Shard {
    fn new() -> Self {
        let now = begin();
        let client = |at: u16| {
            Client::new(
                address(4_000 + at),
                format!("peer{at}ufrag:client"),
                PASSWORD.into(),
                &Options::default(),
            )
        };
        let mut shard = Self {
            now,
            sfu: Sfu::new(Config::new(config()), now),
            clients: [client(0), client(1)],
            sequence: 65_000,
        };
        for at in 0..2 {
            let fingerprint = shard.clients[at].fingerprint.parse().expect("a fingerprint");
            let local = LocalIce { ufrag: format!("peer{at}ufrag"), pwd: PASSWORD.into() };
            let remote = RemoteParameters { ice_ufrag: "client".into(), fingerprint };
            shard
                .sfu
                .handle_command(now, Command::OpenSession { session: SessionId(at as u32), local, remote });
            shard.clients[at].start(now);
        }
        for _ in 0..200 {
            shard.pass(Duration::from_millis(10));
            if shard.clients.iter().all(Client::is_connected) {
                break;
            }
        }
        assert!(shard.clients.iter().all(Client::is_connected), "a handshake without loss");
        shard.set_up();
        shard
    }

    fn set_up(&mut self) {
        let now = self.now;
        let session = SessionId(0);
        for (source, codec) in [(1, Codec::Vp8), (2, Codec::Opus), (3, Codec::H264)] {
            open_source(&mut self.sfu, now, source, Origin::Session(session), codec);
        }
        let incoming =
            |mid: &str, source, payload_type, rids: &[&str], ssrcs: &[(u32, Option<u32>)]| Incoming {
                mid: mid.into(),
                source: SourceId(source),
                payload_type,
                rtx_payload_type: (payload_type != 111).then_some(payload_type + 1),
                rids: rids.iter().map(ToString::to_string).collect(),
                ssrcs: ssrcs.to_vec(),
                extensions: EXTENSIONS,
            };
        let incoming = vec![
            incoming("v", 1, 96, &["q", "h", "f"], &[]),
            incoming("a", 2, 111, &[], &[(2_000, None)]),
            incoming("w", 3, 102, &[], &[(3_000, Some(3_001))]),
        ];
        self.sfu.handle_command(now, Command::SetIncoming { session, incoming });
        let session = SessionId(1);
        let outgoing = |source: u32| Outgoing {
            mid: source.to_string(),
            ssrc: 5_000 + source,
            rtx_ssrc: Some(6_000 + source),
            cname: "publisher".into(),
            extensions: EXTENSIONS,
        };
        self.sfu
            .handle_command(now, Command::SetOutgoing { session, outgoing: (1..4).map(outgoing).collect() });
        for source in 1..4 {
            let watch = Command::Watch {
                session,
                mid: source.to_string(),
                source: SourceId(source),
                payload_type: 100,
                rtx_payload_type: Some(101),
                target: Wish { layer: 2, paused: false },
            };
            self.sfu.handle_command(now, watch);
        }
        self.clients[0].start_sctp(now);
        for _ in 0..20 {
            self.pass(Duration::from_millis(5));
        }
        self.clients[0].open_channel(self.now, 0, "_reliable", 0, 0);
        self.pass(Duration::from_millis(5));
    }

    /// Time passes, and everything that is on its way arrives.
    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        for at in 0..2 {
            self.clients[at].handle_timeout(self.now);
        }
        self.sfu.handle_timeout(self.now);
        self.carry();
    }

    fn carry(&mut self) {
        for _ in 0..16 {
            let mut quiet = true;
            for at in 0..2 {
                while let Some(mut datagram) = self.clients[at].outbox.pop_front() {
                    quiet = false;
                    self.sfu.handle_datagram(self.now, self.clients[at].address, &mut datagram);
                }
            }
            for (to, datagram) in drain(&mut self.sfu) {
                let Some(client) = self.clients.iter_mut().find(|client| client.address == to) else {
                    continue;
                };
                match datagram[0] {
                    0..=127 => client.handle(self.now, &datagram),
                    _ if (192..=223).contains(&datagram[1]) => drop(client.open_rtcp(&datagram)),
                    _ => assert!(client.open_rtp(&datagram).len() >= 12),
                }
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }

    /// One packet of the publisher, under a good header.
    fn media(&mut self, kind: u8, payload: &[u8]) {
        self.sequence = self.sequence.wrapping_add(1);
        let transport = self.sequence.to_be_bytes();
        let (payload_type, ssrc, elements): (u8, u32, Vec<(u8, &[u8])>) = match kind {
            1 => (96, 1_000, vec![(1, b"v"), (2, b"q"), (5, &transport)]),
            2 => (102, 3_000, vec![(5, &transport)]),
            _ => (111, 2_000, vec![(4, &[0x8A]), (5, &transport)]),
        };
        let packet =
            rtp(payload_type, self.sequence, u32::from(self.sequence) * 960, ssrc, &elements, payload);
        self.sealed(&packet);
    }

    /// Seals any packet whose header fits it, however wrong the elements in the header are.
    fn sealed(&mut self, packet: &[u8]) {
        // To the stack that seals, a block of an unknown profile is opaque.
        let mut opaque = packet.to_vec();
        if let (Some(first), Some(cc)) =
            (packet.first(), packet.first().map(|first| usize::from(first & 15) * 4))
            && first & 0x10 != 0
            && let Some(profile) = opaque.get_mut(12 + cc..14 + cc)
        {
            profile.fill(0);
        }
        let Ok(header) = rtc_rtp::Header::unmarshal(&mut opaque.as_slice()) else { return };
        if let Ok(sealed) = self.clients[0].sealer().encrypt_rtp_with_header(packet, &header) {
            self.clients[0].outbox.push_back(sealed.to_vec());
        }
    }

    /// RTCP as it is; shorter than a header nobody could seal it.
    fn report(&mut self, client: usize, packet: &[u8]) {
        if packet.len() >= 8 && (192..=223).contains(&packet[1]) && packet[0] >> 6 == 2 {
            let sealed = self.clients[client].seal_rtcp(packet);
            self.clients[client].outbox.push_back(sealed);
        }
    }
}

/// Kind 0: a whole RTP packet. 1, 2, 3: a payload of VP8, H264, Opus. 4, 5: a whole RTCP packet of the publisher, of the
/// student. 6: the body of an RTCP packet of the student, its kind first. 7: a raw datagram. 8: a DTLS record. 9: SCTP
/// chunks. 10: a message on the channel. Any other: time passes, as many times 3 ms.
fn member(input: &[u8]) {
    attended(input);
}

fn attended(input: &[u8]) -> Shard {
    let mut shard = Shard::new();
    let mut genuine = true;
    for (kind, body) in Steps::of(input).take(128) {
        if shard.clients.iter().any(|client| client.is_closed) {
            break;
        }
        let now = shard.now;
        match kind {
            0 => shard.sealed(body),
            1..=3 => shard.media(kind, body),
            4 => shard.report(0, body),
            5 => shard.report(1, body),
            6 => {
                let (first, rest) = body.split_first().unwrap_or((&0, &[]));
                let mut packet = vec![0x80 | first & 31, 200 + (first >> 5), 0, 0, 0, 0, 0, 1];
                packet.extend_from_slice(rest);
                packet.resize(packet.len().next_multiple_of(4), 0);
                let words = (packet.len() / 4 - 1) as u16;
                packet[2..4].copy_from_slice(&words.to_be_bytes());
                shard.report(1, &packet);
            }
            7 => shard.clients[0].outbox.push_back(body.to_vec()),
            8 if !body.is_empty() => {
                genuine = false;
                shard.clients[0].send_record(now, body);
            }
            9 if shard.clients[0].is_sctp_up() => {
                genuine = false;
                let packet = shard.clients[0].sctp_packet(body);
                shard.clients[0].send_record(now, &packet);
            }
            10 if genuine => shard.clients[0].send(now, 0, true, body),
            times => shard.pass(Duration::from_millis(3) * u32::from(times)),
        }
        shard.carry();
    }
    shard.pass(Duration::from_secs(3));
    shard
}

fn link_seeds() -> Vec<Vec<u8>> {
    let mut every = Vec::new();
    for (codec, payload) in [
        (0, frames::OPUS),
        (1, frames::VP8),
        (2, frames::VP9),
        (3, frames::H264),
        (4, frames::AV1),
        (5, frames::OPUS),
    ] {
        every.push((codec, payload.to_vec()));
        every.push((codec | 8, payload.to_vec()));
        every.push((codec | 0x18, payload.to_vec()));
        every.push((codec | 0x40, rtp(96, 9, 9, 0, &[(1, &[0x80]), (3, &[1, 2, 3])], payload)));
    }
    let mut seeds: Vec<Vec<u8>> = every.chunks(4).map(write).collect();
    seeds.push(write(&every));
    seeds
}

fn member_seeds() -> Vec<Vec<u8>> {
    let whole = rtp(96, 7, 7, 1_100, &[(1, b"v"), (2, b"h"), (5, &[0, 7]), (9, &[0, 0, 0])], frames::VP8);
    let mut two_byte = whole.clone();
    two_byte[12..14].copy_from_slice(&[0x10, 0]);
    // Packets 65,002 to 65,004 of the lowest layer are missing, and one of them comes again.
    let after_hole = rtp(96, 65_005, 9, 1_000, &[(1, b"v"), (2, b"q")], frames::VP8);
    let again = 65_003_u16.to_be_bytes();
    let rtx = rtp(97, 1, 8, 1_001, &[(1, b"v"), (3, b"q")], &[&again[..], frames::VP8].concat());
    let report =
        [0x80, 200, 0, 6, 0, 0, 3, 0xE8, 0xE8, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 9];
    let receiver = [1 | 1 << 5, 0, 0, 0x13, 0x89, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let nack = [1 | 5 << 5, 0, 0, 0x13, 0x89, 0, 1, 0xFF, 0xFF, 0, 9, 0, 3];
    let pli = [1 | 6 << 5, 0, 0, 0x13, 0x89];
    let twcc = [15 | 5 << 5, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 1, 0, 0x20, 8, 4, 4, 4, 4, 4, 4, 4, 4];
    let remb = [15 | 6 << 5, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0x10, 0, 0, 0, 0, 0x13, 0x89];
    let bytes = |body: &[u8]| body.to_vec();
    vec![
        write(&[
            (1, bytes(frames::VP8)),
            (1, bytes(&frames::VP8[..20])),
            (2, bytes(frames::H264)),
            (3, bytes(frames::OPUS)),
            (30, vec![]),
        ]),
        write(&[(0, whole), (0, two_byte)]),
        write(&[(1, bytes(frames::VP8)), (0, after_hole), (9, vec![]), (0, rtx), (100, vec![])]),
        write(&[
            (1, bytes(frames::VP8)),
            (4, bytes(&report)),
            (6, bytes(&receiver)),
            (6, bytes(&nack)),
            (6, bytes(&pli)),
            (255, vec![]),
        ]),
        write(&[
            (6, bytes(&twcc)),
            (6, bytes(&remb)),
            (5, bytes(&report)),
            (7, client_hello()),
            (50, vec![]),
        ]),
        write(&[
            (10, b"hello".to_vec()),
            (20, vec![]),
            (9, bytes(&[6, 0, 0, 4])),
            (8, bytes(&[0x13, 0x88, 0x13, 0x88])),
            (60, vec![]),
        ]),
        write(&[
            (9, bytes(&[0, 3, 0, 20, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 53, 1, 2, 3, 4])),
            (9, bytes(&[3, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])),
            (9, vec![]),
        ]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_understood() {
        let mut seen = [0; 7];
        for seed in member_seeds() {
            let shard = attended(&seed);
            let c = shard.sfu.counters();
            let now = [
                c.rtp_in,
                c.rtp_out,
                c.rtcp_in,
                c.rtx_in,
                c.keyframes_in,
                c.nacks_in,
                c.keyframe_requests_in,
            ];
            seen.iter_mut().zip(now).for_each(|(sum, count)| *sum += count);
        }
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    }
}
