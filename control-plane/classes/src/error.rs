//! What can go wrong: a rule is broken (the asker's to mend), or the database is away (nobody's fault who asked).

/// Of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of rule is broken; the shell makes an HTTP status of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 401: nobody is signed in, or wrongly.
    NotSignedIn,
    /// 403: somebody else may, this one may not.
    NotAllowed,
    /// 404: there is none, or none this one may know of.
    NotFound,
    /// 409: not as things stand now.
    Conflict,
    /// 422: the values break a rule.
    Rule,
    /// 429: too often.
    TooOften,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule is broken. `code` is for programs, `message` for people and says what to do.
    #[error("{code}: {message}")]
    Refused {
        /// What kind of rule.
        kind: Kind,
        /// Stable word.
        code: &'static str,
        /// Sentence.
        message: String,
    },
    /// The database says no, or nothing. Nothing was changed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A value in the database is not what this version expects there.
    #[error("database: {0}")]
    Unexpected(String),
}

impl Error {
    /// A broken rule.
    pub fn refused(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { kind, code, message: message.into() }
    }

    /// 422 with a sentence.
    pub fn rule(code: &'static str, message: impl Into<String>) -> Self {
        Self::refused(Kind::Rule, code, message)
    }

    /// 409 with a sentence.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::refused(Kind::Conflict, code, message)
    }

    /// 404: `what` is "class", "quiz", …
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        let message = format!("There is no such {what}, or it is not yours to see. Look at the list again.");
        Self::refused(Kind::NotFound, "not_found", message)
    }

    /// 403.
    pub fn not_allowed(message: impl Into<String>) -> Self {
        Self::refused(Kind::NotAllowed, "not_allowed", message)
    }

    /// The word for programs, where a rule is broken.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Database(_) | Self::Unexpected(_) => None,
        }
    }

    /// Another transaction was in the way: the same again may succeed.
    #[must_use]
    pub fn is_conflict_of_transactions(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        match error.code().as_deref() {
            // PostgreSQL: serialization_failure, deadlock_detected.
            Some("40001" | "40P01") => true,
            // SQLite: BUSY, LOCKED and their extended codes, of which the low byte is the plain one.
            Some(code) => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
            None => false,
        }
    }

    /// A row with this key is there already.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// What the row refers to is not there.
    #[must_use]
    pub fn is_missing_reference(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_foreign_key_violation())
    }

    /// It is about the values of a statement, or about what is stored: other values may well go through now.
    #[must_use]
    pub fn is_of_values(&self) -> bool {
        let error = match self {
            Self::Refused { .. } | Self::Unexpected(_) => return true,
            Self::Database(sqlx::Error::Database(error)) => error,
            Self::Database(_) => return false,
        };
        match error.code().as_deref() {
            // PostgreSQL: data exceptions, integrity, limits.
            Some(code) if code.len() == 5 => matches!(&code[..2], "22" | "23" | "54"),
            // SQLite: TOOBIG, CONSTRAINT, MISMATCH, RANGE and their extended codes.
            Some(code) => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 18 | 19 | 20 | 25)),
            None => false,
        }
    }
}
