import pytest

from pillarbox.wire.imap.parse.any_state import Noop, parse_noop
from pillarbox.wire.imap.parse.command import Command, CommandError, CommandTable, parse_command
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.receiver import Literal


def test_a_command_has_tag_name_and_value():
    assert parse_command((b"A.1 noop",), COMMANDS) == Command("A.1", "NOOP", Noop())


def test_uid_forms_go_by_the_same_name():
    assert parse_command((b"a uid fetch 1 flags",), COMMANDS).name == "FETCH"


@pytest.mark.parametrize(
    ("text", "tag", "name"),
    [
        (b"", "", ""),
        (b"NOOP", "", ""),
        (b"a+ NOOP", "", ""),
        (b" NOOP", "", ""),
        (b"\xff NOOP", "", ""),
        (b"a ", "a", ""),
        (b"a  NOOP", "a", ""),
        (b"a BLURB", "a", "BLURB"),
        (b"a UID", "a", "UID"),
        (b"a UID NOOP", "a", "NOOP"),
        (b"a NOOP x", "a", "NOOP"),
        (b"a LOGIN me", "a", "LOGIN"),
    ],
)
def test_errors_carry_the_tag_where_there_is_one(text, tag, name):
    with pytest.raises(CommandError) as caught:
        parse_command((text,), COMMANDS)
    assert (caught.value.tag, caught.value.name) == (tag, name)
    assert caught.value.code is None


def test_a_literal_in_a_wrong_place_is_an_error():
    with pytest.raises(CommandError) as caught:
        parse_command((b"a NOOP ", Literal(b"x"), b""), COMMANDS)
    assert caught.value.tag == "a"


def test_a_table_is_made_of_families():
    table = CommandTable((("X", parse_noop),), (("UID X", parse_noop),))
    assert table.verbs == ("X", "UID X")
    assert parse_command((b"a UID X",), table).args == Noop()
    with pytest.raises(CommandError):
        parse_command((b"a NOOP",), table)
    with pytest.raises(ValueError, match="two parsers"):
        CommandTable((("X", parse_noop),), (("X", parse_noop),))
