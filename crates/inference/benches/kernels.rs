//! The engine's products with the machine's widest instructions and without any: `cargo bench -p inference`.
//!
//! One element is one multiply-add of a weight and a token's number.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inference::embedded::kernels::Kernel;

fn products(criterion: &mut Criterion) {
    // Matrices as a small model has them: its feed-forward part, and some rows of its vocabulary.
    for (bits, rows, columns) in [(4, 1536, 576), (4, 576, 1536), (8, 4096, 576)] {
        let mut group = criterion.benchmark_group(format!("{bits} bits {rows}x{columns}"));
        for tokens in [1, 6, 128] {
            group.throughput(Throughput::Elements((rows * columns * tokens) as u64));
            for (name, simd) in [("simd", true), ("scalar", false)] {
                let mut kernel = Kernel::new(simd, bits, rows, columns, tokens).expect("the sizes are sound");
                let id = BenchmarkId::new(name, format!("{tokens} tokens"));
                group.bench_function(id, |bencher| bencher.iter(|| black_box(kernel.run())));
            }
        }
        group.finish();
    }
}

criterion_group!(benches, products);
criterion_main!(benches);
