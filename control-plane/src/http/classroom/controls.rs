//! What an instructor does in the room: silence, allow, send out, put in the light, lock, end. What is about a person is
//! kept, so that joining again does not undo it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use control_plane_api::id::check_name;
use control_plane_classes::classroom::permissions::{self, Permissions, Setting};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, Desk, Seat};
use crate::http::answer::{Body, Refusal};
use crate::word::{CallError, Rooms};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Do {
    Mute,
    AllowSpeak,
    ForbidSpeak,
    AllowScreen,
    ForbidScreen,
    Remove,
    Readmit,
    Spotlight,
    Unspotlight,
    Lock,
    Unlock,
    End,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Control {
    #[serde(rename = "do")]
    what: Do,
    identity: Option<String>,
}

pub(crate) async fn control(
    State(app): State<App>,
    Desk(seat): Desk,
    Body(control): Body<Control>,
) -> Result<StatusCode, Refusal> {
    let class = seat.class_id();
    let identity = || person_of(control.identity.as_deref());
    match control.what {
        Do::Mute => mute(&app, class, identity()?).await?,
        Do::AllowSpeak => permit(&app, &seat, identity()?, Setting::Speak(true)).await?,
        Do::ForbidSpeak => permit(&app, &seat, identity()?, Setting::Speak(false)).await?,
        Do::AllowScreen => permit(&app, &seat, identity()?, Setting::Screen(true)).await?,
        Do::ForbidScreen => permit(&app, &seat, identity()?, Setting::Screen(false)).await?,
        Do::Remove => remove(&app, &seat, identity()?).await?,
        Do::Readmit => {
            permissions::set(&app.database, class, identity()?, &Setting::Removed(None)).await?;
        }
        Do::Spotlight => spotlight(&app, class, Some(identity()?)).await?,
        Do::Unspotlight => spotlight(&app, class, None).await?,
        Do::Lock => lock(&app, class, true).await?,
        Do::Unlock => lock(&app, class, false).await?,
        Do::End => end(&app, &seat).await?,
    }
    tracing::info!(class, control = ?control.what, "control");
    Ok(StatusCode::NO_CONTENT)
}

fn person_of(identity: Option<&str>) -> Result<&str, Refusal> {
    let Some(identity) = identity else {
        let message = "Say whom: `identity` is missing.";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message));
    };
    check_name("identity", identity)
        .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", error.to_string()))?;
    Ok(identity)
}

/// Silences the microphone that is on now; its owner may turn it on again.
async fn mute(app: &App, class: &str, identity: &str) -> Result<(), Refusal> {
    let whom = json!({"room": class, "identity": identity});
    let found = app.classroom.rooms.call(class, "GetParticipant", &whom).await?;
    for track in found["tracks"].as_array().into_iter().flatten() {
        if track["source"] == "MICROPHONE" && track["muted"] != true {
            let body = json!({"room": class, "identity": identity, "trackSid": track["sid"], "muted": true});
            app.classroom.rooms.call(class, "MutePublishedTrack", &body).await?;
        }
    }
    Ok(())
}

/// Keeps the permission, and lets the room know if the person is in it.
async fn permit(app: &App, seat: &Seat, identity: &str, setting: Setting) -> Result<(), Refusal> {
    not_oneself(seat, identity)?;
    let class = seat.class_id();
    let now = permissions::set(&app.database, class, identity, &setting).await?;
    let body = json!({"room": class, "identity": identity, "permission": permission(&now)});
    match app.classroom.rooms.call(class, "UpdateParticipant", &body).await {
        Ok(_) | Err(CallError::NotLive | CallError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// As the room service has it.
fn permission(now: &Permissions) -> Value {
    let sources: Vec<String> = crate::classroom::sources(now).into_iter().map(str::to_uppercase).collect();
    json!({
        "canSubscribe": true,
        "canPublish": !sources.is_empty(),
        "canPublishData": true,
        "canPublishSources": sources,
        "canUpdateMetadata": true,
    })
}

/// Sends somebody out for the rest of this lesson.
async fn remove(app: &App, seat: &Seat, identity: &str) -> Result<(), Refusal> {
    not_oneself(seat, identity)?;
    let class = seat.class_id();
    let Some((sid, _)) = app.moment(class).room else { return Err(CallError::NotLive.into()) };
    match permissions::set(&app.database, class, identity, &Setting::Removed(Some(sid))).await {
        // Somebody whom a server let in by name has no account to remember it by.
        Err(error) if error.code() == Some("account_not_found") => {}
        other => drop(other?),
    }
    let body = json!({"room": class, "identity": identity});
    app.classroom.rooms.call(class, "RemoveParticipant", &body).await?;
    Ok(())
}

async fn spotlight(app: &App, class: &str, identity: Option<&str>) -> Result<(), Refusal> {
    let changed = permissions::set_spotlight(&app.database, class, identity).await?;
    app.tell(class, "spotlight", changed.v, [("spotlight", json!(changed.it))]);
    Ok(())
}

async fn lock(app: &App, class: &str, locked: bool) -> Result<(), Refusal> {
    let now_ms = control_plane_agent::unix_time_ms();
    if let Some(changed) = permissions::set_locked(&app.database, class, locked, now_ms).await? {
        app.tell(class, "locked", changed.v, [("locked", json!(changed.it))]);
    }
    Ok(())
}

/// Ends the lesson: everybody is told, and then sent home, who teaches last.
async fn end(app: &App, seat: &Seat) -> Result<(), Refusal> {
    let class = seat.class_id().to_owned();
    if !app.classroom.rooms.is_live(&class) {
        return Err(CallError::NotLive.into());
    }
    let changed = permissions::end(&app.database, &class, control_plane_agent::unix_time_ms()).await?;
    app.tell(&class, "ended", changed.v, []);
    let (rooms, teacher) = (app.classroom.rooms.clone(), seat.class.instructor_id.clone());
    tokio::spawn(async move { send_home(&rooms, &class, teacher.as_deref()).await });
    Ok(())
}

/// Time for the last word to arrive before the door closes.
const FAREWELL: std::time::Duration = std::time::Duration::from_millis(300);

async fn send_home(rooms: &Arc<Rooms>, class: &str, teacher: Option<&str>) {
    tokio::time::sleep(FAREWELL).await;
    let mut everybody = rooms.identities(class);
    match rooms.call(class, "ListParticipants", &json!({"room": class})).await {
        Ok(list) => everybody.extend(identities(&list)),
        Err(error) => tracing::debug!(%error, class, "participants could not be listed"),
    }
    let last: Vec<String> =
        teacher.map(str::to_owned).into_iter().filter(|who| everybody.remove(who)).collect();
    for identity in everybody.into_iter().chain(last) {
        let body = json!({"room": class, "identity": identity});
        match rooms.call(class, "RemoveParticipant", &body).await {
            Ok(_) | Err(CallError::NotFound) => {}
            Err(CallError::NotLive) => return,
            Err(error) => tracing::warn!(%error, class, "somebody could not be sent home"),
        }
    }
}

fn identities(list: &Value) -> BTreeSet<String> {
    let participants = list["participants"].as_array().into_iter().flatten();
    participants.filter_map(|participant| participant["identity"].as_str().map(str::to_owned)).collect()
}

fn not_oneself(seat: &Seat, identity: &str) -> Result<(), Refusal> {
    if seat.class.instructor_id.as_deref() == Some(identity) {
        let message = "That is who teaches this class: choose a student.";
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message));
    }
    Ok(())
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotLive => Self::new(
                StatusCode::CONFLICT,
                "not_live",
                "Nobody is in the room. Do this while the class runs.",
            ),
            CallError::NotFound => {
                let message = "That person is not in the room.";
                Self::new(StatusCode::NOT_FOUND, "participant_not_found", message)
            }
            CallError::Away(why) => {
                tracing::warn!(why, "an edge does not answer");
                Self::later("edge_unavailable", "The room's edge does not answer. Try again.", 1)
            }
        }
    }
}
