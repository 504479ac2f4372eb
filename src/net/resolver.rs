//! The resolver of names that a repository has written: only addresses that the rule permits come out of it, and exactly
//! those are connected, so that a name cannot be public when it is looked at and private when it is used.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs as _;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::net::address::AddressRule;

/// The variables that name a proxy, as reqwest reads them.
const PROXY_VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Resolves for the client of foreign addresses. Literal addresses never come here: [`AddressRule::permits`] judges them.
#[derive(Debug)]
pub(super) struct Foreign {
    rule: AddressRule,
    /// The port of the address that is asked; redirects keep it.
    port: u16,
    /// The client looks up its proxy here, too, and that is the operator's.
    proxies: BTreeSet<String>,
}

impl Foreign {
    pub(super) fn new(rule: AddressRule, port: u16) -> Self {
        Self { rule, port, proxies: proxies() }
    }
}

impl Resolve for Foreign {
    fn resolve(&self, name: Name) -> Resolving {
        let (rule, port) = (self.rule.clone(), self.port);
        let is_proxy = self.proxies.contains(&name.as_str().to_ascii_lowercase());
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || {
                if is_proxy {
                    return (name.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>).map_err(Box::from);
                }
                rule.resolve(name.as_str(), port).map_err(Box::<dyn std::error::Error + Send + Sync>::from)
            });
            Ok(Box::new(found.await??.into_iter()) as Addrs)
        })
    }
}

/// Whether a host is that of a proxy that the environment names.
pub(super) fn is_proxy(host: &str) -> bool {
    proxies().contains(&host.trim_end_matches('.').to_ascii_lowercase())
}

fn proxies() -> BTreeSet<String> {
    let values = PROXY_VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
    values.filter_map(|value| proxy_host(&value)).collect()
}

/// The host of a proxy; `proxy.example:3128` without a scheme is one as well.
fn proxy_host(value: &str) -> Option<String> {
    let value = value.trim();
    let with_scheme = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    match Url::parse(&with_scheme).ok()?.host()? {
        Host::Domain(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(format!("[{address}]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_proxy_is_read_as_the_client_reads_it() {
        for (value, host) in [
            ("http://Proxy.example:3128", Some("proxy.example")),
            ("proxy.example:3128", Some("proxy.example")),
            ("socks5://me:secret@10.0.0.1:1080/", Some("10.0.0.1")),
            ("http://[fd00::1]:3128", Some("[fd00::1]")),
            ("", None),
        ] {
            assert_eq!(proxy_host(value).as_deref(), host, "{value}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_resolves_only_when_it_is_named() {
        let resolve = async |rule: AddressRule| {
            let name: Name = "localhost".parse().expect("a name");
            Foreign::new(rule, 8443).resolve(name).await.map(Iterator::count)
        };
        assert!(resolve(AddressRule::default()).await.is_err());
        let named = AddressRule::new(["localhost:8443".parse().expect("an authority")]);
        assert!(resolve(named).await.is_ok_and(|count| count > 0));
    }
}
