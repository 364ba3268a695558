//! A parsed template: lists of nodes, pipelines of commands, arguments.
//!
//! Nodes refer to lists and pipelines by number, so that a deep template costs no deep recursion when it is dropped.
//! `show_*` prints parts back as Go prints them in its error texts.

use crate::function::Function;
use crate::number::Number;
use crate::quote::quote;
use crate::value::Value;
use gitops_yaml::Str;
use std::fmt::Write as _;
use std::sync::Arc;

/// An offset in bytes into the source.
pub(crate) type Pos = u32;
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListId(pub(crate) u32);
#[derive(Clone, Copy, Debug)]
pub(crate) struct PipeId(pub(crate) u32);

/// One template: a file's text outside of its definitions, or one definition.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The name by which it is called.
    pub(crate) name: Str,
    /// The file that it stands in.
    pub(crate) source: Arc<Source>,
    pub(crate) root: ListId,
    pub(crate) lists: Box<[Box<[Node]>]>,
    pub(crate) pipes: Box<[Pipe]>,
}

/// A parsed text and its name.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: Str,
    pub(crate) text: Str,
}

impl Source {
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

#[derive(Debug)]
pub(crate) enum Node {
    Text { start: Pos, end: Pos },
    Action { pos: Pos, pipe: PipeId },
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { pos: Pos, name: Str, pipe: Option<PipeId> },
    Break { pos: Pos },
    Continue { pos: Pos },
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pos: Pos,
    pub(crate) pipe: PipeId,
    pub(crate) list: ListId,
    pub(crate) otherwise: Option<ListId>,
    /// How many variables are known before the branch; those declared within end with it.
    pub(crate) mark: u32,
}

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) pos: Pos,
    pub(crate) declared: Box<[Variable]>,
    pub(crate) is_assign: bool,
    pub(crate) commands: Box<[Command]>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) pos: Pos,
    pub(crate) args: Box<[Arg]>,
}

/// A variable by name, and its place among the variables, which the parser knows; none where Go would only find out
/// at run time that it was never declared.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Str,
    pub(crate) slot: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Arg {
    pub(crate) pos: Pos,
    pub(crate) kind: ArgKind,
}

#[derive(Debug)]
pub(crate) enum ArgKind {
    Bool(bool),
    Dot,
    Nil,
    Number(Box<Number>),
    /// The value is one of the string variants.
    String {
        quoted: Str,
        value: Value,
    },
    Field(Box<[Str]>),
    Variable {
        variable: Variable,
        fields: Box<[Str]>,
    },
    Function {
        name: Str,
        function: Callee,
    },
    Chain {
        base: Box<Arg>,
        fields: Box<[Str]>,
    },
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

impl Tree {
    pub(crate) fn list(&self, id: ListId) -> &[Node] {
        &self.lists[id.0 as usize]
    }

    pub(crate) fn pipe(&self, id: PipeId) -> &Pipe {
        &self.pipes[id.0 as usize]
    }

    pub(crate) fn pos(&self, part: Part<'_>) -> Pos {
        match part {
            Part::Node(node) => node.pos(),
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
    pub(crate) fn show_list(&self, out: &mut String, id: ListId) {
        stacker::maybe_grow(RED_ZONE, STACK, || {
            for node in self.list(id) {
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
            Node::If(branch) => self.show_branch(out, "if", branch),
            Node::With(branch) => self.show_branch(out, "with", branch),
            Node::Range(branch) => self.show_branch(out, "range", branch),
            Node::Template { name, pipe, .. } => {
                let _ = write!(out, "{{{{template {}", quote(name));
                if let Some(pipe) = pipe {
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
        for (i, variable) in pipe.declared.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            out.push_str(&variable.name);
        }
        if !pipe.declared.is_empty() {
            out.push_str(if pipe.is_assign { " = " } else { " := " });
        }
        for (i, command) in pipe.commands.iter().enumerate() {
            if i > 0 {
                out.push_str(" | ");
            }
            self.show_command(out, command);
        }
    }

    fn show_command(&self, out: &mut String, command: &Command) {
        for (i, arg) in command.args.iter().enumerate() {
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
            ArgKind::Number(number) => out.push_str(&number.text),
            ArgKind::String { quoted, .. } => out.push_str(quoted),
            ArgKind::Field(fields) => show_fields(out, fields),
            ArgKind::Variable { variable, fields } => {
                out.push_str(&variable.name);
                show_fields(out, fields);
            }
            ArgKind::Function { name, .. } => out.push_str(name),
            ArgKind::Chain { base, fields } => {
                match &base.kind {
                    ArgKind::Pipe(pipe) => self.show_parentheses(out, *pipe),
                    _ => self.show_arg(out, base),
                }
                show_fields(out, fields);
            }
            ArgKind::Pipe(pipe) => self.show_pipe(out, *pipe),
        }
    }

    /// Returns whether the template prints nothing, as far as its parse tells: spaces and definitions alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.list(self.root).iter().all(|node| match node {
            Node::Text { start, end } => self.source.text[*start as usize..*end as usize].trim().is_empty(),
            _ => false,
        })
    }
}

/// Grow the stack when less than this is left.
pub(crate) const RED_ZONE: usize = 64 << 10;
/// By this much.
pub(crate) const STACK: usize = 1 << 20;

fn show_fields(out: &mut String, fields: &[Str]) {
    for field in fields {
        out.push('.');
        out.push_str(field);
    }
}

impl Node {
    pub(crate) fn pos(&self) -> Pos {
        match self {
            Self::Text { start, .. } => *start,
            Self::Action { pos, .. }
            | Self::Template { pos, .. }
            | Self::Break { pos }
            | Self::Continue { pos } => *pos,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.pos,
        }
    }
}
