"""A message as scripts see it, and edit it."""


class Message:
    """One message; `copy` shares what was parsed, so that each recipient's run has its own edits.

    Nothing is parsed before a script asks for it.
    """

    def __init__(self, content: bytes) -> None:
        """`content` is the whole message, its line ends CRLF."""
        self.content = content

    def copy(self) -> "Message":
        """The message without the edits made in this object."""
        return Message(self.content)
