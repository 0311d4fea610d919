//! Raised hands, and the pile of questions.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::classroom::Changed;
use control_plane_classes::classroom::hands::{self, Hand};
use control_plane_classes::classroom::questions::{self, Asked, Change, Question, State as QuestionState};
use http::StatusCode;
use serde_json::json;

use super::{App, Desk, Seat};
use crate::http::answer::{Body, Refusal};

pub(crate) async fn raise(State(app): State<App>, seat: Seat) -> Result<StatusCode, Refusal> {
    let account = seat.person()?.id;
    app.count_talk(&seat, &account)?;
    let changed =
        hands::raise(&app.database, seat.class_id(), &account, &app.moment(seat.class_id())).await?;
    Ok(tell_hands(&app, &seat, changed))
}

pub(crate) async fn lower(State(app): State<App>, seat: Seat) -> Result<StatusCode, Refusal> {
    let account = seat.person()?.id;
    let changed =
        hands::lower(&app.database, seat.class_id(), &account, &app.moment(seat.class_id())).await?;
    Ok(tell_hands(&app, &seat, changed))
}

pub(crate) async fn lower_of(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, account)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let changed =
        hands::lower(&app.database, seat.class_id(), &account, &app.moment(seat.class_id())).await?;
    Ok(tell_hands(&app, &seat, changed))
}

fn tell_hands(app: &App, seat: &Seat, changed: Option<Changed<Vec<Hand>>>) -> StatusCode {
    if let Some(changed) = changed {
        app.tell(seat.class_id(), "hands", changed.v, [("hands", json!(changed.it))]);
    }
    StatusCode::NO_CONTENT
}

/// Idempotent by the question's id.
pub(crate) async fn ask(
    State(app): State<App>,
    seat: Seat,
    Body(asked): Body<Asked>,
) -> Result<Json<Question>, Refusal> {
    let account = seat.person()?.id;
    app.count_talk(&seat, &account)?;
    let class = seat.class_id();
    let (question, v) = questions::ask(&app.database, class, &account, &asked, &app.moment(class)).await?;
    if let Some(v) = v {
        tell(&app, &seat, v, &question);
    }
    Ok(Json(question))
}

pub(crate) async fn vote(
    app: State<App>,
    seat: Seat,
    path: Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    set_vote(app, seat, path, true).await
}

pub(crate) async fn unvote(
    app: State<App>,
    seat: Seat,
    path: Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    set_vote(app, seat, path, false).await
}

async fn set_vote(
    State(app): State<App>,
    seat: Seat,
    Path((_, question)): Path<(String, String)>,
    up: bool,
) -> Result<StatusCode, Refusal> {
    let account = seat.person()?.id;
    if let Some(changed) = questions::vote(&app.database, seat.class_id(), &question, &account, up).await? {
        tell(&app, &seat, changed.v, &changed.it);
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn change(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, question)): Path<(String, String)>,
    Body(change): Body<Change>,
) -> Result<Json<Question>, Refusal> {
    let changed = questions::change(&app.database, seat.class_id(), &question, &change).await?;
    tell(&app, &seat, changed.v, &changed.it);
    Ok(Json(changed.it))
}

/// Whether somebody voted is hers to know; what is hidden is not told again.
fn tell(app: &App, seat: &Seat, v: u64, question: &Question) {
    let mut public = Question { voted: None, ..question.clone() };
    if public.state == QuestionState::Hidden {
        public = Question { text: String::new(), answer: None, ..public };
    }
    app.tell(seat.class_id(), "question", v, [("question", json!(public))]);
}
