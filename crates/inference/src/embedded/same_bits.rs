//! Bits that must not depend on what is cached, packed, batched or shared out, for every family.

use tempfile::TempDir;

use super::crew::Crew;
use super::forward::{Pass, Segment, TRUNK};
use super::gguf::ModelFile;
use super::golden::{FAMILIES, list, parsed, write};
use super::model::Model;
use super::simd::Cpu;

/// What is computed for the last of `tokens` when read in passes that end at `cuts`.
fn bits(model: &Model, cpu: Cpu, crew: &Crew, tokens: &[u32], cuts: &[usize]) -> Vec<u32> {
    let mut arena = model.arena();
    let mut described = None;
    for &cut in cuts.iter().chain([&tokens.len()]) {
        let (from, to) = (arena.len(), cut.min(tokens.len()));
        if from < to {
            let positions: Vec<u32> = (from as u32..to as u32).collect();
            let (branches, wanted) = (vec![TRUNK; to - from], [to - from - 1]);
            let (tokens, positions) = (&tokens[from..to], &positions);
            let pass = Pass { tokens, positions, branches: &branches, wanted: &wanted };
            described = Some(model.forward(cpu, crew, &mut [Segment { arena: &mut arena, pass }]));
        }
    }
    let described = described.unwrap();
    described.row(0).iter().map(|x| x.to_bits()).collect()
}

#[test]
fn every_family_gives_the_same_bits_cached_packed_batched_and_threaded() {
    for case in list(&parsed(FAMILIES)["models"]) {
        let folder = TempDir::new().unwrap();
        let mut file = ModelFile::open(&write(folder.path(), case, None)).unwrap();
        let model = Model::read(&mut file).unwrap();
        let vocabulary = model.shape.vocabulary as u32;
        let text = |seed: u32, n: u32| (0..n).map(|i| (i * 7 + seed * 13) % vocabulary).collect::<Vec<_>>();
        // Longer than the windows, and longer than what a share or a block of keys holds.
        let (trunk, ends) = (text(1, 41), [text(2, 3), text(3, 1), text(4, 21)]);
        let (one, two) = (Crew::new(1), Crew::new(2));
        for cpu in [Cpu::detect(), Cpu::baseline()] {
            let whole: Vec<Vec<u32>> = ends.iter().map(|end| [&trunk[..], end].concat()).collect();
            let truth: Vec<Vec<u32>> = whole.iter().map(|t| bits(&model, cpu, &one, t, &[])).collect();
            for (tokens, truth) in whole.iter().zip(&truth) {
                let steps: Vec<usize> = (1..tokens.len()).collect();
                for crew in [&one, &two] {
                    for cuts in [&[][..], &[5], &[16, 33], &[40, 41, 42], &steps] {
                        assert_eq!(&bits(&model, cpu, crew, tokens, cuts), truth, "{}", case["name"]);
                    }
                }
            }
            for (held, crew) in [(0, &one), (0, &two), (9, &one), (40, &two), (41, &one)] {
                // All ends as branches of one trunk, beside a stranger's text, in one joint evaluation.
                let (mut arena, mut other) = (model.arena(), model.arena());
                if held > 0 {
                    let positions: Vec<u32> = (0..held as u32).collect();
                    let branches = vec![TRUNK; held];
                    let pass = Pass {
                        tokens: &trunk[..held],
                        positions: &positions,
                        branches: &branches,
                        wanted: &[],
                    };
                    model.forward(cpu, crew, &mut [Segment { arena: &mut arena, pass }]);
                }
                let mut tokens = trunk[held..].to_vec();
                let mut positions: Vec<u32> = (held as u32..trunk.len() as u32).collect();
                let mut branches = vec![TRUNK; tokens.len()];
                let mut wanted = Vec::new();
                for (branch, end) in (1..).zip(&ends) {
                    tokens.extend(end);
                    positions.extend((trunk.len() as u32..).take(end.len()));
                    branches.resize(tokens.len(), branch);
                    wanted.push(tokens.len() - 1);
                }
                let stranger = text(9, 30);
                let place: Vec<u32> = (0..30).collect();
                let trunks = [TRUNK; 30];
                let alien = Pass { tokens: &stranger, positions: &place, branches: &trunks, wanted: &[29] };
                let pass =
                    Pass { tokens: &tokens, positions: &positions, branches: &branches, wanted: &wanted };
                let mut segments =
                    [Segment { arena: &mut other, pass: alien }, Segment { arena: &mut arena, pass }];
                let described = model.forward(cpu, crew, &mut segments);
                for (i, truth) in truth.iter().enumerate() {
                    let found: Vec<u32> = described.row(i + 1).iter().map(|x| x.to_bits()).collect();
                    assert_eq!(&found, truth, "{} held {held} branch {i}", case["name"]);
                }
                assert_eq!((arena.len(), other.len()), (trunk.len(), 30));
            }
        }
    }
}
