//! An expression as a tree. Chains of operators and of selections are flat, so that only real nesting goes deep.

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    Literal(Literal),
    /// A variable.
    Name(String),
    List(Vec<(Expr, Presence)>),
    Map(Vec<(Expr, Expr, Presence)>),
    /// `first.a[b].c()`
    Chain(Box<Expr>, Vec<Access>),
    /// A function: its name, with dots, and what it is given.
    Call(String, Vec<Expr>),
    /// `has(a.b)`
    Has(Box<Expr>, String),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    /// `a < b`, of any number of operators of one rank, from left to right.
    Binary(Box<Expr>, Vec<(Operator, Expr)>),
    /// `a ? b : c`
    Choice(Box<[Expr; 3]>),
}

/// Whether an element is left out where its optional value has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Optional,
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// One step along a chain.
#[derive(Clone, Debug)]
pub(super) enum Access {
    Field(String, Presence),
    Index(Expr, Presence),
    Method(String, Vec<Expr>),
    /// A macro over a list or map: `all`, `exists`, `map` …
    Each(Each, String, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Each {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    OptionalMap,
    OptionalFlatMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
