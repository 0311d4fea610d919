//! A class, and the rules for what stands in it.

use serde::{Deserialize, Serialize};

use super::categories;
use crate::people::account::is_invisible;
use crate::{Error, Result};

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

/// Longest title, in characters.
pub const TITLE_CHARACTERS_MAX: usize = 120;
/// Longest description, in characters.
pub const DESCRIPTION_CHARACTERS_MAX: usize = 4_000;
/// Longest class: a day.
pub const DURATION_MIN_MAX: u32 = 24 * 60;
/// Most places: what a room holds.
pub const CAPACITY_MAX: u32 = 100_000;
/// When nobody says how long.
pub const DURATION_MIN_DEFAULT: u32 = 60;
/// When nobody says whose clock.
pub const TIME_ZONE_DEFAULT: &str = "Asia/Seoul";
/// A class is not planned later than this: year 2100.
pub const STARTS_AT_MS_MAX: u64 = 4_102_444_800_000;

/// A class to be made, as it is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClass {
    /// As shown.
    pub title: String,
    /// As shown.
    #[serde(default)]
    pub description: String,
    /// Of the list; `other` when absent.
    #[serde(default)]
    pub category: Option<String>,
    /// For whom; everybody when absent.
    #[serde(default)]
    pub level: Level,
    /// `ko` or `en`; `ko` when absent.
    #[serde(default)]
    pub language: Option<String>,
    /// When it begins.
    #[serde(default)]
    pub starts_at_ms: Option<u64>,
    /// How long.
    #[serde(default)]
    pub duration_min: Option<u32>,
    /// IANA name.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Places.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// Whether it is recorded.
    #[serde(default)]
    pub recorded: bool,
    /// Who teaches, as shown: only a server that asks for nobody in particular says so.
    #[serde(default)]
    pub instructor: Option<String>,
}

/// What is changed about a class: absent stays; `null` takes the start or the capacity away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClassChange {
    /// As shown.
    pub title: Option<String>,
    /// As shown.
    pub description: Option<String>,
    /// Of the list.
    pub category: Option<String>,
    /// For whom.
    pub level: Option<Level>,
    /// `ko` or `en`.
    pub language: Option<String>,
    /// When it begins.
    #[serde(deserialize_with = "present")]
    pub starts_at_ms: Option<Option<u64>>,
    /// How long.
    pub duration_min: Option<u32>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// Places.
    #[serde(deserialize_with = "present")]
    pub capacity: Option<Option<u32>>,
    /// Whether it is recorded.
    pub recorded: Option<bool>,
    /// Takes no newcomers.
    pub locked: Option<bool>,
}

/// Tells `null` from absent.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

impl NewClass {
    /// The class, checked.
    ///
    /// # Errors
    /// Which value breaks which rule.
    pub fn checked(&self, id: String, now_ms: u64) -> Result<Class> {
        let mut class = Class {
            id,
            title: self.title.clone(),
            description: self.description.clone(),
            category: self.category.clone().unwrap_or_else(|| categories::OTHER.to_owned()),
            level: self.level,
            language: self.language.clone().unwrap_or_else(|| "ko".to_owned()),
            starts_at_ms: self.starts_at_ms,
            duration_min: self.duration_min.unwrap_or(DURATION_MIN_DEFAULT),
            time_zone: self.time_zone.clone().unwrap_or_else(|| TIME_ZONE_DEFAULT.to_owned()),
            capacity: self.capacity,
            recorded: self.recorded,
            instructor_id: None,
            instructor_name: self.instructor.clone().unwrap_or_default(),
            locked: false,
            live_at_ms: None,
            replay_at_ms: None,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        check(&mut class)?;
        Ok(class)
    }
}

impl ClassChange {
    /// The class as it is then, checked.
    ///
    /// # Errors
    /// Which value breaks which rule.
    pub fn applied(&self, class: &Class, now_ms: u64) -> Result<Class> {
        let mut class = class.clone();
        let put = |to: &mut String, from: &Option<String>| {
            if let Some(from) = from {
                to.clone_from(from);
            }
        };
        put(&mut class.title, &self.title);
        put(&mut class.description, &self.description);
        put(&mut class.category, &self.category);
        put(&mut class.language, &self.language);
        put(&mut class.time_zone, &self.time_zone);
        class.level = self.level.unwrap_or(class.level);
        class.starts_at_ms = self.starts_at_ms.unwrap_or(class.starts_at_ms);
        class.duration_min = self.duration_min.unwrap_or(class.duration_min);
        class.capacity = self.capacity.unwrap_or(class.capacity);
        class.recorded = self.recorded.unwrap_or(class.recorded);
        class.locked = self.locked.unwrap_or(class.locked);
        class.updated_at_ms = now_ms;
        check(&mut class)?;
        Ok(class)
    }
}

fn check(class: &mut Class) -> Result<()> {
    class.title = class.title.trim().to_owned();
    if class.title.is_empty() {
        return Err(Error::rule("bad_title", "The title is empty. Give the class one."));
    }
    bounded("title", &class.title, TITLE_CHARACTERS_MAX, false)?;
    bounded("description", &class.description, DESCRIPTION_CHARACTERS_MAX, true)?;
    bounded("instructor", &class.instructor_name, super::super::people::account::NAME_CHARACTERS_MAX, false)?;
    categories::check(&class.category)?;
    if !matches!(class.language.as_str(), "ko" | "en") {
        return Err(Error::rule("bad_language", "The language is ko or en."));
    }
    if !(1..=DURATION_MIN_MAX).contains(&class.duration_min) {
        return Err(Error::rule("bad_duration", format!("A class takes 1 to {DURATION_MIN_MAX} minutes.")));
    }
    if class.capacity.is_some_and(|places| !(1..=CAPACITY_MAX).contains(&places)) {
        return Err(Error::rule(
            "bad_capacity",
            format!("A class has 1 to {CAPACITY_MAX} places, or null for any number."),
        ));
    }
    if class.starts_at_ms.is_some_and(|at_ms| at_ms > STARTS_AT_MS_MAX) {
        return Err(Error::rule(
            "bad_start",
            "starts_at_ms is milliseconds since 1970, and before the year 2100.",
        ));
    }
    if class.time_zone.len() > 64 || jiff::tz::TimeZone::get(&class.time_zone).is_err() {
        return Err(Error::rule("bad_time_zone", "time_zone is a name such as Asia/Seoul."));
    }
    Ok(())
}

/// Text of at most so many characters, without ones that are not seen; line ends where there may be several lines.
pub(crate) fn bounded(what: &str, text: &str, characters_max: usize, lines: bool) -> Result<()> {
    if text.chars().count() > characters_max {
        return Err(Error::rule("too_long", format!("{what} is longer than {characters_max} characters.")));
    }
    if text.chars().any(|c| is_invisible(c) && !(lines && matches!(c, '\n' | '\r' | '\t'))) {
        return Err(Error::rule("bad_text", format!("{what} has control characters. Take them out.")));
    }
    Ok(())
}

/// How a class stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was not yet, or is to be again.
    Upcoming,
    /// Somebody is in it now.
    Live,
    /// It was.
    Ended,
}

impl Class {
    /// Live while somebody is in it. A start that has not passed makes it upcoming, also when it was tried out before.
    #[must_use]
    pub fn state(&self, is_live: bool, now_ms: u64) -> State {
        let length_ms = u64::from(self.duration_min) * 60_000;
        match self.starts_at_ms {
            _ if is_live => State::Live,
            Some(start_ms) if start_ms + length_ms > now_ms => State::Upcoming,
            None if self.live_at_ms.is_none() && self.replay_at_ms.is_none() => State::Upcoming,
            _ => State::Ended,
        }
    }
}

impl Level {
    /// As it stands in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Beginner => "beginner",
            Self::Intermediate => "intermediate",
            Self::Advanced => "advanced",
            Self::Any => "any",
        }
    }
}
