//! `GET live`: all of a class at once, for who has just come or has missed a word.

use axum::Json;
use axum::extract::State;
use control_plane_classes::classroom::chat::{self, Message, Page};
use control_plane_classes::classroom::course;
use control_plane_classes::classroom::hands::{self, Hand};
use control_plane_classes::classroom::polls::{self, Poll};
use control_plane_classes::classroom::questions::{self, Question};
use control_plane_classes::classroom::quizzes::{self, Mine, Quiz};
use control_plane_classes::classroom::slides::{self, Slide};
use control_plane_classes::classroom::{self, answers, poll};
use serde::Serialize;

use super::{App, Seat};
use crate::http::answer::Refusal;

#[derive(Debug, Serialize)]
pub(crate) struct Live {
    v: u64,
    at_ms: u64,
    quizzes: Vec<Quiz>,
    polls: Vec<Poll>,
    hands: Vec<Hand>,
    questions: Vec<Question>,
    chat: Vec<Message>,
    slide: Option<Slide>,
    spotlight: Option<String>,
    locked: bool,
}

pub(crate) async fn read(State(app): State<App>, seat: Seat) -> Result<Json<Live>, Refusal> {
    let (database, class) = (&app.database, seat.class_id());
    let moment = app.moment(class);
    // The version first: what changes while the rest is read comes again as a word, and does no harm twice.
    let (v, spotlight) = classroom::now(database, class).await?;
    let mut mine = match seat.account() {
        Some(account) => answers::mine(database, class, account).await?,
        None => std::collections::BTreeMap::new(),
    };
    let mut quizzes = Vec::new();
    for quiz in quizzes::list(database, class).await? {
        if quiz.state == course::State::Draft && !seat.teaches {
            continue;
        }
        let revealed = quiz.state == course::State::Revealed;
        let of = |(given, replay)| Mine::of(&quiz.sheet, given, replay || revealed);
        let mine = mine.remove(&quiz.id).map(of);
        quizzes.push(quiz.seen(moment.now_ms, seat.teaches, mine));
    }
    let mut polls = Vec::new();
    for poll in polls::list(database, class).await? {
        if poll.state != poll::State::Draft || seat.teaches {
            polls.push(polls::seen(database, &poll, seat.teaches, seat.account()).await?);
        }
    }
    Ok(Json(Live {
        v,
        at_ms: moment.now_ms,
        quizzes,
        polls,
        hands: hands::list(database, class, moment.room_sid()).await?,
        questions: questions::list(database, class, seat.account(), seat.teaches).await?,
        chat: chat::list(database, class, &Page::default()).await?,
        slide: slides::present(database, class, moment.room_sid()).await?,
        spotlight,
        locked: seat.class.locked,
    }))
}
