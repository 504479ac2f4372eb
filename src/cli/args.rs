//! Arguments as written on the command line.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::repository::RepoSlug;
use crate::model::severity::Severity;
use crate::report::REPORTERS;

const AFTER_HELP: &str = "\
Exit codes:
  0  clean: everything was read and nothing is at or above the threshold
  1  findings at or above the threshold (audit)
  2  usage or configuration error: nothing was done
  3  nothing was read: no lockfile was found, which is not the same as clean
  4  incomplete: something could not be read, known or done (also: no source, no registry, no forge), and it is named
  130, 143  ended by Ctrl-C or SIGTERM; the report of a run names what is unfinished
For `audit`, 1 outranks 4, and 4 outranks 3. For `run`, findings do not fail the night: they become pull requests.
For `doctor`, 4: something is not denied that should be.
For `db`, 1: it differs from what it was compared with; 4: there is no index or no record, one is damaged or
too old, a source cannot be reached, an old copy had to be used, or not all was compared.

Environment:
  PATCHPARTY_TOKEN, GITHUB_TOKEN  access to the forge; the first wins
  PATCHPARTY_STATE_KEY            seals what the bot writes down in pull requests (openssl rand -hex 32)
  GITHUB_API_URL                  the API, default https://api.github.com
  GITHUB_SERVER_URL               the server, default https://github.com
  SSL_CERT_FILE                   certificate authorities to trust
  NO_COLOR                        no colours";

/// Audits the dependencies of many repositories and opens the pull requests of patchday.
#[derive(Debug, Parser)]
#[command(name = "patchparty", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: GlobalOptions,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalOptions {
    /// When to use colours; `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(super) color: ColorChoice,
    /// No progress and no remarks, only the report and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say what is done, on standard error (twice: in detail)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Audit folders, bare repositories or remote addresses; changes nothing
    Audit(AuditOptions),
    /// Do the night's work: audit projects and open or update their pull requests
    ///
    /// Package managers run in a sandbox, or not at all where it cannot be built: `patchparty doctor` says whether it can, `sandbox`
    /// in patchparty.toml what to do without.
    Run(RunOptions),
    /// Run on a sample organisation; needs no token and no server
    Demo(DemoOptions),
    /// Fetch, describe, verify or import the compiled advisory index
    Db(DbOptions),
    /// Check the configuration, or print its JSON schema
    Config(ConfigOptions),
    /// Try templates against sample data: an unknown variable is an error before the night
    Templates(TemplatesOptions),
    /// Work with versions as their ecosystems do
    #[command(hide = true)]
    Version(VersionOptions),
    /// Say what this machine has: walls around package managers, the package managers, a cache folder, a token
    Doctor(DoctorOptions),
    /// Try what a package manager must not be able to do; for `doctor --attack`
    #[command(hide = true)]
    Attack {
        /// What is tried
        arguments: Vec<String>,
    },
    /// Start one package manager inside of walls; for patchparty itself
    #[command(hide = true)]
    Supervise(SuperviseOptions),
}

#[derive(Debug, Args)]
pub(super) struct DoctorOptions {
    /// Attack this machine from inside of the sandbox, on loopback addresses only, and say what was denied
    #[arg(long)]
    pub(super) attack: bool,
    /// Where mirrors, advisories and tool caches are kept
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = DbFormat::Human, value_name = "FORMAT")]
    pub(super) format: DbFormat,
    /// Make no namespaces, as on machines whose users may not
    #[arg(long, hide = true)]
    pub(super) without_namespaces: bool,
}

#[derive(Debug, Args)]
pub(super) struct SuperviseOptions {
    /// Be the inner supervisor, in these namespaces
    #[arg(long)]
    pub(super) inside: Option<String>,
    /// Make no namespaces
    #[arg(long)]
    pub(super) without_namespaces: bool,
}

#[derive(Debug, Args)]
pub(super) struct AuditOptions {
    /// Folders, bare repositories or `https` addresses
    #[arg(default_value = ".", value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// List every dependency of every file
    #[arg(long)]
    pub(super) dependencies: bool,
    /// The lowest severity that fails; unrated findings (`unknown`) stand between medium and high
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = parse_severity)]
    pub(super) fail_on: Severity,
    /// Ask the index of crates.io which locked versions were withdrawn; nothing is asked with --offline
    #[arg(long)]
    pub(super) yanked: bool,
    /// Let warnings fail, too: loose, movable, stale, unverified source, yanked, end of life, unmaintained, unsound, notice
    #[arg(long)]
    pub(super) deny_warnings: bool,
    #[command(flatten)]
    pub(super) shared: SharedOptions,
}

#[derive(Debug, Args)]
pub(super) struct RunOptions {
    /// Every repository of an organisation or user
    #[arg(long, value_name = "NAME", group = "projects")]
    pub(super) org: Option<String>,
    /// One repository (may be repeated)
    #[arg(long, value_name = "OWNER/NAME", group = "projects")]
    pub(super) repo: Vec<RepoSlug>,
    /// Every git repository below a folder: branches are created there, bodies are written to --out
    #[arg(long, value_name = "DIR", group = "projects")]
    pub(super) local: Option<PathBuf>,
    /// Write what would be opened (bodies, patches, an index page) to --out, and nothing else
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The folder for what --dry-run and --local write
    #[arg(long, value_name = "DIR", default_value = "patchparty-out")]
    pub(super) out: PathBuf,
    /// How many projects are handled at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) jobs: u16,
    /// A folder with templates that replace built-in ones of the same name (docs/templates.md)
    #[arg(long, value_name = "DIR")]
    pub(super) templates: Option<PathBuf>,
    /// Whether everything is made up
    #[arg(skip)]
    pub(super) sample: bool,
    #[command(flatten)]
    pub(super) shared: SharedOptions,
}

/// What `audit` and `run` share.
#[derive(Debug, Args)]
pub(super) struct SharedOptions {
    /// The form of the report
    #[arg(long, value_name = "FORMAT", value_parser = formats(), default_value = REPORTERS[0].id())]
    pub(super) format: String,
    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Advisories: a folder, zip, file, address or compiled index instead of the configured sources (may be repeated)
    #[arg(long, value_name = "LOCATION")]
    pub(super) advisories: Vec<String>,
    /// Never use the network
    #[arg(long)]
    pub(super) offline: bool,
    /// Where mirrors and advisories are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    /// The organisation's policy [default: patchparty.toml, when present]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DemoOptions {
    /// The folder for the results
    #[arg(long, value_name = "DIR", default_value = "patchparty-demo")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct DbOptions {
    #[command(subcommand)]
    pub(super) command: DbCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Fetch the configured sources and compile them; replaces what was imported
    Update {
        /// Take a source that has lost more than half of its advisories as it is now
        #[arg(long)]
        accept_shrunk: bool,
        #[command(flatten)]
        place: DbPlace,
    },
    /// Describe the index that offline runs use: sources, ages, size
    Status {
        /// The form of the answer
        #[arg(long, value_enum, default_value_t = DbFormat::Human, value_name = "FORMAT")]
        format: DbFormat,
        #[command(flatten)]
        place: DbPlace,
    },
    /// Read every record of an index and check every checksum
    Verify {
        /// A compiled index (`.ppdb`) [default: the one that offline runs use]
        file: Option<PathBuf>,
        /// Compare its content with these sources, or with another compiled index: exit code 1 when they differ. FILE, if any,
        /// comes before this
        #[arg(long, value_name = "PATH", num_args = 1..)]
        against: Vec<PathBuf>,
        #[command(flatten)]
        place: DbPlace,
    },
    /// Compile local advisories into the index that offline runs use, until the next update
    Import {
        /// Folders, zips and files in any format that is read, or one compiled index
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        place: DbPlace,
    },
}

/// Which index is meant.
#[derive(Debug, Args)]
pub(super) struct DbPlace {
    /// Where mirrors and advisories are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    /// The organisation's policy [default: patchparty.toml, when present]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DbFormat {
    Human,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct ConfigOptions {
    #[command(subcommand)]
    pub(super) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Read a policy and name everything that is wrong with it, with line numbers
    Check {
        /// The policy to check, or a project's own `.github/patchparty.toml`
        #[arg(default_value = "patchparty.toml")]
        file: PathBuf,
    },
    /// Print the JSON schema of patchparty.toml
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct TemplatesOptions {
    #[command(subcommand)]
    pub(super) command: TemplatesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum TemplatesCommand {
    /// Render every template with everything present, then with as little as there may be, both branches of every condition;
    /// `run` does the same before it begins
    Check {
        /// A folder with templates that replace built-in ones of the same name [default: the built-in ones]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct VersionOptions {
    #[command(subcommand)]
    pub(super) command: VersionCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum VersionCommand {
    /// Answer each line `ECOSYSTEM LEFT RIGHT` of standard input with `<`, `=`, `>`, or `?` where there is no answer
    Compare,
}

/// A format for every report there is.
fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(REPORTERS.iter().map(|reporter| reporter.id()))
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    text.parse().map_err(|error: crate::model::severity::UnknownSeverity| error.to_string())
}
