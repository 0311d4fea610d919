//! The categories: a fixed list, so that a student finds what an instructor files.

use serde::Serialize;

use crate::{Error, Result};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Category {
    /// As it is kept.
    pub id: &'static str,
    /// 한국어.
    pub ko: &'static str,
    /// English.
    pub en: &'static str,
}

const fn category(id: &'static str, ko: &'static str, en: &'static str) -> Category {
    Category { id, ko, en }
}

/// All of them, in the order pages show them. Ids are never taken out: classes have them.
pub const ALL: &[Category] = &[
    category("calligraphy", "서예", "Calligraphy"),
    category("flowers", "꽃꽂이", "Flower arranging"),
    category("pole-dance", "폴댄스", "Pole dance"),
    category("dance", "춤", "Dance"),
    category("fitness", "운동", "Fitness"),
    category("yoga", "요가", "Yoga"),
    category("music", "음악", "Music"),
    category("drawing", "그림", "Drawing"),
    category("crafts", "공예", "Crafts"),
    category("cooking", "요리", "Cooking"),
    category("gardening", "원예와 농사", "Gardening and farming"),
    category("languages", "외국어", "Languages"),
    category("korean", "한국어", "Korean"),
    category("maths", "수학", "Maths"),
    category("science", "과학", "Science"),
    category("coding", "코딩", "Coding"),
    category("history", "역사", "History"),
    category("writing", "글쓰기", "Writing"),
    category("photography", "사진", "Photography"),
    category("business", "일과 창업", "Work and business"),
    category("care", "돌봄과 건강", "Care and health"),
    category("other", "그 밖에", "Other"),
];

/// What a class is filed under when nobody says.
pub const OTHER: &str = "other";

/// # Errors
/// There is no such category.
pub fn check(id: &str) -> Result<()> {
    if ALL.iter().any(|category| category.id == id) {
        return Ok(());
    }
    Err(Error::rule("bad_category", "There is no such category. GET /v1/categories lists them."))
}
