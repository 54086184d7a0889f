"""What leads, as JSON: what is kept, and what `sakigake leading --json` prints."""

from dataclasses import asdict, fields
from typing import Any

from indicators.assumptions import Floors
from indicators.inputs import day_date
from indicators.leading.backtest import Skill
from indicators.leading.describe import Description
from indicators.leading.panel_scores import PanelTest
from indicators.leading.questions import Answers
from indicators.leading.verdicts import Finding, sentence
from jobs.steps.leading_facts import SEED
from jobs.steps.rounding import rounded
from models.labels import named


def document(answers: Answers, type_name: str | None = None) -> dict[str, Any]:
    """The answers as JSON: what `sakigake leading --json` prints beside the axes they stand on."""
    return {
        "weeks": {
            "from": _iso(answers.weeks.first),
            "until": _iso(answers.weeks.last_day),
            "count": answers.weeks.count,
        },
        "deals": answers.deals,
        "assumptions": asdict(answers.floors),
        "seed": SEED,
        "indicators": [
            finding_document(f, answers.floors) for f in answers.findings if type_name is None or f.type == type_name
        ],
    }


def finding_document(f: Finding, floors: Floors) -> dict[str, Any]:
    """One finding: verdict and sentence first, then everything they stand on."""
    forward = _test(f.forward)
    return {
        "indicator": f.indicator,
        "label": {"ja": named(f.indicator, "ja"), "en": named(f.indicator, "en")},
        "kind": f.kind,
        "type": f.type,
        "verdict": f.verdict,
        "sentence": {"ja": sentence(f, "ja", floors), "en": sentence(f, "en", floors)},
        "lead_weeks": f.lead_weeks,
        "more_weeks": f.more_weeks,
        "short_of": list(f.short_of),
        "p": forward["p"],
        "p_holm": rounded(f.holm),
        "p_explore": rounded(f.explore),
        "effect": forward["effect"],
        "mde": forward["mde"],
        "forward": forward,
        "reverse": {**_test(f.reverse), "p_holm": rounded(f.reverse_holm)},
        "skill": _plain(f.skill),
        "skills": [_plain(s) for s in f.skills],
        "description": _plain(f.description),
    }


def _test(test: PanelTest) -> dict[str, Any]:
    found = {k: v for k, v in _plain(test).items() if k not in ("z", "pace")}
    return {"z": [rounded(v) for v in test.z], **found}


def _plain(of: Skill | PanelTest | Description) -> dict[str, Any]:
    return {one.name: rounded(getattr(of, one.name)) for one in fields(of)}


def _iso(day: int) -> str | None:
    found = day_date(day)
    return found.isoformat() if found else None
