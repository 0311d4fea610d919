//! What people did, for the recommender.

use std::sync::Arc;

use control_plane_classes::catalogue::{Class, Level};
use control_plane_classes::discover::store;
use control_plane_classes::people::Account;
use control_plane_classes::{Database, Result};
use control_plane_discovery::recommend::ACTS_PER_PERSON_MAX;
use control_plane_discovery::{Act, Item, Person, Recommender, Taken};

use super::Discovery;

/// Acts that are learnt from: the latest. A school of 20,000 makes some hundred thousand in a year.
const ACTS_MAX: usize = 500_000;

/// Learns from what everybody did.
pub(super) async fn rebuild(discovery: &Discovery, database: &Database) -> Result<()> {
    let acts: Vec<Taken> = store::acts(database, None, ACTS_MAX)
        .await?
        .into_iter()
        .filter_map(|did| {
            let act = act(&did.act)?;
            Some(Taken { person: did.account, item: did.class, act, at: did.at_ms })
        })
        .collect();
    let now_ms = control_plane_agent::unix_time_ms();
    let items: Vec<Item> = discovery.found.read().classes.values().map(|class| item(class, now_ms)).collect();
    let built = tokio::task::spawn_blocking(move || Recommender::build(items, &acts)).await;
    if let Ok(built) = built {
        *discovery.recommender.write() = Arc::new(built);
    }
    Ok(())
}

/// What is known of somebody who asks.
pub(crate) async fn person(database: &Database, account: &Account) -> Result<Person> {
    let did = store::acts(database, Some(&account.id), ACTS_PER_PERSON_MAX).await?;
    let acts = did.into_iter().filter_map(|did| Some((did.class, act(&did.act)?))).collect();
    let searches = store::searches_of(database, &account.id).await?;
    Ok(Person { acts, interests: account.interests.clone(), searches, language: String::new() })
}

fn act(word: &str) -> Option<Act> {
    Some(match word {
        "enrolled" => Act::Took,
        "liked" => Act::Liked,
        "watched" => Act::Watched,
        "looked" => Act::Looked,
        _ => return None,
    })
}

fn item(class: &Class, now_ms: u64) -> Item {
    let level = match class.level {
        Level::Beginner => "beginner",
        Level::Intermediate => "intermediate",
        Level::Advanced => "advanced",
        Level::Any => "any",
    };
    let is_over = class.live_at_ms.is_some()
        || class.starts_at_ms.is_some_and(|start| start + u64::from(class.duration_min) * 60_000 < now_ms);
    Item {
        id: class.id.clone(),
        title: class.title.clone(),
        category: class.category.clone(),
        level: level.to_owned(),
        language: class.language.clone(),
        instructor: class.instructor_id.clone().unwrap_or_else(|| class.instructor_name.clone()),
        open: !class.locked && (!is_over || class.replay_at_ms.is_some()),
    }
}
