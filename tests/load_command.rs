//! `seodang load`: a small crowd over three edges, counted.

mod support;

use std::process::Command;

use support::house::{House, binary};
use support::say;

#[tokio::test(flavor = "multi_thread")]
async fn a_small_crowd_is_counted_as_json_with_progress_beside_it() -> anyhow::Result<()> {
    let house = House::open().await?;
    let mut command = Command::new(binary());
    command.args(["load", "--api-key", &house.ready.api_key, "--api-secret", &house.ready.api_secret]);
    for edge in &house.ready.edges {
        command.args(["--url", &edge.url]);
    }
    command.args([
        "--room",
        "crowd",
        "--publishers",
        "2",
        "--subscribers",
        "6",
        "--layers",
        "3",
        "--duration",
        "6",
    ]);
    let output = command.arg("--json").output()?;
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{progress}");
    assert!(progress.lines().any(|line| line.contains("8 of 8 clients")), "{progress}");
    assert!(progress.lines().any(|line| line.ends_with("packets arrived")), "{progress}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let number = |name: &str| report[name].as_f64().unwrap_or(-1.0);
    say(&format!(
        "{} of {} packets, first frame p95 {:.0} ms, {:.1} Mbit/s",
        number("packets_received"),
        number("packets_expected"),
        report["first_frame_ms"]["p95"].as_f64().unwrap_or(-1.0),
        number("bitrate_bps") / 1e6,
    ));
    for (name, expected) in [("clients", 8.0), ("joined", 8.0), ("connected", 8.0), ("packets_lost", 0.0)] {
        assert_eq!(number(name), expected, "{name}: {report:#}");
    }
    assert_eq!((number("streams_expected"), number("streams_received")), (24.0, 24.0), "{report:#}");
    assert!(number("packets_received") > 2_000.0, "{report:#}");
    assert_eq!(report["subscribers"].as_array().map(Vec::len), Some(6));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_is_an_error_that_says_why() -> anyhow::Result<()> {
    let house = House::open().await?;
    let output = Command::new(binary())
        .args([
            "load",
            "--api-key",
            &house.ready.api_key,
            "--api-secret",
            "wrong-wrong-wrong-wrong-wrong-wrong-w",
        ])
        .args([
            "--url",
            &house.ready.edges[0].url,
            "--publishers",
            "1",
            "--subscribers",
            "0",
            "--duration",
            "1",
        ])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("401"), "{said}");
    Ok(())
}
