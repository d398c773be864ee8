"""Encoded characters, variables and match variables in strings."""

import pytest

from kit.sieve import HERE, at, run_script
from pillarbox.formats.sieve.actions import FileInto, Note
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.syntax import Text, TextList
from pillarbox.formats.sieve.texts import ConstantTexts, decoded, texts_of, variable_key


class Names:
    """A script with these extensions."""

    def __init__(self, *extensions: str, names: tuple[str, ...] = ()) -> None:
        self.extensions = frozenset(extensions)
        self.globals = set(names)


def said(commands: str, required: str = "variables", **options: object) -> list[str]:
    """What `trace` writes."""
    names = ", ".join(f'"{one}"' for one in ("vnd.pillarbox.trace", *required.split()))
    outcome = run_script(f"require [{names}]; {commands}", **options)  # type: ignore[arg-type]
    assert outcome.failure is None, outcome.failure
    return [action.text for action in outcome.actions if isinstance(action, Note)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("${hex:42}", "B"),
        ("a${HEX: 42 \t61\r\n 64 }b", "aBadb"),
        ("${hex:c3}${hex:a9}", "é"),
        ("${hex:c3 a9}", "é"),
        ("é${hex:ff}", "é\ufffd"),
        ("${unicode:40}${Unicode: 000e9 1F600}", "@é😀"),
        ("${hex:4}", "\x04"),
        ("$${hex:24}{hex:41}", "$${hex:41}"),
        ("${hex:}", "${hex:}"),
        ("${hex:123}", "${hex:123}"),
        ("${hex:4g}", "${hex:4g}"),
        ("${unicode:}", "${unicode:}"),
        ("${hex:41", "${hex:41"),
        ("${a}", "${a}"),
    ],
)
def test_encoded_characters(written: str, meant: str) -> None:
    assert decoded(written) == meant


@pytest.mark.parametrize("code", ["110000", "d800", "DFFF", "1" * 5000])
def test_what_is_no_character(code: str) -> None:
    with pytest.raises(ValueError, match="is not a Unicode character"):
        decoded(f"${{unicode:{code}}}")


def test_without_the_extensions_strings_stay() -> None:
    texts = texts_of(Text("${hex:41}${a}", 1, 1), Names())
    assert texts == ConstantTexts(("${hex:41}${a}",), False)


def test_encoded_characters_come_before_variables() -> None:
    texts = texts_of(TextList((Text("${hex:24}{a}", 1, 1),), 1, 1), Names("encoded-character"))
    assert texts.constant == ("${a}",)
    assert texts.is_list
    both = Names("encoded-character", "variables")
    assert texts_of(Text("${hex:24}{a}", 1, 1), both).constant is None


@pytest.mark.parametrize(
    "literal",
    ["$", "${", "${a", "${}", "${$}", "${0.s}", "${a.}", "${.a}", "${a-b}", "${ a}", "{a}"],
)
def test_what_is_no_reference_stays(literal: str) -> None:
    assert texts_of(Text(literal, 1, 1), Names("variables")).constant == (literal,)


def test_values() -> None:
    assert said('set "A" "x"; trace "[${a}|${A}|${b}|${1}|${0}]"; trace "${a}";') == [
        "[x|x|||]",
        "x",
    ]


def test_the_last_match_variable() -> None:
    mail = b"X: 0123456789abcdefghijklmnopqrstuv\r\n\r\n"
    commands = f'if header :matches "x" "{"?" * 32}" {{ trace "${{31}}${{32}}"; }}'
    assert said(commands, message=mail) == ["uv"]


def test_match_variables_are_those_of_the_last_match() -> None:
    assert said(
        'if header :matches "subject" "*o*" { trace "${0},${1},${2},${3},${007}"; }'
        'if header :matches "subject" "x*" {} trace "${1}";'
        'if true { if header :matches "from" "*@*" {} } trace "${1}";'
    ) == ["Frop!,Fr,p!,,", "Fr", "Stephan <stephan"]


def test_values_are_cut() -> None:
    limits = RunLimits(text_characters=10, variable_characters=8)
    script = 'set "a" "äääääääää"; trace "${a}"; trace "${a}-${a}-${a}"; trace "<${a}";'
    cut = said(script, limits=limits)
    assert cut == ["ä" * 8, "ä" * 8 + "-ä", "<" + "ä" * 8]


def test_strings_grow_no_further_than_their_limit() -> None:
    grown = "".join('set "a" "${a}${a}x";' for _ in range(50))
    (value,) = said(grown + 'set "b" "${a}"; set :length "c" "${b}"; trace "${c}";')
    assert int(value) <= RunLimits().variable_characters


def test_the_environment_as_variables() -> None:
    here = at(HERE, default_mailbox="In", environment={"vnd.dovecot.x-y": "1", "name": "p"})
    script = (
        'trace "${env.vnd.dovecot.default_mailbox},${ENV.vnd.dovecot.x_y},${env.name},${env.no}";'
    )
    assert said(script, "variables vnd.dovecot.environment", here=here) == ["In,1,p,"]


def test_keys() -> None:
    names = Names("variables", "include", names=("g",))
    assert variable_key("Ab_1", names) == "ab_1"
    assert variable_key("G", names) == "global.g"
    assert variable_key("Global.X", names) == "global.x"
    for wrong in ("", "1", "a.b", "global.a.b", "a b", "${a}", "é", "global.", "a" * 65, "1a"):
        with pytest.raises(ValueError):
            variable_key(wrong, names)
    with pytest.raises(ValueError, match="include"):
        variable_key("global.x", Names("variables"))


def test_references_in_names_of_mailboxes() -> None:
    outcome = run_script(
        'require ["fileinto", "variables"]; if address :matches "from" "*@*"'
        ' { fileinto "lists/${1}"; }'
    )
    (action,) = outcome.actions
    assert isinstance(action, FileInto)
    assert action.mailbox == "lists/stephan"
