//! Rooms of one to three edges, driven in memory: clients that offer as browsers do, links that are queues, one virtual time.

mod cascade;
mod client;
mod data;
mod facts;
mod garbage;
mod handover;
mod media;
mod moderation;
mod negotiation;
mod people;
mod recording;
mod roster;
mod subscriptions;
mod tree;
mod world;
