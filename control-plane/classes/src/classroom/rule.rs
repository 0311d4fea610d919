//! Rules of texts that people write.

/// A rule that an input breaks: a sentence for who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(String);

impl Broken {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Longest lesson that a moment can be of.
pub const MINUTE_MS_MAX: u64 = 7 * 24 * 3600 * 1000;

/// A moment of a lesson, in milliseconds since its beginning.
///
/// # Errors
/// It is after the end of any lesson.
pub fn moment(minute_ms: Option<u64>) -> Result<(), Broken> {
    match minute_ms {
        Some(ms) if ms > MINUTE_MS_MAX => Err(Broken::new("minute_ms is later than any lesson ends")),
        _ => Ok(()),
    }
}

/// A text of `min` to `max` characters (spaces around it aside for `min`) without control characters. What it says is
/// not judged: pages show texts as texts, so `<script>` is nine letters.
///
/// # Errors
/// Which rule is broken.
pub fn bounded(what: &str, text: &str, min: usize, max: usize) -> Result<(), Broken> {
    if text.chars().count() > max {
        return Err(Broken::new(format!("{what} is longer than {max} characters")));
    }
    if text.trim().chars().count() < min {
        return Err(Broken::new(format!("{what} is empty")));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Broken::new(format!("{what} has control characters")));
    }
    Ok(())
}
