//! What to take next, what is asked for, and wishes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use control_plane_agent::proxy::household;
use control_plane_classes::catalogue::class::State as ClassState;
use control_plane_classes::catalogue::list::{Filter, LIMIT_MAX, When};
use control_plane_classes::catalogue::{Class, categories};
use control_plane_classes::discover::{NewWish, Wish, store};
use control_plane_classes::people::Role;
use control_plane_discovery::{Person, Reason, demand};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::actor::{Actor, Writer, not_allowed, not_signed_in};
use super::answer::{Body, Query, Refusal};
use super::catalogue::card::{Card, cards};
use super::page::Page;
use super::{App, Route};
use crate::discovery::acts;

const RECOMMENDATIONS_DEFAULT: usize = 6;
const RECOMMENDATIONS_MAX: usize = 24;
const SUGGESTIONS_MAX: usize = 8;
/// Longest text that is searched for, in characters; the rest says nothing more.
pub(crate) const QUERY_CHARACTERS_MAX: usize = 100;
/// Classes a search finds at most: twelve pages, further than anybody reads.
const FOUND_MAX: usize = 300;
/// Shorter texts are letters on the way to a word, and nobody's wish.
const SEARCH_CHARACTERS_MIN: usize = 2;
const WEEKS_DEFAULT: u32 = 8;
const WEEKS_MAX: u32 = 26;
const WEEK_MS: u64 = 7 * 24 * 3600 * 1000;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        ("/v1/recommendations", get(recommendations)),
        ("/v1/search/suggest", get(suggest)),
        ("/v1/wishes", post(wish)),
        ("/v1/wishes/{wish}", delete(take_back)),
        ("/v1/me/wishes", get(wishes)),
        ("/v1/demand", get(demanded)),
    ]
}

/// One line in both languages.
#[derive(Debug, Serialize)]
struct Words {
    ko: String,
    en: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Recommended {
    class: Card,
    reason: Words,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    limit: Option<usize>,
}

/// For nobody in particular: what many take.
pub(crate) async fn recommendations(
    State(app): State<App>,
    actor: Actor,
    Query(Limit { limit }): Query<Limit>,
) -> Result<Json<Page<Recommended>>, Refusal> {
    let person = match actor.account() {
        Some(account) => acts::person(&app.database, account).await?,
        None => Person::default(),
    };
    let limit = limit.unwrap_or(RECOMMENDATIONS_DEFAULT).min(RECOMMENDATIONS_MAX);
    let own = |id: &str| {
        app.discovery.class(id).is_some_and(|class| actor.account().is_some() && actor.teaches(&class))
    };
    // A few more than asked for: what one teaches oneself is no recommendation.
    let mut found = app.discovery.recommend(&person, limit * 2 + 4);
    found.retain(|recommended| !own(&recommended.id));
    found.truncate(limit);
    let classes = found.iter().filter_map(|recommended| app.discovery.class(&recommended.id)).collect();
    let bodies = cards(&app, &actor, classes).await?;
    let mut reasons: BTreeMap<String, Words> =
        found.iter().map(|recommended| (recommended.id.clone(), words(&app, &recommended.reason))).collect();
    let items = bodies.into_iter().filter_map(|class| {
        let reason = reasons.remove(&class.id)?;
        Some(Recommended { class, reason })
    });
    Ok(Json(Page { items: items.collect(), next: None }))
}

fn words(app: &App, reason: &Reason) -> Words {
    let title = |id: &str| app.discovery.class(id).map(|class| class.title).unwrap_or_default();
    let (ko, en) = match reason {
        Reason::TakenTogether { item } => {
            let title = title(item);
            (
                format!("‘{title}’ 수업을 들은 분들이 함께 들었어요"),
                format!("Others who took “{title}” took this too"),
            )
        }
        Reason::LikeOne { item } => {
            let title = title(item);
            (format!("‘{title}’ 수업과 비슷해요"), format!("Similar to “{title}”"))
        }
        Reason::SameInstructor { item } => {
            let title = title(item);
            (format!("‘{title}’ 선생님의 다른 수업이에요"), format!("By the instructor of “{title}”"))
        }
        Reason::Interest { category } => {
            let name = categories::ALL.iter().find(|known| known.id == category);
            let (ko, en) = name.map_or((category.as_str(), category.as_str()), |name| (name.ko, name.en));
            (format!("관심 분야로 고른 ‘{ko}’ 수업이에요"), format!("You are interested in {en}"))
        }
        Reason::Searched { text } => {
            (format!("‘{text}’ 검색과 맞아요"), format!("You searched for “{text}”"))
        }
        Reason::New => ("새로 열린 수업이에요".to_owned(), "New here".to_owned()),
        Reason::Popular => ("많은 분들이 듣고 있어요".to_owned(), "Many people take this".to_owned()),
    };
    Words { ko, en }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    q: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Suggestion {
    text: String,
    kind: &'static str,
}

/// While somebody types: categories, instructors, titles.
pub(crate) async fn suggest(
    State(app): State<App>,
    Query(Typed { q }): Query<Typed>,
) -> Result<Json<Page<Suggestion>>, Refusal> {
    let typed = searched(&q)?;
    let letters = |text: &str| {
        control_plane_discovery::hangul::letters(&control_plane_discovery::text::normalise(text))
    };
    let start = letters(typed);
    let mut items = Vec::new();
    if start.is_empty() {
        return Ok(Json(Page { items, next: None }));
    }
    let mut add = |text: &str, kind| {
        let suggestion = Suggestion { text: text.to_owned(), kind };
        if items.len() < SUGGESTIONS_MAX && !items.contains(&suggestion) {
            items.push(suggestion);
        }
    };
    for category in categories::ALL {
        for name in [category.ko, category.en].into_iter().filter(|name| letters(name).starts_with(&start)) {
            add(name, "category");
        }
    }
    let found = app.discovery.search(typed, SUGGESTIONS_MAX * 2, |_| true);
    for class in found.iter().filter_map(|id| app.discovery.class(id)) {
        if letters(&class.instructor_name).starts_with(&start) {
            add(&class.instructor_name, "instructor");
        }
        add(&class.title, "class");
    }
    Ok(Json(Page { items, next: None }))
}

/// Classes for a text, best first, a page of them. `filter` has what else is asked; its text is not looked at.
pub(crate) async fn found(
    app: &App,
    (actor, address): (&Actor, IpAddr),
    filter: &Filter,
    text: &str,
    (offset, limit): (usize, usize),
) -> Result<Page<Card>, Refusal> {
    let text = searched(text)?;
    let level = |class: &Class| serde_json::to_value(class.level).ok();
    let fits = |class: &Class| {
        filter.category.as_ref().is_none_or(|category| *category == class.category)
            && filter.level.as_ref().is_none_or(|wanted| level(class).is_some_and(|level| level == *wanted))
            && filter.language.as_ref().is_none_or(|language| *language == class.language)
            && filter.ids.as_ref().is_none_or(|ids| ids.contains(&class.id))
            && !filter.not.contains(&class.id)
            && match filter.when {
                Some(When::Upcoming) => {
                    class.state(false, control_plane_agent::unix_time_ms()) == ClassState::Upcoming
                }
                Some(When::Replay) => class.replay_at_ms.is_some(),
                Some(When::Live) | None => true,
            }
    };
    let ids = app.discovery.search(text, FOUND_MAX, fits);
    if offset == 0 && text.chars().count() >= SEARCH_CHARACTERS_MIN {
        note(app, (actor, address), filter, text, ids.len()).await;
    }
    let limit = limit.clamp(1, LIMIT_MAX);
    let next = (offset + limit < ids.len()).then(|| format!("{}~q", offset + limit));
    let page = ids.iter().skip(offset).take(limit).filter_map(|id| app.discovery.class(id)).collect();
    Ok(Page { items: cards(app, actor, page).await?, next })
}

/// Keeps in mind that somebody opened the class's page. The answer does not hang on it.
pub(crate) async fn note_look(app: &App, actor: &Actor, class: &Class) {
    let Actor::Account(account, _) = actor else { return };
    if actor.teaches(class) {
        return;
    }
    let now_ms = control_plane_agent::unix_time_ms();
    if let Err(error) = store::note_look(&app.database, &account.id, &class.id, now_ms).await {
        tracing::debug!(%error, "a look is not counted");
    }
}

/// Keeps the search for the demand board, of one person only so many. The answer does not hang on it.
async fn note(app: &App, (actor, address): (&Actor, IpAddr), filter: &Filter, text: &str, found: usize) {
    let account = actor.account();
    let who = account.map_or_else(|| household(address).to_string(), |account| account.id.clone());
    if app.notes.take(who, Instant::now()).is_err() {
        return;
    }
    let region = account.and_then(|account| account.region.as_deref()).unwrap_or_default();
    let place = (region, filter.category.as_deref().unwrap_or_default());
    let (account, now_ms) = (account.map(|account| account.id.as_str()), control_plane_agent::unix_time_ms());
    if let Err(error) = store::note_search(&app.database, account, text, place, found as u64, now_ms).await {
        tracing::debug!(%error, "a search is not counted");
    }
}

/// The text without what surrounds it.
pub(crate) fn searched(text: &str) -> Result<&str, Refusal> {
    let text = text.trim();
    if text.chars().count() > QUERY_CHARACTERS_MAX {
        return Err(Refusal::bad_request(format_args!(
            "q has up to {QUERY_CHARACTERS_MAX} characters. Search for less."
        )));
    }
    Ok(text)
}

pub(crate) async fn wish(
    State(app): State<App>,
    Writer(actor): Writer,
    Body(new): Body<NewWish>,
) -> Result<(StatusCode, Json<Wish>), Refusal> {
    let account = actor.signed_in()?;
    let mut new = new.checked()?;
    if !new.category.is_empty() {
        categories::check(&new.category)?;
    }
    if new.region.is_empty() {
        new.region = account.region.clone().unwrap_or_default();
    }
    let now_ms = control_plane_agent::unix_time_ms();
    let wish = store::add_wish(&app.database, &account.id, &new, now_ms).await?;
    Ok((StatusCode::CREATED, Json(wish)))
}

pub(crate) async fn wishes(State(app): State<App>, actor: Actor) -> Result<Json<Page<Wish>>, Refusal> {
    let items = store::wishes_of(&app.database, &actor.signed_in()?.id).await?;
    Ok(Json(Page { items, next: None }))
}

pub(crate) async fn take_back(
    State(app): State<App>,
    Writer(actor): Writer,
    Path(wish): Path<String>,
) -> Result<StatusCode, Refusal> {
    if store::remove_wish(&app.database, &actor.signed_in()?.id, &wish).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(control_plane_classes::Error::not_found("wish").into())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DemandQuery {
    category: Option<String>,
    region: Option<String>,
    weeks: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Demand {
    wishes: Vec<WishedFor>,
    searches: Vec<SearchedFor>,
    categories: Vec<CategoryDemand>,
}

#[derive(Debug, Serialize)]
struct WishedFor {
    topic: String,
    n: u32,
    regions: BTreeMap<String, u32>,
    levels: BTreeMap<String, u32>,
    times: BTreeMap<String, u32>,
    weekly: Vec<u32>,
}

#[derive(Debug, Serialize)]
struct SearchedFor {
    text: String,
    n: u32,
    found: u32,
    weekly: Vec<u32>,
}

#[derive(Debug, Serialize)]
struct CategoryDemand {
    id: &'static str,
    wishes: u64,
    searches: u64,
    classes: u64,
}

/// For those who teach.
pub(crate) async fn demanded(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<DemandQuery>,
) -> Result<Json<Demand>, Refusal> {
    match actor.account() {
        _ if actor.is_admin() => {}
        Some(account) if account.role >= Role::Instructor => {}
        Some(_) => return Err(not_allowed("Only instructors see what is asked for.")),
        None => return Err(not_signed_in()),
    }
    let weeks = query.weeks.unwrap_or(WEEKS_DEFAULT);
    if weeks == 0 || weeks > WEEKS_MAX {
        return Err(Refusal::bad_request(format_args!("weeks is 1 to {WEEKS_MAX}")));
    }
    let now_ms = control_plane_agent::unix_time_ms();
    let since_ms = now_ms.saturating_sub(u64::from(weeks) * WEEK_MS);
    let fits = |asked: &demand::Asked| {
        query.category.as_ref().is_none_or(|category| *category == asked.category)
            && query.region.as_ref().is_none_or(|region| *region == asked.region)
    };
    let wishes: Vec<demand::Asked> =
        store::wishes_since(&app.database, since_ms).await?.into_iter().map(asked).collect();
    let searches: Vec<demand::Asked> =
        store::vain_searches(&app.database, since_ms).await?.into_iter().map(asked).collect();
    let categories = categories_asked(&app, &wishes, since_ms).await?;
    let topics = demand::topics(wishes.iter().filter(|asked| fits(asked)), weeks, now_ms);
    let texts = demand::topics(searches.iter().filter(|asked| fits(asked)), weeks, now_ms);
    let wished = |topic: demand::Topic| WishedFor {
        topic: topic.text,
        n: topic.n,
        regions: topic.regions,
        levels: topic.levels,
        times: topic.times,
        weekly: topic.weekly,
    };
    let searched =
        |topic: demand::Topic| SearchedFor { text: topic.text, n: topic.n, found: 0, weekly: topic.weekly };
    Ok(Json(Demand {
        wishes: topics.into_iter().map(wished).collect(),
        searches: texts.into_iter().map(searched).collect(),
        categories,
    }))
}

async fn categories_asked(
    app: &App,
    wishes: &[demand::Asked],
    since_ms: u64,
) -> Result<Vec<CategoryDemand>, Refusal> {
    let searched: BTreeMap<String, u64> =
        store::searches_by_category(&app.database, since_ms).await?.into_iter().collect();
    let classes = app.discovery.count_by_category();
    let of = |id: &'static str| CategoryDemand {
        id,
        wishes: wishes.iter().filter(|wish| wish.category == id).count() as u64,
        searches: searched.get(id).copied().unwrap_or(0),
        classes: classes.get(id).copied().unwrap_or(0),
    };
    Ok(categories::ALL.iter().map(|category| of(category.id)).collect())
}

fn asked(asked: store::Asked) -> demand::Asked {
    let store::Asked { person, text, category, region, level, times, at_ms } = asked;
    demand::Asked { person, text, category, region, level, times, at_ms }
}
