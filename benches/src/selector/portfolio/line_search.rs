//! The line search of Moré and Thuente (1994): a step of sufficient decrease and small slope.

/// Sufficient decrease, slope, and least relative width of the bracket.
const DECREASE: f64 = 1e-3;
const SLOPE: f64 = 0.9;
const WIDTH: f64 = 0.1;

/// A step with the value and slope there.
#[derive(Clone, Copy)]
struct Sample {
    step: f64,
    value: f64,
    slope: f64,
}

/// The state between two evaluations.
pub(super) struct LineSearch {
    start: Sample,
    best: Sample,
    other: Sample,
    bracketed: bool,
    modified: bool,
    widths: (f64, f64),
    range: (f64, f64),
    longest: f64,
}

/// What to do after an evaluation.
pub(super) enum Next {
    /// Try this step.
    Step(f64),
    /// The step just tried is the result.
    Done,
}

impl LineSearch {
    /// From `value` with the (negative) `slope`; steps up to `longest`, the first is `step`.
    pub(super) fn new(value: f64, slope: f64, step: f64, longest: f64) -> Self {
        let start = Sample { step: 0.0, value, slope };
        Self {
            start,
            best: start,
            other: start,
            bracketed: false,
            modified: true,
            widths: (longest, 2.0 * longest),
            range: (0.0, 5.0 * step),
            longest,
        }
    }

    /// Takes the value and slope at `step`.
    pub(super) fn tell(&mut self, step: f64, value: f64, slope: f64) -> Next {
        let wanted = DECREASE * self.start.slope;
        let line = self.start.value + step * wanted;
        let enough = value <= line;
        if self.modified && enough && slope >= 0.0 {
            self.modified = false;
        }
        let narrow = self.bracketed && self.range.1 - self.range.0 <= WIDTH * self.range.1;
        let outside = self.bracketed && (step <= self.range.0 || step >= self.range.1);
        let at_end = step >= self.longest && enough && slope <= wanted;
        let at_start = step <= 0.0 && (!enough || slope >= wanted);
        if narrow || outside || at_end || at_start || enough && slope.abs() <= -SLOPE * self.start.slope {
            return Next::Done;
        }
        let here = Sample { step, value, slope };
        let mut next = if self.modified && value <= self.best.value && !enough {
            let tilt = |s: Sample, sign: f64| Sample {
                step: s.step,
                value: s.value - sign * s.step * wanted,
                slope: s.slope - sign * wanted,
            };
            self.best = tilt(self.best, 1.0);
            self.other = tilt(self.other, 1.0);
            let next = self.advance(tilt(here, 1.0));
            self.best = tilt(self.best, -1.0);
            self.other = tilt(self.other, -1.0);
            next
        } else {
            self.advance(here)
        };
        let (x, y) = (self.best.step, self.other.step);
        if self.bracketed {
            if (y - x).abs() >= 0.66 * self.widths.1 {
                next = x + 0.5 * (y - x);
            }
            self.widths = ((y - x).abs(), self.widths.0);
            self.range = (x.min(y), x.max(y));
        } else {
            self.range = (next + 1.1 * (next - x), next + 4.0 * (next - x));
        }
        next = next.clamp(0.0, self.longest);
        let (low, high) = self.range;
        if self.bracketed && (next <= low || next >= high || high - low <= WIDTH * high) {
            next = x;
        }
        Next::Step(next)
    }

    /// Shrinks the interval by the sample `p` and returns the next step: the four cases of the paper.
    fn advance(&mut self, p: Sample) -> f64 {
        let x = self.best;
        let opposite = p.slope * x.slope.signum() < 0.0;
        let cubic = |a: Sample, b: Sample, clamp: bool| {
            let theta = 3.0 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope;
            let s = theta.abs().max(a.slope.abs()).max(b.slope.abs());
            let inside = (theta / s).powi(2) - (a.slope / s) * (b.slope / s);
            (theta, s * if clamp { inside.max(0.0) } else { inside }.sqrt())
        };
        let secant = p.step + p.slope / (p.slope - x.slope) * (x.step - p.step);
        let next;
        if p.value > x.value {
            let (theta, mut gamma) = cubic(x, p, false);
            if p.step < x.step {
                gamma = -gamma;
            }
            let r = (gamma - x.slope + theta) / (gamma - x.slope + gamma + p.slope);
            let c = x.step + r * (p.step - x.step);
            let slope = (x.value - p.value) / (p.step - x.step) + x.slope;
            let q = x.step + x.slope / slope / 2.0 * (p.step - x.step);
            next = if (c - x.step).abs() < (q - x.step).abs() { c } else { c + (q - c) / 2.0 };
            self.bracketed = true;
        } else if opposite {
            let (theta, mut gamma) = cubic(x, p, false);
            if p.step > x.step {
                gamma = -gamma;
            }
            let r = (gamma - p.slope + theta) / (gamma - p.slope + gamma + x.slope);
            let c = p.step + r * (x.step - p.step);
            next = if (c - p.step).abs() > (secant - p.step).abs() { c } else { secant };
            self.bracketed = true;
        } else if p.slope.abs() < x.slope.abs() {
            let (theta, mut gamma) = cubic(x, p, true);
            if p.step > x.step {
                gamma = -gamma;
            }
            let r = (gamma - p.slope + theta) / (gamma + (x.slope - p.slope) + gamma);
            let c = if r < 0.0 && gamma != 0.0 {
                p.step + r * (x.step - p.step)
            } else if p.step > x.step {
                self.range.1
            } else {
                self.range.0
            };
            let nearer = (c - p.step).abs() < (secant - p.step).abs();
            if self.bracketed {
                let step = if nearer { c } else { secant };
                let limit = p.step + 0.66 * (self.other.step - p.step);
                next = if p.step > x.step { step.min(limit) } else { step.max(limit) };
            } else {
                let step = if nearer { secant } else { c };
                next = step.clamp(self.range.0.min(self.range.1), self.range.1.max(self.range.0));
            }
        } else if self.bracketed {
            let y = self.other;
            let (theta, mut gamma) = cubic(p, y, false);
            if p.step > y.step {
                gamma = -gamma;
            }
            let r = (gamma - p.slope + theta) / (gamma - p.slope + gamma + y.slope);
            next = p.step + r * (y.step - p.step);
        } else {
            next = if p.step > x.step { self.range.1 } else { self.range.0 };
        }
        if p.value > x.value {
            self.other = p;
        } else {
            if opposite {
                self.other = x;
            }
            self.best = p;
        }
        next
    }
}
