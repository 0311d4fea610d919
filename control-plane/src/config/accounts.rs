//! Settings about people: secrets, mail.

use std::collections::BTreeSet;
use std::path::PathBuf;

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

/// An OpenID provider at which people may sign in. It has to know the address `URL/v1/oidc/NAME/back`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcProvider {
    /// Shown to people, and part of addresses. Who is who is kept under it: do not change it.
    pub name: String,
    /// `https://…`, exactly as the provider calls itself.
    pub issuer: String,
    /// This school at the provider.
    pub client_id: String,
    /// Empty where the provider gave none.
    pub client_secret: Secret,
    /// Or a file with it.
    pub client_secret_file: Option<PathBuf>,
}

impl OidcProvider {
    /// # Errors
    /// The file cannot be read, or is empty.
    pub(crate) fn secret(&self) -> anyhow::Result<String> {
        let Some(file) = &self.client_secret_file else { return Ok(self.client_secret.reveal().to_owned()) };
        let setting = || format!("oidc {:?}: client_secret_file {}", self.name, file.display());
        let text = std::fs::read_to_string(file).with_context(setting)?;
        let secret = text.trim();
        anyhow::ensure!(!secret.is_empty(), "{} is empty", setting());
        Ok(secret.to_owned())
    }
}

pub(super) fn check_providers(providers: &[OidcProvider]) -> anyhow::Result<()> {
    let mut names = BTreeSet::new();
    for provider in providers {
        let OidcProvider { name, issuer, client_id, .. } = provider;
        control_plane_api::id::check_node_name("oidc.name", name)?;
        anyhow::ensure!(names.insert(name), "oidc: two providers are called {name:?}");
        anyhow::ensure!(
            crate::oidc::is_private_to(issuer, issuer),
            "oidc {name:?}: issuer is a URL https://id.example, as the provider calls itself"
        );
        anyhow::ensure!(
            !client_id.is_empty(),
            "oidc {name:?}: client_id is what the provider calls this school"
        );
        anyhow::ensure!(
            provider.client_secret.reveal().is_empty() || provider.client_secret_file.is_none(),
            "oidc {name:?}: give client_secret or client_secret_file, not both"
        );
    }
    Ok(())
}
