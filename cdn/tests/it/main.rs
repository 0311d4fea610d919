//! The node as its clients and its origin see it: a real node on loopback, an origin each test answers by hand.
//! Nothing here waits for time to pass: an `Age` header makes a response old at once.

mod abort;
mod bad_input;
mod collapse;
mod drain;
mod freshness;
mod limits;
mod node;
mod origin;
mod range;
mod world;
