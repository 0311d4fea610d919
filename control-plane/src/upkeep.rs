//! Once an hour, what is over is taken out of the database, by one control plane for all.

use std::time::Duration;

use control_plane_agent::unix_time_ms;
use control_plane_classes::{Database, duty, upkeep};
use tokio_util::sync::CancellationToken;

/// Nothing waits for it.
const INTERVAL: Duration = Duration::from_secs(3600);
/// A control plane that has not come back for this long has lost the duty.
const DUTY_TTL_MS: u64 = 3 * 3600 * 1000;

/// Keeps the database free of what is over, until `shutdown`.
pub(crate) async fn run(
    database: Database,
    holder: String,
    attendance_kept_days: u32,
    shutdown: CancellationToken,
) {
    let attendance_kept_ms = u64::from(attendance_kept_days) * 24 * 3600 * 1000;
    loop {
        match look(&database, &holder, attendance_kept_ms).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "what was over is taken out of the database"),
            Err(error) => tracing::warn!(%error, "what is over was not taken out of the database"),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn look(
    database: &Database,
    holder: &str,
    attendance_kept_ms: u64,
) -> control_plane_classes::Result<u64> {
    let now_ms = unix_time_ms();
    if !duty::take(database, "upkeep", holder, now_ms, DUTY_TTL_MS).await? {
        return Ok(0);
    }
    upkeep::run(database, attendance_kept_ms, now_ms).await
}
