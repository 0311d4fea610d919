//! Runs one node from a TOML file: `cargo run -p cdn --example node -- FILE`. `seodang cdn` does the same with flags
//! and environment on top; this is for the conformance suite and measurements.

use anyhow::Context;
use cdn::{Cdn, Config};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args().nth(1).context("usage: node FILE, a TOML file as in cdn/src/config.rs")?;
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let config: Config = toml::from_str(&text).with_context(|| path.clone())?;
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    Cdn::bind(config)?.run(shutdown).await
}
