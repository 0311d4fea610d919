//! Lists of classes: filters, pages, and the figures beside each class.

use std::collections::BTreeMap;

use super::class::{Class, DURATION_MIN_MAX};
use super::enrolment::{Enrolment, Standing};
use super::store::{COLUMNS, TABLES, class};
use crate::database::placeholders;
use crate::{Result, Sql, Value, args};

/// Classes on a page, when nobody says.
pub const LIMIT_DEFAULT: usize = 24;
/// Classes on a page at most.
pub const LIMIT_MAX: usize = 100;

/// Which part of the day's programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Still to come, the next one first; those without a start last.
    Upcoming,
    /// One of the ids.
    Live,
    /// With something to replay, newest first.
    Replay,
}

/// What is looked for; everything that is `None` fits all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In title, description or the instructor's name.
    pub text: Option<String>,
    /// Category id.
    pub category: Option<String>,
    /// Level.
    pub level: Option<String>,
    /// `ko` or `en`.
    pub language: Option<String>,
    /// Which part.
    pub when: Option<When>,
    /// Taught by this account.
    pub taught_by: Option<String>,
    /// This account has a place (`enrolled`) or waits (`waiting`).
    pub taken: Option<(String, String)>,
    /// This account teaches it, has a place or waits.
    pub mine: Option<String>,
    /// Only these (for [`When::Live`], and for what a search found).
    pub ids: Option<Vec<String>>,
    /// Not these: they are live, and so not upcoming.
    pub not: Vec<String>,
}

/// Where a page ends: what the list is ordered by, and the id.
pub type After = (i64, String);

/// A page of classes and where the next one begins, if there is one.
///
/// # Errors
/// The database is away.
pub async fn list(
    sql: &impl Sql,
    filter: &Filter,
    after: Option<&After>,
    limit: usize,
    now_ms: u64,
) -> Result<(Vec<Class>, Option<After>)> {
    if filter.ids.as_ref().is_some_and(Vec::is_empty) {
        return Ok((Vec::new(), None));
    }
    let limit = limit.clamp(1, LIMIT_MAX);
    let (key, descending) = match filter.when {
        Some(When::Upcoming) => (TO_COME, false),
        Some(When::Replay) => ("COALESCE(c.replay_at_ms, 0)", true),
        Some(When::Live) | None => ("c.created_at_ms", true),
    };
    let mut conditions = Conditions::default();
    conditions.filter(filter, now_ms);
    if let Some((value, id)) = after {
        let sign = if descending { "<" } else { ">" };
        let (value, id) = (conditions.value(*value), conditions.value(id));
        // The first condition is implied by the second; engines find the place in an index by it.
        conditions
            .texts
            .push(format!("{key} {sign}= {value} AND ({key} {sign} {value} OR c.id {sign} {id})"));
    }
    let direction = if descending { "DESC" } else { "ASC" };
    let many = conditions.value(limit + 1);
    let texts = if conditions.texts.is_empty() { "1 = 1".to_owned() } else { conditions.texts.join(" AND ") };
    let text = format!(
        "SELECT {COLUMNS}, {key} FROM {TABLES} WHERE {texts} ORDER BY {key} {direction}, c.id {direction} LIMIT {many}"
    );
    let rows = sql.rows(&text, conditions.values).await?;
    let more = rows.len() > limit;
    let last = rows.get(limit.saturating_sub(1)).filter(|_| more);
    let next = last.map(|row| Ok::<_, crate::Error>((row.int(COLUMN_COUNT)?, row.text(0)?))).transpose()?;
    let classes = rows.iter().take(limit).map(class).collect::<Result<_>>()?;
    Ok((classes, next))
}

/// Order of what is to come, as an index has it: without a start last.
const TO_COME: &str = "COALESCE(c.starts_at_ms, 9000000000000000)";
/// Of [`COLUMNS`].
const COLUMN_COUNT: usize = 18;

#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// The value's placeholder.
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn filter(&mut self, filter: &Filter, now_ms: u64) {
        for (column, wanted) in [
            ("c.category", &filter.category),
            ("c.level", &filter.level),
            ("c.language", &filter.language),
            ("c.instructor_id", &filter.taught_by),
        ] {
            if let Some(wanted) = wanted {
                let wanted = self.value(wanted);
                self.texts.push(format!("{column} = {wanted}"));
            }
        }
        let places = "SELECT 1 FROM enrolments e WHERE e.class_id = c.id AND e.account_id =";
        if let Some((account, state)) = &filter.taken {
            let (account, state) = (self.value(account), self.value(state));
            self.texts.push(format!("EXISTS ({places} {account} AND e.state = {state})"));
        }
        if let Some(account) = &filter.mine {
            let account = self.value(account);
            self.texts.push(format!("(c.instructor_id = {account} OR EXISTS ({places} {account}))"));
        }
        if let Some(text) = &filter.text {
            let like = self.value(format!("%{}%", escaped(&text.to_lowercase())));
            let fields = ["c.title", "c.description", "COALESCE(a.name, c.instructor_name)"];
            let any = fields.map(|field| format!("LOWER({field}) LIKE {like} ESCAPE '!'")).join(" OR ");
            self.texts.push(format!("({any})"));
        }
        self.ids(filter);
        match filter.when {
            Some(When::Upcoming) => {
                let now = self.value(now_ms);
                // No class is longer than a day: what began before is over, and the index need not be read from there.
                let begun = self.value(now_ms.saturating_sub(u64::from(DURATION_MIN_MAX) * 60_000));
                self.texts.push(format!("{TO_COME} > {begun}"));
                self.texts.push(format!(
                    "((c.starts_at_ms IS NULL AND c.live_at_ms IS NULL AND c.replay_at_ms IS NULL) \
                     OR c.starts_at_ms + c.duration_min * 60000 > {now})"
                ));
            }
            Some(When::Replay) => self.texts.push("c.replay_at_ms IS NOT NULL".to_owned()),
            Some(When::Live) | None => {}
        }
    }

    fn ids(&mut self, filter: &Filter) {
        for (ids, word) in [(filter.ids.as_deref().unwrap_or_default(), "IN"), (&filter.not, "NOT IN")] {
            if !ids.is_empty() {
                let names = placeholders(self.values.len() + 1, ids.len());
                self.values.extend(ids.iter().map(Value::from));
                self.texts.push(format!("c.id {word} ({names})"));
            }
        }
    }
}

/// Text for `LIKE … ESCAPE '!'` that stands for itself.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

/// Figures beside a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Who has a place.
    pub enrolled: u64,
    /// Who waits for one.
    pub waiting: u64,
    /// Who likes it.
    pub likes: u64,
    /// How the account that asks stands with it.
    pub standing: Standing,
    /// Whether it likes it.
    pub liked: bool,
}

/// Figures of classes, by id.
///
/// # Errors
/// The database is away.
pub async fn figures(
    sql: &impl Sql,
    classes: &[Class],
    account: Option<&str>,
) -> Result<BTreeMap<String, Figures>> {
    let mut figures: BTreeMap<String, Figures> =
        classes.iter().map(|class| (class.id.clone(), Figures::default())).collect();
    if classes.is_empty() {
        return Ok(figures);
    }
    let ids: Vec<Value> = classes.iter().map(|class| Value::from(&class.id)).collect();
    let names = placeholders(1, ids.len());
    let text = format!(
        "SELECT class_id, state, COUNT(*) FROM enrolments WHERE class_id IN ({names}) GROUP BY class_id, state"
    );
    for row in sql.rows(&text, ids.clone()).await? {
        let Some(of) = figures.get_mut(&row.text(0)?) else { continue };
        if row.text(1)? == "enrolled" { of.enrolled = row.count(2)? } else { of.waiting = row.count(2)? }
    }
    let text = format!("SELECT class_id, COUNT(*) FROM likes WHERE class_id IN ({names}) GROUP BY class_id");
    for row in sql.rows(&text, ids.clone()).await? {
        if let Some(of) = figures.get_mut(&row.text(0)?) {
            of.likes = row.count(1)?;
        }
    }
    if let Some(account) = account {
        mine(sql, &mut figures, ids, account).await?;
    }
    Ok(figures)
}

async fn mine(
    sql: &impl Sql,
    figures: &mut BTreeMap<String, Figures>,
    ids: Vec<Value>,
    account: &str,
) -> Result<()> {
    let names = placeholders(2, ids.len());
    let values: Vec<Value> = args![account].into_iter().chain(ids).collect();
    let text = format!("SELECT class_id FROM likes WHERE account_id = $1 AND class_id IN ({names})");
    for row in sql.rows(&text, values.clone()).await? {
        if let Some(of) = figures.get_mut(&row.text(0)?) {
            of.liked = true;
        }
    }
    let text =
        format!("SELECT class_id, state FROM enrolments WHERE account_id = $1 AND class_id IN ({names})");
    for row in sql.rows(&text, values).await? {
        let class = row.text(0)?;
        let standing = match row.text(1)?.as_str() {
            "enrolled" => Standing { enrolment: Enrolment::Enrolled, position: None },
            _ => super::enrolment::standing(sql, &class, account).await?,
        };
        if let Some(of) = figures.get_mut(&class) {
            of.standing = standing;
        }
    }
    Ok(())
}
