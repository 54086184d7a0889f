"""What may stand in a bulk job's CSV, byte by byte, and what becomes of it in PostgreSQL."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jobs.wiring import connect_with
from sync.errors import BadReply, SyncError
from sync.mirror import land_file
from sync.mirror.pull import Pull, pull_object
from sync.mirror.text import restored
from sync.records import ReadSpec
from sync.salesforce.runs import Truncated
from tests.salesforce_org import SYSTEM, Answers, a_field, describe_of, error, org, page
from tests.scripted_http import Answer, Asked

HEADER = ("Id", "SystemModstamp", "IsDeleted", "MasterRecordId", "Name", "Seats__c", "Amount", "Since__c", "Tags__c")
SPEC = ReadSpec("Account", HEADER[4:])
ACCOUNT = describe_of(
    "Account", *SYSTEM, a_field("Name"), a_field("Seats__c", "int"), a_field("Amount", "currency"),
    a_field("Since__c", "date"), a_field("Tags__c", "multipicklist"), a_field("IsPersonAccount", "boolean"),
    a_field("Region__pc", "picklist"), a_field("CurrencyIsoCode", "picklist"), a_field("PersonContactId", "reference"),
)  # fmt: skip
JOB = "7505g000000001IAAQ"
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


def row(n: int, name: str = "x", *rest: str, short: bool = False) -> tuple[str, ...]:
    values = (*rest, *("", "", "", "")[len(rest) :])
    identity = f"001000000000{n:03d}"
    return (identity if short else identity + "AAA", "2026-05-01T07:25:37.000Z", "false", "", name, *values)


def csv(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, end: str = "\n") -> bytes:
    lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in cells) for cells in (header, *rows))
    return "".join(line + end for line in lines).encode("utf-8", "surrogateescape")


def bulk(
    files: Sequence[Answer], described: Answer = ACCOUNT, *, count: int | None = None
) -> Callable[[Asked], Answer]:
    """An organisation whose one job has these files, the last one again and again."""
    left = list(files)
    total = sum(int(f.headers["Sforce-NumberOfRecords"]) for f in files) if count is None else count

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/describe"):
            return described
        if asked.path.endswith("/results"):
            return left.pop(0) if len(left) > 1 else left[0]
        if "/jobs/query" in asked.path:
            return Answer({"id": JOB, "state": "JobComplete", "numberRecordsProcessed": total})
        return page([], total=100_000, more="next")

    return answer


def file(rows: Sequence[Sequence[str]], *, body: bytes | None = None, more: str = "null", **changes: Any) -> Answer:
    headers = {"Sforce-NumberOfRecords": str(len(rows)), "Sforce-Locator": more}
    content = csv(rows, **changes) if body is None else body
    return Answer(content, headers=headers, content_type="text/csv;charset=UTF-8")


class Load:
    """Loads the organisation's Account and gives its rows by id; `ask` looks at anything else of the database."""

    def __init__(self, connect: Connect, opened: contextlib.ExitStack) -> None:
        self.connect, self.opened = connect, opened

    def __call__(self, answers: Answers, spec: ReadSpec = SPEC, *, full: bool = False) -> list[tuple[Any, ...]]:
        connector = self.opened.enter_context(org(answers)).connector()
        pull_object(self.connect, connector, Pull("main", "sf", "sf", "run", connector.crm_now), spec, full=full)
        return self.ask(f"select id, {', '.join(f.lower() for f in spec.fields)} from sf.account order by id")

    def forget(self) -> None:
        with self.connect() as conn:
            conn.execute(
                "drop schema if exists sf cascade; delete from sakigake.mirror_object; delete from sakigake.parked"
            )

    def parked(self) -> list[tuple[Any, ...]]:
        return self.ask("select record_id, field, cause, raw from sakigake.parked order by 1, 2")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.connect() as conn:
            return conn.execute(query).fetchall()


@pytest.fixture
def load(engine: Engine) -> Iterator[Load]:
    with contextlib.ExitStack() as opened:
        yield Load(connect_with(engine), opened)


def test_an_empty_cell_is_nothing_and_a_quoted_one_is_itself(load: Load):
    rows = [
        row(1, 'a "b", c', "5", "1.50", "2026-02-03", "A;B"),
        row(2, ""),
        row(3, "\\N"),
        row(4, "\\."),
        row(5, "two\nlines\r\n"),
    ]
    got = load(bulk([file(rows)]))
    assert [str(v) if v is not None else None for v in got[0][1:]] == ['a "b", c', "5", "1.50", "2026-02-03", "A;B"]
    assert got[1][1:] == (None,) * 5
    assert [r[1] for r in got[2:]] == ["\\N", "\\.", "two\nlines\r\n"]


def test_a_byte_order_mark_line_ends_of_windows_and_another_case_of_the_header_do_not_matter(load: Load):
    rows = [row(1, "日本語 😀 \u202eabc"), row(2, "b")]
    header = [h.upper() for h in HEADER]
    got = load(bulk([file(rows, body=b"\xef\xbb\xbf" + csv(rows, header, "\r\n"))]))
    assert [r[1] for r in got] == ["日本語 😀 \u202eabc", "b"]


def test_columns_in_another_order_come_to_their_places(load: Load):
    turned = [tuple(reversed(r)) for r in [row(1, "a", "7"), row(2, "b", "8")]]
    got = load(bulk([file(turned, body=csv(turned, tuple(reversed(HEADER))))]))
    assert [r[1:3] for r in got] == [("a", 7), ("b", 8)]


def test_whole_numbers_with_a_point_fit_whole_number_columns(load: Load):
    got = load(bulk([file([row(1, "a", "12.0", "3.0"), row(2, "b", "0.0"), row(3, "c", "-4")])]))
    assert [r[2] for r in got] == [12, 0, -4]


def test_whole_numbers_with_a_point_take_the_quick_way_too(load: Load, monkeypatch: pytest.MonkeyPatch):
    """First load, what is new beside what is held, and a half number, which alone takes the careful way."""
    monkeypatch.setattr(land_file, "_carefully", lambda *_, **__: pytest.fail("value by value"))
    first = [row(n, 'a "b", c\n', f"{n}.0", "1.5") for n in range(1, 30)]
    assert [r[2] for r in load(bulk([file(first)]))] == list(range(1, 30))
    again = [row(n, "b", f"{n + 1}.00") for n in range(20, 40)]
    both = load(bulk([file(first, more="b"), file(again)]), full=True)
    assert len(both) == 39
    monkeypatch.undo()
    half = load(bulk([file([row(50, "h", "1.0"), row(51, "h", "1.5")])]), full=True)
    assert [r[2] for r in half if r[1] == "h"] == [1, None]
    assert load.ask("select record_id, raw from sakigake.parked") == [(row(51)[0], "1.5")]


WORD = {
    "Since__c": ["now", "Today", "infinity", "epoch", "991231", "01/02/2026", "20260102"],
    "Amount": ["NaN", "-Infinity", " inf ", "0x1F", "1_000"],
    "Seats__c": ["0x1F", "1_000", "1e3"],
}


@pytest.mark.parametrize(("name", "word"), [(n, w) for n, words in WORD.items() for w in words])
def test_a_word_that_postgresql_takes_for_a_date_or_a_number_is_parked_and_its_row_lands(
    load: Load, name: str, word: str
):
    cells = {"Since__c": ("", "", word), "Amount": ("", word, ""), "Seats__c": (word, "", "")}[name]
    got = load(bulk([file([row(n) for n in range(1, 40)] + [row(40, "w", *cells), row(41, "today", "7")])]))
    assert len(got) == 41
    assert got[39] == (row(40)[0], "w", None, None, None, None)
    assert got[40][:3] == (row(41)[0], "today", 7), "in a text it means itself"
    assert load.ask("select record_id, field, raw from sakigake.parked") == [(row(40)[0], name, word)]


CELLS = (
    st.sampled_from(["", "now", "a", "\x00", "0x1F", 'a "b", c', "two\nlines", "\\N"]),
    st.sampled_from(["", "5", "-7", "12.0", "1.5", "0x1F", "1_000", "1e3", ".0", "12.0 ", " 8", "many", "9" * 20, "2."]),
    st.sampled_from(["", "1.50", "-0", "1e3", "0x1F", "1_000", "NaN", "inf", "1,000", " 7 ", "--5", "9" * 60]),
    st.sampled_from(["", "2026-02-03", "2026-02-30", "991231", "20260203", "01/02/2026", "now", "2026-02-03T04:05:06Z"]),
    st.sampled_from(["", "A;B", "991231"]),
)  # fmt: skip


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.tuples(*CELLS), min_size=1, max_size=12), seats=st.sampled_from(["4", "4.0"]))
def test_a_file_and_pages_land_the_same_rows_and_park_the_same_values(
    load: Load, values: list[tuple[str, ...]], seats: str
):
    """Whatever stands in the cells; the first row decides by its whole number which of the file's ways is taken."""
    rows = [row(0, "first", seats), *(row(n, *cells) for n, cells in enumerate(values, 1))]

    def pages(asked: Asked) -> Answer:
        if asked.path.endswith("/describe"):
            return ACCOUNT
        sent = [{name: cell or None for name, cell in zip(HEADER, one, strict=True)} for one in rows]
        return page([{**one, "IsDeleted": False} for one in sent])

    landed = []
    for answers in (bulk([file(rows)]), pages):
        load.forget()
        landed.append((load(answers), load.parked()))
    assert landed[0] == landed[1]
    assert len(landed[0][0]) == len(rows)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("a\x00b", "a\x00b"), (b"a\xffb".decode("utf-8", "surrogateescape"), "a\udcffb")],
    ids=["NUL", "no UTF-8"],
)
def test_what_postgresql_cannot_hold_is_kept_reversibly_and_flagged_and_every_row_lands(
    load: Load, name: str, kept: str
):
    rows = [row(n) for n in range(1, 40)] + [row(40, name)]
    answers = bulk([file(rows)])
    got = load(answers)
    assert len(got) == 40
    assert restored(got[-1][1]) == kept
    parked = load.ask("select record_id, field from sakigake.parked")
    assert parked == [("001000000000040AAA", "Name")]


def test_a_value_that_does_not_fit_is_parked_and_its_row_and_all_others_land(load: Load):
    answers = bulk([file([row(1, "a", "1"), row(2, "b", "many", "lots", "31.12.2026"), row(3, "c", "3")])])
    got = load(answers)
    assert [r[1:4] for r in got] == [("a", 1, None), ("b", None, None), ("c", 3, None)] or [r[2] for r in got] == [
        1,
        None,
        3,
    ]
    parked = load.ask("select field, raw from sakigake.parked order by field")
    assert parked == [("Amount", "lots"), ("Seats__c", "many"), ("Since__c", "31.12.2026")]


def test_short_ids_and_long_ones_name_one_record_and_case_tells_two_apart(load: Load):
    upper, lower = ("001AA0000000001", *row(1)[1:]), ("001aa0000000001", *row(1)[1:])
    got = load(bulk([file([row(7, "first"), row(7, "again", short=True), upper, lower])]))
    assert len(got) == 3
    assert all(len(r[0]) == 18 for r in got)


def test_person_accounts_currencies_and_merges_pass_as_they_are(load: Load):
    fields = ("IsPersonAccount", "Region__pc", "CurrencyIsoCode", "PersonContactId", "Tags__c")
    header = (*HEADER[:4], *fields)
    alive = (
        "001000000000001AAA",
        "2026-05-01T07:25:37.000Z",
        "false",
        "",
        "true",
        "関東",
        "USD",
        "003000000000001AAA",
        "A;B;C",
    )
    lost = ("001000000000002AAA", "2026-05-01T07:25:37.000Z", "true", alive[0], "false", "", "JPY", "", "")
    answers = bulk([file([alive, lost], header=header)])
    got = load(answers, ReadSpec("Account", fields))
    assert got == [(alive[0], True, "関東", "USD", alive[7], "A;B;C"), (lost[0], False, None, "JPY", None, None)]
    marks = load.ask("select _deleted, _merged_into from sf.account order by id")
    assert marks == [(False, None), (True, alive[0])]


def test_a_system_field_that_the_mapping_wants_too_is_in_both_places(load: Load):
    spec = ReadSpec("Account", ("Name", "SystemModstamp"))
    rows = [r[:5] for r in (row(1, "a"), row(2, "b"))]
    load(bulk([file(rows, header=HEADER[:5])]), spec)
    assert load.ask("select _version = systemmodstamp from sf.account") == [(True,), (True,)]


def test_an_object_too_large_for_a_query_in_order_is_read_by_a_job(load: Load):
    jobs = bulk([file([row(1), row(2)])])

    def answer(asked: Asked) -> Answer:
        timed_out = "/query" in asked.path and "/jobs/" not in asked.path
        return error(400, "QUERY_TIMEOUT") if timed_out else jobs(asked)

    assert len(load(answer)) == 2


def test_a_job_that_counted_more_than_its_files_hold_is_never_a_short_success(load: Load):
    with pytest.raises(Truncated, match="counted 5 records and its results held 2"):
        load(bulk([file([row(1), row(2)])], count=5))
    assert len(load(bulk([file([row(n) for n in range(3)])]))) == 3


def test_the_same_page_again_is_a_circle(load: Load):
    with pytest.raises(BadReply, match="circle"):
        load(bulk([file([row(1)], more="again"), file([row(2)], more="again")], count=9))


def test_a_page_that_comes_again_in_place_of_the_next_is_noticed_although_the_count_is_right(load: Load):
    first = [row(1), row(2)]
    with pytest.raises(BadReply, match="circle"):
        load(bulk([file(first, more="b"), file(first)]))


def test_a_page_that_was_cut_once_is_read_again_within_the_run(load: Load):
    whole = [row(n, f"name {n}") for n in range(1, 4)]
    cut = file(whole, body=csv(whole)[:-9])
    assert [r[1] for r in load(bulk([cut, file(whole)], count=3))] == ["name 1", "name 2", "name 3"]


@pytest.mark.parametrize("kept", [0.5, 1.0], ids=["half of it", "all but the last chunk"])
def test_a_file_in_chunks_that_is_not_said_to_be_over_is_read_again_and_never_believed(load: Load, kept: float):
    rows = [row(n, f"name {n}" + "x" * 40) for n in range(1, 60)]
    whole = file(rows)
    lost = replace(whole, chunked=True, cut=int(len(whole.body) * kept))
    assert len(load(bulk([lost, lost, replace(whole, chunked=True)], count=59))) == 59
    with pytest.raises(SyncError):
        load(bulk([lost], count=59), full=True)


@pytest.mark.parametrize(
    "body", [b"", b"Id", b"<html>a proxy's page</html>", b"\x00" * 50], ids=["nothing", "half", "HTML", "NULs"]
)
def test_a_file_without_its_header_is_refused(load: Load, body: bytes):
    with pytest.raises(BadReply, match="other columns"):
        load(bulk([file([row(1)], body=body)]))
