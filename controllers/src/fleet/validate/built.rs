//! Slips in objects that a controller has built, where no whole fleet is at hand.

use gitops_yaml::{Files, Node};

use super::{Checked, Report, flux_kinds, objects, workloads};
use crate::fleet::{Gap, Severity};
use gitops_core::schema::Schema;

/// Finds what would not work, or not as its author thinks, though it could be built: unknown fields, removed versions,
/// placeholders, arguments that no shell reads. What is only worth a note is left out.
pub(crate) fn slips<'n>(built: impl Iterator<Item = &'n Node> + Clone, files: &Files) -> Vec<Gap> {
    let mut schema = Schema::kubernetes();
    for definition in
        built.clone().filter(|node| crate::fleet::flux::kind(node) == "CustomResourceDefinition")
    {
        schema.add_custom_kinds(definition);
    }
    let mut report = Report::default();
    for node in built {
        let place = files.show(node.place);
        let one = Checked { node, files, app: None, cluster: 0, place, is_opened: false };
        objects::check(&one, &schema, &mut report);
        workloads::check(&one, &mut report);
        flux_kinds::check(&one, &mut report);
    }
    let mut gaps: Vec<Gap> = report.findings.into_iter().map(|finding| finding.gap).collect();
    gaps.retain(|gap| gap.severity != Severity::Note);
    for gap in &mut gaps {
        // An apply goes on without the field, and says so.
        for refused in [" The API server refuses the whole apply", ": the API server refuses the whole apply"]
        {
            gap.help = gap.help.replace(refused, "");
        }
    }
    gaps
}
