"""Paper and pens: fonts, colours, and saving a figure as PNG, SVG or PDF by its name's ending."""

import contextlib
import os
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from jobs.errors import ConfigError
from jobs.tables.folding import folded
from models import plain as texts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, FigureBase

ENDINGS = (".png", ".svg", ".pdf")
INK, FAINT, RULE = "#1f2933", "#7b8794", "#d9dee3"
# Told apart by colour-blind readers too: Okabe and Ito (2008), jfly.uni-koeln.de/color
BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#a3aab2"
CYCLE = (BLUE, ORANGE, GREEN, "#cc79a7", RED, "#56b4e9")
OTHER_FORMS = {"\U00020bb7": "吉"}  # as in names of shops
LACKING = "〓"
Drawing = Callable[[], "Figure"]


def checked(path: Path) -> Path:
    """The path, once its ending says how to draw and its folder is there; ConfigError tells what else was met."""
    if path.suffix.lower() not in ENDINGS:
        raise ConfigError(f"--plot is {path.name!r}, expected a file that ends in {', '.join(ENDINGS)}.")
    if not _is_folder(path.absolute().parent):
        raise ConfigError(f"There is no folder {path.absolute().parent} for --plot; make it, or choose another.")
    if _is_folder(path):
        raise ConfigError(f"--plot is {str(path)!r}, which is a folder; name a file in it.")
    return path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, for one
        return False


def save(path: Path, draw: Drawing) -> None:
    """Draws into the file; what stood there before is replaced only by a whole picture. The same numbers give the same bytes."""
    checked(path)
    kind = path.suffix.lower()[1:]
    os.environ.setdefault("MPLCONFIGDIR", str(Path(tempfile.gettempdir()) / f"sakigake-matplotlib-{_user()}"))
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib_fontja import get_font_ttf_path

    font = get_font_ttf_path()
    font_manager.fontManager.addfont(font)
    style: dict[Any, Any] = {
        "font.family": font_manager.FontProperties(fname=font).get_name(),
        "font.size": 10,
        "axes.unicode_minus": False,  # the font has no such sign
        "axes.edgecolor": RULE,
        "axes.labelcolor": FAINT,
        "text.color": INK,
        "xtick.color": FAINT,
        "ytick.color": INK,
        "svg.fonttype": "path",
        "svg.hashsalt": "sakigake",
        "pdf.fonttype": 42,
    }
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    with mpl.rc_context(style):
        figure = draw()
        _as_the_font_can(figure, font)
        half = path.with_name(f".{path.name}.new")
        try:
            figure.savefig(half, format=kind, dpi=150, facecolor="white", metadata=undated)
            half.replace(path)
        except OSError as e:
            why = (e.strerror or type(e).__name__).lower()
            raise ConfigError(
                f"The picture cannot be written to {path} ({why}); choose another place for --plot."
            ) from e
        finally:
            with contextlib.suppress(OSError):
                half.unlink()


def _as_the_font_can(figure: "Figure", font: str) -> None:
    """Names as they are, and not as formulas; a letter that the font lacks is another form of it, or the mark that printers set for one."""
    from matplotlib.ft2font import FT2Font
    from matplotlib.text import Text as Written

    there = FT2Font(font).get_charmap()
    for text in figure.findobj(Written):
        text.set_parse_math(False)
        said = text.get_text()
        shown = "".join(c if ord(c) in there or c == "\n" else _other_form(c, there) for c in texts.plain(said))
        if shown != said:
            text.set_text(shown)


def _other_form(letter: str, there: Mapping[int, int]) -> str:
    plain = OTHER_FORMS.get(letter) or unicodedata.normalize("NFKC", letter)
    return plain if all(ord(c) in there for c in plain) else LACKING


def blank(width: float, height: float) -> "Figure":
    """A figure of so many inches that makes room for what is written on it."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    # inches: a row of panels stands clear of the numbers under the one above
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.08))


def in_lines(text: str, inches: float, points: float) -> str:
    """A text broken into lines of so many inches, in Japanese between phrases, for letters of so many points."""
    cells = int(inches * 72 / points * 2 * 0.95)  # a Japanese letter is as wide as high, and two cells
    return "\n".join(line.plain for line in folded(Text(text), cells))


def titled(figure: "FigureBase", title: str, below: str) -> None:
    """A title, and under it in grey what the picture stands on."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=14)
    figure.supxlabel(below, x=0.01, ha="left", fontsize=8.5, color=FAINT)


def plain(axes: "Axes", *, grid: str = "x") -> None:
    """Without a frame; thin rules across `grid`."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(visible=True, axis="x" if grid == "x" else "y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"
