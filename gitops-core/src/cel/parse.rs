//! Expressions read into trees, with the macros put in place.

use super::expression::{Access, Each, Expr, Literal, Operator, Presence};
use super::lex::{Syntax, Token, tokens};

const MAX_BYTES: usize = 100_000;
const MAX_DEPTH: usize = 100;

/// Words that name no variable.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

pub(super) fn parse(text: &str) -> Result<Expr, Syntax> {
    if text.len() > MAX_BYTES {
        return Err(Syntax::new(
            0,
            format!("expression code point size exceeds limit: size: {}, limit {MAX_BYTES}", text.len()),
        ));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let root = parser.choice()?;
    match parser.peek() {
        Token::End => Ok(root),
        _ => Err(parser.unexpected("the end of the expression")),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(_, token)| token)
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |(at, _)| *at)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.next += usize::from(found);
        found
    }

    fn want(&mut self, sign: &str) -> Result<(), Syntax> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("'{sign}'"))) }
    }

    fn unexpected(&self, wanted: &str) -> Syntax {
        let found = match self.peek() {
            Token::Word(word) => format!("'{word}'"),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::Value(_) => "a literal".to_owned(),
            Token::End => "<EOF>".to_owned(),
        };
        Syntax::new(self.place(), format!("mismatched input {found} expecting {wanted}"))
    }

    fn choice(&mut self) -> Result<Expr, Syntax> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Syntax::new(
                self.place(),
                format!("expression recursion limit exceeded: {MAX_DEPTH}"),
            ));
        }
        let condition = self.any()?;
        let result = if self.take("?") {
            let yes = self.any()?;
            self.want(":")?;
            let no = self.choice()?;
            Expr::Choice(Box::new([condition, yes, no]))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(result)
    }

    fn any(&mut self) -> Result<Expr, Syntax> {
        let first = self.all()?;
        if !self.is("||") {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.take("||") {
            terms.push(self.all()?);
        }
        Ok(Expr::Any(terms))
    }

    fn all(&mut self) -> Result<Expr, Syntax> {
        let first = self.binary(0)?;
        if !self.is("&&") {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.take("&&") {
            terms.push(self.binary(0)?);
        }
        Ok(Expr::All(terms))
    }

    /// Reads operators of a rank: comparisons, sums, products.
    fn binary(&mut self, rank: usize) -> Result<Expr, Syntax> {
        if rank == 3 {
            return self.unary();
        }
        let first = self.binary(rank + 1)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator(rank) {
            self.next += 1;
            rest.push((operator, self.binary(rank + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Binary(Box::new(first), rest) })
    }

    fn operator(&self, rank: usize) -> Option<Operator> {
        use Operator as O;
        let sign = match self.peek() {
            Token::Sign(sign) => *sign,
            Token::Word(word) if word == "in" => "in",
            _ => return None,
        };
        Some(match (rank, sign) {
            (0, "==") => O::Equal,
            (0, "!=") => O::Unequal,
            (0, "<") => O::Less,
            (0, "<=") => O::LessOrEqual,
            (0, ">") => O::Greater,
            (0, ">=") => O::GreaterOrEqual,
            (0, "in") => O::In,
            (1, "+") => O::Add,
            (1, "-") => O::Subtract,
            (2, "*") => O::Multiply,
            (2, "/") => O::Divide,
            (2, "%") => O::Remainder,
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Expr, Syntax> {
        let sign = if self.is("!") {
            "!"
        } else if self.is("-") {
            "-"
        } else {
            return self.chain();
        };
        let mut count = 0_usize;
        while self.take(sign) {
            count += 1;
        }
        let minus = self.tokens.get(self.next).map(|(_, token)| token.clone());
        if sign == "-"
            && let Some(Token::Value(Literal::Int(i64::MIN))) = minus
        {
            // The smallest number has no positive form: one sign belongs to it.
            self.next += 1;
            count -= 1;
            let literal = self.accesses(Expr::Literal(Literal::Int(i64::MIN)))?;
            return Ok(repeat(literal, count, Expr::Negate));
        }
        let operand = self.chain()?;
        Ok(match (sign, operand) {
            ("-", Expr::Literal(Literal::Int(value))) => {
                let value = if count % 2 == 1 { value.wrapping_neg() } else { value };
                Expr::Literal(Literal::Int(value))
            }
            ("-", Expr::Literal(Literal::Double(value))) => {
                Expr::Literal(Literal::Double(if count % 2 == 1 { -value } else { value }))
            }
            ("-", operand) => repeat(operand, count, Expr::Negate),
            (_, operand) => repeat(operand, count, Expr::Not),
        })
    }

    fn chain(&mut self) -> Result<Expr, Syntax> {
        if let Token::Value(Literal::Int(i64::MIN)) = self.peek() {
            return Err(Syntax::new(self.place(), "invalid int literal"));
        }
        let first = self.primary()?;
        self.accesses(first)
    }

    fn accesses(&mut self, first: Expr) -> Result<Expr, Syntax> {
        let mut rest = Vec::new();
        let mut first = first;
        loop {
            if self.take(".") {
                let presence = if self.take("?") { Presence::Optional } else { Presence::Always };
                let at = self.place();
                let name = self.field()?;
                if presence == Presence::Optional || !self.take("(") {
                    rest.push(Access::Field(name, presence));
                    continue;
                }
                let arguments = self.arguments()?;
                if let (Expr::Name(space), true) = (&first, rest.is_empty())
                    && ["sets", "base64", "strings", "optional"].contains(&space.as_str())
                {
                    first = Expr::Call(format!("{space}.{name}"), arguments);
                    continue;
                }
                rest.push(method(at, name, arguments)?);
            } else if self.take("[") {
                let presence = if self.take("?") { Presence::Optional } else { Presence::Always };
                let index = self.choice()?;
                self.want("]")?;
                rest.push(Access::Index(index, presence));
            } else {
                break;
            }
        }
        Ok(if rest.is_empty() { first } else { Expr::Chain(Box::new(first), rest) })
    }

    fn field(&mut self) -> Result<String, Syntax> {
        match self.peek() {
            Token::Word(word) if !["in", "true", "false", "null"].contains(&word.as_str()) => {
                let word = word.clone();
                self.next += 1;
                Ok(word)
            }
            _ => Err(self.unexpected("IDENTIFIER")),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, Syntax> {
        let mut out = Vec::new();
        if self.take(")") {
            return Ok(out);
        }
        loop {
            out.push(self.choice()?);
            if self.take(",") {
                continue;
            }
            self.want(")")?;
            return Ok(out);
        }
    }

    fn primary(&mut self) -> Result<Expr, Syntax> {
        let at = self.place();
        if self.take("(") {
            let inner = self.choice()?;
            self.want(")")?;
            return Ok(inner);
        }
        if self.take("[") {
            return self.list();
        }
        if self.take("{") {
            return self.map();
        }
        self.take(".");
        let expected = || "an expression".to_owned();
        match self.peek().clone() {
            Token::Value(value) => {
                self.next += 1;
                Ok(Expr::Literal(value))
            }
            Token::Word(word) => {
                if word == "in" || RESERVED.contains(&word.as_str()) {
                    return Err(Syntax::new(at, format!("reserved identifier: {word}")));
                }
                self.next += 1;
                Ok(match word.as_str() {
                    "true" => Expr::Literal(Literal::Bool(true)),
                    "false" => Expr::Literal(Literal::Bool(false)),
                    "null" => Expr::Literal(Literal::Null),
                    _ if self.take("(") => {
                        let arguments = self.arguments()?;
                        call(at, word, arguments)?
                    }
                    _ => Expr::Name(word),
                })
            }
            _ => Err(self.unexpected(&expected())),
        }
    }

    fn list(&mut self) -> Result<Expr, Syntax> {
        let mut items = Vec::new();
        while !self.take("]") {
            let presence = if self.take("?") { Presence::Optional } else { Presence::Always };
            items.push((self.choice()?, presence));
            if !self.take(",") {
                self.want("]")?;
                break;
            }
        }
        Ok(Expr::List(items))
    }

    fn map(&mut self) -> Result<Expr, Syntax> {
        let mut entries = Vec::new();
        while !self.take("}") {
            let presence = if self.take("?") { Presence::Optional } else { Presence::Always };
            let key = self.choice()?;
            self.want(":")?;
            entries.push((key, self.choice()?, presence));
            if !self.take(",") {
                self.want("}")?;
                break;
            }
        }
        Ok(Expr::Map(entries))
    }
}

fn repeat(operand: Expr, count: usize, wrap: fn(Box<Expr>) -> Expr) -> Expr {
    // Signs in pairs undo each other only on values that have a sign: two stay where there were any two.
    let count = if count > 2 { 2 - count % 2 } else { count };
    (0..count).fold(operand, |inner, _| wrap(Box::new(inner)))
}

fn call(at: usize, name: String, arguments: Vec<Expr>) -> Result<Expr, Syntax> {
    if name != "has" {
        return Ok(Expr::Call(name, arguments));
    }
    let wrong = || Syntax::new(at, "invalid argument to has() macro");
    let mut arguments = arguments.into_iter();
    let (Some(Expr::Chain(first, mut steps)), None) = (arguments.next(), arguments.next()) else {
        return Err(wrong());
    };
    let Some(Access::Field(field, Presence::Always)) = steps.pop() else { return Err(wrong()) };
    let base = if steps.is_empty() { first } else { Box::new(Expr::Chain(first, steps)) };
    Ok(Expr::Has(base, field))
}

fn method(at: usize, name: String, mut arguments: Vec<Expr>) -> Result<Access, Syntax> {
    let each = match (name.as_str(), arguments.len()) {
        ("all", 2) => Each::All,
        ("exists", 2) => Each::Exists,
        ("exists_one" | "existsOne", 2) => Each::ExistsOne,
        ("map", 2 | 3) => Each::Map,
        ("filter", 2) => Each::Filter,
        ("optMap", 2) => Each::OptionalMap,
        ("optFlatMap", 2) => Each::OptionalFlatMap,
        _ => return Ok(Access::Method(name, arguments)),
    };
    match arguments.remove(0) {
        Expr::Name(variable) => Ok(Access::Each(each, variable, arguments)),
        _ => Err(Syntax::new(at, "argument must be a simple name")),
    }
}
