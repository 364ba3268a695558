//! Names that were probably meant.

/// Returns how many slips of the keyboard make one name of the other, case aside; `None` where they are more than one
/// in four characters.
pub(crate) fn distance(one: &str, other: &str) -> Option<usize> {
    const LONGEST: usize = 256;
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let allowed = (one.len().min(other.len()) / 4).clamp(1, 4);
    if one.len().abs_diff(other.len()) > 4 * allowed || one.len().max(other.len()) > LONGEST {
        return None;
    }
    Some(gitops_yaml::edit_distance(&one, &other)).filter(|found| *found <= allowed)
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
