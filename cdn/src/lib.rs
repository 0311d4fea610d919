//! Shell of the CDN node: HTTP in, cache, HTTP to the origin.
