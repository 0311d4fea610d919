//! Accounts, and the rules for what stands in them.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Longest name, in characters.
pub const NAME_CHARACTERS_MAX: usize = 60;
/// Longest mail address, in bytes (RFC 5321 §4.5.3.1.3: a path of 256 with its brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// Shortest password, in characters.
pub const PASSWORD_CHARACTERS_MIN: usize = 8;
/// Longest password, in bytes: hashing takes as long as it is long.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Longest region name, in characters.
pub const REGION_CHARACTERS_MAX: usize = 40;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes classes.
    Student,
    /// Also teaches.
    Instructor,
    /// May do everything.
    Admin,
}

/// Language of pages and mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// 한국어.
    #[default]
    Ko,
    /// English.
    En,
}

/// Somebody, as they themselves see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `a_…`; also the identity in a class.
    pub id: String,
    /// As it is shown. Empty: erased.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Lower case. `None`: erased, or a provider did not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Language of pages and mail.
    pub locale: Locale,
    /// Where they usually are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Categories.
    pub interests: Vec<String>,
    /// When it was made.
    pub created_at_ms: u64,
}

impl Role {
    /// As it stands in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Instructor => "instructor",
            Self::Admin => "admin",
        }
    }

    /// # Errors
    /// No role of this version.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "student" => Ok(Self::Student),
            "instructor" => Ok(Self::Instructor),
            "admin" => Ok(Self::Admin),
            other => Err(Error::Unexpected(format!("role {other:?}"))),
        }
    }
}

impl Locale {
    /// As it stands in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// Anything unknown is Korean.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "en" { Self::En } else { Self::Ko }
    }

    /// The text in this language.
    #[must_use]
    pub fn choose<'a>(self, ko: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ko => ko,
            Self::En => en,
        }
    }
}

/// A name as it is kept: trimmed, any script, no control characters (and no direction overrides: they turn what follows).
///
/// # Errors
/// Empty, too long, or with such characters.
pub fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS_MAX || name.chars().any(is_invisible) {
        let message = format!("A name has 1 to {NAME_CHARACTERS_MAX} visible characters.");
        return Err(Error::rule("bad_name", message));
    }
    Ok(name.to_owned())
}

/// A mail address as it is kept: lower case. Only the form is checked; whether it is somebody's, a code sent there shows.
///
/// # Errors
/// It is no mail address.
pub fn check_email(email: &str) -> Result<String> {
    let email = email.trim().to_lowercase();
    let sound = email.len() <= EMAIL_BYTES_MAX
        && email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && local.len() <= 64
                && domain.contains('.')
                && domain.split('.').all(|label| !label.is_empty())
                && domain.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.')
                && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c))
        });
    if sound {
        Ok(email)
    } else {
        Err(Error::rule("bad_email", "That is no mail address. Write it as name@example.org."))
    }
}

/// # Errors
/// Too short or too long.
pub fn check_password(password: &str) -> Result<()> {
    if password.chars().count() < PASSWORD_CHARACTERS_MIN || password.len() > PASSWORD_BYTES_MAX {
        let message = format!(
            "A password has at least {PASSWORD_CHARACTERS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes."
        );
        return Err(Error::rule("bad_password", message));
    }
    Ok(())
}

/// A region as it is kept; empty: none.
///
/// # Errors
/// Too long, or with characters that are not seen.
pub fn check_region(region: &str) -> Result<String> {
    let region = region.trim();
    if region.chars().count() > REGION_CHARACTERS_MAX || region.chars().any(is_invisible) {
        let message = format!("A region has at most {REGION_CHARACTERS_MAX} visible characters.");
        return Err(Error::rule("bad_region", message));
    }
    Ok(region.to_owned())
}

/// Characters that are not seen, or that change how others are seen.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_any_script_but_nothing_unseen() {
        assert_eq!(check_name(" 김민지 ").ok().as_deref(), Some("김민지"));
        assert_eq!(
            check_name("<b>O'Neil</b>; --").ok().as_deref(),
            Some("<b>O'Neil</b>; --"),
            "shown as text"
        );
        for bad in ["", "  ", "a\u{7}b", "a\u{202e}b", &"x".repeat(61)] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn mail_addresses_have_a_name_and_a_domain() {
        assert_eq!(check_email(" Minji@Example.ORG").ok().as_deref(), Some("minji@example.org"));
        for bad in [
            "",
            "a",
            "a@b",
            "@b.c",
            "a@b..c",
            "a b@c.d",
            "a@b.c\r\nBcc: x@y.z",
            "a@b.c>",
            &format!("{}@b.c", "x".repeat(65)),
        ] {
            assert!(check_email(bad).is_err(), "{bad:?}");
        }
    }
}
