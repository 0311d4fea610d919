//! Shell of the CDN node: HTTP in, cache, HTTP to the parent node or the origin.
//!
//! It knows HTTP and no media, and shares no code with the origin. Every decision about caching is made by the
//! core, `cdn-cache`; here are sockets, tasks, memory and metrics. README.md tells the life of a request.
//!
//! ```text
//! listen --> serve --> store (foyer, S3-FIFO) --hit--> body --> client
//!              |--miss--> flight (one fetch, many readers) <-- fetch <-- upstream
//!              '--other methods, too large--> pass ---------------------> upstream
//! ```

mod body;
mod config;
mod drain;
mod fetch;
mod flight;
mod listen;
mod metrics;
mod node;
mod pass;
mod refuse;
mod serve;
mod stall;
mod store;
mod tls;
mod upstream;

pub use config::{Config, Limits, Timeouts, Tls};
pub use drain::Drain;
pub use node::{Addrs, Cdn};
