//! Logs. One line per event on standard error, as text or JSON.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub format: Format,
    /// `tracing-subscriber` filter: `info`, `edge=debug,info`, …
    pub filter: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    #[default]
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self { format: Format::Text, filter: "info".to_owned() }
    }
}

/// Targets held down whatever the filter's default: `rtc_dtls` logs every lost packet as a warning.
const QUIET: [&str; 2] = ["rtc_dtls=error", "rustls=warn"];

/// Starts logging for the process.
///
/// # Errors
/// The filter cannot be parsed, or logging was started before.
pub fn init(config: &Config) -> anyhow::Result<()> {
    let registry = tracing_subscriber::registry().with(filter(&config.filter)?);
    match config.format {
        Format::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .try_init()?,
        Format::Json => {
            registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()?;
        }
    }
    Ok(())
}

fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    let bad = |error| anyhow::anyhow!("log filter {text:?}: {error}");
    let mut filter = EnvFilter::builder().parse(text).map_err(bad)?;
    for quiet in QUIET {
        let (target, _) = quiet.split_once('=').unwrap_or((quiet, ""));
        // A filter that names the target means it.
        if !text.contains(target) {
            filter = filter.add_directive(quiet.parse()?);
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn rtc_dtls_is_quiet_unless_asked_for() {
        assert!(filter("info").expect("parses").to_string().contains("rtc_dtls=error"));
        assert!(!filter("rtc_dtls=trace,info").expect("parses").to_string().contains("rtc_dtls=error"));
        assert!(filter("edge=loud").is_err());
    }
}
