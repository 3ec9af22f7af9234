use std::ops::Range;
use std::sync::atomic::AtomicBool;

use super::activation::partition;
use super::arena::Arena;
use super::crew::Crew;
use super::engine::{Engine, Start, common, last};
use super::forward::{Pass, Segment, TRUNK};
use super::matrix::Matrix;
use super::vocabulary::Piece;
use crate::{InferenceError, Score, Scored, Usage};

/// Tokens of labels evaluated in one go behind one prompt.
const BRANCHES: usize = 256;
/// Tokens of all texts evaluated in one go.
const PACKED: usize = 768;
/// Described tokens whose logits are held at once: a row of the vocabulary each.
const ROWS: usize = 48;

/// A request on its way.
struct Scoring<'a> {
    /// Place of its answer.
    number: usize,
    trunk: Vec<u32>,
    /// The tokens of each continuation after the trunk.
    labels: Vec<Vec<u32>>,
    /// What is read of the trunk: all but a last part.
    arena: Arena,
    cached: usize,
    scores: Vec<f64>,
    given_up: &'a AtomicBool,
}

/// Some labels of a request, read together with the last part of its trunk.
struct Group {
    scoring: usize,
    labels: Range<usize>,
    arena: Arena,
    tokens: Vec<u32>,
    positions: Vec<u32>,
    branches: Vec<u32>,
    wanted: Vec<usize>,
}

impl Engine {
    /// Scores the continuations of all `requests`; see [`crate::LlmClient::score`]. Each comes with a flag that tells
    /// that nobody waits for the answer any more.
    ///
    /// Several texts go through the model together. None of the answers depends on the company.
    pub(crate) fn score(
        &self,
        requests: &[(&Score, &AtomicBool)],
        crew: &Crew,
    ) -> Vec<Result<Scored, InferenceError>> {
        let mut errors: Vec<Option<InferenceError>> = Vec::with_capacity(requests.len());
        let mut scorings = Vec::with_capacity(requests.len());
        for (number, (request, given_up)) in requests.iter().enumerate() {
            match self.scoring(number, request, crew, given_up) {
                Ok(scoring) => {
                    scorings.push(scoring);
                    errors.push(None);
                }
                Err(error) => errors.push(Some(error)),
            }
        }
        let mut groups = Vec::new();
        for (i, scoring) in scorings.iter_mut().enumerate() {
            scoring.divide(i, &mut groups);
        }
        let mut rest = &mut groups[..];
        while !rest.is_empty() {
            // As many groups as fit, at least one.
            let mut total = 0;
            let fits = |group: &&Group| {
                total += group.tokens.len();
                total <= PACKED
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at_mut(count);
            self.score_groups(crew, now, &mut scorings);
            rest = later;
        }
        let mut scorings = scorings.into_iter().peekable();
        let answer = |(number, error): (usize, Option<InferenceError>)| match (
            error,
            scorings.next_if(|s| s.number == number),
        ) {
            (None, Some(scoring)) => self.go_on(scoring.given_up).map(|()| scoring.finish()),
            (error, _) => Err(error.unwrap_or_else(|| self.invalid("was not scored; please report it"))),
        };
        errors.into_iter().enumerate().map(answer).collect()
    }

    /// Reads all of a request but the last part of its trunk and its labels.
    fn scoring<'a>(
        &self,
        number: usize,
        request: &Score,
        crew: &Crew,
        given_up: &'a AtomicBool,
    ) -> Result<Scoring<'a>, InferenceError> {
        if request.continuations.is_empty() {
            return Err(self.invalid("nothing to score; give at least one continuation"));
        }
        if let Some(i) = request.continuations.iter().position(String::is_empty) {
            return Err(self.invalid(format!("continuation {i} is empty; give it at least one letter")));
        }
        let written = self.write(&request.prompt, request.shared_prefix)?;
        let mut start = self.start(&written)?;
        let labels = self.labels(&written.whole, &mut start, &request.continuations)?;
        let longest = labels.iter().map(Vec::len).max().unwrap_or(0);
        let trunk = start.tokens.len();
        self.fit(trunk + longest)?;
        let (mut arena, cached) = self.shared(crew, &start, trunk - 1, given_up)?;
        let read = trunk - last(trunk - arena.len());
        self.read(crew, &mut arena, &start.tokens[..read], given_up)?;
        let scores = vec![0.0; labels.len()];
        Ok(Scoring { number, trunk: start.tokens, labels, arena, cached, scores, given_up })
    }

    /// The tokens of each continuation, from the last place where all of them still agree with the prompt.
    ///
    /// Usually that place is the end of the prompt. Where a label melts with the prompt's end into one token, the
    /// prompt is cut back there for every label, so that all log-probabilities are of the same text.
    fn labels(
        &self,
        prompt: &[Piece],
        start: &mut Start,
        continuations: &[String],
    ) -> Result<Vec<Vec<u32>>, InferenceError> {
        let mut wholes = Vec::with_capacity(continuations.len());
        for continuation in continuations {
            let mut pieces = prompt.to_vec();
            match pieces.last_mut() {
                Some(Piece::Text(text)) => text.push_str(continuation),
                _ => pieces.push(Piece::Text(continuation.clone())),
            }
            wholes.push(self.encode(&pieces)?);
        }
        let kept = wholes.iter().map(|whole| common(whole, &start.tokens)).min().unwrap_or(0);
        if kept == 0 {
            return Err(self.invalid(
                "the prompt melts with a continuation from its first token on; write a longer prompt",
            ));
        }
        start.tokens.truncate(kept);
        Ok(wholes.into_iter().map(|whole| whole[kept..].to_vec()).collect())
    }

    /// Evaluates `groups` together and adds up their labels' log-probabilities.
    fn score_groups(&self, crew: &Crew, groups: &mut [Group], scorings: &mut [Scoring<'_>]) {
        if groups.iter().all(|group| self.go_on(scorings[group.scoring].given_up).is_err()) {
            return;
        }
        let mut segments: Vec<_> = groups.iter_mut().map(Group::segment).collect();
        let described = self.model.forward(self.cpu, crew, &mut segments);
        // Which labels' tokens each described token is asked for.
        let mut asked: Vec<Vec<(usize, usize, u32)>> = Vec::new();
        for group in groups {
            let labels = group.labels.clone().map(|label| (label, &scorings[group.scoring].labels[label]));
            asked.push(labels.clone().map(|(label, tokens)| (group.scoring, label, tokens[0])).collect());
            for (label, tokens) in labels {
                asked.extend(tokens[1..].iter().map(|&token| vec![(group.scoring, label, token)]));
            }
        }
        let stride = described.stride;
        for (numbers, asked) in described.numbers.chunks(ROWS * stride).zip(asked.chunks(ROWS)) {
            let logits = self.model.logits(self.cpu, crew, &Matrix { numbers: numbers.to_vec(), stride });
            for (row, asked) in asked.iter().enumerate() {
                let logits = &logits.row(row)[..self.model.shape.vocabulary];
                let (top, sum) = partition(self.cpu, logits);
                for &(scoring, label, token) in asked {
                    let log_prob = f64::from(logits[token as usize]) - f64::from(top) - sum.ln();
                    scorings[scoring].scores[label] += log_prob;
                }
            }
        }
    }
}

impl Group {
    fn segment(&mut self) -> Segment<'_> {
        let Self { arena, tokens, positions, branches, wanted, .. } = self;
        Segment { arena, pass: Pass { tokens, positions, branches, wanted } }
    }
}

impl Scoring<'_> {
    /// Adds the groups of this request, which is scoring number `scoring`: as many labels each as fit.
    fn divide(&mut self, scoring: usize, groups: &mut Vec<Group>) {
        let (base, end) = (self.arena.len(), self.trunk.len());
        let mut first = 0;
        while first < self.labels.len() {
            let mut tokens = self.trunk[base..].to_vec();
            let mut positions: Vec<u32> = (base as u32..end as u32).collect();
            let mut branches = vec![TRUNK; tokens.len()];
            let mut last = first;
            while let Some(label) = self.labels.get(last) {
                // The last token of a label is only predicted, never read.
                let read = &label[..label.len() - 1];
                if last > first && tokens.len() - (end - base) + read.len() > BRANCHES {
                    break;
                }
                tokens.extend_from_slice(read);
                positions.extend((end as u32..).take(read.len()));
                branches.extend(std::iter::repeat_n((last - first) as u32 + 1, read.len()));
                last += 1;
            }
            let wanted = (end - base - 1..tokens.len()).collect();
            let arena = self.arena.fork();
            groups.push(Group { scoring, labels: first..last, arena, tokens, positions, branches, wanted });
            first = last;
        }
    }

    fn finish(self) -> Scored {
        let tokens: Vec<u32> = self.labels.iter().map(|label| label.len() as u32).collect();
        let total = self.trunk.len() as u64 + tokens.iter().map(|&n| u64::from(n)).sum::<u64>();
        let mut usage = Usage::new(total, 0);
        usage.tokens_cached = self.cached as u64;
        Scored::new(self.scores, tokens, usage)
    }
}
