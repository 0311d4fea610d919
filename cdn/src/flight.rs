//! A flight of the core with what a task needs to wait for it: wakers, and the hand-over of what is not shared.

use bytes::Bytes;
use cdn_cache::flight::{Failure, Flight, NotShared, Phase, Read, ReaderId};
use cdn_cache::stored::{Head, Stored};
use http::Response;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// An upstream answer only the leader may have, with the fetch permit it holds until its body ends.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) response: Response<Incoming>,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// One fetch shared by many requests.
#[derive(Debug)]
pub(crate) struct Shared {
    inner: Mutex<Inner>,
    room: Notify,
}

#[derive(Debug)]
struct Inner {
    flight: Flight,
    /// By reader index.
    wakers: Vec<Option<Waker>>,
    leader: Option<ReaderId>,
    handover: Option<Handover>,
}

impl Inner {
    fn wake(&mut self) -> Vec<Waker> {
        self.wakers.iter_mut().filter_map(Option::take).collect()
    }
}

impl Shared {
    pub(crate) fn new(body_bytes_max: u64) -> Arc<Self> {
        let inner =
            Inner { flight: Flight::new(body_bytes_max), wakers: Vec::new(), leader: None, handover: None };
        Arc::new(Self { inner: Mutex::new(inner), room: Notify::new() })
    }

    /// A reader that takes whatever comes, the answer that is not for sharing included.
    pub(crate) fn lead(self: &Arc<Self>) -> Option<Reader> {
        let mut inner = self.inner.lock();
        let id = inner.flight.join()?;
        inner.leader = Some(id);
        Some(Reader { shared: Arc::clone(self), id })
    }

    /// A reader; `None` when the flight takes no more.
    pub(crate) fn join(self: &Arc<Self>) -> Option<Reader> {
        let id = self.inner.lock().flight.join()?;
        Some(Reader { shared: Arc::clone(self), id })
    }

    pub(crate) fn head(&self, head: Arc<Head>, length: Option<u64>) {
        self.change(|inner| inner.flight.handle_head(head, length));
    }

    pub(crate) fn refreshed(&self, stored: Stored) {
        self.change(|inner| inner.flight.handle_refreshed(stored));
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.change(|inner| inner.flight.handle_failure(failure));
    }

    /// Hands the answer to the leader, if it is still there.
    pub(crate) fn hand_over(&self, why: NotShared, handover: Handover) {
        self.change(|inner| {
            inner.flight.handle_not_shared(why);
            inner.handover = inner.leader.map(|_| handover);
        });
    }

    /// Adds a piece of the body; with `last`, the body is complete.
    pub(crate) fn chunk(&self, chunk: Bytes, last: bool) {
        self.change(|inner| {
            inner.flight.handle_chunk(chunk);
            if last {
                inner.flight.handle_end();
            }
        });
    }

    pub(crate) fn parts(&self) -> Option<Vec<Bytes>> {
        self.inner.lock().flight.parts()
    }

    pub(crate) fn is_outgrown(&self) -> bool {
        self.inner.lock().flight.is_outgrown()
    }

    /// Waits until more of the body may be read from the upstream. False when nobody wants it any more.
    pub(crate) async fn room(&self) -> bool {
        loop {
            // Armed before the look, so that a reader between look and wait is not missed.
            let woken = self.room.notified();
            {
                let inner = self.inner.lock();
                if inner.flight.is_deserted() {
                    return false;
                }
                if inner.flight.has_room() {
                    return true;
                }
            }
            woken.await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let wakers = {
            let mut inner = self.inner.lock();
            change(&mut inner);
            inner.wake()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A request's place in a flight; dropping it leaves the flight, which goes on.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    id: ReaderId,
}

impl Reader {
    /// Waits for the answer's head, or for what came instead.
    pub(crate) async fn phase(&self) -> Phase {
        poll_fn(|cx| {
            let mut inner = self.shared.inner.lock();
            match inner.flight.phase() {
                Phase::Waiting => {
                    self.wait(&mut inner, cx);
                    Poll::Pending
                }
                phase => Poll::Ready(phase.clone()),
            }
        })
        .await
    }

    pub(crate) fn set_window(&self, start: u64, end: u64) {
        self.shared.inner.lock().flight.set_window(self.id, start, end);
    }

    /// What only the leader gets; see [`Shared::hand_over`].
    pub(crate) fn take_handover(&self) -> Option<Handover> {
        let mut inner = self.shared.inner.lock();
        if inner.leader == Some(self.id) { inner.handover.take() } else { None }
    }

    /// Next bytes of the window; `None` at its end.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let mut inner = self.shared.inner.lock();
        match inner.flight.read(self.id) {
            Read::Data(data) => {
                drop(inner);
                self.shared.room.notify_one();
                Poll::Ready(Some(Ok(data)))
            }
            Read::End => Poll::Ready(None),
            Read::Failed(failure) => Poll::Ready(Some(Err(failure))),
            Read::Pending => {
                self.wait(&mut inner, cx);
                Poll::Pending
            }
        }
    }

    fn wait(&self, inner: &mut Inner, cx: &Context<'_>) {
        let index = self.id.index();
        if inner.wakers.len() <= index {
            inner.wakers.resize_with(index + 1, || None);
        }
        inner.wakers[index] = Some(cx.waker().clone());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut inner = self.shared.inner.lock();
        inner.flight.leave(self.id);
        if let Some(waker) = inner.wakers.get_mut(self.id.index()) {
            *waker = None;
        }
        let handover = if inner.leader == Some(self.id) {
            inner.leader = None;
            inner.handover.take()
        } else {
            None
        };
        drop(inner);
        // Closing an upstream connection is not done under the lock.
        drop(handover);
        self.shared.room.notify_one();
    }
}
