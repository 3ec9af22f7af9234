"""Speed of evolution on exclusive or: neat-python, radiate and this project, by turns on one thread.

    pip install neat-python==2.0.0
    cargo build --release -p metaorch-benches --no-default-features --bin topology
    cargo build --release --manifest-path benches/peers/radiate/Cargo.toml --target-dir target/peers
    python3 benches/peers/neat_xor.py --topology target/release/topology --radiate target/peers/release/peer-radiate

All three evolve a population of 150 for a fixed number of generations and go on when the task is solved. neat-python has the
settings of its own example for exclusive or; radiate those of its own. Rates are a second of processor time. The ratio of
generations is to neat-python; that of genomes is to radiate, which does not score survivors again: a genome is counted
when it is evaluated. The last line is one JSON object with the median over the rounds of the ratios within a round. For
measurements on a developer's machine; continuous integration times nothing.
"""

import argparse
import json
import random
import statistics
import subprocess
import tempfile
import time

import neat

SETTINGS = """
[NEAT]
fitness_criterion = max
fitness_threshold = 3.9
no_fitness_termination = True
pop_size = 150
reset_on_extinction = True
[DefaultGenome]
activation_default = sigmoid
activation_mutate_rate = 0.0
activation_options = sigmoid
aggregation_default = sum
aggregation_mutate_rate = 0.0
aggregation_options = sum
bias_init_type = gaussian
bias_init_mean = 0.0
bias_init_stdev = 1.0
bias_max_value = 30.0
bias_min_value = -30.0
bias_mutate_power = 0.5
bias_mutate_rate = 0.7
bias_replace_rate = 0.1
compatibility_disjoint_coefficient = 1.0
compatibility_weight_coefficient = 0.5
conn_add_prob = 0.5
conn_delete_prob = 0.5
enabled_default = True
enabled_mutate_rate = 0.01
enabled_rate_to_true_add = 0.0
enabled_rate_to_false_add = 0.0
feed_forward = True
initial_connection = full_direct
node_add_prob = 0.2
node_delete_prob = 0.2
num_hidden = 0
num_inputs = 2
num_outputs = 1
response_init_type = gaussian
response_init_mean = 1.0
response_init_stdev = 0.0
response_max_value = 30.0
response_min_value = -30.0
response_mutate_power = 0.0
response_mutate_rate = 0.0
response_replace_rate = 0.0
single_structural_mutation = False
structural_mutation_surer = default
weight_init_type = gaussian
weight_init_mean = 0.0
weight_init_stdev = 1.0
weight_max_value = 30
weight_min_value = -30
weight_mutate_power = 0.5
weight_mutate_rate = 0.8
weight_replace_rate = 0.1
[DefaultSpeciesSet]
compatibility_threshold = 3.0
[DefaultStagnation]
species_fitness_func = max
max_stagnation = 20
species_elitism = 2
[DefaultReproduction]
elitism = 2
survival_threshold = 0.2
min_species_size = 2
"""

CASES = [((0.0, 0.0), 0.0), ((0.0, 1.0), 1.0), ((1.0, 0.0), 1.0), ((1.0, 1.0), 0.0)]


def score(genomes, config):
    for _, genome in genomes:
        network = neat.nn.FeedForwardNetwork.create(genome, config)
        genome.fitness = 4.0 - sum((network.activate(inputs)[0] - wanted) ** 2 for inputs, wanted in CASES)


def neat_python(seed, generations):
    random.seed(seed)
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(SETTINGS)
        file.flush()
        config = neat.Config(neat.DefaultGenome, neat.DefaultReproduction, neat.DefaultSpeciesSet,
                             neat.DefaultStagnation, file.name)
    population = neat.Population(config)
    begin = time.process_time()
    population.run(score, generations)
    return generations / (time.process_time() - begin)


def last_line(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topology", required=True)
    parser.add_argument("--radiate", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--generations", type=int, default=200, help="of neat-python; the others run ten times as long")
    parser.add_argument("--first", type=int, default=0, help="seed of the first round")
    args = parser.parse_args()
    rows = []
    for round_ in range(args.first, args.first + args.rounds):
        ours = last_line([args.topology, "throughput", "--seeds", f"{round_}..{round_}", "--json"])
        theirs = last_line([args.radiate, str(round_), str(10 * args.generations)])
        python = neat_python(round_, args.generations)
        rows.append({"ours": ours["generations_per_cpu_s"], "radiate_genomes": theirs["genomes_per_cpu_s"],
                     "radiate": theirs["generations_per_cpu_s"], "neat_python": python})
        print(json.dumps(rows[-1]), flush=True)
    median = lambda of: statistics.median(of(row) for row in rows)  # noqa: E731
    print(json.dumps({
        "generations_per_cpu_s": median(lambda r: r["ours"]),
        "to_neat_python": median(lambda r: r["ours"] / r["neat_python"]),
        "to_radiate_per_genome": median(lambda r: 150 * r["ours"] / r["radiate_genomes"]),
    }))


if __name__ == "__main__":
    main()
