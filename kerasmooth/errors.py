"""The one kind of error that is the user's to mend."""


class InputError(ValueError):
    """Bad input: the message is one line that names the file, the field, what was received, and the remedy.

    Entry points print it without a traceback and exit with status 2 (see `kerasmooth.command_line`).
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
