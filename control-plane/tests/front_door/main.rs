//! The public listener, as a browser and an operator meet it.

mod fleet;
mod joins;
mod town;
