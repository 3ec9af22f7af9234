/// Numbers of tokens, token after token.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub(crate) numbers: Vec<f32>,
    /// Numbers a token, at least one.
    pub(crate) stride: usize,
}

impl Matrix {
    /// Zeros.
    pub(crate) fn new(tokens: usize, stride: usize) -> Self {
        Self { numbers: vec![0.0; tokens * stride], stride }
    }

    /// The numbers of token `token`.
    pub(crate) fn row(&self, token: usize) -> &[f32] {
        &self.numbers[token * self.stride..(token + 1) * self.stride]
    }

    /// How many tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.numbers.len() / self.stride
    }

    /// The rows of `tokens`.
    pub(crate) fn only(&self, tokens: &[usize]) -> Self {
        let numbers = tokens.iter().flat_map(|&t| self.row(t)).copied().collect();
        Self { numbers, stride: self.stride }
    }
}
