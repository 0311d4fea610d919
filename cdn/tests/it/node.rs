//! Binding, upstreams, TLS, and the end.

use crate::origin::Origin;
use crate::world::{World, config, request};
use bytes::Bytes;
use cdn::{Cdn, Config, Tls};
use http::{Method, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn a_taken_port_is_named_with_its_role() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("bound");
    let mut listen = config(addr);
    listen.listen = addr;
    let mut admin = config(addr);
    admin.admin = Some(addr);
    for (config, role) in [(listen, "clients"), (admin, "metrics and health")] {
        let error = Cdn::bind(config).expect_err("the port is taken").to_string();
        assert!(error.contains(&addr.port().to_string()) && error.contains(role), "{error}");
    }
}

#[tokio::test]
async fn the_next_upstream_answers_when_the_first_cannot_be_reached() {
    let unused =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let mut world = World::with(|config| config.upstreams.insert(0, format!("http://{unused}"))).await;
    for target in ["/a", "/b"] {
        let answer = world.get_via(target, &[], |asked| asked.answer(200, &[], "from the second")).await;
        assert_eq!(answer.text().await, "from the second");
    }
    // Two requests, one of which tried the first upstream; after that it rests.
    assert_eq!(world.metric("cdn_upstream_fetches_total").await, 3);
}

#[tokio::test]
async fn an_upstream_may_have_a_path() {
    let mut world = World::with(|config| config.upstreams[0].push_str("/replay/")).await;
    let asking = world.get("/a?b", &[]);
    let asked = world.origin.next().await;
    assert_eq!(asked.parts.uri, "/replay/a?b");
    asked.answer(200, &[], "");
    asking.await.expect("an answer");
}

#[tokio::test]
async fn a_node_asks_its_parent_and_both_keep_a_copy() {
    let mut parent = World::start().await;
    let (addr, mut child) = (parent.addrs.listen, Origin::start().await);
    let mut config = config(addr);
    config.node = "child".into();
    let cdn = Cdn::bind(config).expect("free ports");
    child.addr = cdn.addrs().listen;
    tokio::spawn(cdn.run(parent.shutdown.clone()));
    let asking = tokio::spawn(crate::world::ask(child.addr, request(Method::GET, "/a", &[])));
    let asked = parent.origin.next().await;
    assert_eq!(asked.parts.headers.get_all("cdn-loop").iter().count(), 2);
    asked.answer(200, &["cache-control: max-age=60"], "body");
    let miss = asking.await.expect("an answer");
    let told: Vec<_> = miss.headers.get_all("cache-status").iter().collect();
    assert_eq!(
        told,
        ["test; fwd=uri-miss; fwd-status=200; stored", "child; fwd=uri-miss; fwd-status=200; stored"]
    );
    miss.text().await;
    for (node, addr) in [("child", child.addr), ("test", addr)] {
        let hit = crate::world::ask(addr, request(Method::GET, "/a", &[])).await;
        assert!(hit.header("cache-status").starts_with(&format!("{node}; hit")), "{:?}", hit.headers);
    }
}

/// A node with a certificate, and a client that trusts it and speaks HTTP/2.
async fn https(
    adjust: impl FnOnce(&mut Config),
) -> (World, Client<HttpsConnector<HttpConnector>, Full<Bytes>>) {
    let dir = tempfile::tempdir().expect("a directory");
    let own = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, own.cert.pem()).expect("written");
    std::fs::write(&key, own.signing_key.serialize_pem()).expect("written");
    let world = World::with(|config| {
        config.tls = Some(Tls { cert, key });
        adjust(config);
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(own.cert.der().clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_all_versions().build();
    (world.await, Client::builder(TokioExecutor::new()).build(connector))
}

fn https_uri(world: &World) -> Uri {
    format!("https://localhost:{}/a", world.addrs.listen.port()).parse().expect("a URI")
}

#[tokio::test]
async fn https_and_http2_clients_are_served() {
    let (mut world, client) = https(|_| {}).await;
    let asking = tokio::spawn(client.get(https_uri(&world)));
    world.origin.next().await.answer(200, &["cache-control: max-age=60"], "secret");
    let response = asking.await.expect("no panic").expect("an answer");
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "secret");
}

#[tokio::test]
async fn a_stalled_http2_stream_frees_its_place() {
    let (mut world, client) = https(|config| {
        config.object_bytes_max = 1 << 10;
        config.timeouts.client_stall_ms = 50;
        config.timeouts.upstream_idle_ms = 50;
    })
    .await;
    let length = 64 << 20;
    let asking = tokio::spawn(client.get(https_uri(&world)));
    let body = world.origin.next().await.answer_open(200, &[&format!("content-length: {length}")]);
    // The stream's window closes while its connection stays well.
    let _unread = asking.await.expect("no panic").expect("an answer");
    body.write(vec![0; length]);
    body.closed().await;
}

#[tokio::test]
async fn shutdown_lets_a_client_finish_and_does_not_wait_for_ever() {
    let mut world = World::with(|config| config.timeouts.drain_ms = 300).await;
    let lines = ["cache-control: max-age=60", "content-length: 6"];
    let finishing = world.get("/a", &[]);
    let finishing_body = world.origin.next().await.answer_open(200, &lines);
    let stuck = world.get("/b", &[]);
    let stuck_body = world.origin.next().await.answer_open(200, &lines);
    finishing_body.write("abc");
    stuck_body.write("abc");
    let (finishing, stuck) = (finishing.await.expect("an answer"), stuck.await.expect("an answer"));

    let start = Instant::now();
    world.shutdown.cancel();
    while world.metric("cdn_connections").await != 2 || world.ready().await.status == 200 {}
    finishing_body.write("def");
    assert_eq!(finishing.text().await, "abcdef");
    assert!(stuck.try_text().await.is_err());
    world.running.await.expect("no panic").expect("a clean end");
    assert!(start.elapsed() < Duration::from_secs(3));
}
