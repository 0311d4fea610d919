//! `edge-session`: datagrams of somebody who is not connected.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use edge_session::{Config, LocalIce, RemoteParameters, Session, classify, stun_local_ufrag};

use super::begin;
use crate::Target;
use crate::client::{check, signed_request};
use crate::steps::{Steps, write};

/// STUN and DTLS towards a session that waits.
pub const STRANGER: Target = Target {
    name: "session_stranger",
    what: "edge-session: datagrams before a handshake",
    run: stranger,
    seeds,
    is_steps: true,
    words: &[b"\x16\xfe", b"\x21\x12\xa4\x42", b"edgeufrag:", b"\0\x06", b"\0\x08", b"\0\x25", b"\0\x24"],
};

pub(crate) const UFRAG: &str = "edgeufrag";
pub(crate) const PASSWORD: &str = "the password of the session";

/// One certificate for all, as one process has.
pub(crate) fn config() -> Arc<Config> {
    static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
    CONFIG.get_or_init(|| Config::generate().expect("the provider has P-256")).clone()
}

pub(crate) fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 7], port))
}

/// Kind 0: a datagram from the address that was checked. 1: from another. 2: attributes of a check with a good signature.
/// Any other: time passes, as many tenths of a second.
fn stranger(input: &[u8]) {
    let mut now = begin();
    let remote = RemoteParameters {
        ice_ufrag: "client".into(),
        fingerprint: format!("sha-256 {}", ["AB"; 32].join(":")).parse().expect("a fingerprint"),
    };
    let local = LocalIce { ufrag: UFRAG.into(), pwd: PASSWORD.into() };
    let mut session = Session::new(config(), local, remote, now);
    let mut first = check(&format!("{UFRAG}:client"), PASSWORD, true);
    session.handle_datagram(now, address(4_000), &mut first);
    for (kind, body) in Steps::of(input).take(128) {
        let _ = (classify(body), stun_local_ufrag(body));
        let mut datagram = body.to_vec();
        match kind {
            0 | 1 => {
                session.handle_datagram(now, address(4_000 + u16::from(kind)), &mut datagram);
            }
            2 => {
                let mut attributes = vec![(6, format!("{UFRAG}:client").into_bytes())];
                attributes
                    .extend(Steps::of(body).take(32).map(|(kind, value)| (attribute(kind), value.to_vec())));
                session.handle_datagram(now, address(4_000), &mut signed_request(&attributes, PASSWORD));
            }
            tenths => {
                now += Duration::from_millis(100) * u32::from(tenths);
                session.handle_timeout(now);
            }
        }
        while session.poll_transmit(now).is_some() {}
        while session.poll_event().is_some() {}
        assert!(!session.is_connected());
        if let Some((at, why)) = session.poll_timeout() {
            assert!(at > now || kind < 3, "{why} is due and was not done");
        }
    }
    session.close(now);
}

/// Known attributes by a small number.
fn attribute(kind: u8) -> u16 {
    const KNOWN: [u16; 10] = [0x0006, 0x0008, 0x0009, 0x0020, 0x0024, 0x0025, 0x8028, 0x8029, 0x802A, 0xC057];
    KNOWN.get(usize::from(kind)).copied().unwrap_or_else(|| u16::from(kind) << 8 | 0x0E)
}

/// A ClientHello of DTLS 1.2 with the extensions a browser sends.
pub(crate) fn client_hello() -> Vec<u8> {
    let mut body = vec![0xFE, 0xFD];
    body.extend_from_slice(&[7; 32]);
    // No session id, no cookie, two cipher suites, no compression.
    body.extend_from_slice(&[0, 0, 0, 4, 0xC0, 0x2B, 0xC0, 0x0A, 1, 0]);
    let extensions: [(u16, &[u8]); 5] = [
        (10, &[0, 4, 0, 29, 0, 23]),
        (11, &[1, 0]),
        (13, &[0, 2, 4, 3]),
        (14, &[0, 4, 0, 7, 0, 1, 0]),
        (23, &[]),
    ];
    let mut list = Vec::new();
    for (kind, value) in extensions {
        list.extend_from_slice(&kind.to_be_bytes());
        list.extend_from_slice(&(value.len() as u16).to_be_bytes());
        list.extend_from_slice(value);
    }
    body.extend_from_slice(&(list.len() as u16).to_be_bytes());
    body.extend_from_slice(&list);
    let length = (body.len() as u32).to_be_bytes();
    let handshake = [&[1][..], &length[1..], &[0, 0, 0, 0, 0], &length[1..], &body].concat();
    let record = (handshake.len() as u16).to_be_bytes();
    [&[22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0][..], &record, &handshake].concat()
}

fn seeds() -> Vec<Vec<u8>> {
    let check = check(&format!("{UFRAG}:client"), PASSWORD, true);
    let hello = client_hello();
    let attributes = write(&[(5, &b""[..]), (8, &[1, 2, 3, 4, 5, 6, 7, 8]), (4, &[0x6E, 0x7F, 0x1E, 0xFF])]);
    vec![
        write(&[(0, &check), (1, &check), (2, &attributes)]),
        write(&[(0, &hello), (30, &Vec::new()), (0, &hello)]),
        write(&[
            (0, &hello[..40].to_vec()),
            (0, &[20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1].to_vec()),
        ]),
        write(&[
            (0, &[0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1].to_vec()),
            (255, &Vec::new()),
            (255, &Vec::new()),
        ]),
    ]
}
