//! Two endpoints over loopback, and what lies between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use control_plane_agent::authority::Authority;
use edge_wire::control::RoomData;
use edge_wire::model::Data;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Context, Endpoint, Link, LinkEvent, bind};
use crate::metrics::Metrics;
use crate::shard;

/// UDP payloads a path of QUIC's least MTU carries.
const NARROW_BYTES: usize = 1_200;
const PATIENCE: Duration = Duration::from_secs(20);

struct Node {
    endpoint: Arc<Endpoint>,
    address: SocketAddr,
    events: mpsc::Receiver<LinkEvent>,
    metrics: Metrics,
}

fn node(authority: &Authority, name: &str, shutdown: &CancellationToken) -> Node {
    let identity = authority.issue(name, &[]).and_then(|issued| issued.identity()).expect("a certificate");
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let quinn = bind(loopback, &identity).expect("a port");
    let address = quinn.local_addr().expect("bound");
    let session = edge_session::Config::generate().expect("a certificate");
    let (media_events, _) = mpsc::channel(1);
    let (recorder, _) = std::sync::mpsc::sync_channel(1);
    let socket = shard::bind(loopback).expect("a port");
    let (shard, _) =
        shard::start(socket, edge_sfu::Config::new(session), media_events, recorder).expect("a thread");
    let metrics = Metrics::default();
    let (sender, events) = mpsc::channel(256);
    let context = Context {
        node_id: name.into(),
        region: "r".into(),
        wire_version: edge_wire::VERSION,
        epoch: 1,
        shard,
        events: sender,
        metrics: metrics.clone(),
        next_link: AtomicU32::new(1),
        epochs: super::endpoint::Epochs::default(),
    };
    Node { endpoint: Endpoint::new(quinn, context, shutdown.clone()), address, events, metrics }
}

impl Node {
    async fn up(&mut self) -> Arc<Link> {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("in time");
            if let Some(LinkEvent::Up(link)) = event {
                return link;
            }
        }
    }
}

/// Carries packets of one dialer to `to` and back, and drops those larger than [`NARROW_BYTES`] without a word.
async fn narrow_path(to: SocketAddr) -> SocketAddr {
    let near = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let far = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = near.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut forth, mut back) = (vec![0; 2_048], vec![0; 2_048]);
        let mut dialer = None;
        loop {
            tokio::select! {
                Ok((length, from)) = near.recv_from(&mut forth) => {
                    dialer = Some(from);
                    if length <= NARROW_BYTES {
                        let _ = far.send_to(&forth[..length], to).await;
                    }
                }
                Ok((length, _)) = far.recv_from(&mut back) => {
                    if let Some(dialer) = dialer.filter(|_| length <= NARROW_BYTES) {
                        let _ = near.send_to(&back[..length], dialer).await;
                    }
                }
            }
        }
    });
    address
}

fn lossy(size: usize) -> RoomData {
    let data = Data { payload: vec![7; size].into(), ..Data::default() };
    RoomData { room: "class".into(), data, ..RoomData::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_size_datagrams_cross_a_path_of_the_least_mtu() {
    let authority = Authority::in_memory().expect("a fleet");
    let shutdown = CancellationToken::new();
    let _ends = shutdown.clone().drop_guard();
    let (mut a, mut b) = (node(&authority, "a", &shutdown), node(&authority, "b", &shutdown));
    let path = narrow_path(b.address).await;
    a.endpoint.reconcile(&BTreeMap::from([("b".to_owned(), path.to_string())]));
    let link = a.up().await;
    b.up().await;
    // The first ones are lost, until QUIC notices that the path swallows large packets.
    let arrived = tokio::time::timeout(PATIENCE, async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        loop {
            tokio::select! {
                _ = pace.tick() => link.send_data(lossy(1_250)),
                event = b.events.recv() => match event {
                    Some(LinkEvent::Data { data, .. }) => return data,
                    Some(_) => {}
                    None => panic!("the edge is gone"),
                },
            }
        }
    })
    .await
    .expect("a datagram arrives");
    assert_eq!(arrived, lossy(1_250));
    assert!(a.metrics.link_datagrams_split.get() > 0);
    assert_eq!(b.metrics.link_datagrams_lost.get(), 0);
    link.send_data(lossy(100_000));
    tokio::time::timeout(PATIENCE, async {
        while a.metrics.link_datagrams_lost.get() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("what fits in no way is counted");
}

#[tokio::test]
async fn a_peer_that_comes_back_elsewhere_is_dialed_there() {
    let authority = Authority::in_memory().expect("a fleet");
    let shutdown = CancellationToken::new();
    let _ends = shutdown.clone().drop_guard();
    let (mut a, b) = (node(&authority, "a", &shutdown), node(&authority, "b", &shutdown));
    let nobody = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let silent = nobody.local_addr().expect("bound");
    a.endpoint.reconcile(&BTreeMap::from([("b".to_owned(), silent.to_string())]));
    a.endpoint.reconcile(&BTreeMap::from([("b".to_owned(), b.address.to_string())]));
    assert_eq!(a.up().await.node_id, "b");
}
