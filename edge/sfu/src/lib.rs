//! Core: the media state of one shard, without IO.
