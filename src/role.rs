//! One node, run alone: its configuration file, its identity, its place in the fleet.
//!
//! A file has the table of its role, `[fleet]` and `[telemetry]`; `config/` has a commented one for each. Every key
//! can be set as `SEODANG_{TABLE}__{KEY}` too, and with `--set table.key=value`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use control_plane_agent::config::Setting;
use control_plane_agent::mirror::Mirror;
use control_plane_agent::registration::{Registration, TTL_DEFAULT};
use control_plane_agent::store::Store;
use control_plane_agent::store::embedded::Embedded;
use control_plane_agent::view::drain_among;
use control_plane_agent::{fleet, telemetry};
use control_plane_api::drain::Drain;
use control_plane_api::key;
use control_plane_api::node::{Load, Location, Node, Role};
use control_plane_api::recording::Recording;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// News of recordings waiting for the store; recordings wait when it is full.
pub(crate) const RECORDING_NEWS_MAX: usize = 256;

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Arguments {
    /// TOML file; without it the defaults and what the environment says.
    #[arg(long, value_name = "FILE", env = "SEODANG_CONFIG")]
    config: Option<PathBuf>,
    /// Address for clients: `listen` of the role's table.
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
    /// Address for metrics and health: `admin`.
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<String>,
    /// UDP address for media: `media` of an edge.
    #[arg(long, value_name = "IP:PORT")]
    media: Option<String>,
    /// UDP address for other edges: `link` of an edge.
    #[arg(long, value_name = "IP:PORT")]
    link: Option<String>,
    /// UDP address for recordings from edges: `ingest` of an origin.
    #[arg(long, value_name = "IP:PORT")]
    ingest: Option<String>,
    /// Address for nodes: `nodes` of a control plane.
    #[arg(long, value_name = "IP:PORT")]
    nodes: Option<String>,
    /// Any key: `edge.capacity=500`.
    #[arg(long, value_name = "TABLE.KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeFile {
    pub edge: edge::Config,
    pub fleet: fleet::Config,
    pub telemetry: telemetry::Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OriginFile {
    pub origin: origin::Config,
    pub fleet: fleet::Config,
    pub telemetry: telemetry::Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CdnFile {
    pub cdn: cdn::Config,
    /// How the fleet knows it; needed with `[fleet]` only.
    pub node: CdnPlace,
    pub fleet: fleet::Config,
    pub telemetry: telemetry::Config,
}

/// A cdn node knows HTTP; where it stands only the fleet wants to know.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CdnPlace {
    pub location: Option<Location>,
    /// Base URL for viewers.
    pub url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlPlaneFile {
    pub control_plane: control_plane::Config,
    pub fleet: fleet::Config,
    pub telemetry: telemetry::Config,
}

/// `end` moves users elsewhere first, `stop` ends at once.
pub async fn edge(
    arguments: Arguments,
    end: CancellationToken,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let EdgeFile { edge, fleet, telemetry } = load("edge", &arguments)?;
    telemetry::init_as(&telemetry, "seodang-edge")?;
    let identity = fleet.identity()?;
    let store = fleet.connect(&identity).await?;
    let bound = edge::Edge::bind(edge, identity, store).await?;
    bound.run_until(end, stop).await
}

pub async fn origin(arguments: Arguments, stop: CancellationToken) -> anyhow::Result<()> {
    let OriginFile { origin, fleet, telemetry } = load("origin", &arguments)?;
    telemetry::init_as(&telemetry, "seodang-origin")?;
    let identity = fleet.identity()?;
    anyhow::ensure!(
        identity.name() == origin.id,
        "the origin is called {:?} but its certificate says {:?}",
        origin.id,
        identity.name()
    );
    let store = fleet.connect(&identity).await?;
    let (updates, news) = tokio::sync::mpsc::channel(RECORDING_NEWS_MAX);
    let bound = origin::Origin::bind(origin, &identity, updates).await?;
    serve_origin(bound, news, None, store, stop).await
}

pub async fn cdn(arguments: Arguments, stop: CancellationToken) -> anyhow::Result<()> {
    let CdnFile { cdn, node, fleet, telemetry } = load("cdn", &arguments)?;
    telemetry::init_as(&telemetry, "seodang-cdn")?;
    let mut store = None;
    if fleet.is_given() {
        anyhow::ensure!(!node.url.is_empty(), "node.url is not given: viewers of the fleet need it");
        let identity = fleet.identity()?;
        anyhow::ensure!(
            identity.name() == cdn.node,
            "the cdn node is called {:?} but its certificate says {:?}",
            cdn.node,
            identity.name()
        );
        store = Some(fleet.connect(&identity).await?);
    }
    serve_cdn(cdn::Cdn::bind(cdn.clone())?, &cdn, node, store, stop).await
}

pub async fn control_plane(arguments: Arguments, stop: CancellationToken) -> anyhow::Result<()> {
    let ControlPlaneFile { control_plane, fleet, telemetry } = load("control_plane", &arguments)?;
    telemetry::init_as(&telemetry, "seodang-control-plane")?;
    let identity = if fleet.has_identity() { Some(fleet.identity()?) } else { None };
    let store: Arc<dyn Store> = if fleet.etcd.is_given() {
        Arc::new(fleet.connect_etcd().await?)
    } else {
        let directory = control_plane.data_dir.join("store");
        Arc::new(Embedded::open(&directory).with_context(|| format!("store in {}", directory.display()))?)
    };
    let bound = control_plane::ControlPlane::bind(control_plane, store, identity).await?;
    bound.run(stop).await
}

/// The database of a control plane's configuration, for the commands about it.
async fn school(arguments: &Arguments) -> anyhow::Result<control_plane_classes::Database> {
    let ControlPlaneFile { control_plane, .. } = load("control_plane", arguments)?;
    control_plane.check()?;
    control_plane_classes::Database::open(&control_plane.place())
        .await
        .context("the database of people and classes")
}

/// Writes people and classes into a file; how many rows.
pub(crate) async fn backup(arguments: &Arguments, file: &std::path::Path) -> anyhow::Result<u64> {
    let database = school(arguments).await?;
    let written = async {
        // Beside the file first: a backup that fails does not spoil the one before.
        let part = file.with_extension("part");
        let opened = crate::dev::secret_file(&part)?;
        let mut writer = std::io::BufWriter::new(opened);
        let rows = control_plane_classes::backup::dump(&database, &mut writer).await?;
        writer.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&part, file)?;
        anyhow::Ok(rows)
    };
    let rows = written.await.with_context(|| format!("backup into {}", file.display()))?;
    database.close().await;
    Ok(rows)
}

/// Reads a backup into a database without people and classes; how many rows.
pub(crate) async fn restore(arguments: &Arguments, file: &std::path::Path) -> anyhow::Result<u64> {
    let opened = std::fs::File::open(file).with_context(|| format!("reading {}", file.display()))?;
    let database = school(arguments).await?;
    let mut reader = std::io::BufReader::new(opened);
    let rows = control_plane_classes::backup::restore(&database, &mut reader).await;
    database.close().await;
    rows.with_context(|| format!("restoring {}", file.display()))
}

/// Makes whoever has the mail address an admin; the name.
pub(crate) async fn admin(arguments: &Arguments, email: &str) -> anyhow::Result<String> {
    use control_plane_classes::people::{Role, account, accounts, store};
    let email = account::check_email(email).map_err(|_| anyhow::anyhow!("{email:?} is no mail address"))?;
    let database = school(arguments).await?;
    let promoted = async {
        let found = store::find_by_email(&database, &email).await?;
        let found = found.with_context(|| {
            format!("no account has the mail address {email}, or it was disabled: sign up with it first")
        })?;
        let changed = accounts::set(&database, &found.id, Some(Role::Admin), None).await?;
        anyhow::Ok(changed.account.name)
    };
    let promoted = promoted.await;
    database.close().await;
    promoted
}

/// A bound origin, registered while it runs; what it says of recordings goes to the store.
pub(crate) async fn serve_origin(
    bound: origin::Origin,
    mut news: tokio::sync::mpsc::Receiver<origin::RecordingUpdate>,
    location: Option<Location>,
    store: Arc<dyn Store>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut node = bound.node(control_plane_agent::unix_time_ms());
    node.location = location;
    let registration = Registration::start(Arc::clone(&store), node, TTL_DEFAULT, &stop);
    let publishing = tokio::spawn(async move {
        while let Some(origin::RecordingUpdate(recording)) = news.recv().await {
            publish_recording(&*store, &recording).await;
        }
    });
    let result = bound.run(stop).await;
    registration.deregister().await;
    publishing.abort();
    result
}

/// Tries until the store takes it: a replay that nobody knows of is lost to its viewers.
async fn publish_recording(store: &dyn Store, recording: &Recording) {
    let key = key::recording(&recording.room, &recording.room_sid);
    let Ok(value) = serde_json::to_vec(recording) else { return };
    let mut pause = std::time::Duration::from_millis(100);
    while let Err(error) = store.put(&key, value.clone().into(), None).await {
        tracing::warn!(%error, room = recording.room, "the recording's record is not written; trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(5));
    }
}

/// A bound cdn node, registered with the fleet while it runs if there is one.
pub(crate) async fn serve_cdn(
    bound: cdn::Cdn,
    config: &cdn::Config,
    place: CdnPlace,
    store: Option<Arc<dyn Store>>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let node = Node {
        id: config.node.clone(),
        role: Role::Cdn,
        region: config.region.clone(),
        location: place.location,
        url: place.url,
        quic: None,
        admin: bound.addrs().admin.map_or_else(String::new, |address| format!("http://{address}")),
        epoch: control_plane_agent::unix_time_ms(),
        draining: false,
        load: Load::default(),
        nodes: None,
        links: Vec::new(),
    };
    let Some(store) = store else { return bound.run(stop).await };
    let drains: Mirror<Drain> = Mirror::start(Arc::clone(&store), key::DRAINS, &stop);
    let registration = Registration::start(store, node, TTL_DEFAULT, &stop);
    let (wishes, wished) = watch::channel(None);
    let following = tokio::spawn(follow_drains(drains, registration.clone(), wishes));
    let result = bound.run_drained(wished, stop).await;
    following.abort();
    registration.deregister().await;
    result
}

/// Lets a cdn node know of the wish to empty it, and the fleet that it does.
async fn follow_drains(
    drains: Mirror<Drain>,
    registration: Registration,
    wishes: watch::Sender<Option<cdn::Drain>>,
) {
    let Node { id, region, .. } = registration.node();
    let mut records = drains.subscribe();
    loop {
        let wish = drain_among(&records.borrow_and_update(), &id, &region);
        let is_draining = wish.is_some();
        if registration.node().draining != is_draining {
            registration.update(|node| node.draining = is_draining);
        }
        let wish = wish.map(|wish| cdn::Drain { deadline_ms: wish.deadline_ms, exit: wish.exit });
        wishes.send_if_modified(|current| std::mem::replace(current, wish) != wish);
        if records.changed().await.is_err() {
            return;
        }
    }
}

/// Defaults, file, environment, flags: later ones win.
fn load<T: DeserializeOwned>(table: &str, arguments: &Arguments) -> anyhow::Result<T> {
    let named = [
        ("listen", &arguments.listen),
        ("admin", &arguments.admin),
        ("media", &arguments.media),
        ("link", &arguments.link),
        ("ingest", &arguments.ingest),
        ("nodes", &arguments.nodes),
    ];
    let mut flags: Vec<Setting> = Vec::new();
    for (name, value) in named {
        if let Some(value) = value {
            flags.push(Setting::flag(format!("--{name}"), &format!("{table}.{name}"), value.as_str()));
        }
    }
    for set in &arguments.set {
        let (key, value) =
            set.split_once('=').with_context(|| format!("--set {set}: write it as table.key=value"))?;
        flags.push(Setting::flag(format!("--set {set}"), key, value));
    }
    Ok(control_plane_agent::config::load(arguments.config.as_deref(), &flags)?)
}

#[cfg(test)]
mod tests {
    use control_plane_classes::people::{Locale, Role, accounts, store};

    use super::*;

    #[tokio::test]
    async fn an_account_that_is_there_becomes_an_admin() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let data_dir = directory.path().display();
        let keys = r#"[{ key = "key", secret = "0123456789abcdef0123456789abcdef" }]"#;
        let set =
            vec![format!("control_plane.data_dir={data_dir}"), format!("control_plane.api_keys={keys}")];
        let arguments = Arguments { set, ..Arguments::default() };
        let missing = admin(&arguments, "minji@example.org").await.expect_err("nobody there yet");
        assert!(
            missing.to_string().contains("no account has the mail address minji@example.org"),
            "{missing}"
        );
        assert!(admin(&arguments, "minji").await.is_err(), "no mail address");

        let database = school(&arguments).await.expect("opens");
        let made = accounts::Made {
            email: Some("minji@example.org"),
            name: "Minji",
            role: Role::Student,
            locale: Locale::En,
            password_hash: None,
        };
        let account = accounts::make(&database, &made, 1).await.expect("made");
        assert_eq!(admin(&arguments, " Minji@example.org").await.expect("made an admin"), "Minji");
        let found = store::find(&database, &account.id).await.expect("read").expect("there");
        assert_eq!(found.role, Role::Admin);
    }
}
