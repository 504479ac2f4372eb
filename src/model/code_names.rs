//! Code names of operating systems' releases, which people and files write instead of numbers.

/// The release of a system that is none whose advisories are known: no entry about a release is about it.
pub const UNKNOWN_RELEASE: &str = "unknown";

/// The releases of Debian by name, from 8 on (<https://wiki.debian.org/DebianReleases>).
pub const DEBIAN: [(&str, &str); 8] = [
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
];

/// The releases of Ubuntu with long support by name (<https://wiki.ubuntu.com/Releases>).
pub const UBUNTU: [(&str, &str); 6] = [
    ("trusty", "14.04"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("focal", "20.04"),
    ("jammy", "22.04"),
    ("noble", "24.04"),
];
