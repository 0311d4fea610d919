//! What there is: regions, edges, cdn nodes, the page's settings.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use control_plane_api::node::{Location, Node, Role};
use control_plane_placement::nearest::region_location;
use control_plane_placement::{Measured, Ranked, Reason};
use serde::{Deserialize, Serialize};

use super::App;
use super::answer::{Client, Query, Refusal, ready};
use super::join::{hint, rank};

/// Nodes in an answer for a viewer: the nearest, and others for when it fails.
const CDN_MAX: usize = 8;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Region {
    id: String,
    location: Option<Location>,
    edges: usize,
    cdn: usize,
    participants: u32,
    /// Whether every edge of it drains.
    draining: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Regions {
    regions: Vec<Region>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    dev: bool,
    regions: Vec<Region>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Edges {
    edges: Vec<Node>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Choices {
    nodes: Vec<Choice>,
}

#[derive(Debug, Serialize)]
struct Choice {
    id: String,
    region: String,
    url: String,
    distance_km: Option<f64>,
    reason: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Viewer {
    latitude: Option<f64>,
    longitude: Option<f64>,
    region: Option<String>,
}

pub(crate) async fn regions(State(app): State<App>) -> Result<Json<Regions>, Refusal> {
    ready(&app).await?;
    Ok(Json(Regions { regions: known_regions(&app) }))
}

pub(crate) async fn config(State(app): State<App>) -> Result<Json<Settings>, Refusal> {
    ready(&app).await?;
    Ok(Json(Settings { dev: app.config.dev, regions: known_regions(&app) }))
}

pub(crate) async fn edges(State(app): State<App>) -> Result<Json<Edges>, Refusal> {
    ready(&app).await?;
    let nodes = crate::drained::nodes(&app.view);
    Ok(Json(Edges { edges: nodes.values().filter(|node| node.role == Role::Edge).cloned().collect() }))
}

/// Cdn nodes, nearest first, and the origin last: it serves what no cdn node can.
pub(crate) async fn cdn(
    State(app): State<App>,
    Client(address): Client,
    Query(viewer): Query<Viewer>,
) -> Result<Json<Choices>, Refusal> {
    ready(&app).await?;
    let declared = match (viewer.latitude, viewer.longitude) {
        (None, None) => None,
        (Some(latitude), Some(longitude)) => Some(Location { latitude, longitude }),
        _ => return Err(Refusal::bad_request("give both latitude and longitude, or neither")),
    };
    if declared.is_some_and(|location| !location.is_valid()) {
        return Err(Refusal::bad_request(
            "the position is not on the globe: latitude -90 to 90, longitude -180 to 180",
        ));
    }
    let hint = hint(&app, address, declared, viewer.region);
    let near = rank(&app, Role::Cdn, &hint, &Measured::default(), None, CDN_MAX).choices;
    let origins = rank(&app, Role::Origin, &hint, &Measured::default(), None, 1).choices;
    // Of cdn nodes that are all being emptied none is better than the origin.
    let is_open = |ranked: &Ranked| ranked.reason != Reason::Draining || origins.is_empty();
    let nodes = near.into_iter().filter(is_open).map(|ranked| Choice {
        id: ranked.id,
        region: ranked.region,
        url: ranked.url,
        distance_km: ranked.distance_km,
        reason: ranked.reason.as_str(),
    });
    let origins = origins.iter().map(|ranked| Choice {
        id: ranked.id.clone(),
        region: ranked.region.clone(),
        url: ranked.url.clone(),
        distance_km: ranked.distance_km,
        reason: "origin",
    });
    Ok(Json(Choices { nodes: nodes.chain(origins).collect() }))
}

/// Regions of the settings and of the nodes that serve users, by name.
fn known_regions(app: &App) -> Vec<Region> {
    let records = crate::drained::nodes(&app.view);
    let serving = |node: &&Node| matches!(node.role, Role::Edge | Role::Cdn);
    let nodes: Vec<&Node> = records.values().filter(serving).collect();
    let mut regions: BTreeMap<&str, Region> = BTreeMap::new();
    for (id, location) in &app.config.regions {
        regions.insert(id, Region { id: id.clone(), location: Some(*location), ..Region::default() });
    }
    for node in &nodes {
        let region = regions.entry(&node.region).or_default();
        match node.role {
            Role::Edge => region.edges += 1,
            Role::Cdn => region.cdn += 1,
            Role::Origin | Role::ControlPlane => {}
        }
        region.participants = region.participants.saturating_add(node.load.participants);
    }
    for (id, region) in &mut regions {
        region.id = (*id).to_owned();
        region.location = region.location.or_else(|| region_location(&nodes, id));
        let mut edges = nodes.iter().filter(|node| node.region == *id && node.role == Role::Edge);
        region.draining = region.edges > 0 && edges.all(|node| node.draining);
    }
    regions.into_values().collect()
}
