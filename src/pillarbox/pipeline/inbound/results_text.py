"""What the checks of a message established, for Authentication-Results and seals."""

from pillarbox.formats.mailauth.authentication_results import MethodResult, text_of_results
from pillarbox.formats.mailauth.results_written import (
    arc_written,
    dkim_written,
    dmarc_written,
    helo_spf_written,
    iprev_written,
    spf_written,
)
from pillarbox.pipeline.inbound.checks.arrival import Arrival


def results_text(arrival: Arrival) -> str:
    """What stands behind our name; empty where nothing was checked."""
    return text_of_results(_methods(arrival))


def _methods(arrival: Arrival) -> list[MethodResult]:
    results, ip = arrival.results, arrival.peer.ip
    found: list[MethodResult] = []
    # What matters most comes first, since what is too long is left out at the end.
    if results.dmarc is not None and results.dmarc.domain:
        found.append(dmarc_written(results.dmarc))
    if results.spf is not None:
        found.append(spf_written(results.spf, arrival.reverse_path, arrival.helo))
    if results.dkim is not None:
        found.extend(dkim_written(results.dkim))
    if results.arc is not None:
        found.append(arc_written(results.arc, ip))
    if results.helo_spf is not None and arrival.reverse_path:
        found.append(helo_spf_written(results.helo_spf, arrival.helo))
    if results.iprev:
        found.append(iprev_written(results.iprev, ip, results.verified_name or ""))
    return found
