//! Mail through a real, small SMTP server, which is not always in the mood.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use control_plane::config::Secret;
use control_plane_classes::database::Place;
use control_plane_classes::{Database, Sql as _, args};
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[path = "support/school.rs"]
#[expect(dead_code, reason = "only people are of interest here")]
mod school;

use school::{Person, School, code_in};

/// Takes mail, after it has refused some.
#[derive(Default)]
struct Server {
    /// To be refused, with "later".
    refusals: AtomicU32,
    tried: AtomicU32,
    /// Envelope and text.
    taken: Mutex<Vec<(String, String)>>,
}

impl Server {
    async fn start(refusals: u32) -> (Arc<Self>, Secret) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("bound"));
        let server = Arc::new(Self { refusals: refusals.into(), ..Self::default() });
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = accepting.clone();
                tokio::spawn(async move { server.serve(stream).await.ok() });
            }
        });
        (server, Secret::new(url))
    }

    /// RFC 5321, as far as one mail needs it.
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut envelope = String::new();
        writer.write_all(b"220 test ESMTP\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let verb = line.get(..4).unwrap_or_default().to_uppercase();
            let answer = match verb.as_str() {
                "MAIL" => {
                    self.tried.fetch_add(1, Ordering::SeqCst);
                    let left = self.refusals.load(Ordering::SeqCst);
                    self.refusals.store(left.saturating_sub(1), Ordering::SeqCst);
                    if left > 0 { "451 later" } else { "250 go on" }
                }
                "RCPT" => {
                    envelope = line;
                    "250 go on"
                }
                "DATA" => {
                    writer.write_all(b"354 write\r\n").await?;
                    let mut text = String::new();
                    while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                        text.push_str(&line);
                        text.push('\n');
                    }
                    self.taken.lock().push((envelope.clone(), text));
                    "250 taken"
                }
                "QUIT" => {
                    writer.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 test",
            };
            writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_refused_for_now_comes_later_and_once() {
    let (server, smtp) = Server::start(1).await;
    let directory = tempfile::tempdir().expect("temporary directory");
    let school = School::open(|config| {
        config.mail.smtp = smtp;
        config.data_dir = directory.path().to_owned();
    })
    .await;
    let database = Database::open(&Place::File(directory.path().join("classes.db"))).await.expect("opens");
    let waiting = async || {
        let row = database.row("SELECT COUNT(*) FROM outbox", args![]).await.expect("read").expect("a row");
        row.count(0).expect("a number")
    };
    let nobody = Person::default();
    let new = json!({"email": "minji@example.org", "password": "a long password", "name": "Minji",
        "role": "student", "locale": "en"});
    let begun = school.send(&nobody, "POST", "/v1/accounts", &new).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    until("the first try", async || server.tried.load(Ordering::SeqCst) == 1).await;
    assert!(server.taken.lock().is_empty(), "refused");
    assert_eq!(waiting().await, 1, "kept");

    // A minute later; and something else to be sent, which is nothing, makes the outbox be looked at.
    let nudge = json!({"email": "stranger@example.org"});
    until("the second try", async || {
        database.execute("UPDATE outbox SET due_at_ms = 0", args![]).await.expect("written");
        school.send(&nobody, "POST", "/v1/password/forgotten", &nudge).await;
        server.tried.load(Ordering::SeqCst) > 1
    })
    .await;
    until("an empty outbox", async || waiting().await == 0).await;
    school.send(&nobody, "POST", "/v1/password/forgotten", &nudge).await;
    until("an empty outbox", async || waiting().await == 0).await;

    let taken = server.taken.lock().clone();
    assert_eq!(taken.len(), 1, "once: {taken:?}");
    let (envelope, text) = &taken[0];
    assert!(envelope.contains("<minji@example.org>"), "{envelope}");
    assert!(
        text.contains("Subject: Confirm your Seodang account\n") && text.starts_with("From: Seodang <"),
        "{text}"
    );
    assert!(text.contains("\nMessage-ID: <m_") && text.contains("@localhost>\n"), "{text}");
    let body = text.split_once("\n\n").expect("a body").1;
    let confirm =
        json!({"email": "minji@example.org", "code": code_in(body), "ticket": begun.body["ticket"]});
    let made = school.send(&nobody, "POST", "/v1/accounts/confirm", &confirm).await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
}
