//! Finds the word that a user probably meant, for the "did you mean" at the end of an error.

/// Returns how many characters must be inserted, removed, replaced or swapped with their neighbour to turn one text
/// into the other.
///
/// ```
/// assert_eq!(gitops_yaml::edit_distance("namepsace", "namespace"), 1);
/// ```
#[must_use]
pub fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut row = above.clone();
    for (i, &from) in a.iter().enumerate() {
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let replaced = above[j] + usize::from(from != to);
            row[j + 1] = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut above, row.clone());
    }
    above[b.len()]
}

/// Returns the candidate nearest to what was wanted, if one is near enough to be a slip: about one wrong character in
/// three, letter case not counted. The first of several equally near ones wins.
///
/// ```
/// let kinds = ["ConfigMap", "Deployment", "Service"];
/// assert_eq!(gitops_yaml::did_you_mean("Deploymnet", kinds), Some("Deployment"));
/// assert_eq!(gitops_yaml::did_you_mean("Ingress", kinds), None);
/// assert_eq!(gitops_yaml::did_you_mean("x", ["y"]), None);
/// ```
#[must_use]
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer texts are no slips, and the distance costs the product of the lengths.
    const LONGEST: usize = 256;
    if wanted.is_empty() || wanted.len() > LONGEST {
        return None;
    }
    let folded = wanted.to_lowercase();
    let length = folded.chars().count();
    let allowed = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len().abs_diff(wanted.len()) > allowed * 4
            || candidate.len() > LONGEST
            || candidate == wanted
        {
            continue;
        }
        let distance = edit_distance(&folded, &candidate.to_lowercase());
        // Of a name of one character, nothing would be left.
        if distance <= allowed && distance < length && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_inserted_removed_replaced_and_swapped_characters() {
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("ab", "ba"), 1);
        assert_eq!(edit_distance("straße", "strasse"), 2);
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(did_you_mean("NAMEPREFIX", ["namePrefix", "nameSuffix"]), Some("namePrefix"));
        assert_eq!(did_you_mean("patchs", ["patches", "replicas"]), Some("patches"));
        assert_eq!(did_you_mean("x", ["patches"]), None);
        assert_eq!(did_you_mean("same", ["same"]), None);
    }
}
