//! A cdn node of a fleet is emptied: viewers are sent elsewhere, it is not ready, and its process ends when nobody asks it any
//! more. The origin says why it cannot be.

mod support;

use std::time::Duration;

use support::fleet::{CDN, Fleet, ORIGIN};
use support::{PATIENCE, house, http, until};

/// The node is quiet for a second before it ends.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Nodes `/v1/cdn` names, best first.
async fn named(fleet: &Fleet) -> Option<Vec<String>> {
    let answer = http::get(&format!("{}/v1/cdn", fleet.web())).await.ok()?;
    let choices: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    choices["nodes"].as_array()?.iter().map(|node| Some(node["id"].as_str()?.to_owned())).collect()
}

async fn is_ready(fleet: &Fleet) -> Option<http::Response> {
    http::get(&format!("{}/readyz", fleet.admin(CDN))).await.ok()
}

async fn drains(fleet: &Fleet, method: &str, target: &str, wish: &str) -> anyhow::Result<http::Response> {
    let url = format!("{}/v1/ops/drains/{target}", fleet.web());
    let bearer = house::bearer(fleet.key());
    let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
    http::request(method, &url, &headers, wish.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cdn_node_is_emptied_as_an_edge_is() -> anyhow::Result<()> {
    let mut fleet = Fleet::open().await?;
    let file = fleet.directory().join(format!("{CDN}.toml"));
    let settings = std::fs::read_to_string(&file)?;
    std::fs::write(&file, settings.replace("[node]\n", "[cdn.timeouts]\ndrain_quiet_ms = 1000\n[node]\n"))?;
    fleet.kill(CDN);
    fleet.start(CDN).await?;
    let both = [CDN.to_owned(), ORIGIN.to_owned()];
    until("viewers are sent to it", PATIENCE, async || (named(&fleet).await? == both).then_some(())).await;

    let answer = drains(&fleet, "POST", "region/jeju", "{}").await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(named(&fleet).await.as_deref(), Some(&both[1..]), "from the moment it is wished");
    let ready = until("it says so itself", PATIENCE, async || {
        is_ready(&fleet).await.filter(|answer| answer.status == 503)
    });
    assert_eq!(ready.await.text(), "cdn: draining\n");
    until("the fleet knows that it does", PATIENCE, async || {
        let (url, bearer) = (format!("{}/v1/ops/drains", fleet.web()), house::bearer(fleet.key()));
        let listed = http::request("GET", &url, &[("authorization", bearer.as_str())], b"").await.ok()?;
        let listed: serde_json::Value = serde_json::from_slice(&listed.body).ok()?;
        let node = &listed["drains"][0]["nodes"][0];
        (node["id"] == CDN && node["draining"] == true).then_some(())
    })
    .await;

    assert_eq!(drains(&fleet, "DELETE", "region/jeju", "").await?.status, 204);
    until("it serves again", PATIENCE, async || {
        is_ready(&fleet).await.filter(|answer| answer.status == 200)?;
        (named(&fleet).await? == both).then_some(())
    })
    .await;

    let mut command = tokio::process::Command::new(house::binary());
    command.args(["drain", CDN, "--node", "--exit", "--wait", "--control-plane", &fleet.web()]);
    command.env("SEODANG_API_KEY", &fleet.key().key).env("SEODANG_API_SECRET", &fleet.key().secret);
    let told = tokio::time::timeout(COMMAND_TIMEOUT, command.output()).await??;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{text}{}\n{}", String::from_utf8_lossy(&told.stderr), fleet.said());
    assert!(text.ends_with("no node is left\nended\n"), "{text}");
    let end = tokio::time::Instant::now() + PATIENCE;
    while !fleet.has_ended(CDN) {
        assert!(tokio::time::Instant::now() < end, "it does not end:\n{}", fleet.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let answer = drains(&fleet, "POST", &format!("node/{ORIGIN}"), "{}").await?;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert!(answer.text().contains("holds the recordings"), "{}", answer.text());
    Ok(())
}
