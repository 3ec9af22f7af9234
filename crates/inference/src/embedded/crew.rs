use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that share the work of one evaluation; none of what they compute depends on how many they are.
pub(crate) struct Crew(Option<ThreadPool>);

/// The caller's thread alone.
pub(crate) static ALONE: Crew = Crew(None);

impl Crew {
    /// A crew of `threads` threads; alone where the system gives no more.
    pub(crate) fn new(threads: usize) -> Self {
        let build =
            || ThreadPoolBuilder::new().num_threads(threads).thread_name(|_| "embedded".to_owned()).build();
        Self(if threads > 1 { build().ok() } else { None })
    }

    /// Its threads.
    pub(crate) fn threads(&self) -> usize {
        self.0.as_ref().map_or(1, ThreadPool::current_num_threads)
    }

    /// Runs `work` where [`Crew::each`] shares fastest.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Does `work` on every item.
    pub(crate) fn each<T: Send>(&self, items: Vec<T>, work: impl Fn(T) + Sync) {
        match &self.0 {
            Some(pool) if items.len() > 1 => pool.scope(|scope| {
                let work = &work;
                for item in items {
                    scope.spawn(move |_| work(item));
                }
            }),
            _ => items.into_iter().for_each(work),
        }
    }
}
