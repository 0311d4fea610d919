//! A new class may be what somebody wished for.

use control_plane_classes::catalogue::{Class, Level};
use control_plane_classes::discover::{Wish, store};
use control_plane_classes::people::notifications::{self, Kind};
use control_plane_classes::{Database, Result, transaction};
use control_plane_discovery::{Index, demand};

use super::document;

/// Classes that are older than this when they are first seen are no news: this process has just started.
const NEWS_MS: u64 = 24 * 3600 * 1000;

/// Whether a class that is seen for the first time is news.
pub(super) fn is_new(class: &Class, now_ms: u64) -> bool {
    class.created_at_ms + NEWS_MS > now_ms
}

/// Whether a change may make it what somebody wished for.
pub(super) fn says_something_else(before: &Class, after: &Class) -> bool {
    let said = |class: &Class| {
        let Class { title, description, category, level, language, instructor_name, .. } = class.clone();
        (title, description, category, level, language, instructor_name)
    };
    said(before) != said(after)
}

/// Tells everybody whose wish one of these classes fulfils, each once, whatever number of control planes sees it.
pub(super) async fn tell(database: &Database, classes: &[Class]) -> Result<()> {
    let now_ms = control_plane_agent::unix_time_ms();
    let wishes = store::open_wishes(database).await?;
    let classes = classes.to_vec();
    // Up to 200,000 wishes: on a thread that has nothing else to do.
    let fulfilled = tokio::task::spawn_blocking(move || fulfilled(&classes, wishes)).await;
    for (account, wish, class) in fulfilled.unwrap_or_default() {
        note(database, &account, &wish, &class, now_ms).await?;
    }
    Ok(())
}

/// Account, its wish, and the class that fulfils it.
fn fulfilled(classes: &[Class], wishes: Vec<(String, Wish)>) -> Vec<(String, Wish, Class)> {
    let indexed = classes.iter().map(|class| {
        let mut index = Index::default();
        index.put(&class.id, document(class));
        (class, index)
    });
    let indexed: Vec<(&Class, Index)> = indexed.collect();
    let mut found = Vec::new();
    for (account, wish) in wishes {
        for (class, _) in indexed.iter().filter(|(class, index)| fulfils(index, class, &wish)) {
            found.push((account.clone(), wish.clone(), (*class).clone()));
        }
    }
    found
}

/// Every word of the subject is in the class, and nothing that was asked for speaks against it.
fn fulfils(index: &Index, class: &Class, wish: &Wish) -> bool {
    let level = match class.level {
        Level::Beginner => "beginner",
        Level::Intermediate => "intermediate",
        Level::Advanced => "advanced",
        Level::Any => "any",
    };
    let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == "any" || is == "any" || wanted == is;
    let subject = demand::subject(&wish.text);
    let is_found = |word: &str| !index.search(word, 1, |_| true).is_empty();
    !subject.is_empty()
        && subject.split(' ').all(is_found)
        && fits(&wish.category, &class.category)
        && fits(&wish.language, &class.language)
        && fits(&wish.level, level)
}

async fn note(database: &Database, account: &str, wish: &Wish, class: &Class, now_ms: u64) -> Result<()> {
    if class.instructor_id.as_deref() == Some(account) {
        return Ok(());
    }
    let ko = format!("바라시던 수업이 열렸어요: {} (‘{}’)", class.title, wish.text);
    let en = format!("A class you wished for is here: {} (“{}”)", class.title, wish.text);
    transaction!(database, tx => {
        if store::note_match(&tx, &wish.id, &class.id, now_ms).await? {
            notifications::tell(&tx, account, Kind::Wish, Some(&class.id), (&ko, &en), now_ms).await?;
        }
        Ok(())
    })
}
