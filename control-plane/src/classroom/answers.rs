//! The writer of answers: a thousand come within seconds, and each is on the disk before it is acknowledged.
//!
//! One task takes what has queued up and commits it as one transaction: under load batches grow and the disk is synced as
//! seldom as it can be; alone, an answer waits for nobody.

use control_plane_classes::classroom::answers::{Receipt, Submission, take};
use control_plane_classes::{Database, Error};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::answer::Refusal;

/// Answers that wait for the disk: some seconds' work. When full, students are asked to come again in a second.
const QUEUED_MAX: usize = 8_192;
/// Answers of one transaction: enough to make the sync cheap, few enough that the first does not wait long.
const BATCH_MAX: usize = 256;

#[derive(Debug)]
struct Job {
    answer: Submission,
    /// `Err(None)`: the database was away.
    reply: oneshot::Sender<Result<Receipt, Option<Error>>>,
}

#[derive(Debug)]
pub(crate) struct Answers {
    queue: mpsc::Sender<Job>,
}

impl Answers {
    pub(crate) fn start(database: Database, tasks: &TaskTracker, shutdown: &CancellationToken) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUED_MAX);
        tasks.spawn(write(database, jobs, shutdown.clone()));
        Self { queue }
    }

    /// Stores an answer; returns when it is durable.
    ///
    /// # Errors
    /// Why it does not count; 503 when the queue is full or the database is away.
    pub(crate) async fn store(&self, answer: Submission) -> Result<Receipt, Refusal> {
        let (reply, receipt) = oneshot::channel();
        if self.queue.try_send(Job { answer, reply }).is_err() {
            return Err(Refusal::later("busy", "Very many answers are arriving. Send yours again.", 1));
        }
        match receipt.await {
            Ok(Ok(receipt)) => Ok(receipt),
            Ok(Err(Some(error))) => Err(error.into()),
            Ok(Err(None)) | Err(_) => {
                let message = "The answer could not be stored yet. Send it again.";
                Err(Refusal::later("database_unavailable", message, 1))
            }
        }
    }
}

async fn write(database: Database, mut jobs: mpsc::Receiver<Job>, shutdown: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        tokio::select! {
            count = jobs.recv_many(&mut batch, BATCH_MAX) => if count == 0 { return },
            () = shutdown.cancelled() => return,
        }
        let (answers, replies): (Vec<_>, Vec<_>) = batch.drain(..).map(|job| (job.answer, job.reply)).unzip();
        match take(&database, &answers).await {
            Ok(results) => {
                for (result, reply) in results.into_iter().zip(replies) {
                    // Who has gone meanwhile asks again, with the same id.
                    reply.send(result.map_err(Some)).ok();
                }
            }
            Err(error) => {
                tracing::warn!(%error, answers = answers.len(), "answers could not be stored; their senders try again");
                for reply in replies {
                    reply.send(Err(None)).ok();
                }
            }
        }
    }
}
