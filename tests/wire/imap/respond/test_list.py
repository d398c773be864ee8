from pillarbox.wire.imap.respond.list import list_response, lsub_response, namespace


def test_list_lines():
    line = list_response((r"\HasNoChildren", r"\Sent"), "/", "Gesendet/ü", utf8=False)
    assert line == b'* LIST (\\HasNoChildren \\Sent) "/" "Gesendet/&APw-"\r\n'
    assert list_response((), None, "INBOX", utf8=True) == b'* LIST () NIL "INBOX"\r\n'
    assert list_response((), "\\", "a", utf8=True) == b'* LIST () "\\\\" "a"\r\n'


def test_extended_list_lines():
    line = list_response(
        (), "/", "ü", utf8=True, child_info=("SUBSCRIBED", "SPECIAL-USE"), old_name="b"
    )
    assert line == (
        '* LIST () "/" "ü" ("CHILDINFO" ("SUBSCRIBED" "SPECIAL-USE") "OLDNAME" ("b"))\r\n'.encode()
    )


def test_lsub_lines():
    assert lsub_response((r"\Noselect",), "/", "a", utf8=False) == (
        b'* LSUB (\\Noselect) "/" "a"\r\n'
    )


def test_namespaces():
    line = namespace([("", "/")], [("#user/", "/")], [], utf8=False)
    assert line == b'* NAMESPACE (("" "/")) (("#user/" "/")) NIL\r\n'
    two = namespace([("", "/"), ("#a/", "/")], [], [], utf8=False)
    assert two == b'* NAMESPACE (("" "/")("#a/" "/")) NIL NIL\r\n'
