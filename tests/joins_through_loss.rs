//! Joining through a bad network: everybody gets in, though one packet in ten is lost each way and whole flights of the
//! handshake are.

mod support;

use std::sync::Arc;
use std::time::Duration;

use load::{ClientConfig, Faults, Percentiles};
use support::house::{House, JEJU, connect};
use support::say;
use tokio::sync::Semaphore;

const JOINS: u64 = 200;
const AT_ONCE: usize = 16;
const LOSS: f64 = 0.1;
const CONNECTED_WITHIN_MS: f64 = 30_000.0;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_joins_through_ten_per_cent_loss_all_connect() -> anyhow::Result<()> {
    let house = Arc::new(House::open().await?);
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let joins: Vec<_> = (0..JOINS)
        .map(|number| {
            let (house, gate) = (Arc::clone(&house), Arc::clone(&gate));
            tokio::spawn(async move {
                let _turn = gate.acquire().await?;
                let faults = Some(Faults::loss(LOSS, number));
                let region = number as usize % house.ready.edges.len();
                let config = house.client(region, "class", &format!("student-{number}"));
                let client = connect(ClientConfig { faults, ..config }).await?;
                let took_ms = client.began().elapsed().as_secs_f64() * 1_000.0;
                let dropped = client.impairment().map_or(0, |relay| relay.dropped());
                client.leave().await;
                anyhow::Ok((took_ms, dropped))
            })
        })
        .collect();
    let (mut times, mut dropped, mut failed) = (Vec::new(), 0, Vec::new());
    for join in joins {
        match join.await? {
            Ok((took_ms, lost)) => {
                times.push(took_ms);
                dropped += lost;
            }
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    let within = times.iter().filter(|time| **time <= CONNECTED_WITHIN_MS).count();
    let slow = times.iter().filter(|time| **time > 1_000.0).count();
    let figures = Percentiles::of(times);
    say(&format!(
        "{within} of {JOINS} joins through {dropped} lost packets: {figures}; {slow} took over 1 s"
    ));
    assert!(failed.is_empty(), "{} did not connect: {}", failed.len(), failed.join("; "));
    assert_eq!(within as u64, JOINS);
    assert!(dropped > JOINS, "the loss was none");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_server_hello_flight_is_sent_again() -> anyhow::Result<()> {
    let house = House::open().await?;
    for flights in [1, 2] {
        let faults = Faults { server_hellos_lost: flights, ..Faults::default() };
        let client = house.join_through(JEJU, "class", &format!("student-{flights}"), faults).await?;
        let took = client.began().elapsed();
        let lost = client.impairment().map_or(0, |relay| relay.flights_dropped());
        say(&format!("connected in {} ms though {lost} flights were lost", took.as_millis()));
        assert_eq!(lost, u64::from(flights));
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    Ok(())
}
