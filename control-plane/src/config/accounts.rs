//! Settings about people: secrets, mail.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// A setting that is not shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"…\"" })
    }
}

/// How mail goes out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// `smtps://user:password@host:465`, `smtp://user:password@host:587?tls=required`, or `smtp://host:25` without TLS.
    /// Empty: mails are files in `data_dir/mail`, which is for development.
    pub smtp: Secret,
    /// Sender.
    pub from: String,
}

impl Default for Mail {
    fn default() -> Self {
        Self { smtp: Secret::default(), from: "Seodang <seodang@localhost>".to_owned() }
    }
}

impl Mail {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let smtp = self.smtp.reveal();
        anyhow::ensure!(
            smtp.is_empty() || smtp.starts_with("smtp://") || smtp.starts_with("smtps://"),
            "mail.smtp is a URL smtps://user:password@host:465, or empty for files in data_dir/mail"
        );
        let parsed: Result<lettre::message::Mailbox, _> = self.from.parse();
        parsed.map(|_| ()).with_context(|| {
            format!("mail.from {:?} is no sender such as School <school@example.org>", self.from)
        })
    }
}
