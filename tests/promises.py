"""What is promised about links, other people's files, images and labels: each promise, and the test of it."""

_OWN = {
    "A link under a name that ICS uses in DST: exit 2, the name in the message, and nothing is changed.": (
        "tests/faults/test_links.py::test_a_link_under_a_name_of_ours"
    ),
    "A link in the place of a class folder or an output is a failure of its images (`blocked`), and stays.": (
        "tests/faults/test_links.py::test_a_link_in_the_place_of_images"
    ),
    "A file with another name elsewhere (a hard link) is never changed in place.": (
        "tests/faults/test_links.py::test_a_hard_link"
    ),
    "A folder or file that becomes a link between any two system calls of a run leads it nowhere else.": (
        "tests/faults/test_links.py::test_a_link_that_comes_meanwhile"
    ),
    "The same holds with worker processes.": (
        "tests/faults/test_links.py::test_a_folder_that_becomes_a_link_again_and_again"
    ),
    "A page is written over an older page only, never through a link, and what is no file is not waited for.": (
        "tests/faults/test_links.py::test_a_link_in_the_place_of_a_page"
    ),
    "Every name that ICS keeps below DST is in one place of the code.": (
        "tests/files/test_reserved_names.py::test_only_the_layout_module_holds_names_of_files"
    ),
    "DST itself may be reached by a link; once a run has begun, no other folder takes its place.": (
        "tests/files/test_rooted_path.py::test_a_replaced_root_folder_is_refused"
    ),
}
_OTHERS = {
    "A demo enters no folder that holds anything but its own files, and changes none that was there.": (
        "tests/cli/test_demo_folders.py::test_a_demo_changes_no_existing_file"
    ),
    "`--prune` removes unchanged outputs of ICS whose sources are gone or have another output now, and nothing else.": (
        "tests/journal/test_prune.py::test_after_pruning_the_outputs_are_those_of_a_new_folder"
    ),
    "An output folder below SRC is passed over, and named.": (
        "tests/sources/test_outputs_inside.py::test_every_run_into_the_source_does_the_photos_and_no_output"
    ),
    "`ics verify` names what is missing, changed or foreign, and nothing else.": (
        "tests/verify/test_folder.py::test_exactly_the_damaged_files_are_named_with_their_kind_of_fault"
    ),
    "No text about a URL shows its secret.": "tests/files/test_url.py::test_no_text_of_a_url_holds_its_secret",
}
_FORGED = {
    "State files changed by hand cost no foreign file, and every command ends with a message.": (
        "tests/faults/test_changed_state.py::test_state_files_that_were_changed"
    ),
    "Forged values, with paths outside DST among them, cost no foreign file, and take bounded memory and time.": (
        "tests/faults/test_forged.py::test_values_that_are_forged"
    ),
    "A pipe, a device or anything else in the place of a state file is refused, not read.": (
        "tests/faults/test_forged.py::test_files_that_are_forged"
    ),
    "A state file larger than the memory is passed over or refused.": (
        "tests/faults/test_forged.py::test_files_that_are_huge"
    ),
    "A forged list of pending outputs overwrites no foreign file.": (
        "tests/journal/test_ledger.py::test_a_forged_pending_output_overwrites_no_file"
    ),
}
_KILLED = {
    "After a run was killed, whatever options follow: every output has its line, every line its output, nothing is "
    "left over, and no output is of options that were not asked for.": (
        "tests/faults/test_kill_options.py::test_killed_then_other_options_then_the_first_again"
    ),
    "The same holds with `--shard` and `ics merge`.": (
        "tests/faults/test_kill_options.py::test_shards_killed_then_with_other_options_then_with_the_first_again"
    ),
    "The same holds with `--isolate`.": "tests/faults/test_kill_options.py::test_isolated_runs_killed",
    "Outputs of a killed run belong to ICS, and are stale where no source leads to them any more.": (
        "tests/journal/test_ledger.py::test_outputs_of_a_killed_run_are_replaced_by_runs_with_any_options"
    ),
}
_LABELS = {
    "Names and numbers of classes come back equal from every container.": (
        "tests/sources/test_labels_round_trip.py::test_names_and_numbers_come_back_equal"
    ),
    "Names of files and folders do, too.": (
        "tests/sources/test_labels_round_trip.py::test_names_of_files_and_folders_come_back_equal"
    ),
    "What is not labelled stays so.": (
        "tests/sources/test_labels_round_trip.py::"
        "test_minus_one_is_no_label_and_what_stands_beside_an_image_counts_more_than_its_folder"
    ),
    "A damaged archive: what can be read is done, and the archive is one failure by its name.": (
        "tests/sources/archives/test_tar.py::test_a_run_over_a_damaged_archive_does_the_rest_and_ends_with_one_failure"
    ),
    "A flipped bit in a zip is reported, unless it is harmless.": (
        "tests/sources/archives/test_zip.py::test_a_flipped_bit_is_reported_unless_it_is_harmless"
    ),
    "Every object of a store is an image with a name of its own, whatever its key.": (
        "tests/sources/remote/test_listings.py::test_every_object_is_an_image_with_a_name_of_its_own"
    ),
    "A value in a Parquet file that is larger than `--max-bytes` is never taken into memory.": (
        "tests/sources/parquet_format/test_values.py::test_a_value_that_is_refused_is_never_taken_and_the_next_one_can_be"
    ),
    "The same images in a folder and in an archive give the same files.": (
        "tests/sources/archives/test_tar.py::test_a_folder_and_its_archives_give_the_same_files"
    ),
    "JSON and TOML of any depth and size are refused in words.": (
        "tests/files/test_parsing.py::test_hostile_json_is_a_value_error"
    ),
}
PROMISES = {
    "Links and other people's files": _OWN | _OTHERS,
    "What others may have written into DST": _FORGED,
    "Runs that were killed": _KILLED,
    "Images and labels": _LABELS,
}
"""By heading: what is promised, and the test of it as pytest names it."""
