//! Code in replies, run against tests.

use meta_traits::{BoxFuture, Cost, ErrorKind};

use crate::error::one_line;
use crate::metric::{Measured, Metric, Unmeasured};
use crate::{Dataset, EvaluationError, Example, Verdict};

mod pass;
mod program;
mod run;
mod sandbox;
mod spec;

pub use pass::pass_at_k;
pub use spec::{CodeSpec, Sandboxing};

use program::{Test, before_token, code, program, same_output, tests};
use run::End;
use sandbox::Sandbox;

const NAME: &str = "code";

/// Runs the code of a reply against the tests that an example expects.
///
/// The code is the longest fenced block of the reply, or all of it. A test is code that fails where the reply is
/// wrong, or a dialogue `{"stdin", "stdout"}`; an example expects one or a list. Every test is a process of its own,
/// in a sandbox without network that is bounded in time, memory, processes, files and output; see [`CodeSpec`]. The
/// score is 1 where all tests pass, else 0, or the share that passes.
///
/// Deterministic as far as the code is, and as it stays away from its limits of time. Nothing is charged. For several
/// samples of one system see [`pass_at_k`].
///
/// ```
/// use evaluation::code::{CodeSpec, CodeTests, Sandboxing};
/// use evaluation::{Example, Metric};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// // The shell, so that this example runs anywhere; and without a sandbox, for code that can be trusted.
/// let mut spec = CodeSpec::default();
/// spec.command = vec!["sh".into(), "main.sh".into()];
/// spec.file = "main.sh".into();
/// spec.template = "{code}\n{test}\nprintf '\\n{token}\\n'".into();
/// spec.sandbox = Sandboxing::None;
/// let metric = CodeTests::new(spec)?;
/// let example = Example::new("A function `twice` in sh.", "[ \"$(twice 4)\" = 8 ] || exit 1");
/// let good = metric.measure("```sh\ntwice() { echo $(($1 * 2)); }\n```", &example).await?;
/// assert_eq!(good.verdict.score, 1.0);
/// let sly = metric.measure("exit 0", &example).await?;
/// assert_eq!(sly.verdict.score, 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct CodeTests {
    spec: CodeSpec,
    sandbox: Sandbox,
}

impl CodeTests {
    /// Finds the sandbox and tries it once, for about 20 ms.
    ///
    /// # Errors
    /// [`EvaluationError::Metric`] for settings that are not usable, and where the sandbox is not installed or not
    /// possible: nothing runs without it unless [`Sandboxing::None`] says so.
    pub fn new(spec: CodeSpec) -> Result<Self, EvaluationError> {
        if let Some(message) = spec.fault() {
            return Err(EvaluationError::Metric { metric: NAME, message });
        }
        let sandbox = Sandbox::open(&spec)?;
        Ok(Self { spec, sandbox })
    }

    /// The same metric, after a look at every example of `data`.
    ///
    /// # Errors
    /// [`EvaluationError::Unscorable`] for an example that expects no test.
    pub fn fitting(self, data: &Dataset) -> Result<Self, EvaluationError> {
        for (id, example) in data.iter() {
            tests(&example.expected).map_err(|message| EvaluationError::Unscorable {
                scorer: NAME,
                example: id.to_string(),
                message,
            })?;
        }
        Ok(self)
    }

    async fn grade(&self, reply: &str, example: &Example) -> Result<Measured, Unmeasured> {
        let failed = |kind, message: String| Unmeasured::new(NAME, kind, message, Cost::ZERO);
        let tests = tests(&example.expected).map_err(|m| failed(ErrorKind::InvalidInput, m))?;
        let code = code(reply);
        let (mut passed, mut first_fault) = (0_usize, None);
        for (i, test) in tests.iter().enumerate() {
            match self.fault(code, test).await.map_err(|m| failed(ErrorKind::Transient, m))? {
                None => passed += 1,
                Some(fault) => {
                    first_fault.get_or_insert_with(|| format!("test {} fails: {fault}", i + 1));
                    // One fault decides, unless the share is asked for.
                    if !self.spec.partial {
                        break;
                    }
                }
            }
        }
        let all = tests.len();
        let Some(fault) = first_fault else {
            return Ok(Measured::new(Verdict::new(1.0, format!("all {all} tests pass")), Cost::ZERO));
        };
        let score = if self.spec.partial { passed as f64 / all as f64 } else { 0.0 };
        Ok(Measured::new(Verdict::new(score, format!("{fault} (of {all} tests)")), Cost::ZERO))
    }

    /// Why `test` does not pass; `None` where it does.
    async fn fault(&self, code: &str, test: &Test) -> Result<Option<String>, String> {
        let (text, token) = program(&self.spec, code, test);
        let (stdin, wanted) = match test {
            Test::Code(_) => ("", None),
            Test::Dialogue { stdin, stdout } => (stdin.as_str(), Some(stdout.as_str())),
        };
        let mark = token.as_deref().unwrap_or("started");
        let (status, stdout, stderr) = match run::run(&self.spec, &self.sandbox, &text, stdin, mark).await? {
            End::TooSlow => return Ok(Some(format!("it takes longer than {} s", self.spec.wall_s))),
            End::TooMuch => return Ok(Some(format!("it writes more than {} KiB", self.spec.output_kb))),
            End::Exited { status, stdout, stderr } => (status, stdout, stderr),
        };
        if !status.success() {
            let last =
                stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing on standard error");
            let status = status.to_string().replace("exit status:", "exit code");
            return Ok(Some(format!("{status}, {}", one_line(last, 200))));
        }
        let Some(written) = before_token(&stdout, token.as_deref()) else {
            return Ok(Some("it ends before the test does".into()));
        };
        Ok(wanted.filter(|wanted| !same_output(written, wanted)).map(|wanted| {
            format!("expected output '{}', got '{}'", one_line(wanted, 160), one_line(written, 160))
        }))
    }
}

impl Metric for CodeTests {
    fn name(&self) -> &str {
        NAME
    }

    fn measure<'a>(
        &'a self,
        reply: &'a str,
        example: &'a Example,
    ) -> BoxFuture<'a, Result<Measured, Unmeasured>> {
        Box::pin(self.grade(reply, example))
    }
}
