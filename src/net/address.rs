//! The rule of outgoing addresses: where requests may go that a repository names, or a tool that works on one.
//!
//! Whoever can push to one repository can write any address into it. Without a rule, that makes us ask the services of
//! the network that we run in (the metadata of a cloud machine, a database's status page) and tell what they say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::sync::Arc;

use url::{Host, Url};

/// The port of an address that names none.
const HTTPS_PORT: u16 = 443;

/// Last labels of names that never are on the public internet: RFC 6761 (`localhost`, `invalid`), RFC 6762 (`local` and the
/// names of its appendix G), RFC 8375 (`home.arpa`), and `localdomain`, which is what many machines call themselves. A
/// single label is resolved within the network's own domain and is refused for the same reason.
const LOCAL_NAMES: [&str; 11] = [
    "corp",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "private",
];

/// Why an address is not asked. Neither variant tells what a name resolves to: that may be an internal name, and what is
/// said about it reaches the author of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// It has no host, or one that is no host name.
    #[error("the address names no host")]
    NoHost,
    /// It is not `https`.
    #[error("the address is not https")]
    NotHttps,
    /// It has a name or password in it.
    #[error("the address contains credentials")]
    Credentials,
    /// Its port is not that of `https`.
    #[error("the address names a port of its own")]
    Port,
    /// Its host is an address, or a name, of a private network. Told by the text of the address alone.
    #[error("the address is not public")]
    NotPublic,
    /// Its host has no address that may be connected, for whatever reason.
    #[error("the host is not known here, or has no public address")]
    Unreachable,
}

/// A host that the operator's policy or configuration names, with the port that is meant; without one, any port is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Authority {
    host: Host,
    port: Option<u16>,
}

impl Authority {
    /// The authority of an address that the operator has configured; `None` for one without a host.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        Some(Self { host: host_of(url)?, port: url.port_or_known_default() })
    }

    /// Whether a host (as text) and a port are what is named.
    pub(crate) fn admits(&self, host: &str, port: u16) -> bool {
        parse_host(host).is_some_and(|host| self.covers(&host, Some(port)))
    }

    fn covers(&self, host: &Host, port: Option<u16>) -> bool {
        self.host == *host && self.port.is_none_or(|own| port == Some(own))
    }
}

/// Text that is no `host` or `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host, or a host and a port")]
pub(crate) struct AuthorityError(String);

impl FromStr for Authority {
    type Err = AuthorityError;

    /// Reads `git.example`, `git.example:8443`, `127.0.0.1`, `[::1]:8443`, `::1`.
    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let error = || AuthorityError(text.to_owned());
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self { host: Host::Ipv6(address), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, digits)) if !digits.ends_with(']') => {
                let decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
                let port = digits.parse::<u16>().ok().filter(|port| decimal && *port > 0).ok_or_else(error)?;
                (host, Some(port))
            }
            _ => (text, None),
        };
        // The URL standard takes `*` for a part of a name and other letters for their ASCII form; here neither would match what
        // its author had in mind.
        if !host.is_ascii() || host.contains('*') {
            return Err(error());
        }
        Ok(Self { host: parse_host(host).ok_or_else(error)?, port })
    }
}

/// Which addresses may be asked that a repository, or a tool working on it, names.
///
/// `https` on its own port, without credentials, at an address of the public internet; what the operator names may be
/// anywhere. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressRule {
    named: Arc<[Authority]>,
}

impl AddressRule {
    /// The rule that lets these authorities through as well.
    pub(crate) fn new(named: impl IntoIterator<Item = Authority>) -> Self {
        Self { named: named.into_iter().collect() }
    }

    /// Whether the text of an address is permitted. The host's name is not resolved: [`Self::resolve`] does that, and both
    /// must be asked, because a literal address is never resolved and a name may lead anywhere.
    pub(crate) fn permits(&self, url: &Url) -> Result<(), AddressError> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        let host = host_of(url).ok_or(AddressError::NoHost)?;
        let named = self.names(&host, url.port_or_known_default());
        match url.scheme() {
            "https" => {}
            "http" if named => {}
            _ => return Err(AddressError::NotHttps),
        }
        if named {
            return Ok(());
        }
        if url.port_or_known_default() != Some(HTTPS_PORT) {
            return Err(AddressError::Port);
        }
        if is_public_host(&host) { Ok(()) } else { Err(AddressError::NotPublic) }
    }

    /// The addresses of a host that may be connected, resolved now. Blocks for as long as the system's resolver does.
    ///
    /// The caller connects to exactly these: a second resolution may have another answer (rebinding).
    pub(crate) fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, AddressError> {
        let host = parse_host(host).ok_or(AddressError::NoHost)?;
        let named = self.names(&host, Some(port));
        if !named && !is_public_host(&host) {
            return Err(AddressError::NotPublic);
        }
        let found: Vec<SocketAddr> = match &host {
            Host::Ipv4(address) => vec![SocketAddr::from((*address, port))],
            Host::Ipv6(address) => vec![SocketAddr::from((*address, port))],
            Host::Domain(name) => {
                (name.as_str(), port).to_socket_addrs().map_err(|_| AddressError::Unreachable)?.collect()
            }
        };
        let permitted: Vec<SocketAddr> = found.into_iter().filter(|address| named || is_public(address.ip())).collect();
        if permitted.is_empty() { Err(AddressError::Unreachable) } else { Ok(permitted) }
    }

    /// Whether the operator names this address.
    pub(crate) fn names_address(&self, url: &Url) -> bool {
        host_of(url).is_some_and(|host| self.names(&host, url.port_or_known_default()))
    }

    fn names(&self, host: &Host, port: Option<u16>) -> bool {
        self.named.iter().any(|authority| authority.covers(host, port))
    }
}

/// Whether somebody on the internet may be behind an address, as opposed to this machine, its network, or a group of
/// machines: the special-purpose registries of IANA for IPv4 and IPv6.
///
/// The documentation ranges (RFC 5737, RFC 3849, RFC 9637) count as public: nobody is there on the internet, so that
/// nothing can be reached through them there, and closed networks number registry mirrors from them.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    // Azure's platform service, inside each of its machines, has an address that looks public (Microsoft, "What is IP
    // address 168.63.129.16?"); many hosted runners are such machines.
    const AZURE_PLATFORM: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    let special = match address.octets() {
        // "This network", private use, loopback; RFC 791, RFC 1918, RFC 1122.
        [0 | 10 | 127, ..]
        // Link-local (metadata of cloud machines), RFC 3927.
        | [169, 254, ..]
        // Private use, RFC 1918.
        | [192, 168, ..]
        // IETF protocol assignments, RFC 6890; the abandoned anycast of 6to4, RFC 7526.
        | [192, 0, 0, _] | [192, 88, 99, _] => true,
        // Shared by carriers, RFC 6598.
        [100, second, ..] => second & 0b1100_0000 == 64,
        // Private use, RFC 1918.
        [172, second, ..] => second & 0b1111_0000 == 16,
        // Benchmarks, RFC 2544.
        [198, second, ..] => second & 0b1111_1110 == 18,
        // Multicast, reserved and broadcast, RFC 5771, RFC 1112.
        [first, ..] => first >= 224,
    };
    !special && address != AZURE_PLATFORM
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // Mapped (RFC 4291, 2.5.5.2), compatible (2.5.5.1, with `::` and `::1`), NAT64 (RFC 6052) and 6to4 (RFC 3056): an
        // IPv4 address stands behind it.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(v4(high, low))
        }
        // Teredo, RFC 4380: the IPv4 address of its server, and that of the client with every bit turned.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            is_public_v4(v4(server_high, server_low)) && is_public_v4(v4(!high, !low))
        }
        // IETF protocol assignments (RFC 2928): benchmarks, ORCHID and others that are no place on the internet.
        [0x2001, second, ..] if second < 0x200 => false,
        // All that is assigned as global unicast (RFC 4291). Outside of it are loopback, unique local, link-local,
        // site-local, multicast, the local-use NAT64 64:ff9b:1::/48 (RFC 8215), discard-only and segment routing.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Whether the text of a host may be that of a public one.
fn is_public_host(host: &Host) -> bool {
    match host {
        Host::Ipv4(address) => is_public_v4(*address),
        Host::Ipv6(address) => is_public_v6(*address),
        Host::Domain(name) => {
            let local =
                |ending: &&str| name.strip_suffix(*ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            name.contains('.') && !LOCAL_NAMES.iter().any(local)
        }
    }
}

fn host_of(url: &Url) -> Option<Host> {
    match url.host()? {
        Host::Domain(name) => parse_host(name),
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(Host::Ipv6(address)),
    }
}

/// A host as the URL standard reads it: lower case, `0x7f.1` is 127.0.0.1; the dot that ends a full name is left out.
fn parse_host(text: &str) -> Option<Host> {
    let text = text.strip_suffix('.').unwrap_or(text);
    // Some callers have taken the brackets off.
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(Host::Ipv6(address));
    }
    Host::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    fn naming(names: &[&str]) -> AddressRule {
        AddressRule::new(names.iter().map(|name| name.parse().expect("an authority")))
    }

    #[test]
    fn special_purpose_addresses_are_not_public() {
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001:2::1",
            "2001:10::1",
            "2001:1::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "2002:c0a8:1::",
            // Teredo with a private client, and with a private server.
            "2001:0:808:808:0:0:f5ff:fffe",
            "2001:0:a00:1:0:0:f7f7:f7f7",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "8000::1",
        ];
        for address in special {
            assert!(!is_public(address.parse().expect(address)), "{address}");
        }
    }

    #[test]
    fn addresses_of_the_internet_and_of_documentation_are_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "2001:db8::1",
            "3fff::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808:0:0:f7f7:f7f7",
            "2001:200::1",
        ];
        for address in public {
            assert!(is_public(address.parse().expect(address)), "{address}");
        }
    }

    #[test]
    fn an_address_is_judged_by_its_text() {
        use AddressError::{Credentials, NotHttps, NotPublic, Port};
        let table = [
            ("https://git.example/a", Ok(())),
            ("https://git.example:443/a", Ok(())),
            ("https://203.0.113.7/a", Ok(())),
            ("http://git.example/a", Err(NotHttps)),
            ("ftp://git.example/a", Err(NotHttps)),
            ("ssh://git.example/a", Err(NotHttps)),
            ("https://me@git.example/a", Err(Credentials)),
            ("https://:secret@git.example/a", Err(Credentials)),
            ("https://git.example:8443/a", Err(Port)),
            ("https://git.example:22/a", Err(Port)),
            ("https://127.0.0.1/a", Err(NotPublic)),
            ("https://127.1/a", Err(NotPublic)),
            ("https://2130706433/a", Err(NotPublic)),
            ("https://0x7f.0.0.1/a", Err(NotPublic)),
            ("https://0177.0.0.1/a", Err(NotPublic)),
            ("https://①②⑦.0.0.1/a", Err(NotPublic)),
            ("https://[::1]/a", Err(NotPublic)),
            ("https://[::ffff:127.0.0.1]/a", Err(NotPublic)),
            ("https://169.254.169.254/latest", Err(NotPublic)),
            ("https://localhost/a", Err(NotPublic)),
            ("https://LOCALHOST./a", Err(NotPublic)),
            ("https://a.localhost/a", Err(NotPublic)),
            ("https://metadata.google.internal/a", Err(NotPublic)),
            ("https://printer.local/a", Err(NotPublic)),
            ("https://router.home.arpa/a", Err(NotPublic)),
            ("https://vault/a", Err(NotPublic)),
            ("https://notlocalhost.example/a", Ok(())),
            ("https://internal.example/a", Ok(())),
        ];
        for (text, expected) in table {
            assert_eq!(AddressRule::default().permits(&url(text)), expected, "{text}");
        }
        assert_eq!(AddressRule::default().permits(&url("file:///etc/passwd")), Err(AddressError::NoHost));
    }

    #[test]
    fn what_the_operator_names_may_be_anywhere() {
        let rule = naming(&["127.0.0.1:8443", "Vault", "[::1]:9000", "git.example."]);
        for text in ["https://127.0.0.1:8443/a", "http://127.0.0.1:8443/", "https://vault/", "http://vault:8200/"] {
            assert_eq!(rule.permits(&url(text)), Ok(()), "{text}");
        }
        assert_eq!(rule.permits(&url("https://[::1]:9000/a")), Ok(()));
        assert_eq!(rule.permits(&url("https://GIT.example:22/a")), Ok(()));
        for text in ["https://127.0.0.1/", "https://[::1]:9001/", "http://localhost:8443/", "https://127.0.0.2:8443/"] {
            assert!(rule.permits(&url(text)).is_err(), "{text}");
        }
        assert_eq!(rule.permits(&url("https://me@vault/")), Err(AddressError::Credentials));
    }

    #[test]
    fn only_permitted_addresses_come_out_of_the_resolver() {
        let rule = AddressRule::default();
        for host in ["127.0.0.1", "0x7f.1", "::1", "[::1]", "10.0.0.1", "localhost", "localhost.", "vault"] {
            assert_eq!(rule.resolve(host, 443), Err(AddressError::NotPublic), "{host}");
        }
        assert_eq!(rule.resolve("203.0.113.7", 443), Ok(vec![SocketAddr::from(([203, 0, 113, 7], 443))]));
        let rule = naming(&["localhost:8443", "127.0.0.1"]);
        let found = rule.resolve("localhost", 8443).expect("every machine knows it");
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 8443), "{found:?}");
        assert_eq!(rule.resolve("localhost", 443), Err(AddressError::NotPublic));
        assert_eq!(rule.resolve("127.0.0.1", 1), Ok(vec![SocketAddr::from(([127, 0, 0, 1], 1))]));
    }

    #[test]
    fn authorities_are_a_host_or_a_host_and_a_port() {
        let of = |text: &str| text.parse::<Authority>().map(|found| (found.host.to_string(), found.port));
        assert_eq!(of("git.example"), Ok(("git.example".to_owned(), None)));
        assert_eq!(of("Git.Example.:8443"), Ok(("git.example".to_owned(), Some(8443))));
        assert_eq!(of("[::1]:8443"), Ok(("[::1]".to_owned(), Some(8443))));
        assert_eq!(of("[::1]"), Ok(("[::1]".to_owned(), None)));
        assert_eq!(of("::1"), Ok(("[::1]".to_owned(), None)));
        for bad in [
            "",
            ":8443",
            "https://git.example",
            "git.example:",
            "a b",
            "a:0",
            "a:+1",
            "a:99999",
            "a/b",
            "me@a",
            "*",
            "*.example",
            "bücher.example",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
        let of_url = Authority::of(&url("https://127.0.0.1:8443/a/b")).expect("a host");
        assert_eq!(Ok(of_url), "127.0.0.1:8443".parse());
    }
}
