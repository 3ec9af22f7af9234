//! A closed loop of clients in virtual time, under several orders of admission.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use anyhow::Context as _;
use coordination::{Access, Admission, Keys, Notice, Ticket, Update};
use meta_traits::Stream;
use serde::Serialize;

/// Clients, each with one update at a time.
const CLIENTS: u32 = 32;
/// Updates in all.
const UPDATES: usize = 1000;
/// Components, the first ones used most.
const COMPONENTS: usize = 16;

/// How updates are admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// One at a time, first come first served.
    Serial,
    /// Strictly first come first served by component.
    Fifo,
    /// Skip-ahead without bound.
    SkipAhead,
    /// Skip-ahead with aging: what the crate offers.
    Aging,
}

/// One run of one policy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The workload.
    pub seed: u64,
    /// The order of admission.
    pub policy: Policy,
    /// When the last update ended, in mean works of a step.
    pub makespan: f64,
    /// Work done for updates that then did not end well, by that of all others.
    pub wasted: f64,
    /// The longest wait.
    pub max_wait: f64,
    /// The wait that 99 % of updates do not exceed.
    pub p99_wait: f64,
}

fn normal(rng: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

/// The updates of a workload and the work of each: 1 to 3 distinct components drawn with Zipf's exponent 1, 70 % written,
/// the work of each step log-normal with mean 1.
fn workload(seed: u64) -> Vec<(Update, f64)> {
    let root = Stream::root(seed).child("policy", 0);
    let mut keys = Keys::default();
    let components: Vec<_> = (0..COMPONENTS).map(|i| keys.key(&format!("component {i}"))).collect();
    let draw = |number: usize| {
        let mut rng = root.child("update", number as u64);
        let steps = 1 + rng.below(3);
        let (mut chosen, mut reads, mut writes, mut work) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
        while chosen.len() < steps {
            let index = (((COMPONENTS + 1) as f64).powf(rng.unit()) - 1.0).floor() as usize;
            let index = index.min(COMPONENTS - 1);
            if !chosen.contains(&index) {
                chosen.push(index);
                let list = if rng.chance(0.7) { &mut writes } else { &mut reads };
                list.push(components[index]);
                work += (normal(&mut rng) - 0.5).exp();
            }
        }
        (Update::new("update", Access::new(reads, writes)), work)
    };
    (0..UPDATES).map(draw).collect()
}

/// Runs the workload of `seed` under `policy`; with aging, an update waits `bound` mean works of a step before nobody
/// overtakes it any more.
///
/// # Errors
/// When the admission refuses an update, which would be a fault of it.
pub fn simulate(seed: u64, policy: Policy, bound: Duration) -> anyhow::Result<Row> {
    let updates = workload(seed);
    let mut admission = match policy {
        Policy::Serial => Admission::new(1),
        Policy::Fifo => Admission::new(CLIENTS).with_bound(Duration::ZERO),
        Policy::SkipAhead => Admission::new(CLIENTS),
        Policy::Aging => Admission::new(CLIENTS).with_bound(bound),
    };
    let (mut now, mut next, mut served) = (Duration::ZERO, 0, 0.0);
    let mut works: BTreeMap<Ticket, f64> = BTreeMap::new();
    let mut waits = Vec::with_capacity(UPDATES);
    let mut ends: BinaryHeap<Reverse<(Duration, Ticket)>> = BinaryHeap::new();
    for _ in 0..CLIENTS {
        submit(&mut admission, &updates, &mut next, &mut works, now)?;
    }
    loop {
        while let Some(notice) = admission.poll() {
            let Notice::Granted { ticket, waited } = notice else { anyhow::bail!("an update was dropped") };
            waits.push(waited.as_secs_f64());
            ends.push(Reverse((now + Duration::from_secs_f64(works[&ticket]), ticket)));
        }
        let Some(Reverse((end, ticket))) = ends.pop() else { break };
        now = end;
        admission.finish(ticket, true, now)?;
        served += works.remove(&ticket).context("it was running")?;
        submit(&mut admission, &updates, &mut next, &mut works, now)?;
    }
    let useful: f64 = updates.iter().map(|(_, work)| work).sum();
    anyhow::ensure!(waits.len() == UPDATES, "{} updates of {UPDATES} ran", waits.len());
    waits.sort_by(f64::total_cmp);
    Ok(Row {
        seed,
        policy,
        makespan: now.as_secs_f64(),
        // Beyond what adding in another order does to a sum.
        wasted: if (served / useful - 1.0).abs() < 1e-12 { 0.0 } else { served / useful - 1.0 },
        max_wait: waits[UPDATES - 1],
        p99_wait: waits[UPDATES * 99 / 100],
    })
}

fn submit(
    admission: &mut Admission,
    updates: &[(Update, f64)],
    next: &mut usize,
    works: &mut BTreeMap<Ticket, f64>,
    now: Duration,
) -> anyhow::Result<()> {
    if let Some((update, work)) = updates.get(*next) {
        works.insert(admission.submit(update.clone(), now)?, *work);
        *next += 1;
    }
    Ok(())
}

/// Medians over workloads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Workloads.
    pub runs: usize,
    /// Makespan of skip-ahead with aging by that of strict first-come-first-served.
    pub vs_fifo: f64,
    /// The same by serial.
    pub vs_serial: f64,
    /// The most work wasted in any run.
    pub wasted: f64,
    /// The longest wait.
    pub max_wait: f64,
    /// The longest wait under serial.
    pub serial_max_wait: f64,
    /// Workloads on which the longest wait was below that under serial.
    pub below_serial: usize,
    /// Makespan by serial and longest wait of every policy.
    pub policies: BTreeMap<Policy, [f64; 2]>,
}

impl Summary {
    /// Summarises rows of all policies, in the order of [`Policy`], by seed.
    pub fn of(rows: &[[Row; 4]]) -> Self {
        let median = |of: &dyn Fn(&[Row; 4]) -> f64| {
            let mut all: Vec<f64> = rows.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let policies = (0..4).filter_map(|p| {
            let policy = rows.first()?[p].policy;
            Some((policy, [median(&|r| r[p].makespan / r[0].makespan), median(&|r| r[p].max_wait)]))
        });
        Self {
            runs: rows.len(),
            vs_fifo: median(&|r| r[3].makespan / r[1].makespan),
            vs_serial: median(&|r| r[3].makespan / r[0].makespan),
            wasted: rows.iter().map(|r| r[3].wasted).fold(0.0, f64::max),
            max_wait: median(&|r| r[3].max_wait),
            serial_max_wait: median(&|r| r[0].max_wait),
            below_serial: rows.iter().filter(|r| r[3].max_wait < r[0].max_wait).count(),
            policies: policies.collect(),
        }
    }
}
