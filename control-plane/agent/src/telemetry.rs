//! Logs, one line per event on standard error, as text or JSON; and spans to a collector ([`crate::spans`]).

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
    /// Collector that spans are sent to by OTLP over HTTP, as `http://collector:4318`. Empty: none are recorded.
    pub otlp: String,
    /// Share of traces recorded. A trace that began on another node is recorded if that node said so.
    pub otlp_sample_percent: u8,
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
        Self {
            format: Format::Text,
            filter: "info".to_owned(),
            otlp: String::new(),
            otlp_sample_percent: SAMPLE_PERCENT,
        }
    }
}

/// Enough traces for every percentile of a busy hour, and a tenth of the cost.
const SAMPLE_PERCENT: u8 = 10;

/// Targets held down whatever the filter's default: `rtc_dtls` logs every lost packet as a warning.
const QUIET: [&str; 2] = ["rtc_dtls=error", "rustls=warn"];

/// [`init_as`] for a process with several nodes in it.
///
/// # Errors
/// As [`init_as`].
pub fn init(config: &Config) -> anyhow::Result<()> {
    init_as(config, "seodang")
}

/// Starts logging for the process, and the export of spans as those of `service` if there is a collector.
///
/// # Errors
/// The filter or the collector's URL cannot be parsed, or this was started before.
pub fn init_as(config: &Config, service: &'static str) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.otlp_sample_percent <= 100,
        "telemetry.otlp_sample_percent is {}: it is 0 to 100",
        config.otlp_sample_percent
    );
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
    if !config.otlp.is_empty() {
        crate::spans::start(service, &config.otlp, config.otlp_sample_percent)?;
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
