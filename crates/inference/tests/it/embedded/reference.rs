//! A plain forward pass in double precision, written to be read, and the engine held against it.

use candle_core::Device;
use candle_core::quantized::GgmlDType;
use inference::{Generate, LlmClient, Prompt, Score};

use super::tiny::{BASE, EPSILON, ER, HEAD, HEADS, KV_HEADS, LAYERS, Parts, VOCABULARY, WIDTH, bytes};

/// Matrices as rows.
struct Plain<'a>(&'a Parts);

impl Plain<'_> {
    fn numbers(&self, name: &str) -> Vec<f64> {
        let tensor = &self.0.tensors.iter().find(|(n, _)| *n == format!("{name}.weight")).unwrap().1;
        let flat = tensor.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap();
        flat.to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect()
    }

    fn times(&self, name: &str, x: &[f64]) -> Vec<f64> {
        self.numbers(name).chunks(x.len()).map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum()).collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let mean = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
        let root = (mean + f64::from(EPSILON)).sqrt();
        x.iter().zip(self.numbers(name)).map(|(v, g)| v / root * g).collect()
    }

    /// Log-probabilities of the next token after each token.
    fn log_probs(&self, tokens: &[u32]) -> Vec<Vec<f64>> {
        let embedding = self.numbers("token_embd");
        let mut xs: Vec<Vec<f64>> =
            tokens.iter().map(|&t| embedding[t as usize * WIDTH..][..WIDTH].to_vec()).collect();
        let turn = |x: &mut [f64], position: usize| {
            for head in x.chunks_mut(HEAD) {
                for i in 0..HEAD / 2 {
                    let angle = position as f64 * f64::from(BASE).powf(-2.0 * i as f64 / HEAD as f64);
                    let (a, b) = (head[2 * i], head[2 * i + 1]);
                    head[2 * i] = a * angle.cos() - b * angle.sin();
                    head[2 * i + 1] = a * angle.sin() + b * angle.cos();
                }
            }
        };
        for layer in 0..LAYERS {
            let name = |part: &str| format!("blk.{layer}.{part}");
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            for (t, x) in xs.iter_mut().enumerate() {
                let h = self.norm(&name("attn_norm"), x);
                let (mut q, mut k) = (self.times(&name("attn_q"), &h), self.times(&name("attn_k"), &h));
                turn(&mut q, t);
                turn(&mut k, t);
                keys.push(k);
                values.push(self.times(&name("attn_v"), &h));
                let mut seen = vec![0.0; HEADS * HEAD];
                for head in 0..HEADS {
                    let from = head / (HEADS / KV_HEADS) * HEAD;
                    let q = &q[head * HEAD..][..HEAD];
                    let weights: Vec<f64> = keys
                        .iter()
                        .map(|k| {
                            q.iter().zip(&k[from..]).map(|(a, b)| a * b).sum::<f64>() / (HEAD as f64).sqrt()
                        })
                        .map(f64::exp)
                        .collect();
                    let total: f64 = weights.iter().sum();
                    for (weight, value) in weights.iter().zip(&values) {
                        for i in 0..HEAD {
                            seen[head * HEAD + i] += weight / total * value[from + i];
                        }
                    }
                }
                for (x, y) in x.iter_mut().zip(self.times(&name("attn_output"), &seen)) {
                    *x += y;
                }
                let h = self.norm(&name("ffn_norm"), x);
                let up = self.times(&name("ffn_up"), &h);
                let gated: Vec<f64> = self
                    .times(&name("ffn_gate"), &h)
                    .into_iter()
                    .zip(up)
                    .map(|(g, u)| g / (1.0 + (-g).exp()) * u)
                    .collect();
                for (x, y) in x.iter_mut().zip(self.times(&name("ffn_down"), &gated)) {
                    *x += y;
                }
            }
        }
        xs.iter()
            .map(|x| {
                let logits = self.times("token_embd", &self.norm("output_norm", x));
                let log_total = logits.iter().map(|l| l.exp()).sum::<f64>().ln();
                logits.iter().map(|l| l - log_total).collect()
            })
            .collect()
    }

    /// The log-probability of `label` after `prompt`.
    fn score(&self, prompt: &[u32], label: &[u32]) -> f64 {
        let whole = [prompt, label].concat();
        let log_probs = self.log_probs(&whole);
        label.iter().enumerate().map(|(i, &t)| log_probs[prompt.len() + i - 1][t as usize]).sum()
    }
}

fn score(prompt: &str, labels: &[&str]) -> Score {
    Score::new(Prompt::Text(prompt.to_owned()), labels.iter().map(|&l| l.to_owned()).collect())
}

#[tokio::test]
async fn scores_are_those_of_a_plain_forward_pass() {
    for dtype in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q8_0, GgmlDType::F16, GgmlDType::Q5_0] {
        let parts = Parts::sound(dtype);
        let (client, plain) = (parts.client(1), Plain(&parts));
        let (prompt, labels) = ("Is it a cat? Say", [" no", "x", " most likely"]);
        let scored = client.score(&score(prompt, &labels)).await.unwrap();
        for (label, found) in labels.iter().zip(&scored.log_probs) {
            let truth = plain.score(&bytes(prompt), &bytes(label));
            assert!((found - truth).abs() < 2e-4, "{dtype:?} '{label}': {found}, plain {truth}");
        }
        assert_eq!(scored.tokens, [3, 1, 12]);
        assert_eq!((scored.usage.tokens_in, scored.usage.tokens_out), (16 + 16, 0));
    }
}

#[tokio::test]
async fn greedy_text_is_that_of_a_plain_forward_pass() {
    let parts = Parts::sound(GgmlDType::Q4_1);
    let (client, plain) = (parts.client(1), Plain(&parts));
    let mut request = Generate::new(Prompt::Text("Tell us a tale".to_owned()));
    request.max_tokens = 8;
    let mut tokens = bytes("Tell us a tale");
    let mut expected = Vec::new();
    for _ in 0..8 {
        let last = plain.log_probs(&tokens).pop().unwrap();
        let next = (0..VOCABULARY).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap() as u32;
        if next < 3 {
            break;
        }
        expected.extend(if next == ER { b"er".to_vec() } else { vec![(next - 3) as u8] });
        tokens.push(next);
    }
    let answer = client.generate(&request).await.unwrap();
    assert_eq!(answer.text, String::from_utf8_lossy(&expected));
    assert!(!expected.is_empty());
}

#[tokio::test]
async fn a_label_that_melts_with_the_prompt_is_scored_from_the_same_boundary_as_the_others() {
    let parts = Parts::sound(GgmlDType::Q4_1);
    let (client, plain) = (parts.client(1), Plain(&parts));
    // "..e" + "r" is written with the one token "er", so the prompt ends before its "e" for both labels.
    let scored = client.score(&score("The nam e", &["r", "x"])).await.unwrap();
    let prompt = bytes("The nam ");
    let truth = [plain.score(&prompt, &[ER]), plain.score(&prompt, &bytes("ex"))];
    for (found, truth) in scored.log_probs.iter().zip(truth) {
        assert!((found - truth).abs() < 2e-4, "{found}, plain {truth}");
    }
    assert_eq!(scored.tokens, [1, 2]);
}
