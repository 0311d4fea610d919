//! Reminders before classes: one control plane looks, and another when that one is gone.

use std::sync::Arc;
use std::time::Duration;

use control_plane_agent::unix_time_ms;
use control_plane_classes::catalogue::reminders;
use control_plane_classes::{Database, duty};
use tokio_util::sync::CancellationToken;

use crate::mail::Mailer;

/// Reminders come within this of when they should.
const LOOK_INTERVAL: Duration = Duration::from_secs(20);
/// A control plane that has not looked for this long has lost the duty.
const DUTY_TTL_MS: u64 = 60 * 1000;

pub(crate) struct Reminders {
    pub(crate) database: Database,
    pub(crate) mailer: Arc<Mailer>,
    /// This control plane's id.
    pub(crate) holder: String,
    /// Put before a class's id.
    pub(crate) link: String,
}

impl Reminders {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        loop {
            match self.look().await {
                Ok(0) => {}
                Ok(sent) => {
                    tracing::info!(sent, "reminders");
                    self.mailer.news.notify_one();
                }
                Err(error) => tracing::warn!(%error, "reminders were not sent"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn look(&self) -> control_plane_classes::Result<usize> {
        let now_ms = unix_time_ms();
        if !duty::take(&self.database, "reminders", &self.holder, now_ms, DUTY_TTL_MS).await? {
            return Ok(0);
        }
        // A large class is told as one: all of its reminders are due at once.
        let mut sent = 0;
        loop {
            match reminders::send(&self.database, &self.link, now_ms).await? {
                0 => return Ok(sent),
                more => sent += more,
            }
        }
    }
}
