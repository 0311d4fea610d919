//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use control_plane_agent::authority::Authority;
use control_plane_agent::identity::CONTROL_PLANE_NAME;
use tokio_util::sync::CancellationToken;

use crate::{dev, drain, role};

/// Ctrl-C ends the process within three seconds; this leaves some for the runtime.
const END_TIMEOUT: Duration = Duration::from_millis(2_500);

/// Live classes over a cascade of regional edges. Without a word: `dev`.
#[derive(Debug, clap::Parser)]
#[command(name = "seodang", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    dev: dev::Arguments,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The whole house on this machine: three regions, one control plane, one origin, the web app
    Dev(dev::Arguments),
    /// An edge: takes media in, hands it to people near and to other edges
    Edge(role::Arguments),
    /// An origin: keeps recordings
    Origin(role::Arguments),
    /// A cdn node: serves recordings near the viewer
    Cdn(role::Arguments),
    /// A control plane: front door, store, web app
    ControlPlane(role::Arguments),
    /// Empties a region or a node: users are moved to other edges, then it stays empty or ends
    Drain(drain::Arguments),
    /// Stock WebRTC clients in one room, and what each of them gets
    Load(load::Arguments),
    /// Certificates for a fleet: the CA and one certificate per node
    Certificates(Certificates),
    /// People and classes of a control plane into a file, also while it runs
    Backup(Kept),
    /// People and classes from a file into an empty database, SQLite or PostgreSQL
    Restore(Kept),
    /// Makes an account an admin
    Admin(Promoted),
}

/// Makes (or goes on with) the fleet's CA in DIRECTORY and issues a certificate and key per name.
#[derive(Debug, clap::Args)]
struct Certificates {
    /// Where the CA and the files of the nodes are kept. `ca.key` stays here: no node needs it.
    #[arg(long, value_name = "DIRECTORY", default_value = "certificates")]
    directory: PathBuf,
    /// The names are of control planes.
    #[arg(long)]
    control_plane: bool,
    /// Node ids.
    #[arg(required = true, value_name = "NODE")]
    names: Vec<String>,
}

/// A file with people and classes, and the configuration that says where their database is.
#[derive(Debug, clap::Args)]
struct Kept {
    /// One line of JSON per row.
    file: PathBuf,
    #[command(flatten)]
    control_plane: role::Arguments,
}

/// An account, and the configuration that says where its database is.
#[derive(Debug, clap::Args)]
struct Promoted {
    /// Its mail address.
    #[arg(value_name = "MAIL")]
    email: String,
    #[command(flatten)]
    control_plane: role::Arguments,
}

/// Runs the command and says what went wrong.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::from(error).context("starting the runtime")),
    };
    let result = runtime.block_on(async {
        let result = command(cli).await;
        control_plane_agent::spans::flush().await;
        result
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

async fn command(cli: Cli) -> anyhow::Result<()> {
    match cli.command.unwrap_or(Command::Dev(cli.dev)) {
        Command::Dev(arguments) => until_signal(|stop| dev::run(arguments, stop)).await,
        Command::Edge(arguments) => signalled(true, |end, stop| role::edge(arguments, end, stop)).await,
        Command::Origin(arguments) => until_signal(|stop| role::origin(arguments, stop)).await,
        Command::Cdn(arguments) => until_signal(|stop| role::cdn(arguments, stop)).await,
        Command::ControlPlane(arguments) => until_signal(|stop| role::control_plane(arguments, stop)).await,
        Command::Drain(arguments) => drain::run(&arguments).await,
        Command::Load(arguments) => load(&arguments).await,
        Command::Certificates(arguments) => certificates(&arguments),
        Command::Backup(kept) => {
            let rows = role::backup(&kept.control_plane, &kept.file).await?;
            tell(&mut std::io::stdout(), &format!("{rows} rows in {}", kept.file.display()));
            Ok(())
        }
        Command::Restore(kept) => {
            let rows = role::restore(&kept.control_plane, &kept.file).await?;
            tell(&mut std::io::stdout(), &format!("{rows} rows from {}", kept.file.display()));
            Ok(())
        }
        Command::Admin(promoted) => {
            let name = role::admin(&promoted.control_plane, &promoted.email).await?;
            tell(&mut std::io::stdout(), &format!("{name} is an admin"));
            Ok(())
        }
    }
}

/// Runs until it ends by itself or a signal comes; then it has [`END_TIMEOUT`] to end well.
async fn until_signal<Work: Future<Output = anyhow::Result<()>>>(
    work: impl FnOnce(CancellationToken) -> Work,
) -> anyhow::Result<()> {
    signalled(false, |end, _stop| work(end)).await
}

/// Runs until it ends by itself. The first signal cancels the first token; gentle work then ends in its own time, unless
/// another signal comes. After the second token it has [`END_TIMEOUT`].
async fn signalled<Work: Future<Output = anyhow::Result<()>>>(
    is_gentle: bool,
    work: impl FnOnce(CancellationToken, CancellationToken) -> Work,
) -> anyhow::Result<()> {
    let (end, stop) = (CancellationToken::new(), CancellationToken::new());
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("listening for SIGTERM")?;
    let work = work(end.clone(), stop.clone());
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return result,
        result = tokio::signal::ctrl_c() => result.context("listening for Ctrl-C")?,
        _ = terminated.recv() => {}
    }
    tracing::info!("ending");
    end.cancel();
    if is_gentle {
        tokio::select! {
            result = &mut work => return result,
            result = tokio::signal::ctrl_c() => result.context("listening for Ctrl-C")?,
            _ = terminated.recv() => {}
        }
    }
    stop.cancel();
    tokio::select! {
        result = &mut work => result,
        () = tokio::time::sleep(END_TIMEOUT) => anyhow::bail!("not everything ended within {END_TIMEOUT:?}"),
        _ = tokio::signal::ctrl_c() => anyhow::bail!("ended at once, at another Ctrl-C"),
    }
}

async fn load(arguments: &load::Arguments) -> anyhow::Result<()> {
    let report = load::run(arguments, |line| tell(&mut std::io::stderr(), line)).await?;
    let text = if arguments.json { serde_json::to_string_pretty(&report)? } else { report.to_string() };
    tell(&mut std::io::stdout(), text.trim_end());
    Ok(())
}

fn certificates(arguments: &Certificates) -> anyhow::Result<()> {
    let authority = Authority::open(&arguments.directory)?;
    let more: &[&str] = if arguments.control_plane { &[CONTROL_PLANE_NAME] } else { &[] };
    for name in &arguments.names {
        authority.issue(name, more)?.write(&arguments.directory, name)?;
        let shown = arguments.directory.join(name);
        tell(&mut std::io::stdout(), &format!("{0}.pem and {0}.key", shown.display()));
    }
    Ok(())
}

/// A line for people. Nobody reading it is no reason to stop.
pub(crate) fn tell(stream: &mut dyn std::io::Write, line: &str) {
    writeln!(stream, "{line}").and_then(|()| stream.flush()).ok();
}

fn fail(error: &anyhow::Error) -> ExitCode {
    tell(&mut std::io::stderr(), &format!("seodang: {error:#}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};
    use control_plane_agent::config::{ENV_PREFIX, ENV_RESERVED};

    use super::*;

    /// A configuration file is read by most commands, and takes what it does not know for a mistake.
    #[test]
    fn no_variable_of_the_command_line_is_taken_for_a_setting() {
        let command = Cli::command();
        let commands = std::iter::once(&command).chain(command.get_subcommands());
        let variables = commands.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_env);
        let own: Vec<_> =
            variables.filter_map(|name| name.to_str()).filter(|name| name.starts_with(ENV_PREFIX)).collect();
        assert!(own.len() >= 4, "{own:?}");
        for name in own {
            assert!(ENV_RESERVED.contains(&name), "{name}");
        }
    }

    #[test]
    fn no_word_means_dev_and_flags_go_with_it() {
        Cli::command().debug_assert();
        let parse = |words: &[&str]| Cli::try_parse_from([&["seodang"], words].concat());
        let bare = parse(&["--port-base", "9000"]).expect("dev's flags");
        assert!(bare.command.is_none() && bare.dev.port_base == 9000);
        let dev = parse(&["dev", "--port-base", "9100"]).expect("dev");
        assert!(matches!(dev.command, Some(Command::Dev(arguments)) if arguments.port_base == 9100));
        let traced = parse(&["--otlp", "http://127.0.0.1:4318"]).expect("dev's flags");
        assert_eq!(dev::telemetry_of(&traced.dev).otlp, "http://127.0.0.1:4318");
        let edge = parse(&["edge", "--config", "edge.toml", "--listen", "0.0.0.0:1", "--set", "edge.id=x"]);
        assert!(matches!(edge.expect("edge").command, Some(Command::Edge(_))));
        assert!(parse(&["edge", "--port-base", "1"]).is_err());
        let drain = parse(&["drain", "jeju", "--deadline", "10m", "--exit", "--wait"]);
        assert!(matches!(drain.expect("drain").command, Some(Command::Drain(_))));
        assert!(parse(&["drain", "jeju", "--cancel", "--exit"]).is_err());
        let admin = parse(&["admin", "minji@example.org", "--config", "control-plane.toml"]);
        assert!(matches!(admin.expect("admin").command, Some(Command::Admin(_))));
        assert!(parse(&["lecture"]).is_err());
    }
}
