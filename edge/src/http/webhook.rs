//! Posts signed webhooks. Each URL has its own order; a post is tried a few times, then counted as lost in the log.

use std::sync::Arc;
use std::time::Duration;

use edge_room::Fact;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::Config;

const TRIES: u32 = 5;
const RETRY_FIRST: Duration = Duration::from_millis(500);
const POST_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends facts until the queue closes or the edge ends.
pub(crate) async fn send(mut facts: mpsc::Receiver<Fact>, config: Arc<Config>, shutdown: CancellationToken) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    loop {
        let fact = tokio::select! {
            fact = facts.recv() => fact,
            () = shutdown.cancelled() => None,
        };
        let Some(fact) = fact else { return };
        let Some(key) = config.keys.first() else { continue };
        let id = format!("EV_{:032x}", rand::random::<u128>());
        for url in &config.webhooks {
            let webhook = edge_signaling::webhook::event(&fact, &id, key, clock::now_ms() / 1_000);
            let mut pause = RETRY_FIRST;
            for attempt in 1..=TRIES {
                let request = http::Request::post(url)
                    .header("content-type", webhook.content_type)
                    .header("authorization", &webhook.authorization)
                    .body(Full::from(webhook.body.clone()));
                let Ok(request) = request else { break };
                let answer = tokio::time::timeout(POST_TIMEOUT, client.request(request)).await;
                if matches!(&answer, Ok(Ok(response)) if response.status().is_success()) {
                    break;
                }
                if attempt == TRIES {
                    tracing::warn!(url, "a webhook was not taken after {TRIES} tries and is lost");
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
}
