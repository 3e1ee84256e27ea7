//! The bench in containers, as far as it can be held against the tree without a container engine: each file that it names is
//! there, and Emma takes the configuration that it lays together. Where `docker compose` is installed, it reads the file as well.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

/// What is looked at of the file.
#[derive(Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    build: Option<Build>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    network_mode: Option<String>,
}

#[derive(Deserialize)]
struct Build {
    context: String,
    dockerfile: String,
}

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn compose() -> Compose {
    serde_saphyr::from_str(&fs::read_to_string(deploy().join("compose.yaml")).unwrap()).unwrap()
}

#[test]
fn each_file_and_service_that_the_bench_names_is_there() {
    let compose = compose();
    let built: Vec<&str> = compose.services.values().filter(|one| one.build.is_some()).map(|one| &*one.image).collect();
    for (name, service) in &compose.services {
        for other in &service.depends_on {
            assert!(compose.services.contains_key(other), "{name}: there is no service {other}");
        }
        if let Some(network) = &service.network_mode {
            let whose = network.strip_prefix("service:").unwrap();
            assert!(service.depends_on.iter().any(|other| other == whose), "{name}: lives in {whose}'s network");
            assert!(service.ports.is_empty(), "{name}: its ports are {whose}'s");
        }
        for volume in &service.volumes {
            let from = volume.split(':').next().unwrap();
            let is_there =
                if from.starts_with('.') { deploy().join(from).is_file() } else { compose.volumes.contains_key(from) };
            assert!(is_there, "{name}: there is no {from}");
        }
        for port in &service.ports {
            assert!(port.starts_with("127.0.0.1:"), "{name}: a bench is for this machine alone, not {port}");
        }
        assert!(built.contains(&&*service.image) || service.image.contains(':'), "{name}: which {}?", service.image);
    }
    let docker = Command::new("docker").args(["compose", "version"]).output();
    if docker.is_ok_and(|output| output.status.success()) {
        let file = deploy().join("compose.yaml");
        let read =
            Command::new("docker").args(["compose", "-f"]).arg(file).args(["config", "--quiet"]).output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    } else {
        eprintln!("skipped, docker compose is not installed: it does not read deploy/compose.yaml");
    }
}

#[test]
fn what_the_image_is_built_from_is_there() {
    let Compose { services, .. } = compose();
    let builds: Vec<&Build> = services.values().filter_map(|service| service.build.as_ref()).collect();
    assert_eq!(builds.len(), 1);
    let context = deploy().join(&builds[0].context);
    let dockerfile = fs::read_to_string(context.join(&builds[0].dockerfile)).unwrap();
    let copied =
        dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"));
    let mut count = 0;
    for copy in copied {
        let words: Vec<&str> = copy.split_whitespace().collect();
        for from in &words[..words.len() - 1] {
            assert!(context.join(from).exists(), "there is no {from}");
            count += 1;
        }
    }
    assert!(count >= 3);
    let manifest = fs::read_to_string(context.join("Cargo.toml")).unwrap();
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(dockerfile.contains(&format!("FROM rust:{wanted}-")), "Cargo.toml wants Rust {wanted}");
}

/// What is at that address in the bench's files, under its key.
fn at(file: &str, key: &str) -> String {
    let text = fs::read_to_string(deploy().join(file)).unwrap();
    let line = text.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key)).unwrap();
    line.trim_matches([' ', ':', '=', '[', ']', '"']).to_owned()
}

#[test]
fn prometheus_asks_where_emma_answers_and_grafana_asks_prometheus() {
    let services = compose().services;
    assert_eq!(at("prometheus/scrape.yaml", "targets"), at("bench/gateway.toml", "listen"));
    assert_eq!(services["prometheus"].network_mode.as_deref(), Some("service:emma"), "she answers on loopback alone");
    assert_eq!(at("bench/grafana.yaml", "url"), "http://emma:9090");
    let mounted = |service: &str, to: &str| {
        services[service].volumes.iter().any(|volume| volume.trim_end_matches(":ro").ends_with(to))
    };
    assert!(mounted("prometheus", ":/etc/prometheus/emma.rules.yaml"), "scrape.yaml names it beside itself");
    assert!(mounted("grafana", &format!(":{}/emma.json", at("bench/dashboards.yaml", "path"))));
}

#[test]
fn emma_takes_the_configuration_of_the_bench() {
    let dir = TempDir::new().unwrap();
    for volume in &compose().services["emma"].volumes {
        let mut parts = volume.split(':');
        let (from, to) = (parts.next().unwrap(), parts.next().unwrap());
        if let Some(name) = to.strip_prefix("/etc/emma/") {
            fs::copy(deploy().join(from), dir.path().join(name)).unwrap();
        }
    }
    let mut check = Command::new(env!("CARGO_BIN_EXE_emma"));
    let checked = check.args(["check", "--config"]).arg(dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && text.starts_with("5 files"), "{text}");
}
