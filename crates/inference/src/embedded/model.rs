use super::gguf::ModelFile;
use super::weights::Weights;
use crate::InferenceError;

/// Sizes and constants of a model of the llama architecture.
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
}

/// One layer's weights.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) attention_norm: Vec<f32>,
    pub(crate) query: Weights,
    pub(crate) key: Weights,
    pub(crate) value: Weights,
    pub(crate) output: Weights,
    pub(crate) inner_norm: Vec<f32>,
    pub(crate) gate: Weights,
    pub(crate) up: Weights,
    pub(crate) down: Weights,
}

/// A language model of the llama architecture, weights as quantised as the file holds them.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) shape: Shape,
    pub(crate) embedding: Weights,
    pub(crate) layers: Vec<Layer>,
    pub(crate) norm: Vec<f32>,
    /// `None`: the embedding serves as the output, too.
    pub(crate) output: Option<Weights>,
}

impl Model {
    /// Reads all weights.
    ///
    /// # Errors
    /// [`InferenceError::Model`] for other architectures, missing, misshapen or unexpected tensors, and cut files.
    pub(crate) fn read(file: &mut ModelFile) -> Result<Self, InferenceError> {
        let layers = Self::check(file)?;
        let mut shape = read_shape(file)?;
        if file.has("rope_freqs.weight") {
            let factors = file.vector("rope_freqs.weight", shape.frequencies.len())?;
            for (frequency, factor) in shape.frequencies.iter_mut().zip(factors) {
                *frequency /= f64::from(factor);
            }
        }
        let Shape { width, inner, heads, kv_heads, head, vocabulary, .. } = shape;
        let embedding = file.matrix("token_embd.weight", vocabulary, width)?;
        let mut read = Vec::with_capacity(layers);
        for i in 0..layers {
            let name = |part: &str| format!("blk.{i}.{part}.weight");
            read.push(Layer {
                attention_norm: file.vector(&name("attn_norm"), width)?,
                query: file.matrix(&name("attn_q"), heads * head, width)?,
                key: file.matrix(&name("attn_k"), kv_heads * head, width)?,
                value: file.matrix(&name("attn_v"), kv_heads * head, width)?,
                output: file.matrix(&name("attn_output"), width, heads * head)?,
                inner_norm: file.vector(&name("ffn_norm"), width)?,
                gate: file.matrix(&name("ffn_gate"), inner, width)?,
                up: file.matrix(&name("ffn_up"), inner, width)?,
                down: file.matrix(&name("ffn_down"), width, inner)?,
            });
        }
        let norm = file.vector("output_norm.weight", width)?;
        let output = if file.has("output.weight") {
            Some(file.matrix("output.weight", vocabulary, width)?)
        } else {
            None
        };
        if let Some(name) = file.unread() {
            let message =
                format!("holds the tensor '{name}', which this engine would ignore; use another model");
            return Err(file.error(message));
        }
        Ok(Self { shape, embedding, layers: read, norm, output })
    }

    /// Refuses what the forward pass does not do, and returns the number of layers.
    fn check(file: &ModelFile) -> Result<usize, InferenceError> {
        match file.text("general.architecture") {
            Some("llama") => {}
            Some(other) => {
                let message = format!("has the architecture '{other}'; the embedded engine runs 'llama'");
                return Err(file.error(message));
            }
            None => return Err(file.error("does not name its architecture ('general.architecture')")),
        }
        if file.number("llama.expert_count").is_some_and(|n| n > 0) {
            return Err(file.error("is a mixture of experts; the embedded engine runs dense models"));
        }
        if let Some(scaling) = file.text("llama.rope.scaling.type").filter(|kind| *kind != "none") {
            return Err(file.error(format!("scales positions by '{scaling}'; the embedded engine does not")));
        }
        file.size("llama.block_count", 1024)
    }
}

fn read_shape(file: &ModelFile) -> Result<Shape, InferenceError> {
    let width = file.size("llama.embedding_length", 1 << 16)?;
    let heads = file.size("llama.attention.head_count", 1 << 12)?;
    let kv_heads = match file.number("llama.attention.head_count_kv") {
        Some(_) => file.size("llama.attention.head_count_kv", heads)?,
        None => heads,
    };
    if heads % kv_heads != 0 {
        return Err(file.error(format!("has {heads} query heads for {kv_heads} key heads; they must divide")));
    }
    let head = match file.number("llama.attention.key_length") {
        Some(_) => file.size("llama.attention.key_length", 1 << 12)?,
        None if width % heads == 0 => width / heads,
        None => return Err(file.error(format!("has a width of {width}, which {heads} heads do not divide"))),
    };
    let turned = match file.number("llama.rope.dimension_count") {
        Some(_) => file.size("llama.rope.dimension_count", head)?,
        None => head,
    };
    if turned % 2 != 0 {
        return Err(file.error(format!("turns {turned} features of a head; the number must be even")));
    }
    let base = file.real("llama.rope.freq_base").unwrap_or(10_000.0);
    let epsilon = file
        .real("llama.attention.layer_norm_rms_epsilon")
        .ok_or_else(|| file.error("lacks the number 'llama.attention.layer_norm_rms_epsilon'"))?;
    let vocabulary = file.list("tokenizer.ggml.tokens").map_or(0, <[_]>::len);
    if vocabulary == 0 {
        return Err(file.error("holds no tokens ('tokenizer.ggml.tokens')"));
    }
    Ok(Shape {
        width,
        inner: file.size("llama.feed_forward_length", 1 << 20)?,
        heads,
        kv_heads,
        head,
        vocabulary,
        context: file.size("llama.context_length", 1 << 24)?,
        epsilon: epsilon as f32,
        frequencies: (0..turned / 2).map(|i| base.powf(-2.0 * i as f64 / turned as f64)).collect(),
    })
}
