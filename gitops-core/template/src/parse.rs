//! Tokens to trees, with Go's grammar, order of checks and error texts.

use crate::ast::{
    Arg, ArgKind, BaseId, Branch, BranchId, CallId, Callee, Command, FunctionId, Literal, LiteralId, Node,
    NumberId, Parts, Pipe, PipeId, Pos, RED_ZONE, STACK, Source, Span, TemplateCall, Variable, VariableId,
};
use crate::error::{ParseError, ParseHelp};
use crate::function::Functions;
use crate::lex::{Delimiters, Kind, Lexer, Token};
use crate::limits::Limits;
use crate::named::Named;
use crate::number::Number;
use crate::parsed::ParsedText;
use crate::quote::{quote, unquote_bytes};
use crate::value::Value;
use gitops_yaml::Str;
use std::sync::Arc;

/// Parses one text: the template of its own name and all that it defines.
pub(crate) fn parse(
    source: &Arc<Source>,
    delimiters: &Delimiters,
    functions: &Functions,
    limits: &Limits,
    scratch: &mut Scratch,
) -> Result<ParsedText, ParseError> {
    if source.text.len() > limits.source_bytes {
        let message =
            format!("the text has {} bytes, over the limit of {}", source.text.len(), limits.source_bytes);
        return Err(ParseError { template: source.name.clone(), line: 1, message, offset: 0, help: None });
    }
    let text = source.text.clone();
    let mut parser = Parser {
        lexer: Lexer::new(&text, delimiters),
        source: Arc::clone(source),
        functions,
        limits,
        building: Building::new(source.name.clone()),
        scratch: std::mem::take(scratch),
        trees: Vec::new(),
        by_name: Named::default(),
        blocks: 0,
        is_merged: false,
    };
    parser.text().map_err(|error| *error)?;
    let is_merged = parser.is_merged;
    let trees = parser.trees;
    *scratch = parser.scratch;
    let own = |name: Str| (name != source.name).then_some(name);
    Ok(ParsedText {
        source: Arc::clone(source),
        parts: Arc::new(scratch.parts.take()),
        callees: scratch.callees.drain(..).collect(),
        trees: trees.into_iter().map(|(name, root)| (own(name), root)).collect(),
        functions: functions.clone(),
        is_merged,
    })
}

/// The tree under construction; a definition within a text gets one of its own.
struct Building<'a> {
    name: Str,
    /// Go's list of known names, which an assignment extends as well.
    names: Vec<&'a str>,
    /// The variables that will exist at run time, by their place.
    slots: Vec<&'a str>,
    range_depth: usize,
    parentheses: usize,
    /// Where the action at hand began.
    action: Option<Token>,
    /// Tokens handed back; the first one's line is the one that errors name.
    tokens: [Token; 3],
    handed_back: usize,
}

impl Building<'_> {
    fn new(name: Str) -> Self {
        Self {
            name,
            names: vec!["$"],
            slots: vec!["$"],
            range_depth: 0,
            parentheses: 0,
            action: None,
            tokens: [Token::NONE; 3],
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
    scratch: Scratch,
    /// The templates that are read to their end: name and list.
    trees: Vec<(Str, Span)>,
    by_name: Named<usize>,
    blocks: usize,
    /// A definition has the name of the text, and became one with it.
    is_merged: bool,
}

/// Room for the parts of the text at hand, kept from one text to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    parts: Parts,
    callees: Vec<Callee>,
    /// Nodes, arguments and commands that wait for their list to end: the parts of one list stand side by side.
    nodes: Vec<Node>,
    args: Vec<Arg>,
    commands: Vec<Command>,
    /// Variables that pipelines at hand declare.
    declared: Vec<Token>,
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

type Parsed<T> = Result<T, Box<ParseError>>;

impl<'a> Parser<'a> {
    #[cold]
    fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        self.error_at(self.building.tokens[0].start, None, message)
    }

    /// Fails with Go's line, that of the last token, and with the place where the mistake stands.
    #[cold]
    fn error_at<T>(&self, at: Pos, help: Option<ParseHelp>, message: impl Into<String>) -> Parsed<T> {
        let line = self.lexer.line(self.building.tokens[0]);
        let template = self.source.name.clone();
        Err(Box::new(ParseError { template, line, message: message.into(), offset: at as usize, help }))
    }

    fn next(&mut self) -> Token {
        let building = &mut self.building;
        if building.handed_back == 0 {
            building.tokens[0] = self.lexer.next();
            return building.tokens[0];
        }
        building.handed_back -= 1;
        building.tokens[building.handed_back]
    }

    fn back(&mut self) {
        self.building.handed_back += 1;
    }

    /// Hands back the current token and one before it.
    fn back2(&mut self, before: Token) {
        self.building.tokens[1] = before;
        self.building.handed_back = 2;
    }

    /// Hands back the current token and two before it, the last one first.
    fn back3(&mut self, second: Token, first: Token) {
        self.building.tokens[1] = first;
        self.building.tokens[2] = second;
        self.building.handed_back = 3;
    }

    fn peek(&mut self) -> Token {
        let building = &mut self.building;
        if building.handed_back > 0 {
            return building.tokens[building.handed_back - 1];
        }
        building.handed_back = 1;
        building.tokens[0] = self.lexer.next();
        building.tokens[0]
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        loop {
            let token = self.peek();
            if token.kind != Kind::Space {
                return token;
            }
            self.building.handed_back -= 1;
        }
    }

    #[cold]
    fn unexpected<T>(&self, token: Token, context: &str) -> Parsed<T> {
        if token.kind == Kind::Error {
            let mut extra = String::new();
            let line = self.building.action.map(|action| self.lexer.line(action));
            if let Some(line) = line
                && line != self.lexer.line(token)
            {
                extra = format!(" in action started at {}:{line}", self.source.name);
                if self.lexer.message.ends_with(" action") {
                    extra.drain(.." in action".len());
                }
            }
            let at = match self.building.action {
                Some(action) if self.lexer.message == "unclosed action" => action.start,
                _ => self.lexer.wrong_at,
            };
            let help = self.lexer.dashed_key().map(|(path, key)| ParseHelp::NoName { path, key });
            return self.error_at(at, help, format!("{}{extra}", self.lexer.message));
        }
        self.error_at(token.start, None, format!("unexpected {} in {context}", self.lexer.show(token)))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    /// Ends the list of nodes that began when so many waited.
    fn end_list(&mut self, first: usize) -> Span {
        settle(&mut self.scratch.nodes, first, &mut self.scratch.parts.nodes)
    }

    /// Finishes the tree under construction.
    fn finish(&mut self, root: Span) -> Parsed<()> {
        let name = self.building.name.clone();
        self.is_merged |= name == self.source.name && self.by_name.contains_key(&name);
        let is_empty = |parser: &Self, list: Span| parser.scratch.parts.is_empty(list, &parser.source.text);
        match self.by_name.get(&name) {
            None => {
                self.by_name.insert(name.clone(), self.trees.len());
                self.trees.push((name, root));
            }
            Some(at) if is_empty(self, self.trees[*at].1) => self.trees[*at].1 = root,
            Some(_) if is_empty(self, root) => {}
            Some(_) => {
                return self.error(format!("template: multiple definition of template {}", quote(&name)));
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
        let first = self.scratch.nodes.len();
        loop {
            let token = self.peek();
            if token.kind == Kind::Eof {
                let root = self.end_list(first);
                return self.finish(root);
            }
            if token.kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    self.within(Str::literal("definition"), Self::definition)?;
                    continue;
                }
                self.back2(delim);
            }
            let token = self.next_non_space();
            match self.text_or_action(token)? {
                Met::Node(node) => self.scratch.nodes.push(node),
                end => {
                    let help = Some(ParseHelp::NothingOpen);
                    return self.error_at(token.start, help, format!("unexpected {}", end.show()));
                }
            }
        }
    }

    fn definition(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, CONTEXT);
        }
        self.building.name = self.template_name(token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        let (nodes, end) = self.nodes("define", token.start)?;
        if !matches!(end, Met::End) {
            return self.error(format!("unexpected {} in {CONTEXT}", end.show()));
        }
        self.finish(nodes)
    }

    fn unquoted(&self, token: Token) -> Parsed<Value> {
        let quoted = self.lexer.piece(token);
        if let Some(text) = as_it_stands(token.kind, quoted) {
            return Ok(Value::String(text.into()));
        }
        match unquote_bytes(quoted) {
            Some(bytes) => Ok(Value::from_bytes(&bytes)),
            None => self.error("invalid syntax"),
        }
    }

    /// Nodes up to an `else` or `end`, in a block of this keyword that begins here.
    fn nodes(&mut self, block: &'static str, begins: Pos) -> Parsed<(Span, Met)> {
        let first = self.scratch.nodes.len();
        loop {
            let token = self.next_non_space();
            if token.kind == Kind::Eof {
                return self.error_at(begins, Some(ParseHelp::Unclosed(block)), "unexpected EOF");
            }
            match self.text_or_action(token)? {
                Met::Node(node) => self.scratch.nodes.push(node),
                end => return Ok((self.end_list(first), end)),
            }
        }
    }

    fn text_or_action(&mut self, token: Token) -> Parsed<Met> {
        match token.kind {
            Kind::Text => Ok(Met::Node(Node::Text { start: token.start, end: token.end })),
            Kind::LeftDelim => {
                self.building.action = Some(token);
                let met = self.action();
                if met.is_ok() {
                    self.building.action = None;
                }
                met
            }
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Met> {
        let token = self.next_non_space();
        let node = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => {
                self.loop_control("{{break}}")?;
                Node::Break { pos: token.start }
            }
            Kind::Continue => {
                self.loop_control("{{continue}}")?;
                Node::Continue { pos: token.start }
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
                let name = self.template_name(token, CONTEXT)?;
                let mut pipe = None;
                if self.next_non_space().kind != Kind::RightDelim {
                    self.back();
                    pipe = Some(self.pipeline(CONTEXT, Kind::RightDelim)?);
                }
                self.call(token, name, pipe)
            }
            _ => {
                self.back();
                Node::Action { pos: token.start, pipe: self.pipeline("command", Kind::RightDelim)? }
            }
        };
        Ok(Met::Node(node))
    }

    fn loop_control(&mut self, name: &str) -> Parsed<()> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(token, name);
        }
        if self.building.range_depth == 0 {
            return self.error(format!("{name} outside {{{{range}}}}"));
        }
        Ok(())
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        // Go words a wrong end of a block with the line of its head, that of a definition with the line of the end.
        let head = self.building.tokens[0];
        let ended = |inner: &mut Self| {
            let (nodes, end) = inner.nodes("block", token.start)?;
            match end {
                Met::End => inner.finish(nodes),
                end => Err(Box::new(ParseError {
                    template: inner.source.name.clone(),
                    line: inner.lexer.line(head),
                    message: format!("unexpected {} in {CONTEXT}", end.show()),
                    offset: inner.building.tokens[0].start as usize,
                    help: None,
                })),
            }
        };
        self.deeper(|parser| parser.within(name.clone(), ended))?;
        Ok(self.call(token, name, Some(pipe)))
    }

    fn call(&mut self, token: Token, name: Str, pipe: Option<PipeId>) -> Node {
        Node::Template(CallId(push(
            &mut self.scratch.parts.calls,
            TemplateCall { pos: token.start, name, pipe },
        )))
    }

    fn template_name(&self, token: Token, context: &str) -> Parsed<Str> {
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

    fn control(&mut self, control: Control) -> Parsed<BranchId> {
        self.deeper(|parser| parser.control_here(control))
    }

    fn control_here(&mut self, control: Control) -> Parsed<BranchId> {
        let begins = self.building.action.unwrap_or(self.building.tokens[0]).start;
        let names = self.building.names.len();
        let mark = self.building.slots.len();
        let pipe = self.pipeline(control.name(), Kind::RightDelim)?;
        let pos = self.scratch.parts.pipes[pipe.0 as usize].pos;
        if control == Control::Range {
            self.building.range_depth += 1;
        }
        let body_mark = self.building.slots.len();
        let (list, next) = self.nodes(control.name(), begins)?;
        self.building.slots.truncate(body_mark);
        if control == Control::Range {
            self.building.range_depth -= 1;
        }
        let mut otherwise = None;
        if matches!(next, Met::Else) {
            let list = match (control, self.peek().kind) {
                (Control::If, Kind::If) => {
                    self.next();
                    let node = Node::If(self.control(Control::If)?);
                    append(&mut self.scratch.parts.nodes, node)
                }
                (Control::With, Kind::With) => {
                    self.next();
                    let node = Node::With(self.control(Control::With)?);
                    append(&mut self.scratch.parts.nodes, node)
                }
                _ => {
                    let (list, end) = self.nodes(control.name(), begins)?;
                    if !matches!(end, Met::End) {
                        return self.error(format!("expected end; found {}", end.show()));
                    }
                    list
                }
            };
            otherwise = Some(list);
        }
        self.building.names.truncate(names);
        self.building.slots.truncate(mark);
        let mark = u32::try_from(mark).expect("fewer variables than bytes");
        let branch = Branch { pos, pipe, list, otherwise, mark };
        Ok(BranchId(push(&mut self.scratch.parts.branches, branch)))
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<PipeId> {
        let first = self.peek_non_space();
        let pos = first.start;
        let first_declared = self.scratch.declared.len();
        let is_assign = first.kind == Kind::Variable && self.declarations(context)?;
        let first_command = self.scratch.commands.len();
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
                    let command = self.command(token)?;
                    self.scratch.commands.push(command);
                }
                _ => return self.unexpected(token, context),
            }
        }
        self.check_pipeline(first_command, context)?;
        let commands = settle(&mut self.scratch.commands, first_command, &mut self.scratch.parts.commands);
        let first = count(&self.scratch.parts.variables);
        for at in first_declared..self.scratch.declared.len() {
            self.declare(self.scratch.declared[at], is_assign);
        }
        self.scratch.declared.truncate(first_declared);
        let declared = Span { start: first, end: count(&self.scratch.parts.variables) };
        Ok(PipeId(push(&mut self.scratch.parts.pipes, Pipe { pos, declared, is_assign, commands })))
    }

    /// Reads what stands before `:=` or `=`, if that is what begins with a variable; returns whether it was `=`.
    fn declarations(&mut self, context: &str) -> Parsed<bool> {
        let first = self.scratch.declared.len();
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(false);
            }
            self.next();
            // A space after the variable makes it an argument: `$x 1`, which is not `$x, …`.
            let after = self.peek();
            let next = self.peek_non_space();
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    self.next_non_space();
                    self.scratch.declared.push(variable);
                    self.building.names.push(self.lexer.piece(variable));
                    return Ok(next.kind == Kind::Assign);
                }
                Kind::Char if self.lexer.piece(next) == "," => {
                    self.next_non_space();
                    self.scratch.declared.push(variable);
                    self.building.names.push(self.lexer.piece(variable));
                    if context != "range" || self.scratch.declared.len() > first + 1 {
                        return self.error(format!("too many declarations in {context}"));
                    }
                    let next = self.peek_non_space().kind;
                    if !matches!(next, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                        return self.error("range can only initialize variables");
                    }
                }
                _ if after.kind == Kind::Space => {
                    self.back3(variable, after);
                    return Ok(false);
                }
                _ => {
                    self.back2(variable);
                    return Ok(false);
                }
            }
        }
    }

    /// Gives a declared variable its place; an assigned one keeps its own.
    fn declare(&mut self, token: Token, is_assign: bool) {
        let name = self.lexer.piece(token);
        let slot = if is_assign {
            self.slot(name)
        } else {
            self.building.slots.push(name);
            u32::try_from(self.building.slots.len() - 1).ok()
        };
        self.scratch.parts.variables.push(Variable { name: token.piece(), slot });
    }

    fn slot(&self, name: &str) -> Option<u32> {
        self.building.slots.iter().rposition(|known| *known == name).and_then(|at| u32::try_from(at).ok())
    }

    fn check_pipeline(&self, first: usize, context: &str) -> Parsed<()> {
        let commands = &self.scratch.commands[first..];
        if commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (i, command) in commands.iter().enumerate().skip(1) {
            let constant = matches!(
                command.args.of(&self.scratch.parts.args)[0].kind,
                ArgKind::Bool(_) | ArgKind::Dot | ArgKind::Nil | ArgKind::Number(_) | ArgKind::String(_)
            );
            if constant {
                return self.error(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self, first: Token) -> Parsed<Command> {
        let first_arg = self.scratch.args.len();
        let mut token = first;
        loop {
            let (arg, after) = self.operand(token)?;
            self.scratch.args.extend(arg);
            match after.kind {
                Kind::Space => token = self.next_non_space(),
                Kind::Pipe => break,
                Kind::RightDelim | Kind::RightParen => {
                    self.back();
                    break;
                }
                _ => return self.unexpected(after, "operand"),
            }
        }
        if self.scratch.args.len() == first_arg {
            return self.error("empty command");
        }
        let args = settle(&mut self.scratch.args, first_arg, &mut self.scratch.parts.args);
        Ok(Command { pos: first.start, args })
    }

    /// Reads an operand that begins with this token, if it begins one, and the token that follows.
    fn operand(&mut self, token: Token) -> Parsed<(Option<Arg>, Token)> {
        let Some(mut arg) = self.term(token)? else { return Ok((None, token)) };
        let first = self.next();
        if first.kind != Kind::Field {
            return Ok((Some(arg), first));
        }
        // The position of `.a.b` and `$x.a` is that of the second part, as in Go.
        let pos = first.start;
        // Nothing else is parsed between the fields of one chain, so they stand side by side.
        let mut start = count(&self.scratch.parts.fields);
        if matches!(arg.kind, ArgKind::Field(_)) {
            start -= 1;
        }
        let mut token = first;
        while token.kind == Kind::Field {
            self.scratch.parts.fields.push(field(token));
            token = self.next();
        }
        let chain = Span { start, end: count(&self.scratch.parts.fields) };
        match &mut arg.kind {
            ArgKind::Field(fields) | ArgKind::Variable { fields, .. } => {
                *fields = chain;
                arg.pos = pos;
            }
            ArgKind::Bool(_) | ArgKind::String(_) | ArgKind::Number(_) | ArgKind::Nil | ArgKind::Dot => {
                let text = match &arg.kind {
                    ArgKind::Bool(value) => value.to_string(),
                    ArgKind::String(id) => {
                        let quoted = self.scratch.parts.literals[id.0 as usize].quoted;
                        self.source.text[quoted.start as usize..quoted.end as usize].to_owned()
                    }
                    ArgKind::Number(id) => self.scratch.parts.numbers[id.0 as usize].text.to_string(),
                    ArgKind::Nil => "nil".to_owned(),
                    _ => ".".to_owned(),
                };
                return self.error(format!("unexpected . after term {}", quote(&text)));
            }
            _ => {
                let base = BaseId(push(&mut self.scratch.parts.bases, arg));
                arg = Arg { pos, kind: ArgKind::Chain { base, fields: chain } };
            }
        }
        Ok((Some(arg), token))
    }

    fn term(&mut self, token: Token) -> Parsed<Option<Arg>> {
        let kind = match token.kind {
            Kind::Identifier => ArgKind::Function(self.function(token)?),
            Kind::Dot => ArgKind::Dot,
            Kind::Nil => ArgKind::Nil,
            Kind::Variable => {
                let name = self.lexer.piece(token);
                if !self.building.names.contains(&name) {
                    let named = self.building.names.iter().filter(|name| name.len() > 1);
                    let known = named.map(|name| (*name).to_owned()).collect();
                    let help = Some(ParseHelp::Unknown { name: name.to_owned(), known });
                    return self.error_at(token.start, help, format!("undefined variable {}", quote(name)));
                }
                let variable = Variable { name: token.piece(), slot: self.slot(name) };
                let variable = VariableId(push(&mut self.scratch.parts.variables, variable));
                ArgKind::Variable { variable, fields: Span::default() }
            }
            Kind::Field => ArgKind::Field(append(&mut self.scratch.parts.fields, field(token))),
            Kind::Bool => ArgKind::Bool(self.lexer.piece(token) == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => {
                let text = self.lexer.piece(token);
                let number = match token.kind {
                    Kind::CharConstant => Number::character(text),
                    Kind::Complex => Number::complex(text),
                    _ => Number::plain(text),
                };
                match number {
                    Ok(number) => ArgKind::Number(NumberId(push(&mut self.scratch.parts.numbers, number))),
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
                let pos = self.scratch.parts.pipes[pipe.0 as usize].pos;
                return Ok(Some(Arg { pos, kind: ArgKind::Pipe(pipe) }));
            }
            Kind::String | Kind::RawString => {
                let literal = Literal { quoted: token.piece(), value: self.unquoted(token)? };
                ArgKind::String(LiteralId(push(&mut self.scratch.parts.literals, literal)))
            }
            _ => return Ok(None),
        };
        Ok(Some(Arg { pos: token.start, kind }))
    }

    /// Finds a function; each is kept once, and a text calls few.
    fn function(&mut self, token: Token) -> Parsed<FunctionId> {
        let name = self.lexer.piece(token);
        let text = self.source.text.as_bytes();
        let is_same = |known: &Span| {
            known.end - known.start == token.end - token.start
                && text[known.start as usize..known.end as usize] == *name.as_bytes()
        };
        let known = self.scratch.parts.functions.iter().position(is_same);
        if let Some(at) = known {
            return Ok(FunctionId(u32::try_from(at).expect(FEWER)));
        }
        let Some(callee) = Callee::find(name, self.functions) else {
            let known = self.functions.names().map(str::to_owned).collect();
            let help = Some(ParseHelp::Unknown { name: name.to_owned(), known });
            return self.error_at(token.start, help, format!("function {} not defined", quote(name)));
        };
        self.scratch.callees.push(callee);
        Ok(FunctionId(push(&mut self.scratch.parts.functions, token.piece())))
    }
}

/// Returns what a quoted text says where that is just what stands between its marks, as it mostly is.
fn as_it_stands(kind: Kind, quoted: &str) -> Option<&str> {
    let special = if kind == Kind::RawString { b'\r' } else { b'\\' };
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    (kind != Kind::CharConstant && memchr::memchr(special, inner.as_bytes()).is_none()).then_some(inner)
}

const FEWER: &str = "there are fewer parts than bytes, which are bounded far below 4 GiB";

fn count<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).expect(FEWER)
}

/// Adds one and returns its place.
fn push<T>(all: &mut Vec<T>, one: T) -> u32 {
    all.push(one);
    count(all) - 1
}

/// Adds one neighbour and returns its place.
fn append<T>(all: &mut Vec<T>, one: T) -> Span {
    let start = push(all, one);
    Span { start, end: start + 1 }
}

/// Adds those that waited since the first one as neighbours, and returns their places.
fn settle<T: Copy>(waiting: &mut Vec<T>, first: usize, all: &mut Vec<T>) -> Span {
    let start = count(all);
    all.extend_from_slice(&waiting[first..]);
    waiting.truncate(first);
    Span { start, end: count(all) }
}

/// Returns where the name of `.name` stands.
fn field(token: Token) -> Span {
    Span { start: token.start + 1, end: token.end }
}
