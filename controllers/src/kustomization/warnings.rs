//! What a Kustomization's `Warnings` condition says: slips that stop nothing, each with its place and what would help.

use gitops_core::api::{Kustomization, Object};
use gitops_core::tree::{MemTree, Source, join};
use gitops_yaml::{FileId, Node, ReadOptions, read_document};
use kustomize_rs::kustomization::FILE_NAMES;

use super::build::{Built, build};
use super::generate::Generated;
use crate::context::Run;
use crate::fleet::Gap;
use crate::fleet::validate::slips;
use crate::kind::{Key, Kind};
use crate::source::referenced;
use crate::status::Truth;
use crate::world::World;

/// How many warnings a condition holds; people read no more.
const MOST: usize = 25;

/// How long they are together: servers refuse conditions of more than 32 KiB.
const MOST_BYTES: usize = 16 << 10;

/// What is to be said, in the order in which it was found, each once.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<String>);

impl Warnings {
    fn push(&mut self, text: String) {
        if !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    fn gap(&mut self, gap: &Gap) {
        let Gap { place, message, help, .. } = gap;
        let separator = if place.is_empty() { "" } else { ": " };
        let before = if help.is_empty() { "" } else { "; " };
        self.push(format!("{place}{separator}{message}{before}{help}"));
    }

    /// Says what the Kustomization itself says in vain, and what it depends on without knowing when that is ready.
    pub(super) fn of_itself<W: World>(run: &Run<'_, W>, read: &Object<Kustomization>) -> Self {
        let mut warnings = Self::default();
        let place = run.context.origins.of(&run.key).map(|place| format!("{place}: ")).unwrap_or_default();
        for notice in &read.notices {
            warnings.push(format!("{place}{}", notice.message));
        }
        for wanted in read.spec.depends_on.iter().filter(|wanted| wanted.ready_expr.is_none()) {
            let namespace = wanted.namespace.as_deref();
            let key = referenced(Kind::Kustomization, namespace, &wanted.name, &run.key.namespace);
            let Some(object) = run.context.cache.get(&key) else { continue };
            let Ok(its) = Object::<Kustomization>::read(&object) else { continue };
            if !its.spec.wait && its.spec.health_checks.is_empty() {
                warnings.push(format!(
                    "{place}dependency '{}/{}' is ready as soon as it is applied, not when its objects run; set its spec.wait: true",
                    key.namespace, key.name
                ));
            }
        }
        warnings
    }

    /// Adds what is to say of what was built. Secrets are looked at only where they stand in clear.
    pub(super) fn of_built(&mut self, built: &Built, spec: &Kustomization, source: &Key) {
        built.warnings.iter().for_each(|warning| self.push(warning.clone()));
        let is_clear = |node: &&Node| {
            spec.decryption.is_none() || node.get("kind").and_then(Node::as_str) != Some("Secret")
        };
        slips(built.objects.iter().filter(is_clear), &built.files).iter().for_each(|gap| self.gap(gap));
        let feeds = |node: &&Node| Key::of(node).as_ref() == Some(source);
        if let Some(node) = built.objects.iter().find(feeds).filter(|_| spec.prune) {
            let is_kept = ["labels", "annotations"].iter().any(|field| {
                let value = node
                    .at_path(&["metadata", field, "kustomize.toolkit.fluxcd.io/prune"])
                    .and_then(Node::as_str);
                value.is_some_and(|value| value.eq_ignore_ascii_case("disabled"))
            });
            if !is_kept {
                self.push(format!(
                    "{}: this source is pruned by the Kustomization that it feeds: to move this file deletes the source of \
                     everything; annotate it with kustomize.toolkit.fluxcd.io/prune: disabled",
                    built.files.show(node.place)
                ));
            }
        }
    }

    /// Adds what is to say of the folders that a kustomization includes, where the kustomization itself can't be built: one
    /// mistake hides no other.
    pub(super) fn of_parts(&mut self, tree: &MemTree, generated: &Generated) {
        let found = FILE_NAMES.iter().find_map(|name| tree.read(&join(&generated.path, name).ok()?).ok());
        let Some(text) = found else { return };
        let Ok(Some(document)) = read_document(&text, FileId::NONE, &ReadOptions::yaml11()) else { return };
        for field in ["resources", "bases"] {
            for entry in document.root.get(field).and_then(Node::items).unwrap_or_default() {
                let Some(path) = entry.as_str().and_then(|path| join(&generated.path, path).ok()) else {
                    continue;
                };
                if !tree.is_directory(&path) {
                    continue;
                }
                let spec = Kustomization { path, ..Kustomization::default() };
                if let Ok(built) = build(tree, &spec) {
                    slips(built.objects.iter(), &built.files).iter().for_each(|gap| self.gap(gap));
                }
            }
        }
    }

    /// Writes them into the status.
    pub(super) fn note<W: World>(mut self, run: &mut Run<'_, W>) {
        if self.0.is_empty() {
            run.status.drop_condition("Warnings");
            return;
        }
        let more = self.0.len().saturating_sub(MOST);
        self.0.truncate(MOST);
        if more > 0 {
            self.0.push(format!("and {more} more; `gitops validate` lists all"));
        }
        let mut message = self.0.join("\n");
        let mut end = MOST_BYTES.min(message.len());
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        run.status.condition("Warnings", Truth::True, "SlipsFound", &message);
    }
}
