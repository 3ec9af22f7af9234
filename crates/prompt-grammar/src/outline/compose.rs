//! Making a grammar of an outline and a library.

use super::{Delimiters, MOST_SECTIONS, Outline, Section, SectionKind};
use crate::grammar::{
    Arrange, Attribute, Body, Draft, Fill, Grammar, GrammarError, Hole, HoleKind, Member, Part, Production,
    Text,
};
use crate::library::Library;
use crate::placeholder;
use crate::tree::{Node, Tree, set_sizes};

/// Rules that a list may have as such; longer ones stay one text.
const MOST_ITEMS: usize = 40;

/// How sections can be told apart, with the prompt's own way first.
const STYLES: [Delimiters; 4] =
    [Delimiters::Plain, Delimiters::Headings, Delimiters::Tags, Delimiters::Labels];

impl Outline {
    /// A grammar in which this prompt is one derivation, and that derivation.
    ///
    /// Sections become members of an arrangement: those with placeholders are mandatory and stay as written; others may
    /// be absent, moved, or written by a component of `library` of the same kind. A list of rules becomes an
    /// arrangement of its items together with those of the library. Kinds that the prompt lacks may be added. The kind
    /// of delimiters is an attribute whose first value is the prompt's own. The tree renders to the prompt byte for
    /// byte; where the prompt has a form that no arrangement can write, it becomes one protected hole.
    ///
    /// # Errors
    /// [`GrammarError`], were the grammar made not sound.
    pub fn grammar(&self, library: &Library) -> Result<(Grammar, Tree), GrammarError> {
        if let Some((grammar, tree)) = self.arranged(library) {
            return Ok((grammar, tree));
        }
        let hole = Hole {
            kind: HoleKind::Verbatim,
            most: usize::MAX,
            protected: true,
            fills: vec![Fill::seed(self.render())],
        };
        let grammar = Draft::new("prompt").rule("prompt", Body::Hole(hole)).build()?;
        let nodes = vec![Node { rule: grammar.start(), pick: 0, size: 1, id: 0 }];
        Ok((grammar, Tree { nodes, next: 1, ..Tree::default() }))
    }

    fn arranged(&self, library: &Library) -> Option<(Grammar, Tree)> {
        if self.sections.is_empty() {
            return None;
        }
        // The gaps of all sections but the last end in one text, blank: what stands before it belongs to the sections.
        let inner = &self.sections[..self.sections.len() - 1];
        let blank = |gap: &'_ str| gap.len() - gap.trim_end().len();
        let gaps = inner.iter().map(|s| &s.gap[s.gap.len() - blank(&s.gap)..]);
        let gap = gaps.min_by_key(|g| g.len()).unwrap_or("\n\n");
        if !inner.iter().all(|s| s.gap.ends_with(gap)) || (!inner.is_empty() && gap.is_empty()) {
            return None;
        }
        let mut builder = Builder::new(self, library);
        for (i, section) in self.sections.iter().enumerate() {
            let extra =
                if i + 1 < self.sections.len() { &section.gap[..section.gap.len() - gap.len()] } else { "" };
            builder.section(section, extra);
        }
        let there: Vec<SectionKind> = self.sections.iter().map(|s| s.kind).collect();
        for kind in SectionKind::ALL {
            if !there.contains(&kind) && library.texts(kind).next().is_some() {
                builder.addition(kind);
            }
        }
        let tail = self.sections.last().map_or("", |s| s.gap.as_str());
        let (draft, picks) = builder.finish(gap, &self.lead, tail);
        let grammar = draft.build().ok()?;
        let tree = tree(&grammar, &picks)?;
        (tree.render(&grammar) == self.render()).then_some((grammar, tree))
    }
}

struct Builder<'a> {
    library: &'a Library,
    own: Delimiters,
    draft: Draft,
    members: Vec<Member<String>>,
    /// Rule and pick of every node of the prompt's own derivation, below the arrangement of sections, in preorder.
    picks: Vec<(String, u32)>,
    present: u32,
}

impl<'a> Builder<'a> {
    fn new(outline: &Outline, library: &'a Library) -> Self {
        Self {
            library,
            own: outline.delimiters,
            draft: Draft::new("prompt"),
            members: Vec::new(),
            picks: Vec::new(),
            present: 0,
        }
    }

    /// The prompt's own style first, then the others.
    fn styles(&self) -> Vec<Delimiters> {
        std::iter::once(self.own).chain(STYLES.into_iter().filter(|s| *s != self.own)).collect()
    }

    fn name(&self, kind: SectionKind) -> String {
        let base = kind.title().to_lowercase();
        let taken = |name: &str| self.draft.rules.iter().any(|r| r.name == name);
        let mut names = std::iter::once(base.clone()).chain((2..).map(|n| format!("{base} {n}")));
        names.find(|name| !taken(name)).unwrap_or(base)
    }

    /// What begins and what closes a section in every style.
    fn frame(&self, title: &str, own: Option<(&str, &str)>) -> (Part<String>, Part<String>) {
        let tag: String = title.to_lowercase().split_whitespace().collect::<Vec<_>>().join("_");
        let write = |style: Delimiters| match style {
            Delimiters::Plain => (String::new(), String::new()),
            Delimiters::Headings => (format!("## {title}\n"), String::new()),
            Delimiters::Tags => (format!("<{tag}>\n"), format!("\n</{tag}>")),
            Delimiters::Labels => (format!("{title}:\n"), String::new()),
            Delimiters::Numbers => (format!("0. {title}\n"), String::new()),
        };
        let mut frames: Vec<(String, String)> = self.styles().into_iter().map(write).collect();
        if let Some((head, close)) = own {
            frames[0] = (head.to_string(), close.to_string());
        }
        let (heads, closes) = frames.into_iter().unzip();
        let by = |variants: Vec<String>| Part::Text(Text::By { attribute: 0, variants });
        (by(heads), by(closes))
    }

    fn section(&mut self, section: &Section, extra: &str) {
        let name = self.name(section.kind);
        let content = format!("{name} content");
        let text = [&section.head, &section.body, &section.close].map(String::as_str).concat() + extra;
        let fixed = !placeholder::find(&text).is_empty();
        let title = if section.title.is_empty() { section.kind.title() } else { &section.title };
        let (head, close) = self.frame(title, Some((&section.head, &section.close)));
        let parts = vec![head, Part::Rule(content.clone()), close, Part::text(extra)];
        self.draft = std::mem::replace(&mut self.draft, Draft::new("prompt"))
            .choice(name.clone(), vec![Production::new(parts)]);
        let presence = if fixed || section.kind == SectionKind::Task { 1.0 } else { 0.8 };
        // Earlier sections are likelier to stay early.
        let utility = -0.7 * f64::from(self.present);
        self.members.push(Member { rule: name.clone(), presence, utility });
        self.present += 1;
        self.picks.push((name, 0));
        let items =
            if fixed || section.kind != SectionKind::Constraints { None } else { items(&section.body) };
        if let Some(items) = items {
            self.list(&content, items);
            return;
        }
        let mut fills = vec![Fill { weight: 2.0, ..Fill::seed(section.body.clone()) }];
        if !fixed && section.kind != SectionKind::Task {
            fills.extend(self.library.fills(section.kind).filter(|f| f.text != section.body));
        }
        let kind = if fixed { HoleKind::Verbatim } else { section.kind.hole() };
        self.add(&content, Body::Hole(Hole { kind, most: usize::MAX, protected: fixed, fills }));
        self.picks.push((content, 0));
    }

    /// A list with a marker before every item.
    fn list(&mut self, content: &str, (marker, items): (&str, Vec<&str>)) {
        let mut members = Vec::new();
        let present = items.len() as u32;
        self.picks.push((content.to_string(), present));
        let written: Vec<String> = items.iter().map(ToString::to_string).collect();
        let new = self.library.texts(SectionKind::Constraints).filter(|t| !items.contains(t));
        let new: Vec<String> = new.take(MOST_ITEMS.saturating_sub(items.len())).map(String::from).collect();
        for (i, text) in written.into_iter().chain(new).enumerate() {
            let name = format!("{content} {}", i + 1);
            let own = (i as u32) < present;
            let presence = if own { 0.9 } else { 0.15 };
            members.push(Member {
                rule: name.clone(),
                presence,
                utility: if own { -0.3 * i as f64 } else { -1.0 },
            });
            let item = Production::new(vec![Part::text(marker), Part::text(text)]);
            self.add(&name, Body::Choice(vec![item]));
            if own {
                self.picks.push((name, 0));
            }
        }
        let arrange = Arrange::new(members, Text::Fixed("\n".into())).counting(1, usize::MAX);
        self.add(content, Body::Arrange(arrange));
    }

    /// A kind of section that the prompt lacks.
    fn addition(&mut self, kind: SectionKind) {
        if self.members.len() >= MOST_SECTIONS {
            return;
        }
        let name = self.name(kind);
        let content = format!("{name} content");
        let (head, close) = self.frame(kind.title(), None);
        let parts = vec![head, Part::Rule(content.clone()), close];
        self.add(&name, Body::Choice(vec![Production::new(parts)]));
        let fills = self.library.fills(kind).collect();
        self.add(&content, Body::Hole(Hole { kind: kind.hole(), most: usize::MAX, protected: false, fills }));
        let place = SectionKind::ALL.iter().position(|k| *k == kind).unwrap_or(0);
        self.members.push(Member { rule: name, presence: 0.25, utility: -0.7 * place as f64 });
    }

    fn add(&mut self, name: &str, body: Body<String>) {
        self.draft = std::mem::replace(&mut self.draft, Draft::new("prompt")).rule(name, body);
    }

    fn finish(mut self, gap: &str, lead: &str, tail: &str) -> (Draft, Vec<(String, u32)>) {
        let names = self.styles().into_iter().map(style_name).collect::<Vec<_>>();
        let members = std::mem::take(&mut self.members);
        self.add(
            "sections",
            Body::Arrange(Arrange::new(members, Text::Fixed(gap.into())).counting(1, usize::MAX)),
        );
        let parts = vec![Part::text(lead), Part::Rule("sections".into()), Part::text(tail)];
        self.add("prompt", Body::Choice(vec![Production::new(parts)]));
        let mut draft = self.draft.attribute(Attribute::new("delimiters", names));
        draft.attributes[0].values[0].weight = 3.0;
        let mut picks = vec![("prompt".to_string(), 0), ("sections".to_string(), self.present)];
        picks.extend(self.picks);
        (draft, picks)
    }
}

fn style_name(style: Delimiters) -> &'static str {
    match style {
        Delimiters::Plain => "plain",
        Delimiters::Headings => "headings",
        Delimiters::Tags => "tags",
        Delimiters::Labels => "labels",
        Delimiters::Numbers => "numbers",
    }
}

/// The items of a list whose lines all begin with the same marker; distinct ones.
fn items(body: &str) -> Option<(&str, Vec<&str>)> {
    let marker = ["- ", "* ", "+ "].into_iter().find(|m| body.starts_with(m))?;
    let items = body.split('\n').map(|line| line.strip_prefix(marker)).collect::<Option<Vec<_>>>()?;
    let distinct =
        items.iter().enumerate().all(|(i, item)| !item.trim().is_empty() && !items[..i].contains(item));
    (distinct && items.len() <= MOST_ITEMS).then_some((marker, items))
}

fn tree(grammar: &Grammar, picks: &[(String, u32)]) -> Option<Tree> {
    let node = |(i, (name, pick)): (usize, &(String, u32))| {
        Some(Node { rule: grammar.id(name)?, pick: *pick, size: 0, id: i as u32 })
    };
    let mut nodes = picks.iter().enumerate().map(node).collect::<Option<Vec<_>>>()?;
    let next = nodes.len() as u32;
    let sized = set_sizes(&mut nodes, |n| crate::tree::arity(grammar, n));
    let tree = Tree { attributes: vec![0], nodes, next, ..Tree::default() };
    (sized && tree.check(grammar).is_ok()).then_some(tree)
}
