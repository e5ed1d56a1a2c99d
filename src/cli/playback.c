/* playback.c: -r of nscan's own record: the same scan again, with the record in the network's place. */
#include "playback.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "interrupt.h"
#include "read.h"
#include "retold.h"
#include "scan.h"
#include "target_input.h"

/* The recorded command line says what was scanned; what is shown, and where, is for the one who reads. Outputs of then are
 * not written again. */
static bool merge_options(struct options *recorded, char *const *argv, const struct options *reader, struct err *err)
{
	if (options_action(recorded) != ACTION_SCAN)
		return err_set(err, ERR_SYSTEM, "the record's command line is not that of a scan");
	memcpy(recorded->outputs, reader->outputs, sizeof(recorded->outputs));
	recorded->output_count = reader->output_count;
	recorded->record = NULL;
	recorded->argv = argv;
	recorded->packet_trace = reader->packet_trace;
	recorded->stats_every_ns = 0;
	recorded->open_only |= reader->open_only;
	recorded->reason |= reader->reason;
	if (reader->verbose > recorded->verbose)
		recorded->verbose = reader->verbose;
	if (reader->debug > recorded->debug)
		recorded->debug = reader->debug;
	return true;
}

/* Targets on the reader's command line select from what was scanned. */
static bool choose_targets(struct playback *playback, struct err *err)
{
	const struct options *o = playback->options;

	playback->only = target_set_new();
	playback->except = target_set_new();
	if (!playback->only || !playback->except)
		return err_set(err, ERR_SYSTEM, "out of memory while reading the targets");
	return target_input_select(o, playback->only, playback->except, err);
}

static int scan_again(struct playback *playback, struct err *err)
{
	const struct run_facts *run = facts_run(playback->facts);
	struct options options = {0};
	struct scan *scan = calloc(1, sizeof(*scan));
	int status = 1;

	if (!scan) {
		err_set(err, ERR_SYSTEM, "out of memory while reading the record");
	} else if (options_parse(run->argc, facts_parsed_args(playback->facts), &options, err) &&
	           merge_options(&options, run->argv, playback->options, err) && choose_targets(playback, err)) {
		if (scan_open(scan, &options, NULL, playback, err))
			scan_run(scan);
		else
			scan->status = fail(err);
		scan_close(scan);
		status = scan->status;
		*err = (struct err){0};
	}
	options_free(&options);
	free(scan);
	return status;
}

/* A record of another version: only that one does exactly the same again, but its packets can be reported from. */
static int read_as_foreign(struct playback *playback)
{
	struct err said;

	err_set(&said, ERR_SYSTEM,
	        "%.140s: recorded by nscan %.40s, and only that version does exactly the same again; it is read like "
	        "anybody's capture",
	        capture_file_name(playback->file), facts_version(playback->facts));
	fail(&said);
	facts_free(playback->facts);
	capture_file_want_blocks(playback->file, false);
	return observe_main(playback->options, playback->file);
}

/* Facts first: they say which version it was, and with another one the engine would do something else. */
int playback_main(const struct options *options, struct capture_file *file)
{
	struct playback playback = {.options = options, .file = file};
	struct err err = {0};
	size_t n;
	char *text = journal_read_facts(file, &n, &err);
	int status = 1;

	if (text)
		playback.facts = facts_parse(text, n, &err);
	free(text);
	if (playback.facts && strcmp(facts_version(playback.facts), NSCAN_VERSION) != 0)
		return read_as_foreign(&playback);
	if (playback.facts)
		status = scan_again(&playback, &err);
	if (err.code != ERR_NONE)
		status = fail(&err);
	retold_free(playback.retold);
	facts_free(playback.facts);
	target_set_free(playback.only);
	target_set_free(playback.except);
	capture_file_close(file);
	return status;
}

void playback_seeds(struct scan *scan)
{
	const struct run_facts *run = facts_run(scan->playback->facts);

	scan->seed = run->seed;
	memcpy(scan->config.probe.key, run->key, sizeof(run->key));
}

bool playback_ports(struct scan *scan, struct err *err)
{
	const struct run_facts *run = facts_run(scan->playback->facts);

	scan->held.ports = calloc(run->source_port_count, sizeof(*scan->held.ports));
	scan->held.sockets = calloc(run->source_port_count, sizeof(*scan->held.sockets));
	if (!scan->held.ports || !scan->held.sockets)
		return err_set(err, ERR_SYSTEM, "out of memory while reading the record");
	memcpy(scan->held.ports, run->source_ports, run->source_port_count * sizeof(*scan->held.ports));
	for (size_t i = 0; i < run->source_port_count; i++)
		scan->held.sockets[i] = -1;
	scan->held.count = run->source_port_count;
	return true;
}

bool playback_link(struct scan *scan, send_failed_handler *send_failed, struct err *err)
{
	const struct run_facts *run = facts_run(scan->playback->facts);

	if (!scan->options->no_names && !(scan->playback->retold = retold_new()))
		return err_set(err, ERR_SYSTEM, "out of memory while reading the record");
	interrupts_catch(&scan->wait_mask);
	scan->link = replay_link_open(
	        &(struct replay_options){
	                .file = scan->playback->file,
	                .network = &scan->network,
	                .start_ns = run->start_ns,
	                .start_wall_ns = run->start_wall_ns,
	                .wait_mask = &scan->wait_mask,
	                .send_failed = send_failed,
	                .context = scan,
	        },
	        err);
	return scan->link != NULL;
}

bool playback_asks(struct scan *scan)
{
	enum journal_kind next = replay_next(scan->link);

	return next == JOURNAL_PROBE || next == JOURNAL_IDLE || next == JOURNAL_UNBUILT;
}

/* Nothing more can be read: why, for people. */
static const char *why_over(struct scan *scan)
{
	const struct err *why = replay_why(scan->link);

	if (why->code == ERR_NONE)
		snprintf(scan->partial_text, sizeof(scan->partial_text), "%.160s: the record ends before the scan did",
		         capture_file_name(scan->playback->file));
	else
		memcpy(scan->partial_text, why->text, sizeof(scan->partial_text));
	scan_say(scan, "%s; what is known so far follows", scan->partial_text);
	return scan->partial_text;
}

static void wait_for_more(struct scan *scan)
{
	interrupts_hold();
	if (interrupts_seen() == 0)
		replay_wait(scan->link);
	interrupts_release();
}

bool playback_drops(struct scan *scan)
{
	bool any = false;

	while (replay_next(scan->link) == JOURNAL_DROPS) {
		engine_capture_drops(scan->engine, replay_cookie(scan->link), link_now(scan->link));
		replay_take(scan->link, JOURNAL_DROPS, NULL);
		any = true;
	}
	return any;
}

bool playback_stops(struct scan *scan, int64_t *at_ns, const char **why, int *status)
{
	struct replay_note note;

	do
		while (interrupts_seen() == 0 && replay_next(scan->link) == JOURNAL_NONE)
			wait_for_more(scan);
	while (playback_drops(scan) || (scan->playback->retold && retold_work(scan)));
	*status = 0;
	*at_ns = link_now(scan->link);
	if (interrupts_seen() > 0) {
		*why = "interrupted";
		*status = 130;
		return true;
	}
	switch (replay_next(scan->link)) {
	case JOURNAL_STOP:
		/* Whoever stopped that scan, reading it was not cut short. */
		replay_take(scan->link, JOURNAL_STOP, &note);
		snprintf(scan->partial_text, sizeof(scan->partial_text), "%s", note.text);
		*why = scan->partial_text;
		return true;
	case JOURNAL_DONE:
	case JOURNAL_TOLD:
	case JOURNAL_NAME:
		/* The engine is not done, or has nobody to tell of: told as a difference. */
		replay_take(scan->link, JOURNAL_IDLE, NULL);
		*why = why_over(scan);
		*status = 1;
		return true;
	case JOURNAL_OVER:
		*why = why_over(scan);
		*status = 1;
		return true;
	default:
		return false;
	}
}

/* What the run's end says about it, if it came to that. */
static void read_end(struct playback *playback, const char *text)
{
	json_t *end = json_loads(text, 0, NULL);
	const char *note = json_string_value(json_object_get(end, "note"));

	playback->end_wall_ns = json_integer_value(json_object_get(end, "end_wall_ns"));
	playback->kernel_drops = (uint64_t)json_integer_value(json_object_get(end, "kernel_drops"));
	playback->claim_packets = (uint64_t)json_integer_value(json_object_get(end, "claim_packets"));
	if (note)
		snprintf(playback->note, sizeof(playback->note), "%s", note);
	json_decref(end);
}

void playback_end(struct scan *scan)
{
	struct playback *playback = scan->playback;
	const struct run_facts *run = facts_run(playback->facts);
	struct replay_note note;

	playback->end_wall_ns = run->start_wall_ns + link_now(scan->link) - run->start_ns;
	if (scan->status != 0)
		return;
	do
		while (interrupts_seen() == 0 && replay_next(scan->link) == JOURNAL_NONE)
			wait_for_more(scan);
	while (scan_receives_late(scan));
	if (interrupts_seen() > 0) {
		scan->partial_why = "interrupted";
		scan->status = 130;
	} else if (replay_take(scan->link, JOURNAL_DONE, &note)) {
		read_end(playback, note.text);
	} else {
		/* Everything was settled, but how the scan ended is not there. */
		scan->partial_why = why_over(scan);
		scan->status = 1;
	}
}

bool playback_wants(const struct playback *playback, const struct event *event)
{
	const struct port_list *ports = &playback->options->ports;

	if (playback->options->hosts_only && event->kind == EVENT_PORT)
		return false;
	if ((!target_set_is_empty(playback->only) && !target_set_contains(playback->only, &event->addr)) ||
	    target_set_contains(playback->except, &event->addr))
		return false;
	return event->kind != EVENT_PORT || ports->count == 0 || port_list_contains(ports, event->u.port.port);
}

const struct port_list *playback_ports_shown(const struct playback *playback, const struct port_list *scanned)
{
	if (!scanned || playback->options->hosts_only)
		return NULL;
	return playback->options->ports.count > 0 ? &playback->options->ports : scanned;
}
