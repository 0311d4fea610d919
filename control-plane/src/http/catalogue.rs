//! `/v1/classes`, `/v1/categories`, `/v1/me/classes`: which classes there are, and who comes.

use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};
use control_plane_classes::catalogue::materials::FILE_BYTES_MAX;

use super::Route;

pub(crate) mod card;
pub(crate) mod classes;
pub(crate) mod materials;
pub(crate) mod places;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        ("/v1/categories", get(classes::categories)),
        ("/v1/classes", get(classes::list).post(classes::create)),
        ("/v1/classes/{id}", get(classes::read).patch(classes::change).delete(classes::remove)),
        ("/v1/classes/{id}/enrolment", put(places::enrol).delete(places::leave)),
        ("/v1/classes/{id}/enrolments", get(places::list)),
        ("/v1/classes/{id}/like", put(places::like).delete(places::unlike)),
        ("/v1/classes/{id}/calendar.ics", get(classes::calendar)),
        ("/v1/classes/{id}/materials", get(materials::list).post(materials::add_link)),
        (
            "/v1/classes/{id}/materials/file",
            // One byte more than allowed comes through, and is refused with the reason.
            post(materials::add_file).layer(DefaultBodyLimit::max(FILE_BYTES_MAX + 1)),
        ),
        ("/v1/classes/{id}/materials/{mid}", delete(materials::remove)),
        ("/v1/classes/{id}/materials/{mid}/file", get(materials::file)),
        ("/v1/me/classes", get(places::mine)),
    ]
}
