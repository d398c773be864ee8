"""Small clients of each protocol over TCP, for tests that look at every byte of an answer."""

import asyncio
import base64
import re
import ssl
import zlib

from kit.proxy import PROXY, proxied

HOST = "127.0.0.1"
ANSWER_S = 60.0

_LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


def trusting_context() -> ssl.SSLContext:
    """A context that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Wire:
    """A connection; every wait on it ends with `TimeoutError`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._deflater: zlib._Compress | None = None
        self._pump: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, port: int, *, tls: bool = False, ip: str = "") -> "Wire":
        """Connect; with `ip` through a proxy as a client of that address."""
        if ip:
            return await cls._open_as(ip, port, tls)
        opening = asyncio.open_connection(
            HOST, port, ssl=trusting_context() if tls else None, limit=1 << 26
        )
        return cls(*await asyncio.wait_for(opening, ANSWER_S))

    @classmethod
    async def _open_as(cls, ip: str, port: int, tls: bool) -> "Wire":
        opening = asyncio.open_connection(HOST, port, local_addr=(PROXY, 0), limit=1 << 26)
        reader, writer = await asyncio.wait_for(opening, ANSWER_S)
        writer.write(proxied(ip))
        if tls:
            await asyncio.wait_for(writer.start_tls(trusting_context()), ANSWER_S)
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        """Send; waits while the server reads too slowly."""
        if self._deflater is not None:
            data = self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), ANSWER_S)

    async def line(self) -> bytes:
        """The next line; raises `ConnectionError` at the end."""
        line = await asyncio.wait_for(self.reader.readline(), ANSWER_S)
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the server closed the connection")
        return line

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self.reader.read(), ANSWER_S)

    def start_compression(self) -> None:
        """Raw DEFLATE both ways from here on (RFC 4978)."""
        self._deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed, self.reader = self.reader, asyncio.StreamReader(limit=1 << 26)
        self._pump = asyncio.ensure_future(_expand(packed, self.reader))

    def abort(self) -> None:
        """Vanish without a goodbye."""
        if self._pump is not None:
            self._pump.cancel()
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        try:
            await asyncio.wait_for(self.writer.wait_closed(), ANSWER_S)
        except (OSError, ssl.SSLError):
            return

    async def __aenter__(self) -> "Wire":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.abort()
        await asyncio.sleep(0)  # the transport closes in the next turn


async def _expand(packed: asyncio.StreamReader, plain: asyncio.StreamReader) -> None:
    inflater = zlib.decompressobj(-15)
    try:
        while data := await packed.read(1 << 16):
            plain.feed_data(inflater.decompress(data))
    except (OSError, zlib.error) as error:
        plain.set_exception(error)
    else:
        plain.feed_eof()


class SmtpWire:
    """An SMTP client."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @classmethod
    async def open(
        cls, port: int, *, tls: bool = False, hello: str = "EHLO", ip: str = ""
    ) -> "SmtpWire":
        """Connect and say hello; `ip` as in `Wire.open`."""
        smtp = cls(await Wire.open(port, tls=tls, ip=ip))
        try:
            await smtp.expect(220)
            await smtp.say(f"{hello} client.example.test", 250)
        except BaseException:
            smtp.wire.abort()
            raise
        return smtp

    async def reply(self) -> tuple[int, str]:
        """The next reply: its code and the text of its last line."""
        while True:
            line = await self.wire.line()
            if line[3:4] != b"-":
                return int(line[:3]), line[4:].decode().rstrip()

    async def expect(self, code: int) -> str:
        """The next reply's text; fails unless it has this code.

        Raises `ConnectionError` where the server says that it stops.
        """
        got, text = await self.reply()
        if got == 421 != code:
            raise ConnectionResetError(text)
        assert got == code, (got, text)
        return text

    async def say(self, line: str, code: int) -> str:
        """Send a command that must be answered with `code`."""
        await self.wire.send(line.encode() + b"\r\n")
        return await self.expect(code)

    async def login(self, user: str, password: str) -> None:
        """AUTH PLAIN."""
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        await self.say(f"AUTH PLAIN {token}", 235)

    async def begin(self, sender: str, recipients: tuple[str, ...]) -> None:
        """MAIL and RCPT."""
        await self.say(f"MAIL FROM:<{sender}>", 250)
        for recipient in recipients:
            await self.say(f"RCPT TO:<{recipient}>", 250)

    async def data(
        self, sender: str, recipients: tuple[str, ...], content: bytes
    ) -> tuple[int, str]:
        """One message by DATA; gives the reply to its content."""
        await self.begin(sender, recipients)
        await self.say("DATA", 354)
        await self.wire.send(dotted(content))
        return await self.reply()

    async def bdat(
        self, sender: str, recipients: tuple[str, ...], chunks: list[bytes]
    ) -> tuple[int, str]:
        """One message by BDAT; gives the reply to the last chunk."""
        await self.begin(sender, recipients)
        for chunk in chunks[:-1]:
            await self.wire.send(b"BDAT %d\r\n" % len(chunk) + chunk)
            await self.expect(250)
        await self.wire.send(b"BDAT %d LAST\r\n" % len(chunks[-1]) + chunks[-1])
        return await self.reply()


def dotted(content: bytes) -> bytes:
    """Content as it travels after DATA, with its end (RFC 5321 §4.5.2)."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") or not stuffed else b"\r\n.\r\n")


class ImapWire:
    """An IMAP client: commands as text, answers as lines with their literals."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._tag = 0

    @classmethod
    async def open(
        cls, port: int, user: str, password: str, *, tls: bool = False, select: str = "",
        ip: str = "",
    ) -> "ImapWire":  # fmt: skip
        """Connect, log in, and select a mailbox if one is named; `ip` as in `Wire.open`."""
        imap = cls(await Wire.open(port, tls=tls, ip=ip))
        try:
            assert (await imap.wire.line()).startswith(b"* OK")
            await imap.ok(f'LOGIN {user} "{password}"')
            if select:
                await imap.ok(f'SELECT "{select}"')
        except BaseException:
            imap.wire.abort()
            raise
        return imap

    async def line(self) -> list[bytes]:
        """One response: pieces of text, and the literals between them."""
        pieces: list[bytes] = []
        while True:
            line = await self.wire.line()
            found = _LITERAL.search(line)
            if found is None:
                return [*pieces, line.rstrip(b"\r\n")]
            literal = self.wire.reader.readexactly(int(found[1]))
            pieces += [line[: found.start()], await asyncio.wait_for(literal, ANSWER_S)]

    async def until_tag(self, tag: bytes) -> tuple[list[list[bytes]], bytes]:
        """The untagged responses, and the tagged one without its tag."""
        untagged: list[list[bytes]] = []
        while True:
            pieces = await self.line()
            if pieces[0].startswith(tag + b" "):
                return untagged, pieces[0][len(tag) + 1 :]
            untagged.append(pieces)

    def next_tag(self) -> bytes:
        """A tag not used before."""
        self._tag += 1
        return b"t%d" % self._tag

    async def do(self, command: str) -> tuple[list[list[bytes]], bytes]:
        """Send a command; gives its responses."""
        tag = self.next_tag()
        await self.wire.send(tag + b" " + command.encode() + b"\r\n")
        return await self.until_tag(tag)

    async def ok(self, command: str) -> list[list[bytes]]:
        """Send a command that must be answered with OK; gives the untagged responses."""
        untagged, status = await self.do(command)
        assert status.startswith(b"OK"), (command, status)
        return untagged

    async def append(self, mailbox: str, content: bytes, mark: str = "") -> bytes:
        """APPEND; gives the tagged response. `mark` is `~` for a literal8."""
        tag = self.next_tag()
        command = f'APPEND "{mailbox}" {mark}{{{len(content)}}}\r\n'
        await self.wire.send(tag + b" " + command.encode())
        while not (answer := await self.line())[0].startswith((b"+", tag)):
            if answer[0].startswith(b"* BYE"):
                raise ConnectionResetError(answer[0].decode())
        if answer[0].startswith(tag):
            return answer[0].removeprefix(tag + b" ")
        await self.wire.send(content + b"\r\n")
        return (await self.until_tag(tag))[1]

    async def bodies(self, uids: str = "1:*") -> dict[int, bytes]:
        """The content of messages of the selected mailbox by UID."""
        found: dict[int, bytes] = {}
        for pieces in await self.ok(f"UID FETCH {uids} (UID RFC822.SIZE BODY.PEEK[])"):
            head = pieces[0]
            uid = re.search(rb"UID (\d+)", head)
            size = re.search(rb"RFC822\.SIZE (\d+)", head)
            if uid is None or size is None or len(pieces) < 2:
                continue
            assert int(size[1]) == len(pieces[1])
            found[int(uid[1])] = pieces[1]
        return found

    async def status(self, mailbox: str) -> dict[str, int]:
        """What STATUS says."""
        items = "MESSAGES UIDNEXT UNSEEN DELETED SIZE"
        answer = (await self.ok(f'STATUS "{mailbox}" ({items})'))[0][0].decode()
        words = answer[answer.index("(") + 1 : answer.rindex(")")].split()
        return dict(zip(words[::2], map(int, words[1::2]), strict=True))


class Pop3Wire:
    """A POP3 client."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @classmethod
    async def open(
        cls, port: int, user: str = "", password: str = "", *, tls: bool = False
    ) -> "Pop3Wire":
        """Connect, and log in if a user is named."""
        pop3 = cls(await Wire.open(port, tls=tls))
        try:
            assert (await pop3.wire.line()).startswith(b"+OK")
            if user:
                await pop3.ok(f"USER {user}")
                await pop3.ok(f"PASS {password}")
        except BaseException:
            pop3.wire.abort()
            raise
        return pop3

    async def ask(self, command: str) -> str:
        """Send a command; gives the first line of its answer."""
        await self.wire.send(command.encode() + b"\r\n")
        return (await self.wire.line()).decode().rstrip()

    async def ok(self, command: str) -> str:
        """Send a command that must be answered with +OK; gives the text."""
        answer = await self.ask(command)
        assert answer.startswith("+OK"), (command, answer)
        return answer[4:]

    async def rest(self) -> list[bytes]:
        """The lines of a multi-line answer after the first, as they are before dots are doubled."""
        lines: list[bytes] = []
        while (line := await self.wire.line()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return lines

    async def listing(self, command: str) -> dict[int, str]:
        """What LIST or UIDL say of each message, by its number."""
        await self.ok(command)
        words = [line.decode().split() for line in await self.rest()]
        return {int(number): value for number, value in words}

    async def retrieve(self, number: int) -> bytes:
        """RETR; gives the content, whose size must be the one that LIST told."""
        size = int((await self.ok(f"LIST {number}")).split()[1])
        await self.ok(f"RETR {number}")
        content = b"".join(await self.rest())
        assert len(content) == size
        return content

    async def quit(self) -> None:
        """QUIT, which must work, and the end of the connection."""
        await self.ok("QUIT")
        assert await self.wire.rest() == b""
        await self.wire.close()


class ManageSieveWire:
    """A ManageSieve client."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    @classmethod
    async def open(
        cls, port: int, user: str = "", password: str = "", *, tls: bool = False
    ) -> "ManageSieveWire":
        """Connect, start TLS if so wished, and log in if a user is named."""
        sieve = cls(await Wire.open(port))
        try:
            await sieve.ok()
            if tls:
                await sieve.starttls()
            if user:
                response = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
                await sieve.ok(f'AUTHENTICATE "PLAIN" "{response}"')
        except BaseException:
            sieve.wire.abort()
            raise
        return sieve

    async def starttls(self) -> dict[str, str | None]:
        """STARTTLS; gives the capabilities that are told after it."""
        await self.ok("STARTTLS")
        await asyncio.wait_for(self.wire.writer.start_tls(trusting_context()), ANSWER_S)
        return self.capabilities(await self.ok())

    async def answer(self) -> tuple[list[bytes], bytes]:
        """The lines before the next response, with their literals, and the response itself."""
        lines: list[bytes] = []
        while True:
            line = await self.wire.line()
            while (size := _LITERAL.search(line)) is not None:
                octets = self.wire.reader.readexactly(int(size[1]))
                line += await asyncio.wait_for(octets, ANSWER_S) + await self.wire.line()
            if line.startswith((b"OK", b"NO", b"BYE")):
                return lines, line.removesuffix(b"\r\n")
            lines.append(line)

    async def ask(self, command: str, *strings: bytes) -> tuple[list[bytes], bytes]:
        """Send a command whose last arguments are literals; gives its answer."""
        literals = b"".join(b" {%d+}\r\n" % len(one) + one for one in strings)
        await self.wire.send(command.encode() + literals + b"\r\n")
        return await self.answer()

    async def ok(self, command: str = "", *strings: bytes) -> list[bytes]:
        """Send a command, if any, that must be answered with OK; gives the lines before that."""
        lines, response = await (self.ask(command, *strings) if command else self.answer())
        assert response.startswith(b"OK"), (command, response)
        return lines

    async def names(self) -> dict[str, bool]:
        """What LISTSCRIPTS says of plain names: whether each script is active."""
        found = [line.decode().rstrip() for line in await self.ok("LISTSCRIPTS")]
        return {line.split('"')[1]: line.endswith(" ACTIVE") for line in found}

    async def script(self, name: str) -> bytes:
        """GETSCRIPT."""
        (line,) = await self.ok(f'GETSCRIPT "{name}"')
        return line.partition(b"\r\n")[2].removesuffix(b"\r\n")

    @staticmethod
    def capabilities(lines: list[bytes]) -> dict[str, str | None]:
        """Capabilities by name, from the lines that tell them."""
        found: dict[str, str | None] = {}
        for line in lines:
            words = line.decode().rstrip().split('"')
            found[words[1]] = words[3] if len(words) > 3 else None
        return found

    async def logout(self) -> None:
        """LOGOUT, which must work, and the end of the connection."""
        await self.ok("LOGOUT")
        assert await self.wire.rest() == b""
        await self.wire.close()
