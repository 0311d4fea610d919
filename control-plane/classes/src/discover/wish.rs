//! A wish for a class that is not there.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Longest wish, in characters: a line.
pub const TEXT_CHARACTERS_MAX: usize = 120;
/// Open wishes of one person; one more asks to take one back first.
pub const WISHES_PER_ACCOUNT_MAX: usize = 30;
/// When people can come.
pub const TIMES: [&str; 6] = [
    "weekday-morning",
    "weekday-afternoon",
    "weekday-evening",
    "weekend-morning",
    "weekend-afternoon",
    "weekend-evening",
];
/// Names of regions and categories, in characters.
const NAME_CHARACTERS_MAX: usize = 63;

/// As a page sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWish {
    /// What it should be about.
    pub text: String,
    /// Id of the fixed list, or empty.
    #[serde(default)]
    pub category: String,
    /// `beginner`, `intermediate`, `advanced` or empty.
    #[serde(default)]
    pub level: String,
    /// `ko`, `en` or empty.
    #[serde(default)]
    pub language: String,
    /// Of [`TIMES`].
    #[serde(default)]
    pub times: Vec<String>,
    /// Where from; the profile's when empty.
    #[serde(default)]
    pub region: String,
}

/// As a page reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wish {
    /// `w_…`
    pub id: String,
    /// What it should be about.
    pub text: String,
    /// Empty: any.
    pub category: String,
    /// Empty: any.
    pub level: String,
    /// Empty: any.
    pub language: String,
    /// Of [`TIMES`]; none: any.
    pub times: Vec<String>,
    /// Where from, or empty.
    pub region: String,
    /// When it was wished.
    pub at_ms: u64,
    /// Classes that came true of it, newest first.
    pub matched: Vec<String>,
}

impl NewWish {
    /// Trims, and checks what can be checked without the database.
    ///
    /// # Errors
    /// Says which field is wrong and what it may be.
    pub fn checked(mut self) -> Result<Self> {
        self.text = self.text.trim().to_owned();
        let length = self.text.chars().count();
        if length == 0 || length > TEXT_CHARACTERS_MAX {
            let message = format!(
                "text has 1 to {TEXT_CHARACTERS_MAX} characters, this one {length}. Say in a line what you wish for."
            );
            return Err(Error::rule("wish_text", message));
        }
        if self.text.chars().any(char::is_control) {
            return Err(Error::rule("wish_text", "text is one line without control characters."));
        }
        one_of("level", &self.level, &["", "beginner", "intermediate", "advanced", "any"])?;
        one_of("language", &self.language, &["", "ko", "en"])?;
        for time in &self.times {
            one_of("times", time, &TIMES)?;
        }
        self.times.sort();
        self.times.dedup();
        for (field, value) in [("category", &self.category), ("region", &self.region)] {
            if value.chars().count() > NAME_CHARACTERS_MAX || value.chars().any(char::is_control) {
                return Err(Error::rule(
                    "wish_field",
                    format!("{field} is no name: up to {NAME_CHARACTERS_MAX} characters."),
                ));
            }
        }
        Ok(self)
    }
}

fn one_of(field: &str, value: &str, allowed: &[&str]) -> Result<()> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let allowed: Vec<&str> = allowed.iter().copied().filter(|word| !word.is_empty()).collect();
    Err(Error::rule("wish_field", format!("{field} is one of {}, not {value:?}.", allowed.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_a_line_with_known_words() {
        let wish = |text: &str| NewWish { text: text.into(), ..NewWish::default() };
        assert_eq!(wish("  첼로 배우기 ").checked().expect("fine").text, "첼로 배우기");
        assert!(wish("  ").checked().is_err() && wish(&"가".repeat(121)).checked().is_err());
        assert!(wish("a\nb").checked().is_err());
        let evening = NewWish { times: vec!["weekday-evening".into(); 9], ..wish("a") };
        assert_eq!(evening.checked().expect("fine").times.len(), 1);
        assert!(NewWish { times: vec!["noon".into()], ..wish("a") }.checked().is_err());
        assert!(NewWish { level: "hard".into(), ..wish("a") }.checked().is_err());
    }
}
