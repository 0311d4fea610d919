//! The board of a class: threads, replies, the one that helped.

use serde::{Deserialize, Serialize};

use crate::catalogue::Class;
use crate::classroom::quiz::check_id;
use crate::classroom::rule::bounded;
use crate::classroom::{Person, missing, person, taken};
use crate::people::notifications::{ACTOR, Kind, tell, tell_of};
use crate::{Database, Error, Result, Row, Sql, args, transaction};

pub const TITLE_CHARACTERS_MAX: usize = 120;
pub const TEXT_CHARACTERS_MAX: usize = 4_000;
/// Replies of one thread, all shown at once. Further ones are refused.
pub const REPLIES_MAX: u64 = 500;
/// Threads on a page.
pub const PAGE: usize = 50;

/// Statements that take what is personal out of this part's tables; `$1` is the account. Threads that others answered
/// stay, empty, for the answers' sake.
pub const ERASE: &[&str] = &[
    "UPDATE board_threads SET accepted_id = NULL \
        WHERE accepted_id IN (SELECT id FROM board_replies WHERE account_id = $1)",
    "UPDATE board_threads SET replies = \
        replies - (SELECT COUNT(*) FROM board_replies r WHERE r.thread_id = board_threads.id AND r.account_id = $1) \
        WHERE id IN (SELECT thread_id FROM board_replies WHERE account_id = $1)",
    "DELETE FROM board_replies WHERE account_id = $1",
    "DELETE FROM board_threads WHERE account_id = $1 AND replies = 0",
    "UPDATE board_threads SET title = '', text = '' WHERE account_id = $1",
];

const THREAD: &str =
    "t.id, t.account_id, a.name, t.title, t.text, t.at_ms, t.minute_ms, t.replies, t.accepted_id";
const THREADS: &str = "board_threads t JOIN accounts a ON a.id = t.account_id";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Thread {
    pub id: String,
    pub from: Person,
    pub title: String,
    pub text: String,
    pub at_ms: u64,
    /// The moment of the class it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minute_ms: Option<u64>,
    pub replies: u64,
    pub accepted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    pub id: String,
    pub from: Person,
    pub text: String,
    pub at_ms: u64,
    /// By who teaches the class.
    pub instructor: bool,
    pub accepted: bool,
}

/// A thread as it is begun.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewThread {
    pub id: String,
    pub title: String,
    pub text: String,
    #[serde(default)]
    pub minute_ms: Option<u64>,
}

/// Threads, newest first, and where the next page begins.
///
/// # Errors
/// The cursor is not one, or the database is away.
pub async fn list(
    sql: &impl Sql,
    class: &str,
    cursor: Option<&str>,
) -> Result<(Vec<Thread>, Option<String>)> {
    let (before_ms, before_id) = match cursor {
        None => (u64::MAX, String::new()),
        Some(cursor) => {
            let (at, id) = cursor.split_once('_').unwrap_or_default();
            let at = at.parse::<u64>().map_err(|_| {
                Error::rule("bad_cursor", "That cursor is not one of this list. Begin without one.")
            })?;
            (at, id.to_owned())
        }
    };
    let text = format!(
        "SELECT {THREAD} FROM {THREADS} WHERE t.class_id = $1 AND (t.at_ms < $2 OR (t.at_ms = $2 AND t.id < $3)) \
        ORDER BY t.at_ms DESC, t.id DESC LIMIT {}",
        PAGE + 1
    );
    let rows = sql.rows(&text, args![class, before_ms, before_id]).await?;
    let mut threads: Vec<Thread> = rows.iter().map(thread).collect::<Result<_>>()?;
    let more = threads.len() > PAGE;
    threads.truncate(PAGE);
    let next = threads.last().filter(|_| more).map(|last| format!("{}_{}", last.at_ms, last.id));
    Ok((threads, next))
}

/// # Errors
/// `thread_not_found`, or the database is away.
pub async fn find(sql: &impl Sql, class: &Class, id: &str) -> Result<(Thread, Vec<Reply>)> {
    let found = find_thread(sql, &class.id, id).await?;
    let text = format!(
        "SELECT r.id, r.account_id, a.name, r.text, r.at_ms, t.accepted_id FROM board_replies r \
        JOIN accounts a ON a.id = r.account_id JOIN board_threads t ON t.id = r.thread_id \
        WHERE r.thread_id = $1 ORDER BY r.at_ms, r.id LIMIT {REPLIES_MAX}"
    );
    let rows = sql.rows(&text, args![id]).await?;
    let teacher = class.instructor_id.as_deref();
    Ok((found, rows.iter().map(|row| reply_of(row, teacher)).collect::<Result<_>>()?))
}

/// Begins a thread; the same id again is the same thread.
///
/// # Errors
/// `id_taken`, or a rule is broken.
pub async fn begin(
    database: &Database,
    class: &str,
    account: &str,
    new: &NewThread,
    now_ms: u64,
) -> Result<Thread> {
    check_id("thread", &new.id)?;
    bounded("title", &new.title, 1, TITLE_CHARACTERS_MAX)?;
    bounded("text", &new.text, 1, TEXT_CHARACTERS_MAX)?;
    crate::classroom::rule::moment(new.minute_ms)?;
    transaction!(database, tx => {
        let text = "INSERT INTO board_threads (id, class_id, account_id, title, text, at_ms, minute_ms) \
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        let values = args![&new.id, class, account, new.title.trim(), new.text.trim(), now_ms, new.minute_ms];
        tx.execute(text, values).await?;
        let found = find_thread(&tx, class, &new.id).await.map_err(|_| taken())?;
        if found.from.id == account { Ok(found) } else { Err(taken()) }
    })
}

/// Replies; who began the thread is told. The same id again is the same reply.
///
/// # Errors
/// `thread_not_found`, `id_taken`, or a rule is broken.
pub async fn reply(
    database: &Database,
    class: &Class,
    to: &str,
    from: &Person,
    reply: &str,
    text: &str,
    now_ms: u64,
) -> Result<Reply> {
    check_id("reply", reply)?;
    bounded("text", text, 1, TEXT_CHARACTERS_MAX)?;
    transaction!(database, tx => {
        tx.lock("thread", to).await?;
        let found = find_thread(&tx, &class.id, to).await?;
        if found.replies >= REPLIES_MAX {
            return Err(Error::conflict("too_many", format!("A thread has at most {REPLIES_MAX} replies. Begin another.")));
        }
        let sql = "INSERT INTO board_replies (id, thread_id, account_id, text, at_ms) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT DO NOTHING";
        if tx.execute(sql, args![reply, to, &from.id, text.trim(), now_ms]).await? > 0 {
            tx.execute("UPDATE board_threads SET replies = replies + 1 WHERE id = $1", args![to]).await?;
            if found.from.id != from.id {
                let ko = format!("{ACTOR} 님이 '{}'에 답했습니다.", found.title);
                let en = format!("{ACTOR} has replied to “{}”.", found.title);
                let (whom, class) = (&found.from.id, Some(class.id.as_str()));
                tell_of(&tx, whom, Kind::Answer, class, Some(&from.id), (&ko, &en), now_ms).await?;
            }
        }
        find_reply(&tx, class, to, reply).await.and_then(|made| if made.from.id == from.id { Ok(made) } else { Err(taken()) })
    })
}

/// Marks the reply that helped, or (`None`) none; its author is told. Who began the thread, or who teaches.
///
/// # Errors
/// Neither; `reply_not_found`.
pub async fn accept(
    database: &Database,
    class: &Class,
    in_thread: &str,
    reply: Option<&str>,
    account: &str,
    teaches: bool,
    now_ms: u64,
) -> Result<()> {
    transaction!(database, tx => {
        tx.lock("thread", in_thread).await?;
        let found = find_thread(&tx, &class.id, in_thread).await?;
        if !teaches && found.from.id != account {
            return Err(Error::not_allowed("Only who asked, or who teaches, accepts an answer."));
        }
        let before = tx.row("SELECT accepted_id FROM board_threads WHERE id = $1", args![in_thread]).await?;
        let before = before.map_or(Ok(None), |row| row.text_or_null(0))?;
        if before.as_deref() == reply {
            return Ok(());
        }
        tx.execute("UPDATE board_threads SET accepted_id = $2 WHERE id = $1", args![in_thread, reply]).await?;
        if let Some(reply) = reply {
            let author = find_reply(&tx, class, in_thread, reply).await?.from;
            if author.id != account {
                // The title of the thread is somebody else's word, who may take it back.
                let ko = format!("‘{}’ 게시판에서 회원님의 답이 채택되었습니다.", class.title);
                let en = format!("Your reply on the board of “{}” was accepted.", class.title);
                tell(&tx, &author.id, Kind::Accepted, Some(&class.id), (&ko, &en), now_ms).await?;
            }
        }
        Ok(())
    })
}

/// Takes a thread away with its replies: who began it while nobody has replied, or who teaches.
///
/// # Errors
/// Neither; `thread_not_found`.
pub async fn delete(database: &Database, class: &str, id: &str, account: &str, teaches: bool) -> Result<()> {
    transaction!(database, tx => {
        tx.lock("thread", id).await?;
        let found = find_thread(&tx, class, id).await?;
        if !teaches && (found.from.id != account || found.replies > 0) {
            return Err(Error::not_allowed("A thread that others answered is taken away only by who teaches."));
        }
        tx.execute("DELETE FROM board_threads WHERE id = $1", args![id]).await.map(|_| ())
    })
}

async fn find_thread(sql: &impl Sql, class: &str, id: &str) -> Result<Thread> {
    let text = format!("SELECT {THREAD} FROM {THREADS} WHERE t.id = $1 AND t.class_id = $2");
    let row = sql.row(&text, args![id, class]).await?;
    row.as_ref().map(thread).ok_or_else(|| missing("thread_not_found", "thread"))?
}

async fn find_reply(sql: &impl Sql, class: &Class, in_thread: &str, id: &str) -> Result<Reply> {
    let text = "SELECT r.id, r.account_id, a.name, r.text, r.at_ms, t.accepted_id FROM board_replies r \
        JOIN accounts a ON a.id = r.account_id JOIN board_threads t ON t.id = r.thread_id WHERE r.id = $1 AND r.thread_id = $2";
    let row = sql.row(text, args![id, in_thread]).await?;
    let teacher = class.instructor_id.as_deref();
    row.as_ref().map(|row| reply_of(row, teacher)).ok_or_else(|| missing("reply_not_found", "reply"))?
}

fn thread(row: &Row) -> Result<Thread> {
    Ok(Thread {
        id: row.text(0)?,
        from: person(row, 1)?,
        title: row.text(3)?,
        text: row.text(4)?,
        at_ms: row.count(5)?,
        minute_ms: row.count_or_null(6)?,
        replies: row.count(7)?,
        accepted: row.text_or_null(8)?.is_some(),
    })
}

fn reply_of(row: &Row, teacher: Option<&str>) -> Result<Reply> {
    let id = row.text(0)?;
    let from = person(row, 1)?;
    Ok(Reply {
        instructor: teacher == Some(from.id.as_str()),
        accepted: row.text_or_null(5)?.as_ref() == Some(&id),
        from,
        text: row.text(3)?,
        at_ms: row.count(4)?,
        id,
    })
}
