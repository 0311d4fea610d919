//! Seodang.
