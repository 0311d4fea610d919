//! A class, and the rules for what stands in it.

use serde::{Deserialize, Serialize};

/// For whom it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Never did it.
    Beginner,
    /// Did it for a while.
    Intermediate,
    /// Does it well.
    Advanced,
    /// Everybody.
    #[default]
    Any,
}

/// A class as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Also the room's name and the recording's.
    pub id: String,
    /// As shown.
    pub title: String,
    /// As shown.
    pub description: String,
    /// Id of the fixed list.
    pub category: String,
    /// For whom.
    pub level: Level,
    /// Spoken language, `ko` or `en`.
    pub language: String,
    /// When it begins, if that is settled.
    pub starts_at_ms: Option<u64>,
    /// How long it is to take.
    pub duration_min: u32,
    /// IANA name: in which clock the start was meant.
    pub time_zone: String,
    /// Places; `None`: as many as come.
    pub capacity: Option<u32>,
    /// Whether it is recorded.
    pub recorded: bool,
    /// Who teaches; `None`: made by a server for nobody in particular.
    pub instructor_id: Option<String>,
    /// As shown.
    pub instructor_name: String,
    /// Takes no newcomers.
    pub locked: bool,
    /// When it was first seen live.
    pub live_at_ms: Option<u64>,
    /// When its newest recording began.
    pub replay_at_ms: Option<u64>,
    /// When it was made.
    pub created_at_ms: u64,
    /// When it was last changed.
    pub updated_at_ms: u64,
}
