"""What has gone wrong with retention and erasure elsewhere, by short names, each with the tests that would catch it.

`pytest -m 'guards(failure="a-day-early-in-summer-time")'` runs the tests of one failure, `pytest -m guards` all of
them. `docs/reliability.md` lists the names; `tests/contracts/repository/test_failures.py` keeps list and tests true.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

__all__ = ["FAILURES", "Failure", "mark"]


@dataclass(frozen=True)
class Failure:
    """What goes wrong, in a sentence, and the tests that would see it here: `file::function` under `tests`."""

    what: str
    tests: tuple[str, ...]


RETENTION = "integration/retention"

FAILURES = {
    "a-delete-cancelled-every-night": Failure(
        "A delete that runs into the time limit of a statement is undone, and is tried in the same way the next night.",
        (
            f"{RETENTION}/test_sweep.py::test_a_file_whose_delete_takes_too_long_does_not_stop_the_others_night_after_night",
        ),
    ),
    "copied-and-not-deleted": Failure(
        "What proves a disposal is written and the rows stay, or the rows go and nothing proves it.",
        (
            f"{RETENTION}/test_actions.py::test_a_crash_in_the_middle_leaves_all_or_nothing",
            f"{RETENTION}/test_evidence.py::test_a_crash_at_any_step_is_settled",
            f"{RETENTION}/test_sweep.py::test_a_row_that_ought_to_have_gone_and_is_left_undoes_its_file_alone",
        ),
    ),
    "a-day-early-in-summer-time": Failure(
        "A task that runs before midnight in London judges by another day than it says, around a change of the clocks.",
        (
            f"{RETENTION}/test_sweep.py::test_a_record_goes_when_its_last_day_is_over_in_london",
            f"{RETENTION}/test_stages_and_reviews.py::test_a_day_is_over_at_midnight_in_london_around_both_changes_of_the_clocks",
        ),
    ),
    "deleted-before-it-was-counted": Failure(
        "A delete overtakes the statistics that were to be made of the rows.",
        (
            f"{RETENTION}/test_anonymising.py::test_a_crash_leaves_all_or_nothing_and_paper_is_awaited",
            "unit/retention/test_anonymity.py::test_every_record_is_counted_once_and_every_combination_is_shared",
        ),
    ),
    "an-answer-for-what-has-gone": Failure(
        "A late answer, receipt or line of an import arrives after the row is gone: it fails, or makes the row anew.",
        (
            f"{RETENTION}/test_connectors.py::test_an_answer_that_comes_after_the_row_has_gone_changes_nothing",
            "integration/clients/test_import.py::test_a_disposed_reference_is_not_taken_in_again",
            "integration/clients/test_import.py::test_a_disposed_record_is_not_made_again_under_a_living_file",
        ),
    ),
    "a-backlog-of-many-nights": Failure(
        "More falls due in a night than a night deletes, and whoever comes last never has a turn.",
        (
            "integration/jobs/test_turns.py::test_a_council_with_many_due_records_does_not_keep_one_with_few_waiting",
            f"{RETENTION}/test_sweep.py::test_held_files_at_the_front_do_not_keep_a_sweep_from_what_lies_behind",
        ),
    ),
    "a-deploy-kills-the-run": Failure(
        "A process that is stopped or killed in the middle loses the run, repeats it or leaves half of it.",
        (
            "journeys/retention/test_crashes.py::test_whatever_is_killed_all_that_is_due_goes_once_and_is_proved",
            "journeys/test_processes.py::test_two_server_processes_and_a_worker_import_and_sweep",
        ),
    ),
    "one-period-for-a-shared-store": Failure(
        "Stored files go by a rule of the store, not by the rule of the record that they belong to.",
        (f"{RETENTION}/test_attachments.py::test_what_a_disposed_record_had_goes_with_it_and_nothing_else",),
    ),
    "a-cleaner-that-takes-what-is-needed": Failure(
        "Whatever removes stray files takes those that a table it does not know still refers to.",
        ("integration/files/test_store.py::test_orphans_are_removed_when_old_and_losses_are_told",),
    ),
    "an-object-that-outlives-its-row": Failure(
        "The row goes, removing the file fails, and the failure is logged and forgotten.",
        (
            "integration/files/test_store.py::test_removal_takes_the_key_at_once_and_the_object_soon",
            "integration/files/test_store.py::test_a_removal_that_was_killed_is_finished_by_the_next",
        ),
    ),
    "rows-of-another-council": Failure(
        "A row is stamped with the wrong council, or a statement reaches beyond its own.",
        (
            "isolation/database/test_tables.py::test_councils_are_kept_apart",
            "isolation/clients/test_two_councils.py::test_new_records_cannot_be_written_for_them",
            "isolation/retention/test_two_councils.py::test_a_sweep_leaves_the_others_due_records_alone",
        ),
    ),
    "an-edit-races-a-delete": Failure(
        "Something is added to a file, or a hold placed on it, while it is being deleted.",
        (
            "journeys/retention/test_racing_holds.py::test_a_hold_committed_during_a_sweep_wins",
            f"{RETENTION}/test_review_surfaces.py::test_approvals_race_holds_and_changes_and_only_what_was_approved_as_it_was_goes",
            "integration/clients/test_races.py::test_an_import_waits_for_an_officer_and_sees_what_they_did",
        ),
    ),
    "deadlocks-of-joined-tables": Failure(
        "A lock that takes the rows of joined tables too, or takes rows in another order, ends in deadlocks.",
        (
            "journeys/retention/test_racing_holds.py::test_a_hold_committed_during_a_sweep_wins",
            f"{RETENTION}/test_hold_queries.py::test_a_query_placed_while_three_sweepers_work_wins_from_its_commit_on",
        ),
    ),
    "telling-costs-more-than-deleting": Failure(
        "Whoever is told of each deleted row makes deleting several times slower.",
        (f"{RETENTION}/test_plugins.py::test_observers_are_told_once_of_what_went_here",),
    ),
    "erasure-is-forgotten": Failure(
        "Erasure waits for somebody to think of it, and nobody sees that it was not done.",
        (f"{RETENTION}/test_lateness.py::test_late_is_more_than_36_hours_after_the_last_sweep_or_the_first_policy",),
    ),
    "erasure-comes-too-early": Failure(
        "Data go before their day, or before anybody has looked at what would go.",
        (
            f"{RETENTION}/test_sweep.py::test_nothing_goes_before_the_rule_is_armed",
            f"{RETENTION}/test_arming.py::test_many_newly_due_disarm",
        ),
    ),
    "the-wrong-boxes-are-ticked": Failure(
        "Whoever starts an erasure chooses something else than they looked at.",
        (f"{RETENTION}/test_arming.py::test_what_was_looked_at_is_what_is_armed",),
    ),
    "an-export-before-erasure": Failure(
        "To erase, personal data must first be downloaded, and then lie about on somebody's machine.",
        (f"{RETENTION}/test_destruction_lists.py::test_a_list_says_class_place_and_key_and_nothing_else",),
    ),
    "shredding-overloads-the-database": Failure(
        "Erasing as fast as possible takes the database from people who work at their screens.",
        (f"{RETENTION}/test_pace.py::test_it_rests_in_proportion_to_its_work_while_others_ask",),
    ),
    "data-survive-in-copies": Failure(
        "Values outlive their erasure in nested JSON, logs, invoices, exports, caches.",
        (f"{RETENTION}/test_canaries.py::test_nothing_is_left_of_anybody_after_disposal",),
    ),
    "only-the-last-is-redacted": Failure(
        "Of several people or values only the last one is redacted.",
        (f"{RETENTION}/test_actions.py::test_every_value_of_every_record_that_a_redaction_names_goes",),
    ),
    "shown-and-never-cleared": Failure(
        "A field is shown and exported, and what erases does not know it.",
        (
            f"{RETENTION}/test_sweep.py::test_whatever_column_a_row_has_is_blank_once_it_has_been_emptied",
            "integration/database/test_schema.py::test_every_table_is_in_the_register_of_personal_data_once",
        ),
    ),
    "an-unknown-name-is-skipped": Failure(
        "A name that nothing answers to, of a field or of whatever erases, is passed over in silence.",
        (
            "unit/policy/test_compile.py::test_a_typo_in_a_file_names_file_path_and_what_is_allowed",
            "unit/policy/test_compile.py::test_a_name_that_refers_to_nothing_says_what_there_is",
        ),
    ),
    "only-known-kinds-are-redacted": Failure(
        "A log is redacted by a list of kinds of event, and a new kind keeps its data.",
        (f"{RETENTION}/test_upkeep.py::test_every_event_is_of_a_class_that_has_a_rule",),
    ),
    "a-check-that-cannot-fail": Failure(
        "A test looks for a value that never was there.",
        (
            f"{RETENTION}/test_canaries.py::test_the_search_would_find_a_canary_wherever_it_sings",
            "isolation/database/test_tables.py::test_the_test_would_see_a_missing_scope",
        ),
    ),
    "an-order-that-is-not-as-described": Failure(
        "A list says that it has one order, or none, and has another.",
        (
            f"{RETENTION}/test_lists.py::test_every_page_together_is_the_list",
            f"{RETENTION}/test_sweep.py::test_certificates_are_listed_the_newest_first_and_page_by_page",
        ),
    ),
    "the-older-row-wins": Failure(
        "What is older or was restored takes the place of what is newer.",
        (
            f"{RETENTION}/test_keeping.py::test_a_hold_released_after_the_backup_lets_go",
            "integration/clients/test_import.py::test_what_staff_corrected_is_not_changed_back",
        ),
    ),
    "columns-are-counted-and-not-compared": Failure(
        "A copy of a table has as many columns as the table, and others.",
        ("integration/database/test_migrations.py::test_migrations_and_models_agree_in_the_catalogue",),
    ),
    "a-lock-of-one-machine": Failure(
        "What keeps two runs apart is known to one machine alone.",
        (
            "integration/jobs/test_jobs.py::test_the_schedule_rings_once_a_period_however_many_there_are",
            f"{RETENTION}/test_couriers.py::test_two_couriers_never_ask_one_system_at_the_same_time",
        ),
    ),
}


def mark(items: list[pytest.Item], root: str = "tests/") -> None:
    """Give each collected test a mark for each failure that it would catch."""
    guarded: dict[str, list[str]] = {}
    for name, failure in FAILURES.items():
        for test in failure.tests:
            guarded.setdefault(root + test, []).append(name)
    for item in items:
        for name in guarded.get(item.nodeid.partition("[")[0], ()):
            item.add_marker(pytest.mark.guards(failure=name))
