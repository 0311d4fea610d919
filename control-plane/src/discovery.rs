//! Search, recommendation and wishes of this process: what the database has, held in memory and kept up with it.
//!
//! ```text
//!   database --changed classes--> Index --> GET /v1/classes?q=, suggestions
//!            --acts-------------> Recommender --> GET /v1/recommendations
//!            --wishes x new classes--> notes to those who wished
//! ```
//!
//! Any number of control planes do this at once; each has all of it, and none needs another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use control_plane_agent::view::View;
use control_plane_classes::Database;
use control_plane_classes::catalogue::{Class, categories};
use control_plane_classes::discover::store;
use control_plane_discovery::{Document, Index, Person, Recommendation, Recommender};
use parking_lot::RwLock;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) mod acts;
mod matching;

/// Without news, classes are read again this often: changes made by other control planes also show in the fleet's store.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);
/// News come in bursts; the first of them waits for the others.
const SETTLE: Duration = Duration::from_millis(300);
/// The recommender is built anew this often in a small school…
const REBUILD_INTERVAL_MIN: Duration = Duration::from_secs(5);
/// …and in a large one so seldom that it takes a fiftieth of the time.
const REBUILD_SHARE: u32 = 50;
/// Classes read at once.
const PAGE: usize = 1_000;
/// Clocks of control planes differ: a change may carry an earlier time than one that was seen.
const CLOCK_SLACK_MS: u64 = 10_000;

/// What handlers ask.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    found: RwLock<Found>,
    recommender: RwLock<Arc<Recommender>>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Found {
    index: Index,
    classes: BTreeMap<String, Class>,
    seen_ms: u64,
    /// Classes that are new, or say something new, and were not compared with wishes yet.
    untold: BTreeMap<String, Class>,
}

impl Discovery {
    /// Starts to keep up with the database.
    pub(crate) fn start(
        database: &Database,
        view: &View,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Arc<Self> {
        let discovery = Arc::new(Self::default());
        tasks.spawn(keep_up(Arc::clone(&discovery), database.clone(), view.clone(), shutdown.clone()));
        tasks.spawn(learn(Arc::clone(&discovery), database.clone(), shutdown.clone()));
        discovery
    }

    /// Ids of classes for a text, best first.
    pub(crate) fn search(&self, text: &str, limit: usize, accept: impl Fn(&Class) -> bool) -> Vec<String> {
        let found = self.found.read();
        let accept = |id: &str| found.classes.get(id).is_some_and(&accept);
        found.index.search(text, limit, accept).into_iter().map(|hit| hit.id).collect()
    }

    /// The class as it was last read.
    pub(crate) fn class(&self, id: &str) -> Option<Class> {
        self.found.read().classes.get(id).cloned()
    }

    /// How many classes each category has.
    pub(crate) fn count_by_category(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for class in self.found.read().classes.values() {
            *counts.entry(class.category.clone()).or_default() += 1;
        }
        counts
    }

    pub(crate) fn recommend(&self, person: &Person, limit: usize) -> Vec<Recommendation> {
        let recommender = Arc::clone(&self.recommender.read());
        recommender.recommend(person, limit)
    }

    /// A class was made or changed here: found at once instead of soon.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }
}

/// Keeps the index up with the database until `shutdown`.
async fn keep_up(discovery: Arc<Discovery>, database: Database, view: View, shutdown: CancellationToken) {
    let mut records = view.classes.subscribe();
    loop {
        if let Err(error) = refresh(&discovery, &database).await {
            tracing::warn!(%error, "classes for search cannot be read; what was read before stays");
        }
        if let Err(error) = tell(&discovery, &database).await {
            tracing::warn!(%error, "those who wished for a class are not told yet");
        }
        let news = async {
            tokio::select! {
                _ = records.changed() => {}
                () = discovery.changed.notified() => {}
            }
            tokio::time::sleep(SETTLE).await;
        };
        tokio::select! {
            () = news => {}
            () = tokio::time::sleep(REFRESH_INTERVAL) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Learns anew what goes with what, as often as it is cheap, until `shutdown`.
async fn learn(discovery: Arc<Discovery>, database: Database, shutdown: CancellationToken) {
    loop {
        let began = Instant::now();
        if let Err(error) = acts::rebuild(&discovery, &database).await {
            tracing::warn!(%error, "what people took cannot be read; recommendations stay as they were");
        }
        tokio::select! {
            () = tokio::time::sleep(REBUILD_INTERVAL_MIN.max(began.elapsed() * REBUILD_SHARE)) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Reads what changed, and takes out what is gone.
async fn refresh(discovery: &Discovery, database: &Database) -> control_plane_classes::Result<()> {
    let mut from = (discovery.found.read().seen_ms.saturating_sub(CLOCK_SLACK_MS), String::new());
    loop {
        let page = store::changed_classes(database, (from.0, &from.1), PAGE).await?;
        let Some(last) = page.last() else { break };
        from = (last.updated_at_ms, last.id.clone());
        let is_last = page.len() < PAGE;
        {
            let mut found = discovery.found.write();
            found.seen_ms = found.seen_ms.max(from.0);
            page.into_iter().for_each(|class| found.put(class, control_plane_agent::unix_time_ms()));
        }
        if is_last {
            break;
        }
    }
    // All that is there was read above: as many means that none is gone.
    if store::class_count(database).await? == discovery.found.read().classes.len() as u64 {
        return Ok(());
    }
    let ids: BTreeSet<String> = store::class_ids(database).await?.into_iter().collect();
    let mut found = discovery.found.write();
    let gone: Vec<String> = found.classes.keys().filter(|id| !ids.contains(*id)).cloned().collect();
    for id in gone {
        found.classes.remove(&id);
        found.index.remove(&id);
        found.untold.remove(&id);
    }
    Ok(())
}

/// Compares with wishes what was not compared yet. What fails is done again at the next look.
async fn tell(discovery: &Discovery, database: &Database) -> control_plane_classes::Result<()> {
    let untold: Vec<Class> = discovery.found.read().untold.values().cloned().collect();
    if untold.is_empty() {
        return Ok(());
    }
    matching::tell(database, &untold).await?;
    let mut found = discovery.found.write();
    for class in untold {
        // It may have been changed once more meanwhile.
        if found.untold.get(&class.id).is_some_and(|now| now.updated_at_ms == class.updated_at_ms) {
            found.untold.remove(&class.id);
        }
    }
    Ok(())
}

impl Found {
    fn put(&mut self, class: Class, now_ms: u64) {
        self.index.put(&class.id, document(&class));
        let before = self.classes.insert(class.id.clone(), class.clone());
        let is_news = match before {
            None => matching::is_new(&class, now_ms),
            Some(before) => matching::says_something_else(&before, &class),
        };
        if is_news {
            self.untold.insert(class.id.clone(), class);
        }
    }
}

/// What is searched of a class.
fn document(class: &Class) -> Document {
    let category = categories::ALL.iter().find(|category| category.id == class.category);
    Document {
        title: class.title.clone(),
        instructor: class.instructor_name.clone(),
        category: category.map(|category| format!("{} {}", category.ko, category.en)).unwrap_or_default(),
        description: class.description.clone(),
    }
}

#[cfg(test)]
mod tests;
