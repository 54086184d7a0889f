"""Records the cassettes anew."""

from tests.contract.cassettes import SUBJECTS, record

for subject in SUBJECTS:
    record(subject)
    print(f"{subject.cassette.name}: {subject.cassette.stat().st_size:,} bytes")
