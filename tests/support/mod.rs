//! What the integration tests share: a house of processes, clients in it, plain HTTP, metrics.

#![expect(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod fleet;
pub mod house;
pub mod http;
pub mod video;

use std::io::Write as _;
use std::time::Duration;

/// Patience for what takes milliseconds when all is well.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Held by a house or fleet while it is open: the tests of one file take turns, whatever number of threads they have, so
/// that none measures another's load.
pub type Turn = tokio::sync::MutexGuard<'static, ()>;
static TURNS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

pub async fn turn() -> Turn {
    TURNS.lock().await
}

/// A figure for whoever reads the run's output; the test harness does not swallow it.
pub fn say(line: &str) {
    writeln!(std::io::stderr(), "    {line}").ok();
}

/// Asks until the answer is there.
pub async fn until<T>(what: &str, timeout: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = tokio::time::Instant::now() + timeout;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < end, "not within {timeout:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
