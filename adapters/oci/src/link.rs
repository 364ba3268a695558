//! `Link`: where the next page of a list is.

use gitops_transport::Url;
use gitops_transport::header::{HeaderMap, LINK};

/// Returns the target of `Link: <…>; rel="next"` as it stands there: it may be relative, and means nothing to us.
pub(crate) fn next(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
        let mut rest = value;
        while let Some((_, after)) = rest.split_once('<') {
            let (target, after) = after.split_once('>')?;
            let parameters = after.split('<').next().unwrap_or_default();
            if parameters.split([';', ',']).any(is_next) {
                return Some(target);
            }
            rest = after;
        }
        None
    })
}

fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value.trim().trim_matches('"').split(' ').any(|rel| rel.eq_ignore_ascii_case("next"))
    })
}

/// Returns the page's address, as long as it is one of the same registry.
pub(crate) fn resolved(here: &Url, target: &str) -> Option<Url> {
    let url = here.join(target).ok()?;
    // Behind a proxy that ends TLS, registries name themselves with http: their own scheme counts.
    let same = url.host() == here.host() && url.has_host();
    let mut page = here.clone();
    page.set_path(url.path());
    page.set_query(url.query());
    same.then_some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(link: &str, wanted: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, link.parse().unwrap());
        assert_eq!(next(&headers), wanted);
    }

    #[test]
    fn only_the_next_page_counts() {
        check("</v2/a/tags/list?last=b,c&n=2>; rel=\"next\"", Some("/v2/a/tags/list?last=b,c&n=2"));
        check("<x>; rel=prev, <y>; Rel=\"last next\"", Some("y"));
        check("<x>; rel=\"prev\"", None);
        check("<x", None);
    }

    #[test]
    fn pages_stay_at_their_registry() {
        let here = Url::parse("https://r.io/v2/a/tags/list").unwrap();
        let at = |target: &str| resolved(&here, target).map(String::from);
        assert_eq!(at("?n=2").as_deref(), Some("https://r.io/v2/a/tags/list?n=2"));
        assert_eq!(at("http://r.io/v2/x?n=2").as_deref(), Some("https://r.io/v2/x?n=2"));
        assert_eq!(at("https://evil.io/v2/x"), None);
        assert_eq!(at("//evil.io/x"), None);
    }
}
