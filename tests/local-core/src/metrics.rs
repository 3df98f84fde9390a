//! The metrics of components of AWS.

use std::sync::Once;

use greengrass_core_ipc::{
    error::{Unhandled, ViolationKind},
    operation::put_component_metric::{
        PutComponentMetric, PutComponentMetricRequest, PutComponentMetricResponse,
    },
    server::RequestContext,
    types::Metric,
};

use crate::service::{Nucleus, failed, invalid};

/// The units of the telemetry of a nucleus.
const UNITS: [&str; 8] = [
    "Bytes",
    "BytesPerSecond",
    "Count",
    "CountPerSecond",
    "Megabytes",
    "None",
    "Percent",
    "Seconds",
];

/// The maximum length of a name in bytes.
const MAX_NAME_LEN: usize = 32;

impl Nucleus {
    /// Serves `PutComponentMetric`.
    pub(crate) async fn put_metrics(
        &self,
        request: PutComponentMetricRequest,
        context: &RequestContext,
    ) -> Result<PutComponentMetricResponse, Unhandled> {
        let callers = "components whose names begin with aws.";
        let is_one = |it: &str| it.starts_with("aws.");
        self.authorize_caller::<PutComponentMetric>(context, callers, is_one)?;
        if request.metrics.is_empty() {
            return Err(Unhandled::undeclared(&invalid("metrics must not be empty")));
        }
        let mut without_value = context
            .violations()
            .iter()
            .filter(|it| it.kind == ViolationKind::Missing && it.path.ends_with(".value"));
        let first_without_value = without_value.next().map(|it| it.path.as_str());
        for (index, metric) in request.metrics.iter().enumerate() {
            check(metric).map_err(|text| Unhandled::undeclared(&invalid(text)))?;
            if first_without_value.is_some_and(|it| it == format!("metrics[{index}].value")) {
                return Err(Unhandled::undeclared(&failed("value is required")));
            }
            self.authorize::<PutComponentMetric>(context, &metric.name)?;
        }
        static FIRST: Once = Once::new();
        FIRST.call_once(|| {
            tracing::warn!("metrics are in this log only; a device adds them to its telemetry");
        });
        let component = &context.identity().0;
        for Metric { name, unit, value, .. } in &request.metrics {
            let Some(unit) = known_unit(unit.as_str()) else {
                let text = format!("the unit of metric {name} is unknown");
                return Err(Unhandled::undeclared(&invalid(&text)));
            };
            tracing::debug!("{component}: metric {}: {value} {unit}", name.escape_debug());
        }
        Ok(PutComponentMetricResponse::default())
    }
}

fn check(metric: &Metric) -> Result<(), &'static str> {
    if metric.name.is_empty() || metric.name.len() > MAX_NAME_LEN {
        return Err("the name of a metric has 1 to 32 bytes");
    }
    if metric.unit.as_str().is_empty() {
        return Err("a metric needs a unit");
    }
    if metric.value < 0.0 {
        return Err("the value of a metric must not be negative");
    }
    Ok(())
}

/// The unit with this name, compared without case and without characters that are not letters or digits.
fn known_unit(name: &str) -> Option<&'static str> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    UNITS.into_iter().find(|it| it.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use super::known_unit;

    #[test]
    fn units_are_compared_without_case_and_separators() {
        for (name, unit) in [
            ("BYTES_PER_SECOND", Some("BytesPerSecond")),
            ("Bytes/Second", None),
            ("per cent", Some("Percent")),
            ("none", Some("None")),
            ("Byte", None),
            ("___", None),
        ] {
            assert_eq!(known_unit(name), unit, "{name}");
        }
    }
}
