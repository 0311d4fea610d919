//! What who teaches does with quizzes.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::classroom::course::Step;
use control_plane_classes::classroom::quiz::Sheet;
use control_plane_classes::classroom::quizzes::{self, Quiz};
use http::StatusCode;
use serde_json::json;

use super::{App, Desk};
use crate::classroom::tally::Counted;
use crate::http::answer::{Body, Refusal};

pub(crate) async fn create(
    State(app): State<App>,
    Desk(seat): Desk,
    Body(sheet): Body<Sheet>,
) -> Result<(StatusCode, Json<Quiz>), Refusal> {
    let now_ms = control_plane_agent::unix_time_ms();
    let made = quizzes::create(&app.database, seat.class_id(), sheet, now_ms).await?;
    Ok((StatusCode::CREATED, Json(made.seen(now_ms, true, None))))
}

pub(crate) async fn rewrite(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, quiz)): Path<(String, String)>,
    Body(sheet): Body<Sheet>,
) -> Result<Json<Quiz>, Refusal> {
    let changed = quizzes::rewrite(&app.database, seat.class_id(), &quiz, &sheet).await?;
    Ok(Json(changed.seen(control_plane_agent::unix_time_ms(), true, None)))
}

pub(crate) async fn delete(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, quiz)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    quizzes::delete(&app.database, seat.class_id(), &quiz).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn open(
    app: State<App>,
    desk: Desk,
    path: Path<(String, String)>,
) -> Result<Json<Quiz>, Refusal> {
    step(app, desk, path, Step::Open).await
}

pub(crate) async fn close(
    app: State<App>,
    desk: Desk,
    path: Path<(String, String)>,
) -> Result<Json<Quiz>, Refusal> {
    step(app, desk, path, Step::Close).await
}

pub(crate) async fn reveal(
    app: State<App>,
    desk: Desk,
    path: Path<(String, String)>,
) -> Result<Json<Quiz>, Refusal> {
    step(app, desk, path, Step::Reveal).await
}

async fn step(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, quiz)): Path<(String, String)>,
    step: Step,
) -> Result<Json<Quiz>, Refusal> {
    let class = seat.class_id();
    let moment = app.moment(class);
    let (changed, told) = quizzes::step(&app.database, class, &quiz, step, &moment).await?;
    let now_ms = control_plane_agent::unix_time_ms();
    if told {
        tracing::info!(class, quiz, ?step, "quiz");
        app.tell(class, "quiz", changed.v, [("quiz", json!(changed.it.seen(now_ms, false, None)))]);
        app.classroom.tallies.note(class, Counted::Quiz(quiz), seat.class.instructor_id.as_deref());
    }
    Ok(Json(changed.it.seen(now_ms, true, None)))
}
