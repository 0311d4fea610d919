//! Live tallies: to who teaches, at most twice a second for each quiz or poll, however fast the answers come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use control_plane_classes::classroom::{answers, polls, quizzes};
use control_plane_classes::{Database, Error};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::word::{Rooms, Word};

/// Between two tallies of one quiz.
const INTERVAL: Duration = Duration::from_millis(500);

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Counted {
    Quiz(String),
    Poll(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Tallies {
    database: Database,
    rooms: Arc<Rooms>,
    /// Those under way; `true`: more came since the last count.
    under_way: Arc<Mutex<BTreeMap<(String, Counted), bool>>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Tallies {
    pub(crate) fn new(
        database: Database,
        rooms: Arc<Rooms>,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Self {
        let under_way = Arc::default();
        Self { database, rooms, under_way, tasks: tasks.clone(), shutdown: shutdown.clone() }
    }

    /// Something was answered: `to` (who teaches) is told soon. Costs nothing while the room is empty.
    pub(crate) fn note(&self, class: &str, what: Counted, to: Option<&str>) {
        let Some(to) = to.filter(|_| self.rooms.is_live(class)) else { return };
        let key = (class.to_owned(), what);
        let mut under_way = self.under_way.lock();
        if let Some(more) = under_way.get_mut(&key) {
            *more = true;
            return;
        }
        under_way.insert(key.clone(), false);
        drop(under_way);
        self.tasks.spawn(self.clone().tell(key, to.to_owned()));
    }

    async fn tell(self, key: (String, Counted), to: String) {
        loop {
            match self.count(&key.0, &key.1).await {
                Ok(word) => self.rooms.say(&key.0, word.only_to(vec![to.clone()])),
                Err(error) => tracing::debug!(%error, class = key.0, "a tally could not be read"),
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = self.shutdown.cancelled() => return,
            }
            let mut under_way = self.under_way.lock();
            match under_way.get_mut(&key) {
                Some(more) if *more => *more = false,
                _ => {
                    under_way.remove(&key);
                    return;
                }
            }
        }
    }

    async fn count(&self, class: &str, what: &Counted) -> Result<Word, Error> {
        match what {
            Counted::Quiz(id) => {
                let quiz = quizzes::find(&self.database, class, id).await?;
                let tally = of_quiz(&self.database, &quiz, &self.rooms.identities(class)).await?;
                Ok(Word::new("tally").with("quiz", json!(id)).with("tally", tally))
            }
            Counted::Poll(id) => {
                let poll = polls::find(&self.database, class, id).await?;
                let tally = polls::tally(&self.database, &poll).await?;
                Ok(Word::new("poll-tally").with("poll", json!(id)).with("tally", json!(tally)))
            }
        }
    }
}

/// The tally of a quiz as the API shows it; `present` are the identities in the room.
pub(crate) async fn of_quiz(
    database: &Database,
    quiz: &quizzes::Stored,
    present: &std::collections::BTreeSet<String>,
) -> Result<Value, Error> {
    let (live, replay) = answers::tally(database, quiz).await?;
    let enrolled = control_plane_classes::classroom::enrolled(database, &quiz.class).await?;
    let here = enrolled.iter().filter(|account| present.contains(*account)).count();
    let mut whole = json!(live);
    whole["enrolled_present"] = json!(here);
    whole["replay"] = json!(replay);
    whole["replay"]["enrolled_present"] = json!(0);
    Ok(whole)
}
