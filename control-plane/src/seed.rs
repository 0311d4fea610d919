//! What a development house begins with: a few people and classes, so that its pages are not empty.

use std::sync::atomic::AtomicU64;

use control_plane_agent::unix_time_ms;
use control_plane_classes::catalogue::class::NewClass;
use control_plane_classes::catalogue::{Class, edit, enrolment};
use control_plane_classes::people::accounts::{self, Made};
use control_plane_classes::people::{Locale, Role, password};
use control_plane_classes::{Database, Sql as _, args};
use serde_json::json;

/// Of everybody in a development house.
pub const PASSWORD: &str = "seodang-dev";
/// Mail address, name, role, language.
pub const PEOPLE: [(&str, &str, Role, Locale); 4] = [
    ("teacher@example.org", "김선생", Role::Instructor, Locale::Ko),
    ("minji@example.org", "민지", Role::Student, Locale::Ko),
    ("sora@example.org", "Sora", Role::Student, Locale::En),
    ("admin@example.org", "관리자", Role::Admin, Locale::Ko),
];
const HOUR_MS: u64 = 3_600_000;

/// Fills an empty school. `false`: it has people already.
///
/// # Errors
/// The database is away.
pub(crate) async fn seed(database: &Database) -> anyhow::Result<bool> {
    if database.row("SELECT 1 FROM accounts LIMIT 1", args![]).await?.is_some() {
        return Ok(false);
    }
    let now_ms = unix_time_ms();
    let hash = tokio::task::spawn_blocking(|| password::hash(PASSWORD, &AtomicU64::new(0))).await?;
    let mut ids = Vec::new();
    for (email, name, role, locale) in PEOPLE {
        let made = Made { email: Some(email), name, role, locale, password_hash: Some(&hash) };
        ids.push(accounts::make(database, &made, now_ms).await?.id);
    }
    let next_hour = (now_ms / HOUR_MS + 1) * HOUR_MS;
    let classes = [
        (
            "calligraphy-dev",
            json!({"title": "붓글씨 첫걸음", "category": "calligraphy", "level": "beginner", "recorded": true,
            "description": "먹을 갈고 붓을 잡는 법부터 시작합니다.", "starts_at_ms": next_hour, "capacity": 20}),
        ),
        (
            "flowers-dev",
            json!({"title": "저녁 꽃꽂이", "category": "flowers", "starts_at_ms": next_hour + 24 * HOUR_MS, "recorded": true}),
        ),
        (
            "pole-dance-dev",
            json!({"title": "아침 폴댄스", "category": "pole-dance", "level": "intermediate", "starts_at_ms": next_hour + 48 * HOUR_MS, "capacity": 8}),
        ),
        (
            "coding-dev",
            json!({"title": "Coding for everybody", "category": "coding", "language": "en", "level": "beginner", "recorded": true}),
        ),
        (
            "maths-dev",
            json!({"title": "중학 수학: 함수", "category": "maths", "starts_at_ms": next_hour + 72 * HOUR_MS}),
        ),
    ];
    for (id, class) in classes {
        let new: NewClass = serde_json::from_value(class)?;
        let class = Class { instructor_id: Some(ids[0].clone()), ..new.checked(id.to_owned(), now_ms)? };
        edit::create(database, &class).await?;
    }
    enrolment::enrol(database, "calligraphy-dev", &ids[1], now_ms).await?;
    Ok(true)
}
