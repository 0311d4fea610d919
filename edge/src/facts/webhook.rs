//! Webhooks: each URL has its own place in the spool and gets its events in order, across restarts. An event has the same
//! id however often it is sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edge_wire::spool::Record;
use http_body_util::Full;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::cursor::Cursor;
use super::{Delivery, Position, Shared};
use crate::clock;
use crate::config::Config;
use crate::http::outgoing;
use crate::metrics::Metrics;

/// One attempt.
const POST_TIMEOUT: Duration = Duration::from_secs(10);
/// First wait after a failure; it doubles up to [`RETRY_LONGEST`].
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(60);
/// An event older than this is tried once more and then given up: a receiver that was away for a day has other ways to
/// learn what is.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A receiver that says the event itself is wrong (4xx) is asked so often, and then gets the next one.
const REFUSALS_MAX: u32 = 5;
/// Events read from the spool at once.
const READ_MAX: usize = 100;

/// The senders, one for each URL.
pub(crate) struct Webhooks {
    client: outgoing::Client,
    config: Arc<Config>,
    shared: Arc<Shared>,
    directory: Arc<Path>,
    durable: watch::Receiver<Position>,
    metrics: Metrics,
}

struct Hook {
    url: String,
    sender: String,
    cursor: Cursor,
}

enum Posted {
    Taken,
    /// The receiver does not want it as it is.
    Refused(String),
    Failed(String),
}

impl Webhooks {
    pub(crate) fn new(delivery: &Delivery, client: outgoing::Client, config: Arc<Config>) -> Self {
        Self {
            client,
            config,
            shared: Arc::clone(&delivery.shared),
            directory: Arc::clone(&delivery.directory),
            durable: delivery.durable.clone(),
            metrics: delivery.metrics.clone(),
        }
    }

    /// Starts a sender for each URL.
    pub(crate) fn start(self, epoch: u64, shutdown: &CancellationToken) {
        let webhooks = Arc::new(self);
        let hooks: Vec<Hook> = webhooks.config.webhooks.iter().map(|url| webhooks.hook(url, epoch)).collect();
        webhooks.forget_others(&hooks);
        for hook in hooks {
            let (webhooks, shutdown) = (Arc::clone(&webhooks), shutdown.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = webhooks.deliver(hook) => {}
                    () = shutdown.cancelled() => {}
                }
            });
        }
    }

    fn hook(&self, url: &str, epoch: u64) -> Hook {
        let sender = format!("webhook-{:08x}", crc32c::crc32c(url.as_bytes()));
        let mut cursor = Cursor::open(&self.directory, &sender);
        // A URL that is new here gets what happens from this start on.
        let position = cursor.position().unwrap_or(Position { epoch, sequence: 0 });
        cursor.write(position);
        self.shared.enter(&sender, position);
        Hook { url: url.to_owned(), sender, cursor }
    }

    /// A URL that is not in the configuration any more starts anew when it comes back.
    fn forget_others(&self, hooks: &[Hook]) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let is_cursor = path.extension().is_some_and(|extension| extension == "cursor");
            if is_cursor && name.starts_with("webhook-") && hooks.iter().all(|hook| hook.sender != name) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    async fn deliver(&self, mut hook: Hook) {
        let mut durable = self.durable.clone();
        let mut position = hook.cursor.position().unwrap_or_default();
        loop {
            let shared = Arc::clone(&self.shared);
            let read = tokio::task::spawn_blocking(move || shared.read(position, READ_MAX)).await;
            let records = match read.map_err(std::io::Error::other).flatten() {
                Ok(records) => records,
                Err(error) => {
                    tracing::error!(%error, "the spool of facts cannot be read");
                    tokio::time::sleep(RETRY_LONGEST).await;
                    continue;
                }
            };
            if records.is_empty() && durable.changed().await.is_err() {
                return;
            }
            for (at, record) in records {
                self.deliver_one(&hook.url, at, &record).await;
                position = at;
                hook.cursor.write(at);
                self.shared.take(&hook.sender, at);
            }
        }
    }

    /// Until it is taken or given up.
    async fn deliver_one(&self, url: &str, at: Position, record: &Record) {
        let mut pause = RETRY_FIRST;
        let mut refusals = 0;
        loop {
            let why = match self.post(url, at, record).await {
                Posted::Taken => {
                    self.metrics.webhooks_sent.inc();
                    return;
                }
                Posted::Refused(why) => {
                    refusals += 1;
                    why
                }
                Posted::Failed(why) => why,
            };
            self.metrics.webhook_failures.inc();
            let age = Duration::from_millis(clock::now_ms().saturating_sub(record.at_ms));
            if refusals >= REFUSALS_MAX || age >= GIVE_UP_AFTER {
                self.metrics.webhooks_lost.inc();
                tracing::warn!(url, why, "a webhook is given up; the next one is sent");
                return;
            }
            if pause == RETRY_FIRST {
                tracing::info!(url, why, "a webhook was not taken; it is sent again");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    async fn post(&self, url: &str, at: Position, record: &Record) -> Posted {
        let Some(key) = self.config.keys.first() else { return Posted::Refused("no key signs it".into()) };
        let id = format!("EV_{}_{}_{}", self.config.id, at.epoch, at.sequence);
        let now_s = clock::now_ms() / 1_000;
        let Some(webhook) = edge_signaling::webhook::event(record, &id, key, now_s) else {
            return Posted::Taken;
        };
        let request = http::Request::post(url)
            .header("content-type", webhook.content_type)
            .header("authorization", &webhook.authorization)
            .body(Full::from(Bytes::from(webhook.body)));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Posted::Refused(error.to_string()),
        };
        let answer = tokio::time::timeout(POST_TIMEOUT, self.client.request(request)).await;
        match answer {
            Ok(Ok(response)) => judge(response.status()),
            Ok(Err(error)) => Posted::Failed(outgoing::causes(&error)),
            Err(_) => Posted::Failed("no answer in time".into()),
        }
    }
}

fn judge(status: http::StatusCode) -> Posted {
    let later = [http::StatusCode::REQUEST_TIMEOUT, http::StatusCode::TOO_MANY_REQUESTS];
    match status {
        status if status.is_success() => Posted::Taken,
        status if status.is_client_error() && !later.contains(&status) => {
            Posted::Refused(format!("answered {status}"))
        }
        status => Posted::Failed(format!("answered {status}")),
    }
}
