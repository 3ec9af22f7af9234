use std::time::Duration;

/// A timeout learnt from how long things took: the retransmission timer of TCP (RFC 6298; Jacobson and Karels 1988).
///
/// The smoothed time plus four smoothed deviations, within `floor` and `ceiling`; doubled after each timeout until the
/// next success, so that a slower world is not taken for a broken one. Before the first success it is the ceiling.
///
/// ```
/// use std::time::Duration;
/// use coordination::Patience;
/// let mut patience = Patience::new(Duration::from_millis(10), Duration::from_secs(30));
/// assert_eq!(patience.timeout(), Duration::from_secs(30));
/// patience.took(Duration::from_secs(1));
/// assert_eq!(patience.timeout(), Duration::from_secs(3), "1 s and four deviations of half of it");
/// patience.timed_out();
/// assert_eq!(patience.timeout(), Duration::from_secs(6));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    floor: Duration,
    ceiling: Duration,
    /// Smoothed time and deviation in seconds.
    learnt: Option<(f64, f64)>,
    doublings: u32,
}

impl Patience {
    /// Nothing learnt yet. A floor above the ceiling counts as the ceiling.
    pub fn new(floor: Duration, ceiling: Duration) -> Self {
        Self { floor: floor.min(ceiling), ceiling, learnt: None, doublings: 0 }
    }

    /// Something succeeded within this time.
    pub fn took(&mut self, time: Duration) {
        let time = time.as_secs_f64();
        self.learnt = Some(match self.learnt {
            None => (time, time / 2.0),
            Some((smooth, deviation)) => {
                (0.875 * smooth + 0.125 * time, 0.75 * deviation + 0.25 * (smooth - time).abs())
            }
        });
        self.doublings = 0;
    }

    /// Something was given up.
    pub fn timed_out(&mut self) {
        self.doublings = (self.doublings + 1).min(32);
    }

    /// How long to wait.
    pub fn timeout(&self) -> Duration {
        let Some((smooth, deviation)) = self.learnt else { return self.ceiling };
        let seconds = (smooth + 4.0 * deviation) * f64::from(self.doublings).exp2();
        Duration::try_from_secs_f64(seconds).unwrap_or(self.ceiling).clamp(self.floor, self.ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_times_draw_it_down_to_the_floor_and_timeouts_to_the_ceiling() {
        let second = Duration::from_secs(1);
        let mut patience = Patience::new(second * 2, second * 300);
        (0..60).for_each(|_| patience.took(second));
        assert_eq!(patience.timeout(), second * 2, "1 s and no deviation is below the floor");
        (0..7).for_each(|_| patience.timed_out());
        assert!(patience.timeout() > second * 120 && patience.timeout() <= second * 300);
        (0..90).for_each(|_| patience.timed_out());
        assert_eq!(patience.timeout(), second * 300);
        patience.took(second);
        assert_eq!(patience.timeout(), second * 2);
    }
}
