//! The school on SQLite and on a real PostgreSQL: every test runs on both.

mod both;
mod database;
mod discover;
mod facts;
