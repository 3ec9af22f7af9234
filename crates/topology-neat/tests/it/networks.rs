//! Storms of operators leave only well-formed networks, and equal structure has equal names.

use meta_traits::Stream;
use topology_neat::{
    Activation, Compatibility, Fitter, Flow, Innovation, Network, NetworkEdit, NetworkGenome, NetworkSpace,
    Role, crossover, distance,
};

/// How many operators are applied; more by `METAORCH_SOAK_N`.
#[expect(clippy::disallowed_methods, reason = "the test, not the pillar, takes its count from outside")]
fn operators() -> u64 {
    std::env::var("METAORCH_SOAK_N").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

fn spaces() -> [NetworkSpace; 4] {
    let base = NetworkSpace::feed_forward(3, 2, Activation::Tanh);
    [
        NetworkSpace { max_hidden: 6, max_edges: 30, ..base.clone() },
        NetworkSpace { flow: Flow::Recurrent, max_hidden: 6, max_edges: 40, ..base.clone() },
        NetworkSpace { max_hidden: 0, max_edges: 8, ..base.clone() },
        NetworkSpace { flow: Flow::Recurrent, bias: false, max_hidden: 20, max_edges: 120, ..base },
    ]
}

/// The bits of the distance: 0 for none.
fn apart(a: &NetworkGenome, b: &NetworkGenome) -> u64 {
    distance(a, b, &Compatibility::default()).to_bits()
}

/// One operator on a random member of `pool`, as often raw ones of the genome as edits of networks.
fn applied(pool: &[NetworkGenome], space: &NetworkSpace, rng: &mut Stream) -> (String, NetworkGenome) {
    let mut genome = pool[rng.below(pool.len())].clone();
    let edge = rng.pick(genome.edges()).map(|e| e.id);
    let ends = [rng.pick(genome.nodes()).unwrap().id, rng.pick(genome.nodes()).unwrap().id];
    let roomy = genome.inner() < space.max_hidden && genome.edges().len() + 2 <= space.max_edges;
    let name = match rng.below(10) {
        0 => {
            let fitter = if rng.chance(0.5) { Fitter::First } else { Fitter::Neither };
            genome = crossover(&genome, &pool[rng.below(pool.len())], fitter, rng);
            "crossover".to_owned()
        }
        1 if genome.edges().len() < space.max_edges => {
            let before = genome.clone();
            if genome.connect(ends[0], ends[1], rng.unit()).is_err() {
                assert_eq!(genome, before, "a refused edge changes nothing");
            }
            "connect".to_owned()
        }
        2 if roomy => {
            let _ = edge.map(|id| genome.split(id, Activation::Relu, 1.0, 0.5).unwrap());
            "split".to_owned()
        }
        3 => {
            let _ = genome.remove(ends[0]);
            "remove".to_owned()
        }
        4 => {
            let _ = edge.map(|id| genome.set_enabled(id, rng.chance(0.5)));
            "set_enabled".to_owned()
        }
        _ => {
            let edit = NetworkEdit::ALL[rng.below(NetworkEdit::ALL.len())];
            let before = genome.clone();
            if !edit.apply(&mut genome, space, rng) {
                assert_eq!(genome, before, "{edit:?} that did nothing changes nothing");
            }
            format!("{edit:?}")
        }
    };
    (name, genome)
}

#[test]
fn a_storm_of_operators_leaves_only_networks() {
    let spaces = spaces();
    let mut rng = Stream::root(11);
    let mut pools: Vec<Vec<NetworkGenome>> =
        spaces.iter().map(|space| vec![space.minimal().unwrap(); 4]).collect();
    for i in 0..operators() {
        let at = (i % 4) as usize;
        let (name, genome) = applied(&pools[at], &spaces[at], &mut rng);
        // Crossover of large parents may leave the space, never the form.
        assert_eq!(genome.check(), Ok(()), "{name} at {i}");
        if i % 16 < 4 {
            let written = serde_json::to_string(&genome).unwrap();
            assert_eq!(serde_json::from_str::<NetworkGenome>(&written).unwrap(), genome);
            let output = Network::of(&genome).activate(&[0.1, -0.7, 0.3]).to_vec();
            assert!(output.len() == 2 && output.iter().all(|y| y.is_finite()), "{name} at {i}: {output:?}");
        }
        if !spaces[at].contains(&genome) {
            assert_eq!(name, "crossover", "at {i}");
            continue;
        }
        let place = rng.below(4);
        // Back to small ones now and then, or all would be at their limit.
        pools[at][place] = if i % 97 == at as u64 { spaces[at].minimal().unwrap() } else { genome };
    }
}

#[test]
fn the_same_structure_has_the_same_names_whatever_the_order() {
    let space = NetworkSpace::feed_forward(2, 1, Activation::Tanh);
    let mut one = space.minimal().unwrap();
    let mut other = one.clone();
    let edge = |g: &NetworkGenome, i| Innovation::edge(g.input(i).unwrap(), g.output(0).unwrap());
    let (a, b) = (edge(&one, 0), edge(&one, 1));
    let first = one.split(a, Activation::Tanh, 1.0, 2.0).unwrap();
    let second = one.split(b, Activation::Tanh, 3.0, 4.0).unwrap();
    one.connect(first, second, 5.0).unwrap();
    other.split(b, Activation::Tanh, 3.0, 4.0).unwrap();
    other.split(a, Activation::Tanh, 1.0, 2.0).unwrap();
    other.connect(first, second, 5.0).unwrap();
    assert_eq!(one, other);
    let outputs = [Network::of(&one).activate(&[0.2, 0.7])[0], Network::of(&other).activate(&[0.2, 0.7])[0]];
    assert_eq!(outputs[0].to_bits(), outputs[1].to_bits());
    assert_eq!(apart(&one, &other), 0);
    let third = one.split(a, Activation::Relu, 1.0, 2.0).unwrap();
    let fourth = one.split(a, Activation::Tanh, 1.0, 2.0).unwrap();
    assert!(![first, second, third].contains(&fourth), "a second split of an edge is another node");
}

#[test]
fn distance_is_symmetric_and_zero_to_itself() {
    let space = &spaces()[3];
    let mut rng = Stream::root(2);
    let mut pool = vec![space.minimal().unwrap(); 4];
    for _ in 0..500 {
        let (_, genome) = applied(&pool, space, &mut rng);
        if space.contains(&genome) {
            assert_eq!(apart(&genome, &pool[0]), apart(&pool[0], &genome));
            assert_eq!(apart(&genome, &genome), 0);
            let place = rng.below(4);
            pool[place] = genome;
        }
    }
}

#[test]
fn children_have_genes_of_their_parents_alone() {
    let space = &spaces()[1];
    let mut rng = Stream::root(8);
    let mut pool = vec![space.minimal().unwrap(); 6];
    for _ in 0..2_000 {
        let (_, genome) = applied(&pool, space, &mut rng);
        let place = rng.below(6);
        if space.contains(&genome) {
            pool[place] = genome;
        }
        let (a, b) = (&pool[rng.below(6)], &pool[rng.below(6)]);
        let child = crossover(a, b, Fitter::First, &mut rng);
        assert!(
            child.edges().iter().map(|e| e.id).eq(a.edges().iter().map(|e| e.id)),
            "the fitter gives the form"
        );
        for edge in child.edges() {
            let from = |parent: &NetworkGenome| {
                parent.edge(edge.id).is_some_and(|e| e.payload.to_bits() == edge.payload.to_bits())
            };
            assert!(from(a) || from(b));
        }
    }
}

#[test]
fn malformed_genomes_are_refused() {
    let space = NetworkSpace::feed_forward(1, 1, Activation::Tanh);
    let mut genome = space.minimal().unwrap();
    genome.split(genome.edges()[0].id, Activation::Tanh, 1.0, 1.0).unwrap();
    let whole = serde_json::to_value(&genome).unwrap();
    let mut cyclic: NetworkGenome = {
        let mut form = whole.clone();
        form["flow"] = "recurrent".into();
        serde_json::from_value(form).unwrap()
    };
    let inner = cyclic.nodes().iter().find(|n| n.role == Role::Inner).unwrap().id;
    cyclic.connect(inner, inner, 1.0).unwrap();
    let mut cyclic = serde_json::to_value(&cyclic).unwrap();
    cyclic["flow"] = "acyclic".into();
    let mut forms = vec![(cyclic, "cycle")];
    let mut damage = |why, of: fn(&mut serde_json::Value)| {
        let mut form = whole.clone();
        of(&mut form);
        forms.push((form, why));
    };
    damage("no outputs", |f| f["nodes"] = serde_json::json!([]));
    damage("order", |f| f["edges"].as_array_mut().unwrap().reverse());
    damage("order", |f| f["nodes"].as_array_mut().unwrap().reverse());
    damage("order", |f| {
        let first = f["edges"][0].clone();
        f["edges"].as_array_mut().unwrap().insert(0, first);
    });
    damage("no node", |f| f["edges"][0]["source"] = serde_json::json!([1, 2]));
    for (form, why) in forms {
        let error = serde_json::from_value::<NetworkGenome>(form).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
}
