//! Which slide is shown.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use control_plane_classes::classroom::permissions;
use control_plane_classes::classroom::slides::{self, Show, Slide};
use http::StatusCode;
use http::request::Parts;
use serde_json::json;

use super::{App, Seat};
use crate::http::answer::{Body, Refusal};

/// A seat from which slides are shown: who teaches, and whom the instructor lets share the screen.
#[derive(Debug)]
pub(crate) struct Lectern(Seat);

impl FromRequestParts<App> for Lectern {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let seat = Seat::from_request_parts(parts, app).await?;
        if !seat.teaches {
            let account = seat.person()?.id;
            if !permissions::find(&app.database, seat.class_id(), &account).await?.screen {
                let message = "Slides are shown by who teaches, and by whom the instructor lets share the screen. Ask for it.";
                return Err(super::super::actor::not_allowed(message));
            }
        }
        Ok(Self(seat))
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    Lectern(seat): Lectern,
    Body(wanted): Body<Show>,
) -> Result<Json<Slide>, Refusal> {
    paced(&app, &seat)?;
    let class = seat.class_id();
    let (slide, v) = slides::show(&app.database, class, seat.account(), &wanted, &app.moment(class)).await?;
    if let Some(v) = v {
        app.tell(class, "slide", v, [("slide", json!(slide))]);
    }
    Ok(Json(slide))
}

pub(crate) async fn take_away(State(app): State<App>, Lectern(seat): Lectern) -> Result<StatusCode, Refusal> {
    paced(&app, &seat)?;
    let class = seat.class_id();
    let changed = slides::take_away(&app.database, class, seat.account(), &app.moment(class)).await?;
    if let Some(changed) = changed {
        app.tell(class, "slide", changed.v, [("slide", json!(null))]);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn paced(app: &App, seat: &Seat) -> Result<(), Refusal> {
    seat.account().map_or(Ok(()), |account| app.count_talk(seat, account))
}
