//! Drawing: a frame with one scale a side, and what all drawings share.

use std::fmt::Write as _;

/// The colour of a point by rank: from strong blue for the best to light grey.
pub(super) fn colour(rank: f64) -> String {
    let between = |best: f64, worst: f64| best + (worst - best) * rank.clamp(0.0, 1.0).sqrt();
    format!("rgb({:.0},{:.0},{:.0})", between(20.0, 205.0), between(90.0, 210.0), between(200.0, 215.0))
}

/// A number in few letters.
pub(super) fn number(x: f64) -> String {
    let size = x.abs();
    if x.fract() == 0.0 && size < 1e6 {
        return format!("{x:.0}");
    }
    if (1e-3..1e5).contains(&size) {
        let digits = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
        return format!("{x:.digits$}");
    }
    format!("{x:.3e}")
}

/// Text that is safe in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A scale from values to [0, 1], logarithmic where positive values differ a hundredfold.
pub(super) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        Self { low, high, log: low > 0.0 && high > 100.0 * low }
    }

    /// The place of `value`; the middle where all values are equal.
    pub(super) fn place(&self, value: f64) -> f64 {
        let map = |x: f64| if self.log { x.ln() } else { x };
        let (low, width) = (map(self.low), map(self.high) - map(self.low));
        if width > 0.0 && width.is_finite() { (map(value) - low) / width } else { 0.5 }
    }

    /// Some values along the scale.
    pub(super) fn marks(&self) -> Vec<f64> {
        if self.low.total_cmp(&self.high).is_ge() {
            return vec![self.low];
        }
        let at = |t: f64| {
            if self.log {
                self.low * (self.high / self.low).powf(t)
            } else {
                self.low + (self.high - self.low) * t
            }
        };
        [0.0, 0.25, 0.5, 0.75, 1.0].map(at).to_vec()
    }
}

/// A drawing with a frame.
pub(super) struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    body: String,
}

impl Frame {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { left: 64.0, top: 10.0, width, height, body: String::new() }
    }

    /// The place of a point given in [0, 1] from the left and from the bottom.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + x * self.width, self.top + (1.0 - y) * self.height)
    }

    pub(super) fn dot(&mut self, x: f64, y: f64, colour: &str, title: &str) {
        let (x, y) = self.at(x, y);
        let _ = write!(
            self.body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"><title>{}</title></circle>",
            escape(title)
        );
    }

    pub(super) fn line(&mut self, points: impl Iterator<Item = (f64, f64)>, colour: &str, width: f64) {
        let path: Vec<String> = points
            .map(|(x, y)| {
                let (x, y) = self.at(x, y);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let path = path.join(" ");
        let _ = write!(
            self.body,
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        );
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let (x, y) = self.at(x, y);
        let text = escape(text);
        let _ = write!(self.body, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
    }

    /// Writes the marks of a scale on the left.
    pub(super) fn left_marks(&mut self, scale: &Scale, sign: f64) {
        for mark in scale.marks() {
            let y = scale.place(mark);
            self.text(-6.0 / self.width, y - 4.0 / self.height, "end", &number(sign * mark));
            self.line([(0.0, y), (1.0, y)].into_iter(), "#eee", 1.0);
        }
    }

    /// The finished drawing, named for those who cannot see it.
    pub(super) fn finish(self, name: &str) -> String {
        let (width, height) = (self.left + self.width + 30.0, self.top + self.height + 34.0);
        let Self { left, top, width: w, height: h, body, .. } = self;
        let name = escape(name);
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" aria-label=\"{name}\">\
             <rect x=\"{left}\" y=\"{top}\" width=\"{w}\" height=\"{h}\" fill=\"none\" stroke=\"#ccc\"/>{body}</svg>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (x, text) in
            [(3.0, "3"), (0.123_456, "0.1235"), (1e-9, "1.000e-9"), (-12.5, "-12.50"), (0.0, "0")]
        {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn scales_cover_their_values() {
        let log = Scale::of([1e-4, 1.0].into_iter());
        assert!((log.place(1e-2) - 0.5).abs() < 1e-9);
        let flat = Scale::of([2.0, 2.0].into_iter());
        assert!((flat.place(2.0) - 0.5).abs() < 1e-9);
        assert_eq!(flat.marks(), [2.0]);
    }
}
