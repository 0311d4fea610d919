//! Mail goes out of the database's outbox: by SMTP, or into files where there is no server (development).

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use control_plane_classes::people::outbox;
use control_plane_classes::{Database, people::outbox::Mail};
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Mails another control plane left, or that are to be tried again, are looked for this often.
const LOOK_INTERVAL: Duration = Duration::from_secs(15);
/// A mail server that takes longer has worse problems.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Mails shown by `/v1/dev/mail`; older ones are in their files only.
const RECENT_MAX: usize = 500;

/// Sends mail.
#[derive(Debug)]
pub(crate) struct Mailer {
    from: Mailbox,
    way: Way,
    recent: Mutex<VecDeque<Sent>>,
    /// Somebody has put a mail into the outbox.
    pub(crate) news: Notify,
}

#[derive(Debug)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Files(PathBuf),
}

/// A mail as a test or a developer reads it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) at_ms: u64,
}

impl Mailer {
    pub(crate) fn new(config: &Config) -> anyhow::Result<Arc<Self>> {
        let way = match config.mail.smtp.reveal() {
            "" => Way::Files(config.data_dir.join("mail")),
            url => {
                // The error may quote the URL, and with it the password.
                let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| {
                    anyhow::anyhow!("control-plane: mail.smtp cannot be read: smtps://user:password@host:465")
                })?;
                Way::Smtp(server.timeout(Some(SEND_TIMEOUT)).build())
            }
        };
        let from = config.mail.from.parse().context("control-plane: mail.from")?;
        Ok(Arc::new(Self { from, way, recent: Mutex::default(), news: Notify::new() }))
    }

    /// Mails of this process, newest first.
    pub(crate) fn recent(&self, to: Option<&str>) -> Vec<Sent> {
        let recent = self.recent.lock();
        recent.iter().rev().filter(|mail| to.is_none_or(|to| mail.to == to)).cloned().collect()
    }

    /// Sends what is in the outbox, until `shutdown`.
    pub(crate) async fn run(self: Arc<Self>, database: Database, shutdown: CancellationToken) {
        loop {
            if let Err(error) = self.send_due(&database).await {
                tracing::warn!(%error, "the outbox cannot be read");
            }
            tokio::select! {
                () = self.news.notified() => {}
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    async fn send_due(&self, database: &Database) -> control_plane_classes::Result<()> {
        while let Some(mail) = outbox::take(database, control_plane_agent::unix_time_ms()).await? {
            match self.send(&mail).await {
                Ok(()) => outbox::sent(database, &mail.id).await?,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), mail = mail.id, "a mail was not sent")
                }
            }
        }
        let lost = outbox::give_up(database, control_plane_agent::unix_time_ms()).await?;
        if lost > 0 {
            tracing::error!(mails = lost, "given up: the mail server refuses them or is away; see mail.smtp");
        }
        Ok(())
    }

    async fn send(&self, mail: &Mail) -> anyhow::Result<()> {
        if mail.to.is_empty() {
            return Ok(());
        }
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, mail.to.parse().context("address")?))
            .subject(&mail.subject)
            // The same at each try: who got the mail twice can tell.
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .context("mail")?;
        match &self.way {
            Way::Smtp(server) => server.send(message).await.map(|_| ()).context("mail server"),
            Way::Files(directory) => {
                write(directory, &mail.id, &message.formatted()).await?;
                let at_ms = control_plane_agent::unix_time_ms();
                let sent = Sent {
                    to: mail.to.clone(),
                    subject: mail.subject.clone(),
                    text: mail.text.clone(),
                    at_ms,
                };
                let mut recent = self.recent.lock();
                recent.push_back(sent);
                while recent.len() > RECENT_MAX {
                    recent.pop_front();
                }
                Ok(())
            }
        }
    }
}

async fn write(directory: &Path, id: &str, mail: &[u8]) -> anyhow::Result<()> {
    tokio::fs::create_dir_all(directory).await.with_context(|| directory.display().to_string())?;
    let file = directory.join(format!("{id}.eml"));
    tokio::fs::write(&file, mail).await.with_context(|| file.display().to_string())
}
