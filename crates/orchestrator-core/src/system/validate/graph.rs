//! Which module needs which.

use std::collections::BTreeMap;

use super::super::spec::SystemSpec;

/// A circle of dependencies, its first module repeated at the end; found in document order.
pub(super) fn cycle(spec: &SystemSpec, variables: &BTreeMap<&str, Vec<String>>) -> Option<Vec<String>> {
    let mut done: Vec<&str> = Vec::new();
    for name in spec.modules.keys() {
        let mut path = Vec::new();
        if let Some(found) = visit(spec, variables, name, &mut path, &mut done) {
            return Some(found);
        }
    }
    None
}

fn visit<'a>(
    spec: &'a SystemSpec,
    variables: &'a BTreeMap<&str, Vec<String>>,
    name: &'a str,
    path: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
) -> Option<Vec<String>> {
    if let Some(start) = path.iter().position(|n| *n == name) {
        let circle = path[start..].iter().chain([&name]).map(|n| (*n).to_owned()).collect();
        return Some(circle);
    }
    if done.contains(&name) {
        return None;
    }
    let module = spec.modules.get(name)?;
    path.push(name);
    let used = variables.get(name).into_iter().flatten().map(String::as_str);
    for next in used.chain(module.members()) {
        if let Some(found) = visit(spec, variables, next, path, done) {
            return Some(found);
        }
    }
    path.pop();
    done.push(name);
    None
}
