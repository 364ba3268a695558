//! What the commands for charts share: charts and values from disk, the time and chance of this machine.

mod directory;
pub(crate) mod flags;
pub(crate) mod source;
pub(crate) mod world;

use helm_rs::Warnings;

/// Prints what Helm would log.
pub(crate) fn print_warnings(warnings: &Warnings) {
    for warning in warnings {
        anstream::eprintln!("{}", crate::printable::Printable(warning));
    }
}

/// Returns the namespace of the flag, of `HELM_NAMESPACE`, or `default`.
pub(crate) fn namespace(flag: Option<&str>) -> String {
    let named = flag.map(str::to_owned).or_else(|| std::env::var("HELM_NAMESPACE").ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned())
}
