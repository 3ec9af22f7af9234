use std::collections::HashMap;

use candle_core::{Device, Tensor};
use serde::Deserialize;

use super::kernel::{TOKENS, layer_norm, product, softmax};
use crate::embedded::simd::Cpu;

/// What `config.json` says of an encoder of the BERT architecture (Devlin et al. 2019).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Config {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    vocab_size: usize,
    pub(super) max_position_embeddings: usize,
    layer_norm_eps: f64,
    hidden_act: String,
    model_type: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

impl Config {
    /// Reads and checks a file's text.
    ///
    /// # Errors
    /// A sentence for what is missing, impossible or of another architecture.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let config: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let kinds = [
            ("model_type", config.model_type.as_str(), "bert"),
            ("hidden_act", &config.hidden_act, "gelu"),
            (
                "position_embedding_type",
                config.position_embedding_type.as_deref().unwrap_or("absolute"),
                "absolute",
            ),
        ];
        if let Some((key, found, known)) = kinds.iter().find(|(_, found, known)| found != known) {
            return Err(format!("says '{key}' = '{found}'; the embedder runs '{known}'"));
        }
        let sizes = [
            config.hidden_size,
            config.intermediate_size,
            config.num_hidden_layers,
            config.num_attention_heads,
            config.vocab_size,
            config.max_position_embeddings,
        ];
        if sizes.iter().any(|size| !(1..=1 << 20).contains(size)) {
            return Err(format!("has impossible sizes ({sizes:?})"));
        }
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err("has heads that do not divide 'hidden_size'".to_owned());
        }
        Ok(config)
    }
}

/// A matrix with a bias.
struct Linear {
    weights: Vec<f32>,
    columns: usize,
    bias: Vec<f32>,
}

/// Gains and biases of a layer norm (Ba et al. 2016).
struct Norm {
    gains: Vec<f32>,
    biases: Vec<f32>,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

/// An encoder in single precision. Feature f of token t lies at `f * stride + t` of its activations.
pub(super) struct Bert {
    config: Config,
    words: Vec<f32>,
    positions: Vec<f32>,
    /// The embedding of the first kind of sentence, which is the only one used.
    kind: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

/// Tensors by name, taken out one by one.
struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    fn take(&mut self, name: &str, length: usize) -> Result<Vec<f32>, String> {
        let tensor = self.0.remove(name).ok_or_else(|| format!("lacks the tensor '{name}'"))?;
        let numbers = tensor
            .to_dtype(candle_core::DType::F32)
            .and_then(|t| t.flatten_all()?.to_vec1::<f32>())
            .map_err(|error| error.to_string())?;
        if numbers.len() != length {
            return Err(format!("has {} numbers in '{name}'; {length} are needed", numbers.len()));
        }
        Ok(numbers)
    }

    fn linear(&mut self, name: &str, rows: usize, columns: usize) -> Result<Linear, String> {
        let weights = self.take(&format!("{name}.weight"), rows * columns)?;
        Ok(Linear { weights, columns, bias: self.take(&format!("{name}.bias"), rows)? })
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<Norm, String> {
        let gains = self.take(&format!("{name}.weight"), width)?;
        Ok(Norm { gains, biases: self.take(&format!("{name}.bias"), width)? })
    }
}

impl Bert {
    /// Reads the weights of a `safetensors` file.
    ///
    /// # Errors
    /// A sentence for unreadable files and for missing or misshapen tensors.
    pub(super) fn read(path: &std::path::Path, config: Config) -> Result<Self, String> {
        let loaded = candle_core::safetensors::load(path, &Device::Cpu).map_err(|error| {
            let reason = error.to_string();
            format!("cannot be read ({})", reason.lines().next().unwrap_or("no reason given"))
        })?;
        let mut tensors = Tensors(loaded);
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let words = tensors.take("embeddings.word_embeddings.weight", config.vocab_size * width)?;
        let places = config.max_position_embeddings * width;
        let positions = tensors.take("embeddings.position_embeddings.weight", places)?;
        let mut kind = tensors.take("embeddings.token_type_embeddings.weight", 2 * width)?;
        kind.truncate(width);
        let norm = tensors.norm("embeddings.LayerNorm", width)?;
        let mut layer = |i: usize| {
            let name = |part: &str| format!("encoder.layer.{i}.{part}");
            Ok::<Layer, String>(Layer {
                query: tensors.linear(&name("attention.self.query"), width, width)?,
                key: tensors.linear(&name("attention.self.key"), width, width)?,
                value: tensors.linear(&name("attention.self.value"), width, width)?,
                output: tensors.linear(&name("attention.output.dense"), width, width)?,
                attention_norm: tensors.norm(&name("attention.output.LayerNorm"), width)?,
                up: tensors.linear(&name("intermediate.dense"), inner, width)?,
                down: tensors.linear(&name("output.dense"), width, inner)?,
                norm: tensors.norm(&name("output.LayerNorm"), width)?,
            })
        };
        let layers = (0..config.num_hidden_layers).map(&mut layer).collect::<Result<_, _>>()?;
        Ok(Self { config, words, positions, kind, norm, layers })
    }

    /// The mean of the tokens' descriptions, scaled to length 1 (Reimers & Gurevych 2019).
    ///
    /// # Errors
    /// A sentence for ids beyond the vocabulary and more tokens than positions.
    pub(super) fn embed(&self, cpu: Cpu, tokens: &[u32]) -> Result<Vec<f32>, String> {
        let Config { hidden_size: width, vocab_size, max_position_embeddings, .. } = self.config;
        if tokens.len() > max_position_embeddings {
            return Err(format!("{} tokens; {max_position_embeddings} are the most", tokens.len()));
        }
        let stride = tokens.len().next_multiple_of(TOKENS);
        let mut x = vec![0.0; width * stride];
        for (t, &token) in tokens.iter().enumerate() {
            if token as usize >= vocab_size {
                return Err(format!("token {token} is beyond the {vocab_size} that the model knows"));
            }
            let word = &self.words[token as usize * width..][..width];
            let place = &self.positions[t * width..][..width];
            for (f, ((word, place), kind)) in word.iter().zip(place).zip(&self.kind).enumerate() {
                x[f * stride + t] = word + place + kind;
            }
        }
        self.normalise(cpu, &mut x, &self.norm, stride);
        for layer in &self.layers {
            let seen = self.attend(cpu, layer, &x, stride, tokens.len());
            add(&mut x, &layer.output.apply(cpu, &seen, stride));
            self.normalise(cpu, &mut x, &layer.attention_norm, stride);
            let mut inner = layer.up.apply(cpu, &x, stride);
            for x in &mut inner {
                *x = gelu(*x);
            }
            add(&mut x, &layer.down.apply(cpu, &inner, stride));
            self.normalise(cpu, &mut x, &layer.norm, stride);
        }
        let sums = x.chunks_exact(stride).map(|row| row[..tokens.len()].iter().map(|x| f64::from(*x)).sum());
        let sums: Vec<f64> = sums.collect();
        let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
        Ok(sums.iter().map(|x| (x / length.max(f64::MIN_POSITIVE)) as f32).collect())
    }

    /// Attention of every token to every token.
    fn attend(&self, cpu: Cpu, layer: &Layer, x: &[f32], stride: usize, tokens: usize) -> Vec<f32> {
        let (width, heads) = (self.config.hidden_size, self.config.num_attention_heads);
        let depth = width / heads;
        let mut query = layer.query.apply(cpu, x, stride);
        let scale = 1.0 / (depth as f32).sqrt();
        for q in &mut query {
            *q *= scale;
        }
        let (key, value) = (layer.key.apply(cpu, x, stride), layer.value.apply(cpu, x, stride));
        let mut seen = vec![0.0; width * stride];
        let mut scores = vec![0.0; tokens * stride];
        let mut side = Vec::with_capacity(tokens * depth);
        let block = depth * stride;
        for (head, (query, seen)) in query.chunks_exact(block).zip(seen.chunks_exact_mut(block)).enumerate() {
            let own = head * block..(head + 1) * block;
            let key = &key[own.clone()];
            side.clear();
            side.extend((0..tokens).flat_map(|t| key.iter().skip(t).step_by(stride)));
            product(cpu, &side, depth, query, stride, &mut scores);
            softmax(cpu, &mut scores, stride);
            side.clear();
            side.extend(value[own].chunks_exact(stride).flat_map(|row| &row[..tokens]));
            product(cpu, &side, tokens, &scores, stride, seen);
        }
        seen
    }

    /// Norms every column in place.
    fn normalise(&self, cpu: Cpu, x: &mut [f32], norm: &Norm, stride: usize) {
        layer_norm(cpu, x, stride, &norm.gains, &norm.biases, self.config.layer_norm_eps as f32);
    }
}

impl Linear {
    fn apply(&self, cpu: Cpu, x: &[f32], stride: usize) -> Vec<f32> {
        let mut out = vec![0.0; self.bias.len() * stride];
        product(cpu, &self.weights, self.columns, x, stride, &mut out);
        for (row, bias) in out.chunks_exact_mut(stride).zip(&self.bias) {
            for x in row {
                *x += bias;
            }
        }
        out
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// GELU by the error function, as BERT was trained with.
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2))
}
