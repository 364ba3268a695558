//! What a cluster can do, as far as templates ask: its version and its API versions.

use gitops_yaml::Str;

use crate::go::quoted;
use crate::semver::is_in_range;
use crate::{Error, ErrorKind};

/// What `.Capabilities` tells templates.
///
/// ```
/// use helm_rs::Capabilities;
/// let capabilities = Capabilities::default();
/// assert_eq!(capabilities.kube_version.version, "v1.37.0");
/// assert!(capabilities.has("apps/v1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The version of Kubernetes.
    pub kube_version: KubeVersion,
    /// The API versions, `apps/v1`, and perhaps kinds, `apps/v1/Deployment`.
    pub api_versions: Vec<Str>,
}

/// A version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KubeVersion {
    /// All of it: `v1.33.4-gke.1245000`.
    pub version: Str,
    /// The numbers alone, which ranges are checked against: `v1.33.4`.
    pub normalized: Str,
    /// The first number.
    pub major: Str,
    /// The second number.
    pub minor: Str,
}

impl KubeVersion {
    /// Reads a version: two or more numbers, then anything.
    ///
    /// # Errors
    /// What is wrong, in the words of Kubernetes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |message: String| Error::new(ErrorKind::Values, message);
        let shown = quoted(text);
        let trimmed = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
        let trimmed = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let mut end = trimmed.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        // Dots are part of the number only between digits.
        let numbers = loop {
            let candidate = &trimmed[..end];
            match candidate.find("..") {
                Some(at) => end = at,
                None if candidate.ends_with('.') => end -= 1,
                None => break candidate,
            }
        };
        // No line break may follow the numbers: Go's `.` stops there.
        if !numbers.starts_with(|c: char| c.is_ascii_digit())
            || trimmed[end..].trim_end_matches('\n').contains('\n')
        {
            return Err(refused(format!("could not parse {shown} as version")));
        }
        let parts: Vec<&str> = numbers.split('.').collect();
        if parts.len() < 2 {
            return Err(refused(format!("illegal version string {shown}")));
        }
        let mut found = Vec::with_capacity(parts.len());
        for (index, part) in parts.iter().enumerate() {
            if index == 0 && part.starts_with('0') && *part != "0" {
                return Err(refused(format!(
                    "illegal zero-prefixed version component {} in {shown}",
                    quoted(part)
                )));
            }
            let number: u64 = part.parse().map_err(|_| {
                let part = quoted(part);
                refused(format!(
                    "illegal non-numeric version component {part} in {shown}: strconv.ParseUint: parsing {part}: value out of range"
                ))
            })?;
            found.push(number.to_string());
        }
        let version = if text.starts_with('v') { text.to_owned() } else { format!("v{text}") };
        Ok(Self {
            version: version.into(),
            normalized: format!("v{}", found.join(".")).into(),
            major: found[0].as_str().into(),
            minor: found[1].as_str().into(),
        })
    }

    /// Returns whether the version is in a chart's range; text that is no range holds none.
    #[must_use]
    pub fn is_in(&self, range: &str) -> bool {
        is_in_range(range, &self.normalized)
    }
}

impl Default for KubeVersion {
    /// The version that Helm 4.3.1 assumes without a cluster.
    fn default() -> Self {
        Self {
            version: Str::literal("v1.37.0"),
            normalized: Str::literal("v1.37.0"),
            major: Str::literal("1"),
            minor: Str::literal("37"),
        }
    }
}

impl Default for Capabilities {
    /// What Helm 4.3.1 assumes without a cluster.
    fn default() -> Self {
        Self {
            kube_version: KubeVersion::default(),
            api_versions: API_VERSIONS.iter().map(|version| Str::literal(version)).collect(),
        }
    }
}

impl Capabilities {
    /// Returns whether the API version, or kind of one, is among [`Capabilities::api_versions`].
    #[must_use]
    pub fn has(&self, api_version: &str) -> bool {
        self.api_versions.iter().any(|known| known == api_version)
    }

    /// Refuses a chart whose `kubeVersion` does not hold this cluster's version.
    ///
    /// # Errors
    /// `chart requires kubeVersion: … which is incompatible with Kubernetes …`.
    pub fn check(&self, chart: &crate::chart::Chart) -> Result<(), Error> {
        let range = &chart.metadata().kube_version;
        if range.is_empty() || self.kube_version.is_in(range) {
            return Ok(());
        }
        let version = &self.kube_version.version;
        Err(Error::new(
            ErrorKind::Chart,
            format!("chart requires kubeVersion: {range} which is incompatible with Kubernetes {version}"),
        ))
    }
}

/// The API versions that client-go of this Kubernetes version knows, in its order.
const API_VERSIONS: [&str; 57] = [
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];
