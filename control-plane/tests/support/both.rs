//! Each test on SQLite and on a real PostgreSQL.

use std::io::Write as _;
use std::sync::Once;

use control_plane::config::Secret;

/// A new, empty database: the setting `database`. `None`: no PostgreSQL here, which is said once.
pub(crate) async fn postgres() -> Option<Secret> {
    let started = tokio::task::spawn_blocking(|| {
        postgres_server::shared().and_then(|server| server.map(|server| server.database()).transpose())
    });
    let url = started.await.expect("no panic").expect("PostgreSQL");
    if url.is_none() {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let line = "SKIPPED on PostgreSQL: it is not installed (`tests/run tools` does it)";
            writeln!(std::io::stderr(), "{line}").ok();
        });
    }
    url.map(Secret::new)
}

/// `both!(name)`: a test of the function `name(Secret)`, which is given the setting `database`, on each engine.
macro_rules! both {
    ($($name:ident),* $(,)?) => { $(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(control_plane::config::Secret::default()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let Some(database) = crate::both::postgres().await else { return };
                super::$name(database).await;
            }
        }
    )* };
}
pub(crate) use both;
