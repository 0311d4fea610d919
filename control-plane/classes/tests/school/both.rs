//! A fresh database of each engine for every test.

use std::io::Write as _;
use std::sync::Once;

use control_plane_classes::Database;
use control_plane_classes::database::Place;

/// An empty database with all tables, and where it is.
pub(crate) struct School {
    pub(crate) database: Database,
    pub(crate) place: Place,
    _directory: tempfile::TempDir,
}

impl School {
    pub(crate) async fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let place = Place::File(directory.path().join("classes.db"));
        Self { database: Database::open(&place).await.expect("opens"), place, _directory: directory }
    }

    /// `None`: no PostgreSQL here, which is said once.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let started = tokio::task::spawn_blocking(|| {
            postgres_server::shared().and_then(|server| server.map(|server| server.database()).transpose())
        });
        let Some(url) = started.await.expect("no panic").expect("PostgreSQL") else {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                let line = "SKIPPED on PostgreSQL: it is not installed (`tests/run tools` does it)";
                writeln!(std::io::stderr(), "{line}").ok();
            });
            return None;
        };
        let directory = tempfile::tempdir().expect("temporary directory");
        let place = Place::Postgres(url);
        Some(Self { database: Database::open(&place).await.expect("opens"), place, _directory: directory })
    }
}

/// `both!(name)`: a test of the function `name(School)` on each engine.
macro_rules! both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name($crate::both::School::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(school) = $crate::both::School::on_postgres().await else { return };
                super::$name(school).await;
            }
        }
    )* };
}
pub(crate) use both;
