//! Requests and answers that are wrong: a clear error, a counter, and a node that goes on.

use crate::world::{World, ask, config, request};
use cdn::Cdn;
use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn targets_that_climb_are_refused_and_counted() {
    let mut world = World::start().await;
    let targets =
        ["/a/../../etc/passwd", "/a/%2e%2e/b", "/%252e%252e/b", "/a%5c..%5cb", "/a%00b", "/./a", "/a\\b"];
    for target in targets {
        let raw = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert_eq!(world.raw(raw.as_bytes()).await, "HTTP/1.1 400 Bad Request", "{target}");
    }
    assert_eq!(world.metric("cdn_errors_total{reason=\"path_traversal\"}").await, targets.len() as u64);
    assert!(!world.origin.was_asked());
    let long = format!("/{}", "a".repeat(5000));
    assert_eq!(world.get(&long, &[]).await.expect("an answer").status, 414);
    world.get_via("/fine", &[], |asked| asked.answer(200, &[], "ok")).await;
}

#[tokio::test]
async fn garbage_and_oversized_heads_are_refused() {
    let world = World::start().await;
    assert_eq!(world.raw(b"\x16\x03\x01\x02\x00 not http\r\n\r\n").await, "HTTP/1.1 400 Bad Request");
    let fat = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(64 << 10));
    assert_eq!(world.raw(fat.as_bytes()).await, "HTTP/1.1 431 Request Header Fields Too Large");
    let both = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n";
    let line = world.raw(both.as_bytes()).await;
    assert!(line.starts_with("HTTP/1.1 4"), "no way to smuggle: {line}");
}

#[tokio::test]
async fn other_methods_are_refused_unless_configured() {
    let mut world = World::start().await;
    let refused = world.ask(Method::POST, "/a", &[]).await.expect("an answer");
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "GET, HEAD, OPTIONS"));
    let asking = world.ask(Method::OPTIONS, "/a", &["access-control-request-method: GET"]);
    let asked = world.origin.next().await;
    assert_eq!(asked.parts.method, Method::OPTIONS);
    asked.answer(204, &["access-control-allow-origin: *"], "");
    let preflight = asking.await.expect("an answer");
    assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-origin")), (204, "*"));
}

#[tokio::test]
async fn a_passed_method_forgets_what_it_changed() {
    let mut world = World::with(|config| config.pass_methods = vec!["PUT".into()]).await;
    let lines = ["cache-control: max-age=60"];
    world.get_via("/a", &[], |asked| asked.answer(200, &lines, "old")).await.text().await;
    let asking = tokio::spawn(ask(world.addrs.listen, request(Method::PUT, "/a", &[]).map(|_| "new".into())));
    let asked = world.origin.next().await;
    assert_eq!(asked.body, "new");
    asked.answer(204, &[], "");
    assert_eq!(asking.await.expect("an answer").status, 204);
    let after = world.get_via("/a", &[], |asked| asked.answer(200, &lines, "new")).await;
    assert_eq!(after.text().await, "new");
}

#[tokio::test]
async fn a_circle_of_nodes_is_cut() {
    // A node that is its own parent: the port is known only once bound, so bind, free and bind again.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("bound");
    drop(taken);
    let mut config = config(addr);
    config.listen = addr;
    let cdn = Cdn::bind(config).expect("the port was just free");
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(cdn.run(shutdown.clone()));
    let answer = ask(addr, request(Method::GET, "/a", &[])).await;
    assert_eq!(answer.status, 508);
    shutdown.cancel();
    running.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_http_is_a_502() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            if stream.read(&mut head).await.is_ok() {
                drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await);
            }
        }
    });
    let world = World::with(|config| config.upstreams = vec![format!("http://{addr}")]).await;
    let answer = world.get("/a", &[]).await.expect("an answer");
    assert_eq!(answer.status, 502);
    assert_eq!(world.metric("cdn_errors_total{reason=\"upstream_bad_response\"}").await, 1);
}

#[tokio::test]
async fn a_body_that_ends_with_its_connection_is_passed_and_not_stored() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            if stream.read(&mut head).await.is_ok() {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\n\r\nabc").await);
            }
        }
    });
    let world = World::with(|config| config.upstreams = vec![format!("http://{addr}")]).await;
    for _ in 0..2 {
        let answer = world.get("/a", &[]).await.expect("an answer");
        assert!(!answer.header("cache-status").contains("hit"));
        assert_eq!(answer.text().await, "abc");
    }
}

#[tokio::test]
async fn a_body_on_a_get_does_not_reach_the_upstream_nor_its_length() {
    let mut world = World::start().await;
    for method in [Method::GET, Method::OPTIONS] {
        let asking = tokio::spawn(ask(
            world.addrs.listen,
            request(method, "/a", &[]).map(|_| "GET /b HTTP/1.1".into()),
        ));
        let asked = world.origin.next().await;
        assert!(!asked.parts.headers.contains_key("content-length") && asked.body.is_empty());
        asked.answer(200, &[], "");
        assert_eq!(asking.await.expect("an answer").status, 200);
    }
}
