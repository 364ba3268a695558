//! Walks a template and prints.
//!
//! The rules are those of Go's `exec.go`. Two of them shape this file. First, Go knows for each value whether its static type is
//! `interface {}` (an item of a list, a value of a map) or the value's own, and words errors by it: [`Operand`] carries that
//! bit. Second, an error names the node that was last visited: [`Frame::at`].

use crate::ast::{
    Branch, BranchId, Node, Part, PipeId, Pos, RED_ZONE, STACK, Source, Span, TemplateCall, Tree, Variable,
};
use crate::budget::{Budget, weight};
use crate::error::{DeadEnd, Location, RenderError};
use crate::eval::Printed;
use crate::function::{CallContext, CallError, Function, Print, Type};
use crate::memo::{By, Memo};
use crate::named::Named;
use crate::parse::Scratch;
use crate::quote::quote;
use crate::set::{Options, Output, Templates, Trace};
use crate::value::{Map, Value};
use crate::world::World;
use gitops_yaml::Str;
use std::sync::Arc;

/// A value and whether its static type is `interface {}`.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub(crate) value: Value,
    pub(crate) is_interface: bool,
}

impl Operand {
    pub(crate) fn of(value: Value) -> Self {
        Self { value, is_interface: false }
    }

    pub(crate) fn interface(value: Value) -> Self {
        Self { value, is_interface: true }
    }

    /// The result of a pipeline's stage: Go takes the value out of its interface, and a nil becomes no value.
    pub(crate) fn unwrapped(self) -> Self {
        if self.is_interface {
            let value = if matches!(self.value, Value::Nil) { Value::Missing } else { self.value };
            return Self::of(value);
        }
        self
    }

    /// Go's name of the static type.
    pub(crate) fn type_name(&self) -> String {
        if self.is_interface || self.value.is_nil() {
            "interface {}".to_owned()
        } else {
            self.value.type_name().into_owned()
        }
    }
}

pub(crate) type Run<T> = Result<T, Box<RenderError>>;

/// How many texts that `tpl` was given are kept parsed.
const MOST_PARSED: usize = 10_000;

/// How many steps a text costs that is rendered on its own, besides those within.
const STEPS_OF_TEXT: usize = 16;

/// How many templates may include each other as deep as one may include itself.
const INCLUDED_NAMES: usize = 3;

/// What a list of nodes ended with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// Where a part of the output began.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) offset: usize,
    pub(crate) source: Arc<Source>,
    pub(crate) pos: Pos,
    pub(crate) is_text: bool,
}

/// One call of a template.
pub(crate) struct Frame<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) at: Option<Part<'t>>,
    pub(crate) variables: Vec<Option<Operand>>,
    depth: usize,
}

/// One render.
pub(crate) struct Machine<'r> {
    set: &'r Templates,
    world: &'r dyn World,
    trace: Trace,
    out: Vec<u8>,
    /// Where the text at hand begins in the output: `include` prints behind what its caller has printed.
    start: usize,
    marks: Vec<Mark>,
    budget: Budget,
    /// Definitions of texts that are being rendered, the innermost last.
    overlays: Vec<Arc<Overlay>>,
    parsed: Named<Arc<Overlay>>,
    included: Named<usize>,
    /// How many texts of their own are being rendered within each other.
    captures: usize,
    memo: Memo<'r>,
    scratch: Scratch,
    /// Room for the arguments of calls.
    pub(crate) spare: Vec<Vec<Value>>,
    /// Which arguments of the call at hand have the static type `interface {}`: a bit each.
    pub(crate) interfaces: u64,
}

/// A text that was parsed while rendering: its own tree and those that it defines.
#[derive(Debug)]
struct Overlay {
    main: Option<Arc<Tree>>,
    defined: Named<Arc<Tree>>,
}

impl<'r> Machine<'r> {
    pub(crate) fn new(set: &'r Templates, options: &Options<'r>) -> Self {
        Self {
            set,
            world: options.world,
            trace: options.trace,
            out: Vec::new(),
            start: 0,
            marks: Vec::new(),
            budget: Budget::default(),
            overlays: Vec::new(),
            parsed: Named::default(),
            included: Named::default(),
            captures: 0,
            memo: Memo::new(options.watched),
            scratch: Scratch::default(),
            spare: Vec::new(),
            interfaces: 0,
        }
    }

    /// Renders one template after another; what `tpl` parsed for one serves the next.
    #[allow(clippy::result_large_err, reason = "a render fails once")]
    pub(crate) fn render(&mut self, name: &str, data: &Value) -> Result<Output, RenderError> {
        let Some(tree) = self.tree(name) else {
            return Err(outside(name, format!("{} is an incomplete or empty template", quote(name))));
        };
        self.included.clear();
        self.memo.begin(data);
        let result = self.execute(&tree, data).and_then(|()| {
            let made = self.budget.make(self.out.len(), &self.set.limits);
            made.map_err(|message| limit(Box::new(outside(name, message))))
        });
        let marks = std::mem::take(&mut self.marks);
        let output = match result {
            Ok(()) => Ok(Output::new(&self.out, marks)),
            Err(error) => {
                self.overlays.clear();
                Err(*error)
            }
        };
        self.out.clear();
        output
    }

    fn tree(&self, name: &str) -> Option<Arc<Tree>> {
        let defined = self.overlays.iter().rev().find_map(|overlay| overlay.defined.get(name));
        defined.or_else(|| self.set.tree(name)).cloned()
    }

    pub(crate) fn templates(&self) -> &'r Templates {
        self.set
    }

    /// Prints a tree to the output at hand.
    fn execute(&mut self, tree: &Tree, data: &Value) -> Run<()> {
        let dot = Operand::of(if matches!(data, Value::Nil) { Value::Missing } else { data.clone() });
        self.call_tree(tree, &dot, 0)
    }

    fn call_tree(&mut self, tree: &Tree, dot: &Operand, depth: usize) -> Run<()> {
        let mut frame = Frame { tree, at: None, variables: vec![Some(dot.clone())], depth };
        stacker::maybe_grow(RED_ZONE, STACK, || self.walk(&mut frame, dot, tree.root))?;
        Ok(())
    }

    /// Renders to a text of its own.
    fn captured(&mut self, tree: &Tree, dot: &Value) -> Result<Value, CallError> {
        let most = self.set.limits.include_depth.saturating_mul(INCLUDED_NAMES);
        if self.captures > most {
            return Err(CallError::limit(format!("include and tpl are nested more than {most} deep")));
        }
        self.captures += 1;
        let start = std::mem::replace(&mut self.start, self.out.len());
        let trace = std::mem::replace(&mut self.trace, Trace::Off);
        let result = self.execute(tree, dot);
        self.trace = trace;
        let text = result.map(|()| Value::from_bytes(&self.out[self.start..]));
        self.out.truncate(self.start);
        self.start = start;
        self.captures -= 1;
        text.map_err(|error| CallError::from(*error))
    }

    /// Counts a step of work.
    pub(crate) fn tick(&mut self, frame: &Frame<'_>, count: usize) -> Run<()> {
        self.budget.step(count, &self.set.limits).map_err(|message| limit(frame.error(message)))
    }

    fn print(&mut self, frame: &Frame<'_>, text: &str) -> Run<()> {
        self.out.extend_from_slice(text.as_bytes());
        self.check_output(frame)
    }

    fn check_output(&self, frame: &Frame<'_>) -> Run<()> {
        let most = self.set.limits.output_bytes;
        if self.out.len() - self.start > most {
            return Err(limit(frame.error(format!("the output is over the limit of {most} bytes"))));
        }
        Ok(())
    }

    fn mark(&mut self, frame: &Frame<'_>, pos: Pos, is_text: bool) {
        if self.trace == Trace::On {
            let source = Arc::clone(&frame.tree.source);
            self.marks.push(Mark { offset: self.out.len(), source, pos, is_text });
        }
    }

    fn walk<'t>(&mut self, frame: &mut Frame<'t>, dot: &Operand, list: Span) -> Run<Flow> {
        for node in frame.tree.list(list) {
            frame.at = Some(Part::Node(node));
            self.tick(frame, 1)?;
            let flow = match node {
                Node::Text { start, end } => {
                    self.mark(frame, *start, true);
                    let tree = frame.tree;
                    self.print(frame, &tree.source.text[*start as usize..*end as usize])?;
                    Flow::Next
                }
                Node::Action { pos, pipe } => {
                    if frame.tree.pipe(*pipe).declared.is_empty() {
                        self.print_pipeline(frame, dot, node, *pipe, *pos)?;
                    } else {
                        self.pipeline(frame, dot, *pipe)?;
                    }
                    Flow::Next
                }
                Node::If(branch) => self.if_or_with(frame, dot, *branch, IsWith::No)?,
                Node::With(branch) => self.if_or_with(frame, dot, *branch, IsWith::Yes)?,
                Node::Range(branch) => self.range(frame, dot, node, *branch)?,
                Node::Template(call) => {
                    self.template(frame, dot, frame.tree.call(*call))?;
                    Flow::Next
                }
                Node::Break { .. } => Flow::Break,
                Node::Continue { .. } => Flow::Continue,
            };
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// Evaluates a pipeline that declares nothing, and prints its value.
    fn print_pipeline<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        node: &'t Node,
        id: PipeId,
        pos: Pos,
    ) -> Run<()> {
        frame.at = Some(Part::Pipe(id));
        let commands = frame.tree.commands(frame.tree.pipe(id));
        let (last, before) = commands.split_last().expect("the parser refuses empty pipelines");
        let mut value: Option<Operand> = None;
        for command in before {
            value = Some(self.command(frame, dot, command, value)?.unwrapped());
        }
        match self.print_call(frame, dot, last, value, pos)? {
            Printed::Yes => {
                frame.at = Some(Part::Node(node));
                self.check_output(frame)
            }
            Printed::No(value) => {
                let value = self.command(frame, dot, last, value)?.unwrapped();
                self.mark(frame, pos, false);
                self.print_value(frame, node, &value)
            }
        }
    }

    /// Lets a function print its result.
    pub(crate) fn print_by(
        &mut self,
        frame: &Frame<'_>,
        print: &Print,
        arguments: &[Value],
        pos: Pos,
    ) -> Run<Result<(), CallError>> {
        self.tick(frame, 1)?;
        self.mark(frame, pos, false);
        Ok(print(&mut self.out, arguments, self.set.limits.output_bytes))
    }

    fn print_value<'t>(&mut self, frame: &mut Frame<'t>, node: &'t Node, operand: &Operand) -> Run<()> {
        frame.at = Some(Part::Node(node));
        match &operand.value {
            Value::String(text) => self.out.extend_from_slice(text.as_bytes()),
            Value::Func(function) => {
                let shown = frame.tree.show(Part::Node(node));
                return Err(frame.error(format!("can't print {shown} of type {}", function.type_name())));
            }
            value => crate::printf::write_value(
                &mut self.out,
                value,
                self.start.saturating_add(self.set.limits.output_bytes),
            ),
        }
        self.check_output(frame)
    }

    fn if_or_with<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        branch: BranchId,
        is_with: IsWith,
    ) -> Run<Flow> {
        let branch = frame.tree.branch(branch);
        let value = self.pipeline(frame, dot, branch.pipe)?;
        let list = if value.value.truth() { Some(branch.list) } else { branch.otherwise };
        let flow = match list {
            None => Flow::Next,
            Some(list) => {
                let inner = if is_with == IsWith::Yes && value.value.truth() { &value } else { dot };
                stacker::maybe_grow(RED_ZONE, STACK, || self.walk(frame, inner, list))?
            }
        };
        frame.variables.truncate(branch.mark as usize);
        Ok(flow)
    }

    fn template<'t>(&mut self, frame: &mut Frame<'t>, dot: &Operand, call: &'t TemplateCall) -> Run<()> {
        let Some(tree) = self.tree(&call.name) else {
            return Err(frame.error(format!("template {} not defined", quote(&call.name))));
        };
        let most = self.set.limits.template_depth;
        if frame.depth == most {
            return Err(limit(frame.error(format!("exceeded maximum template depth ({most})"))));
        }
        let dot = match call.pipe {
            Some(pipe) => self.pipeline(frame, dot, pipe)?,
            None => Operand::of(Value::Missing),
        };
        self.call_tree(&tree, &dot, frame.depth + 1)
    }

    fn range<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        dot: &Operand,
        node: &'t Node,
        branch: BranchId,
    ) -> Run<Flow> {
        let branch = frame.tree.branch(branch);
        frame.at = Some(Part::Node(node));
        let value = self.pipeline(frame, dot, branch.pipe)?.value;
        let entries = if let Value::Object(object) = &value { object.entries() } else { None };
        let value = match &value {
            Value::Object(object) => object.plain().unwrap_or(value),
            _ => value,
        };
        let two = frame.tree.declared(frame.tree.pipe(branch.pipe)).len() > 1;
        let mut turns = Turns { machine: self, frame, branch, ran: false };
        match &value {
            _ if entries.is_some() => {
                for (key, value) in entries.into_iter().flatten() {
                    if turns.turn(key, &Operand::of(value))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Int(..) | Value::Uint(..) if two => {
                let shown = crate::printf::display(&value);
                return Err(turns
                    .frame
                    .error(format!("can't use {shown} to iterate over more than one variable")));
            }
            Value::Int(end, kind) => {
                for i in 0..*end {
                    if turns.turn(Value::Missing, &Operand::of(Value::Int(i, *kind)))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Uint(end, kind) => {
                for i in 0..*end {
                    if turns.turn(Value::Missing, &Operand::of(Value::Uint(i, *kind)))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::List(list) => {
                let is_interface = list.element() == crate::value::Element::Any;
                for (i, item) in (0_i64..).zip(list.iter()) {
                    let item = Operand { value: item.clone(), is_interface };
                    if turns.turn(Value::int(i), &item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) => {
                for (i, byte) in (0_i64..).zip(bytes.iter()) {
                    let item = Value::Uint(u64::from(*byte), crate::value::UintKind::Uint8);
                    if turns.turn(Value::int(i), &Operand::of(item))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                let is_interface = map.element() == crate::value::Element::Any;
                for (key, value) in map.entries() {
                    let item = Operand { value, is_interface };
                    if turns.turn(Value::String(key), &item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Missing | Value::Nil => {}
            other => {
                let shown = crate::printf::display(other);
                return Err(turns.frame.error(format!("range can't iterate over {shown}")));
            }
        }
        let ran = turns.ran;
        let flow = match branch.otherwise {
            Some(otherwise) if !ran => {
                stacker::maybe_grow(RED_ZONE, STACK, || self.walk(frame, dot, otherwise))?
            }
            _ => Flow::Next,
        };
        frame.variables.truncate(branch.mark as usize);
        Ok(flow)
    }

    /// Evaluates a pipeline, and keeps its value in the variables that it declares.
    pub(crate) fn pipeline<'t>(&mut self, frame: &mut Frame<'t>, dot: &Operand, id: PipeId) -> Run<Operand> {
        frame.at = Some(Part::Pipe(id));
        let tree = frame.tree;
        let pipe = tree.pipe(id);
        let mut value: Option<Operand> = None;
        for command in tree.commands(pipe) {
            value = Some(self.command(frame, dot, command, value)?.unwrapped());
        }
        let value = value.unwrap_or_else(|| Operand::of(Value::Missing));
        for variable in tree.declared(pipe) {
            let Some(slot) = variable.slot else {
                return Err(frame.error(format!("undefined variable: {}", tree.text(variable.name))));
            };
            frame.set(slot, value.clone());
        }
        Ok(value)
    }

    /// Calls a function's body; its failure is placed at the node of the call.
    pub(crate) fn invoke<'t>(
        &mut self,
        frame: &mut Frame<'t>,
        node: Part<'t>,
        name: &str,
        function: &Function,
        arguments: &[Value],
    ) -> Run<Operand> {
        self.tick(frame, 1 + weight(arguments))?;
        let result = stacker::maybe_grow(RED_ZONE, STACK, || function.call(self, arguments))
            .and_then(|value| self.weigh(value));
        match result {
            Ok(value) => {
                let result = function.signature().result;
                let interface = result == Type::Any || result == Type::Reflect && matches!(value, Value::Nil);
                Ok(Operand { value, is_interface: interface })
            }
            Err(refusal) => Err(refused(frame, node, name, refusal)),
        }
    }
}

impl Machine<'_> {
    /// Counts what a function made.
    fn weigh(&mut self, value: Value) -> Result<Value, CallError> {
        let most = self.set.limits.output_bytes;
        if value.as_string_bytes().is_some_and(|text| text.len() > most) {
            return Err(CallError::limit(format!("the text is over the limit of {most} bytes")));
        }
        self.made(value.own_bytes())?;
        Ok(value)
    }
}

/// Places a function's refusal at the node of its call.
#[cold]
pub(crate) fn refused<'t>(
    frame: &mut Frame<'t>,
    node: Part<'t>,
    name: &str,
    refusal: CallError,
) -> Box<RenderError> {
    frame.at = Some(node);
    let is_limit = refusal.fatal;
    let (message, inner) = refusal.into_parts();
    let mut error = frame.error(format!("error calling {name}: {message}"));
    error.inner = inner;
    error.limit = is_limit;
    error
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IsWith {
    No,
    Yes,
}

/// The turns of one loop.
struct Turns<'m, 'f, 't, 'r> {
    machine: &'m mut Machine<'r>,
    frame: &'f mut Frame<'t>,
    branch: &'t Branch,
    ran: bool,
}

impl Turns<'_, '_, '_, '_> {
    fn turn(&mut self, index: Value, item: &Operand) -> Run<Flow> {
        self.ran = true;
        self.machine.tick(self.frame, 1)?;
        let pipe = self.frame.tree.pipe(self.branch.pipe);
        match self.frame.tree.declared(pipe) {
            [] => {}
            [one] => self.frame.assign(one, item.clone())?,
            [first, second, ..] => {
                self.frame.assign(first, Operand::of(index))?;
                self.frame.assign(second, item.clone())?;
            }
        }
        let mark = self.frame.variables.len();
        let (machine, frame, list) = (&mut *self.machine, &mut *self.frame, self.branch.list);
        let flow = stacker::maybe_grow(RED_ZONE, STACK, || machine.walk(frame, item, list))?;
        self.frame.variables.truncate(mark);
        Ok(if flow == Flow::Continue { Flow::Next } else { flow })
    }
}

impl<'t> Frame<'t> {
    pub(crate) fn set(&mut self, slot: u32, value: Operand) {
        let slot = slot as usize;
        if self.variables.len() <= slot {
            self.variables.resize(slot + 1, None);
        }
        self.variables[slot] = Some(value);
    }

    fn assign(&mut self, variable: &Variable, value: Operand) -> Run<()> {
        match variable.slot {
            Some(slot) => {
                self.set(slot, value);
                Ok(())
            }
            None => {
                let name = self.tree.text(variable.name);
                Err(self.error(format!("undefined variable: {name}")))
            }
        }
    }

    /// Makes an error at the node that was visited last.
    pub(crate) fn error(&self, message: impl Into<String>) -> Box<RenderError> {
        let location = self.at.map(|part| {
            let source = &self.tree.source;
            let (line, column) = source.place(self.tree.pos(part));
            Location {
                file: source.name.clone(),
                line,
                column,
                action: self.tree.show(part),
                source_line: source.line(line).to_owned(),
            }
        });
        Box::new(RenderError {
            template: self.tree.name.clone(),
            location,
            message: message.into(),
            inner: None,
            dead_end: None,
            limit: false,
        })
    }

    /// Makes an error about a path of fields that could not be followed.
    pub(crate) fn dead_end(&self, message: String, end: DeadEnd) -> Box<RenderError> {
        let mut error = self.error(message);
        error.dead_end = Some(end);
        error
    }
}

fn limit(mut error: Box<RenderError>) -> Box<RenderError> {
    error.limit = true;
    error
}

/// An error outside of any template's node.
fn outside(template: &str, message: String) -> RenderError {
    RenderError {
        template: template.into(),
        location: None,
        message,
        inner: None,
        dead_end: None,
        limit: false,
    }
}

impl CallContext for Machine<'_> {
    fn world(&self) -> &dyn World {
        self.memo.asked();
        self.world
    }

    fn asked(&mut self) {
        self.memo.asked();
    }

    fn changed(&mut self) {
        self.memo.changed();
    }

    fn made(&mut self, bytes: usize) -> Result<(), CallError> {
        self.budget.make(bytes, &self.set.limits).map_err(CallError::limit)
    }

    fn include(&mut self, name: &str, dot: &Value) -> Result<Value, CallError> {
        let Some(tree) = self.tree(name) else {
            let set = quote(self.set.name());
            return Err(CallError::new(format!(
                "template: no template {} associated with template {set}",
                quote(name)
            )));
        };
        if self.included.get(name).is_some_and(|depth| *depth > self.set.limits.include_depth) {
            return Err(CallError::new(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            )));
        }
        // A text that `tpl` was given may define other templates for those that it includes.
        let is_plain = self.overlays.iter().all(|overlay| overlay.defined.is_empty());
        if is_plain && let Some(text) = self.memo.get(By::Name, name, dot) {
            return Ok(text);
        }
        *self.included.entry(name.into()).or_default() += 1;
        self.step(STEPS_OF_TEXT)?;
        let before = self.memo.before();
        let text = self.captured(&tree, dot);
        if is_plain && let Ok(text) = &text {
            self.memo.keep(By::Name, name, dot, text, &before);
        }
        if let Some(depth) = self.included.get_mut(name) {
            *depth -= 1;
        }
        text
    }

    fn render_text(&mut self, text: &str, dot: &Value) -> Result<Value, CallError> {
        if self.overlays.len() > self.set.limits.include_depth {
            return Err(CallError::new("tpl calls itself too deep"));
        }
        let is_plain = self.overlays.iter().all(|overlay| overlay.defined.is_empty());
        if is_plain && let Some(printed) = self.memo.get(By::Text, text, dot) {
            return Ok(printed);
        }
        self.step(STEPS_OF_TEXT)?;
        let before = self.memo.before();
        let overlay = match self.parsed.get(text) {
            Some(overlay) => Arc::clone(overlay),
            None => self.parse_overlay(text)?,
        };
        self.overlays.push(Arc::clone(&overlay));
        let printed = match &overlay.main {
            Some(tree) => self.captured(tree, dot),
            None => Ok(Value::String(Str::EMPTY)),
        };
        self.overlays.pop();
        if is_plain && let Ok(printed) = &printed {
            self.memo.keep(By::Text, text, dot, printed, &before);
        }
        printed
    }

    fn yaml(&mut self, map: &Map, print: fn(&Map) -> Result<Value, CallError>) -> Result<Value, CallError> {
        if let Some(text) = self.memo.yaml(map) {
            return Ok(text);
        }
        let before = self.memo.before();
        let text = print(map)?;
        self.memo.keep_yaml(map, &text, &before);
        Ok(text)
    }

    fn step(&mut self, count: usize) -> Result<(), CallError> {
        self.budget.step(count, &self.set.limits).map_err(CallError::limit)
    }

    fn output_limit(&self) -> usize {
        self.set.limits.output_bytes
    }

    fn is_interface(&self, argument: usize) -> bool {
        argument < 64 && self.interfaces & (1 << argument) != 0
    }

    fn call(&mut self, function: &Function, arguments: &[Value]) -> Result<Value, CallError> {
        crate::eval::check_call("function", function, arguments)?;
        function.call(self, arguments)
    }
}

impl Machine<'_> {
    fn parse_overlay(&mut self, text: &str) -> Result<Arc<Overlay>, CallError> {
        let name = self.set.name().clone();
        let parsed = self.set.parsed(name.clone(), text.into(), &mut self.scratch)?;
        self.made(text.len().saturating_add(parsed.parts.bytes()))?;
        let mut overlay = Overlay { main: None, defined: Named::default() };
        for tree in parsed.trees().map(Arc::new) {
            if tree.name == name {
                overlay.main = Some(tree);
            } else if !(tree.is_empty() && self.tree(&tree.name).is_some()) {
                overlay.defined.insert(tree.name.clone(), tree);
            }
        }
        let overlay = Arc::new(overlay);
        if self.parsed.len() < MOST_PARSED {
            self.parsed.insert(text.into(), Arc::clone(&overlay));
        }
        Ok(overlay)
    }
}
