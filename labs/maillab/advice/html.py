"""The report as one HTML page: no script, nothing fetched, made to be printed as well as read."""

from __future__ import annotations

from html import escape
from pathlib import Path

from .report import NOTES, Item, Report

STYLE = Path(__file__).with_name("report.css")


def page(report: Report) -> str:
    """The whole page. Everything that somebody typed is escaped."""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts)
    rows = "".join(
        f'<tr><td class="n">{item.number}</td><td>{escape(item.finding)}</td><td class="n">{item.frame}</td>'
        f"<td>{escape(item.measure)}</td></tr>"
        for item in report.items
    )
    standards = "".join(f"<li><b>{escape(name)}</b> {escape(title)}</li>" for name, title in report.standards)
    body = [
        f"<header><h1>{escape(report.title)}</h1>",
        f'<p class="by"><bdi>{escape(report.author)}</bdi> · {escape(report.date)}</p></header>',
        f"<section><h2>Summary</h2>{paragraphs(report.summary)}</section>",
        "<section><h2>Findings and measures</h2><table><thead><tr>"
        '<th scope="col" class="n">No.</th><th scope="col">Finding</th><th scope="col" class="n">Frame</th>'
        f'<th scope="col">Measure</th></tr></thead><tbody>{rows}</tbody></table></section>',
        f"<section><h2>The findings one by one</h2>{''.join(map(finding, report.items))}</section>",
        f"<section><h2>Standards</h2><ul>{standards}</ul></section>",
        f"<section><h2>How this was found</h2><dl>{facts}</dl><p>{escape(NOTES)}</p></section>",
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{STYLE.read_text('utf-8')}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>{"".join(body)}</main></body></html>\n'


def finding(item: Item) -> str:
    """One finding's section."""
    lines = "".join(
        f'<tr{" class=proof" if proof else ""}><td class="n">{frame}</td><td>{escape(who)}</td>'
        f"<td><code>{escape(text)}</code></td></tr>"
        for frame, who, text, proof in item.lines
    )
    argument = f"<dt>Why it matters</dt><dd>{paragraphs(item.argument)}</dd>" if item.argument else ""
    return (
        f"<article><h3>{item.number}. {escape(item.finding)}</h3>"
        f'<table class="lines"><caption>{escape(item.evidence)}</caption>'
        '<thead><tr><th scope="col" class="n">Frame</th><th scope="col">Who</th><th scope="col">Says</th></tr></thead>'
        f"<tbody>{lines}</tbody></table>"
        f"<dl><dt>Risk</dt><dd>{escape(item.risk)}.</dd>{argument}"
        f"<dt>Measure</dt><dd>{escape(item.measure)}.</dd>"
        f"<dt>Standard</dt><dd>{escape(item.standard)}</dd></dl></article>"
    )


def paragraphs(text: str) -> str:
    """Text in paragraphs, as somebody typed it.

    >>> paragraphs("a\\n\\nb <c>")
    '<p dir="auto">a</p><p dir="auto">b &lt;c&gt;</p>'
    """
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    return "".join(f'<p dir="auto">{escape(part)}</p>' for part in parts)
