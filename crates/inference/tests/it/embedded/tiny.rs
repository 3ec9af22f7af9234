//! A tiny llama model with random weights in a GGUF file.

use std::fs::File;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use inference::embedded::{EmbeddedClient, EmbeddedOptions};
use meta_traits::Stream;
use tempfile::TempDir;

pub(super) const WIDTH: usize = 64;
pub(super) const INNER: usize = 96;
pub(super) const HEADS: usize = 4;
pub(super) const KV_HEADS: usize = 2;
pub(super) const HEAD: usize = 16;
pub(super) const LAYERS: usize = 2;
pub(super) const BASE: f32 = 10_000.0;
pub(super) const EPSILON: f32 = 1e-5;
/// Ids: three special tokens, one letter for each byte, and "er".
pub(super) const FIRST_BYTE: u32 = 3;
pub(super) const ER: u32 = FIRST_BYTE + 256;
pub(super) const VOCABULARY: usize = ER as usize + 1;

/// Metadata and tensors, to be changed before they are written.
pub(super) struct Parts {
    pub(super) values: Vec<(String, Value)>,
    pub(super) tensors: Vec<(String, QTensor)>,
}

fn letter(byte: u8) -> char {
    let printable = |b: u8| matches!(b, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    if printable(byte) {
        return char::from(byte);
    }
    let moved = (0..byte).filter(|&b| !printable(b)).count() as u32;
    char::from_u32(0x100 + moved).unwrap()
}

fn random(stream: &Stream, name: &str, shape: &[usize], dtype: GgmlDType, scale: f32) -> QTensor {
    let mut draws = stream.child(name, 0);
    let numbers: Vec<f32> =
        (0..shape.iter().product()).map(|_| (draws.unit() as f32 - 0.5) * scale).collect();
    QTensor::quantize(&Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap(), dtype).unwrap()
}

impl Parts {
    /// A sound model with matrices of type `dtype`.
    pub(super) fn sound(dtype: GgmlDType) -> Self {
        let stream = Stream::root(11);
        let text = |s: &str| Value::String(s.to_owned());
        let number = |n: usize| Value::U32(n as u32);
        let mut tokens: Vec<Value> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(text).to_vec();
        tokens.extend((0..=255).map(|b| text(&letter(b).to_string())));
        tokens.push(text("er"));
        let kinds = (0..VOCABULARY).map(|i| Value::I32(if i < 3 { 3 } else { 1 })).collect();
        let values = [
            ("general.architecture", text("llama")),
            ("llama.block_count", number(LAYERS)),
            ("llama.context_length", number(1024)),
            ("llama.embedding_length", number(WIDTH)),
            ("llama.feed_forward_length", number(INNER)),
            ("llama.attention.head_count", number(HEADS)),
            ("llama.attention.head_count_kv", number(KV_HEADS)),
            ("llama.rope.freq_base", Value::F32(BASE)),
            ("llama.attention.layer_norm_rms_epsilon", Value::F32(EPSILON)),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("smollm")),
            ("tokenizer.ggml.tokens", Value::Array(tokens)),
            ("tokenizer.ggml.token_type", Value::Array(kinds)),
            ("tokenizer.ggml.merges", Value::Array(vec![text("e r")])),
            ("tokenizer.ggml.eos_token_id", number(2)),
        ];
        let one = GgmlDType::F32;
        let (q, kv) = (HEADS * HEAD, KV_HEADS * HEAD);
        let mut shapes: Vec<(String, Vec<usize>, GgmlDType, f32)> = vec![
            ("token_embd.weight".to_owned(), vec![VOCABULARY, WIDTH], GgmlDType::Q8_0, 2.0),
            ("output_norm.weight".to_owned(), vec![WIDTH], one, 3.0),
        ];
        for i in 0..LAYERS {
            let parts = [
                ("attn_norm", vec![WIDTH], one, 3.0),
                ("attn_q", vec![q, WIDTH], dtype, 1.2),
                ("attn_k", vec![kv, WIDTH], dtype, 1.2),
                ("attn_v", vec![kv, WIDTH], dtype, 0.8),
                ("attn_output", vec![WIDTH, q], dtype, 0.8),
                ("ffn_norm", vec![WIDTH], one, 3.0),
                ("ffn_gate", vec![INNER, WIDTH], dtype, 0.8),
                ("ffn_up", vec![INNER, WIDTH], dtype, 0.8),
                ("ffn_down", vec![WIDTH, INNER], dtype, 0.8),
            ];
            shapes.extend(
                parts.map(|(name, shape, dtype, s)| (format!("blk.{i}.{name}.weight"), shape, dtype, s)),
            );
        }
        let tensors = shapes
            .into_iter()
            .map(|(name, shape, dtype, scale)| {
                let tensor = random(&stream, &name, &shape, dtype, scale);
                (name, tensor)
            })
            .collect();
        Self { values: values.map(|(k, v)| (k.to_owned(), v)).to_vec(), tensors }
    }

    /// Replaces or adds a value.
    pub(super) fn set(&mut self, key: &str, value: Value) {
        self.values.retain(|(k, _)| k != key);
        self.values.push((key.to_owned(), value));
    }

    /// Writes the file into `folder`.
    pub(super) fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("tiny.gguf");
        let values: Vec<(&str, &Value)> = self.values.iter().map(|(k, v)| (k.as_str(), v)).collect();
        let tensors: Vec<(&str, &QTensor)> = self.tensors.iter().map(|(k, t)| (k.as_str(), t)).collect();
        gguf_file::write(&mut File::create(&path).unwrap(), &values, &tensors).unwrap();
        path
    }

    /// Loads the model with `threads` workers.
    pub(super) fn client(&self, threads: usize) -> EmbeddedClient {
        let folder = TempDir::new().unwrap();
        let mut options = EmbeddedOptions::default();
        options.threads = threads.try_into().unwrap();
        EmbeddedClient::open_with(self.write(folder.path()), &options).unwrap()
    }
}

/// The tokens of text without "er".
pub(super) fn bytes(text: &str) -> Vec<u32> {
    assert!(!text.contains("er"), "'{text}' holds the pair that melts");
    text.bytes().map(|b| u32::from(b) + FIRST_BYTE).collect()
}
