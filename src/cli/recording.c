/* recording.c: -w: what the record says about the run beside its packets. */
#include "recording.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "overwrite.h"

enum { COMMENTS = 8, COMMENT_BYTES = 8192 };

static bool refuse_shared(const struct options *options, struct err *err)
{
	return err_set(err, ERR_USAGE, "-w %s: another option writes there; choose another file",
	               strcmp(options->record, "-") == 0 ? "- (standard output)" : options->record);
}

bool recording_check(const struct options *options, struct err *err)
{
	if (!options->record)
		return true;
	for (size_t i = 0; i < options->output_count; i++) {
		if (strcmp(options->outputs[i].path, options->record) == 0)
			return refuse_shared(options, err);
	}
	if (strcmp(options->record, "-") == 0 && isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
		               "-w -: standard output is a terminal, and a capture is not for reading; give "
		               "a file, or a pipe");
	return true;
}

bool recording_open(struct scan *scan, struct err *err)
{
	const struct options *o = scan->options;

	if (!o->record)
		return true;
	for (size_t i = 0; i < o->output_count; i++) { /* which are open: by whatever name, they are there */
		if (strcmp(o->record, "-") != 0 && is_same_file(o->record, o->outputs[i].path))
			return refuse_shared(o, err);
	}
	scan->journal = journal_open(scan->options->record, err);
	return scan->journal != NULL;
}

/* The comments of a section, one after the other. */
struct comments {
	const char *texts[COMMENTS];
	size_t count;
	size_t used;
	char bytes[COMMENTS * COMMENT_BYTES];
};

static void comment(struct comments *comments, const char *text)
{
	size_t n = strlen(text) + 1;

	if (comments->count == COMMENTS || comments->used + n > sizeof(comments->bytes))
		return;
	memcpy(comments->bytes + comments->used, text, n);
	comments->texts[comments->count++] = comments->bytes + comments->used;
	comments->used += n;
}

/* One comment in the making; what does not fit is left out and marked so. */
struct line {
	char text[COMMENT_BYTES];
	size_t used;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *format, ...)
{
	size_t room = sizeof(line->text) - sizeof(" ...") - line->used;
	va_list args;
	int n;

	if (room < 2)
		return;
	va_start(args, format);
	n = vsnprintf(line->text + line->used, room, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < room) {
		line->used += (size_t)n;
		return;
	}
	strcpy(line->text + line->used, " ...");
	line->used = sizeof(line->text);
}

static void describe_network(const struct scan *scan, struct line *line)
{
	char text[ADDR_TEXT_BYTES];

	add(line, "network:");
	for (size_t i = 0; i < scan->network.interface_count; i++) {
		const struct interface *interface = &scan->network.interfaces[i];

		if (!scan->use_interface[i])
			continue;
		add(line, " %s mtu %u", interface->name, interface->mtu_bytes);
		for (size_t a = 0; a < scan->network.addr_count; a++) {
			if (scan->network.addrs[a].interface == (int)i)
				add(line, " %s/%d", addr_format(&scan->network.addrs[a].addr, text),
				    scan->network.addrs[a].prefix_bits);
		}
		add(line, ";");
	}
	for (size_t i = 0; i < scan->network.route_count; i++) {
		const struct route *route = &scan->network.routes[i];

		if (route->kind != ROUTE_UNICAST || !addr_is_set(&route->gateway) || route->interface < 0 ||
		    !scan->use_interface[route->interface])
			continue;
		add(line, " route %s/%d", addr_format(&route->prefix, text), route->prefix_bits);
		add(line, " via %s %s;", addr_format(&route->gateway, text),
		    scan->network.interfaces[route->interface].name);
	}
}

/* One scan from its beginning to its end can be played back; of all else the packets alone are captured. */
static bool is_playable(const struct scan *scan)
{
	return options_action(scan->options) == ACTION_SCAN && !scan->resume;
}

/* What a person sees in the capture's properties. */
static void make_comments(const struct scan *scan, struct comments *comments)
{
	struct line line = {0};

	if (is_playable(scan))
		add(&line, "%sby nscan %s: read it back with nscan -r", JOURNAL_MARK, NSCAN_VERSION);
	else
		add(&line, "capture by nscan %s: its packets, and what was received", NSCAN_VERSION);
	comment(comments, line.text);
	line.used = 0;
	add(&line, "command:");
	for (int i = 0; i < scan->options->argc; i++)
		add(&line, " %s", scan->options->argv[i]);
	comment(comments, line.text);
	line.used = 0;
	add(&line, "seed: %llu", (unsigned long long)scan->seed);
	comment(comments, line.text);
	line.used = 0;
	add(&line, "start: %lld.%09lld s since 1970", (long long)(scan->info.start_wall_ns / 1000000000),
	    (long long)(scan->info.start_wall_ns % 1000000000));
	comment(comments, line.text);
	line.used = 0;
	add(&line, "identity key: ");
	for (size_t i = 0; i < HASH_KEY_BYTES; i++)
		add(&line, "%02x", scan->config.probe.key[i]);
	comment(comments, line.text);
	line.used = 0;
	add(&line, "source ports:");
	for (size_t i = 0; i < scan->held.count; i++)
		add(&line, " %u", scan->held.ports[i]);
	comment(comments, line.text);
	line.used = 0;
	describe_network(scan, &line);
	comment(comments, line.text);
}

/* --payload PORT=@FILE: what was in the file, as PORT=HEX. Arguments are looked at as options_parse does. Owned by the caller,
 * as are the texts. NULL when memory ran out. */
static char **meanings(const struct options *options)
{
	char **meant = calloc((size_t)options->argc + 1, sizeof(*meant));
	size_t own = 0;

	for (int i = 1; meant && i < options->argc && own < options->own_payload_count; i++) {
		const char *argument = options->argv[i];
		bool apart = strcmp(argument, "--payload") == 0;
		size_t prefix = strncmp(argument, "--payload=", 10) == 0 ? 10 : 0;
		const struct payload *payload = &options->own_payloads[own];
		size_t room = 32 + 2 * payload->byte_count, used;
		char *text;

		if (!apart && prefix == 0)
			continue;
		own++;
		i += apart;
		text = malloc(room);
		if (!text)
			continue; /* it is read from the file again, if that is there */
		used = (size_t)snprintf(text, room, "%.*s%u=", (int)prefix, argument, payload->ports[0]);
		for (size_t b = 0; b < payload->byte_count; b++)
			used += (size_t)snprintf(text + used, room - used, "%02x", payload->bytes[b]);
		meant[i] = text;
	}
	return meant;
}

static void free_meanings(char **meant, int argc)
{
	for (int i = 0; meant && i < argc; i++)
		free(meant[i]);
	free(meant);
}

/* What a playback has to know beside the packets; allocated. NULL when memory ran out. */
static char *make_facts(struct scan *scan, size_t *n)
{
	struct run_facts run = {
	        .argc = scan->info.argc,
	        .argv = scan->info.argv,
	        .seed = scan->seed,
	        .source_ports = scan->held.ports,
	        .source_port_count = scan->held.count,
	        .start_ns = scan->info.start_ns,
	        .start_wall_ns = scan->info.start_wall_ns,
	};
	char **meant = meanings(scan->options);

	memcpy(run.key, scan->config.probe.key, sizeof(run.key));
	run.meant = (const char *const *)meant;
	facts_set_run(scan->facts, NSCAN_VERSION, &run);
	free_meanings(meant, run.argc);
	facts_set_network(scan->facts, &scan->network);
	return facts_text(scan->facts, n);
}

static bool begin_section(struct scan *scan, struct err *err)
{
	struct comments comments = {.count = 0};
	bool playable = is_playable(scan), ok;
	size_t n = 0;
	char *facts = playable ? make_facts(scan, &n) : NULL;

	if (playable && !facts)
		return err_set(err, ERR_SYSTEM, "out of memory for -w %s", scan->options->record);
	make_comments(scan, &comments);
	ok = journal_begin(scan->journal,
	                   &(struct journal_head){
	                           .comments = comments.texts,
	                           .comment_count = comments.count,
	                           .version = "nscan " NSCAN_VERSION,
	                           .network = &scan->network,
	                           .use_interface = scan->use_interface,
	                           .start_ns = scan->info.start_ns,
	                           .start_wall_ns = scan->info.start_wall_ns,
	                           .facts = facts,
	                           .facts_bytes = n,
	                   },
	                   err);
	free(facts);
	return ok;
}

bool recording_begin(struct scan *scan, struct err *err)
{
	if (!scan->journal || begin_section(scan, err))
		return true;
	/* Told by *err: not again at the end. */
	journal_close(scan->journal, NULL);
	scan->journal = NULL;
	return false;
}

void recording_go_on(struct scan *scan)
{
	if (scan->journal)
		begin_section(scan, NULL);
}

void recording_end(struct scan *scan, const struct scan_summary *summary)
{
	json_t *end;
	char *text;

	if (!scan->journal)
		return;
	end = json_pack("{s:I, s:I, s:I, s:s*}", "end_wall_ns", (json_int_t)summary->end_wall_ns, "kernel_drops",
	                (json_int_t)summary->kernel_drops, "claim_packets", (json_int_t)scan->claim_packets, "note",
	                summary->note);
	text = end ? json_dumps(end, JSON_COMPACT) : NULL;
	journal_note(scan->journal, JOURNAL_DONE, scan->info.start_ns + summary->elapsed_ns, 0, 0, text);
	free(text);
	json_decref(end);
}

void recording_close(struct scan *scan)
{
	struct err err = {0};

	if (!journal_close(scan->journal, &err)) {
		scan_say(scan, "%s", err.text);
		scan->status = 1;
	}
	scan->journal = NULL;
}
