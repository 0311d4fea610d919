//! A watch that survives the loss of the member it hangs on.
//!
//! The stream is opened again at another member from the revision after the last one told, so nothing is missed or
//! told twice. It fails only when no member answers, or when the history is gone.
//!
//! A quiet stream is asked for its progress now and then, so that a dead member is noticed. What revision the answer
//! names is not believed: up to 3.4.24 and 3.5.7 it can overtake events (etcd issue 15220). The progress etcd tells by
//! itself comes in order and is passed on.

use std::collections::VecDeque;
use std::time::Duration;

use etcd_client::{EventType, WatchOptions, WatchRequestSender, WatchResponse, WatchResponseStream};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::cluster::Repeat;
use super::failure::Failure;
use super::listing::range;
use super::{ANSWER_BYTES_MAX, Etcd, revision};
use crate::backoff::Backoff;
use crate::store::{Batch, Error, Event, Revision, Watch};

/// Quiet after which a stream is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(2);
/// How long the answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a member may be behind the revision watched from before the history counts as gone: a cluster that was set
/// back (restored from a copy) would otherwise be waited on for ever.
const LAG_MAX: Duration = Duration::from_secs(5);

pub(super) async fn start(etcd: Etcd, prefix: &str, from: Revision) -> Result<Watch, Error> {
    let mut follower = Follower {
        key: etcd.full(prefix),
        etcd,
        next: from.max(1),
        told: VecDeque::new(),
        stream: None,
        backoff: Backoff::default(),
        ended: false,
    };
    follower.open().await?;
    Ok(Box::pin(futures_util::stream::unfold(follower, Follower::next)))
}

/// One watch: what was told, and the stream it comes from at the moment.
struct Follower {
    etcd: Etcd,
    key: Vec<u8>,
    /// Everything before this revision was told.
    next: Revision,
    told: VecDeque<Batch>,
    stream: Option<Stream>,
    /// Between streams that say nothing.
    backoff: Backoff,
    ended: bool,
}

struct Stream {
    /// Dropping it ends the watch.
    sender: WatchRequestSender,
    messages: WatchResponseStream,
    id: i64,
    member: usize,
    /// Since when the member is behind `next`.
    lagging: Option<Instant>,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Batch, Error>, Self)> {
        loop {
            if let Some(batch) = self.told.pop_front() {
                return Some((Ok(batch), self));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.advance().await {
                self.ended = true;
                return Some((Err(error), self));
            }
        }
    }

    /// Takes one message, or opens the stream again.
    async fn advance(&mut self) -> Result<(), Error> {
        let Some(stream) = &mut self.stream else {
            tokio::time::sleep(self.backoff.next_wait()).await;
            return self.open().await;
        };
        match stream.message().await {
            Ok(message) => {
                self.backoff.reset();
                self.take(&message)
            }
            // More at once than is taken: the listing comes in pages.
            Err(Failure::Answered(Error::Refused { reason })) if reason.contains("length too large") => {
                Err(Error::Compacted { oldest: self.next })
            }
            Err(Failure::Answered(error)) => Err(error),
            Err(failure) => {
                tracing::debug!(?failure, "a watch lost its stream");
                self.lose();
                Ok(())
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        let start = i64::try_from(self.next).map_err(Error::refused)?;
        let (key, end) = range(self.key.clone());
        let options = WatchOptions::new().with_range(end).with_start_revision(start).with_progress_notify();
        let cluster = &self.etcd.cluster;
        let opened = cluster.ask(Repeat::Always, |client| {
            let (key, options) = (key.clone(), options.clone());
            async move {
                let mut watches = client.watch_client().max_decoding_message_size(ANSWER_BYTES_MAX);
                let (sender, mut messages) = watches.watch(key, Some(options)).await?.split();
                let created =
                    messages.message().await?.ok_or_else(|| Failure::unknown("no watch was made"))?;
                if created.canceled() {
                    return Err(refusal(&created));
                }
                Ok((sender, messages, created.watch_id()))
            }
            .boxed()
        });
        let (sender, messages, id) = opened.await?;
        let member = cluster.current();
        self.stream = Some(Stream { sender, messages, id, member, lagging: None });
        // Says that the watch stands.
        self.told.push_back(Batch { revision: self.next - 1, events: Vec::new() });
        Ok(())
    }

    fn lose(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.etcd.cluster.go_on_from(stream.member);
        }
    }

    fn take(&mut self, message: &WatchResponse) -> Result<(), Error> {
        if message.canceled() {
            if message.compact_revision() > 0 {
                return Err(Error::Compacted { oldest: revision(message.compact_revision()) });
            }
            tracing::debug!(reason = message.cancel_reason(), "a watch was cancelled");
            self.lose();
            return Ok(());
        }
        if !message.events().is_empty() {
            self.take_events(message);
            return Ok(());
        }
        let now = message.header().map_or(0, |header| revision(header.revision()));
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if now + 1 < self.next {
            let since = *stream.lagging.get_or_insert_with(Instant::now);
            if since.elapsed() >= LAG_MAX {
                tracing::warn!(now, watched_from = self.next, "etcd is at an older revision than before");
                return Err(Error::Compacted { oldest: now + 1 });
            }
        } else {
            stream.lagging = None;
            if message.watch_id() == stream.id && now >= self.next {
                self.next = now + 1;
                self.told.push_back(Batch { revision: now, events: Vec::new() });
            }
        }
        Ok(())
    }

    /// Events come in order, those of one revision in one message.
    fn take_events(&mut self, message: &WatchResponse) {
        for event in message.events() {
            let Some(found) = event.kv() else { continue };
            let at = revision(found.mod_revision());
            let Some(entry) = self.etcd.entry(found) else { continue };
            if at < self.next && self.told.back().is_none_or(|batch| batch.revision != at) {
                continue;
            }
            let event = match event.event_type() {
                EventType::Put => Event::Put(entry),
                EventType::Delete => Event::Delete { key: entry.key },
            };
            match self.told.back_mut() {
                Some(batch) if batch.revision == at && !batch.events.is_empty() => batch.events.push(event),
                _ => self.told.push_back(Batch { revision: at, events: vec![event] }),
            }
            self.next = self.next.max(at + 1);
        }
    }
}

impl Stream {
    /// The next message. A stream that gives no sign of life is a failure.
    async fn message(&mut self) -> Result<WatchResponse, Failure> {
        if let Ok(message) = tokio::time::timeout(QUIET, self.messages.message()).await {
            return judge(message);
        }
        let answered = async {
            self.sender.request_progress().await?;
            judge(self.messages.message().await)
        };
        tokio::time::timeout(ANSWER_TIMEOUT, answered)
            .await
            .unwrap_or_else(|_| Err(Failure::unknown("silent")))
    }
}

fn judge(message: Result<Option<WatchResponse>, etcd_client::Error>) -> Result<WatchResponse, Failure> {
    match message {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(Failure::unknown("the stream ended")),
        Err(error) => Err(error.into()),
    }
}

fn refusal(message: &WatchResponse) -> Failure {
    let reason = message.cancel_reason();
    if message.compact_revision() > 0 {
        return Failure::Answered(Error::Compacted { oldest: revision(message.compact_revision()) });
    }
    // A token that is not known (any more) is said to have no permission.
    if reason.contains("permission denied") || reason.contains("auth") {
        return Failure::Session { reason: reason.to_owned() };
    }
    Failure::unknown(format!("watch refused: {reason}"))
}
