"""Hosts, telephone numbers and addresses that are documented as examples, so that they belong to nobody. Pure."""

import ipaddress
from typing import Final

_HOSTS: Final = ("example", "test", "invalid", "localhost", "local", "internal", "lan")
"""Ends of hosts that are set aside (RFC 2606, 6761, 6762); `example.com` and its like come on top."""
_EXAMPLES: Final = ("example.com", "example.org", "example.net", "example.edu")

_PHONES: Final = (
    "442079460", "441632960", "447700900", "441134960", "441144960", "441154960", "441164960", "441174960",
    "441184960", "441214960", "441314960", "441414960", "441514960", "441614960", "441914980", "448081570", "449098790",
    "493023125", "496990009", "494066969", "492214710", "498999998", "4917139200", "4915228817386", "4915228895456",
    "4915254599371", "4917204069", "491729925904", "491723908", "491799999",
    "331990", "332619", "333530", "334657", "335364", "336399",
    "61255501", "61355501", "61755501", "61855501", "61491570", "61491571",
    "353209", "46317406", "46406280", "4684650047", "46980319",
)  # fmt: skip
"""Beginnings of numbers for films and manuals, with the country: Ofcom, Bundesnetzagentur, ARCEP, ACMA, ComReg, PTS."""
_AT_HOME: Final = tuple(f"0{each[2:]}" for each in _PHONES)
"""The same as they are dialled there."""

_RESERVED: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
"""For machines at home, for documentation and for no machine (RFC 6890, 5737, 3849, 9637)."""
_KNOWN: Final = frozenset(
    {
        "123.45.67.89",
        "123.123.123.123",
        "111.111.111.111",
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "9.9.9.9",
        "149.112.112.112",
        "208.67.222.222",
        "208.67.220.220",
    }
    | {"2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111", "2606:4700:4700::1001"}
)
"""Numbers in a row, and resolvers of names that everybody may use and every text on networks names."""


def is_placeholder_host(host: str) -> bool:
    """Say whether a host in small letters is set aside for examples."""
    return host.rpartition(".")[2] in _HOSTS or any(host == each or host.endswith(f".{each}") for each in _EXAMPLES)


def is_placeholder_phone(digits: str) -> bool:
    """Say whether a telephone number, given with its country or as it is said there, is one of films and manuals.

    In North America that is the exchange and the area 555, of which only 555-0100 to 555-0199 are set aside for it, and
    nearly none of the others is given to anybody.
    """
    if digits.startswith((*_PHONES, *_AT_HOME)):
        return True
    local = digits[-10:] if len(digits) >= 10 else f"   {digits}"
    is_american = len(digits) in {7, 10} or (len(digits) == 11 and digits[0] == "1")
    return is_american and "555" in {local[:3], local[3:6]}


def is_public_address(text: str) -> bool:
    """Say whether a text is the address of somebody's machine; four small numbers are more often a section."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 4 and len(text) < 10:
        return False
    return str(address) not in _KNOWN and not any(address in network for network in _RESERVED)
