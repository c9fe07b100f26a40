"""Join the lines that a program broke to send them (format=flowed).

https://www.rfc-editor.org/rfc/rfc3676#section-4
"""

SIGNATURE = "-- "
"""The line above a signature, which ends in a space and does not go on."""
UNQUOTED = " >"
"""So begins a line that its author began with >. It keeps its space: it is no quotation."""


def joined(text: str, *, delete_space: bool) -> str:
    """Return a flowed text with each paragraph on one line, and > before quoted ones.

    A line that ends in a space goes on in the next one of the same depth, unless that is empty; with `delete_space`
    (delsp=yes) without that space, so that a long address is whole again.
    """
    lines: list[str] = []
    goes_on_at = -1
    for line in text.replace("\r\n", "\n").split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        words = line if line.startswith(UNQUOTED) else line[depth:].removeprefix(" ")
        flows = words.endswith(" ") and words != SIGNATURE
        shown = words[:-1] if flows and delete_space else words
        if depth == goes_on_at and words not in {"", SIGNATURE}:
            lines[-1] += shown
        else:
            lines.append(f"{'>' * depth} {shown}" if depth else shown)
        goes_on_at = depth if flows else -1
    return "\n".join(lines)
