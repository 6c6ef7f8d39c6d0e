"""Which network addresses a picture may come from: public ones, in every way of writing them."""

import ipaddress

_NOT_PUBLIC_6 = tuple(
    map(
        ipaddress.IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # among them Teredo and 6to4, which hide another
    )
)
_NOT_PUBLIC_4 = ipaddress.IPv4Network("192.0.0.0/24")  # of protocols; some Pythons call parts of it public
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_TRANSLATED_4 = ipaddress.IPv6Network("64:ff9b::/96")  # how a network without IPv4 reaches it
_ISATAP = (0x00005EFE, 0x02005EFE)


def is_public(address: str) -> bool:
    """Whether a numeric address is of the public internet, and hides no other.

    >>> [is_public(a) for a in ("93.184.216.34", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "2002:7f00:1::")]
    [True, False, False, False, False]
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _NOT_PUBLIC_4
    if ip in _TRANSLATED_4:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    hides = any(ip in network for network in _NOT_PUBLIC_6) or int(ip) >> 32 & 0xFFFFFFFF in _ISATAP
    return ip in _GLOBAL_6 and ip.is_global and ip.scope_id is None and not hides
