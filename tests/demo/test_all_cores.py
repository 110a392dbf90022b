"""What fills a benchmark's database works on all cores."""

from demo import papers
from demo.all_cores import pool

BEFORE_IT_HANGS = 120  # seconds: a process that waits for threads that were never copied waits for ever


def test_a_process_draws_papers_although_this_one_has_drawn_some():
    here = papers.bank_details("Une structure", "FR14")
    with pool() as processes:
        there = processes.apply_async(papers.bank_details, ("Une structure", "FR14")).get(timeout=BEFORE_IT_HANGS)
    assert here.startswith(b"%PDF") and there.startswith(b"%PDF")
