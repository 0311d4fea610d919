//! The classroom over HTTP: words into the room, controls, who may do what, and input that is refused.

#[path = "../support/both.rs"]
mod both;

mod again;
mod input;
mod rights;
mod school;
mod slides;
mod words;
