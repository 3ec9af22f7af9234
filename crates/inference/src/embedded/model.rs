use super::family::Family;
use super::gguf::ModelFile;
use super::shape::Shape;
use super::weights::Weights;
use crate::InferenceError;

/// A matrix and what is added after it.
#[derive(Debug)]
pub(crate) struct Projection {
    pub(crate) weights: Weights,
    pub(crate) bias: Option<Vec<f32>>,
}

/// One layer's weights.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) attention_norm: Vec<f32>,
    pub(crate) query: Projection,
    pub(crate) key: Projection,
    pub(crate) value: Projection,
    /// Gains of the norms of each query head and each key head.
    pub(crate) head_norms: Option<(Vec<f32>, Vec<f32>)>,
    pub(crate) output: Weights,
    /// Gains of the norm of what attention says.
    pub(crate) after_attention: Option<Vec<f32>>,
    pub(crate) inner_norm: Vec<f32>,
    pub(crate) gate: Weights,
    pub(crate) up: Weights,
    pub(crate) down: Weights,
    /// Gains of the norm of what the feed-forward part says.
    pub(crate) after_inner: Option<Vec<f32>>,
}

/// A language model, weights as quantised as the file holds them.
///
/// Whatever the file's order, the rows of queries and keys are ordered so that rotary pairs are neighbours: scores do
/// not change when both sides are reordered alike.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) shape: Shape,
    pub(crate) family: Family,
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
        let family = Family::of(file)?;
        let layers = file.size(&family.key("block_count"), 1024)?;
        let mut shape = Shape::read(file, &family)?;
        if file.has("rope_freqs.weight") {
            let factors = file.vector("rope_freqs.weight", shape.frequencies.len())?;
            for (frequency, factor) in shape.frequencies.iter_mut().zip(factors) {
                *frequency /= f64::from(factor);
            }
        }
        let Shape { width, vocabulary, .. } = shape;
        let embedding = file.matrix("token_embd.weight", vocabulary, width)?;
        let query_scale = query_scale(&family, layers, &shape);
        let layers = (0..layers)
            .map(|i| Layer::read(file, &family, &shape, i, query_scale))
            .collect::<Result<_, _>>()?;
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
        Ok(Self { shape, family, embedding, layers, norm, output })
    }
}

impl Layer {
    fn read(
        file: &mut ModelFile,
        family: &Family,
        shape: &Shape,
        layer: usize,
        query_scale: f32,
    ) -> Result<Self, InferenceError> {
        let Shape { width, inner, heads, kv_heads, head, .. } = *shape;
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let (q, kv) = (heads * head, kv_heads * head);
        let turned = 2 * shape.frequencies.len();
        let order = family.halves.then(|| neighbours(head, turned));
        let attention_norm = file.vector(&name("attn_norm"), width)?;
        let order = order.as_deref();
        let query = projection(file, layer, "attn_q", q, width, order)?;
        let key = projection(file, layer, "attn_k", kv, width, order)?;
        let mut head_norms = if family.head_norms {
            let gains = (file.vector(&name("attn_q_norm"), head)?, file.vector(&name("attn_k_norm"), head)?);
            Some(gains)
        } else {
            None
        };
        if let Some(order) = order {
            head_norms = head_norms.map(|(q, k)| (pick(&q, order), pick(&k, order)));
        }
        if let Some((query, _)) = &mut head_norms {
            for gain in query {
                *gain *= query_scale;
            }
        }
        let after = |file: &mut ModelFile, part| {
            if family.after_norms { file.vector(&name(part), width).map(Some) } else { Ok(None) }
        };
        Ok(Self {
            attention_norm,
            query,
            key,
            value: projection(file, layer, "attn_v", kv, width, None)?,
            head_norms,
            output: file.matrix(&name("attn_output"), width, q)?,
            after_attention: after(file, "post_attention_norm")?,
            inner_norm: file.vector(&name("ffn_norm"), width)?,
            gate: file.matrix(&name("ffn_gate"), inner, width)?,
            up: file.matrix(&name("ffn_up"), inner, width)?,
            down: file.matrix(&name("ffn_down"), width, inner)?,
            after_inner: after(file, "post_ffw_norm")?,
        })
    }
}

/// Reads a projection; `order` says how the rows of each head are to be ordered.
fn projection(
    file: &mut ModelFile,
    layer: usize,
    part: &str,
    rows: usize,
    columns: usize,
    order: Option<&[usize]>,
) -> Result<Projection, InferenceError> {
    let order: Option<Vec<usize>> = order.map(|order| {
        (0..rows).map(|row| row / order.len() * order.len() + order[row % order.len()]).collect()
    });
    let name = format!("blk.{layer}.{part}.weight");
    let weights = file.ordered_matrix(&name, rows, columns, order.as_deref())?;
    let name = format!("blk.{layer}.{part}.bias");
    let bias = if file.has(&name) { Some(file.vector(&name, rows)?) } else { None };
    let bias = bias.map(|bias| order.as_deref().map_or_else(|| bias.clone(), |order| pick(&bias, order)));
    Ok(Projection { weights, bias })
}

/// Which feature of a head comes where, so that features i and i + turned / 2 become neighbours.
fn neighbours(head: usize, turned: usize) -> Vec<usize> {
    (0..turned / 2).flat_map(|i| [i, i + turned / 2]).chain(turned..head).collect()
}

fn pick(values: &[f32], order: &[usize]) -> Vec<f32> {
    order.iter().map(|&i| values[i]).collect()
}

/// What queries are multiplied with beyond the usual `1 / sqrt(head)`: only the largest gemma3 differs.
fn query_scale(family: &Family, layers: usize, shape: &Shape) -> f32 {
    let usual = shape.head as f32;
    let own =
        if family.after_norms && layers == 62 { shape.width as f32 / shape.heads as f32 } else { usual };
    (usual / own).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_become_neighbours() {
        assert_eq!(neighbours(6, 4), [0, 2, 1, 3, 4, 5]);
    }
}
