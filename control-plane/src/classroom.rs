//! The classroom's working parts: the writer of answers, words into rooms, tallies for who teaches.
//!
//! ```text
//!   student --answer--> http -> answers (one queue, many in one transaction) -> receipt after the commit
//!                                 '-> tally (twice a second) ----.
//!   edges --presence--> again (what was said, to who may have missed it), lessons (what was left open closes)
//!   anybody --chat, hand, …--> http -> database -> word --queue per room--> Twirp SendData -> an edge -> the whole room
//! ```
//!
//! Nothing here must live on: a control plane that dies loses words under way, and pages that see the gap in the
//! versions ask any other one.

use std::sync::Arc;

use control_plane_agent::view::View;
use control_plane_api::token::ApiKey;
use control_plane_classes::Database;
use control_plane_classes::classroom::Moment;
use control_plane_classes::classroom::permissions::Permissions;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Rate;
use crate::rate::Limiter;
use crate::word::Rooms;

pub(crate) mod again;
pub(crate) mod answers;
pub(crate) mod lessons;
pub(crate) mod tally;

/// Chat, questions and hands of one person: a burst of talk, then one every two seconds.
const TALK_RATE: Rate = Rate { burst: 10, per_second: 0.5 };

/// What handlers of the classroom have besides the database.
#[derive(Debug)]
pub(crate) struct Classroom {
    pub(crate) answers: answers::Answers,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) tallies: tally::Tallies,
    /// By account.
    pub(crate) talk: Limiter<String>,
}

impl Classroom {
    /// Starts the writer of answers, and what looks after lessons. `region`: edges of it are asked first.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn start(
        database: &Database,
        view: &View,
        key: &ApiKey,
        region: &str,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let rooms = Arc::new(Rooms::new(view.clone(), key.clone(), region, tasks, shutdown)?);
        tasks.spawn(again::run(view.clone(), database.clone(), rooms.clone(), shutdown.clone()));
        let pace = lessons::Pace::default();
        tasks.spawn(lessons::close_behind(
            view.clone(),
            database.clone(),
            rooms.clone(),
            pace,
            shutdown.clone(),
        ));
        Ok(Self {
            answers: answers::Answers::start(database.clone(), tasks, shutdown),
            tallies: tally::Tallies::new(database.clone(), rooms.clone(), tasks, shutdown),
            rooms,
            talk: Limiter::new(TALK_RATE),
        })
    }
}

/// Now, and where in the lesson if one is in progress. Class time is the recording's where there is one.
pub(crate) fn moment(view: &View, class: &str) -> Moment {
    let now_ms = control_plane_agent::unix_time_ms();
    if view.presence_of(class).is_empty() {
        return Moment { now_ms, room: None };
    }
    let rooms = view.rooms();
    let room = rooms.get(class).map(|room| {
        let recording = view.recordings().get(&format!("{class}/{}", room.sid)).map(|r| r.started_at_ms);
        (room.sid.clone(), recording.unwrap_or(room.created_at_ms))
    });
    Moment { now_ms, room }
}

/// What somebody with these permissions may publish, as token grants name it. Empty: nothing.
pub(crate) fn sources(permissions: &Permissions) -> Vec<&'static str> {
    let mut sources = Vec::new();
    if permissions.speak {
        sources.extend(["camera", "microphone"]);
    }
    if permissions.screen {
        sources.extend(["screen_share", "screen_share_audio"]);
    }
    sources
}
