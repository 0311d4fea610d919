//! Builds the web app (`web/`, Node >= 20.19 and npm) and embeds its files as `$OUT_DIR/assets.rs`.
//!
//! Runs again only when the app's sources change. Nothing is written outside `$OUT_DIR` but `web/node_modules`, which
//! npm wants there. `SEODANG_SKIP_WEB=1` embeds a plain page instead, for builds that are about the rest.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the app is made of. `dist` and `node_modules` are made, tests and dev tools are not shipped.
const SOURCES: [&str; 7] =
    ["package.json", "package-lock.json", "index.html", "vite.config.ts", "tsconfig.json", "src", "public"];
const NODE_VERSION_MIN: (u32, u32) = (20, 19);

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let (web, dist) = (root.join("web"), out.join("web"));
    println!("cargo::rerun-if-env-changed=SEODANG_SKIP_WEB");
    println!("cargo::rerun-if-changed=build.rs");
    let skip = std::env::var("SEODANG_SKIP_WEB").is_ok_and(|value| !value.is_empty() && value != "0");
    let result = if skip || !web.join("package.json").exists() {
        write_placeholder(&dist)
    } else {
        for source in SOURCES {
            println!("cargo::rerun-if-changed={}", web.join(source).display());
        }
        build(&web, &dist)
    };
    if let Err(message) = result.and_then(|()| embed(&dist, &out.join("assets.rs"))) {
        println!("cargo::error=web app: {message}");
    }
}

fn write_placeholder(dist: &Path) -> Result<(), String> {
    let page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Seodang</title>\
        <p>This build has no web app (SEODANG_SKIP_WEB was set). Build again without it. The API is under \
        <a href=\"/v1/openapi.json\">/v1</a>.</p></html>\n";
    reset(dist)?;
    std::fs::write(dist.join("index.html"), page).map_err(|error| format!("{}: {error}", dist.display()))
}

fn build(web: &Path, dist: &Path) -> Result<(), String> {
    check_node()?;
    if !is_installed(web) {
        npm(web, &["ci", "--no-audit", "--no-fund", "--prefer-offline"])?;
    }
    reset(dist)?;
    let dist = dist.to_str().ok_or("the build directory's path is not UTF-8")?;
    npm(web, &["run", "build", "--", "--outDir", dist, "--emptyOutDir"])
}

fn check_node() -> Result<(), String> {
    let wanted = format!("Node >= {}.{} and npm are needed", NODE_VERSION_MIN.0, NODE_VERSION_MIN.1);
    let advice = "Install them (https://nodejs.org), or set SEODANG_SKIP_WEB=1 to build without the web app";
    let output = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|_| format!("{wanted}, and there is no `node`. {advice}."))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < NODE_VERSION_MIN {
        return Err(format!("{wanted}, and this is Node {version}. {advice}."));
    }
    Command::new("npm")
        .arg("--version")
        .output()
        .map_err(|_| format!("{wanted}, and there is no `npm`. {advice}."))?;
    Ok(())
}

/// Whether `node_modules` holds what `package-lock.json` asks for: npm notes there when it last made it so.
fn is_installed(web: &Path) -> bool {
    let modified = |path: PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let (lock, installed) =
        (modified(web.join("package-lock.json")), modified(web.join("node_modules/.package-lock.json")));
    installed.is_some() && installed >= lock
}

fn npm(web: &Path, arguments: &[&str]) -> Result<(), String> {
    let shown = format!("`npm {}` in {}", arguments.join(" "), web.display());
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(web)
        .output()
        .map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("{shown} failed:\n{}", String::from_utf8_lossy(&text).replace('\n', "\n  ")))
}

fn reset(directory: &Path) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", directory.display());
    if directory.exists() {
        std::fs::remove_dir_all(directory).map_err(failed)?;
    }
    std::fs::create_dir_all(directory).map_err(failed)
}

/// Writes the table of files, sorted by path.
fn embed(dist: &Path, into: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    collect(dist, dist, &mut files).map_err(|error| format!("{}: {error}", dist.display()))?;
    files.sort();
    let mut code = String::from("static ASSETS: &[Asset] = &[\n");
    for (path, file) in files {
        let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let (content_type, etag) = (content_type(&path), format!("\"{:016x}\"", fnv1a(&bytes)));
        let line = format!(
            "    Asset {{ path: {path:?}, content_type: {content_type:?}, etag: {etag:?}, bytes: include_bytes!({file:?}) }},"
        );
        writeln!(code, "{line}").map_err(|error| error.to_string())?;
    }
    code.push_str("];\n");
    std::fs::write(into, code).map_err(|error| format!("{}: {error}", into.display()))
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<(String, PathBuf)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root) {
            files.push((relative.to_string_lossy().replace('\\', "/"), path));
        }
    }
    Ok(())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// FNV-1a, 64 bits: tells one build's file from another's. Nobody attacks their own cache.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
