use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value, context, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::gguf::ModelFile;
use super::vocabulary::{Piece, Vocabulary};
use crate::{Message, Prompt, Role};

/// Used when a file brings no template, or one that cannot be run, and knows ChatML's tokens.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] \
                      + '<|im_end|>' + '\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}";

/// The day that templates which write one are told, which is the one that llama's own falls back to: equal requests
/// must stay equal, whenever they are made.
const TODAY: (&str, &str, &str, &str) = ("26", "07", "2024", "Jul");

/// Steps after which a template is taken for one that never ends.
const STEPS: u64 = 4_000_000;

/// How a chat becomes one text: the model's own Jinja template, with ChatML in reserve.
pub(crate) struct Template {
    environment: Environment<'static>,
    start: String,
    end: String,
    /// Why the model's own template is not used, where it has one.
    broken: Option<String>,
}

/// A prompt ready to be tokenised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The whole prompt.
    pub(crate) whole: Vec<Piece>,
    /// The part that other requests share, which may be nothing.
    pub(crate) shared: Vec<Piece>,
}

impl Template {
    /// Reads the template of a model file.
    pub(crate) fn read(file: &ModelFile, vocabulary: &Vocabulary) -> Self {
        let mut environment = environment();
        let own = file.text("tokenizer.chat_template").map(ToOwned::to_owned);
        let mut broken = None;
        let has_own = own.is_some_and(|text| match environment.add_template_owned("chat", text) {
            Ok(()) => true,
            Err(error) => {
                broken = Some(one_line(&error));
                false
            }
        });
        if !has_own && vocabulary.specials().any(|special| special == "<|im_start|>") {
            // A constant that parses, as the tests show.
            let _ = environment.add_template("chat", CHATML);
        }
        let name = |key: &str| {
            let id = file.number(key).and_then(|id| u32::try_from(id).ok());
            id.and_then(|id| vocabulary.special(id)).unwrap_or_default().to_owned()
        };
        let (start, end) = (name("tokenizer.ggml.bos_token_id"), name("tokenizer.ggml.eos_token_id"));
        Self { environment, start, end, broken }
    }

    /// Writes `prompt`; `shared` counts bytes of the text, or of a chat's last message, and is cut back to a letter.
    ///
    /// Contents of messages never become special tokens: each special form they spell is broken by a character that
    /// the messages do not hold, and mended after the template has run.
    ///
    /// # Errors
    /// A sentence when the model has no usable template or the template refuses the chat.
    pub(crate) fn write(
        &self,
        vocabulary: &Vocabulary,
        prompt: &Prompt,
        shared: usize,
    ) -> Result<Written, String> {
        match prompt {
            Prompt::Text(text) => {
                let shared = &text[..text.floor_char_boundary(shared.min(text.len()))];
                Ok(Written { whole: plain(text), shared: plain(shared) })
            }
            Prompt::Chat(messages) => self.chat(vocabulary, messages, shared),
        }
    }

    fn chat(&self, vocabulary: &Vocabulary, messages: &[Message], shared: usize) -> Result<Written, String> {
        let Some(last) = messages.last() else {
            return Err("a chat needs at least one message".to_owned());
        };
        // Unicode keeps these 32 characters out of every text meant for interchange.
        let mut free = ('\u{fdd0}'..='\u{fdef}').filter(|c| messages.iter().all(|m| !m.content.contains(*c)));
        let (Some(breaker), Some(mark)) = (free.next(), free.next()) else {
            return Err("the messages use all of U+FDD0..U+FDEF; leave two of them out".to_owned());
        };
        let break_up = |text: &str| {
            vocabulary.specials().filter(|s| !s.is_empty()).fold(text.to_owned(), |text, special| {
                let split = special.chars().next().map_or(0, char::len_utf8);
                let broken = format!("{}{breaker}{}", &special[..split], &special[split..]);
                if text.contains(special) { text.replace(special, &broken) } else { text }
            })
        };
        let render = |last_content: &str| {
            let turns: Vec<minijinja::Value> = messages
                .iter()
                .enumerate()
                .map(|(i, message)| {
                    let text = if i + 1 == messages.len() { last_content } else { &message.content };
                    context! { role => role(message.role), content => break_up(text) }
                })
                .collect();
            let template = self.environment.get_template("chat").map_err(|_| match &self.broken {
                Some(error) => {
                    format!("the model's chat template cannot be read ({error}); send a text prompt instead")
                }
                None => "the model brings no chat template; send a text prompt instead".to_owned(),
            })?;
            let unusable = |error: Error| {
                let error = one_line(&error);
                format!("the model's chat template cannot be used ({error}); send a text prompt instead")
            };
            template
                .render(context! {
                    messages => turns,
                    add_generation_prompt => true,
                    bos_token => self.start.as_str(),
                    eos_token => self.end.as_str(),
                })
                .map_err(unusable)
        };
        let mended = |text: &str| -> Vec<Piece> {
            vocabulary
                .cut(text)
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => Piece::Text(text.replace(breaker, "")),
                    special @ Piece::Special(_) => special,
                })
                .filter(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()))
                .collect()
        };
        let written = render(&last.content)?;
        let shared = last.content.floor_char_boundary(shared.min(last.content.len()));
        if shared == 0 {
            return Ok(Written { whole: mended(&written), shared: Vec::new() });
        }
        // A second text with a mark shows where the shared part ends. The mark may change what the template does (a
        // trimmed space, say), so only the start that both texts have in common counts.
        let marked = render(&format!("{}{mark}{}", &last.content[..shared], &last.content[shared..]))?;
        let end = marked.find(mark).unwrap_or(0);
        let common = marked[..end].bytes().zip(written.bytes()).take_while(|(a, b)| a == b).count();
        Ok(Written {
            whole: mended(&written),
            shared: mended(&written[..written.floor_char_boundary(common)]),
        })
    }
}

/// What chat templates expect of Jinja: the settings and functions that their usual runner gives them, and the methods
/// that Python's texts and dictionaries have.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(STEPS));
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", tojson);
    environment
}

/// The fixed day in the given format.
fn strftime_now(format: &str) -> String {
    let (day, month, year, name) = TODAY;
    let mut written = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            written.push(letter);
            continue;
        }
        match letters.next() {
            Some('d' | 'e') => written.push_str(day),
            Some('m') => written.push_str(month),
            Some('Y') => written.push_str(year),
            Some('y') => written.push_str("24"),
            Some('b' | 'h') => written.push_str(name),
            Some('B') => written.push_str("July"),
            Some('a') => written.push_str("Fri"),
            Some('A') => written.push_str("Friday"),
            Some('H' | 'M' | 'S') => written.push_str("00"),
            Some(other) => written.extend(['%', other]),
            None => written.push('%'),
        }
    }
    written
}

/// JSON as Python's runner writes it: the library's own, which breaks up letters that mean something in HTML, mended.
#[expect(clippy::needless_pass_by_value, reason = "the form of filters")]
fn tojson(value: &Value, indent: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    // Python's options; the runner of chat templates never sorts and never escapes.
    let _: (Option<bool>, Option<bool>) = (options.get("ensure_ascii")?, options.get("sort_keys")?);
    let indent = indent.or(options.get("indent")?);
    let json = filters::tojson(value, indent, Kwargs::from_iter([] as [(&str, Value); 0]))?.to_string();
    let mut mended = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        mended.push_str(&rest[..at]);
        rest = &rest[at..];
        let broken = [("\\u003c", "<"), ("\\u003e", ">"), ("\\u0026", "&"), ("\\u0027", "'")];
        if let Some((code, letter)) = broken.iter().find(|(code, _)| rest.starts_with(code)) {
            mended.push_str(letter);
            rest = &rest[code.len()..];
        } else {
            // An escape is two letters, whatever comes after.
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(at, _)| at);
            mended.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    mended.push_str(rest);
    Ok(Value::from_safe_string(mended))
}

fn one_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or("no reason given").to_owned()
}

fn plain(text: &str) -> Vec<Piece> {
    if text.is_empty() { Vec::new() } else { vec![Piece::Text(text.to_owned())] }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}
