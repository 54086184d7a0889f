"""Names of activities, milestones and verdicts as people read them, in both languages."""

from models.catalogue import BY_NAME
from models.vocabulary import ActivityKind

ACTIVITIES: dict[str, tuple[str, str]] = {  # English, Japanese
    ActivityKind.REGULAR_MEETING: ("regular meetings", "定例"),
    ActivityKind.CO_VISIT: ("co-visits", "営業同行"),
    ActivityKind.STUDY_SESSION: ("study sessions", "勉強会"),
    ActivityKind.DINNER: ("dinners", "会食"),
    ActivityKind.WEBINAR: ("webinars", "ウェビナー"),
    ActivityKind.TOUCH: ("light touches", "定期接触"),
    ActivityKind.APPROACH: ("approaches", "アプローチ"),
}
MILESTONES: dict[str, tuple[str, str]] = {value: (en, ja) for value, en, ja in BY_NAME["milestone"].choices}
BRIEF: dict[str, tuple[str, str]] = {  # where a narrow page has no room for the labels
    "listed": ("Listed", "掲載"),
    "requested": ("Requested", "依頼"),
    "agreed": ("Agreed", "合意"),
    "executed": ("Executed", "実施"),
    "deal": ("Deal", "商談"),
}
VERDICTS: dict[str, tuple[str, str]] = {
    "leading": ("leading", "先行する"),
    "leading, useful": ("leading, useful", "先行し、予測に役立つ"),
    "mechanical": ("mechanical", "構造上の先行"),
    "two-way": ("two-way", "双方向"),
    "lagging": ("lagging", "後追い"),
    "no lead found": ("no lead found", "先行は認められない"),
    "not enough data": ("not enough data", "データ不足"),
}


def named(name: str, language: str) -> str:
    """The label of an activity, a milestone or a step between two; the name itself where there is none."""
    if ">" in name:
        return " → ".join(named(part, language) for part in name.split(">"))
    found = ACTIVITIES.get(name) or MILESTONES.get(name)
    return found[language == "ja"] if found else name


def briefly(name: str, language: str) -> str:
    """The same in one word, for milestones and the steps between them."""
    if ">" in name:
        return " → ".join(briefly(part, language) for part in name.split(">"))
    return BRIEF[name][language == "ja"] if name in BRIEF else named(name, language)
