//! Core: which edge a user goes to, as pure functions over a view.
