//! The school on SQLite and on a real PostgreSQL: every test runs on both.

mod afterwards;
mod backup;
mod batch;
mod both;
mod catalogue;
mod classroom;
mod database;
mod discover;
mod erased;
mod facts;
mod lapse;
mod people;
mod slides;
