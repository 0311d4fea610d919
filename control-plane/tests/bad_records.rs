//! Records in the store that nobody can read, or that say what cannot be: left out and counted, and nothing else is disturbed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use control_plane::{Config, ControlPlane};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_api::key;
use control_plane_api::token::ApiKey;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

fn node(id: &str, role: &str, change: Value) -> Value {
    let mut record = json!({
        "id": id, "role": role, "region": "seoul", "location": {"latitude": 37.5, "longitude": 127.0},
        "url": format!("http://{id}.example"), "admin": "", "epoch": 1,
    });
    for (field, value) in change.as_object().expect("an object") {
        record[field] = value.clone();
    }
    record
}

/// Names in the answer of a path that lists nodes.
async fn names(address: SocketAddr, path: &str, list: &str) -> BTreeSet<String> {
    let answer: Value = serde_json::from_str(&get(address, path).await).unwrap_or_default();
    let nodes = answer[list].as_array().cloned().unwrap_or_default();
    nodes.iter().filter_map(|node| node["id"].as_str().map(str::to_owned)).collect()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let request = format!("GET {path} HTTP/1.0\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned())
}

#[tokio::test]
async fn unreadable_and_absurd_records_are_left_out_and_nothing_else_is_disturbed() {
    let store: Arc<dyn Store> = Arc::new(Embedded::in_memory());
    let put = async |key: String, value: &[u8]| {
        store.put(&key, Bytes::copy_from_slice(value), None).await.expect("put");
    };
    let corrupt: [(String, &[u8]); 7] = [
        (key::node("corrupt"), b"{\"id\":"),
        (key::node("newer"), br#"{"schema": 9, "node": {"id": "newer"}}"#),
        (key::room("corrupt"), b"\xff\xfe"),
        (key::presence("corrupt", "edge-0"), b""),
        (key::topology("corrupt"), br#"{"version": 2, "graph": []}"#),
        (format!("{}node/corrupt", key::DRAINS), br#"{"target": {"planet": "earth"}}"#),
        (key::recording("corrupt", "RM_1"), b"[]"),
    ];
    for (key, value) in &corrupt {
        put(key.clone(), value).await;
    }
    let absurd = [
        node("edge-0", "edge", json!({"location": {"latitude": 1e308, "longitude": -1e308}})),
        node(
            "edge-1",
            "edge",
            json!({"load": {"participants": 4_294_967_295_u32, "capacity": 1, "rooms": 0,
            "cpu": -1e30, "bitrate_in_bps": 0, "bitrate_out_bps": 0}}),
        ),
        node(
            "edge-2",
            "edge",
            json!({"links": [{"peer": "edge-2", "rtt_ms": -5.0, "loss": 7.0, "bitrate_in_bps": 0,
            "bitrate_out_bps": 0, "flows_out": 0, "flows_in": 0}]}),
        ),
        node("edge-3", "edge", json!({"region": "\u{202e}<script>", "url": "javascript:alert(1)"})),
    ];
    for record in absurd
        .iter()
        .chain(&(4..9).map(|index| node(&format!("edge-{index}"), "edge", json!({}))).collect::<Vec<_>>())
    {
        put(key::node(record["id"].as_str().expect("an id")), record.to_string().as_bytes()).await;
    }
    // A faulty node that speaks for another.
    put(
        key::node("impostor"),
        node("edge-4", "edge", json!({"url": "http://impostor.example"})).to_string().as_bytes(),
    )
    .await;
    put(key::node("good-cdn"), node("good-cdn", "cdn", json!({})).to_string().as_bytes()).await;
    put(
        key::room("class"),
        json!({"name": "class", "sid": "RM_1", "created_at_ms": 1}).to_string().as_bytes(),
    )
    .await;
    for index in 0..9 {
        let presence =
            json!({"room": "class", "room_sid": "RM_1", "node": format!("edge-{index}"), "participants": 1});
        put(key::presence("class", &format!("edge-{index}")), presence.to_string().as_bytes()).await;
    }

    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let api_keys = vec![ApiKey { key: "k".into(), secret: "0123456789abcdef0123456789abcdef".into() }];
    let data = tempfile::tempdir().expect("temporary directory");
    let config =
        Config { listen: free, admin: free, api_keys, data_dir: data.path().to_owned(), ..Config::default() };
    let control_plane = ControlPlane::bind(config, store.clone(), None).await.expect("starts all the same");
    let address = control_plane.address().expect("bound");
    let admin = control_plane.admin_address().expect("bound");
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    tokio::spawn(async move { control_plane.run(stop).await.expect("runs") });

    let good: BTreeSet<String> = (0..9).map(|index| format!("edge-{index}")).collect();
    assert_eq!(names(address, "/v1/edges", "edges").await, good);
    let edges = get(address, "/v1/edges").await;
    assert!(!edges.contains("impostor"), "nobody speaks for another: {edges}");
    let cdn = names(address, "/v1/cdn?latitude=37&longitude=127", "nodes").await;
    assert_eq!(cdn, BTreeSet::from(["good-cdn".to_owned()]));
    let metrics = get(admin, "/metrics").await;
    let counted = format!("view_unreadable_total {}", corrupt.len());
    assert!(metrics.contains(&counted), "{metrics}");

    // The other rooms are planned as ever, absurd nodes and all.
    let planned = async {
        loop {
            if let Some(entry) = store.get(&key::topology("class")).await.expect("get") {
                return serde_json::from_slice::<Value>(&entry.value).expect("a topology");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let topology = tokio::time::timeout(Duration::from_secs(10), planned).await.expect("planned");
    assert_eq!(topology["places"].as_object().map(serde_json::Map::len), Some(9), "{topology}");
    let untouched = store.get(&key::room("corrupt")).await.expect("get").expect("still there");
    assert_eq!(&untouched.value[..], b"\xff\xfe", "what a newer fleet wrote is not this version's to delete");
}
