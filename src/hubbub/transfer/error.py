"""What is wrong with a file that somebody wants to bring in, or cannot be written."""


class TransferError(Exception):
    """A file cannot be read or written; the text is for the person at the terminal and says what to do next."""
