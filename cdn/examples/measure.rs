//! CPU the node spends per cache hit: `cargo run --release -p cdn --example measure`. A node runs as a process of
//! its own, so that only its CPU time counts; an origin and keep-alive clients run here. Figures are CPU time of
//! the node as the kernel accounts it (10 ms steps), over everything it does: socket, HTTP, lookup, metrics.

use anyhow::{Context, ensure};
use cdn::{Cdn, Config};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 16;
const ROUND: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1) {
        Some(upstream) => serve(upstream).await,
        None => measure().await,
    }
}

/// The node; says its address on standard output.
#[expect(clippy::print_stdout, reason = "how the measuring process learns the address")]
async fn serve(upstream: String) -> anyhow::Result<()> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let cdn = Cdn::bind(Config { listen, upstreams: vec![upstream], ..Config::default() })?;
    println!("{}", cdn.addrs().listen);
    cdn.run(CancellationToken::new()).await
}

#[expect(clippy::print_stdout, reason = "the result")]
async fn measure() -> anyhow::Result<()> {
    let origin = TcpListener::bind("127.0.0.1:0").await?;
    let upstream = format!("http://{}", origin.local_addr()?);
    tokio::spawn(serve_sizes(origin));
    let mut node = Command::new(std::env::current_exe()?).arg(upstream).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(node.stdout.take().context("piped")?).read_line(&mut line)?;
    let addr: SocketAddr = line.trim().parse()?;
    let build = if cfg!(debug_assertions) { "debug build: not a measurement" } else { "release build" };
    println!("{build}, {CLIENTS} clients, {} s each", ROUND.as_secs());
    for size in [4 << 10, 1 << 20] {
        let before = cpu_time(node.id())?;
        let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(client(addr, size))).collect();
        let mut hits = 0;
        for client in clients {
            hits += client.await??;
        }
        let spent = (cpu_time(node.id())? - before).as_secs_f64();
        let (count, gigabytes) = (hits as f64, hits as f64 * size as f64 / 1e9);
        println!(
            "{size:>8} bytes: {hits} hits, {:.1} us CPU per hit, {:.3} CPU-s per GB",
            spent * 1e6 / count,
            spent / gigabytes
        );
    }
    node.kill()?;
    node.wait()?;
    Ok(())
}

/// Answers `/N` with N bytes that stay fresh.
async fn serve_sizes(listener: TcpListener) -> anyhow::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await?;
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let size: usize = head.split(['/', ' ']).nth(2).context("a path")?.parse()?;
        let fields =
            "cache-control: max-age=3600\r\ncontent-type: video/mp4\r\netag: \"x\"\r\nconnection: close";
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: {size}\r\n\r\n").as_bytes())
            .await?;
        stream.write_all(&vec![b'x'; size]).await?;
    }
}

/// Asks again and again on one connection; returns how often.
async fn client(addr: SocketAddr, size: usize) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let request = format!("GET /{size} HTTP/1.1\r\nhost: cdn\r\nuser-agent: measure\r\naccept: */*\r\n\r\n");
    let mut buf = vec![0; 256 << 10];
    let (start, mut hits) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        stream.write_all(request.as_bytes()).await?;
        let (mut have, mut body) = (0, None);
        loop {
            let read = stream.read(&mut buf[if body.is_some() { 0 } else { have }..]).await?;
            ensure!(read > 0, "the node closed the connection");
            have += read;
            if body.is_none() {
                body = buf[..have].windows(4).position(|w| w == b"\r\n\r\n").map(|end| end + 4 + size);
            }
            if body.is_some_and(|end| have >= end) {
                break;
            }
        }
        hits += 1;
    }
    Ok(hits)
}

/// User and system time of a process, from Linux's `/proc/PID/stat` (fields 14 and 15, in hundredths of a second).
fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("a process name")?;
    let mut ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let (user, system) = (ticks.next().context("utime")??, ticks.next().context("stime")??);
    Ok(Duration::from_millis((user + system) * 10))
}
