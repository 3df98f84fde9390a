//! Faults of an `accessControl`.

use std::fmt;

use crate::recipe::Place;

/// A part of a component's `accessControl` that is ignored, or that a device treats in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The component whose configuration contains it.
    pub(crate) component: String,
    /// The keys and indexes below `accessControl`: service identifier, policy id, property, index.
    pub(crate) path: Vec<String>,
    pub(crate) severity: Severity,
    /// The fault, its consequence, and how to correct it.
    pub(crate) text: String,
    /// Its place in a recipe, if it comes from one.
    pub(crate) place: Option<Place>,
}

/// The consequence of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The policy is in force, but may not be what was intended.
    Suspicious,
    /// The policy is in force, but allows something else on a device.
    DiffersOnDevice,
    /// The part has no effect.
    Ignored,
    /// The component has no permissions at all.
    NoPermissions,
    /// No component has permissions for the service.
    ServiceRefused,
}

impl Fault {
    /// The fault without its component and place.
    pub(crate) fn description(&self) -> String {
        let steps = self.path.iter().enumerate().map(|(depth, step)| match depth {
            0 | 1 => format!(".{step:?}"),
            2 => format!(".{step}"),
            _ => format!("[{step}]"),
        });
        format!("accessControl{}: {}", steps.collect::<String>(), self.text)
    }

    /// Whether it removes permissions.
    pub(crate) fn is_error(&self) -> bool {
        !matches!(self.severity, Severity::Suspicious | Severity::DiffersOnDevice)
    }
}

impl Fault {
    /// Whether further policies have no effect until it is corrected.
    pub(crate) fn removes_all(&self) -> bool {
        matches!(self.severity, Severity::NoPermissions | Severity::ServiceRefused)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.component, self.description())
    }
}
