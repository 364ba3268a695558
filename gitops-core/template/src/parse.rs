//! Tokens to trees, with Go's grammar, order of checks and error texts.

use crate::ast::{
    Arg, ArgKind, Branch, Callee, Command, ListId, Node, Pipe, PipeId, Pos, RED_ZONE, STACK, Source, Tree,
    Variable,
};
use crate::error::ParseError;
use crate::function::Functions;
use crate::lex::{Delimiters, Kind, Lexer, Token};
use crate::limits::Limits;
use crate::number::Number;
use crate::quote::{quote, unquote_bytes};
use crate::value::Value;
use gitops_yaml::Str;
use std::collections::HashMap;
use std::sync::Arc;

/// Parses one text: the template of its own name and all that it defines.
pub(crate) fn parse(
    source: &Arc<Source>,
    delimiters: &Delimiters,
    functions: &Functions,
    limits: &Limits,
) -> Result<Vec<Tree>, ParseError> {
    if source.text.len() > limits.source_bytes {
        let message =
            format!("the text has {} bytes, over the limit of {}", source.text.len(), limits.source_bytes);
        return Err(ParseError { template: source.name.clone(), line: 1, message });
    }
    let text = source.text.clone();
    let mut parser = Parser {
        lexer: Lexer::new(&text, delimiters),
        source: Arc::clone(source),
        functions,
        limits,
        building: Building::new(source.name.clone()),
        trees: Vec::new(),
        by_name: HashMap::new(),
        blocks: 0,
        args: Vec::new(),
        commands: Vec::new(),
    };
    parser.text()?;
    Ok(parser.trees)
}

/// The tree under construction; a definition within a text gets one of its own.
struct Building<'a> {
    name: Str,
    lists: Vec<Box<[Node]>>,
    pipes: Vec<Pipe>,
    /// Go's list of known names, which an assignment extends as well.
    names: Vec<Str>,
    /// The variables that will exist at run time, by their place.
    slots: Vec<Str>,
    range_depth: usize,
    parentheses: usize,
    action_line: usize,
    /// Tokens handed back; the first one's line is the one that errors name.
    tokens: [Token<'a>; 3],
    handed_back: usize,
}

impl Building<'_> {
    fn new(name: Str) -> Self {
        let none = || Token { kind: Kind::Eof, pos: 0, text: "", line: 0 };
        let dollar = Str::literal("$");
        Self {
            name,
            lists: Vec::new(),
            pipes: Vec::new(),
            names: vec![dollar.clone()],
            slots: vec![dollar],
            range_depth: 0,
            parentheses: 0,
            action_line: 0,
            tokens: [none(), none(), none()],
            handed_back: 0,
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    source: Arc<Source>,
    functions: &'a Functions,
    limits: &'a Limits,
    building: Building<'a>,
    trees: Vec<Tree>,
    by_name: HashMap<Str, usize>,
    blocks: usize,
    /// Arguments and commands that wait for theirs to end: each list is then allocated once, in its final size.
    args: Vec<Arg>,
    commands: Vec<Command>,
}

/// What a list of nodes meets next.
enum Met {
    Node(Node),
    Else,
    End,
}

impl Met {
    /// Prints the end of a list as Go prints its node.
    fn show(&self) -> &'static str {
        match self {
            Self::Else => "{{else}}",
            _ => "{{end}}",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    If,
    Range,
    With,
}

impl Control {
    fn name(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
        }
    }
}

type Parsed<T> = Result<T, ParseError>;

#[allow(clippy::cast_possible_truncation, reason = "texts are bounded far below 4 GiB")]
fn pos_of(token: &Token<'_>) -> Pos {
    token.pos as Pos
}

impl<'a> Parser<'a> {
    fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let line = self.building.tokens[0].line;
        Err(ParseError { template: self.source.name.clone(), line, message: message.into() })
    }

    fn next(&mut self) -> Token<'a> {
        let building = &mut self.building;
        if building.handed_back > 0 {
            building.handed_back -= 1;
        } else {
            building.tokens[0] = self.lexer.next();
        }
        building.tokens[building.handed_back]
    }

    fn back(&mut self) {
        self.building.handed_back += 1;
    }

    /// Hands back the current token and one before it.
    fn back2(&mut self, before: Token<'a>) {
        self.building.tokens[1] = before;
        self.building.handed_back = 2;
    }

    /// Hands back the current token and two before it, the last one first.
    fn back3(&mut self, second: Token<'a>, first: Token<'a>) {
        self.building.tokens[1] = first;
        self.building.tokens[2] = second;
        self.building.handed_back = 3;
    }

    fn peek(&mut self) -> Token<'a> {
        let building = &mut self.building;
        if building.handed_back > 0 {
            return building.tokens[building.handed_back - 1];
        }
        building.handed_back = 1;
        building.tokens[0] = self.lexer.next();
        building.tokens[0]
    }

    fn next_non_space(&mut self) -> Token<'a> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token<'a> {
        let token = self.next_non_space();
        self.back();
        token
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Parsed<T> {
        if token.kind == Kind::Error {
            let mut extra = String::new();
            let line = self.building.action_line;
            if line != 0 && line != token.line {
                extra = format!(" in action started at {}:{line}", self.source.name);
                if self.lexer.message.ends_with(" action") {
                    extra.drain(.." in action".len());
                }
            }
            return self.error(format!("{}{extra}", self.lexer.message));
        }
        self.error(format!("unexpected {token} in {context}"))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token<'a>> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn add_list(&mut self, nodes: Vec<Node>) -> ListId {
        self.building.lists.push(nodes.into_boxed_slice());
        ListId(u32::try_from(self.building.lists.len() - 1).expect("fewer lists than bytes"))
    }

    /// Finishes the tree under construction.
    fn finish(&mut self, root: Vec<Node>) -> Parsed<()> {
        let root = self.add_list(root);
        let building = &mut self.building;
        let tree = Tree {
            name: building.name.clone(),
            source: Arc::clone(&self.source),
            root,
            lists: std::mem::take(&mut building.lists).into(),
            pipes: std::mem::take(&mut building.pipes).into(),
        };
        match self.by_name.get(&tree.name) {
            None => {
                self.by_name.insert(tree.name.clone(), self.trees.len());
                self.trees.push(tree);
            }
            Some(at) if self.trees[*at].is_empty() => self.trees[*at] = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                return self
                    .error(format!("template: multiple definition of template {}", quote(&tree.name)));
            }
        }
        Ok(())
    }

    /// Parses with a new tree under construction, and then goes on with the old one.
    fn within(&mut self, name: Str, parse: impl FnOnce(&mut Self) -> Parsed<()>) -> Parsed<()> {
        let outer = std::mem::replace(&mut self.building, Building::new(name));
        parse(self)?;
        self.building = outer;
        Ok(())
    }

    /// The whole text.
    fn text(&mut self) -> Parsed<()> {
        let mut nodes = Vec::new();
        loop {
            let token = self.peek();
            if token.kind == Kind::Eof {
                return self.finish(nodes);
            }
            if token.kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    self.within(Str::literal("definition"), Self::definition)?;
                    continue;
                }
                self.back2(delim);
            }
            match self.text_or_action()? {
                Met::Node(node) => nodes.push(node),
                end => return self.error(format!("unexpected {}", end.show())),
            }
        }
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(&token, CONTEXT);
        }
        self.building.name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let (nodes, end) = self.nodes()?;
        if !matches!(end, Met::End) {
            return self.error(format!("unexpected {} in {CONTEXT}", end.show()));
        }
        self.finish(nodes)
    }

    fn unquoted(&self, token: &Token<'_>) -> Parsed<Value> {
        match unquote_bytes(token.text) {
            Some(bytes) => Ok(Value::from_bytes(&bytes)),
            None => self.error("invalid syntax"),
        }
    }

    /// Nodes up to an `else` or `end`.
    fn nodes(&mut self) -> Parsed<(Vec<Node>, Met)> {
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Met::Node(node) => nodes.push(node),
                end => return Ok((nodes, end)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Met> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => {
                let start = pos_of(&token);
                let end = start + u32::try_from(token.text.len()).expect("texts are bounded");
                Ok(Met::Node(Node::Text { start, end }))
            }
            Kind::LeftDelim => {
                self.building.action_line = token.line;
                let met = self.action();
                if met.is_ok() {
                    self.building.action_line = 0;
                }
                met
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Met> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.loop_control("{{break}}")?;
                Node::Break { pos: pos_of(&token) }
            }
            Kind::Continue => {
                self.loop_control("{{continue}}")?;
                Node::Continue { pos: pos_of(&token) }
            }
            Kind::Else => {
                let peek = self.peek_non_space();
                if !matches!(peek.kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Met::Else);
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Met::End);
            }
            Kind::If => Node::If(self.control(Control::If)?),
            Kind::Range => Node::Range(self.control(Control::Range)?),
            Kind::With => Node::With(self.control(Control::With)?),
            Kind::Template => {
                const CONTEXT: &str = "template clause";
                let token = self.next_non_space();
                let name = self.template_name(&token, CONTEXT)?;
                let mut pipe = None;
                if self.next_non_space().kind != Kind::RightDelim {
                    self.back();
                    pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
                }
                Node::Template { pos: pos_of(&token), name, pipe }
            }
            _ => {
                self.back();
                let pos = pos_of(&self.peek());
                Node::Action { pos, pipe: self.pipeline("command", Kind::RightDelim)? }
            }
        };
        Ok(Met::Node(node))
    }

    fn loop_control(&mut self, name: &str) -> Parsed<()> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, name);
        }
        if self.building.range_depth == 0 {
            return self.error(format!("{name} outside {{{{range}}}}"));
        }
        Ok(())
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        // Go words a wrong end of a block with the line of its head, that of a definition with the line of the end.
        let line = self.building.tokens[0].line;
        let ended = |inner: &mut Self| {
            let (nodes, end) = inner.nodes()?;
            match end {
                Met::End => inner.finish(nodes),
                end => Err(ParseError {
                    template: inner.source.name.clone(),
                    line,
                    message: format!("unexpected {} in {CONTEXT}", end.show()),
                }),
            }
        };
        self.deeper(|parser| parser.within(name.clone(), ended))?;
        Ok(Node::Template { pos: pos_of(&token), name, pipe: Some(pipe) })
    }

    fn template_name(&self, token: &Token<'_>, context: &str) -> Parsed<Str> {
        match token.kind {
            Kind::String | Kind::RawString => {
                let name = self.unquoted(token)?;
                Ok(crate::printf::plain(&name).into())
            }
            _ => self.unexpected(token, context),
        }
    }

    /// Goes one block deeper, within the limit and on a stack that grows.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.blocks >= self.limits.blocks {
            return self.error("max block depth exceeded");
        }
        self.blocks += 1;
        let parsed = stacker::maybe_grow(RED_ZONE, STACK, || parse(self));
        self.blocks -= 1;
        parsed
    }

    fn control(&mut self, control: Control) -> Parsed<Branch> {
        self.deeper(|parser| parser.control_here(control))
    }

    fn control_here(&mut self, control: Control) -> Parsed<Branch> {
        let names = self.building.names.len();
        let mark = self.building.slots.len();
        let pipe = self.pipeline(control.name(), Kind::RightDelim)?;
        let pos = self.building.pipes[pipe.0 as usize].pos;
        if control == Control::Range {
            self.building.range_depth += 1;
        }
        let body_mark = self.building.slots.len();
        let (nodes, next) = self.nodes()?;
        self.building.slots.truncate(body_mark);
        if control == Control::Range {
            self.building.range_depth -= 1;
        }
        let list = self.add_list(nodes);
        let mut otherwise = None;
        if matches!(next, Met::Else) {
            let nodes = match (control, self.peek().kind) {
                (Control::If, Kind::If) => {
                    self.next();
                    vec![Node::If(self.control(Control::If)?)]
                }
                (Control::With, Kind::With) => {
                    self.next();
                    vec![Node::With(self.control(Control::With)?)]
                }
                _ => {
                    let (nodes, end) = self.nodes()?;
                    if !matches!(end, Met::End) {
                        return self.error(format!("expected end; found {}", end.show()));
                    }
                    nodes
                }
            };
            otherwise = Some(self.add_list(nodes));
        }
        self.building.names.truncate(names);
        self.building.slots.truncate(mark);
        let mark = u32::try_from(mark).expect("fewer variables than bytes");
        Ok(Branch { pos, pipe, list, otherwise, mark })
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<PipeId> {
        let pos = pos_of(&self.peek_non_space());
        let mut declared: Vec<Str> = Vec::new();
        let mut is_assign = false;
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                break;
            }
            self.next();
            // A space after the variable makes it an argument: `$x 1`, which is not `$x, …`.
            let after = self.peek();
            let next = self.peek_non_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    is_assign = next.kind == Kind::Assign;
                    self.next_non_space();
                    declared.push(variable.text.into());
                    self.building.names.push(variable.text.into());
                }
                Kind::Char if next.text == "," => {
                    self.next_non_space();
                    declared.push(variable.text.into());
                    self.building.names.push(variable.text.into());
                    if context == "range" && declared.len() < 2 {
                        match self.peek_non_space().kind {
                            Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                            _ => return self.error("range can only initialize variables"),
                        }
                    }
                    return self.error(format!("too many declarations in {context}"));
                }
                _ if after.kind == Kind::Space => self.back3(variable, after),
                _ => self.back2(variable),
            }
            break;
        }
        let first_command = self.commands.len();
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back();
                    let command = self.command()?;
                    self.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        let commands: Box<[Command]> = self.commands.drain(first_command..).collect();
        self.check_pipeline(&commands, context)?;
        let declared = declared.into_iter().map(|name| self.declare(name, is_assign)).collect();
        self.building.pipes.push(Pipe { pos, declared, is_assign, commands });
        Ok(PipeId(u32::try_from(self.building.pipes.len() - 1).expect("fewer pipelines than bytes")))
    }

    /// Gives a declared variable its place; an assigned one keeps its own.
    fn declare(&mut self, name: Str, is_assign: bool) -> Variable {
        if is_assign {
            let slot = self.slot(&name);
            return Variable { name, slot };
        }
        self.building.slots.push(name.clone());
        let slot = u32::try_from(self.building.slots.len() - 1).ok();
        Variable { name, slot }
    }

    fn slot(&self, name: &str) -> Option<u32> {
        self.building.slots.iter().rposition(|known| known == name).and_then(|at| u32::try_from(at).ok())
    }

    fn check_pipeline(&self, commands: &[Command], context: &str) -> Parsed<()> {
        if commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (i, command) in commands.iter().enumerate().skip(1) {
            let constant = matches!(
                command.args[0].kind,
                ArgKind::Bool(_) | ArgKind::Dot | ArgKind::Nil | ArgKind::Number(_) | ArgKind::String { .. }
            );
            if constant {
                return self.error(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = pos_of(&self.peek_non_space());
        let first_arg = self.args.len();
        loop {
            self.peek_non_space();
            if let Some(arg) = self.operand()? {
                self.args.push(arg);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.back(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if self.args.len() == first_arg {
            return self.error("empty command");
        }
        Ok(Command { pos, args: self.args.drain(first_arg..).collect() })
    }

    fn operand(&mut self) -> Parsed<Option<Arg>> {
        let Some(mut arg) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(arg));
        }
        // The position of `.a.b` and `$x.a` is that of the second part, as in Go.
        let pos = pos_of(&first);
        let mut chain = match &mut arg.kind {
            ArgKind::Field(fields) | ArgKind::Variable { fields, .. } => std::mem::take(fields).into_vec(),
            _ => Vec::new(),
        };
        while self.peek().kind == Kind::Field {
            chain.push(Str::from(&self.next().text[1..]));
        }
        match &mut arg.kind {
            ArgKind::Field(fields) | ArgKind::Variable { fields, .. } => {
                *fields = chain.into();
                arg.pos = pos;
            }
            ArgKind::Bool(_) | ArgKind::String { .. } | ArgKind::Number(_) | ArgKind::Nil | ArgKind::Dot => {
                let text = match &arg.kind {
                    ArgKind::Bool(value) => value.to_string(),
                    ArgKind::String { quoted, .. } => quoted.to_string(),
                    ArgKind::Number(number) => number.text.to_string(),
                    ArgKind::Nil => "nil".to_owned(),
                    _ => ".".to_owned(),
                };
                return self.error(format!("unexpected . after term {}", quote(&text)));
            }
            _ => arg = Arg { pos, kind: ArgKind::Chain { base: Box::new(arg), fields: chain.into() } },
        }
        Ok(Some(arg))
    }

    fn term(&mut self) -> Parsed<Option<Arg>> {
        let token = self.next_non_space();
        let kind = match token.kind {
            Kind::Identifier => ArgKind::Function { name: token.text.into(), function: self.callee(&token)? },
            Kind::Dot => ArgKind::Dot,
            Kind::Nil => ArgKind::Nil,
            Kind::Variable => {
                if !self.building.names.iter().any(|name| *name == *token.text) {
                    return self.error(format!("undefined variable {}", quote(token.text)));
                }
                let name = Str::from(token.text);
                let slot = self.slot(&name);
                ArgKind::Variable { variable: Variable { name, slot }, fields: Box::default() }
            }
            Kind::Field => ArgKind::Field(Box::new([Str::from(&token.text[1..])])),
            Kind::Bool => ArgKind::Bool(token.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let number = match token.kind {
                    Kind::CharConstant => Number::character(token.text),
                    Kind::Complex => Number::complex(token.text),
                    _ => Number::plain(token.text),
                };
                match number {
                    Ok(number) => ArgKind::Number(Box::new(number)),
                    Err(message) => return self.error(message),
                }
            }
            Kind::LeftParen => {
                if self.building.parentheses >= self.limits.parentheses {
                    return self.error("max expression depth exceeded");
                }
                self.building.parentheses += 1;
                let pipe = stacker::maybe_grow(RED_ZONE, STACK, || {
                    self.pipeline("parenthesized pipeline", Kind::RightParen)
                })?;
                self.building.parentheses -= 1;
                let pos = self.building.pipes[pipe.0 as usize].pos;
                return Ok(Some(Arg { pos, kind: ArgKind::Pipe(pipe) }));
            }
            Kind::String | Kind::RawString => {
                ArgKind::String { quoted: token.text.into(), value: self.unquoted(&token)? }
            }
            _ => {
                self.back();
                return Ok(None);
            }
        };
        Ok(Some(Arg { pos: pos_of(&token), kind }))
    }

    fn callee(&self, token: &Token<'_>) -> Parsed<Callee> {
        match token.text {
            "and" => Ok(Callee::And),
            "or" => Ok(Callee::Or),
            "call" => Ok(Callee::Call),
            name => match self.functions.get(name) {
                Some(function) => Ok(Callee::Plain(Arc::clone(function))),
                None => self.error(format!("function {} not defined", quote(name))),
            },
        }
    }
}
