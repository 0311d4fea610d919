//! An origin whose every answer is given by the test.

use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The origin's side of a request the node sent.
pub(crate) struct Asked {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    answer: oneshot::Sender<Response<Body>>,
}

pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    asked: mpsc::UnboundedReceiver<Asked>,
    listening: JoinHandle<()>,
}

/// A body still being written.
pub(crate) struct Open(mpsc::UnboundedSender<Result<Frame<Bytes>, std::io::Error>>);

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let (tx, asked) = mpsc::unbounded_channel();
        let listening = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let tx = tx.clone();
                let service = service_fn(move |request: Request<Incoming>| serve(tx.clone(), request));
                tokio::spawn(async move {
                    // An aborted body ends the connection with an error; that is the point of some tests.
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    drop(connection.await);
                });
            }
        });
        Self { addr, asked, listening }
    }

    /// Takes no more connections.
    pub(crate) async fn stop(&mut self) {
        self.listening.abort();
        (&mut self.listening).await.expect_err("aborted");
    }

    /// The next request from the node.
    pub(crate) async fn next(&mut self) -> Asked {
        let next = tokio::time::timeout(std::time::Duration::from_secs(10), self.asked.recv());
        next.await.expect("the node asks within 10 s").expect("the origin runs")
    }

    /// Whether the node has asked for something not yet taken with [`Origin::next`].
    pub(crate) fn was_asked(&mut self) -> bool {
        !self.asked.is_empty()
    }
}

async fn serve(
    tx: mpsc::UnboundedSender<Asked>,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let (answer, answered) = oneshot::channel();
    tx.send(Asked { parts, body, answer }).map_err(|_| std::io::Error::other("test over"))?;
    // A request dropped unanswered closes the connection without a response.
    answered.await.map_err(|_| std::io::Error::other("no answer"))
}

impl Asked {
    /// Answers with a whole body. A line is `name: value`.
    pub(crate) fn answer(self, status: u16, lines: &[&str], body: &'static str) {
        let body = Full::new(Bytes::from_static(body.as_bytes()));
        self.send(status, lines, body.map_err(|never: Infallible| match never {}).boxed_unsync());
    }

    /// Answers with a head, and a body that is written later.
    pub(crate) fn answer_open(self, status: u16, lines: &[&str]) -> Open {
        let (tx, rx) = mpsc::unbounded_channel();
        let frames = stream::unfold(rx, |mut rx| async move { rx.recv().await.map(|frame| (frame, rx)) });
        self.send(status, lines, StreamBody::new(frames).boxed_unsync());
        Open(tx)
    }

    fn send(self, status: u16, lines: &[&str], body: Body) {
        let mut response = Response::builder().status(status);
        for line in lines {
            let (name, value) = line.split_once(": ").expect("name: value");
            response = response.header(name, value);
        }
        self.answer
            .send(response.body(body).expect("a valid response"))
            .map_err(drop)
            .expect("the node waits");
    }
}

impl Open {
    pub(crate) fn write(&self, bytes: impl Into<Bytes>) {
        self.0.send(Ok(Frame::data(bytes.into()))).expect("the node reads");
    }

    /// Whether the node still reads.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }

    /// Breaks the body off.
    pub(crate) fn abort(self) {
        self.0.send(Err(std::io::Error::other("abort"))).expect("the node reads");
    }
}
