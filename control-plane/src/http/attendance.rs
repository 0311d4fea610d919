//! Attendance of a lesson: for who teaches all of it, for a student her own line.

use axum::Json;
use axum::extract::{Path, State};
use control_plane_classes::attendance::Status;
use control_plane_classes::attendance::sheet::{self, Asked, Entry, Sheet};
use control_plane_classes::classroom::Person;
use http::header;
use serde::Deserialize;

use super::App;
use super::answer::{Body, Query, Refusal};
use super::classroom::{Desk, Seat};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// A life of the room in the lesson; the latest lesson without it.
    room_sid: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    status: Status,
    reason: String,
    #[serde(default)]
    room_sid: Option<String>,
}

pub(crate) async fn read(
    State(app): State<App>,
    seat: Seat,
    Query(which): Query<Which>,
) -> Result<Json<Sheet>, Refusal> {
    if seat.teaches {
        return Ok(Json(load(&app, &seat, which.room_sid.as_deref()).await?));
    }
    let moment = app.moment(seat.class_id());
    let room_sid = which.room_sid.as_deref();
    let asked = Asked { class: &seat.class, room_sid, live: moment.room_sid(), now_ms: moment.now_ms };
    Ok(Json(sheet::read_of(&app.database, asked, seat.account().unwrap_or_default()).await?))
}

pub(crate) async fn csv(
    State(app): State<App>,
    Desk(seat): Desk,
    Query(which): Query<Which>,
) -> Result<([(header::HeaderName, &'static str); 2], String), Refusal> {
    let sheet = load(&app, &seat, which.room_sid.as_deref()).await?;
    let fields = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"attendance.csv\""),
    ];
    Ok((fields, table(&sheet)))
}

pub(crate) async fn correct(
    State(app): State<App>,
    Desk(seat): Desk,
    Path((_, account)): Path<(String, String)>,
    Body(correction): Body<Correction>,
) -> Result<Json<Entry>, Refusal> {
    // A server without an account corrects in its own name.
    let by = seat.person().unwrap_or_else(|_| Person { id: "server".to_owned(), name: "API".to_owned() });
    let moment = app.moment(seat.class_id());
    let asked = Asked {
        class: &seat.class,
        room_sid: correction.room_sid.as_deref(),
        live: moment.room_sid(),
        now_ms: moment.now_ms,
    };
    let entry =
        sheet::correct(&app.database, asked, &account, correction.status, &correction.reason, &by).await?;
    Ok(Json(entry))
}

async fn load(app: &App, seat: &Seat, room_sid: Option<&str>) -> Result<Sheet, Refusal> {
    let moment = app.moment(seat.class_id());
    let asked = Asked { class: &seat.class, room_sid, live: moment.room_sid(), now_ms: moment.now_ms };
    Ok(sheet::read(&app.database, asked).await?)
}

/// RFC 4180, with the mark that makes spreadsheets read it as UTF-8.
fn table(sheet: &Sheet) -> String {
    let mut text =
        "\u{feff}id,name,status,seconds,share,first_ms,last_ms,corrected_by,reason,was\r\n".to_owned();
    for entry in &sheet.items {
        let edge = |at: Option<u64>| at.map(|at| at.to_string()).unwrap_or_default();
        let (by, reason, was) = entry.corrected.as_ref().map_or_else(Default::default, |corrected| {
            (corrected.by.name.clone(), corrected.reason.clone(), corrected.was.as_str())
        });
        let cells = [
            cell(&entry.account.id),
            cell(&entry.account.name),
            entry.status.as_str().to_owned(),
            entry.seconds.to_string(),
            format!("{:.3}", entry.share),
            edge(entry.intervals.first().map(|interval| interval.from_ms)),
            edge(entry.intervals.last().map(|interval| interval.to_ms)),
            cell(&by),
            cell(&reason),
            was.to_owned(),
        ];
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Quoted; what a spreadsheet would take for a formula is text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_text_whatever_stands_in_it() {
        assert_eq!(cell("민지"), "\"민지\"");
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(cell("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
    }
}
