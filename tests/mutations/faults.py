"""Faults that somebody might make, each with the tests that should notice it: see run.py.

A fault is one text of a file that stands there once, and what it becomes. Most raise no error: numbers,
labels or rows come out otherwise, which only a test that knows the right ones can tell.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`old` becomes `new` in `file`; `tests` are what pytest is given, a space between two."""

    name: str
    file: str
    old: str
    new: str
    tests: str


TRAINING = [
    Fault(
        "the gradient is clipped at ten times the norm",
        "rmkit/training/loop.py",
        "sharding.clip(accelerator, trained, settings.clip)",
        "sharding.clip(accelerator, trained, 10 * settings.clip)",
        "tests/training/test_training.py::test_twenty_steps_equal_a_plain_padded_loop_over_transformers",
    ),
    Fault(
        "weight decay is ignored",
        "rmkit/training/schedule.py",
        '"weight_decay": settings.weight_decay, "fused"',
        '"weight_decay": 0.0, "fused"',
        "tests/training/test_held_out.py::test_weight_decay_shrinks_matrices_alone",
    ),
    Fault(
        "norms and biases are decayed",
        "rmkit/training/schedule.py",
        'if p.dim() < 2], "weight_decay": 0.0}',
        "if p.dim() < 2]}",
        "tests/training/test_held_out.py::test_weight_decay_shrinks_matrices_alone",
    ),
    Fault(
        "no row reaches a tracker",
        "rmkit/training/loop.py",
        "                accelerator.log(row, step=done)\n",
        "",
        "tests/training/test_launch.py::test_a_tracker_gets_settings_and_rows_and_is_finished_by_whom_began_it",
    ),
    Fault(
        "the callback is never called",
        "rmkit/training/loop.py",
        "answer = callback(dict(row)) if accelerator.is_main_process else None",
        "answer = None",
        "tests/training/test_training.py::test_a_model_learns_and_the_history_says_how",
    ),
    Fault(
        "bf16 is computed in float32",
        "rmkit/training/loop.py",
        'torch.bfloat16, settings.precision == "bf16")',
        "torch.bfloat16, False)",
        "tests/training/test_launch.py::test_precision_is_what_the_settings_say_whatever_ran_before",
    ),
    Fault(
        "a run inherits the precision of another accelerator",
        "rmkit/training/launch.py",
        "        accelerator.native_amp, accelerator.scaler = False, None\n",
        "",
        "tests/training/test_launch.py::test_precision_is_what_the_settings_say_whatever_ran_before",
    ),
    Fault(
        "the best weights are not put back",
        "rmkit/training/loop.py",
        "        keep.load_best()\n",
        "        pass\n",
        "tests/training/test_held_out.py::test_the_best_weights_are_kept",
    ),
    Fault(
        "stop_after is ignored",
        "rmkit/training/loop.py",
        "                state.stopped |= stalled(state.history, settings.stop_after)\n",
        "",
        "tests/training/test_held_out.py::test_stop_after_ends_a_run_that_gets_worse",
    ),
    Fault(
        "stop_after waits one look more",
        "rmkit/training/held_out.py",
        "len(later) >= patience",
        "len(later) > patience",
        "tests/training/test_held_out.py::test_a_run_stops_after_looks_without_gain",
    ),
    Fault(
        "the schedule moves the first parameter group alone",
        "rmkit/training/schedule.py",
        '    for group in optimizer.param_groups:\n        group["lr"] = group["peak_lr"] * share',
        '    for group in optimizer.param_groups[:1]:\n        group["lr"] = group["peak_lr"] * share',
        "tests/training/test_training.py::test_twenty_steps_equal_a_plain_padded_loop_over_transformers "
        "tests/training/test_held_out.py::test_an_optimizer_and_a_schedule_of_ones_own",
    ),
    Fault(
        "the warm-up begins at a rate of 0",
        "rmkit/training/schedule.py",
        "return (step + 1) / (rising + 1)",
        "return step / (rising + 1)",
        "tests/training/test_training.py::test_the_rate_rises_and_falls",
    ),
    Fault(
        "every step but the last is full, and the last a remnant",
        "rmkit/training/batching.py",
        "places = [(2 * end - share[i]) * number // (2 * total) for i, end in zip(order, ends, strict=True)]",
        "places = [(end - share[i]) // (groups or budget) for i, end in zip(order, ends, strict=True)]",
        "tests/training/test_training.py::test_a_plan_uses_every_group_once_an_epoch_and_no_step_is_a_remnant",
    ),
    Fault(
        "a batch weighs the same whatever its groups",
        "rmkit/training/loop.py",
        "part = (weights * (values + pull)).sum() / total",
        "part = (weights * (values + pull)).sum() / weights.sum() / len(parts)",
        "tests/training/test_training.py::test_the_size_of_a_batch_changes_nothing",
    ),
    Fault(
        "what the loss learns is not saved",
        "rmkit/training/checkpoint.py",
        'return tensors | {f"loss.{name}": tensor for name, tensor in tensors_of(self.loss).items()}',
        "return tensors",
        "tests/training/test_own_losses.py::test_davidsons_nu_is_learned_shown_saved_and_resumed",
    ),
    Fault(
        "what the loss learns is not written beside the model",
        "rmkit/training/run.py",
        "        if learned:\n",
        "        if False:\n",
        "tests/training/test_own_losses.py::test_davidsons_nu_is_learned_shown_saved_and_resumed",
    ),
    Fault(
        "a step counts as done before its update",
        "rmkit/training/loop.py",
        "                optimizer.step()\n"
        '                row["tokens/s"] = row["tokens"] / (time.perf_counter() - started)\n'
        "                state.history.append(row)\n",
        '                row["tokens/s"] = row["tokens"] / (time.perf_counter() - started)\n'
        "                state.history.append(row)\n"
        "                optimizer.step()\n",
        "tests/training/test_resume.py::test_an_update_that_fails_is_not_counted",
    ),
    Fault(
        "Ctrl-C tears an update from its row",
        "rmkit/training/loop.py",
        "            with ctrl_c_waits():\n",
        "            with contextlib.nullcontext():\n",
        "tests/training/test_resume.py::test_an_error_anywhere_leaves_a_checkpoint",
    ),
    Fault(
        "a resumed optimizer forgets its moments",
        "rmkit/training/checkpoint.py",
        '{"state": moments, "param_groups": groups}',
        '{"state": {}, "param_groups": groups}',
        "tests/training/test_resume.py::test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit",
    ),
    Fault(
        "a run on other data is resumed",
        "rmkit/training/loop.py",
        '        "data": examples.fingerprint(),\n',
        "",
        "tests/training/test_resume.py::test_other_data_are_not_resumed",
    ),
    Fault(
        "data to evaluate on may have no label until the run is over",
        "rmkit/training/held_out.py",
        "        check_labeled(preferences)\n",
        "",
        "tests/training/test_held_out.py::test_what_would_fail_at_the_end_is_refused_before_the_first_step",
    ),
    Fault(
        "prompts that were trained on are evaluated without a word",
        "rmkit/training/held_out.py",
        "        _say_what_is_shared(trained_on, preferences)\n",
        "",
        "tests/training/test_training.py::test_more_than_one_epoch_and_trained_prompts_are_pointed_out",
    ),
    Fault(
        "soft labels are taken as certain",
        "rmkit/theory/losses.py",
        "q = share.float().nan_to_num(nan=1.0)",
        "q = torch.ones_like(share.float())",
        "tests/theory/test_losses.py::test_shares_mix_both_orders_and_their_gradient_is_the_share",
    ),
    Fault(
        "a focal loss looks away half as much",
        "rmkit/theory/losses.py",
        "gamma: float = 2.0",
        "gamma: float = 1.0",
        "tests/theory/test_losses.py::test_pairwise_losses_equal_their_oracle_and_its_gradient",
    ),
    Fault(
        "a tie counts as two in davidson",
        "rmkit/theory/losses.py",
        "    return _mean(torch.where(won, loss_won, loss_tied), won | tied)\n",
        "    return _mean(torch.where(won, loss_won, loss_tied), won | tied | tied.transpose(1, 2))\n",
        "tests/theory/test_losses.py::test_davidson_counts_each_tie_once_learns_nu_and_refuses_an_impossible_one",
    ),
]

DATA = [
    Fault(
        "a damaged entry of the cache is read",
        "rmkit/data/stored.py",
        'return left == 0 and file.read() == found.to_bytes(_SEAL, "big")',
        "return True",
        "tests/data/test_kept.py tests/models/test_token_groups.py",
    ),
    Fault(
        "an argument of load does not tell entries of the cache apart",
        "rmkit/data/kept.py",
        "json.dumps([_code(), arguments, str(source)])",
        "json.dumps([_code(), str(source)])",
        "tests/data/test_kept.py::test_another_file_argument_or_reader_is_another_entry",
    ),
    Fault(
        "rows of several splits are read in blocks as one",
        "rmkit/data/in_blocks.py",
        "if len(labels) > 1 and splits.are_splits(labels):",
        "if False:",
        "tests/data/test_kept.py::test_rows_that_need_each_other_are_read_together",
    ),
    Fault(
        "of a file read in blocks only the last block is looked through for faults",
        "rmkit/data/convert.py",
        "self._read += len(read)",
        "self._read = len(read)",
        "tests/data/test_kept.py::test_rows_read_in_blocks_are_those_read_together",
    ),
    Fault(
        "texts that end elsewhere have one digest",
        "rmkit/data/stored_records.py",
        "return np.diff(ends), memoryview",
        "return np.zeros(0, np.int64), memoryview",
        "tests/data/test_kept.py::test_a_digest_of_texts_tells_where_each_ends",
    ),
    Fault(
        "a pair without a verdict is won by the first",
        "rmkit/data/formats/side_by_side.py",
        '    else:\n        made = {"responses": answers}\n',
        "    else:\n        made = preferred(answers, 1)\n",
        "tests/data/test_kinds.py::test_no_winner_is_no_label_and_no_tie",
    ),
    Fault(
        "a tie is won by the first",
        "rmkit/data/formats/side_by_side.py",
        "ranks = [1, 1] if preference == 0 else [1, 2] if preference > 0 else [2, 1]",
        "ranks = [1, 2] if preference >= 0 else [2, 1]",
        "tests/data/test_kinds.py::test_every_word_for_a_winner",
    ),
    Fault(
        "a judgment under an unknown name is passed over",
        "rmkit/data/convert.py",
        "        _refuse_unread_label(columns, form)\n",
        "",
        "tests/data/test_kinds.py::test_a_judgment_that_is_not_understood_is_refused_by_name",
    ),
    Fault(
        "the split that is asked for is ignored",
        "rmkit/data/splits.py",
        "    chosen = asked or (names[0] if len(names) == 1 else default)\n",
        "    chosen = names[0] if len(names) == 1 else default\n",
        "tests/data/test_reading.py::test_splits_are_never_mixed",
    ),
    Fault(
        "rows of all splits are read",
        "rmkit/data/reading.py",
        "[[row for row in table if _is_of(row, chosen)] for table in source.tables]",
        "source.tables",
        "tests/data/test_reading.py::test_splits_are_never_mixed",
    ),
    Fault(
        "a prompt beside a conversation is dropped",
        "rmkit/data/convert.py",
        'return exchange(question, made["responses"], columns)',
        'return exchange(None, made["responses"], columns)',
        "tests/data/test_kinds.py::test_text_is_neither_doubled_nor_lost",
    ),
    Fault(
        "columns that nobody read are lost",
        "rmkit/data/convert.py",
        'extra = {**(made.get("extra") or {}), **columns.unread}',
        'extra = made.get("extra")',
        "tests/data/test_kinds.py::test_unused_columns_are_carried_along",
    ),
    Fault(
        "a stream counts only what it read last",
        "rmkit/data/streams.py",
        "self.ledger = self.ledger.merge(counted(records, events))",
        "self.ledger = counted(records, events)",
        "tests/data/test_streams.py::test_a_stream_gives_the_records_and_the_ledger_of_the_whole_set",
    ),
    Fault(
        "the same answer to two prompts is one item",
        "rmkit/evaluation/comparisons.py",
        "pd.factorize(place * _ODD ^ said.responses)[0]",
        "pd.factorize(said.responses)[0]",
        "tests/evaluation/test_evaluation.py::test_the_interval_of_a_random_scorer_holds_over_pairs_that_share_answers",
    ),
    Fault(
        "a repeat names the wrong twin",
        "rmkit/data/cleaning.py",
        "repeats {records[twin].where}",
        "repeats {records[number - 1].where}",
        "tests/data/test_votes.py::test_a_repeat_is_equal_in_every_field_but_for_white_space_and_names_its_twin",
    ),
    Fault(
        "white space hides a repeat",
        "rmkit/data/cleaning.py",
        "texts = [text.strip() for text in record.responses]",
        "texts = list(record.responses)",
        "tests/data/test_votes.py::test_a_repeat_is_equal_in_every_field_but_for_white_space_and_names_its_twin",
    ),
    Fault(
        "votes that agree are dropped as repeats",
        "rmkit/data/cleaning.py",
        "is_vote = asked_again and content[1] is not None",
        "is_vote = False",
        "tests/data/test_votes.py::test_where_a_set_asks_again_equal_rows_are_votes",
    ),
    Fault(
        "a share speaks of the losing order",
        "rmkit/data/votes.py",
        "share=max(share, 1 - share) if soft else None",
        "share=share if soft else None",
        "tests/data/test_votes.py",
    ),
    Fault(
        "a vote in the other order counts for the first",
        "rmkit/data/votes.py",
        "return share if vote.ranks[0] < vote.ranks[1] else 1 - share",
        "return share",
        "tests/data/test_votes.py",
    ),
    Fault(
        "one prompt written with other white space is on both sides of a split",
        "rmkit/data/records.py",
        'words = " ".join(prompt.split())',
        "words = prompt",
        "tests/data/test_preferences.py::test_one_prompt_however_it_is_written "
        "tests/data/test_preferences.py::test_no_prompt_straddles_a_split",
    ),
    Fault(
        "a choice of responses leaves their ratings behind",
        "rmkit/data/records.py",
        "aspect: [values[i] for i in indices] for aspect, values in self.ratings.items()",
        "aspect: values for aspect, values in self.ratings.items()",
        "tests/data/test_preferences.py::test_pairs_of_a_ranking_keep_what_belongs_to_them",
    ),
    Fault(
        "tied pairs vanish without a count",
        "rmkit/data/groups.py",
        'for reason, n in (("tied", len(record.ties())), ("no pair", alone)):',
        'for reason, n in (("no pair", alone),):',
        "tests/data/test_preferences.py::test_pairs_are_all_ordered_pairs",
    ),
]

MODELS = [
    Fault(
        "a response ends with EOS and not as the template ends a turn",
        "rmkit/models/chat.py",
        "finished = [template.write(answered(messages, answer)) for answer in answers]",
        "finished = [opened + answer + (tokenizer.eos_token or '') for answer in answers]",
        "tests/models/test_chat.py::test_tokens_are_those_of_the_whole_conversation",
    ),
    Fault(
        "a response that is cut ends with EOS and not with the end of a turn",
        "rmkit/models/packing.py",
        "closing = cache(lambda: closing_tokens(tokenizer))",
        "closing = cache(lambda: [tokenizer.eos_token_id])",
        "tests/models/test_chat.py::test_a_response_that_is_cut_keeps_what_ends_a_turn",
    ),
    Fault(
        "a system message that has no place is dropped",
        "rmkit/models/chat.py",
        'text = "\\n\\n".join([*system, others[first]["content"]])',
        'text = others[first]["content"]',
        "tests/models/test_chat.py::test_a_system_message_is_written_or_joins_the_first_user_message",
    ),
    Fault(
        "the prompt ends one token early",
        "rmkit/models/templates.py",
        "return Turns(opened[:shared], [whole[shared:] for whole in finished], notes=notes)",
        "return Turns(opened[: shared - 1], [whole[shared - 1 :] for whole in finished], notes=notes)",
        "tests/models/test_chat.py::test_the_prompt_is_shared_up_to_where_a_response_begins",
    ),
    Fault(
        "a prompt takes half of the room from its responses",
        "rmkit/models/packing.py",
        "max_length // 4",
        "max_length // 2",
        "tests/models/test_packing.py::test_a_cut_never_reaches_into_a_response_and_keeps_eos "
        "tests/models/test_packing.py::test_a_long_prompt_leaves_the_responses_whole_and_as_different_as_they_were",
    ),
    Fault(
        "one response sees the others",
        "rmkit/models/packing.py",
        "return (same_group & prompt_or_own & (order[:, None] >= order))[:, None]",
        "return (same_group & (order[:, None] >= order))[:, None]",
        "tests/models/test_packing.py",
    ),
    Fault(
        "positions run on from response to response",
        "rmkit/models/packing.py",
        "builder.put(row, column, group.responses[k], len(group.prompt), n, k + 1)",
        "builder.put(row, column, group.responses[k], column, n, k + 1)",
        "tests/models/test_rewards.py::test_packed_is_padded_is_one_by_one",
    ),
    Fault(
        "a padded reward is read one token early",
        "rmkit/models/packing.py",
        "            builder.end(g, k, row, column, group)\n            row += 1\n",
        "            builder.end(g, k, row, column - 1, group)\n            row += 1\n",
        "tests/models/test_rewards.py::test_packed_is_padded_is_one_by_one",
    ),
    Fault(
        "a reward's product is taken in bfloat16",
        "rmkit/models/reward_model.py",
        "with torch.autocast(hidden.device.type, enabled=False):",
        "with torch.autocast(hidden.device.type, torch.bfloat16):",
        "tests/models/test_rewards.py::test_the_head_is_read_in_float32_under_autocast",
    ),
    Fault(
        "kl is the plain mean of log p - log q (k1 instead of k3)",
        "rmkit/models/policies.py",
        "each = d.expm1() - d",
        "each = -d",
        "tests/models/test_policies.py::test_kl_is_never_negative_and_its_error_is_that_of_its_mean",
    ),
    Fault(
        "a likelihood leaves out the end of the response",
        "rmkit/models/policies.py",
        "answer[row, len(head) : end] = 1.0",
        "answer[row, len(head) : end - 1] = 1.0",
        "tests/models/test_policies.py::test_log_likelihood_is_the_sum_over_tokens",
    ),
    Fault(
        "the verdict is read among the wrong words",
        "rmkit/models/generative.py",
        "for ws in (self.manner.good, self.manner.bad))\n\n    @classmethod",
        "for ws in (self.manner.bad, self.manner.good))\n\n    @classmethod",
        "tests/models/test_generative.py::test_p_yes_and_bradley_terry "
        "tests/models/test_next_word.py::test_a_judge_is_its_model",
    ),
    Fault(
        "the verdict is read before the question is over",
        "rmkit/models/next_word.py",
        "        places, which = last.unique(return_inverse=True)  # few, since lengths are similar\n",
        "        places, which = (last - 1).clamp(min=0).unique(return_inverse=True)\n",
        "tests/models/test_next_word.py::test_a_judge_is_its_model",
    ),
    Fault(
        "the second place is worth what it is worth",
        "rmkit/models/generative.py",
        "return (there - self._compare([(x, b, a) for x, a, b in pairs])) / 2 if swap else there",
        "return there",
        "tests/models/test_generative.py::test_swapping_makes_a_comparison_antisymmetric",
    ),
    Fault(
        "unreadable verdicts count as bad",
        "rmkit/models/verdicts.py",
        "verdicts = [critique.verdict for critique in critiques if critique.verdict is not None]",
        "verdicts = [critique.verdict or 0.0 for critique in critiques]",
        "tests/models/test_generative.py::test_votes_are_laplace_log_odds_and_unreadable_ones_do_not_count",
    ),
    Fault(
        "a verdict is parsed out of a quotation",
        "rmkit/models/verdicts.py",
        'own = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), said)',
        "own = said",
        "tests/models/test_generative.py::test_the_verdict_is_the_judges_own_last_word",
    ),
    Fault(
        "special tokens in an answer are special",
        "rmkit/models/generative.py",
        "return self._ids(text, split_special_tokens=True)",
        "return self._ids(text)",
        "tests/models/test_generative.py::test_no_mark_comes_out_of_an_answer",
    ),
]

THEORY = [
    Fault(
        "ties are losses on a leaderboard",
        "rmkit/theory/duels.py",
        "        won, lost, tied = counts.reshape(-1, 3).T\n        total = won + lost + tied\n",
        "        won, lost, tied = counts.reshape(-1, 3).T\n        lost, tied = lost + tied, 0 * tied\n"
        "        total = won + lost + tied\n",
        "tests/theory/test_bradley_terry.py::test_davidson_is_the_brute_force_optimum",
    ),
    Fault(
        "half a win each way is a loss",
        "rmkit/theory/battles.py",
        "values = np.concatenate([np.ones((~tied).sum()), np.full(2 * tied.sum(), 0.5)])",
        "values = np.concatenate([np.ones((~tied).sum()), np.zeros(tied.sum()), np.ones(tied.sum())])",
        "tests/theory/test_battles.py::test_half_a_win_each_way_is_the_matrix_with_halves",
    ),
    Fault(
        "weights of battles are ignored",
        "rmkit/theory/battles.py",
        "draw, repeats, value = np.arange(len(cell)), self.count, self.weight",
        "draw, repeats, value = np.arange(len(cell)), self.count, np.ones(len(cell))",
        "tests/theory/test_leaderboards.py::test_counts_are_so_many_draws_and_weights_are_not",
    ),
    Fault(
        "weights of a voter's battles are ignored",
        "rmkit/theory/battles.py",
        "draw, value = self.cluster, self.count * self.weight",
        "draw, value = self.cluster, self.count",
        "tests/theory/test_leaderboards.py tests/theory/test_battles.py",
    ),
    Fault(
        "robust errors are the model's",
        "rmkit/theory/strengths.py",
        'return self.robust_covariance if errors == "robust" else self.covariance',
        "return self.covariance",
        "tests/theory/test_leaderboards.py"
        "::test_the_errors_that_are_asked_for_are_those_of_the_table_and_of_a_difference",
    ),
    Fault(
        "the sandwich has no correction for few draws",
        "rmkit/theory/evidence.py",
        ".toarray() * total / (total - 1)",
        ".toarray()",
        "tests/theory/test_leaderboards.py::test_the_sandwich_by_hand",
    ),
    Fault(
        "the anchor is not at its value",
        "rmkit/theory/strengths.py",
        "            scores = scores - scores[at]\n",
        "",
        "tests/theory/test_leaderboards.py::test_an_anchor_and_the_elo_scale",
    ),
    Fault(
        "the error of a difference forgets what two items share",
        "rmkit/theory/strengths.py",
        "covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]",
        "covariance[a, a] + covariance[b, b]",
        "tests/theory/test_bradley_terry.py",
    ),
    Fault(
        "few clusters are as many as any",
        "rmkit/theory/intervals.py",
        "    d = 1 / (1 - h)\n",
        "    d = np.ones_like(h)\n",
        "tests/theory/test_statistics.py::test_paired_interval_is_the_paired_t_interval",
    ),
    Fault(
        "an interval over prompts takes the normal quantile",
        "rmkit/theory/intervals.py",
        "return wilson(p, n, special.stdtrit(freedom, 0.5 + confidence / 2))",
        "return wilson(p, n, special.ndtri(0.5 + confidence / 2))",
        "tests/theory/test_statistics.py::test_accuracy_intervals_cover_with_few_prompts_of_uneven_size "
        "tests/theory/test_statistics.py::test_accuracy_intervals_cover_at_their_nominal_rate",
    ),
    Fault(
        "an interval over seeds takes the normal quantile",
        "rmkit/theory/intervals.py",
        "half = special.stdtrit(len(values) - 1, 0.5 + confidence / 2) * stats.sem(values)",
        "half = special.ndtri(0.5 + confidence / 2) * stats.sem(values)",
        "tests/theory/test_statistics.py::test_mean_interval_is_students_and_covers",
    ),
    Fault(
        "a p-value is one-sided",
        "rmkit/theory/intervals.py",
        "np.mean(np.abs(signs @ totals) >= observed - 1e-12)",
        "np.mean(signs @ totals >= observed - 1e-12)",
        "tests/theory/test_statistics.py::test_paired_p_value_is_exact_mcnemar",
    ),
]

EVALUATION = [
    Fault(
        "groups stand under pairs in the table of a report",
        "rmkit/evaluation/report.py",
        "return [self.accuracy, *self.interval, self.groups, self.pairs]",
        "return [self.accuracy, *self.interval, self.pairs, self.groups]",
        "tests/evaluation/test_evaluation.py",
    ),
    Fault(
        "groups stand under pairs in the rows of the baselines",
        "rmkit/evaluation/report.py",
        '[value["accuracy"], *value["interval"], self.groups, self.pairs]',
        '[value["accuracy"], *value["interval"], self.pairs, self.groups]',
        "tests/evaluation/test_evaluation.py",
    ),
    Fault(
        "groups that order nothing are not mentioned",
        "rmkit/evaluation/report.py",
        "    report.notes += _left_out(preferences, labels.groups.subsets, report)\n",
        "",
        "tests/evaluation/test_evaluation.py",
    ),
    Fault(
        "the random baseline forgets what pairs share",
        "rmkit/evaluation/baselines.py",
        "variance = ((texts**2).sum() + (votes**2).sum()) / 12",
        "variance = (votes**2).sum() / 4",
        "tests/evaluation/test_evaluation.py::test_the_interval_of_a_random_scorer_has_the_variance_of_all_orders",
    ),
    Fault(
        "equal rewards win on RewardBench",
        "rmkit/evaluation/benchmark_rules.py",
        "return (float(rewards[0] > rewards[1]), ALONE)",
        "return (float(rewards[0] >= rewards[1]), ALONE)",
        "tests/evaluation/test_benchmarks.py::test_sections_weigh_by_fixed_counts_and_a_tie_is_no_win",
    ),
    Fault(
        "sections of RewardBench weigh by the rows that are here",
        "rmkit/evaluation/benchmark_rules.py",
        "here = {subset: n for subset, n in counts.items() if subset in accuracy}",
        "here = {subset: len(numbers[subset]) for subset in counts if subset in accuracy}",
        "tests/evaluation/test_benchmarks.py::test_sections_weigh_by_fixed_counts_and_a_tie_is_no_win",
    ),
    Fault(
        "a tie at the maximum is full credit on RewardBench 2",
        "rmkit/evaluation/benchmark_rules.py",
        "return (best[0] / best.sum(), 0.0, 0.0, 0.0, ALONE)",
        "return (float(best[0]), 0.0, 0.0, 0.0, ALONE)",
        "tests/evaluation/test_benchmarks.py::"
        "test_best_of_four_earns_credit_only_for_the_first_response_at_the_maximum",
    ),
    Fault(
        "easy and hard change places on RM-Bench",
        "rmkit/evaluation/benchmark_rules.py",
        "return (wins[hard].mean(), wins.diagonal().mean(), wins[easy].mean(), ALONE)",
        "return (wins[easy].mean(), wins.diagonal().mean(), wins[hard].mean(), ALONE)",
        "tests/evaluation/test_benchmarks.py::test_rm_bench_by_hand",
    ),
    Fault(
        "a tied game is right on JudgeBench",
        "rmkit/evaluation/benchmark_rules.py",
        "return (float(games.sum() > 0), ALONE)",
        "return (float(games.sum() >= 0), ALONE)",
        "tests/evaluation/test_benchmarks.py::test_judge_bench_sums_its_games",
    ),
    Fault(
        "a benchmark's interval draws rows and not prompts",
        "rmkit/evaluation/benchmarks.py",
        "        alone = np.isnan(rows[:, -1])\n",
        "        alone = np.ones(len(rows), dtype=bool)\n",
        "tests/evaluation/test_benchmarks.py::test_rows_of_one_prompt_are_drawn_together",
    ),
    Fault(
        "a missing subset is not named",
        "rmkit/evaluation/benchmarks.py",
        "        if items.get(subset, 0) < n\n",
        "        if items.get(subset, n) < n\n",
        "tests/evaluation/test_benchmarks.py::test_missing_subsets_are_skipped_and_named",
    ),
    Fault(
        "a penalty is chosen by accuracy",
        "rmkit/training/head_penalty.py",
        "loss[i] = log_loss(gap / fitted[i], share).mean()",
        "loss[i] = (gap <= 0).mean()",
        "tests/training/test_heads.py::test_a_penalty_has_the_least_log_loss_on_prompts_left_out_by_hand",
    ),
    Fault(
        "a penalty is chosen on the prompts that the head has seen",
        "rmkit/training/head_penalty.py",
        "samples[i] * (folds[i] != fold) * (folds[i] >= 0)",
        "samples[i] * (folds[i] >= 0)",
        "tests/training/test_heads.py"
        "::test_chosen_penalties_are_those_of_the_least_log_loss_and_see_no_test_pair "
        "tests/training/test_heads.py::test_a_chosen_penalty_is_near_the_best_of_the_grid",
    ),
    Fault(
        "names from data are markup in a figure",
        "rmkit/notebook/panels.py",
        'return html.escape(short(name, longest), quote=False).replace("$", "&#36;")',
        "return short(name, longest)",
        "tests/evaluation/test_report_figure.py::test_names_of_subsets_are_text_everywhere_in_the_figure",
    ),
    Fault(
        "names from data are markup in a table",
        "rmkit/evaluation/report.py",
        "border=0, escape=True)",
        "border=0, escape=False)",
        "tests/evaluation/test_evaluation.py::test_a_subset_named_like_markup_is_escaped",
    ),
    Fault(
        "words of a figure are markup on a page",
        "rmkit/notebook/page.py",
        "words = html.escape(describe(figure))",
        "words = describe(figure)",
        "tests/notebook/test_panels.py",
    ),
]

ABLATION = [
    Fault(
        "a block of seeds is not in the name of its entry",
        "rmkit/training/ablation/run.py",
        "kept.key(bench.identity, asdict(cell), block)",
        "kept.key(bench.identity, asdict(cell), [])",
        "tests/training/test_ablation.py::test_a_table_is_tidy_and_is_read_back_exactly",
    ),
    Fault(
        "a damaged entry is believed",
        "rmkit/training/ablation/kept.py",
        "return json.loads(rows) if hashlib.sha256(rows).hexdigest().encode() == total else None",
        "return json.loads(rows)",
        "tests/training/test_ablation.py::test_a_damaged_entry_is_noticed_and_computed_again",
    ),
    Fault(
        "noise turns those that it should leave",
        "rmkit/training/ablation/bench.py",
        "turned = (draw.turn[groups] < cell.noise)[:, None]",
        "turned = (draw.turn[groups] > 1 - cell.noise)[:, None]",
        "tests/training/test_ablation.py::test_votes_are_drawn_from_gold_and_the_same_luck_serves_every_dial",
    ),
    Fault(
        "the log-loss is not at the head's own temperature",
        "rmkit/training/ablation/bench.py",
        "true_gaps.log_loss(d / own, g, self.temperature)",
        "true_gaps.log_loss(d, g, self.temperature)",
        "tests/training/test_ablation.py::test_a_row_is_what_a_plain_computation_finds",
    ),
    Fault(
        "an interval that holds 0 is said to show a change",
        "rmkit/training/ablation/words.py",
        "if low <= 0 <= high:",
        "if low <= 0 and high <= 0:",
        "tests/training/test_ablation_words.py::test_the_sentence_of_hand_worked_cases",
    ),
]

LABELING = [
    Fault(
        "sides are never turned",
        "rmkit/training/labeling/booth.py",
        "self.turned = bool(self._sides[len(self._asked)])",
        "self.turned = False",
        "tests/training/test_labeling.py::test_sides_are_balanced_at_every_fourth_vote_and_drawn_for_each_person",
    ),
    Fault(
        "an expectation is made after its vote",
        "rmkit/training/labeling/booth.py",
        '"expected": self.expected,',
        '"expected": said.get("ranks") == [1, 2],',
        "tests/training/test_labeling.py::test_expectations_are_fixed_before_the_vote_and_learn_a_clear_taste",
    ),
    Fault(
        "what a vote that was taken back had said is lost",
        "rmkit/training/labeling/booth.py",
        'line["extra"] = extra | {"undone": was | {"at": _now()}}',
        'line["extra"] = extra | {"undone": {"at": _now()}}',
        "tests/training/test_labeling.py::test_undo_asks_the_same_pair_on_the_same_sides_and_keeps_what_was_said",
    ),
    Fault(
        "chance agreement knows which answer stood first in the order of texts",
        "rmkit/evaluation/agreement.py",
        "return np.concatenate([said, SWAPPED[said]])",
        "return said",
        "tests/evaluation/test_agreement.py::test_two_people_by_hand",
    ),
]

FAULTS = [*TRAINING, *DATA, *MODELS, *THEORY, *EVALUATION, *ABLATION, *LABELING]
