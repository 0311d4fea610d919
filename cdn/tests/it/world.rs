//! A node, its origin, and a client that shows everything it got.

use crate::origin::{Asked, Origin};
use bytes::Bytes;
use cdn::{Addrs, Cdn, Config, Drain};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct World {
    pub(crate) origin: Origin,
    pub(crate) addrs: Addrs,
    pub(crate) shutdown: CancellationToken,
    pub(crate) wishes: watch::Sender<Option<Drain>>,
    pub(crate) running: JoinHandle<anyhow::Result<()>>,
}

/// A response whose body is read piece by piece.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
}

pub(crate) fn config(upstream: SocketAddr) -> Config {
    let any = "127.0.0.1:0".parse().expect("an address");
    Config {
        node: "test".into(),
        listen: any,
        admin: Some(any),
        upstreams: vec![format!("http://{upstream}")],
        ..Config::default()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let origin = Origin::start().await;
        let mut config = config(origin.addr);
        adjust(&mut config);
        let cdn = Cdn::bind(config).expect("free ports");
        let addrs = cdn.addrs();
        let shutdown = CancellationToken::new();
        let (wishes, wished) = watch::channel(None);
        let running = tokio::spawn(cdn.run_drained(wished, shutdown.clone()));
        Self { origin, addrs, shutdown, wishes, running }
    }

    pub(crate) fn get(&self, target: &str, lines: &[&str]) -> JoinHandle<Answer> {
        self.ask(Method::GET, target, lines)
    }

    pub(crate) fn ask(&self, method: Method, target: &str, lines: &[&str]) -> JoinHandle<Answer> {
        let request = request(method, target, lines);
        tokio::spawn(ask(self.addrs.listen, request))
    }

    /// A GET the origin is asked for, and its answer.
    pub(crate) async fn get_via(
        &mut self,
        target: &str,
        lines: &[&str],
        answer: impl FnOnce(Asked),
    ) -> Answer {
        let asking = self.get(target, lines);
        answer(self.origin.next().await);
        asking.await.expect("an answer")
    }

    /// A GET answered without the origin.
    pub(crate) async fn get_here(&mut self, target: &str, lines: &[&str]) -> Answer {
        let answer = self.get(target, lines).await.expect("an answer");
        assert!(!self.origin.was_asked(), "the origin was asked for {target}");
        answer
    }

    /// What `/metrics` says of one series, such as `cdn_errors_total{reason="loop"}`; 0 when it is not there.
    pub(crate) async fn metric(&self, series: &str) -> u64 {
        let admin = self.addrs.admin.expect("configured");
        let text = ask(admin, request(Method::GET, "/metrics", &[])).await.text().await;
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().expect("a count"))
    }

    /// What `/readyz` says.
    pub(crate) async fn ready(&self) -> Answer {
        ask(self.addrs.admin.expect("configured"), request(Method::GET, "/readyz", &[])).await
    }

    /// Sends bytes as they are and returns the answer's first line.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.addrs.listen).await.expect("the node listens");
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("answered");
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    }
}

pub(crate) fn request(method: Method, target: &str, lines: &[&str]) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(target).header("host", "cdn.test");
    for line in lines {
        let (name, value) = line.split_once(": ").expect("name: value");
        request = request.header(name, value);
    }
    request.body(Full::default()).expect("a valid request")
}

pub(crate) async fn ask(addr: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(addr).await.expect("the node listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a fresh connection");
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.expect("a response").into_parts();
    Answer { status: parts.status, headers: parts.headers, body }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The next piece of the body.
    pub(crate) async fn piece(&mut self) -> Bytes {
        let frame = self.body.frame().await.expect("more to come").expect("not broken off");
        frame.into_data().expect("data")
    }

    pub(crate) async fn text(self) -> String {
        let bytes = self.body.collect().await.expect("a whole body").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    /// The body, or that it broke off.
    pub(crate) async fn try_text(self) -> Result<String, hyper::Error> {
        Ok(String::from_utf8_lossy(&self.body.collect().await?.to_bytes()).into_owned())
    }
}
