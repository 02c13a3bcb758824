"""The report as a PDF, with fpdf2 and the DejaVu fonts that come with matplotlib: Latin, Greek, Cyrillic and more."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .report import NOTES, Item, Report

if TYPE_CHECKING:
    from fpdf import FPDF

BLUE, GREY, TINT = (0, 114, 178), (89, 89, 89), (251, 227, 207)
BOX = "□"


@cache
def fonts() -> Path:
    """Where matplotlib keeps its fonts."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


@cache
def known() -> frozenset[int]:
    """The characters that every font used here has."""
    from fontTools.ttLib import TTFont

    cmaps = (TTFont(fonts() / f"{name}.ttf").getBestCmap() for name in ("DejaVuSans", "DejaVuSans-Bold"))
    return frozenset.intersection(*(frozenset(cmap) for cmap in cmaps))


class Writer:
    """Writes one document; `.lacking` are the characters that the font doesn't have."""

    def __init__(self, report: Report) -> None:
        from fpdf import FPDF

        class Paper(FPDF):
            def footer(self) -> None:
                self.set_y(-15)
                self.set_font("sans", size=8)
                self.set_text_color(*GREY)
                self.cell(0, 8, f"{self.page_no()} / {{nb}}", align="R")

        self.lacking: set[str] = set()
        self.pdf: FPDF = Paper()
        for style, name in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold")):
            self.pdf.add_font("sans", style, fonts() / f"{name}.ttf")
        self.pdf.add_font("mono", "", fonts() / "DejaVuSansMono.ttf")
        self.pdf.set_margins(20, 20)
        self.pdf.set_auto_page_break(True, 22)
        self.pdf.set_lang("en")
        self.pdf.set_title(report.title)
        self.pdf.set_author(report.author)
        self.pdf.add_page()

    def fit(self, text: str) -> str:
        """Text that the font can write: a box stands for what it can't."""
        lacking = {char for char in text if ord(char) not in known() and char != "\n"}
        self.lacking |= {char for char in lacking if char.isprintable()}
        return "".join(BOX if char in lacking else char for char in text)

    def text(
        self, text: str, size: float = 10, bold: bool = False, colour: tuple[int, int, int] = (28, 28, 28)
    ) -> None:
        """A paragraph."""
        self.pdf.set_font("sans", "B" if bold else "", size)
        self.pdf.set_text_color(*colour)
        self.pdf.multi_cell(0, size * 0.5, self.fit(text), align="L", new_x="LMARGIN", new_y="NEXT")

    def heading(self, text: str, then: float = 15) -> None:
        """A heading, also in the document's outline; on the same page as what comes then, so many mm of it."""
        self.pdf.ln(5)
        if self.pdf.will_page_break(min(15 + then, self.pdf.eph / 2)):
            self.pdf.add_page()
        self.pdf.start_section(text)
        self.text(text, 13, bold=True)
        self.pdf.ln(1.5)

    def table(
        self, rows: list[list[str]], widths: tuple[int, ...], mono: int = -1, lit: frozenset[int] = frozenset()
    ) -> None:
        """Rows, the first one of headings. mono: a column in the fixed-width font. lit: rows to stand out."""
        from fpdf.fonts import FontFace

        self.pdf.set_font("sans", size=8.5)
        self.pdf.set_text_color(28, 28, 28)
        self.pdf.set_draw_color(160, 160, 160)
        head = FontFace(emphasis="BOLD")
        look: dict[str, Any] = {"line_height": 4.6, "text_align": "LEFT", "v_align": "TOP", "padding": (0.8, 1.5)}
        with self.pdf.table(col_widths=widths, borders_layout="HORIZONTAL_LINES", headings_style=head, **look) as table:
            for number, row in enumerate(rows):
                line = table.row()
                fill = TINT if number in lit else None
                for column, word in enumerate(row):
                    face = FontFace(
                        family="mono" if column == mono and number else None, size_pt=7.5 if column == mono else None,
                        fill_color=fill,
                    )  # fmt: skip
                    line.cell(self.fit(word), style=face)

    def height(self, item: Item) -> float:
        """How much of a page, in mm, a finding takes; more than there is if it doesn't fit on one."""
        self.pdf.add_page()
        page, top = self.pdf.page, self.pdf.get_y()
        self.finding(item)
        return self.pdf.get_y() - top if self.pdf.page == page else self.pdf.h

    def finding(self, item: Item) -> None:
        """One finding: what, evidence, and what follows from it."""
        self.pdf.ln(2)
        self.text(f"{item.number}. {item.finding}", 11, bold=True)
        self.text(item.evidence, 8.5, colour=GREY)
        rows = [["Frame", "Who", "Says"], *([str(frame), who, text] for frame, who, text, _ in item.lines)]
        proof = frozenset(at for at, line in enumerate(item.lines, 1) if line[3])
        self.table(rows, (16, 18, 136), mono=2, lit=proof)
        self.pdf.ln(1.5)
        said = [("Risk", f"{item.risk}."), ("Why it matters", item.argument), ("Measure", f"{item.measure}.")]
        for name, text in [*said, ("Standard", item.standard)]:
            if text:
                self.pair(name, text)
        self.pdf.ln(4)

    def pair(self, name: str, text: str) -> None:
        """A label, and what is said under it."""
        self.pdf.set_font("sans", "B", 9.5)
        self.pdf.set_text_color(28, 28, 28)
        if self.pdf.will_page_break(10):
            self.pdf.add_page()
        top = self.pdf.get_y()
        self.pdf.cell(34, 5, name)
        self.pdf.set_font("sans", "", 9.5)
        self.pdf.set_xy(54, top)
        self.pdf.multi_cell(0, 5, self.fit(text), align="L", new_x="LMARGIN", new_y="NEXT")


def document(report: Report) -> tuple[bytes, set[str]]:
    """The PDF, and the characters that couldn't be written."""
    writer = Writer(report)
    writer.text(report.title, 18, bold=True)
    writer.text(f"{report.author} · {report.date}", 10, colour=GREY)
    y = writer.pdf.get_y() + 2
    writer.pdf.set_draw_color(*BLUE)
    writer.pdf.set_line_width(0.8)
    writer.pdf.line(20, y, 190, y)
    writer.pdf.set_line_width(0.2)
    writer.pdf.set_y(y + 2)
    writer.heading("Summary")
    writer.text(report.summary)
    writer.heading("Findings and measures")
    rows = [[str(item.number), item.finding, str(item.frame), item.measure] for item in report.items]
    writer.table([["No.", "Finding", "Frame", "Measure"], *rows], (10, 70, 16, 74))
    # Another writer writes each finding once, to see how long it is: fpdf2's own way to try copies all fonts each time.
    ruler = Writer(report)
    heights = [ruler.height(item) for item in report.items]
    writer.heading("The findings one by one", heights[0])
    for item, height in zip(report.items, heights, strict=True):
        if height < writer.pdf.eph and writer.pdf.will_page_break(height):
            writer.pdf.add_page()
        writer.finding(item)
    writer.heading("Standards")
    for name, title in report.standards:
        writer.pair(name, title)
    writer.heading("How this was found")
    for name, value in report.facts:
        writer.pair(name, value)
    writer.pdf.ln(2)
    writer.text(NOTES, 9.5)
    return bytes(writer.pdf.output()), writer.lacking
