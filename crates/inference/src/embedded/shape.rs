use super::family::Family;
use super::gguf::ModelFile;
use crate::InferenceError;

/// Sizes and constants of a model.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Numbers that describe a token between layers.
    pub(crate) width: usize,
    /// Numbers between the two halves of a feed-forward part.
    pub(crate) inner: usize,
    /// Query heads.
    pub(crate) heads: usize,
    /// Key and value heads; divides `heads`.
    pub(crate) kv_heads: usize,
    /// Numbers of a head.
    pub(crate) head: usize,
    /// Known tokens.
    pub(crate) vocabulary: usize,
    /// Tokens it was trained to read at once.
    pub(crate) context: usize,
    /// Added under the root of a norm.
    pub(crate) epsilon: f32,
    /// Radians a position of each turned pair of a head.
    pub(crate) frequencies: Vec<f64>,
    /// What layers see that do not see everything; `None` if there are none.
    pub(crate) near: Option<Near>,
    /// Factor on the embedding.
    pub(crate) embedding_scale: Option<f32>,
}

/// Layers that see only so far back.
#[derive(Clone, Debug)]
pub(crate) struct Near {
    /// Tokens they see, their own included.
    pub(crate) window: u32,
    /// As [`Shape::frequencies`].
    pub(crate) frequencies: Vec<f64>,
    /// Of how many layers only the last sees everything.
    pub(crate) pattern: usize,
}

impl Shape {
    /// Reads the header of a file of `family`.
    ///
    /// # Errors
    /// [`InferenceError::Model`] for missing and contradictory values, and scalings of positions other than linear.
    pub(crate) fn read(file: &ModelFile, family: &Family) -> Result<Self, InferenceError> {
        let key = |name: &str| family.key(name);
        let width = file.size(&key("embedding_length"), 1 << 16)?;
        let heads = file.size(&key("attention.head_count"), 1 << 12)?;
        let kv_heads = optional(file, &key("attention.head_count_kv"), heads)?.unwrap_or(heads);
        if heads % kv_heads != 0 {
            let message = format!("has {heads} query heads for {kv_heads} key heads; they must divide");
            return Err(file.error(message));
        }
        let head = match optional(file, &key("attention.key_length"), 1 << 12)? {
            Some(head) => head,
            None if width % heads == 0 => width / heads,
            None => {
                return Err(file.error(format!("has a width of {width}, which {heads} heads do not divide")));
            }
        };
        if optional(file, &key("attention.value_length"), 1 << 12)?.is_some_and(|value| value != head) {
            return Err(file.error("has values and keys of different lengths; the embedded engine needs one"));
        }
        let turned = optional(file, &key("rope.dimension_count"), head)?.unwrap_or(head);
        if turned % 2 != 0 {
            return Err(file.error(format!("turns {turned} features of a head; the number must be even")));
        }
        let epsilon_key = key("attention.layer_norm_rms_epsilon");
        let epsilon =
            file.real(&epsilon_key).ok_or_else(|| file.error(format!("lacks the number '{epsilon_key}'")))?;
        let vocabulary = file.list("tokenizer.ggml.tokens").map_or(0, <[_]>::len);
        if vocabulary == 0 {
            return Err(file.error("holds no tokens ('tokenizer.ggml.tokens')"));
        }
        let base = file.real(&key("rope.freq_base")).unwrap_or(10_000.0);
        let stretch = stretch(file, family)?;
        Ok(Self {
            width,
            inner: file.size(&key("feed_forward_length"), 1 << 20)?,
            heads,
            kv_heads,
            head,
            vocabulary,
            context: file.size(&key("context_length"), 1 << 24)?,
            epsilon: epsilon as f32,
            frequencies: frequencies(base, turned).map(|frequency| frequency / stretch).collect(),
            near: near(file, family, turned)?,
            embedding_scale: family.scaled.then(|| (width as f32).sqrt()),
        })
    }

    /// Whether layer `layer` sees only so far back.
    pub(crate) fn is_near(&self, layer: usize) -> bool {
        self.near.as_ref().is_some_and(|near| !(layer + 1).is_multiple_of(near.pattern))
    }
}

/// A whole number between 1 and `most`, if it is there.
fn optional(file: &ModelFile, key: &str, most: usize) -> Result<Option<usize>, InferenceError> {
    file.number(key).map(|_| file.size(key, most)).transpose()
}

/// Radians a position of each pair (Su et al. 2021).
fn frequencies(base: f64, turned: usize) -> impl Iterator<Item = f64> {
    (0..turned / 2).map(move |i| base.powf(-2.0 * i as f64 / turned as f64))
}

/// By how much positions are stretched beyond those of the training (Chen et al. 2023).
fn stretch(file: &ModelFile, family: &Family) -> Result<f64, InferenceError> {
    let key = family.key("rope.scaling.factor");
    let factor = file.real(&key).or_else(|| file.real(&family.key("rope.scale_linear")));
    // A file that has only a factor means a linear one.
    match file.text(&family.key("rope.scaling.type")) {
        Some("none") => Ok(1.0),
        Some("linear") | None => match factor {
            Some(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
            // llama.cpp reads 0 as none.
            Some(0.0) | None => Ok(1.0),
            Some(factor) => Err(file.error(format!("says '{key}' = {factor}; it must be above 0"))),
        },
        Some(other) => Err(file.error(format!(
            "scales positions by '{other}'; the embedded engine does so by 'linear' or not at all"
        ))),
    }
}

fn near(file: &ModelFile, family: &Family, turned: usize) -> Result<Option<Near>, InferenceError> {
    let key = family.key("attention.sliding_window");
    if family.pattern == 1 || file.number(&key).is_none_or(|window| window == 0) {
        return Ok(None);
    }
    let window = file.size(&key, 1 << 24)?;
    let pattern = optional(file, &family.key("attention.sliding_window_pattern"), 1 << 10)?;
    let base = file.real(&family.key("rope.freq_base_swa")).unwrap_or(10_000.0);
    Ok(Some(Near {
        window: window as u32,
        frequencies: frequencies(base, turned).collect(),
        pattern: pattern.unwrap_or(family.pattern),
    }))
}
