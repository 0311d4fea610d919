//! In class and after it: everything below `/v1/classes/{id}` that is for the people of the class.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::routing::{delete, get, patch, post, put};
use control_plane_classes::catalogue::{Class, store};
use control_plane_classes::classroom::permissions::{self, Admission};
use control_plane_classes::classroom::{self, Moment, Person, Standing};
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::actor::{Actor, Writer, not_signed_in};
use super::answer::Refusal;
use super::{App, Route, attendance, board, summary};
use crate::word::Word;

mod answers;
mod chat;
mod controls;
mod live;
mod polls;
mod questions;
mod quizzes;
mod slides;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        ("/v1/classes/{id}/live", get(live::read)),
        ("/v1/classes/{id}/quizzes", post(quizzes::create)),
        ("/v1/classes/{id}/quizzes/{quiz}", put(quizzes::rewrite).delete(quizzes::delete)),
        ("/v1/classes/{id}/quizzes/{quiz}/open", post(quizzes::open)),
        ("/v1/classes/{id}/quizzes/{quiz}/close", post(quizzes::close)),
        ("/v1/classes/{id}/quizzes/{quiz}/reveal", post(quizzes::reveal)),
        ("/v1/classes/{id}/quizzes/{quiz}/answers/{answer}", put(answers::answer)),
        ("/v1/classes/{id}/quizzes/{quiz}/tally", get(answers::tally)),
        ("/v1/classes/{id}/polls", post(polls::create)),
        ("/v1/classes/{id}/polls/{poll}", delete(polls::delete)),
        ("/v1/classes/{id}/polls/{poll}/open", post(polls::open)),
        ("/v1/classes/{id}/polls/{poll}/close", post(polls::close)),
        ("/v1/classes/{id}/polls/{poll}/vote", put(polls::vote)),
        ("/v1/classes/{id}/chat", get(chat::list).post(chat::say)),
        ("/v1/classes/{id}/chat/{message}", delete(chat::hide)),
        ("/v1/classes/{id}/chat/muted/{account}", put(chat::mute).delete(chat::unmute)),
        ("/v1/classes/{id}/hand", put(questions::raise).delete(questions::lower)),
        ("/v1/classes/{id}/hands/{account}", delete(questions::lower_of)),
        ("/v1/classes/{id}/questions", post(questions::ask)),
        ("/v1/classes/{id}/questions/{question}", patch(questions::change)),
        ("/v1/classes/{id}/questions/{question}/vote", put(questions::vote).delete(questions::unvote)),
        ("/v1/classes/{id}/slide", put(slides::show).delete(slides::take_away)),
        ("/v1/classes/{id}/controls", post(controls::control)),
        ("/v1/classes/{id}/attendance", get(attendance::read)),
        ("/v1/classes/{id}/attendance.csv", get(attendance::csv)),
        ("/v1/classes/{id}/attendance/{account}", patch(attendance::correct)),
        ("/v1/classes/{id}/summary", get(summary::read)),
        ("/v1/classes/{id}/timeline", get(summary::timeline)),
        ("/v1/classes/{id}/watched", post(summary::watched)),
        ("/v1/classes/{id}/board", get(board::list).post(board::begin)),
        ("/v1/classes/{id}/board/{thread}", get(board::read).delete(board::delete)),
        ("/v1/classes/{id}/board/{thread}/replies", post(board::reply)),
        ("/v1/classes/{id}/board/{thread}/accepted", put(board::accept).delete(board::unaccept)),
    ]
}

/// Somebody's seat in a class: the class exists and the asker belongs to it. What changes something is counted.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) actor: Actor,
    pub(crate) class: Class,
    /// Its instructor, an admin, or a server.
    pub(crate) teaches: bool,
}

/// A seat at the front: who teaches.
#[derive(Debug)]
pub(crate) struct Desk(pub(crate) Seat);

impl Seat {
    /// Whose seat it is; a server with no account named has none.
    pub(crate) fn person(&self) -> Result<Person, Refusal> {
        let account = self.actor.signed_in()?;
        Ok(Person { id: account.id.clone(), name: account.name.clone() })
    }

    /// The asker's account id, if there is an account.
    pub(crate) fn account(&self) -> Option<&str> {
        self.actor.account().map(|account| account.id.as_str())
    }

    pub(crate) fn class_id(&self) -> &str {
        &self.class.id
    }

    /// Who was sent out of the lesson that runs says, asks and answers nothing in it.
    async fn was_not_sent_out(&self, app: &App) -> Result<(), Refusal> {
        let (Some(account), moment) = (self.account(), app.moment(self.class_id())) else { return Ok(()) };
        let admission = permissions::admission(&app.database, self.class_id(), account, moment.room_sid());
        match admission.await? {
            Admission::Welcome(_) => Ok(()),
            Admission::Removed => Err(removed()),
        }
    }
}

/// Of whom the instructor has sent out.
pub(crate) fn removed() -> Refusal {
    let message = "The instructor has sent you out of this lesson. Ask to be let in again.";
    Refusal::new(StatusCode::FORBIDDEN, "removed", message)
}

impl FromRequestParts<App> for Seat {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let actor = if reads {
            Actor::from_request_parts(parts, app).await?
        } else {
            Writer::from_request_parts(parts, app).await?.0
        };
        if matches!(actor, Actor::Nobody) {
            return Err(not_signed_in());
        }
        let params = RawPathParams::from_request_parts(parts, app).await;
        let params = params.map_err(|rejection| Refusal::bad_request(rejection.body_text()))?;
        let id = params.iter().find(|(name, _)| *name == "id").map(|(_, id)| id).unwrap_or_default();
        let class = store::find(&app.database, id).await?.ok_or_else(|| Refusal::class_not_found(id))?;
        let teaches = actor.teaches(&class);
        let standing = match actor.account() {
            _ if teaches => Standing::Teaches,
            Some(account) => classroom::standing(&app.database, &class, &account.id).await?,
            None => Standing::Stranger,
        };
        if standing == Standing::Stranger {
            let message = "You have no place in this class. Enrol first, or wait for a place.";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "not_enrolled", message));
        }
        let seat = Self { actor, class, teaches };
        if !reads && !teaches {
            seat.was_not_sent_out(app).await?;
        }
        Ok(seat)
    }
}

impl FromRequestParts<App> for Desk {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let seat = Seat::from_request_parts(parts, app).await.map_err(|refusal| match refusal.code {
            "not_enrolled" => super::actor::not_allowed("Only who teaches this class may do that."),
            _ => refusal,
        })?;
        seat.actor.must_teach(&seat.class)?;
        Ok(Self(seat))
    }
}

impl App {
    /// Now, and where in the lesson of this class.
    pub(crate) fn moment(&self, class: &str) -> Moment {
        crate::classroom::moment(&self.view, class)
    }

    /// Tells the room; `body` is `[(name, what changed)]`.
    pub(crate) fn tell<const N: usize>(&self, class: &str, kind: &str, v: u64, body: [(&str, Value); N]) {
        let word = body.into_iter().fold(Word::new(kind).at(v), |word, (name, value)| word.with(name, value));
        self.classroom.rooms.say(class, word.with("at_ms", json!(control_plane_agent::unix_time_ms())));
    }

    /// Paces talk: chat, questions, hands. Who teaches, and servers, talk as they like.
    pub(crate) fn count_talk(&self, seat: &Seat, account: &str) -> Result<(), Refusal> {
        if seat.teaches || matches!(seat.actor, Actor::OnBehalf(_)) {
            return Ok(());
        }
        self.classroom.talk.take(account.to_owned(), Instant::now()).map_err(|wait| {
            self.metrics.rate_limited.inc();
            Refusal::too_often(wait)
        })
    }
}
