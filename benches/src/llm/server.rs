use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::clock::{Clock, listener};
use super::own::WRITTEN;
use super::{Row, Texts, Work};

/// A llama.cpp server, over plain HTTP.
pub struct Server {
    address: String,
    process: Option<u32>,
}

impl Server {
    /// A server at `http://HOST:PORT`.
    ///
    /// # Errors
    /// When the address is of another form or nobody answers there.
    pub fn connect(url: &str) -> anyhow::Result<Self> {
        let address = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let address = address.filter(|a| !a.contains('/') && a.contains(':'));
        let address =
            address.with_context(|| format!("'{url}' is not of the form http://HOST:PORT"))?.to_owned();
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
        let server = Self { process: port.and_then(listener), address };
        server.tokens("ready?")?;
        Ok(server)
    }

    /// Does `work` once, with the fewest calls that yield the same answer.
    ///
    /// # Errors
    /// When the server fails.
    pub fn measure(&self, work: Work, texts: &Texts, repeat: usize) -> anyhow::Result<Row> {
        let (amount, (wall_s, cpu_s)) = match work {
            Work::Prefill128 => self.read(&texts.short)?,
            Work::Prefill512 => self.read(&texts.long)?,
            Work::Decode => {
                let (_, first) = self.write(&texts.suffixes[0], 1)?;
                let (amount, whole) = self.write(&texts.suffixes[0], WRITTEN)?;
                (amount - 1, (whole.0 - first.0, whole.1.zip(first.1).map(|(w, f)| w - f)))
            }
            Work::Score => {
                let labels = texts.labels.iter().map(|l| self.tokens(l)).collect::<Result<Vec<_>, _>>()?;
                let whole = |s: &String| self.tokens(&format!("{}{s}", texts.prefix));
                let prompts = texts.suffixes.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
                self.score(&prompts[0], &labels)?;
                let clock = Clock::start(self.process);
                for prompt in &prompts {
                    self.score(prompt, &labels)?;
                }
                (prompts.len() as u64, clock.stop())
            }
        };
        Ok(Row { engine: "llama.cpp", threads: 1, work, repeat, amount, wall_s, cpu_s })
    }

    fn read(&self, text: &str) -> anyhow::Result<(u64, (f64, Option<f64>))> {
        let tokens = self.tokens(text)?;
        let clock = Clock::start(self.process);
        let answer = self.complete(&tokens, 1, false)?;
        Ok((answer["tokens_evaluated"].as_u64().context("no count of tokens")?, clock.stop()))
    }

    fn write(&self, text: &str, count: u32) -> anyhow::Result<(u64, (f64, Option<f64>))> {
        let tokens = self.tokens(text)?;
        let clock = Clock::start(self.process);
        let answer = self.complete(&tokens, count, false)?;
        Ok((answer["tokens_predicted"].as_u64().context("no count of tokens")?, clock.stop()))
    }

    /// Log-probabilities of whole labels: one call for all first tokens, and one for each later token of a label. A
    /// call reports the likeliest token alone, which is the least it can.
    fn score(&self, prompt: &[u64], labels: &[Vec<u64>]) -> anyhow::Result<()> {
        self.complete(prompt, 1, true)?;
        for label in labels {
            for read in 1..label.len() {
                self.complete(&[prompt, &label[..read]].concat(), 1, true)?;
            }
        }
        Ok(())
    }

    fn complete(&self, tokens: &[u64], count: u32, score: bool) -> anyhow::Result<Value> {
        let body = json!({
            "prompt": tokens, "n_predict": count, "temperature": 0.0, "ignore_eos": true,
            "cache_prompt": score, "n_probs": u8::from(score),
        });
        self.post("/completion", &body)
    }

    fn tokens(&self, text: &str) -> anyhow::Result<Vec<u64>> {
        let answer = self.post("/tokenize", &json!({ "content": text }))?;
        let tokens = answer["tokens"].as_array().context("the server gave no tokens")?;
        tokens.iter().map(|t| t.as_u64().context("a token is no number")).collect()
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (body, host) = (body.to_string(), &self.address);
        let mut stream = TcpStream::connect(host).with_context(|| format!("no server at {host}"))?;
        stream.set_nodelay(true)?;
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("the server broke off")?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("{host}{path}: {} {body}", head.lines().next().unwrap_or_default());
        }
        Ok(serde_json::from_str(body)?)
    }
}
