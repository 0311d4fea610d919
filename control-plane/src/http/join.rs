//! `POST /v1/join`: the front door.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use control_plane_agent::mirror::{self, Records};
use control_plane_agent::spans::Shared;
use control_plane_agent::view::View;
use control_plane_api::drain::Drain;
use control_plane_api::id::{check_name, check_node_name};
use control_plane_api::join::{ClassRole, EdgeChoice, JoinRequest, JoinResponse, RTT_MS_MAX, RTTS_MAX};
use control_plane_api::node::{Node, Role};
use control_plane_api::token::{self, Claims, Grant};
use control_plane_classes::catalogue::Class;
use control_plane_classes::catalogue::enrolment::{self, Enrolment};
use control_plane_classes::classroom::permissions::{self, Admission};
use control_plane_placement::{Atlas, Hint, Measured, Ranked, Ranking};
use http::StatusCode;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::App;
use super::actor::{Actor, not_allowed, not_signed_in};
use super::answer::{Body, Client, Refusal};
use crate::metrics::Outcome;

/// Edges in an answer: the client probes the first three; the rest are for when those fail.
const CHOICES_MAX: usize = 8;

pub(crate) async fn join(
    State(app): State<App>,
    Client(address): Client,
    actor: Actor,
    Extension(span): Extension<Shared>,
    Body(request): Body<JoinRequest>,
) -> Result<Json<JoinResponse>, Refusal> {
    let result = answer(&app, address, &actor, &span, request).await;
    let outcome = Outcome::of(result.as_ref().map_or_else(|refusal| refusal.code, |_| "ok"));
    span.set("outcome", outcome.outcome.clone());
    app.metrics.joins.get_or_create(&outcome).inc();
    result.map(Json)
}

async fn answer(
    app: &App,
    address: std::net::IpAddr,
    actor: &Actor,
    span: &Shared,
    request: JoinRequest,
) -> Result<JoinResponse, Refusal> {
    if let Err(wait) = app.joins.take(address, Instant::now()) {
        app.metrics.rate_limited.inc();
        return Err(Refusal::too_often(wait));
    }
    check(&request)?;
    if matches!(actor, Actor::Nobody) {
        return Err(not_signed_in());
    }
    let class = crate::classes::find(&app.view, &app.database, &request.class).await?;
    let class = class.ok_or_else(|| Refusal::class_not_found(&request.class))?;
    let entrant = entrant(app, actor, &class, &request).await?;
    let hint = hint(app, address, request.location, request.region.clone());
    let ranking = rank(app, Role::Edge, &hint, &measured(&request), Some(&class.id), CHOICES_MAX);
    if ranking.choices.is_empty() {
        return Err(no_edge(app, &ranking));
    }
    tracing::debug!(class = class.id, identity = entrant.identity, edge = ranking.choices[0].id, "join");
    span.set("room", class.id.clone());
    span.set("edge", ranking.choices[0].id.clone());
    let traceparent = span.traceparent().unwrap_or_default();
    let claims = Claims { traceparent, ..claims(app, &class, &entrant) };
    Ok(JoinResponse {
        edges: ranking.choices.into_iter().map(edge_choice).collect(),
        token: token::sign(&claims, &app.config.api_keys[0]),
        identity: entrant.identity,
        room: class.id,
        recorded: class.recorded,
    })
}

fn check(request: &JoinRequest) -> Result<(), Refusal> {
    check_name("class", &request.class).map_err(Refusal::bad_request)?;
    if !request.identity.is_empty() {
        check_name("identity", &request.identity).map_err(Refusal::bad_request)?;
    }
    if !request.name.is_empty() {
        check_name("name", &request.name).map_err(Refusal::bad_request)?;
    }
    if request.location.is_some_and(|location| !location.is_valid()) {
        return Err(Refusal::bad_request(
            "location is not on the globe: latitude -90 to 90, longitude -180 to 180",
        ));
    }
    check_rtts(request)
}

/// Round trips that no network has are a mistake of the client, and nothing to send a user by.
fn check_rtts(request: &JoinRequest) -> Result<(), Refusal> {
    if request.rtts.len() > RTTS_MAX {
        return Err(Refusal::bad_request(format_args!("rtts names more than {RTTS_MAX} edges")));
    }
    for (edge, rtt_ms) in &request.rtts {
        check_node_name("an edge in rtts", edge).map_err(Refusal::bad_request)?;
        if !(*rtt_ms > 0.0 && *rtt_ms <= RTT_MS_MAX) {
            return Err(Refusal::bad_request(format_args!(
                "rtts.{edge}: {rtt_ms} is no round trip; give milliseconds above 0 and at most {RTT_MS_MAX}, or leave it out"
            )));
        }
    }
    Ok(())
}

fn measured(request: &JoinRequest) -> Measured<'_> {
    let rtt_ms = request.rtts.iter().map(|(edge, rtt_ms)| (edge.as_str(), *rtt_ms)).collect();
    Measured { rtt_ms, current: None }
}

/// Who comes in, as the token says it.
struct Entrant {
    identity: String,
    name: String,
    role: ClassRole,
    /// What a student may publish, as the instructor allows it; `None`: all that the role may.
    sources: Option<Vec<&'static str>>,
    /// Nobody sees that she is there. A student is always seen, also one who only looks on.
    hidden: bool,
}

/// Whoever is signed in is who they are; a server with an API key says who comes.
async fn entrant(app: &App, actor: &Actor, class: &Class, request: &JoinRequest) -> Result<Entrant, Refusal> {
    let Some(account) = actor.account() else {
        check_name("identity", &request.identity).map_err(Refusal::bad_request)?;
        let role = request.role.unwrap_or_default();
        return Ok(Entrant {
            identity: request.identity.clone(),
            name: request.name.clone(),
            role,
            sources: None,
            hidden: role == ClassRole::Observer,
        });
    };
    if !request.identity.is_empty() || !request.name.is_empty() {
        let message = "Leave out identity and name: they are those of the account.";
        return Err(Refusal::bad_request(message));
    }
    let role = if actor.teaches(class) { ClassRole::Instructor } else { ClassRole::Student };
    let mut sources = None;
    if role == ClassRole::Student {
        has_place(app, class, &account.id).await?;
        sources = Some(allowed(app, class, &account.id).await?);
    }
    let role = match request.role {
        None => role,
        Some(ClassRole::Observer) => ClassRole::Observer,
        Some(asked) if asked == role => role,
        Some(ClassRole::Instructor) => {
            return Err(not_allowed("Only who teaches this class joins as instructor."));
        }
        Some(ClassRole::Student) => role,
    };
    let hidden = role == ClassRole::Observer && actor.teaches(class);
    Ok(Entrant { identity: account.id.clone(), name: account.name.clone(), role, sources, hidden })
}

/// A class without a limit of places takes in whoever comes; every other one, and a locked one, those who have a place.
async fn has_place(app: &App, class: &Class, account: &str) -> Result<(), Refusal> {
    let standing = enrolment::standing(&app.database, &class.id, account).await?;
    let refused = |code, message: &str| Err(Refusal::new(StatusCode::FORBIDDEN, code, message));
    match standing.enrolment {
        Enrolment::Enrolled => Ok(()),
        _ if class.locked => {
            refused("class_locked", "The class is locked: it takes nobody new. Ask who teaches it.")
        }
        Enrolment::Waiting => {
            refused("not_enrolled", "You are on the waiting list. You are told when a place is yours.")
        }
        Enrolment::None if class.capacity.is_some() => refused("not_enrolled", "Enrol in this class first."),
        Enrolment::None => {
            let now_ms = control_plane_agent::unix_time_ms();
            let standing = enrolment::enrol(&app.database, &class.id, account, now_ms).await?;
            match standing.enrolment {
                Enrolment::Enrolled => Ok(()),
                _ => refused("not_enrolled", "The class has just become full. You are on its waiting list."),
            }
        }
    }
}

/// What the instructor lets this student publish; nobody comes back who was sent out of this lesson.
async fn allowed(app: &App, class: &Class, account: &str) -> Result<Vec<&'static str>, Refusal> {
    let moment = app.moment(&class.id);
    match permissions::admission(&app.database, &class.id, account, moment.room_sid()).await? {
        Admission::Welcome(permissions) => Ok(crate::classroom::sources(&permissions)),
        Admission::Removed => Err(super::classroom::removed()),
    }
}

/// Declared position, else the address's, else the region's.
pub(crate) fn hint(
    app: &App,
    address: std::net::IpAddr,
    declared: Option<control_plane_api::node::Location>,
    region: Option<String>,
) -> Hint {
    let location = declared.or_else(|| app.geoip.locate(address));
    let location =
        location.or_else(|| region.as_ref().and_then(|region| app.config.regions.get(region).copied()));
    Hint { location, region }
}

/// Nodes of a role for a user; `room` brings forward those that carry it.
pub(crate) fn rank(
    app: &App,
    role: Role,
    hint: &Hint,
    measured: &Measured<'_>,
    room: Option<&str>,
    limit: usize,
) -> Ranking {
    let atlas = app.atlases.of(&app.view, role);
    let presence = room.map_or_else(Vec::new, |room| app.view.presence_of(room));
    let carrying = atlas.carrying(presence.iter().map(|presence| presence.node.as_str()));
    atlas.nearest(&carrying, hint, measured, limit)
}

/// The nodes laid out for ranking: made by the first who asks after a change, and good for a million more.
#[derive(Debug, Default)]
pub(crate) struct Atlases(Mutex<Option<Laid>>);

#[derive(Debug)]
struct Laid {
    /// What it was made from: other copies are another view.
    nodes: Records<Node>,
    drains: Records<Drain>,
    /// By role, as far as anybody asked.
    atlases: Vec<(Role, Arc<Atlas>)>,
}

impl Atlases {
    fn of(&self, view: &View, role: Role) -> Arc<Atlas> {
        let (nodes, drains) = (view.nodes(), view.drains());
        let mut laid = self.0.lock();
        let known =
            laid.take().filter(|laid| Arc::ptr_eq(&laid.nodes, &nodes) && Arc::ptr_eq(&laid.drains, &drains));
        let laid = laid.insert(known.unwrap_or_else(|| Laid { nodes, drains, atlases: Vec::new() }));
        if let Some((_, atlas)) = laid.atlases.iter().find(|(known, _)| *known == role) {
            return atlas.clone();
        }
        let nodes = crate::drained::nodes(view);
        let atlas = Arc::new(Atlas::new(&nodes.values().collect::<Vec<&Node>>(), role));
        laid.atlases.push((role, atlas.clone()));
        atlas
    }
}

fn no_edge(app: &App, ranking: &Ranking) -> Refusal {
    if !ranking.excluded.is_empty() {
        return Refusal::later("no_capacity", "Every edge is full. Try again in a moment.", 10);
    }
    if app.view.state() == mirror::State::Empty {
        return Refusal::later("starting", "The control plane is starting. Try again in a moment.", 1);
    }
    let refusal = Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "no_edge",
        "No edge is registered. Start one, or try again.",
    );
    Refusal { retry_after_s: Some(2), ..refusal }
}

fn edge_choice(ranked: Ranked) -> EdgeChoice {
    EdgeChoice {
        id: ranked.id,
        region: ranked.region,
        url: ranked.url,
        distance_km: ranked.distance_km,
        reason: ranked.reason.as_str().to_owned(),
    }
}

fn claims(app: &App, class: &Class, request: &Entrant) -> Claims {
    let now_s = control_plane_agent::unix_time_ms() / 1000;
    let role = match request.role {
        ClassRole::Instructor => "instructor",
        ClassRole::Student => "student",
        ClassRole::Observer => "observer",
    };
    Claims {
        sub: request.identity.clone(),
        nbf: Some(now_s),
        exp: Some(now_s + app.config.token_ttl_s),
        name: request.name.clone(),
        attributes: BTreeMap::from([("role".to_owned(), role.to_owned())]),
        video: Some(grant(&class.id, request)),
        ..Claims::default()
    }
}

fn grant(room: &str, entrant: &Entrant) -> Grant {
    let (role, sources) = (entrant.role, entrant.sources.as_deref());
    let sends = role != ClassRole::Observer;
    let publishes = sends && sources.is_none_or(|sources| !sources.is_empty());
    Grant {
        room_join: true,
        room: room.to_owned(),
        room_admin: role == ClassRole::Instructor,
        can_publish: Some(publishes),
        can_publish_sources: sources.unwrap_or_default().iter().map(|source| (*source).to_owned()).collect(),
        can_publish_data: Some(sends),
        can_subscribe: Some(true),
        can_update_own_metadata: Some(sends),
        hidden: entrant.hidden,
        ..Grant::default()
    }
}
