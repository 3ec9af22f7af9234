use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::Fault;

/// Who may depend on whom inside the workspace, tests included. A package may always name itself in its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("meta-traits", &[]),
    ("rl-selector", &["meta-traits"]),
    ("topology-neat", &["meta-traits"]),
    ("bayes-hyperopt", &["meta-traits"]),
    ("prompt-grammar", &["meta-traits"]),
    ("coordination", &["meta-traits"]),
    ("inference", &["meta-traits"]),
    ("evaluation", &["meta-traits", "inference"]),
    ("orchestrator-core", LIBRARIES),
    ("metaorch", ALL),
    ("metaorch-benches", ALL),
    ("metaorch-examples", ALL),
    ("xtask", &[]),
];

const LIBRARIES: &[&str] = &[
    "meta-traits",
    "rl-selector",
    "topology-neat",
    "bayes-hyperopt",
    "prompt-grammar",
    "coordination",
    "inference",
    "evaluation",
];

const ALL: &[&str] = &[
    "meta-traits",
    "rl-selector",
    "topology-neat",
    "bayes-hyperopt",
    "prompt-grammar",
    "coordination",
    "inference",
    "evaluation",
    "orchestrator-core",
];

/// What cargo knows of the workspace's own packages.
pub(super) fn metadata(root: &Path) -> Result<Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata does not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata is no JSON: {e}"))
}

/// No package depends on one beside or above it, and `evaluation` takes `inference` without its engines.
pub(super) fn check(metadata: &Value) -> Result<Vec<Fault>, String> {
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    let mut faults = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let mut fault =
            |message: String| faults.push(Fault::new(&format!("package {name}"), 1, "layering", message));
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            fault("has no place in the layering; add it to xtask/src/tidy/layering.rs".into());
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            if on == name || !names.contains(&on) {
                continue;
            }
            if !allowed.contains(&on) {
                fault(format!("depends on {on}; allowed: {}", allowed.join(", ")));
            }
            if name == "evaluation" && on == "inference" && dependency["uses_default_features"] != false {
                fault("takes inference with its default features; turn them off".into());
            }
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(name: &str, on: &[&str]) -> Vec<String> {
        let dependencies: Vec<Value> =
            on.iter().map(|on| json!({"name": on, "uses_default_features": true})).collect();
        let mut packages: Vec<Value> = ALLOWED
            .iter()
            .filter(|(n, _)| *n != name)
            .map(|(n, _)| json!({"name": n, "dependencies": []}))
            .collect();
        packages.push(json!({"name": name, "dependencies": dependencies}));
        check(&json!({"packages": packages})).unwrap().into_iter().map(|f| f.message).collect()
    }

    #[test]
    fn pillars_know_only_the_contracts() {
        assert_eq!(faults("bayes-hyperopt", &["meta-traits", "serde"]), [""; 0]);
        assert_eq!(
            faults("bayes-hyperopt", &["rl-selector"]),
            ["depends on rl-selector; allowed: meta-traits"]
        );
        for above in ["inference", "evaluation", "orchestrator-core"] {
            assert_eq!(faults("coordination", &[above]).len(), 1, "{above}");
        }
        assert_eq!(faults("meta-traits", &["meta-traits"]), [""; 0]);
    }

    #[test]
    fn strangers_and_heavy_features_are_found() {
        assert_eq!(faults("utils", &[]).len(), 1);
        assert_eq!(
            faults("evaluation", &["inference"]),
            ["takes inference with its default features; turn them off"]
        );
    }
}
