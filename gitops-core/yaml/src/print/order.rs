//! The order of keys in go-yaml's sorted output, where `a9` stands before `a10` and capitals before small letters.

use std::cmp::Ordering;

/// Returns whether go-yaml v2 prints key `a` before key `b`.
///
/// At the first character in which they differ, non-letters come before letters, letters compare by code point, and
/// runs of digits compare by value. This is not an order of every set: `a1b`, `a9` and `a10` form a circle, for which
/// Go's output is random.
///
/// ```
/// assert!(gitops_yaml::key_less("a9", "a10"));
/// assert!(gitops_yaml::key_less("Z", "a"));
/// assert!(gitops_yaml::key_less("app.kubernetes.io/name", "appName"));
/// ```
#[must_use]
pub fn key_less(a: &str, b: &str) -> bool {
    key_order(a, b) == Ordering::Less
}

/// Compares two keys as [`key_less`] does; `Equal` only for equal texts. Sort by it with [`sort_keys`]: Rust's own sorts may
/// panic on circles.
#[must_use]
pub fn key_order(a: &str, b: &str) -> Ordering {
    let (left, right) = (a.as_bytes(), b.as_bytes());
    let Some(at) = left.iter().zip(right).position(|(x, y)| x != y) else {
        return left.len().cmp(&right.len());
    };
    let (x, y) = (left[at], right[at]);
    // Most keys differ first in two ASCII letters.
    if x.is_ascii_alphabetic() && y.is_ascii_alphabetic() {
        return x.cmp(&y);
    }
    if !x.is_ascii() || !y.is_ascii() {
        return characters_order(a, b, at);
    }
    deciding_characters(a, b, at, char::from(x), char::from(y))
}

/// Compares two keys as go-yaml v3 does, for [`PrettyPrinter`](crate::PrettyPrinter): as [`key_order`], but behind a
/// digit letters come before other characters.
///
/// ```
/// use std::cmp::Ordering;
/// assert_eq!(gitops_yaml::pretty_key_order("a1b", "a1-"), Ordering::Less);
/// assert_eq!(gitops_yaml::key_order("a1b", "a1-"), Ordering::Greater);
/// ```
#[must_use]
pub fn pretty_key_order(a: &str, b: &str) -> Ordering {
    let mut left = a.chars();
    let mut behind_digit = false;
    for y in b.chars() {
        let Some(x) = left.next() else { break };
        if x != y {
            if x.is_alphabetic() != y.is_alphabetic() && behind_digit {
                return if x.is_alphabetic() { Ordering::Less } else { Ordering::Greater };
            }
            break;
        }
        behind_digit = x.is_ascii_digit();
    }
    key_order(a, b)
}

/// Decides at the first byte that differs, where at least one character is beyond ASCII.
fn characters_order(a: &str, b: &str, at: usize) -> Ordering {
    let start = (0..=at).rev().find(|&i| a.is_char_boundary(i) && b.is_char_boundary(i)).unwrap_or(0);
    let (Some(x), Some(y)) = (a[start..].chars().next(), b[start..].chars().next()) else {
        return a.len().cmp(&b.len());
    };
    deciding_characters(a, b, start, x, y)
}

fn deciding_characters(a: &str, b: &str, at: usize, x: char, y: char) -> Ordering {
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A run of zeros inside a number counts by its length: a leading 1 stands for the digits in front.
    let in_number = (x == '0' || y == '0')
        && a[..at].bytes().rev().take_while(u8::is_ascii_digit).any(|digit| digit != b'0');
    let start = i64::from(in_number);
    let (left, left_digits) = digits_value(&a[at..], start);
    let (right, right_digits) = digits_value(&b[at..], start);
    left.cmp(&right).then(left_digits.cmp(&right_digits)).then(x.cmp(&y))
}

/// Returns the value of the digits at the start of a text, after those of `start`, and how many they are.
fn digits_value(text: &str, start: i64) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((start, 0), |(value, count), digit| {
        (value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')), count + 1)
    })
}

/// Sorts stably by [`key_order`], or by another order that may run in circles.
///
/// ```
/// let mut keys = ["a10", "a9", "B"];
/// gitops_yaml::sort_keys(&mut keys, |a, b| gitops_yaml::key_order(a, b));
/// assert_eq!(keys, ["B", "a9", "a10"]);
/// ```
pub fn sort_keys<T: Clone>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering + Copy) {
    sort_by_order(items, &mut Vec::new(), order);
}

/// As [`sort_keys`], with room for a copy that the caller keeps. No sort of the standard library promises to bear circles.
pub(crate) fn sort_by_order<T>(
    items: &mut [T],
    scratch: &mut Vec<T>,
    order: impl Fn(&T, &T) -> Ordering + Copy,
) where
    T: Clone,
{
    if items.windows(2).all(|pair| order(&pair[0], &pair[1]) != Ordering::Greater) {
        return;
    }
    if items.len() <= 20 {
        insertion_sort(items, order);
        return;
    }
    let middle = items.len() / 2;
    sort_by_order(&mut items[..middle], scratch, order);
    sort_by_order(&mut items[middle..], scratch, order);
    scratch.clear();
    {
        let (mut left, mut right) = (items[..middle].iter().peekable(), items[middle..].iter().peekable());
        while let Some(next) = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if order(a, b) == Ordering::Greater => right.next(),
            (Some(_), _) => left.next(),
            (None, _) => right.next(),
        } {
            scratch.push(next.clone());
        }
    }
    items.clone_from_slice(scratch);
}

fn insertion_sort<T>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    for next in 1..items.len() {
        let mut at = next;
        while at > 0 && order(&items[at - 1], &items[at]) == Ordering::Greater {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &[&str]) {
        let mut keys = wanted.to_vec();
        keys.reverse();
        sort_by_order(&mut keys, &mut Vec::new(), |a, b| key_order(a, b));
        assert_eq!(keys, wanted);
    }

    #[test]
    fn numbers_count_by_value() {
        check(&["a1", "a2", "a9", "a10", "a100"]);
        check(&["a", "a1", "a01", "b"]);
        check(&["v1", "v1.2", "v10", "v1a"]);
    }

    #[test]
    fn letters_come_last() {
        check(&["-", "_", "1", "10", "A", "Z", "a", "z"]);
        check(&["a.b", "a/b", "aB", "ab"]);
        check(&["z", "é"]);
    }

    #[test]
    fn circles_end() {
        let mut keys: Vec<String> = (0..50).flat_map(|n| [format!("a{n}b"), format!("a{n}")]).collect();
        sort_by_order(&mut keys, &mut Vec::new(), |a, b| key_order(a, b));
        assert_eq!(keys.len(), 100);
    }
}
