//! The body of an answer to a client, wherever its bytes come from.

use crate::flight::Reader;
use bytes::Bytes;
use cdn_cache::flight::Failure;
use cdn_cache::stored;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

/// Why a body broke off. The connection (HTTP/1.1) or stream (HTTP/2) ends with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error(transparent)]
    Fetch(#[from] Failure),
    #[error("the upstream's body broke off: {0}")]
    Upstream(#[from] hyper::Error),
}

/// A body, and the counter of bytes sent to clients.
#[derive(Debug)]
pub(crate) struct Body {
    source: Source,
    sent: Counter,
}

#[derive(Debug)]
enum Source {
    Empty,
    Text(Bytes),
    Stored { body: Arc<stored::Body>, at: u64, end: u64 },
    Flight { reader: Reader, left: Option<u64> },
    Pass(Pass),
}

/// An upstream's body on its way past the cache.
#[derive(Debug)]
struct Pass {
    /// Shared with the watch, which empties it when the client stalls.
    lane: Arc<Mutex<Option<Lane>>>,
    received: Counter,
}

/// The upstream connection and the place in `passes_max` or `fills_max` a passed body takes.
#[derive(Debug)]
struct Lane {
    incoming: Incoming,
    idle: Duration,
    deadline: Pin<Box<Sleep>>,
    moved: Instant,
    _permit: OwnedSemaphorePermit,
}

/// How long a passed body may make no progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The upstream sends nothing although the client would take it.
    pub(crate) upstream: Duration,
    /// The client takes nothing.
    pub(crate) client: Duration,
}

impl Body {
    pub(crate) fn empty(sent: Counter) -> Self {
        Self { source: Source::Empty, sent }
    }

    pub(crate) fn text(text: String, sent: Counter) -> Self {
        Self { source: Source::Text(text.into()), sent }
    }

    pub(crate) fn stored(body: Arc<stored::Body>, start: u64, end: Option<u64>, sent: Counter) -> Self {
        let end = end.unwrap_or_else(|| body.length());
        Self { source: Source::Stored { body, at: start, end }, sent }
    }

    /// Bytes `start..end` of a flight.
    pub(crate) fn flight(reader: Reader, start: u64, end: Option<u64>, sent: Counter) -> Self {
        reader.set_window(start, end.unwrap_or(u64::MAX));
        Self { source: Source::Flight { reader, left: end.map(|end| end - start) }, sent }
    }

    pub(crate) fn pass(
        incoming: Incoming,
        patience: Patience,
        permit: OwnedSemaphorePermit,
        received: Counter,
        sent: Counter,
    ) -> Self {
        let deadline = Box::pin(tokio::time::sleep(patience.upstream));
        let end = incoming.is_end_stream();
        let lane =
            Lane { incoming, idle: patience.upstream, deadline, moved: Instant::now(), _permit: permit };
        let lane = Arc::new(Mutex::new(Some(lane)));
        if !end {
            tokio::spawn(watch(Arc::downgrade(&lane), patience));
        }
        Self { source: Source::Pass(Pass { lane, received }), sent }
    }
}

/// Lets go of a passed body whose client takes nothing. A stalled HTTP/2 stream is not seen by
/// [`Impatient`](crate::stall::Impatient), and nobody polls its body, so someone else must look at the clock.
async fn watch(lane: Weak<Mutex<Option<Lane>>>, patience: Patience) {
    let patience = patience.client + patience.upstream;
    let mut wake = Instant::now() + patience;
    loop {
        tokio::time::sleep_until(wake).await;
        let Some(lane) = lane.upgrade() else { return };
        let mut lane = lane.lock();
        match lane.as_ref() {
            Some(open) if Instant::now() < open.moved + patience => wake = open.moved + patience,
            _ => {
                *lane = None;
                return;
            }
        }
    }
}

impl Pass {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let mut lane = self.lane.lock();
        let Some(open) = lane.as_mut() else { return Poll::Ready(Some(Err(Failure::Timeout.into()))) };
        loop {
            match Pin::new(&mut open.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers end here: few clients read them, and nothing in the cache would keep them.
                    let Ok(data) = frame.into_data() else { continue };
                    self.received.inc_by(data.len() as u64);
                    open.moved = Instant::now();
                    open.deadline.as_mut().reset(open.moved + open.idle);
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    return match open.deadline.as_mut().poll(cx) {
                        Poll::Ready(()) => Poll::Ready(Some(Err(Failure::Timeout.into()))),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let data = match &mut self.source {
            Source::Empty => None,
            Source::Text(text) => (!text.is_empty()).then(|| Ok(std::mem::take(text))),
            Source::Stored { body, at, end } => body.piece(*at, *end).map(|piece| {
                *at += piece.len() as u64;
                Ok(piece)
            }),
            Source::Flight { reader, left } => match std::task::ready!(reader.poll_read(cx)) {
                Some(Ok(data)) => {
                    *left = left.map(|left| left.saturating_sub(data.len() as u64));
                    Some(Ok(data))
                }
                other => other.map(|data| data.map_err(Broken::from)),
            },
            Source::Pass(pass) => std::task::ready!(pass.poll(cx)),
        };
        if let Some(Ok(data)) = &data {
            self.sent.inc_by(data.len() as u64);
        }
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Text(text) => text.is_empty(),
            Source::Stored { at, end, .. } => at >= end,
            Source::Flight { left, .. } => *left == Some(0),
            Source::Pass(pass) => pass.lane.lock().as_ref().is_some_and(|open| open.incoming.is_end_stream()),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Text(text) => SizeHint::with_exact(text.len() as u64),
            Source::Stored { at, end, .. } => SizeHint::with_exact(end.saturating_sub(*at)),
            Source::Flight { left, .. } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
            Source::Pass(pass) => {
                pass.lane.lock().as_ref().map_or_else(SizeHint::default, |open| open.incoming.size_hint())
            }
        }
    }
}
