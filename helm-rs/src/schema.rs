//! Checks values against the charts' `values.schema.json`.

use crate::Error;
use crate::chart::Chart;
use crate::values::Table;

pub(crate) fn validate(_chart: &Chart, _values: &Table) -> Result<(), Error> {
    Ok(())
}
