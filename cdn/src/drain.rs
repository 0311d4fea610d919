//! A node that is to be emptied: it is not ready, goes on for those who still come, and ends when nobody does.
//!
//! Whoever sends viewers (balancers by `/readyz`, the control plane by the node's record) sends them elsewhere; a viewer
//! who knows this node by an older answer is served once more and its connection closed, so that it looks again.

use crate::node::Node;
use control_plane_agent::admin::Health;
use control_plane_agent::unix_time_ms;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// A wish to empty the node; without one it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Milliseconds since the Unix epoch. From then on viewers are refused, and a node that is to end does so.
    pub deadline_ms: Option<u64>,
    /// Ends when nobody asks any more; otherwise the node stays, not ready, until the wish is taken back.
    pub exit: bool,
}

/// What a node does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    #[default]
    Serving,
    /// Serves it and closes the connection.
    Leaving,
    /// Refuses it.
    Closed,
}

/// How often a leaving node looks whether somebody still asks.
const LOOK: Duration = Duration::from_millis(100);
/// A connection that came to a leaving node carries requests for this long: one page's worth.
const CONNECTION_MAX: Duration = Duration::from_secs(5);

/// Follows the wishes; resolves when the node shall end.
pub(crate) async fn tend(node: &Node, health: &Health, mut wishes: watch::Receiver<Option<Drain>>) {
    loop {
        let wish = *wishes.borrow_and_update();
        let stage = match wish {
            None => Stage::Serving,
            Some(wish) if wish.deadline_ms.is_some_and(|at| at <= unix_time_ms()) => Stage::Closed,
            Some(_) => Stage::Leaving,
        };
        enter(node, health, stage);
        match wish {
            None => changed(&mut wishes).await,
            Some(Drain { exit: true, .. }) if stage == Stage::Closed => return,
            Some(wish) => tokio::select! {
                () = changed(&mut wishes) => {}
                () = deadline(&wish), if stage == Stage::Leaving => {}
                () = quiet(node), if wish.exit => return,
            },
        }
    }
}

/// Resolves when a connection shall end after the request it is at.
pub(crate) async fn parting(mut stage: watch::Receiver<Stage>) {
    if *stage.borrow() != Stage::Serving {
        return sleep(CONNECTION_MAX).await;
    }
    if stage.wait_for(|stage| *stage != Stage::Serving).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn enter(node: &Node, health: &Health, stage: Stage) {
    let before = node.stage.send_replace(stage);
    match stage {
        Stage::Serving => health.ready("cdn"),
        Stage::Leaving | Stage::Closed => health.waiting("cdn", "draining"),
    }
    node.metrics.draining.set(i64::from(stage != Stage::Serving));
    if before != stage {
        tracing::info!(node = %node.config.node, ?stage, "cdn node");
    }
}

async fn changed(wishes: &mut watch::Receiver<Option<Drain>>) {
    if wishes.changed().await.is_err() {
        // Nobody is left to wish anything: what was wished last stands.
        std::future::pending::<()>().await;
    }
}

async fn deadline(wish: &Drain) {
    match wish.deadline_ms {
        Some(at_ms) => sleep(Duration::from_millis(at_ms.saturating_sub(unix_time_ms()))).await,
        None => std::future::pending().await,
    }
}

/// Nobody has asked for anything for `drain_quiet_ms`, and nobody is being answered.
async fn quiet(node: &Node) {
    let patience = Duration::from_millis(node.config.timeouts.drain_quiet_ms);
    let (mut asked, mut since) = (node.asked.load(Ordering::Relaxed), Instant::now());
    while since.elapsed() < patience {
        sleep(LOOK.min(patience)).await;
        let now = node.asked.load(Ordering::Relaxed);
        if now != asked || node.metrics.connections.get() > 0 {
            (asked, since) = (now, Instant::now());
        }
    }
}
