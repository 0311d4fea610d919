//! Shell of the origin: QUIC ingest, durable store, HTTP.
