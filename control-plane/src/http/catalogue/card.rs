//! A class as pages show it.

use control_plane_agent::unix_time_ms;
use control_plane_api::recording::{Recording, RecordingState};
use control_plane_classes::catalogue::Level;
use control_plane_classes::catalogue::class::{Class, State};
use control_plane_classes::catalogue::enrolment::{Enrolment, Standing};
use control_plane_classes::catalogue::list::{Figures, figures};
use control_plane_classes::classroom::permissions;
use serde::Serialize;

use super::super::App;
use super::super::actor::Actor;
use super::super::answer::Refusal;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Card {
    pub(crate) id: String,
    title: String,
    description: String,
    category: String,
    level: Level,
    language: String,
    starts_at_ms: Option<u64>,
    duration_min: u32,
    time_zone: String,
    capacity: Option<u32>,
    recorded: bool,
    instructor: Instructor,
    state: State,
    /// Path below a cdn node's URL, for whom the recording is.
    replay: Option<String>,
    /// There is something to replay, whoever asks.
    has_replay: bool,
    enrolled: u64,
    waiting: u64,
    likes: u64,
    locked: bool,
    mine: Mine,
    created_at_ms: u64,
}

#[derive(Clone, Debug, Serialize)]
struct Instructor {
    id: Option<String>,
    name: String,
}

#[derive(Clone, Debug, Serialize)]
struct Mine {
    #[serde(flatten)]
    standing: Standing,
    liked: bool,
    teaches: bool,
}

/// One class with its recordings, oldest first: those that are for the asker.
#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    #[serde(flatten)]
    card: Card,
    recordings: Vec<Recording>,
}

/// Classes as `actor` sees them, in the same order.
pub(crate) async fn cards(app: &App, actor: &Actor, classes: Vec<Class>) -> Result<Vec<Card>, Refusal> {
    let account = actor.account().map(|account| account.id.as_str());
    let mut figures = figures(&app.database, &classes, account).await?;
    let made = classes.into_iter().map(|class| {
        let figures = figures.remove(&class.id).unwrap_or_default();
        card(app, actor, class, &figures)
    });
    Ok(made.collect())
}

pub(crate) async fn one(app: &App, actor: &Actor, class: Class) -> Result<Card, Refusal> {
    let mut cards = cards(app, actor, vec![class]).await?;
    Ok(cards.pop().expect("as many cards as classes"))
}

pub(crate) async fn detail(app: &App, actor: &Actor, class: Class) -> Result<Detail, Refusal> {
    let mut recordings = crate::classes::recordings_of(&app.view, &class.id);
    let sent_out_of = match actor.account().filter(|_| !actor.teaches(&class)) {
        Some(account) => permissions::find(&app.database, &class.id, &account.id).await?.removed_room_sid,
        None => None,
    };
    let is_live = crate::classes::is_live(&app.view, &class.id);
    let (is_locked, is_limited) = (class.locked, class.capacity.is_some());
    let card = one(app, actor, class).await?;
    let reach = Reach::of(actor, &card.mine, is_locked, is_limited);
    recordings.retain(|recording| {
        let runs = is_live && recording.state == RecordingState::Live;
        match reach {
            Reach::Nothing => false,
            Reach::Past => !runs,
            Reach::All => !(runs && sent_out_of.as_deref() == Some(&recording.room_sid)),
        }
    });
    Ok(Detail { card, recordings })
}

/// Which recordings of a class are for somebody. A recording is read by whoever has its path, so nobody else is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Nothing,
    /// Lessons that are over.
    Past,
    /// Also the one that runs.
    All,
}

impl Reach {
    /// A class with places is for those who have one. One that is open to all may be replayed by all; while it runs, it is for
    /// those who may come in.
    fn of(actor: &Actor, mine: &Mine, is_locked: bool, is_limited: bool) -> Self {
        match mine.standing.enrolment {
            _ if mine.teaches => Self::All,
            Enrolment::Enrolled => Self::All,
            _ if is_limited => Self::Nothing,
            _ if actor.account().is_some() && !is_locked => Self::All,
            _ => Self::Past,
        }
    }
}

fn card(app: &App, actor: &Actor, class: Class, figures: &Figures) -> Card {
    let is_live = crate::classes::is_live(&app.view, &class.id);
    let mine = Mine { standing: figures.standing, liked: figures.liked, teaches: actor.teaches(&class) };
    let reach = Reach::of(actor, &mine, class.locked, class.capacity.is_some());
    let replay = crate::classes::replay_of(&app.view, &class.id, is_live);
    Card {
        state: class.state(is_live, unix_time_ms()),
        has_replay: replay.is_some(),
        replay: replay.filter(|_| reach != Reach::Nothing),
        enrolled: figures.enrolled,
        waiting: figures.waiting,
        likes: figures.likes,
        mine,
        id: class.id,
        title: class.title,
        description: class.description,
        category: class.category,
        level: class.level,
        language: class.language,
        starts_at_ms: class.starts_at_ms,
        duration_min: class.duration_min,
        time_zone: class.time_zone,
        capacity: class.capacity,
        recorded: class.recorded,
        instructor: Instructor { id: class.instructor_id, name: class.instructor_name },
        locked: class.locked,
        created_at_ms: class.created_at_ms,
    }
}
