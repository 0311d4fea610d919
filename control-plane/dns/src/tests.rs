use std::net::{Ipv4Addr, Ipv6Addr};

use control_plane_api::node::{Load, Node, Role};
use proptest::prelude::*;

use super::*;

const SEOUL: Location = Location { latitude: 37.5665, longitude: 126.9780 };
const INCHEON: Location = Location { latitude: 37.4563, longitude: 126.7052 };
const JEJU: Location = Location { latitude: 33.4996, longitude: 126.5312 };

fn node(id: &str, role: Role, location: Location, url: &str) -> Node {
    Node {
        id: id.into(),
        role,
        region: "r".into(),
        location: Some(location),
        url: url.into(),
        quic: None,
        nodes: None,
        admin: String::new(),
        epoch: 1,
        draining: false,
        load: Load::default(),
        links: Vec::new(),
    }
}

fn fleet() -> Vec<Node> {
    vec![
        node("seoul-1", Role::Edge, SEOUL, "https://192.0.2.1:443"),
        node("seoul-2", Role::Edge, INCHEON, "http://192.0.2.2"),
        node("seoul-6", Role::Edge, SEOUL, "https://[2001:db8::1]:443"),
        node("jeju-1", Role::Edge, JEJU, "https://192.0.2.3/"),
        node("jeju-cdn", Role::Cdn, JEJU, "https://192.0.2.9"),
    ]
}

fn zone() -> Zone {
    let name = |text| Name::parse(text).expect("a name");
    let inside = vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 53)), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let servers = vec![(name("ns1.dns.live.example"), inside), (name("ns2.elsewhere.example"), Vec::new())];
    Zone::new(name("live.example"), 30, servers)
}

/// 10/8 is in Jeju, 203.0.113/24 in Seoul, all else unknown.
fn locate(address: IpAddr) -> Located {
    let at = |location, prefix_bits| Located { location, prefix_bits };
    match address {
        IpAddr::V4(v4) if v4.octets()[0] == 10 => at(Some(JEJU), 8),
        IpAddr::V4(v4) if v4.octets()[..3] == [203, 0, 113] => at(Some(SEOUL), 24),
        _ => at(None, 4),
    }
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

fn with_edns(mut message: Vec<u8>, version: u8, options: &[u8]) -> Vec<u8> {
    message[11] += 1;
    message.extend_from_slice(&[0, 0, 41, 0x10, 0x00, 0, version, 0x80, 0]);
    message.extend_from_slice(&(options.len() as u16).to_be_bytes());
    message.extend_from_slice(options);
    message
}

struct Reply {
    outcome: Outcome,
    bytes: Vec<u8>,
}

impl Reply {
    fn code(&self) -> u8 {
        self.bytes[3] & 15
    }

    fn counts(&self) -> [u8; 3] {
        [self.bytes[7], self.bytes[9], self.bytes[11]]
    }

    /// Data of IPv4 addresses in a plain answer.
    fn v4(&self, question: &[u8]) -> Vec<[u8; 4]> {
        let answers = &self.bytes[question.len()..][..16 * usize::from(self.counts()[0])];
        answers.chunks(16).map(|record| record[12..].try_into().expect("four bytes")).collect()
    }
}

fn ask(nodes: &[Node], message: &[u8], from: &str) -> Reply {
    let directory = Directory::new(&nodes.iter().collect::<Vec<_>>());
    let mut bytes = Vec::new();
    let from = from.parse().expect("an address");
    let outcome = answer(&zone(), &directory, message, from, Transport::Udp, &locate, &mut bytes);
    Reply { outcome, bytes }
}

#[test]
fn the_nearest_healthy_nodes_are_the_answer() {
    let mut nodes = fleet();
    let edge = question("EdGe.Live.example", 1);
    let reply = ask(&nodes, &edge, "203.0.113.5");
    assert_eq!(reply.outcome, Outcome::Answered);
    assert_eq!(reply.v4(&edge), [[192, 0, 2, 1], [192, 0, 2, 2]], "Incheon is about as near, Jeju is not");
    assert_eq!(&reply.bytes[12..edge.len()], &edge[12..], "the question comes back letter for letter");
    assert_eq!(reply.bytes[2] & 0x84, 0x84, "an answer, with authority");
    assert_eq!(reply.bytes[3] & 0x80, 0, "no recursion");
    assert_eq!(reply.bytes[edge.len() + 6..][..4], 30_u32.to_be_bytes());
    assert_eq!(ask(&nodes, &edge, "10.1.2.3").v4(&edge), [[192, 0, 2, 3]]);

    nodes[3].load = Load { participants: 5, capacity: 5, ..Load::default() };
    nodes[0].draining = true;
    assert_eq!(ask(&nodes, &edge, "10.1.2.3").v4(&edge), [[192, 0, 2, 2]]);
    nodes[1].draining = true;
    assert_eq!(ask(&nodes, &edge, "203.0.113.5").v4(&edge).len(), 2, "drain is better than nothing");
    nodes.iter_mut().for_each(|node| node.load = Load { participants: 1, capacity: 1, ..Load::default() });
    let full = ask(&nodes, &edge, "203.0.113.5");
    assert_eq!(
        (full.outcome, full.code(), full.counts()[0]),
        (Outcome::NoNode, 2, 0),
        "never more than it takes"
    );
    let v6 = question("edge.live.example", 28);
    let reply = ask(&fleet(), &v6, "10.1.2.3");
    assert_eq!(reply.bytes[v6.len() + 12..], Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets());
}

#[test]
fn every_name_has_its_records_and_no_other() {
    let ask = |name: &str, kind: u16| {
        let reply = ask(&fleet(), &question(name, kind), "203.0.113.5");
        (reply.code(), reply.counts())
    };
    let (no_record, no_name, refused) = ((0, [0, 1, 0]), (3, [0, 1, 0]), (5, [0, 0, 0]));
    assert_eq!(ask("live.example", 6), (0, [1, 0, 0]));
    assert_eq!(ask("live.example", 2), (0, [2, 0, 0]));
    assert_eq!(ask("live.example", 1), no_record);
    assert_eq!(ask("edge.live.example", 16), no_record);
    assert_eq!(ask("cdn.live.example", 1), (0, [1, 0, 0]));
    assert_eq!(ask("cdn.live.example", 28), no_record, "its nodes have IPv4 only");
    assert_eq!(ask("jeju-1.edge.live.example", 1), (0, [1, 0, 0]));
    assert_eq!(ask("jeju-1.edge.live.example", 28), no_record);
    assert_eq!(ask("jeju-cdn.cdn.live.example", 1), (0, [1, 0, 0]));
    assert_eq!(ask("jeju-cdn.edge.live.example", 1), no_name, "another role");
    assert_eq!(ask("nobody.edge.live.example", 1), no_name);
    assert_eq!(ask("a.jeju-1.edge.live.example", 1), no_name);
    assert_eq!(ask("www.live.example", 1), no_name);
    assert_eq!(ask("ns1.dns.live.example", 1), (0, [1, 0, 0]));
    assert_eq!(ask("ns1.dns.live.example", 28), (0, [1, 0, 0]));
    assert_eq!(ask("dns.live.example", 1), no_record, "there is something below it");
    for outside in ["example", "notlive.example", "live.example.org", "", "edge.alive.example"] {
        assert_eq!(ask(outside, 1), refused, "{outside}");
    }
    assert_eq!(ask("live.example", 252), refused, "AXFR");
    assert_eq!(ask("live.example", 251), refused, "IXFR");
    for name in ["live.example", "edge.live.example", "jeju-1.edge.live.example"] {
        assert_eq!(ask(name, 255), (0, [1, 0, 0]), "ANY gets one small record");
    }
}

/// Code of an answer, and the name it gives if it is an alias.
fn alias(nodes: &[Node], name: &str, kind: u16, from: &str) -> (u8, Option<Vec<u8>>) {
    let message = question(name, kind);
    let reply = ask(nodes, &message, from);
    let record = &reply.bytes[message.len()..];
    let is_alias = reply.counts() == [1, 0, 0] && record[2..4] == [0, 5];
    (reply.code(), is_alias.then(|| record[12..].to_vec()))
}

#[test]
fn a_node_with_a_name_is_answered_with_it() {
    let mut nodes = fleet();
    let place = Location { latitude: 33.25, ..JEJU };
    nodes.push(node("jeju-2", Role::Edge, place, "https://jeju-2.Example.org:443/"));
    nodes.push(node("jeju-3", Role::Edge, place, "https://jeju-3.edge.live.example"));
    nodes.push(node("jeju-4", Role::Edge, place, "http://localhost:7880"));
    nodes.push(node("busan-cdn", Role::Cdn, SEOUL, "https://busan-cdn.example.org"));
    let name = |text: &str| Some(Name::parse(text).expect("a name").as_bytes().to_vec());
    let jeju = "10.1.2.3";
    // Its neighbour with an address is as near and comes first by its name; full, it is not chosen.
    assert_eq!(alias(&nodes, "edge.live.example", 1, jeju), (0, None));
    nodes[3].load = Load { participants: 5, capacity: 5, ..Load::default() };
    for kind in [1, 28, 5, 16, 65] {
        assert_eq!(alias(&nodes, "edge.live.example", kind, jeju), (0, name("jeju-2.example.org")), "{kind}");
        assert_eq!(
            alias(&nodes, "jeju-2.edge.live.example", kind, jeju),
            (0, name("jeju-2.example.org")),
            "{kind}"
        );
    }
    assert_eq!(
        alias(&nodes, "edge.live.example", 1, "203.0.113.5"),
        (0, None),
        "Seoul has addresses nearer by"
    );
    assert_eq!(alias(&nodes, "cdn.live.example", 28, "203.0.113.5"), (0, name("busan-cdn.example.org")));
    for nowhere in ["jeju-3.edge.live.example", "jeju-4.edge.live.example"] {
        assert_eq!(alias(&nodes, nowhere, 1, jeju), (3, None), "{nowhere} would lead back here, or nowhere");
    }
    let any = question("jeju-2.edge.live.example", 255);
    assert_eq!(ask(&nodes, &any, jeju).bytes[any.len() + 3], 13, "HINFO");
    let named: Vec<Node> = nodes.into_iter().filter(|node| node.id == "jeju-2").collect();
    let full = [Node { load: Load { participants: 1, capacity: 1, ..Load::default() }, ..named[0].clone() }];
    assert_eq!(ask(&full, &question("edge.live.example", 1), jeju).outcome, Outcome::NoNode);
}

#[test]
fn a_clients_subnet_decides_and_the_answer_says_for_whom_it_holds() {
    let edge = question("edge.live.example", 1);
    let ask_for = |option: &[u8]| {
        let mut options = vec![0, 8, 0, option.len() as u8];
        options.extend_from_slice(option);
        let reply = ask(&fleet(), &with_edns(edge.clone(), 0, &options), "203.0.113.5");
        let opt = reply.bytes[edge.len() + 16 * usize::from(reply.counts()[0])..].to_vec();
        (reply, opt)
    };
    let (reply, opt) = ask_for(&[0, 1, 24, 0, 10, 7, 7]);
    assert_eq!(reply.v4(&edge), [[192, 0, 2, 3]], "Jeju's, though the resolver is in Seoul");
    assert_eq!(opt[11..], [0, 8, 0, 7, 0, 1, 24, 8, 10, 7, 7], "all of 10/8 gets this answer");
    let (reply, opt) = ask_for(&[0, 1, 20, 0, 203, 0, 112]);
    assert_eq!((reply.v4(&edge).len(), opt[18]), (2, 4), "unknown: by the resolver");
    let (reply, opt) = ask_for(&[0, 1, 0, 0]);
    assert_eq!((reply.v4(&edge).len(), &opt[11..]), (2, &[0, 8, 0, 4, 0, 1, 0, 0][..]), "asked not to look");
    let (reply, opt) = ask_for(&[0, 2, 3, 0, 0x20]);
    assert_eq!((reply.v4(&edge).len(), opt[18]), (2, 3), "never more than was given");
    let (reply, opt) = ask_for(&[0, 9, 8, 0, 1]);
    assert_eq!((reply.code(), opt.len()), (0, 11), "a family nobody knows is ignored");
    for malformed in [
        &[0, 1, 24, 0, 10, 7][..],
        &[0, 1, 24, 0, 10, 7, 7, 7],
        &[0, 1, 24, 1, 10, 7, 7],
        &[0, 1, 33, 0, 1, 2, 3, 4, 5],
        &[0, 1, 20, 0, 10, 7, 0x1f],
        &[0, 1, 24],
        &[],
    ] {
        assert_eq!(ask_for_code(&edge, malformed), 1, "{malformed:?}");
    }
}

fn ask_for_code(edge: &[u8], option: &[u8]) -> u8 {
    let mut options = vec![0, 8, 0, option.len() as u8];
    options.extend_from_slice(option);
    ask(&fleet(), &with_edns(edge.to_vec(), 0, &options), "203.0.113.5").code()
}

#[test]
fn what_is_no_query_gets_a_header_or_nothing() {
    let good = question("edge.live.example", 1);
    let with = |at: usize, byte: u8| {
        let mut message = good.clone();
        message[at] = byte;
        let reply = ask(&fleet(), &message, "10.0.0.1");
        (reply.outcome, reply.bytes.len())
    };
    assert_eq!(with(2, 0x81), (Outcome::Dropped, 0), "an answer");
    assert_eq!(with(2, 0x28), (Outcome::Refused, 12), "an update");
    assert_eq!(with(5, 0), (Outcome::Malformed, 12), "no question");
    assert_eq!(with(5, 2), (Outcome::Malformed, 12), "two");
    assert_eq!(with(7, 1), (Outcome::Malformed, 12), "an answer in a query");
    assert_eq!(with(11, 1), (Outcome::Malformed, 12), "a record that is not there");
    assert_eq!(with(12, 0xc0), (Outcome::Malformed, 12), "a pointer in the question");
    assert_eq!(with(12, 63), (Outcome::Malformed, 12), "a label past the end");
    for length in 0..good.len() {
        let reply = ask(&fleet(), &good[..length], "10.0.0.1");
        assert_eq!(reply.bytes.len(), if length < 12 { 0 } else { 12 }, "{length}");
    }
    let other = ask(&fleet(), &with_edns(good.clone(), 1, &[1, 2, 3]), "10.0.0.1");
    assert_eq!((other.outcome, other.code()), (Outcome::Refused, 0));
    assert_eq!(other.bytes[good.len() + 5], 1, "BADVERS");
    let twice = with_edns(with_edns(good, 0, &[]), 0, &[]);
    assert_eq!(ask(&fleet(), &twice, "10.0.0.1").outcome, Outcome::Malformed, "one EDNS record");
}

/// Bytes out for bytes in, whoever asks for what: a flood from this server is hardly larger than the one that causes it.
#[test]
fn no_answer_is_much_longer_than_its_query() {
    let mut nodes = fleet();
    for index in 0..200_u8 {
        let family = if index % 2 == 0 { format!("192.0.2.{index}") } else { format!("[2001:db8::{index}]") };
        nodes.push(node(&format!("n-{index}"), Role::Edge, SEOUL, &format!("https://{family}")));
    }
    let (mut factor_max, mut bytes_max) = (0.0_f64, 0);
    for name in [
        "live.example",
        "edge.live.example",
        "n-7.edge.live.example",
        "no.live.example",
        "ns1.dns.live.example",
        "a.b",
    ] {
        for kind in (0..=257).chain([32_768, 65_535]) {
            for message in [question(name, kind), with_edns(question(name, kind), 0, &[])] {
                let reply = ask(&nodes, &message, "203.0.113.5").bytes.len();
                factor_max = factor_max.max(reply as f64 / message.len() as f64);
                bytes_max = bytes_max.max(reply);
            }
        }
    }
    assert!(factor_max < 4.0 && bytes_max <= 200, "{factor_max} {bytes_max}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "some moment to begin at")]
fn a_flood_from_made_up_addresses_of_one_network_is_cut_short() {
    let nodes = fleet();
    let directory = Directory::new(&nodes.iter().collect::<Vec<_>>());
    let began = Instant::now();
    let mut limiter = Limiter::new(began);
    let (message, mut reply) = (question("edge.live.example", 1), Vec::new());
    let (mut sent, mut queried, mut by_tcp) = (0, 0, 0);
    for index in 0..100_000_u32 {
        let from = IpAddr::V4(Ipv4Addr::from(0xcb00_7100 | (index & 0xff)));
        let now = began + std::time::Duration::from_micros(u64::from(index) * 10);
        let outcome =
            answer_datagram(&zone(), &directory, &mut limiter, &message, from, &locate, now, &mut reply);
        queried += message.len();
        sent += reply.len();
        if outcome == Outcome::Truncated {
            by_tcp += 1;
            assert_eq!((reply.len(), reply[2] & 2), (message.len(), 2));
        }
    }
    assert!(sent < queried / 3 * 2, "{sent} of {queried}");
    assert!(by_tcp > 10_000, "who really asks is told how to get through");
}

#[test]
fn an_answer_too_long_for_a_datagram_says_so_and_is_whole_over_tcp() {
    let name = |text: &str| Name::parse(text).expect("a name");
    let servers =
        (0..40).map(|index| (name(&format!("a-name-that-is-long-{index}.example.org")), Vec::new()));
    let zone = Zone::new(name("live.example"), 30, servers.collect());
    let directory = Directory::new(&[]);
    let ask = |transport| {
        let mut bytes = Vec::new();
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let outcome =
            answer(&zone, &directory, &question("live.example", 2), from, transport, &locate, &mut bytes);
        (outcome, bytes)
    };
    let (outcome, bytes) = ask(Transport::Udp);
    assert_eq!((outcome, bytes[2] & 2), (Outcome::Truncated, 2));
    assert!(bytes.len() <= UDP_BYTES_PLAIN);
    let (outcome, bytes) = ask(Transport::Tcp);
    assert_eq!((outcome, bytes[7]), (Outcome::Answered, 40));
}

#[test]
fn names_are_read_strictly() {
    assert_eq!(Name::parse("A.b."), Name::parse("a.B"));
    for wrong in ["", ".", "a..b", ".a", "a b", "ä.example", &"a".repeat(64), &"a.".repeat(128)] {
        assert!(Name::parse(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_an_answer_is_an_answer(
        mut message in proptest::collection::vec(any::<u8>(), 0..80),
        is_sound in any::<bool>(),
        cut in 0..60usize,
    ) {
        if is_sound {
            let mut sound = with_edns(question("edge.live.example", 1), 0, &[0, 8, 0, 7, 0, 1, 24, 0, 10, 7, 7]);
            sound.truncate(cut);
            sound.append(&mut message);
            message = sound;
        }
        let reply = ask(&fleet(), &message, "203.0.113.5");
        if !reply.bytes.is_empty() {
            prop_assert_eq!(&reply.bytes[..2], &message[..2]);
            prop_assert!(reply.bytes[2] & 0x80 != 0);
            prop_assert!(reply.bytes.len() <= UDP_BYTES_MAX);
        }
    }
}
