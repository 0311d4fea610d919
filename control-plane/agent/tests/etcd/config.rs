//! What does not let us in says so, and names what is wrong, but no secret.

use control_plane_agent::store::etcd::{Config, Etcd};
use control_plane_agent::store::{Error, Store as _};
use control_plane_api::key;
use etcd_cluster::{Cluster, PASSWORD, certificates};

use crate::{cluster, config_of};

async fn refused(config: &Config, said: &[&str]) {
    let error = Etcd::open(config).await.expect_err("must not open");
    let text = format!("{error:#}");
    for said in said {
        assert!(text.contains(said), "{said:?} is not in: {text}");
    }
    assert!(!text.contains(PASSWORD) && !format!("{error:?}").contains(PASSWORD));
}

#[tokio::test]
async fn strangers_learn_why_they_are_not_let_in() {
    let (_turn, cluster) = cluster().await;
    let good = config_of(&cluster);
    let other = tempfile::tempdir().expect("temporary directory");
    certificates::write(other.path()).expect("another authority");

    let wrong_ca = Config { ca: other.path().join("ca.pem"), ..good.clone() };
    refused(&wrong_ca, &["127.0.0.1", "invalid peer certificate"]).await;
    let (cert, key) = (other.path().join("cert.pem"), other.path().join("key.pem"));
    refused(&Config { cert, key, ..good.clone() }, &["127.0.0.1", "our certificate"]).await;
    let none = std::path::PathBuf::new();
    refused(&Config { cert: none.clone(), key: none, ..good.clone() }, &["127.0.0.1", "our certificate"])
        .await;

    let password_file = other.path().join("password");
    std::fs::write(&password_file, "something else").expect("writable");
    let wrong_password = Config { password_file: password_file.clone(), ..good.clone() };
    refused(&wrong_password, &["authentication failed"]).await;
    refused(&Config { user: "nobody".into(), ..good.clone() }, &["authentication failed"]).await;
    refused(&Config { ca: "nowhere.pem".into(), ..good.clone() }, &["nowhere.pem"]).await;
    std::fs::write(other.path().join("ca.pem"), "no certificate").expect("writable");
    refused(&wrong_ca, &["no PEM certificate"]).await;

    a_changed_password_is_read_again(&cluster, wrong_password).await;
    a_newer_schema_is_left_alone(&cluster, &good).await;
}

async fn a_changed_password_is_read_again(cluster: &Cluster, config: Config) {
    std::fs::write(&config.password_file, PASSWORD).expect("writable");
    let store = Etcd::open(&config).await.expect("the right password");
    let mut root = cluster.root().await.expect("root");
    root.user_change_password(etcd_cluster::USER, "a new one").await.expect("changed");
    let error = store.get(key::NODES).await.expect_err("the token went with the password");
    assert!(
        matches!(&error, Error::Refused { reason } if reason.contains("authentication failed")),
        "{error}"
    );
    std::fs::write(&config.password_file, "a new one\n").expect("writable");
    assert_eq!(store.get(key::NODES).await, Ok(None), "without a restart");
    root.user_change_password(etcd_cluster::USER, PASSWORD).await.expect("changed back");
}

async fn a_newer_schema_is_left_alone(cluster: &Cluster, config: &Config) {
    let running = Etcd::open(config).await.expect("opens");
    let ours = running.get(key::SCHEMA).await.expect("get").expect("written by whoever came first");
    assert_eq!(ours.value, r#"{"major":1,"minor":0}"#);
    let mut root = cluster.root().await.expect("root");
    root.put(key::SCHEMA, r#"{"major":2,"minor":1}"#, None).await.expect("put");
    refused(config, &["schema 2.1", "upgrade this node"]).await;
    running.get(key::NODES).await.expect("who runs already goes on");
    root.put(key::SCHEMA, r#"{"major":1,"minor":9}"#, None).await.expect("put");
    Etcd::open(config).await.expect("additions are no harm");
}
