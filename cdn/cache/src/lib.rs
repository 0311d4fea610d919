//! Core: HTTP cache decisions without IO.
