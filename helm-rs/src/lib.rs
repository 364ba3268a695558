//! Helm charts and releases as a pure library.
//!
//! A [`Chart`](chart::Chart) is loaded from files in memory, its values are [coalesced](values), its templates rendered
//! and split into manifests, byte for byte as Helm does it. Nothing here opens a file, a socket or a clock.

mod capabilities;
mod decode;
mod error;
mod go;
mod json;
mod lint;
mod package;
mod places;
mod post_render;
mod repository_index;
mod schema;
mod semver;
mod show;
mod template;
mod time;
mod warning;

pub mod chart;
pub mod manifest;
pub mod release;
pub mod render;
pub mod values;

pub use capabilities::{Capabilities, KubeVersion};
pub use error::{Error, ErrorKind, Site};
pub use lint::{Entry, Finding, LintOptions, LintTarget, Severity, deprecated_api, lint};
pub use package::{PackageOptions, Packaged, package};
pub use post_render::{PostRender, PostRenderStrategy, PostRenderer};
pub use repository_index::{ChartVersion, RepositoryIndex};
pub use schema::{validate, validate_values};
pub use semver::is_in_range;
pub use show::{Show, show};
pub use template::{
    OutputPart, Schemas, TemplateError, TemplateOptions, Templated, print_rendered, show_only, template,
};
pub use time::Time;
pub use warning::{Level, Warning, Warnings};
