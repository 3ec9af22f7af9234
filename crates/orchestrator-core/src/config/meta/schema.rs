use serde_json::{Map, Value, json};

use super::field::{Field, SECTIONS, fields};

/// A JSON schema of a file of settings, for editors and for checks before anything runs.
///
/// Made from [`fields`], so that ranges, defaults and messages have one source.
///
/// ```
/// let schema = orchestrator_core::config::meta::schema();
/// assert_eq!(schema["properties"]["topology"]["properties"]["mutation_rate"]["maximum"], 1.0);
/// ```
pub fn schema() -> Value {
    let mut properties = of_section(None);
    for (section, long) in SECTIONS {
        let inner = of_section(Some(section));
        properties.insert(
            section.into(),
            json!({"type": "object", "additionalProperties": false, "properties": inner}),
        );
        properties.insert(long.into(), json!({"$ref": format!("#/properties/{section}")}));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of the whole orchestrator",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn of_section(section: Option<&str>) -> Map<String, Value> {
    let of_field = |field: &Field| {
        let mut schema = field.kind.schema();
        schema["description"] = field.about().into();
        schema["default"] = field.default();
        (field.name().to_owned(), schema)
    };
    fields().iter().filter(|field| field.section() == section).map(of_field).collect()
}
