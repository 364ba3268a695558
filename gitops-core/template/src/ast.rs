//! A parsed template: lists of nodes, pipelines of commands, arguments.
//!
//! Nodes refer to lists and pipelines by number, so that a deep template costs no deep recursion when it is dropped.
//! `show_*` prints parts back as Go prints them in its error texts.

use crate::function::{Function, Functions};
use crate::number::Number;
use crate::quote::quote;
use crate::value::Value;
use gitops_yaml::Str;
use std::fmt::Write as _;
use std::sync::Arc;

/// An offset in bytes into the source.
pub(crate) type Pos = u32;

/// Neighbours in one of the lists of [`Parts`], or a piece of the source's text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn of<T>(self, all: &[T]) -> &[T] {
        &all[self.start as usize..self.end as usize]
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PipeId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct BranchId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct LiteralId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct FunctionId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct VariableId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct BaseId(pub(crate) u32);

/// One template: a file's text outside of its definitions, or one definition.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The name by which it is called.
    pub(crate) name: Str,
    /// The file that it stands in.
    pub(crate) source: Arc<Source>,
    pub(crate) root: Span,
    pub(crate) parts: Arc<Parts>,
    /// What the names in [`Parts::functions`] call.
    pub(crate) callees: Arc<[Callee]>,
}

/// The parts of all templates of one text, each kind in one list: a chart has tens of thousands of them.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) nodes: Vec<Node>,
    pub(crate) branches: Vec<Branch>,
    pub(crate) calls: Vec<TemplateCall>,
    pub(crate) pipes: Vec<Pipe>,
    pub(crate) commands: Vec<Command>,
    pub(crate) args: Vec<Arg>,
    /// What chains of fields begin with.
    pub(crate) bases: Vec<Arg>,
    /// Names of fields, as pieces of the text.
    pub(crate) fields: Vec<Span>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) literals: Vec<Literal>,
    /// Names of functions, each once.
    pub(crate) functions: Vec<Span>,
}

impl Parts {
    /// Returns about how many bytes the parts take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.nodes)
            + size_of_val(&*self.branches)
            + size_of_val(&*self.calls)
            + size_of_val(&*self.pipes)
            + size_of_val(&*self.commands)
            + size_of_val(&*self.args)
            + size_of_val(&*self.bases)
            + size_of_val(&*self.fields)
            + size_of_val(&*self.variables)
            + size_of_val(&*self.numbers)
            + size_of_val(&*self.literals)
            + size_of_val(&*self.functions)
    }

    /// Takes all parts out, each list in its final size, and keeps the room for the next text.
    pub(crate) fn take(&mut self) -> Self {
        fn all<T>(from: &mut Vec<T>) -> Vec<T> {
            let mut taken = Vec::with_capacity(from.len());
            taken.append(from);
            taken
        }
        Self {
            nodes: all(&mut self.nodes),
            branches: all(&mut self.branches),
            calls: all(&mut self.calls),
            pipes: all(&mut self.pipes),
            commands: all(&mut self.commands),
            args: all(&mut self.args),
            bases: all(&mut self.bases),
            fields: all(&mut self.fields),
            variables: all(&mut self.variables),
            numbers: all(&mut self.numbers),
            literals: all(&mut self.literals),
            functions: all(&mut self.functions),
        }
    }

    /// Returns whether a list prints nothing, as far as its parse tells: spaces and definitions alone.
    pub(crate) fn is_empty(&self, list: Span, text: &str) -> bool {
        list.of(&self.nodes).iter().all(|node| match node {
            Node::Text { start, end } => text[*start as usize..*end as usize].trim().is_empty(),
            _ => false,
        })
    }
}

/// A parsed text and its name.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Str,
    pub(crate) text: Str,
}

impl Source {
    pub(crate) fn piece(&self, piece: Span) -> &str {
        &self.text[piece.start as usize..piece.end as usize]
    }

    /// Returns the line, counted from 1, and the column in bytes, counted from 0.
    pub(crate) fn place(&self, pos: Pos) -> (usize, usize) {
        let before = &self.text.as_bytes()[..(pos as usize).min(self.text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        (line, before.len() - start)
    }

    /// Returns a line of the text, counted from 1.
    pub(crate) fn line(&self, line: usize) -> &str {
        self.text.split('\n').nth(line.saturating_sub(1)).unwrap_or_default().trim_end_matches('\r')
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Node {
    Text { start: Pos, end: Pos },
    Action { pos: Pos, pipe: PipeId },
    If(BranchId),
    With(BranchId),
    Range(BranchId),
    Template(CallId),
    Break { pos: Pos },
    Continue { pos: Pos },
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pos: Pos,
    pub(crate) pipe: PipeId,
    pub(crate) list: Span,
    pub(crate) otherwise: Option<Span>,
    /// How many variables are known before the branch; those declared within end with it.
    pub(crate) mark: u32,
}

/// `{{template "name" …}}`
#[derive(Debug)]
pub(crate) struct TemplateCall {
    pub(crate) pos: Pos,
    pub(crate) name: Str,
    pub(crate) pipe: Option<PipeId>,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: Pos,
    pub(crate) declared: Span,
    pub(crate) is_assign: bool,
    pub(crate) commands: Span,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    pub(crate) pos: Pos,
    pub(crate) args: Span,
}

/// A variable by name, and its place among the variables, which the parser knows; none where Go would only find out
/// at run time that it was never declared.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Span,
    pub(crate) slot: Option<u32>,
}

/// A string as it is written, and what it says.
#[derive(Debug)]
pub(crate) struct Literal {
    pub(crate) quoted: Span,
    /// One of the string variants.
    pub(crate) value: Value,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Arg {
    pub(crate) pos: Pos,
    pub(crate) kind: ArgKind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ArgKind {
    Bool(bool),
    Dot,
    Nil,
    Number(NumberId),
    String(LiteralId),
    Field(Span),
    Variable { variable: VariableId, fields: Span },
    Function(FunctionId),
    Chain { base: BaseId, fields: Span },
    Pipe(PipeId),
}

/// What a name calls; `and` and `or` are the engine's own because they stop early, `call` because
/// its errors name its first argument.
#[derive(Clone, Debug)]
pub(crate) enum Callee {
    And,
    Or,
    Call,
    Plain(Arc<Function>),
}

/// A part of a tree, for error texts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'t> {
    Node(&'t Node),
    Pipe(PipeId),
    Command(&'t Command),
    Arg(&'t Arg),
}

impl Callee {
    /// Finds what a name calls.
    pub(crate) fn find(name: &str, functions: &Functions) -> Option<Self> {
        match name {
            "and" => Some(Self::And),
            "or" => Some(Self::Or),
            "call" => Some(Self::Call),
            name => functions.get(name).map(|function| Self::Plain(Arc::clone(function))),
        }
    }
}

impl Tree {
    pub(crate) fn list(&self, list: Span) -> &[Node] {
        list.of(&self.parts.nodes)
    }

    pub(crate) fn pipe(&self, id: PipeId) -> &Pipe {
        &self.parts.pipes[id.0 as usize]
    }

    pub(crate) fn branch(&self, id: BranchId) -> &Branch {
        &self.parts.branches[id.0 as usize]
    }

    pub(crate) fn call(&self, id: CallId) -> &TemplateCall {
        &self.parts.calls[id.0 as usize]
    }

    pub(crate) fn commands(&self, pipe: &Pipe) -> &[Command] {
        pipe.commands.of(&self.parts.commands)
    }

    pub(crate) fn declared(&self, pipe: &Pipe) -> &[Variable] {
        pipe.declared.of(&self.parts.variables)
    }

    pub(crate) fn args(&self, command: &Command) -> &[Arg] {
        command.args.of(&self.parts.args)
    }

    pub(crate) fn base(&self, id: BaseId) -> &Arg {
        &self.parts.bases[id.0 as usize]
    }

    pub(crate) fn fields(&self, fields: Span) -> &[Span] {
        fields.of(&self.parts.fields)
    }

    pub(crate) fn variable(&self, id: VariableId) -> &Variable {
        &self.parts.variables[id.0 as usize]
    }

    pub(crate) fn number(&self, id: NumberId) -> &Number {
        &self.parts.numbers[id.0 as usize]
    }

    pub(crate) fn literal(&self, id: LiteralId) -> &Literal {
        &self.parts.literals[id.0 as usize]
    }

    /// Returns a function and the name that it is called by.
    pub(crate) fn function(&self, id: FunctionId) -> (&str, &Callee) {
        let at = id.0 as usize;
        (self.text(self.parts.functions[at]), &self.callees[at])
    }

    /// Returns a piece of the source's text.
    pub(crate) fn text(&self, piece: Span) -> &str {
        self.source.piece(piece)
    }

    pub(crate) fn pos(&self, part: Part<'_>) -> Pos {
        match part {
            Part::Node(node) => match node {
                Node::Text { start, .. } => *start,
                Node::Action { pos, .. } | Node::Break { pos } | Node::Continue { pos } => *pos,
                Node::Template(call) => self.call(*call).pos,
                Node::If(branch) | Node::With(branch) | Node::Range(branch) => self.branch(*branch).pos,
            },
            Part::Pipe(id) => self.pipe(id).pos,
            Part::Command(command) => command.pos,
            Part::Arg(arg) => arg.pos,
        }
    }

    /// Prints a part as Go does.
    pub(crate) fn show(&self, part: Part<'_>) -> String {
        let mut out = String::new();
        match part {
            Part::Node(node) => self.show_node(&mut out, node),
            Part::Pipe(id) => self.show_pipe(&mut out, id),
            Part::Command(command) => self.show_command(&mut out, command),
            Part::Arg(arg) => self.show_arg(&mut out, arg),
        }
        out
    }

    /// Prints a whole list as Go does.
    pub(crate) fn show_list(&self, out: &mut String, list: Span) {
        stacker::maybe_grow(RED_ZONE, STACK, || {
            for node in self.list(list) {
                self.show_node(out, node);
            }
        });
    }

    fn show_node(&self, out: &mut String, node: &Node) {
        match node {
            Node::Text { start, end } => out.push_str(&self.source.text[*start as usize..*end as usize]),
            Node::Action { pipe, .. } => {
                out.push_str("{{");
                self.show_pipe(out, *pipe);
                out.push_str("}}");
            }
            Node::If(branch) => self.show_branch(out, "if", self.branch(*branch)),
            Node::With(branch) => self.show_branch(out, "with", self.branch(*branch)),
            Node::Range(branch) => self.show_branch(out, "range", self.branch(*branch)),
            Node::Template(call) => {
                let call = self.call(*call);
                let _ = write!(out, "{{{{template {}", quote(&call.name));
                if let Some(pipe) = &call.pipe {
                    out.push(' ');
                    self.show_pipe(out, *pipe);
                }
                out.push_str("}}");
            }
            Node::Break { .. } => out.push_str("{{break}}"),
            Node::Continue { .. } => out.push_str("{{continue}}"),
        }
    }

    fn show_branch(&self, out: &mut String, name: &str, branch: &Branch) {
        let _ = write!(out, "{{{{{name} ");
        self.show_pipe(out, branch.pipe);
        out.push_str("}}");
        self.show_list(out, branch.list);
        if let Some(otherwise) = branch.otherwise {
            out.push_str("{{else}}");
            self.show_list(out, otherwise);
        }
        out.push_str("{{end}}");
    }

    fn show_pipe(&self, out: &mut String, id: PipeId) {
        let pipe = self.pipe(id);
        for (i, variable) in self.declared(pipe).iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            out.push_str(self.text(variable.name));
        }
        if !pipe.declared.is_empty() {
            out.push_str(if pipe.is_assign { " = " } else { " := " });
        }
        for (i, command) in self.commands(pipe).iter().enumerate() {
            if i > 0 {
                out.push_str(" | ");
            }
            self.show_command(out, command);
        }
    }

    fn show_command(&self, out: &mut String, command: &Command) {
        for (i, arg) in self.args(command).iter().enumerate() {
            if i > 0 {
                out.push(' ');
            }
            match &arg.kind {
                ArgKind::Pipe(pipe) => self.show_parentheses(out, *pipe),
                _ => self.show_arg(out, arg),
            }
        }
    }

    fn show_parentheses(&self, out: &mut String, pipe: PipeId) {
        out.push('(');
        stacker::maybe_grow(RED_ZONE, STACK, || self.show_pipe(out, pipe));
        out.push(')');
    }

    fn show_arg(&self, out: &mut String, arg: &Arg) {
        match &arg.kind {
            ArgKind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            ArgKind::Dot => out.push('.'),
            ArgKind::Nil => out.push_str("nil"),
            ArgKind::Number(id) => out.push_str(&self.number(*id).text),
            ArgKind::String(id) => out.push_str(self.text(self.literal(*id).quoted)),
            ArgKind::Field(fields) => self.show_fields(out, *fields),
            ArgKind::Variable { variable, fields } => {
                out.push_str(self.text(self.variable(*variable).name));
                self.show_fields(out, *fields);
            }
            ArgKind::Function(id) => out.push_str(self.function(*id).0),
            ArgKind::Chain { base, fields } => {
                let base = self.base(*base);
                match &base.kind {
                    ArgKind::Pipe(pipe) => self.show_parentheses(out, *pipe),
                    _ => self.show_arg(out, base),
                }
                self.show_fields(out, *fields);
            }
            ArgKind::Pipe(pipe) => self.show_pipe(out, *pipe),
        }
    }

    fn show_fields(&self, out: &mut String, fields: Span) {
        for field in self.fields(fields) {
            out.push('.');
            out.push_str(self.text(*field));
        }
    }

    /// Returns whether the template prints nothing, as far as its parse tells: spaces and definitions alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty(self.root, &self.source.text)
    }
}

/// Grow the stack when less than this is left.
pub(crate) const RED_ZONE: usize = 64 << 10;
/// By this much.
pub(crate) const STACK: usize = 1 << 20;
