//! Two poles on a cart (Wieland 1991), integrated by Runge & Kutta's fourth-order method.

use topology_neat::{Activation, Network};

const GRAVITY: f64 = -9.8;
const CART: f64 = 1.0;
const CART_FRICTION: f64 = 0.0005;
const HINGE_FRICTION: f64 = 0.000_002;
const HALF: [f64; 2] = [0.5, 0.05];
const MASS: [f64; 2] = [0.1, 0.01];
const TRACK: f64 = 2.4;
const STEP: f64 = 0.01;

/// x, x', long pole's angle and speed, short pole's angle and speed; metres, radians, seconds.
pub type Pole = [f64; 6];

/// The long pole at 4.5 degrees, all else at rest in the middle.
pub fn start() -> Pole {
    [0.0, 0.0, 4.5_f64.to_radians(), 0.0, 0.0, 0.0]
}

/// Whether the cart is on its track and both poles are within 36 degrees.
pub fn upright(s: &Pole) -> bool {
    let limit = 36.0_f64.to_radians();
    s[0].abs() <= TRACK && s[2].abs() <= limit && s[4].abs() <= limit
}

fn change(s: &Pole, force: f64) -> Pole {
    let [_, speed, first, first_speed, second, second_speed] = *s;
    let angles = [(first, first_speed), (second, second_speed)];
    let (mut push, mut mass, mut hinge) = (0.0, 0.0, [0.0; 2]);
    for (i, (angle, turn)) in angles.iter().enumerate() {
        let (sin, cos) = angle.sin_cos();
        hinge[i] = HINGE_FRICTION * turn / (MASS[i] * HALF[i]);
        push += MASS[i] * HALF[i] * turn * turn * sin + 0.75 * MASS[i] * cos * (hinge[i] + GRAVITY * sin);
        mass += MASS[i] * (1.0 - 0.75 * cos * cos);
    }
    let side = if speed == 0.0 { 0.0 } else { speed.signum() };
    let pull = (force - CART_FRICTION * side + push) / (CART + mass);
    let turn = |i: usize| {
        let (sin, cos) = angles[i].0.sin_cos();
        -0.75 * (pull * cos + GRAVITY * sin + hinge[i]) / HALF[i]
    };
    [speed, pull, first_speed, turn(0), second_speed, turn(1)]
}

fn moved(s: &Pole, by: f64, along: &Pole) -> Pole {
    std::array::from_fn(|i| s[i] + by * along[i])
}

/// One control step of 0.02 s under a force in newtons: two steps of the method.
pub fn advance(mut s: Pole, force: f64) -> Pole {
    for _ in 0..2 {
        let a = change(&s, force);
        let b = change(&moved(&s, 0.5 * STEP, &a), force);
        let c = change(&moved(&s, 0.5 * STEP, &b), force);
        let d = change(&moved(&s, STEP, &c), force);
        s = std::array::from_fn(|i| s[i] + STEP / 6.0 * (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]));
    }
    s
}

/// Steps balanced from `start`, at most `limit`, and the sum of |x| + |x'| + |t1| + |t1'| over the last 100 of them.
///
/// The network sees all six numbers, or the three positions, scaled, and pushes with 10 N times its output, which
/// is expected in (-1, 1).
pub fn balance(network: &mut Network, start: Pole, limit: usize, speeds: bool) -> (usize, f64) {
    const SCALE: Pole = [4.8, 2.0, 0.52, 2.0, 0.52, 2.0];
    network.reset();
    let mut s = start;
    let mut last = [0.0; 100];
    for t in 0..limit {
        let seen: Pole = std::array::from_fn(|i| s[i] / SCALE[i]);
        let output = if speeds {
            network.activate(&seen)[0]
        } else {
            network.activate(&[seen[0], seen[2], seen[4]])[0]
        };
        s = advance(s, 10.0 * output.clamp(-1.0, 1.0));
        if !upright(&s) {
            return (t, last.iter().sum());
        }
        last[t % 100] = s[0].abs() + s[1].abs() + s[2].abs() + s[3].abs();
    }
    (limit, last.iter().sum())
}

/// In how many of 625 starts the network balances for 1,000 steps (Gruau, Whitley & Pyeatt 1996).
pub fn generalisation(network: &mut Network, speeds: bool) -> usize {
    const GRID: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];
    let mut held = 0;
    for a in GRID {
        for b in GRID {
            for c in GRID {
                for d in GRID {
                    let start = [
                        a * 4.32 - 2.16,
                        b * 2.70 - 1.35,
                        c * 0.125_663_04 - 0.062_831_52,
                        d * 0.300_195_04 - 0.150_097_52,
                        0.0,
                        0.0,
                    ];
                    held += usize::from(balance(network, start, 1000, speeds).0 == 1000);
                }
            }
        }
    }
    held
}

/// The output range that [`balance`] expects.
pub const OUTPUT: Activation = Activation::Tanh;
