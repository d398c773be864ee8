"""Coverage-guided fuzzing: `python tools/fuzz.py TARGET --minutes 10`.

Needs atheris in the development environment, which is not among its packages since it does not
build everywhere: `.venv-dev/bin/pip install atheris`. Inputs begin with the dialogs of the tests
and, for mail, with the conformance vectors where they lie beside the repository. What makes a
target fail is kept in the folder that `--found` names, beside the inputs that were worth keeping
for the next run; `--replay FILE` runs one again. An input
that takes longer than `--input-seconds` counts as a hang; `growth` repeats pieces of small inputs
until they are large, and so finds what takes more than linear time.
"""

import argparse
import contextlib
import gzip
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[1]
DIALOGS = ROOT / "tests" / "dialogs"
VECTORS = ROOT.parent / "shared" / "conformance" / "mime"
INPUT_MAX = 4096
GROWN_BYTES = 64 * 1024
GROWN_S = 3.0
"""Of processor time, with every line of code counted."""
MEMORY_MB = 2048

Target = Callable[[bytes], None]


def said(protocol: str) -> Iterator[bytes]:
    """What clients say in the dialogs: each whole, and each line alone."""
    for path in sorted((DIALOGS / protocol).glob("*.txt")):
        lines = [
            line.partition(": ")[2]
            for line in path.read_text("utf-8").splitlines()
            if line.startswith("C") and ": " in line[:5]
        ]
        for text in ("\r\n".join(lines), *lines):
            yield text.encode() + b"\r\n"


def mail() -> Iterator[bytes]:
    """Messages of the conformance vectors, and some that are here in any case."""
    yield (
        b"From: =?utf-8?q?a?= <a@b.test>\r\nTo: G: a@b, <@r:c@d>;\r\nSubject: =?utf-8?b?w7w=?=\r\n"
        b"Date: Mon, 1 Jan 2024 10:00:00 +0100\r\nMessage-ID: <1@b>\r\nReferences: <0@b> <x@b>\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
        b"\r\n\r\n<p title=3D'x'>a&amp;b</p>=\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: in\r\n\r\nx\r\n--b\r\nContent-Disposition: attachment; filename*0*=utf-8''%C3;"
        b" filename*1=a\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n"
    )
    for path in sorted(VECTORS.rglob("*.eml")):
        yield path.read_bytes()[:INPUT_MAX]


def proxies() -> Iterator[bytes]:
    """Headers of both versions of the PROXY protocol."""
    yield b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\nEHLO x\r\n"
    yield b"PROXY TCP6 2001:db8::7 ::1 40000 25\r\n"
    yield b"PROXY UNKNOWN ::1 ::1 1 2\r\n"
    yield b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10AAAABBBB\x9c\x40\0\x19\x04\0\x01\0"
    yield b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"


def about() -> Iterator[bytes]:
    """A record, and fields as hosts write them."""
    yield b"v=DMARC1; p=reject; sp=none; np=x; psd=y; adkim=s; t=y; pct=1; rua=mailto:a@b.test!1m"
    yield b'i=1; mx.test 1; spf=pass (x "y) reason="a\\"b" smtp.mailfrom="c d"@e; dkim/1 = fail; x'
    yield b'(a (b)) "mx.example.test"; dmarc=pass (p=none) header.from=example.org; arc=none'


def records() -> Iterator[bytes]:
    """Senders, SPF records and other answers, line by line."""
    yield (
        b"ann-x@a.test\nv=spf1 a:b.test/24//64 mx ptr:c.test exists:%{l1r-}.%{ir}.%{v}.%{d2} "
        b"?include:b.test -ip4:192.0.2.0/24 ~ip6:2001:db8::/32 redirect=c.test exp=e.test x=%%\n"
        b"192.0.2.7\nv=spf1 redirect=%{o}\n\nb.test c.test\nv=spf1 -all exp=%{p}\n%{S} %_%-%{t}\nh"
    )


def imap() -> Target:
    """The cutting of input into commands, however it is split, and the grammar of commands."""
    from pillarbox.wire.imap.parse.command import CommandError, parse_command
    from pillarbox.wire.imap.parse.table import COMMANDS
    from pillarbox.wire.imap.receiver import CommandLine, Fatal, Receiver, ReceiverLimits

    limits = ReceiverLimits(
        text_bytes=1500, literals=6, literal_bytes=200, literal_total_bytes=600,
        append_literal_bytes=900, append_total_bytes=1800, skip_text_bytes=3000, skip_bytes=3000,
    )  # fmt: skip

    def events(data: bytes, step: int) -> list[object]:
        receiver = Receiver(limits)
        receiver.allow_append()
        found: list[object] = []
        for at in range(0, len(data), step):
            receiver.feed(data[at : at + step])
            while (event := receiver.next()) is not None:
                found.append(event)
                if isinstance(event, Fatal):
                    return found
        return found

    def run(data: bytes) -> None:
        whole = events(data, len(data) or 1)
        if events(data, 1 + len(data) % 7) != whole:
            raise RuntimeError("how the input is split over reads changes the result")
        for event in whole:
            if isinstance(event, CommandLine):
                with contextlib.suppress(CommandError):
                    parse_command(event.pieces, COMMANDS)

    return run


def pop3() -> Target:
    """The cutting of input into lines and the grammar of POP3."""
    from pillarbox.wire.pop3.server import ServerParser

    def events(data: bytes, step: int) -> list[str]:
        parser = ServerParser()
        found: list[str] = []
        for at in range(0, len(data), step):
            parser.feed(data[at : at + step])
            while (event := parser.next_event()) is not None:
                found.append(repr(event))
        return found

    def run(data: bytes) -> None:
        if events(data, len(data) or 1) != events(data, 1 + len(data) % 7):
            raise RuntimeError("how the input is split over reads changes the result")

    return run


def managesieve() -> Target:
    """The cutting of input into lines, however it is split, and the grammar of ManageSieve."""
    from pillarbox.base.errors import GrammarError
    from pillarbox.wire.managesieve.commands import parse_command, parse_response
    from pillarbox.wire.managesieve.receiver import Line, Receiver, ReceiverLimits

    def events(data: bytes, step: int) -> list[object]:
        receiver = Receiver(ReceiverLimits(held_octets=200, skipped_octets=600))
        found: list[object] = []
        for at in range(0, len(data), step):
            receiver.feed(data[at : at + step])
            while (event := receiver.next_event()) is not None:
                found.append(event if isinstance(event, Line) else repr(event))
        return found

    def run(data: bytes) -> None:
        whole = events(data, len(data) or 1)
        if events(data, 1 + len(data) % 7) != whole:
            raise RuntimeError("how the input is split over reads changes the result")
        for event in whole:
            if isinstance(event, Line):
                for parse in (parse_command, parse_response):
                    with contextlib.suppress(GrammarError):
                        parse(event.words)

    return run


def proxy() -> Target:
    """The header that a proxy sends before the client's words."""
    from pillarbox.base.errors import GrammarError
    from pillarbox.wire.proxy import HeaderReader

    def read(data: bytes, step: int) -> object:
        reader, after = HeaderReader(), b""
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            if reader.complete:
                after += piece
                continue
            try:
                reader.feed(piece)
            except GrammarError:
                return None
        return reader.client, reader.rest + after

    def run(data: bytes) -> None:
        if read(data, len(data) or 1) != read(data, 1 + len(data) % 7):
            raise RuntimeError("how the input is split over reads changes the result")

    return run


def mime() -> Target:
    """The scanner, the summary, and every section."""
    from pillarbox.formats.mime.part import decode_parts, encode_parts
    from pillarbox.formats.mime.section import content, section, text_of
    from pillarbox.formats.mime.summary import Summary, summarize

    def run(data: bytes) -> None:
        summary, root = summarize(data)
        if decode_parts(encode_parts(root)) != root:
            raise RuntimeError("the part index does not come back")
        if Summary.from_bytes(summary.to_bytes()) != summary:
            raise RuntimeError("the summary does not come back")
        for path, part in root.walk():
            if not 0 <= part.header_start <= part.body_start <= part.body_end <= len(data):
                raise RuntimeError("offsets outside of the message")
            for what in ("", "HEADER", "TEXT", "MIME"):
                section(data, root, path, what)
            content(data, part)
            text_of(part, data)

    return run


def text() -> Target:
    """Everything that is searched: decoded headers, texts, HTML, and how they are folded."""
    from pillarbox.formats.mime.scan import scan
    from pillarbox.formats.mime.searchable import searchable
    from pillarbox.formats.text.fold import folded
    from pillarbox.formats.text.html import text_of_html
    from pillarbox.formats.text.words import words

    def run(data: bytes) -> None:
        found = searchable(data, scan(data))
        for one in (*found.texts, *(value for _, value in found.headers), *found.filenames):
            one.encode()
            words(folded(one))
        text_of_html(data.decode("utf-8", "replace")).encode()

    return run


def scanners() -> Target:
    """Answers of scanners."""
    from pillarbox.base.errors import GrammarError
    from pillarbox.wire import clamd, rspamd, spamc

    def run(data: bytes) -> None:
        for read in (clamd.read_answer, rspamd.read_judgement):
            with contextlib.suppress(GrammarError):
                read(data)
        with contextlib.suppress(GrammarError):
            answer = spamc.read_answer(data)
            if len(answer.rules) > spamc.RULES_MAX:
                raise RuntimeError("more rules than there should be")
            spamc.scaled(answer.score, 5.0)

    return run


def milters() -> Target:
    """What milters say."""
    from pillarbox.base.errors import GrammarError
    from pillarbox.wire import milter

    def packets(data: bytes, step: int) -> list[object]:
        receiver = milter.Receiver()
        found: list[object] = []
        try:
            for at in range(0, len(data), step):
                receiver.feed(data[at : at + step])
                while (packet := receiver.next()) is not None:
                    found.append(packet)
        except GrammarError as error:
            found.append(error.text)
        return found

    def run(data: bytes) -> None:
        with contextlib.suppress(GrammarError):
            milter.read_reply_code(data)
        whole = packets(data, len(data) or 1)
        if packets(data, 1 + len(data) % 7) != whole:
            raise RuntimeError("how the input is split over reads changes the result")
        for response in (milter.Response.ADD_HEADER, milter.Response.INSERT_HEADER):
            with contextlib.suppress(GrammarError):
                line = milter.read_new_field(
                    milter.Packet(response, data), bool(len(data) % 2)
                ).line
                if line.replace(b"\r\n ", b"").replace(b"\r\n\t", b"").count(b"\n") != 1:
                    raise RuntimeError("a header field that is more than one")

    return run


def answers() -> Iterator[bytes]:
    """Of each scanner one."""
    yield b"stream: Some.Virus FOUND\0"
    yield b"SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: True ; 15.0 / 5.0\r\n\r\nA,B"
    yield (
        b'{"action":"reject","score":15.5,"thresholds":{"add header":6},'
        b'"symbols":{"A":{"score":1.5,"options":["x"]}},"messages":{"smtp_message":"no"}}'
    )
    yield b"\0\0\0\x0dO\0\0\0\x06\0\0\0\x01\0\0\0\0\0\0\0\x01c\0\0\0\x07hX\0y z\0"
    yield b"550 5.7.1 Go away\0"
    yield b"\0\0\0\0X\0y\n\tz\0"


def senders() -> Target:
    """What is published and written about senders: DMARC records, Authentication-Results."""
    from pillarbox.base.errors import GrammarError
    from pillarbox.formats.mailauth.authentication_results import (
        claims_name,
        field,
        parse_arc_results,
        parse_results,
        text_of_results,
    )
    from pillarbox.formats.mailauth.dmarc.record import parse_record, parse_report_uri

    def run(data: bytes) -> None:
        record = parse_record(data.decode("utf-8", "replace"))
        for uri in record.rua if record else ():
            parse_report_uri(uri)
        claims_name(data, "mx.example.test")
        for parse in (parse_results, parse_arc_results):
            with contextlib.suppress(GrammarError):
                found = parse(data)
                written = field("mx.example.test", text_of_results(found.results))
                again = parse_results(written.partition(b":")[2])
                methods = [one.method for one in again.results]
                if methods != [one.method for one in found.results[: len(methods)]]:
                    raise RuntimeError("what was written reads differently")

    return run


def reports() -> Target:
    """Aggregate reports of DMARC, feedback reports, and the mail and archives that carry them."""
    from pillarbox.base.errors import GrammarError
    from pillarbox.formats import arf
    from pillarbox.formats.dmarc_report import mail as report_mail
    from pillarbox.formats.dmarc_report.read import decode
    from pillarbox.formats.dmarc_report.write import encode
    from pillarbox.formats.reporting import packed

    def run(data: bytes) -> None:
        arf.parse_feedback(data)
        report_mail.is_report(data)
        with contextlib.suppress(GrammarError):
            report_mail.extract(data)
        with contextlib.suppress(GrammarError):
            packed.unzip(data, 10_000, ".xml")
        try:
            again = decode(encode(decode(data)))
        except GrammarError:
            return
        if decode(encode(again)) != again:
            raise RuntimeError("the report does not come back")

    return run


def reported() -> Iterator[bytes]:
    """Reports of the conformance vectors, and some that are here in any case."""
    yield (
        b"<feedback><report_metadata><report_id>1</report_id><date_range><begin>1</begin>"
        b"<end>2</end></date_range></report_metadata><policy_published><domain>a.b</domain>"
        b"</policy_published><record><row><source_ip>192.0.2.1</source_ip><count>1</count>"
        b"</row></record></feedback>"
    )
    yield (
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n--b\r\n"
        b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@b>\r\n\r\nx\r\n--b--\r\n"
    )
    for path in sorted(VECTORS.parent.joinpath("reports").glob("*.[ex]m*")):
        yield path.read_bytes()[:INPUT_MAX]


def files() -> Target:
    """Looking into attachments: the first byte chooses the name, the rest is the file."""
    from pillarbox.formats.attachment.found import Budget
    from pillarbox.formats.attachment.inspect import inspect

    names = ("a.zip", "a.doc", "a.pdf", "a.html", "a.tar", "a.tgz", "a.rar", "a.pdf.exe", "")

    def run(data: bytes) -> None:
        name = names[data[0] % len(names)] if data else ""
        inspect(name, "application/octet-stream", data[1:], Budget(bytes_left=1 << 20))

    return run


def packed() -> Iterator[bytes]:
    """Files of every format that is looked into."""
    sys.path.insert(0, str(ROOT / "tests"))
    from kit.documents import archive, pdf, word
    from kit.files import PROGRAM, compound, rar4, rar5, tar

    files = (
        *(archive({"a.txt": "x", "b.zip": archive({"c.exe": PROGRAM})}), word("x"), pdf("x")),
        *(
            compound({"VBA": b"AutoOpen"}),
            compound({"Workbook": b"\x85\0\x09\0"}),
            tar({"a": b"x"}),
        ),
        *(rar4({"a.txt": b"x"}), rar5({"a.txt": b"x"}, locked=True), gzip.compress(b"x")),
        *(b"<html><script>new Blob(atob(1))", b"%PDF-1.5 /ObjStm stream\r\n/JS (x)", PROGRAM),
    )
    for number, file in enumerate(files):
        yield bytes((number,)) + file


def content() -> Target:
    """What checks of incoming mail find in a message itself."""
    import asyncio

    from pillarbox.base.clock import SystemClock
    from pillarbox.pipeline.inbound.checks.arrival import Arrival, Peer
    from pillarbox.pipeline.inbound.checks.content import read_content
    from pillarbox.pipeline.inbound.checks.headers import HeaderCheck
    from pillarbox.pipeline.inbound.checks.html import HtmlCheck
    from pillarbox.pipeline.inbound.checks.links import LinkCheck
    from pillarbox.pipeline.inbound.checks.lookalike import LookalikeCheck
    from pillarbox.pipeline.inbound.checks.mime import MimeCheck

    async def own() -> frozenset[str]:
        return frozenset(("example.test", "b.test"))

    async def people(domain: str) -> frozenset[str]:
        return frozenset(("Bob Miller",))

    checks = (HeaderCheck(SystemClock()), MimeCheck(), HtmlCheck(), LinkCheck())
    every = (*checks, LookalikeCheck(own, people))
    loop = asyncio.new_event_loop()

    async def look(data: bytes) -> None:
        arrival = Arrival(Peer("192.0.2.1", True), content=read_content(data))
        for check in every:
            await check.run(arrival)

    return lambda data: loop.run_until_complete(look(data))


def spf() -> Target:
    """A check whose name servers answer lines of the input, one after the other."""
    from pillarbox.formats.mailauth.spf.check import QUESTIONS_MAX, Request, check_host
    from pillarbox.formats.mailauth.spf.question import QuestionKind

    def run(data: bytes) -> None:
        lines = data.decode("utf-8", "replace").split("\n")
        checking = check_host(Request("192.0.2.7", lines[0] or "a@b.test", lines[-1]))
        asked = 0
        try:
            question = next(checking)
            while True:
                asked += 1
                line = lines[asked % len(lines)]
                is_text = question.kind is QuestionKind.TXT
                answer = (line,) if is_text else tuple(line.split(" ")) if line else None
                question = checking.send(answer)
        except StopIteration:
            if asked > QUESTIONS_MAX:
                raise RuntimeError("asks too often") from None

    return run


def links() -> Target:
    """Links and addresses of text and of HTML."""
    from pillarbox.formats.text.links import links_in_html, links_in_text

    def run(data: bytes) -> None:
        given = data.decode("utf-8", "replace")
        for found in (links_in_text(given), links_in_html(given)):
            for one in found.links:
                one.host.encode("ascii")

    return run


def sieve() -> Target:
    """Compiling a script, and running it over the message that stands after a NUL."""
    sys.path.insert(0, str(ROOT / "tests"))
    from kit.sieve import HERE, run_programs
    from pillarbox.formats.sieve.compiling import compile_script
    from pillarbox.formats.sieve.errors import ScriptError
    from pillarbox.formats.sieve.limits import RunLimits

    limits = RunLimits(instructions=20_000)

    def run(data: bytes) -> None:
        script, _, message = data.partition(b"\0")
        try:
            program = compile_script(script, explain=bool(len(data) % 2))
        except ScriptError:
            return
        included = dict.fromkeys(program.inclusions, program)
        mail = message.replace(b"\r", b"").replace(b"\n", b"\r\n")
        outcome = run_programs([program], mail, HERE, None, included, limits)
        if not outcome.actions or outcome.instructions > limits.instructions:
            raise RuntimeError("a run beyond its limits, or without an outcome")

    return run


def scripts() -> Iterator[bytes]:
    """Scripts with messages: of the conformance vectors, and one that is here in any case."""
    yield (
        b'require ["fileinto", "variables", "copy"];\nif anyof (not exists "x", header :matches'
        b' ["to", "cc"] "*@*") {\n set :upper "a" "${1}"; fileinto :copy "a/${a}"; }\n'
        b"else { redirect text:\na@b.test\n.\n; } # end\n\0To: a@b\n\nx\n"
    )
    path = VECTORS.parent / "sieve" / "vectors.json"
    for vector in json.loads(path.read_text("utf-8")) if path.is_file() else ():
        yield f"{vector['script']}\0{vector.get('message', '')}".encode()[:INPUT_MAX]


def growth() -> Target:
    """A message that repeats a piece of the input takes no more than linear time."""
    parts = (mime(), text(), senders(), content(), links())

    def run(data: bytes) -> None:
        if len(data) < 4:
            return
        start, length = data[0] * 4, 1 + data[1]
        head, unit, tail = data[2:][:start], data[2:][start : start + length], data[-20:]
        if not unit:
            return
        grown = head + unit * (GROWN_BYTES // len(unit)) + tail
        for part in parts:
            begun = time.process_time()
            part(grown)
            if time.process_time() - begun > GROWN_S:
                raise RuntimeError(f"{len(grown)} bytes took {time.process_time() - begun:.1f} s")

    return run


TARGETS = MappingProxyType(
    {
        one.__name__: one
        for one in (
            *(imap, pop3, proxy, scanners, milters, reports, mime, text, files, content, growth),
            *(managesieve, sieve, spf, links),
        )
    }
)


def _seed(folder: Path, name: str) -> None:
    others = {"proxy": proxies, "scanners": answers, "milters": answers, "reports": reported}
    others |= {"files": packed, "spf": records, "sieve": scripts}
    seeds = said(name) if name in ("imap", "pop3", "managesieve") else others.get(name, mail)()
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed)


def main() -> int:
    """Run one target for so long; the exit status says whether it failed."""
    parser = argparse.ArgumentParser(description="Fuzz one target, guided by coverage.")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--input-seconds", type=int, default=10)
    parser.add_argument("--found", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--replay", type=Path)
    chosen = parser.parse_args()
    sys.path.insert(0, str(ROOT / "src"))
    if chosen.replay:
        TARGETS[chosen.target]()(chosen.replay.read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("Needs atheris: .venv-dev/bin/pip install atheris", file=sys.stderr)
        return 2
    import atheris

    with atheris.instrument_imports(include=["pillarbox"]):
        run = TARGETS[chosen.target]()
    corpus = chosen.found / chosen.target
    corpus.mkdir(parents=True, exist_ok=True)
    _seed(corpus, chosen.target)
    options = [
        sys.argv[0],
        f"-max_total_time={int(chosen.minutes * 60)}",
        f"-timeout={chosen.input_seconds}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-max_len={INPUT_MAX}",
        f"-artifact_prefix={chosen.found}/{chosen.target}-",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup(options, run)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
