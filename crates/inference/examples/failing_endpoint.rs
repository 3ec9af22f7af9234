//! Asks an endpoint that fails every third time, and says what it took: retries, tokens and money.
//!
//! `cargo run -p inference --example failing_endpoint` needs neither a key nor a network: the endpoint is a pretended
//! one on the loopback.

use std::sync::Arc;
use std::time::Duration;

use inference::mock::{MockOptions, MockServer};
use inference::{
    Generate, HostedClient, HostedOptions, Ledger, LlmClient, Metered, Price, Prompt, Purpose, Resilient,
    ResilientOptions,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let retry_after = Duration::from_millis(50);
    let server =
        MockServer::start(MockOptions { faults: 0.33, retry_after, ..MockOptions::default() }).await?;
    let options = HostedOptions {
        price: Price::usd_per_million(0.15, 0.60),
        timeout: Duration::from_millis(500),
        ..HostedOptions::default()
    };
    let hosted = HostedClient::new(&server.url(), "pretended", None, options)?;
    let resilient = Arc::new(Resilient::new(hosted, ResilientOptions::default()));
    let ledger = Arc::new(Ledger::default());
    let client = Metered::new(Arc::clone(&resilient), Purpose::Task, Arc::clone(&ledger));

    for n in 1..=12 {
        let request = Generate::new(Prompt::Text(format!("Question {n}: what is the matter?")));
        println!("{n:>2}  {}", client.generate(&request).await?.text);
    }
    let (stats, paid) = (resilient.stats(), ledger.total().paid);
    println!("\n{} calls, {} requests, {} of them tried again", stats.calls, stats.attempts, stats.retries);
    println!("{} tokens in, {} out, {} nano-dollars", paid.tokens_in, paid.tokens_out, paid.nano_usd);
    let billed = server.account().answered;
    assert_eq!((paid.tokens_in, paid.tokens_out), (billed.tokens_in, billed.tokens_out));
    println!("the endpoint's own account of its answers says the same");
    Ok(())
}
