//! Shell of the control plane: front door for users, store for nodes, web app.
//!
//! ```text
//!   browser --HTTP--> http::{join, classes, fleet} -> View (local copies) -> [placement] -> answer
//!                     http::web                    -> the app, embedded
//!   node ----HTTPS, mutual TLS--> node_listener -> Store (embedded)
//! ```
//!
//! What it is: stateless processes over one store; each answers from its own copies, so losing the store stops no join.
//! What it is not: it carries no media, and an edge goes on without it.

#![forbid(unsafe_code)]

pub mod config;

mod classes;
mod classroom;
mod control_plane;
mod discovery;
pub mod dns;
mod drained;
mod facts;
mod guesses;
mod http;
mod locate;
mod mail;
mod metrics;
mod node_listener;
mod oidc;
mod rate;
mod reconcile;
mod reminders;
pub mod seed;
mod slug;
mod upkeep;
mod word;

pub use config::Config;
pub use control_plane::ControlPlane;
