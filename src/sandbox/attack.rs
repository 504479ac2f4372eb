//! Attacks: what is tried from inside of the walls, and what came of it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::confinement::Wall;

macro_rules! attacks {
    ($($name:ident: $wall:expr, $title:literal;)*) => {
        /// Something that a package manager must not be able to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum Attack {
            $(#[doc = $title] $name,)*
        }

        impl Attack {
            /// All of them, in the order in which they are tried.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What is tried.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The wall that is in its way; `None` where it is the supervisor itself.
            pub(crate) const fn wall(self) -> Option<Wall> {
                match self { $(Self::$name => $wall,)* }
            }
        }
    };
}

attacks! {
    ReadSecret: Some(Wall::Files), "read a file outside of the sandbox";
    ReadHome: Some(Wall::Files), "read ~/.npmrc or list the home folder";
    WriteOutside: Some(Wall::Files), "write a file outside of the sandbox";
    WritePrograms: Some(Wall::Files), "write beside the programs that are started";
    RunWritten: Some(Wall::Files), "start a program that it has written itself";
    GrowFile: None, "write a file of more than 512 MiB";
    ReadProcess: Some(Wall::Files), "read the environment or arguments of others in /proc";
    ListProcesses: Some(Wall::Files), "list the processes in /proc";
    FindToken: None, "find a token in its environment";
    ConnectPort: Some(Wall::Tcp), "connect to another TCP port";
    ConnectAddress: Some(Wall::Addresses), "connect to another address at the proxy's port";
    Listen: Some(Wall::Tcp), "listen on a TCP port";
    SendDatagram: Some(Wall::Calls), "send a UDP packet";
    ConnectOtherwise: Some(Wall::Calls), "connect by MPTCP or by TCP fast open";
    OpenRaw: Some(Wall::Calls), "open a raw, packet or netlink socket";
    ConnectUnix: Some(Wall::Calls), "connect to a Unix socket in a folder";
    ConnectAbstract: Some(Wall::Calls), "connect to an abstract Unix socket";
    Attach: Some(Wall::Calls), "attach to another process";
    Mount: Some(Wall::Calls), "mount a file system";
    MakeNamespace: Some(Wall::Calls), "make a user namespace";
    SignalOutside: Some(Wall::Signals), "kill a process outside of the sandbox";
    Outlive: None, "outlive the run in a session of its own";
    SignalSupervisor: Some(Wall::Signals), "kill the supervisor";
}

/// What the attacks are aimed at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Targets {
    /// A file that may not be read.
    pub(crate) secret: PathBuf,
    /// The folder of whoever runs patchparty.
    pub(crate) home: Option<PathBuf>,
    /// A folder that may not be written to.
    pub(crate) outside: PathBuf,
    /// A folder with programs that may be started.
    pub(crate) programs: PathBuf,
    /// A folder that may be written to.
    pub(crate) scratch: PathBuf,
    /// A TCP port on which somebody listens.
    pub(crate) tcp: u16,
    /// A UDP port on which somebody listens.
    pub(crate) udp: u16,
    /// A Unix socket on which somebody listens.
    pub(crate) unix: PathBuf,
    /// The name of an abstract Unix socket on which somebody listens.
    pub(crate) hidden: String,
    /// A process that may not be reached.
    pub(crate) process: u32,
    /// What is tried, in this order.
    pub(crate) attacks: Vec<Attack>,
}

/// What an attack says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Said {
    /// The attack.
    pub(crate) attack: Attack,
    /// What it got; `Err` with the system's word where it got nothing.
    pub(crate) result: Result<String, String>,
}

/// What came of an attack, seen from outside.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Verdict {
    /// The attack.
    pub(crate) attack: Attack,
    /// What it tried, for people.
    pub(crate) title: &'static str,
    /// Whether it was denied.
    pub(crate) denied: bool,
    /// The system's word, or why it is not enforced here.
    pub(crate) detail: String,
}
