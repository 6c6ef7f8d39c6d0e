"""Everything that a caller's choice can make go wrong, as typed errors and warnings.

A message is one line that names the input and the remedy. The command line prints it and exits with code 2.
"""

_CITED = 80


def escaped(text: str) -> str:
    r"""A text of unknown origin in a form that is safe to print: one line, without characters that a terminal obeys.

    >>> print(escaped("a\x1b[31m cat"))
    a\x1b[31m cat
    """
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


def cited(text: str) -> str:
    """A prompt or a name as a message quotes it: a long one is cut.

    >>> cited("a cat " * 100)
    'a cat a cat a cat a cat a cat a cat a cat a cat a cat a cat a cat a cat a cat ...'
    """
    return text if len(text) <= _CITED else f"{text[:_CITED].rstrip()} ..."


def overflow_remedy(dtype: object) -> str:
    """What helps where numbers overflowed in a dtype: a wider one, where there is one.

    >>> overflow_remedy("float16"), overflow_remedy("torch.float32")
    ("try dtype='float32'", 'give smaller weights or a smaller guidance_scale')
    """
    wide = str(dtype).removeprefix("torch.") in ("float32", "float64")
    return "give smaller weights or a smaller guidance_scale" if wide else "try dtype='float32'"


class WordbrushError(Exception):
    """The base of every error that wordbrush raises on purpose."""

    def __str__(self) -> str:
        """The message on one line; what it quotes from files and prompts is escaped."""
        return escaped(super().__str__())


class PromptError(WordbrushError, ValueError):
    """A prompt, or a word of it, cannot be used as asked."""


class SettingsError(WordbrushError, ValueError):
    """A number or a name is outside of its range."""


class IdleEditError(SettingsError):
    """An edit's windows and weights act at no step, so its picture would be a plain one of the target prompt."""


class ModelError(WordbrushError):
    """A model folder or id cannot be loaded as asked."""


class ControlError(WordbrushError, RuntimeError):
    """An edit did not act on the model, so the picture would silently have been a plain one."""


class OutputError(WordbrushError, RuntimeError):
    """The model's output is not a picture (NaN, all black), or it cannot be written."""


class RecordError(WordbrushError, ValueError):
    """A record, or a picture that should carry one, cannot be read or replayed."""


class DataError(WordbrushError, ValueError):
    """A data set, or one of its cases, cannot be used."""


class MissingPackageError(WordbrushError, ImportError):
    """A part of wordbrush needs an optional package that is not installed."""


class PhotoError(WordbrushError, ValueError):
    """A picture file cannot be read safely."""


class WordbrushWarning(UserWarning):
    """The base of every warning that wordbrush gives. The command line prints it on one line and continues."""

    def __str__(self) -> str:
        """The message on one line; what it quotes from files and prompts is escaped."""
        return escaped(super().__str__())


class SlowDtypeWarning(WordbrushWarning):
    """A model is loaded in a dtype that this CPU has no instructions for."""


class ModelWarning(WordbrushWarning):
    """A model was loaded after something in its folder was repaired in memory."""


class PromptWarning(WordbrushWarning):
    """A prompt has marks that other programs read as instructions, but that are words here."""
