//! `control-plane-dns`: datagrams from anybody, under any sender's name.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use control_plane_api::node::{Load, Location, Node, Role};
use control_plane_dns::{
    Directory, Limiter, Located, Name, Outcome, Transport, UDP_BYTES_MAX, Zone, answer, answer_datagram,
};

use super::begin;
use crate::Target;

/// Queries of any form.
pub const QUERIES: Target = Target {
    name: "dns_queries",
    what: "control-plane-dns: queries, EDNS options, client subnets",
    run: ask,
    seeds,
    is_steps: false,
    words: &[
        b"\x04edge\x04live\x07example\x00",
        b"\x03cdn\x04live\x07example\x00",
        b"\x02n1\x04edge\x04live\x07example\x00",
        b"\x00\x00\x29\x10\x00\x00\x00\x80\x00",
        b"\x00\x08\x00\x07\x00\x01\x18\x00\x0a\x07\x07",
        b"\xc0\x0c",
        b"\x00\xff\x00\x01",
    ],
};

/// What comes out is an answer to what came in, small, and over TCP not less than over UDP.
fn ask(input: &[u8]) {
    let (zone, directory) = world();
    let from = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let (mut datagram, mut stream) = (Vec::new(), Vec::new());
    let over_udp = answer(zone, directory, input, from, Transport::Udp, &locate, &mut datagram);
    let over_tcp = answer(zone, directory, input, from, Transport::Tcp, &locate, &mut stream);
    assert!(datagram.len() <= UDP_BYTES_MAX && datagram.len() <= stream.len());
    assert!(over_udp == over_tcp || over_udp == Outcome::Truncated, "{over_udp:?} {over_tcp:?}");
    if let [id_high, id_low, flags, ..] = datagram[..] {
        assert_eq!([id_high, id_low], input[..2]);
        assert!(flags & 0x80 != 0, "two servers would talk for ever");
        assert!(datagram.len() <= input.len() * 6 + 12, "{} for {}", datagram.len(), input.len());
    }
    // Past its rate a network gets nothing longer than it sent, but for the bare EDNS record.
    let mut limiter = Limiter::new(begin());
    for _ in 0..3 {
        answer_datagram(zone, directory, &mut limiter, input, from, &locate, begin(), &mut datagram);
    }
}

fn locate(address: IpAddr) -> Located {
    let is_near = matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
    let location = is_near.then_some(Location { latitude: 33.5, longitude: 126.5 });
    Located { location, prefix_bits: 8 }
}

fn world() -> &'static (Zone, Directory) {
    static WORLD: OnceLock<(Zone, Directory)> = OnceLock::new();
    WORLD.get_or_init(|| {
        let name = |text| Name::parse(text).expect("a name");
        let servers = vec![
            (name("ns1.live.example"), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
            (name("ns2.a.live.example"), Vec::new()),
        ];
        let nodes: Vec<Node> = (1..=4).map(node).collect();
        let directory = Directory::new(&nodes.iter().collect::<Vec<_>>());
        (Zone::new(name("live.example"), 30, servers), directory)
    })
}

fn node(index: u8) -> Node {
    Node {
        id: format!("n{index}"),
        role: if index == 4 { Role::Cdn } else { Role::Edge },
        region: "r".into(),
        location: Some(Location { latitude: 33.0 + f64::from(index), longitude: 126.0 }),
        url: if index == 3 { "https://[2001:db8::1]".into() } else { format!("https://192.0.2.{index}:443") },
        quic: None,
        nodes: None,
        admin: String::new(),
        epoch: 1,
        draining: index == 2,
        load: Load::default(),
        links: Vec::new(),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let query = |name: &[u8], kind: u8, extra: u8| {
        [&[0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, extra][..], name, &[0, 0, kind, 0, 1]].concat()
    };
    let opt = |options: &[u8]| {
        let length = u8::try_from(options.len()).expect("short");
        [&[0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, length][..], options].concat()
    };
    let edge = b"\x04edge\x04live\x07example";
    vec![
        query(edge, 1, 0),
        [query(edge, 28, 1), opt(&[])].concat(),
        [query(edge, 1, 1), opt(&[0, 8, 0, 7, 0, 1, 24, 0, 10, 7, 7])].concat(),
        [query(edge, 1, 1), opt(&[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 8, 0, 4, 0, 0, 0, 0])].concat(),
        query(b"\x02n1\x04edge\x04live\x07example", 255, 0),
        query(b"\x04live\x07example", 6, 0),
        query(b"\x03ns1\x04live\x07example", 1, 0),
        query(b"\x03org", 1, 0),
    ]
}
