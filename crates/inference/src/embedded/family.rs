use super::gguf::ModelFile;
use crate::InferenceError;

/// What the families of models that the engine runs do differently.
///
/// Sources: Touvron et al. 2023 (llama), Yang et al. 2024 (qwen2) and 2025 (qwen3), Gemma Team 2025 (gemma3); where
/// a paper and llama.cpp differ, llama.cpp rules, because the files are made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits, not states")]
pub(crate) struct Family {
    /// `general.architecture`, and the start of the family's own keys.
    pub(crate) name: &'static str,
    /// Whether files pair features i and i + half for rotary positions, instead of neighbours.
    pub(crate) halves: bool,
    /// Whether each head of queries and keys is normed.
    pub(crate) head_norms: bool,
    /// Whether what attention and the feed-forward part say is normed before it is added.
    pub(crate) after_norms: bool,
    /// Whether the embedding is scaled by the root of the width.
    pub(crate) scaled: bool,
    /// Whether the gate is GELU instead of SiLU.
    pub(crate) gelu: bool,
    /// Of how many layers only the last sees everything before it, where the file has a window and says nothing else.
    pub(crate) pattern: usize,
}

const LLAMA: Family = Family {
    name: "llama",
    halves: false,
    head_norms: false,
    after_norms: false,
    scaled: false,
    gelu: false,
    pattern: 1,
};

static FAMILIES: [Family; 4] = [
    LLAMA,
    Family { name: "qwen2", halves: true, ..LLAMA },
    Family { name: "qwen3", halves: true, head_norms: true, ..LLAMA },
    Family {
        name: "gemma3",
        halves: true,
        head_norms: true,
        after_norms: true,
        scaled: true,
        gelu: true,
        pattern: 6,
    },
];

impl Family {
    /// The family of a model file.
    ///
    /// # Errors
    /// [`InferenceError::Model`] for other architectures, and for features of these that the engine lacks.
    pub(crate) fn of(file: &ModelFile) -> Result<Self, InferenceError> {
        let Some(name) = file.text("general.architecture") else {
            return Err(file.error("does not name its architecture ('general.architecture')"));
        };
        let Some(family) = FAMILIES.iter().find(|family| family.name == name) else {
            let known: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
            return Err(file.error(format!(
                "has the architecture '{name}'; the embedded engine runs {}; serve it elsewhere and use its endpoint",
                known.join(", ")
            )));
        };
        if file.number(&family.key("expert_count")).is_some_and(|n| n > 0) {
            return Err(file.error("is a mixture of experts; the embedded engine runs dense models"));
        }
        for cap in ["attn_logit_softcapping", "final_logit_softcapping"] {
            if file.real(&family.key(cap)).is_some_and(|cap| cap != 0.0) {
                return Err(file.error(format!("caps logits ('{cap}'); the embedded engine does not")));
            }
        }
        Ok(*family)
    }

    /// The family's own key `name`.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }
}
