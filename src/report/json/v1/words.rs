//! The words of version 1: one for every variant of the model's enums.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model;

/// Declares an enum of words with the conversion from the model's, exhaustively.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident from $model:path { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Serialize, JsonSchema)]
        pub(super) enum $name {
            $(#[serde(rename = $word)] $variant,)+
        }

        impl From<$model> for $name {
            fn from(value: $model) -> Self {
                use $model as Model;
                match value {
                    $(Model::$variant => Self::$variant,)+
                }
            }
        }
    };
}

words! {
    /// An ecosystem, as OSV names it.
    Ecosystem from model::ecosystem::Ecosystem {
        CratesIo = "crates.io",
        Npm = "npm",
        Packagist = "Packagist",
        PyPi = "PyPI",
        Go = "Go",
        RubyGems = "RubyGems",
        Maven = "Maven",
        NuGet = "NuGet",
        Hex = "Hex",
        Pub = "Pub",
        SwiftUrl = "SwiftURL",
        ConanCenter = "ConanCenter",
        Cran = "CRAN",
        Bioconductor = "Bioconductor",
        Hackage = "Hackage",
        Ghc = "GHC",
        Julia = "Julia",
        Opam = "opam",
        CocoaPods = "CocoaPods",
        Jsr = "JSR",
        Terraform = "Terraform",
        Helm = "Helm",
        Bitnami = "Bitnami",
        GitHubActions = "GitHub Actions",
        Docker = "Docker",
        Git = "GIT",
        Alpaquita = "Alpaquita",
        Alpine = "Alpine",
        BellSoft = "BellSoft Hardened Containers",
        Chainguard = "Chainguard",
        MinimOs = "MinimOS",
        Wolfi = "Wolfi",
        Debian = "Debian",
        Echo = "Echo",
        Ubuntu = "Ubuntu",
        AlmaLinux = "AlmaLinux",
        AzureLinux = "Azure Linux",
        Mageia = "Mageia",
        OpenEuler = "openEuler",
        OpenSuse = "openSUSE",
        PhotonOs = "Photon OS",
        RedHat = "Red Hat",
        RockyLinux = "Rocky Linux",
        Suse = "SUSE",
    }
}
words! {
    /// How bad a finding is. `unknown`: no source has rated it.
    Severity from model::severity::Severity {
        Critical = "critical", High = "high", Unknown = "unknown", Medium = "medium", Low = "low",
    }
}
words! {
    /// What was found. All from `loose-requirement` on are warnings.
    FindingKind from model::finding::FindingKind {
        Vulnerability = "vulnerability", Malicious = "malicious", InconsistentLock = "inconsistent-lock",
        BranchTracking = "branch-tracking", Unlocked = "unlocked", LooseRequirement = "loose-requirement", MovableTag = "movable-tag",
        StaleLockfile = "stale-lockfile", Yanked = "yanked", EndOfLife = "end-of-life",
        UnverifiedSource = "unverified-source", Unmaintained = "unmaintained", Unsound = "unsound", Notice = "notice",
    }
}
words! {
    /// Whether the advisories in use know an ecosystem: `no-source` makes the report incomplete, `accepted` is what the policy
    /// accepts, `none-published` what no public database knows.
    CoverageStatus from model::coverage::Knowledge {
        Covered = "covered", NoSource = "no-source", Accepted = "accepted", NonePublished = "none-published",
    }
}
words! {
    /// What a project needs a dependency for.
    Scope from model::dependency::Scope {
        Runtime = "runtime", Development = "development", Ci = "ci",
    }
}
words! {
    /// The way a fix takes.
    Route from model::proposal::Route {
        Emergency = "emergency", Routine = "routine",
    }
}
words! {
    /// What was done with a pull request.
    Action from model::report::ProposalAction {
        Opened = "opened", Updated = "updated", Unchanged = "unchanged", Previewed = "previewed",
        LeftToPeople = "left-to-people", ClosedByPerson = "closed-by-person",
        ClosedAsFixed = "closed-as-fixed", ClosedAsIgnored = "closed-as-ignored",
    }
}
words! {
    /// How far a version moves.
    Step from model::remedy::Step {
        Pin = "pin", Patch = "patch", Minor = "minor", Major = "major",
    }
}
words! {
    /// Why nothing could be done.
    BlockCause from model::remedy::BlockCause {
        NoFixedVersion = "no-fixed-version", ParentRequirement = "parent-requirement", BreakingRaise = "breaking-raise",
        LockfileStale = "lockfile-stale", RegistryUnreachable = "registry-unreachable", ToolFailed = "tool-failed",
        ToolMissing = "tool-missing", TimeLimit = "time-limit", Unconfined = "unconfined",
        PostConditionFailed = "post-condition-failed", Refused = "refused", UntrustedSource = "untrusted-source",
        ToolTooOld = "tool-too-old", Unsupported = "unsupported",
        ReportOnly = "report-only",
    }
}

/// Why something was not read.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NotReadReason {
    /// The organisation's policy excludes it.
    ExcludedByPolicy,
    /// It belongs to a package that a tool has installed into the project.
    InstalledPackages,
    /// The folder says of itself that it is a cache, and git tracks nothing of it.
    CacheFolder,
    /// It is another repository.
    Submodule,
    /// Links are never followed.
    SymbolicLink,
    /// Its tool reads another lockfile in its place.
    NotInUse,
    /// Only some file systems take its name for that of a lockfile.
    AlmostALockfile,
}

impl From<model::unread::UnreadReason> for NotReadReason {
    fn from(reason: model::unread::UnreadReason) -> Self {
        use model::unread::UnreadReason;
        match reason {
            UnreadReason::ExcludedByPolicy => Self::ExcludedByPolicy,
            UnreadReason::Installed(_) => Self::InstalledPackages,
            UnreadReason::Cache => Self::CacheFolder,
            UnreadReason::Submodule => Self::Submodule,
            UnreadReason::Link => Self::SymbolicLink,
            UnreadReason::NotInUse => Self::NotInUse,
            UnreadReason::AlmostLockfile => Self::AlmostALockfile,
        }
    }
}
