//! Arrows point one way, and the outside world comes in through few doors.

#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::panic, reason = "a test says so by failing")]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// From the core outwards. A crate may depend on crates of smaller rank only.
const RANKS: &[(&str, u32)] = &[
    ("model", 0),
    ("tables", 1),
    ("freshbooks", 2),
    ("grants", 3),
    ("lake", 3),
    ("sync", 4),
    ("host", 5),
    ("aws", 5),
    ("simulator", 5),
    ("connect", 6),
    ("dispatch", 6),
    ("extract", 6),
    ("freshlake", 6),
    ("scenarios", 7),
];

/// Packages that only these crates may name, in any kind of dependency but for tests.
const DOORS: &[(&str, &[&str])] = &[
    ("aws-sdk-", &["aws"]),
    ("aws-config", &["aws"]),
    ("aws-smithy-", &["aws"]),
    ("lambda_", &["connect", "dispatch", "extract"]),
    ("reqwest", &["host"]),
    ("parquet", &["lake", "freshlake", "scenarios"]),
    ("oauth2", &["grants"]),
];

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let normal = dependencies.filter(|d| d["kind"].is_null()).map(|d| text(&d["name"]));
            (text(&package["name"]), normal.collect())
        })
        .collect()
}

#[test]
fn a_crate_depends_on_inner_crates_only() {
    let ranks: BTreeMap<_, _> = RANKS.iter().copied().collect();
    let dependencies = dependencies();
    assert_eq!(
        dependencies.keys().map(String::as_str).collect::<Vec<_>>(),
        ranks.keys().copied().collect::<Vec<_>>()
    );
    for (name, uses) in &dependencies {
        for used in uses {
            if let Some(rank) = ranks.get(used.as_str()) {
                assert!(rank < &ranks[name.as_str()], "{name} must not depend on {used}");
            }
        }
    }
}

#[test]
fn the_outside_world_comes_in_through_few_doors() {
    for (name, uses) in dependencies() {
        for (package, crates) in DOORS {
            let named = uses.iter().any(|used| used.starts_with(package));
            assert!(!named || crates.contains(&name.as_str()), "{name} must not name {package}*");
        }
    }
}

#[test]
fn the_simulator_shares_no_table_knowledge_with_what_it_tests() {
    let dependencies = dependencies();
    for inner in ["tables", "freshbooks", "grants", "lake", "sync"] {
        assert!(
            !dependencies["simulator"].iter().any(|d| d == inner),
            "simulator must not depend on {inner}"
        );
    }
}
