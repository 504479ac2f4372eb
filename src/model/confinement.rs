//! Confinement: how package managers are kept apart from everything that is not theirs, and what of it is missing.

use serde::{Deserialize, Serialize};

/// What becomes of a package manager where it cannot be confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    /// It is not started.
    #[default]
    Required,
    /// It is started inside of whatever can be built, and the report says what is missing.
    BestEffort,
    /// It is started like any other program.
    Off,
}

/// Something that a confined package manager cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// Open files that are not its own.
    Files,
    /// Connect to a TCP port that is not the proxy's, or listen on one.
    Tcp,
    /// Connect to the proxy's port on another address.
    Addresses,
    /// Use other sockets, or calls that reach into other processes or the kernel.
    Calls,
    /// Send signals to processes outside.
    Signals,
}

impl Wall {
    /// Whether nothing is started without it where confinement is required.
    ///
    /// The last part of the network rule needs a namespace, which hosted runners do not give to everyone; the port of
    /// the proxy is chosen at random, and what listens on that port elsewhere is not a secret.
    pub const fn is_required(self) -> bool {
        match self {
            Self::Files | Self::Tcp | Self::Calls | Self::Signals => true,
            Self::Addresses => false,
        }
    }

    /// What a package manager could do without it, as a fragment that fits after "a package manager could".
    pub const fn without(self) -> &'static str {
        match self {
            Self::Files => "open any file of this user",
            Self::Tcp => "connect to any TCP port",
            Self::Addresses => "connect to other hosts at the proxy's port",
            Self::Calls => "use sockets that are not TCP, and calls that reach into other processes",
            Self::Signals => "send signals to any process of this user",
        }
    }
}

/// A wall that cannot be built here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The wall.
    pub wall: Wall,
    /// What is missing for it, as a fragment without a period.
    pub reason: String,
}

/// What of the confinement the kernel grants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforced {
    /// The version of Landlock's interface; 0 where there is none.
    pub landlock: u8,
    /// Whether system calls are filtered, or why not.
    pub calls: Option<String>,
    /// Why there is no network namespace; `None` where there is one.
    pub no_network_namespace: Option<String>,
    /// Why there is no process namespace; `None` where there is one.
    pub no_process_namespace: Option<String>,
}

/// Landlock rules the truncation of files since its third version (Linux 6.2).
const LANDLOCK_FILES: u8 = 3;
/// Landlock rules TCP ports since its fourth version (Linux 6.7).
const LANDLOCK_TCP: u8 = 4;
/// Landlock rules signals since its sixth version (Linux 6.12).
const LANDLOCK_SIGNALS: u8 = 6;

impl Enforced {
    /// What is missing. A wall stands when one of the mechanisms that can build it is there.
    pub fn gaps(&self) -> Vec<Gap> {
        let landlock = match self.landlock {
            0 => "the kernel has no Landlock, or it is not switched on".to_owned(),
            version => format!("the kernel has version {version} of Landlock"),
        };
        let mut gaps = Vec::new();
        let mut gap = |wall, reason| gaps.push(Gap { wall, reason });
        if self.landlock < LANDLOCK_FILES {
            gap(Wall::Files, format!("{landlock}, and version {LANDLOCK_FILES} is needed (Linux 6.2)"));
        }
        if let Some(reason) = &self.no_network_namespace {
            if self.landlock < LANDLOCK_TCP {
                gap(
                    Wall::Tcp,
                    format!(
                        "{landlock}, and version {LANDLOCK_TCP} (Linux 6.7) or a network namespace is needed: {reason}"
                    ),
                );
            }
            gap(Wall::Addresses, format!("there is no network namespace: {reason}"));
        }
        if let Some(reason) = &self.calls {
            gap(Wall::Calls, format!("system calls cannot be filtered: {reason}"));
        }
        if let Some(reason) = self.no_process_namespace.as_ref().filter(|_| self.landlock < LANDLOCK_SIGNALS) {
            gap(
                Wall::Signals,
                format!(
                    "{landlock}, and version {LANDLOCK_SIGNALS} (Linux 6.12) or a process namespace is needed: {reason}"
                ),
            );
        }
        gaps
    }

    /// What is missing and required.
    pub fn required_gaps(&self) -> Vec<Gap> {
        self.gaps().into_iter().filter(|gap| gap.wall.is_required()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walls(enforced: &Enforced) -> Vec<Wall> {
        enforced.gaps().iter().map(|gap| gap.wall).collect()
    }

    #[test]
    fn a_wall_stands_when_one_of_its_mechanisms_is_there() {
        let whole = Enforced { landlock: 7, ..Enforced::default() };
        assert_eq!(walls(&whole), []);
        let missing = || Some("not permitted".to_owned());
        let hosted = Enforced { no_network_namespace: missing(), no_process_namespace: missing(), ..whole.clone() };
        assert_eq!((walls(&hosted), hosted.required_gaps()), (vec![Wall::Addresses], vec![]));
        let older = Enforced { landlock: 4, ..whole };
        assert_eq!(walls(&older), []);
        assert_eq!(walls(&Enforced { landlock: 4, ..hosted.clone() }), [Wall::Addresses, Wall::Signals]);
        let none = Enforced { landlock: 0, calls: missing(), ..hosted };
        assert_eq!(walls(&none), [Wall::Files, Wall::Tcp, Wall::Addresses, Wall::Calls, Wall::Signals]);
        assert_eq!(none.required_gaps().len(), 4);
    }
}
