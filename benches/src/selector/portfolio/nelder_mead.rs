use super::coroutine::Port;

/// The simplex search with the standard coefficients 1, 2, 1/2, 1/2; ends when the simplex is within 1e-9 and its values
/// within 1e-10.
pub(super) async fn minimise(port: Port, start: Vec<f64>, edge: f64) {
    let dim = start.len();
    let mut simplex: Vec<(f64, Vec<f64>)> = Vec::with_capacity(dim + 1);
    for corner in 0..=dim {
        let mut x = start.clone();
        if corner > 0 {
            x[corner - 1] += edge;
        }
        simplex.push((port.value(&x).await, x));
    }
    loop {
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (best, worst) = (simplex[0].clone(), simplex[dim].clone());
        let flat = simplex.iter().all(|(f, _)| (f - best.0).abs() <= 1e-10);
        let close = |x: &[f64]| x.iter().zip(&best.1).all(|(a, b)| (a - b).abs() <= 1e-9);
        if flat && simplex.iter().all(|(_, x)| close(x)) {
            return;
        }
        let centre: Vec<f64> =
            (0..dim).map(|i| simplex[..dim].iter().map(|(_, x)| x[i]).sum::<f64>() / dim as f64).collect();
        let along = |t: f64| -> Vec<f64> {
            centre.iter().zip(&worst.1).map(|(c, w)| (1.0 + t) * c - t * w).collect()
        };
        let reflected = along(1.0);
        let f = port.value(&reflected).await;
        let accepted = if f < best.0 {
            let expanded = along(2.0);
            let further = port.value(&expanded).await;
            Some(if further < f { (further, expanded) } else { (f, reflected) })
        } else if f < simplex[dim - 1].0 {
            Some((f, reflected))
        } else {
            let outside = f < worst.0;
            let contracted = along(if outside { 0.5 } else { -0.5 });
            let inner = port.value(&contracted).await;
            let good = if outside { inner <= f } else { inner < worst.0 };
            good.then_some((inner, contracted))
        };
        if let Some(vertex) = accepted {
            simplex[dim] = vertex;
            continue;
        }
        for vertex in &mut simplex[1..] {
            let x: Vec<f64> = vertex.1.iter().zip(&best.1).map(|(x, b)| b + 0.5 * (x - b)).collect();
            *vertex = (port.value(&x).await, x);
        }
    }
}
