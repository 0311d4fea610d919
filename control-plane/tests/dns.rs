//! The DNS server over its sockets, asked by a resolver of another house (Hickory), and flooded.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use control_plane::{Config, ControlPlane, dns};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::drain::{Drain, DrainTarget};
use control_plane_api::key;
use control_plane_api::node::{Load, Location, Node, Role};
use control_plane_api::token::ApiKey;
use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Edns, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::sync::{CancellationToken, DropGuard};

#[path = "support/mmdb.rs"]
mod mmdb;

const SEOUL: Location = Location { latitude: 37.5665, longitude: 126.9780 };
const JEJU: Location = Location { latitude: 33.4996, longitude: 126.5312 };
const SEOUL_EDGE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const JEJU_EDGE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

struct Town {
    store: Arc<dyn Store>,
    address: SocketAddr,
    admin: SocketAddr,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

impl Town {
    async fn start() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let directory = tempfile::tempdir().expect("temporary directory");
        let geoip = tempfile::NamedTempFile::new().expect("temporary file");
        // Resolvers on the loopback stand in Seoul; a Jeju provider's customers in Jeju.
        let networks = [([127, 0, 0, 0], 8, SEOUL), ([203, 0, 113, 0], 24, JEJU)];
        std::fs::write(geoip.path(), mmdb::database(&networks)).expect("writable");
        let nameservers = [("ns1.live.example".to_owned(), vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])];
        let config = Config {
            listen: free,
            admin: free,
            api_keys: vec![ApiKey { key: "k".into(), secret: "0123456789abcdef0123456789abcdef".into() }],
            data_dir: directory.path().to_owned(),
            geoip: Some(geoip.path().to_owned()),
            dns: dns::Config {
                listen: Some(free),
                zone: "live.example".into(),
                nameservers: nameservers.into(),
                ..dns::Config::default()
            },
            ..Config::default()
        };
        let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
        let control_plane = ControlPlane::bind(config, store.clone(), None).await.expect("binds");
        let address = control_plane.dns_address().expect("answers DNS");
        let admin = control_plane.admin_address().expect("bound");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move { control_plane.run(stopped).await.expect("runs") });
        let town = Self { store, address, admin, _stop: stop.drop_guard(), _directory: directory };
        for node in [
            node("seoul-edge", Role::Edge, SEOUL, SEOUL_EDGE),
            node("jeju-edge", Role::Edge, JEJU, JEJU_EDGE),
        ] {
            town.put(&key::node(&node.id), &node).await;
        }
        town.until_edges(None, &[SEOUL_EDGE]).await;
        town.until_edges(Some("203.0.113.0/24"), &[JEJU_EDGE]).await;
        town
    }

    async fn put<T: serde::Serialize>(&self, key: &str, record: &T) {
        let value = serde_json::to_vec(record).expect("plain data");
        self.store.put(key, value.into(), None).await.expect("put");
    }

    /// One query in a datagram, and what a decoder of another house makes of the answer.
    async fn ask(&self, message: &Message) -> Option<(Message, usize)> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        socket.send_to(&message.to_vec().expect("encodes"), self.address).await.expect("sends");
        let mut bytes = [0; 4096];
        let received = tokio::time::timeout(Duration::from_secs(1), socket.recv(&mut bytes)).await;
        let length = received.ok()?.expect("receives");
        Some((Message::from_vec(&bytes[..length]).expect("an answer that decodes"), length))
    }

    async fn edges_of(&self, subnet: Option<&str>) -> Vec<Ipv4Addr> {
        let Some((answer, _)) = self.ask(&query("edge.live.example.", RecordType::A, subnet)).await else {
            return Vec::new();
        };
        let address = |data: &RData| match data {
            RData::A(address) => Some(address.0),
            _ => None,
        };
        answer.answers.iter().filter_map(|record| address(&record.data)).collect()
    }

    /// Asks until these are the edges: a change reaches the server a moment later.
    async fn until_edges(&self, subnet: Option<&str>, expected: &[Ipv4Addr]) {
        let asked = async {
            while self.edges_of(subnet).await != expected {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(10), asked).await;
        assert!(seen.is_ok(), "{expected:?}: in vain");
    }
}

fn node(id: &str, role: Role, location: Location, address: Ipv4Addr) -> Node {
    Node {
        id: id.into(),
        role,
        region: id.split('-').next().unwrap_or(id).into(),
        location: Some(location),
        url: format!("https://{address}:443"),
        quic: None,
        nodes: None,
        admin: String::new(),
        epoch: 1,
        draining: false,
        load: Load::default(),
        links: Vec::new(),
    }
}

fn query(name: &str, kind: RecordType, subnet: Option<&str>) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
    if let Some((address, bits)) = subnet.and_then(|subnet| subnet.split_once('/')) {
        let subnet = ClientSubnet::new(address.parse().expect("an address"), bits.parse().expect("bits"), 0);
        let mut edns = Edns::new();
        edns.set_max_payload(1_232).options_mut().insert(EdnsOption::Subnet(subnet));
        message.set_edns(edns);
    }
    message
}

fn resolver(address: SocketAddr, mut connection: ConnectionConfig) -> Resolver<TokioRuntimeProvider> {
    connection.port = address.port();
    let server = NameServerConfig::new(address.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    options.attempts = 0;
    let builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.with_options(options).build().expect("a resolver")
}

#[tokio::test]
async fn a_stock_resolver_finds_the_nearest_edge_over_udp_and_tcp_and_follows_drains() {
    let town = Town::start().await;
    for connection in [ConnectionConfig::udp(), ConnectionConfig::tcp()] {
        let resolver = resolver(town.address, connection);
        let found = resolver.lookup_ip("edge.live.example.").await.expect("an answer");
        assert_eq!(found.iter().collect::<Vec<_>>(), [IpAddr::V4(SEOUL_EDGE)]);
        let named = resolver.lookup_ip("jeju-edge.edge.live.example.").await.expect("an answer");
        assert_eq!(named.iter().collect::<Vec<_>>(), [IpAddr::V4(JEJU_EDGE)]);
        let soa = resolver.lookup("live.example.", RecordType::SOA).await.expect("an answer");
        assert_eq!(soa.answers().len(), 1);
        let nameserver = resolver.lookup("live.example.", RecordType::NS).await.expect("an answer");
        assert_eq!(nameserver.answers()[0].data.to_string(), "ns1.live.example.");
        let nowhere = resolver.lookup_ip("nobody.edge.live.example.").await.expect_err("no such name");
        assert!(nowhere.is_nx_domain(), "{nowhere}");
        let outside = resolver.lookup_ip("example.org.").await.expect_err("another zone");
        assert!(!outside.is_nx_domain(), "{outside}");
    }
    let target = DrainTarget::Node("seoul-edge".into());
    let drain =
        Drain { target, requested_at_ms: 1, deadline_ms: None, exit: false, requested_by: String::new() };
    town.put(&key::drain(&drain.target), &drain).await;
    town.until_edges(None, &[JEJU_EDGE]).await;
    let full = Load { participants: 1, capacity: 1, ..Load::default() };
    let jeju = Node { load: full, ..node("jeju-edge", Role::Edge, JEJU, JEJU_EDGE) };
    town.put(&key::node("jeju-edge"), &jeju).await;
    town.until_edges(None, &[SEOUL_EDGE]).await;
    town.store.delete(&key::node("seoul-edge")).await.expect("delete");
    town.until_edges(None, &[]).await;
    let (answer, _) = town.ask(&query("edge.live.example.", RecordType::A, None)).await.expect("an answer");
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail, "full is not chosen silently");
}

#[tokio::test]
async fn a_node_behind_a_load_balancer_is_answered_with_its_name() {
    let town = Town::start().await;
    let named = Node {
        url: "https://jeju-edge-0.class.example.org".into(),
        ..node("jeju-edge", Role::Edge, JEJU, JEJU_EDGE)
    };
    town.put(&key::node(&named.id), &named).await;
    let asked = async {
        loop {
            let query = query("edge.live.example.", RecordType::AAAA, Some("203.0.113.0/24"));
            // Who asks again and again without a pause is not answered each time.
            if let Some((answer, _)) = town.ask(&query).await
                && let [record] = &answer.answers[..]
            {
                return (record.data.to_string(), record.ttl, answer.metadata.response_code);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("a name");
    assert_eq!(told, ("jeju-edge-0.class.example.org.".to_owned(), 30, ResponseCode::NoError));
    let one = query("jeju-edge.edge.live.example.", RecordType::CNAME, None);
    let (answer, _) = town.ask(&one).await.expect("an answer");
    assert_eq!(answer.answers[0].record_type(), RecordType::CNAME);
    assert_eq!(town.edges_of(None).await, [SEOUL_EDGE], "who is near an address gets the address");
}

#[tokio::test]
async fn a_clients_subnet_goes_before_the_resolvers_place_and_comes_back_with_its_scope() {
    let town = Town::start().await;
    let (answer, _) = town
        .ask(&query("edge.live.example.", RecordType::A, Some("203.0.113.0/24")))
        .await
        .expect("an answer");
    let record = &answer.answers[0];
    assert_eq!((&record.data, record.ttl), (&RData::A(JEJU_EDGE.into()), 30));
    let edns = answer.edns.as_ref().expect("EDNS in, EDNS out");
    let Some(EdnsOption::Subnet(subnet)) = edns.option(EdnsCode::Subnet) else { panic!("{edns:?}") };
    assert_eq!((subnet.addr(), subnet.source_prefix()), ("203.0.113.0".parse().expect("an address"), 24));
    assert_eq!(subnet.scope_prefix(), 24);
}

/// Bytes out for bytes in, for every kind of record and name, as the sockets see it.
#[tokio::test]
async fn it_is_no_use_for_amplification() {
    let town = Town::start().await;
    let mut factor_max = 0.0_f64;
    for name in
        ["live.example.", "edge.live.example.", "jeju-edge.edge.live.example.", "x.live.example.", "a.org."]
    {
        for kind in [
            RecordType::A,
            RecordType::ANY,
            RecordType::NS,
            RecordType::SOA,
            RecordType::TXT,
            RecordType::AXFR,
            RecordType::DNSKEY,
        ] {
            for subnet in [None, Some("203.0.113.0/24")] {
                let query = query(name, kind, subnet);
                let asked = query.to_vec().expect("encodes").len();
                let (_, answered) = town.ask(&query).await.expect("an answer");
                factor_max = factor_max.max(answered as f64 / asked as f64);
            }
        }
    }
    assert!(factor_max < 3.0, "{factor_max}");
}

/// 20,000 queries as fast as they go, garbage among them: who floods gets little, and the server answers others as ever over TCP.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_gets_little_and_the_next_query_is_answered() {
    let town = Town::start().await;
    let flood = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let sound = query("edge.live.example.", RecordType::A, None).to_vec().expect("encodes");
    let mut sent = 0;
    for index in 0..20_000_usize {
        let length = if index % 4 == 0 { index % sound.len() } else { sound.len() };
        if flood.send_to(&sound[..length], town.address).await.is_ok() {
            sent += length;
        }
    }
    let (mut answered, mut bytes) = (0, [0; 4096]);
    while let Ok(Ok(length)) = tokio::time::timeout(Duration::from_millis(300), flood.recv(&mut bytes)).await
    {
        answered += length;
    }
    assert!(answered < sent, "{answered} bytes for {sent}");
    let found = resolver(town.address, ConnectionConfig::tcp()).lookup_ip("edge.live.example.").await;
    assert_eq!(found.expect("an answer").iter().collect::<Vec<_>>(), [IpAddr::V4(SEOUL_EDGE)]);
    let metrics = metrics(town.admin).await;
    assert!(metrics.contains(r#"dns_answers_total{transport="udp",outcome="dropped"}"#), "{metrics}");
}

#[tokio::test]
async fn streams_that_say_nothing_or_nonsense_end_and_take_nobodys_place() {
    let town = Town::start().await;
    let mut nonsense = TcpStream::connect(town.address).await.expect("connects");
    nonsense.write_all(&[0xff; 64]).await.expect("writes");
    assert_eq!(nonsense.read(&mut [0; 16]).await.unwrap_or(0), 0, "closed without an answer");
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(town.address).await.expect("connects"));
    }
    // More than one network may hold: those beyond are closed at once.
    let closed = silent.last_mut().expect("some");
    assert_eq!(closed.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(town.edges_of(None).await, [SEOUL_EDGE], "datagrams are answered as ever");
    drop(silent);
    let again = || async {
        let resolver = resolver(town.address, ConnectionConfig::tcp());
        resolver.lookup_ip("edge.live.example.").await.is_ok()
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !again().await {
        assert!(tokio::time::Instant::now() < deadline, "places come free");
    }
}

#[tokio::test]
async fn wrong_settings_are_named() {
    let free = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let good = || dns::Config {
        listen: free,
        zone: "live.example".into(),
        ttl_s: 30,
        nameservers: [("ns1.live.example".to_owned(), Vec::new())].into(),
    };
    assert!(good().check().is_ok_and(|wanted| wanted.is_some()));
    assert!(dns::Config::default().check().is_ok_and(|wanted| wanted.is_none()), "off by default");
    let wrong = |config: dns::Config| format!("{:#}", config.check().expect_err("not like this"));
    assert!(wrong(dns::Config { zone: String::new(), ..good() }).contains("dns.zone"));
    assert!(wrong(dns::Config { zone: "a..b".into(), ..good() }).contains("dns.zone"));
    assert!(wrong(dns::Config { ttl_s: 0, ..good() }).contains("dns.ttl_s"));
    assert!(wrong(dns::Config { ttl_s: 100_000, ..good() }).contains("dns.ttl_s"));
    assert!(wrong(dns::Config { nameservers: [].into(), ..good() }).contains("dns.nameservers"));
}

async fn metrics(admin: SocketAddr) -> String {
    let mut stream = TcpStream::connect(admin).await.expect("connects");
    let request = "GET /metrics HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    answer
}
