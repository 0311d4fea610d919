//! The one binary: every role, and the whole house on one machine.
//!
//! ```text
//!   main -> cli -> role  one node: configuration, identity, bind, run
//!               -> dev   all nodes of three regions in this process, over one embedded store
//! ```

pub mod cli;
pub mod dev;
mod drain;
pub mod ready;
pub mod role;
