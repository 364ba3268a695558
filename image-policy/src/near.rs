//! Names that were probably meant.

/// Counts the insertions, deletions, replacements and swaps of neighbours that make one name of the other, case
/// aside; `None` where they are more than one slip in four characters.
pub(crate) fn distance(one: &str, other: &str) -> Option<usize> {
    let characters = |name: &str| name.to_lowercase().chars().collect::<Vec<_>>();
    let (one, other) = (characters(one), characters(other));
    let allowed = (one.len().min(other.len()) / 4).clamp(1, 4);
    if one.len().abs_diff(other.len()) > allowed || one.len().max(other.len()) > 512 {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 0..one.len() {
        let mut row = vec![i + 1];
        for j in 0..other.len() {
            let replaced = last[j] + usize::from(one[i] != other[j]);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && one[i] == other[j - 1] && one[i - 1] == other[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    let found = last[other.len()];
    (found <= allowed).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn slips_of_the_keyboard_are_near() {
        assert_eq!(distance("app", "App"), Some(0));
        assert_eq!(distance("app", "ap"), Some(1));
        assert_eq!(distance("flux-system", "flux-sytsem"), Some(1));
        assert_eq!(distance("web", "db"), None);
        assert_eq!(distance("", "a"), Some(1));
    }
}
