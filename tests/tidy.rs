//! The house rules that a program can check (CONTRIBUTING.md). Each test names the file and the rule it breaks.

use std::path::{Path, PathBuf};

/// Cores and contracts: no runtime, no sockets, no clock.
const CORES: &[&str] = &[
    "edge/wire",
    "edge/session",
    "edge/sdp",
    "edge/sfu",
    "edge/room",
    "edge/signaling",
    "origin/archive",
    "cdn/cache",
    "control-plane/api",
    "control-plane/dns",
    "control-plane/placement",
];
const RUST_LINES_MAX: usize = 600;
const LINE_CHARACTERS_MAX: usize = 140;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn tracked(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    String::from_utf8(output.stdout)
        .expect("paths are UTF-8")
        .lines()
        .map(PathBuf::from)
        .filter(|path| path.extension().and_then(|e| e.to_str()).is_some_and(|e| extensions.contains(&e)))
        .filter_map(|path| std::fs::read_to_string(root().join(&path)).ok().map(|text| (path, text)))
        .collect()
}

fn report(what: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{what}:\n{}", broken.join("\n"));
}

#[test]
fn rooms_are_small() {
    let broken: Vec<String> = tracked(&["rs"])
        .iter()
        .filter(|(_, text)| text.lines().count() > RUST_LINES_MAX)
        .map(|(path, text)| {
            format!("{} has {} lines, the limit is {RUST_LINES_MAX}", path.display(), text.lines().count())
        })
        .collect();
    report("split by noun", &broken);
}

#[test]
fn lines_fit_the_page() {
    let mut broken = Vec::new();
    for (path, text) in tracked(&["rs"]) {
        for (number, line) in text.lines().enumerate() {
            // Long literals (an SDP line, a hex vector) are data.
            if line.chars().count() > LINE_CHARACTERS_MAX && !line.contains('"') {
                broken.push(format!(
                    "{}:{} has {} characters",
                    path.display(),
                    number + 1,
                    line.chars().count()
                ));
            }
        }
    }
    report("lines are at most as long as a page is wide", &broken);
}

#[test]
fn cores_have_no_runtime_in_their_dependencies() {
    let mut broken = Vec::new();
    for core in CORES {
        let manifest =
            std::fs::read_to_string(root().join(core).join("Cargo.toml")).expect("a core has a manifest");
        let normal = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for banned in ["tokio", "quinn", "hyper", "axum", "mio", "socket2", "object_store", "foyer"] {
            if normal.lines().any(|line| {
                line.starts_with(&format!("{banned}.")) || line.starts_with(&format!("{banned} "))
            }) {
                broken.push(format!("{core}/Cargo.toml depends on {banned}"));
            }
        }
        if !root().join(core).join("clippy.toml").exists() {
            broken.push(format!("{core} has no clippy.toml that forbids clocks and sockets"));
        }
    }
    report("a core is told, it does not ask", &broken);
}

#[test]
fn cores_do_not_ask_the_time() {
    let mut broken = Vec::new();
    for (path, text) in tracked(&["rs"]) {
        let in_core = CORES.iter().any(|core| path.starts_with(Path::new(core).join("src")));
        if !in_core {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_test =
            path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
        for banned in ["Instant::now(", "SystemTime::now(", "thread::spawn(", "UdpSocket::bind("] {
            if !is_test && code.contains(banned) {
                broken.push(format!("{} uses {banned}…)", path.display()));
            }
        }
    }
    report("a core is told, it does not ask", &broken);
}

#[test]
fn nothing_is_left_unfinished_in_the_open() {
    let mut broken = Vec::new();
    let banned = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[ign", "ore"),
    ];
    for (path, text) in tracked(&["rs", "ts", "tsx", "py", "mjs", "tf"]) {
        for word in banned {
            if text.contains(word) {
                broken.push(format!("{} contains {word:?}", path.display()));
            }
        }
    }
    report("finish it, or write an issue", &broken);
}

#[test]
fn no_room_is_a_junk_drawer() {
    let broken: Vec<String> = tracked(&["rs", "ts", "tsx", "toml"])
        .iter()
        .filter_map(|(path, _)| {
            let name = path.file_stem()?.to_str()?;
            let folder = path.parent()?.file_name().and_then(|f| f.to_str()).unwrap_or_default();
            let junk = |word: &str| {
                matches!(word, "common" | "utils" | "util" | "shared" | "types" | "helpers" | "misc")
            };
            (junk(name) || junk(folder)).then(|| path.display().to_string())
        })
        .collect();
    report("name it after what it is", &broken);
}

#[test]
fn client_protocol_names_stay_in_the_adapter() {
    let mut broken = Vec::new();
    for (path, text) in tracked(&["rs"]) {
        let allowed = ["edge/signaling", "tests"].iter().any(|place| path.starts_with(place));
        if !allowed && text.contains("livekit_protocol") {
            broken.push(path.display().to_string());
        }
    }
    report("only edge/signaling and the load clients know the client protocol", &broken);
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in tracked(&["md"]) {
        let folder = root().join(&path).parent().map(Path::to_path_buf).unwrap_or_default();
        for part in text.split("](").skip(1) {
            let target = part.split([')', '#', ' ']).next().unwrap_or_default();
            let outside = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !outside && !folder.join(target).exists() {
                broken.push(format!("{} links to {target}", path.display()));
            }
        }
    }
    report("a link leads somewhere", &broken);
}
