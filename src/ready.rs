//! What dev mode tells once everything answers, for people and for programs.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A node that has not answered by then will not.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// `--ready-file`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    pub web: String,
    pub edges: Vec<Edge>,
    pub origin: String,
    pub cdn: Vec<Cdn>,
    pub api_key: String,
    pub api_secret: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    pub id: String,
    pub region: String,
    pub url: String,
    pub admin: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cdn {
    pub id: String,
    pub region: String,
    pub url: String,
}

impl Ready {
    /// Waits until every URL answers.
    ///
    /// # Errors
    /// Names the one that does not.
    pub async fn wait(&self) -> anyhow::Result<()> {
        let edges = self.edges.iter().flat_map(|edge| [&edge.url, &edge.admin]);
        let cdn = self.cdn.iter().map(|cdn| &cdn.url);
        for url in [&self.web, &self.origin].into_iter().chain(edges).chain(cdn).filter(|url| !url.is_empty())
        {
            let answered = async {
                while !answers(url).await {
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            };
            let waited = tokio::time::timeout(ANSWER_TIMEOUT, answered).await;
            waited.with_context(|| format!("{url} does not answer"))?;
        }
        Ok(())
    }

    /// Writes the file in one step: whoever sees it can read all of it. It holds the secret, so only the owner may.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let aside = file.with_extension("new");
        let what = || format!("writing {}", file.display());
        crate::dev::write_secret(&aside, &serde_json::to_string_pretty(self)?).with_context(what)?;
        std::fs::rename(&aside, file).with_context(what)
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "web app      {}", self.web)?;
        for edge in &self.edges {
            writeln!(f, "edge         {}  {} (metrics {}/metrics)", edge.url, edge.region, edge.admin)?;
        }
        for cdn in &self.cdn {
            writeln!(f, "cdn          {}  {}", cdn.url, cdn.region)?;
        }
        if !self.origin.is_empty() {
            writeln!(f, "origin       {}", self.origin)?;
        }
        write!(f, "api key      {} (secret in the data directory)", self.api_key)
    }
}

/// Whether something speaks HTTP there; any status will do.
async fn answers(url: &str) -> bool {
    let Some(host) = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default())
    else {
        return false;
    };
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(host).await?;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(head.starts_with(b"HTTP/1.1 "))
    };
    tokio::time::timeout(Duration::from_secs(2), asked).await.is_ok_and(|result| result.unwrap_or(false))
}
