//! Accepts clients and carries their connections.

use crate::body::Body;
use crate::drain::{Stage, parting};
use crate::node::Node;
use crate::serve;
use crate::stall::Impatient;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections the kernel holds for us while we are busy: a class that ends sends its viewers all at once.
const BACKLOG: i32 = 1024;
/// Pause after `accept` failed (mostly: out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Streams at once on one HTTP/2 connection; a player uses a handful.
const STREAMS_MAX: u32 = 128;
/// Header fields in one request.
const HEADER_FIELDS_MAX: usize = 100;
/// hyper takes no smaller read buffer.
const HTTP1_BUFFER_BYTES_MIN: usize = 8192;
/// Bytes a HTTP/2 stream may have waiting for its client.
const STREAM_BUFFER_BYTES: usize = 256 << 10;

/// Binds a listening socket, ready for the runtime.
pub(crate) fn bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last run's connections to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts until `shutdown`, then waits up to `drain_ms` for connections and fetches to end.
pub(crate) async fn serve(
    node: &Arc<Node>,
    listener: tokio::net::TcpListener,
    tls: Option<TlsAcceptor>,
    shutdown: &CancellationToken,
) {
    let connections = TaskTracker::new();
    // Cancelled when draining is over: what is still open then is dropped.
    let end = CancellationToken::new();
    let slots = Arc::new(Semaphore::new(node.config.limits.connections_max));
    loop {
        let accept = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = shutdown.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (node, tls, shutdown, end) = (Arc::clone(node), tls.clone(), shutdown.clone(), end.clone());
        connections.spawn(async move {
            node.metrics.connections.inc();
            tokio::select! {
                () = connection(&node, stream, tls, &shutdown) => {}
                () = end.cancelled() => {}
            }
            node.metrics.connections.dec();
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    let drain = Duration::from_millis(node.config.timeouts.drain_ms);
    // Fetches are not waited for: without clients they only warm a store that ends with us.
    if timeout(drain, connections.wait()).await.is_err() {
        tracing::info!(open = connections.len(), "clients did not finish in time");
    }
    end.cancel();
    connections.wait().await;
}

async fn connection(
    node: &Arc<Node>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    shutdown: &CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let stream = Impatient::new(stream, Duration::from_millis(node.config.timeouts.client_stall_ms));
    // Without TLS there is no one to agree on HTTP/2 with, and guessing from the first bytes has no time limit.
    let Some(tls) = tls else { return carry_http1(node, stream, shutdown).await };
    let handshake = Duration::from_millis(node.config.timeouts.handshake_ms);
    match timeout(handshake, tls.accept(stream)).await {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            carry_http2(node, stream, shutdown).await;
        }
        Ok(Ok(stream)) => carry_http1(node, stream, shutdown).await,
        Ok(Err(error)) => {
            node.metrics.error("tls_handshake");
            tracing::debug!(%error, "TLS handshake failed");
        }
        Err(_) => node.metrics.error("tls_handshake"),
    }
}

async fn carry_http1<S: Stream>(node: &Arc<Node>, stream: S, shutdown: &CancellationToken) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(node.config.timeouts.request_header_ms))
        .max_headers(HEADER_FIELDS_MAX)
        .keep_alive(*node.stage.borrow() == Stage::Serving)
        .max_buf_size(node.config.limits.header_bytes_max.max(HTTP1_BUFFER_BYTES_MIN));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service(node)));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = leaves(node, shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended(served);
}

async fn carry_http2<S: Stream>(node: &Arc<Node>, stream: S, shutdown: &CancellationToken) {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_send_buf_size(STREAM_BUFFER_BYTES)
        .keep_alive_interval(Duration::from_millis(node.config.timeouts.client_stall_ms))
        .max_header_list_size(u32::try_from(node.config.limits.header_bytes_max).unwrap_or(u32::MAX));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service(node)));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = leaves(node, shutdown) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    ended(served);
}

/// The node ends, or is being emptied.
async fn leaves(node: &Node, shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = parting(node.stage.subscribe()) => {}
    }
}

fn service(
    node: &Arc<Node>,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send + 'static> + use<>
{
    let node = Arc::clone(node);
    service_fn(move |request| {
        let node = Arc::clone(&node);
        async move { Ok(serve::serve(node, request).await) }
    })
}

fn ended(served: hyper::Result<()>) {
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}
