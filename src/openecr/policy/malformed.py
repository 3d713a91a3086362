"""What is said of a text that is no policy."""


class MalformedPolicy(ValueError):
    """The text is no policy of its kind.

    reason    one short English sentence, for people; services answer with sentences of their own
    position  the offset of the character, or of the statement, where that shows; None for the whole
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position
