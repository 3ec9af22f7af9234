use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::InferenceError;

/// Which hosts may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Any.
    Any,
    /// Hosts of the public internet, and this machine as `localhost` or a loopback address.
    Public,
}

/// What sort of place an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Public,
    Loopback,
    /// Why it is not public.
    Inside(&'static str),
}

fn place(ip: IpAddr) -> Place {
    match ip {
        IpAddr::V4(ip) => place_v4(ip),
        IpAddr::V6(ip) => place_v6(ip),
    }
}

/// The special ranges of RFC 6890 that no public service has.
fn place_v4(ip: Ipv4Addr) -> Place {
    let [a, b, c, _] = ip.octets();
    match (a, b, c) {
        (127, ..) => Place::Loopback,
        (169, 254, _) => Place::Inside("link-local, where clouds serve their metadata"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Place::Inside("private"),
        (100, 64..=127, _) => Place::Inside("shared by a carrier's customers (CGNAT)"),
        (0, ..) | (224..=255, ..) | (192, 0, 0 | 2) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => {
            Place::Inside("reserved")
        }
        _ => Place::Public,
    }
}

fn place_v6(ip: Ipv6Addr) -> Place {
    if let Some(inner) = inner_v4(ip) {
        return place_v4(inner);
    }
    let first = ip.segments()[0];
    match first {
        _ if ip.is_loopback() => Place::Loopback,
        0xfc00..=0xfdff => Place::Inside("unique-local"),
        0xfe80..=0xfebf => Place::Inside("link-local"),
        0xfec0..=0xfeff => Place::Inside("private"),
        0x2000..=0x3fff if ip.segments()[..2] != [0x2001, 0x0db8] => Place::Public,
        _ => Place::Inside("reserved"),
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, NAT64 and 6to4 forms.
fn inner_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// The number that a host is written as; the parser of addresses has brought every spelling to the usual one.
fn number(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether the address names this machine: `localhost` or a loopback address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match number(url) {
        Some(ip) => place(ip) == Place::Loopback,
        None => url.host_str().is_some_and(is_localhost),
    }
}

fn is_localhost(name: &str) -> bool {
    name.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

/// Refuses an address that is written as a number and not public. Names are judged when they are resolved.
pub(crate) fn check(url: &Url, hosts: Hosts) -> Result<(), InferenceError> {
    if let Some(ip) = number(url)
        && let Place::Inside(why) = place(ip)
        && hosts == Hosts::Public
    {
        return Err(InferenceError::Endpoint { message: refusal(&ip.to_string(), why) });
    }
    Ok(())
}

fn refusal(host: &str, why: &str) -> String {
    format!("{host} is {why}: set `allow_private: true` for this model if it is the server you mean")
}

/// Looks `host` up and refuses it when any of its addresses is not public; other names (such as a proxy's) pass.
pub(crate) struct Guarded {
    host: String,
}

impl Guarded {
    pub(crate) fn new(url: &Url) -> Arc<Self> {
        Arc::new(Self { host: url.host_str().unwrap_or_default().to_owned() })
    }

    fn judge(host: &str, addresses: &[SocketAddr]) -> Result<(), Refused> {
        for address in addresses {
            let why = match place(address.ip()) {
                Place::Public => continue,
                Place::Loopback if is_localhost(host) => continue,
                Place::Loopback => "this machine under another name",
                Place::Inside(why) => why,
            };
            return Err(Refused(refusal(&format!("{host} ({})", address.ip()), why)));
        }
        Ok(())
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = name.as_str().eq_ignore_ascii_case(&self.host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if guarded {
                Self::judge(name.as_str(), &found)?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Why a name is not asked; found again in the sources of the HTTP client's error.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ip: &str) -> &'static str {
        match place(ip.parse().unwrap()) {
            Place::Public => "public",
            Place::Loopback => "loopback",
            Place::Inside(_) => "inside",
        }
    }

    #[test]
    fn special_ranges_are_known_at_both_ends() {
        for (ip, expected) in [
            ("126.255.255.255", "public"),
            ("127.0.0.0", "loopback"),
            ("127.255.255.255", "loopback"),
            ("128.0.0.0", "public"),
            ("9.255.255.255", "public"),
            ("10.0.0.0", "inside"),
            ("11.0.0.0", "public"),
            ("172.15.255.255", "public"),
            ("172.16.0.0", "inside"),
            ("172.31.255.255", "inside"),
            ("172.32.0.0", "public"),
            ("192.167.255.255", "public"),
            ("192.168.0.0", "inside"),
            ("192.169.0.0", "public"),
            ("100.63.255.255", "public"),
            ("100.64.0.0", "inside"),
            ("100.127.255.255", "inside"),
            ("100.128.0.0", "public"),
            ("169.254.169.254", "inside"),
            ("0.0.0.0", "inside"),
            ("255.255.255.255", "inside"),
            ("::", "inside"),
            ("::1", "loopback"),
            ("fbff::1", "inside"),
            ("fc00::1", "inside"),
            ("fdff::1", "inside"),
            ("fe80::1", "inside"),
            ("ff02::1", "inside"),
            ("2606:4700::1111", "public"),
            ("2001:db8::1", "inside"),
            ("::ffff:10.1.2.3", "inside"),
            ("::ffff:127.0.0.1", "loopback"),
            ("64:ff9b::a9fe:a9fe", "inside"),
            ("2002:0a00:0001::1", "inside"),
            ("2002:0808:0808::1", "public"),
        ] {
            assert_eq!(of(ip), expected, "{ip}");
        }
    }

    #[test]
    fn every_spelling_of_a_private_address_is_refused_unless_allowed() {
        for url in [
            "http://10.0.0.1/v1",
            "http://0x0a000001/v1",
            "http://167772161/v1",
            "http://012.1/v1",
            "http://169.254.169.254/latest",
            "http://[fd00::1]/v1",
            "http://[::ffff:192.168.0.1]/v1",
        ] {
            let url = Url::parse(url).unwrap();
            let error = check(&url, Hosts::Public).unwrap_err().to_string();
            assert!(error.contains("allow_private"), "{error}");
            check(&url, Hosts::Any).unwrap();
        }
        for url in ["http://127.0.0.1/v1", "http://[::1]/v1", "http://localhost/v1", "https://8.8.8.8/v1"] {
            check(&Url::parse(url).unwrap(), Hosts::Public).unwrap();
        }
    }

    #[test]
    fn names_are_judged_by_all_their_addresses() {
        let at = |ips: &[&str]| -> Vec<SocketAddr> {
            ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect()
        };
        assert!(Guarded::judge("api.example", &at(&["8.8.8.8"])).is_ok());
        assert!(Guarded::judge("api.example", &at(&["8.8.8.8", "10.0.0.1"])).is_err());
        assert!(Guarded::judge("api.example", &at(&["127.0.0.1"])).is_err());
        assert!(Guarded::judge("localhost", &at(&["127.0.0.1", "::1"])).is_ok());
        assert!(Guarded::judge("localhost", &at(&["192.168.0.1"])).is_err());
    }
}
